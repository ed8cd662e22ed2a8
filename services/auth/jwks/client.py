"""Fetching an issuer's key document: one GET, without redirects, bounded in size and in time as a whole."""

import asyncio

import httpx

from services.auth.jwks.parsing import BadDocumentError, Keys, read_keys

MAX_BYTES = 256 * 1024
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}


class FetchFailedError(Exception):
    """Why no keys came, in one line without the address."""


async def fetch_keys(client: httpx.AsyncClient, url: str, seconds: float) -> Keys:
    """Return the keys that the address serves. Raises FetchFailedError, at the latest after so many seconds.

    httpx's own timeout is per read: an endpoint that sends a byte now and then would keep it for days.
    """
    try:
        async with asyncio.timeout(seconds):
            return read_keys(await _body(client, url))
    except TimeoutError:
        raise FetchFailedError(f"no whole answer within {seconds:g} s") from None
    except BadDocumentError as error:
        raise FetchFailedError(f"the answer is of no use: {error}") from None
    except Exception as error:  # noqa: BLE001 - whatever goes wrong out there, the thread that fetches must live on
        raise FetchFailedError(f"the endpoint does not answer ({type(error).__name__})") from None


async def _body(client: httpx.AsyncClient, url: str) -> bytes:
    async with client.stream("GET", url, headers=_HEADERS) as answer:
        if answer.status_code != httpx.codes.OK:
            raise BadDocumentError(f"its status is {answer.status_code}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise BadDocumentError("it is compressed")
        body = bytearray()
        async for portion in answer.aiter_raw():
            body += portion
            if len(body) > MAX_BYTES:
                raise BadDocumentError(f"it is larger than {MAX_BYTES} bytes")
        return bytes(body)
