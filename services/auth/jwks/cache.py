"""JWKS cache with background refresh.

One task fetches the keys of an external issuer: at startup, periodically, and on request. A request never fetches: it
reads the cache. If its key is not cached, the issuer may have rotated its keys; the request triggers a refresh and waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil, inf
from time import monotonic

import httpx
from cachetools import LRUCache

from services.auth.jwks.client import JwksFetchError, fetch_jwks
from services.auth.jwks.parsing import Jwk, JwkSet
from services.errors import Unauthenticated, Unavailable

MAX_WAITERS = 1000
MAX_MISSING_KIDS = 2000
_MAX_DOUBLINGS = 16
_NO_IDLE_CONNECTION = httpx.Limits(max_keepalive_connections=0)
_log = logging.getLogger("todo.auth.jwks")


class UnknownKeyError(Unauthenticated):
    """The issuer publishes no key with this kid, according to the cache; a refresh may find it."""

    def __init__(self, kid: str) -> None:
        super().__init__("The token is not valid.")
        self.kid = kid


class JwksUnavailableError(Unavailable):
    """No keys are cached, or they are too old; a refresh may fetch them."""

    def __init__(self) -> None:
        super().__init__("The issuer's signing keys are temporarily unavailable; retry shortly.")


class KeyLookupDelayedError(JwksUnavailableError):
    """The key may have been published since the last refresh, but another refresh is allowed only after a delay."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, ceil(delay)))}


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """Times that govern the refresh, in seconds."""

    interval: float = 300  # between two refreshes
    retry_delay: float = 10  # after a failure, doubled with each further one up to `interval`; and between requested refreshes
    timeout: float = 3  # of a fetch, and of a request that waits for one
    max_stale: float = 24 * 3600  # age up to which cached keys are used


class JwksCache:
    """Keys of an external issuer, refreshed by one task while `run` is entered. Belongs to the event loop of that task."""

    def __init__(self, url: str, policy: RefreshPolicy | None = None) -> None:
        self._url = url
        self._policy = policy or RefreshPolicy()
        self._keys: JwkSet | None = None
        self._fetched_at = -inf
        self._failures = 0
        self._is_running = False
        self._idle = asyncio.Event()  # cleared from the request or the start of a refresh to its end
        self._idle.set()
        self._requested = asyncio.Event()
        self._requested_at = -inf
        self._waiters = 0
        # Hashes of the kids that a refresh did not find: those that it was requested for, and those of removed keys.
        self._missing_kids: LRUCache[int, None] = LRUCache(MAX_MISSING_KIDS)
        self._requested_kids: set[int] = set()

    def get_key(self, kid: str | None) -> Jwk:
        """Return the cached key with this kid; without a kid, the only key.

        Raises Unauthenticated if the kid is missing and needed, UnknownKeyError if the issuer publishes no such key,
        JwksUnavailableError if no recent keys are cached or the last refresh failed.
        """
        keys = self._usable_keys()
        if keys is None:
            raise JwksUnavailableError
        key = keys.find(kid)
        if key is not None:
            return key
        if kid is None:
            raise Unauthenticated("The token header has no `kid`, and the issuer publishes several keys.")
        raise JwksUnavailableError if self._failures else UnknownKeyError(kid)

    async def refresh(self, kid: str | None = None) -> None:
        """Wait for the refresh in progress, or request one, unless one was requested within `retry_delay`.

        Concurrent callers share one refresh. Raises JwksUnavailableError if it takes too long or has too many waiters;
        KeyLookupDelayedError if none may be requested now, and the last one was not for this kid.
        """
        if not self._request_refresh():
            if kid is not None and hash(kid) not in self._missing_kids and self._is_running:
                raise KeyLookupDelayedError(self._requested_at + self._policy.retry_delay - monotonic())
            return
        if self._waiters >= MAX_WAITERS:
            raise JwksUnavailableError
        self._waiters += 1
        if kid is not None:
            self._requested_kids.add(hash(kid))
        try:
            async with asyncio.timeout(self._policy.timeout):
                await self._idle.wait()
        except TimeoutError:
            raise JwksUnavailableError from None
        finally:
            self._waiters -= 1

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Refresh in a task, beginning immediately. On exit, stop the task and release all waiters."""
        async with httpx.AsyncClient(limits=_NO_IDLE_CONNECTION) as client:
            self._is_running = True
            self._idle.clear()
            task = asyncio.create_task(self._refresh_loop(client), name="jwks-refresh")
            try:
                yield
            finally:
                self._is_running = False
                task.cancel()
                await asyncio.wait([task])
                self._idle.set()

    def _usable_keys(self) -> JwkSet | None:
        return self._keys if monotonic() - self._fetched_at <= self._policy.max_stale else None

    def _request_refresh(self) -> bool:
        """Request a refresh unless one is in progress; return whether there is one to wait for."""
        if not self._idle.is_set():
            return True
        if not self._is_running or monotonic() - self._requested_at < self._policy.retry_delay:
            return False
        self._requested_at = monotonic()
        self._idle.clear()
        self._requested.set()
        return True

    async def _refresh_loop(self, client: httpx.AsyncClient) -> None:
        while True:
            self._idle.clear()
            await self._fetch(client)
            self._requested.clear()
            self._idle.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._next_delay()):
                    await self._requested.wait()

    def _next_delay(self) -> float:
        if not self._failures:
            return self._policy.interval
        return min(self._policy.interval, self._policy.retry_delay * 2.0 ** min(self._failures - 1, _MAX_DOUBLINGS))

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        try:
            keys = await fetch_jwks(client, self._url, self._policy.timeout)
        except JwksFetchError as error:
            self._failures += 1
            fallback = "no keys cached" if self._usable_keys() is None else "using cached keys"
            _log.warning("JWKS refresh failed: %s; %s", error, fallback)
            return
        if self._failures or keys != self._keys:
            _log.info("JWKS refreshed: %d keys after %d failures", len(keys.keys), self._failures)
        self._record_missing_kids(keys)
        self._keys, self._fetched_at, self._failures = keys, monotonic(), 0

    def _record_missing_kids(self, keys: JwkSet) -> None:
        published = {hash(kid) for kid in keys.kids}
        removed = {hash(kid) for kid in self._keys.kids} if self._keys else set()
        for kid in (removed | self._requested_kids) - published:
            self._missing_kids[kid] = None
        for kid in published:
            self._missing_kids.pop(kid, None)
        self._requested_kids.clear()
