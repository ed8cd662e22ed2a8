"""JWKS client: one GET without redirects, bounded in size and total time."""

import asyncio

import httpx

from services.auth.jwks.parsing import InvalidJwksError, JwkSet, parse_jwks

MAX_BYTES = 256 * 1024
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}


class JwksFetchError(Exception):
    """Reason why a fetch failed, in one line without the URL."""


async def fetch_jwks(client: httpx.AsyncClient, url: str, timeout_seconds: float) -> JwkSet:
    """Return the keys that the URL serves. Raises JwksFetchError, at the latest after the timeout.

    The timeout of httpx applies to each read: an endpoint that sends a byte now and then would hold the connection for days.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return parse_jwks(await _read_body(client, url))
    except TimeoutError:
        raise JwksFetchError(f"no complete response within {timeout_seconds:g} s") from None
    except InvalidJwksError as error:
        raise JwksFetchError(f"invalid response: {error}") from None
    except Exception as error:  # noqa: BLE001 - no failure of the endpoint may end the refresh task
        raise JwksFetchError(f"request failed: {type(error).__name__}") from None


async def _read_body(client: httpx.AsyncClient, url: str) -> bytes:
    async with client.stream("GET", url, headers=_HEADERS) as response:
        if response.status_code != httpx.codes.OK:
            raise InvalidJwksError(f"status {response.status_code}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InvalidJwksError("compressed")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                raise InvalidJwksError(f"larger than {MAX_BYTES} bytes")
        return bytes(body)
