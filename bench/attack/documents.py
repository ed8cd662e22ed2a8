"""Requests with GraphQL documents, many at the same time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpx

CONCURRENCY = 40
_TIMEOUT = 120.0  # seconds
_HEADERS = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}


def send_documents(url: str, bodies: Iterable[str], access_token: str | None = None) -> list[int]:
    """Post the bodies with at most CONCURRENCY requests at a time, and return the status codes in the order of the bodies."""
    limits = httpx.Limits(max_connections=CONCURRENCY)
    headers = _HEADERS if access_token is None else {**_HEADERS, "Authorization": f"Bearer {access_token}"}
    with httpx.Client(timeout=_TIMEOUT, limits=limits, headers=headers) as client, ThreadPoolExecutor(CONCURRENCY) as threads:

        def send(body: str) -> int:
            try:
                return client.post(f"{url}/graphql", content=body).status_code
            except httpx.HTTPError:
                return 0

        return list(threads.map(send, bodies))
