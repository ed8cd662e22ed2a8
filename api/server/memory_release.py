"""Release of unused memory to the operating system, where the C library is glibc.

glibc reuses the memory of large buffers, and retains it after a burst of large responses. Other C libraries lack these functions.
"""

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_M_MMAP_THRESHOLD = -3  # from malloc.h
_LARGE_BUFFER = 1024 * 1024  # bytes; a larger buffer is released as soon as it is unused
_PERIOD_SECONDS = 30.0


@asynccontextmanager
async def release_memory(period_seconds: float = _PERIOD_SECONDS) -> AsyncIterator[None]:
    """Release large buffers immediately, and all other unused memory once per period."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BUFFER)
    task = asyncio.create_task(_trim_periodically(libc, period_seconds))
    try:
        yield
    finally:
        task.cancel()


async def _trim_periodically(libc: ctypes.CDLL, period_seconds: float) -> None:
    while True:
        await asyncio.sleep(period_seconds)
        await asyncio.to_thread(libc.malloc_trim, 0)
