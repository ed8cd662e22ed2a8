"""Attacks of one anonymous client with GraphQL documents that are small but take long to validate or to execute."""

from bench.attack.documents import send_documents

_DEEP_SELECTION = (
    "inputFields{type{kind name description specifiedByURL isOneOf a:description b:description c:description}"
    "name description defaultValue isDeprecated deprecationReason}"
)
_INTROSPECTION_ALIASES = 33
_REPEATED_FIELDS = 4_990
_UNKNOWN_FIELDS = 1_650
_UNKNOWN_INPUT_FIELDS = 5_000


def aliased_introspection(url: str) -> list[int]:
    """Send 5.7 kB of introspection with many aliases, in 40 concurrent requests.

    Each document is distinct, so no cache holds it.
    """
    aliases = "".join(f"x{number}:{_DEEP_SELECTION}" for number in range(_INTROSPECTION_ALIASES))
    return send_documents(
        url, (_body(f"{{m{number}:__schema{{types{{inputFields{{type{{{aliases}}}}}}}}}}}") for number in range(40))
    )


def repeated_fields(url: str) -> list[int]:
    """Send 200 documents of 10 kB that repeat one unknown field."""
    fields = "a " * _REPEATED_FIELDS
    return send_documents(url, (_body(f"{{b{number} {fields}}}") for number in range(200)))


def unknown_fields(url: str) -> list[int]:
    """Send 200 documents of 10 kB with distinct unknown fields, each of which is similar to a known one."""
    fields = " ".join(f"task{number}" for number in range(_UNKNOWN_FIELDS))
    return send_documents(url, (_body(f"{{m{number}:__typename {fields}}}") for number in range(200)))


def unknown_input_fields(url: str) -> list[int]:
    """Send variables with 5,000 unknown fields of a filter, 10 times."""
    document = "query($f: TaskFilter) { __typename tasks(filter: $f) { totalCount } }"
    fields = ",".join(f'"completed{number}":1' for number in range(_UNKNOWN_INPUT_FIELDS))
    body = f'{{"query":"{document}","variables":{{"f":{{{fields}}}}}}}'
    return send_documents(url, [body] * 10)


def _body(document: str) -> str:
    return f'{{"query":"{document}"}}'
