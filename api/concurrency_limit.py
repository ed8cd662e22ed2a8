"""Turns: a user has only so many requests under way at once, so that nobody keeps the connections from everybody else.

A user's writes happen one after another, and each that waits for the one before it holds a connection of the pool.
"""

from asyncio import Semaphore
from contextlib import AbstractAsyncContextManager, nullcontext
from weakref import WeakValueDictionary

from services.context import UserContext
from services.errors import TodoError


class Turns:
    """Whoever has so many requests under way waits with the next, in the order of arrival, without a thread or a connection."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lines: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    def of(self, caller: UserContext | TodoError) -> AbstractAsyncContextManager[None]:
        """Return the caller's next turn. Strangers have nothing that they could wait for."""
        if isinstance(caller, TodoError):
            return nullcontext()
        line = self._lines.get(caller.user_id)
        if line is None:
            line = self._lines[caller.user_id] = Semaphore(self._at_once)
        return line
