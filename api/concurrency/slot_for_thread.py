"""Slot of a user for a thread that learns only during its work which user it is."""

from asyncio import get_running_loop, run_coroutine_threadsafe
from typing import TypeVar

from api.concurrency.user_slots import State, UserSlots
from models.sql.database_time import measure_database_time
from services.auth.login import FollowUp

Result = TypeVar("Result")


class SlotForThread:
    """Runs follow-ups in slots of their users, in a thread of one request."""

    def __init__(self, slots: UserSlots, state: State) -> None:
        self._slots = slots
        self._state = state
        self._loop = get_running_loop()

    def __call__(self, follow_up: FollowUp[Result], /) -> Result:
        """Return the result of the follow-up. Raises RateLimited if no slot is free soon."""
        acquiring = self._slots.acquire_soon(self._state, follow_up.user_id)
        slot = run_coroutine_threadsafe(acquiring, self._loop).result()
        if slot is None:
            return follow_up.run()
        with measure_database_time() as timer:
            try:
                return follow_up.run()
            finally:
                run_coroutine_threadsafe(self._slots.release(slot, timer.seconds), self._loop).result()
