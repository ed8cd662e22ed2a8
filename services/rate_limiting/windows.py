"""What is counted, in memory: a storage for the library `limits`, for its moving windows.

The library's own copies the lists of all keys every 10 ms while anything is counted. Here a hit costs the same however much is
kept, nothing runs beside it, and there is an end to what is kept: hits that follow each other closely are one entry, a key that
rests for a whole window is forgotten by those that come after, and of too many keys the one that rested longest goes.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from threading import Lock
from time import time

from limits.storage import MovingWindowSupport, Storage

RUNS = 120  # entries per window and key: hits closer than a 120th of the window leave together, when the last of them does
MOST_KEYS = 50_000  # of one policy

Moment = float  # seconds since 1970


class Window:
    """What one key has taken: runs of hits, oldest first, each with the time of its last hit."""

    __slots__ = ("amounts", "began", "times", "total")

    def __init__(self) -> None:
        self.times = array("d")
        self.amounts = array("Q")
        self.began: Moment = 0.0
        self.total = 0

    def take(self, amount: int, now: Moment, shortest_run: float) -> None:
        """Note a hit."""
        if self.times and now - self.began < shortest_run:
            self.times[-1] = now
            self.amounts[-1] += amount
        else:
            self.times.append(now)
            self.amounts.append(amount)
            self.began = now
        self.total += amount

    def forget(self, before: Moment) -> None:
        """Let go of hits that are older."""
        if self.times and self.times[0] < before:
            gone = bisect_left(self.times, before)
            self.total -= sum(self.amounts[:gone])
            del self.times[:gone], self.amounts[:gone]

    def start(self, units: int) -> tuple[Moment, int]:
        """Return when the oldest of the newest units was taken, and how many of so many units there are."""
        if units >= self.total:
            return self.times[0], self.total
        counted = 0
        for place in range(len(self.times) - 1, -1, -1):
            counted += self.amounts[place]
            if counted >= units:
                return self.times[place], units
        raise AssertionError


Shelf = OrderedDict[str, Window]


class WindowStorage(Storage, MovingWindowSupport):
    """Windows by key. Keys of one policy (up to the first /) and window stand together, the least recently hit first."""

    STORAGE_SCHEME = ["todo"]  # noqa: RUF012 - the library reads it so

    def __init__(self) -> None:
        super().__init__()
        self._shelves: defaultdict[tuple[str, int], Shelf] = defaultdict(OrderedDict)
        self._lock = Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what may go wrong with the storage: nothing."""
        return NotImplementedError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take so many units, if the window has room for all of them."""
        return self.take(key, limit, expiry, amount)[0]

    def take(self, key: str, limit: int, expiry: int, amount: int) -> tuple[bool, Moment, int]:
        """Take so many units, or none; tell which, when the oldest was taken, and how many there are now."""
        now = time()
        with self._lock:
            shelf = self._shelf(key, expiry)
            window = shelf.get(key)
            if window is None:
                window = shelf[key] = Window()
            else:
                window.forget(now - expiry)
                shelf.move_to_end(key)
            has_room = window.total + amount <= limit
            if has_room:
                window.take(amount, now, expiry / RUNS)
            _tidy(shelf, now - expiry)
            return has_room, window.times[0] if window.total else now, window.total

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[Moment, int]:
        """Return when the oldest of the newest units was taken (`limit` units at most), and how many there are."""
        now = time()
        with self._lock:
            window = self._shelf(key, expiry).get(key)
            if window is None:
                return now, 0
            window.forget(now - expiry)
            return window.start(limit) if window.total else (now, 0)

    def clear(self, key: str) -> None:
        """Forget what the key has taken."""
        with self._lock:
            for shelf in self._shelves.values():
                shelf.pop(key, None)

    def reset(self) -> int:
        """Forget everything; return how many keys there were."""
        with self._lock:
            keys = sum(map(len, self._shelves.values()))
            self._shelves.clear()
        return keys

    def check(self) -> bool:
        """Tell that the storage works."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse: fixed windows are not kept here."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Refuse: fixed windows are not kept here."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Refuse: fixed windows are not kept here."""
        raise NotImplementedError

    def _shelf(self, key: str, expiry: int) -> Shelf:
        return self._shelves[key.partition("/")[0], expiry]


def _tidy(shelf: Shelf, before: Moment) -> None:
    """Forget two keys that rest, at most: as many as can come, and one more. The one just hit stands last, and stays."""
    for _ in range(2):
        oldest = next(iter(shelf.values())).times
        if len(shelf) <= MOST_KEYS and (len(shelf) == 1 or (oldest and oldest[-1] >= before)):
            return
        shelf.popitem(last=False)
