"""The keys of another issuer: fetched by one background thread, so that no request ever fetches, and kept while it is away.

A request whose key is known is answered from memory. One whose key is not known may have come after a rotation: it rings for a
fetch and waits for it, without holding a thread.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic

import httpx

from services.auth.jwks.bell import Bell
from services.auth.jwks.client import FetchFailedError, fetch_keys
from services.auth.jwks.parsing import Key, Keys
from services.errors import Unauthenticated, Unavailable

_MAX_DOUBLINGS = 16
_NO_IDLE_CONNECTION = httpx.Limits(max_keepalive_connections=0)
_log = logging.getLogger("todo.keys")


class UnknownKeyError(Unauthenticated):
    """The issuer lists no such key, as far as is known; a fetch may tell otherwise."""

    def __init__(self) -> None:
        super().__init__("The token is not valid.")


class KeysAwayError(Unavailable):
    """The keys are not known, or no longer; a fetch may bring them."""

    def __init__(self) -> None:
        super().__init__("The keys of the token's issuer cannot be had just now; try again in a moment.")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is fetched; all in seconds."""

    every: float = 300  # from one fetch to the next
    again: float = 10  # after a failure, twice as long after each more; and between fetches that requests ring for
    patience: float = 3  # what a fetch may take, and how long a request waits for it
    keep: float = 24 * 3600  # how long keys are trusted after the last good fetch


@dataclass(frozen=True, slots=True)
class _Known:
    """What the fetches so far have told. Replaced as a whole, so that reading it needs no lock."""

    keys: Keys | None = None
    fetched: float = 0
    failures: int = 0


class KeySet:
    """An issuer's keys, kept fresh within `running`. `find` may be called in any thread, `catch_up` in any event loop."""

    def __init__(self, url: str, pace: Pace | None = None) -> None:
        self._url = url
        self._pace = pace or Pace()
        self._known = _Known()
        self._bell = Bell(self._pace.again)

    def find(self, name: str | None) -> Key:
        """Return the key of that name (`kid`), or without a name the only key there is. Never waits.

        Raises Unauthenticated where no key is meant, UnknownKeyError where the issuer lists no such key, KeysAwayError where that
        cannot be told.
        """
        known = self._known
        if known.keys is None or monotonic() - known.fetched > self._pace.keep:
            raise KeysAwayError
        key = known.keys.find(name)
        if key is not None:
            return key
        if name is None:
            raise Unauthenticated("The token does not name its key (kid), and its issuer has several.")
        raise KeysAwayError if known.failures else UnknownKeyError

    async def catch_up(self) -> None:
        """Wait for the fetch that is running, or that this rings for; return at once where one was rung for just now.

        Raises KeysAwayError where it takes too long, or too many wait for it already.
        """
        try:
            await self._bell.ring(self._pace.patience)
        except TimeoutError:
            raise KeysAwayError from None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Fetch at once and then as the pace says, in a thread of its own that ends with the block."""
        loop, wake = asyncio.new_event_loop(), asyncio.Event()
        task = loop.create_task(self._keep_fresh(wake))

        def work() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner, suppress(asyncio.CancelledError):
                runner.get_loop().run_until_complete(task)

        thread = Thread(target=work, name="issuer-keys", daemon=True)
        self._bell.hang(lambda: loop.call_soon_threadsafe(wake.set))
        thread.start()
        try:
            yield
        finally:
            self._bell.take_down()
            loop.call_soon_threadsafe(task.cancel)
            thread.join()

    async def _keep_fresh(self, wake: asyncio.Event) -> None:
        try:
            async with httpx.AsyncClient(limits=_NO_IDLE_CONNECTION) as client:
                while True:
                    self._bell.begin()
                    await self._fetch(client)
                    wake.clear()
                    self._bell.end()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._pause()):
                            await wake.wait()
        finally:
            self._bell.end()

    def _pause(self) -> float:
        failures = min(self._known.failures, _MAX_DOUBLINGS)
        return min(self._pace.every, self._pace.again * 2 ** (failures - 1)) if failures else self._pace.every

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        before = self._known
        try:
            keys = await fetch_keys(client, self._url, self._pace.patience)
        except FetchFailedError as error:
            self._known = _Known(before.keys, before.fetched, before.failures + 1)
            meanwhile = "its tokens cannot be checked" if before.keys is None else "those at hand are used"
            _log.warning("The issuer's keys were not fetched: %s; meanwhile %s.", error, meanwhile)
            return
        self._known = _Known(keys, monotonic())
        if before.failures or keys != before.keys:
            _log.info("The issuer's keys were fetched: %d, after %d failures.", len(keys.listed), before.failures)
