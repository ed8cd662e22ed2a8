"""An attack that runs in a process of its own, so that its CPU time is not that of the other user."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self

from bench.attack.attacks import AttackFunction


class AttackFailedError(Exception):
    """The function of an attack raised an error, which is on standard error."""


class AttackProcess:
    """A running attack. Leaving the context ends it."""

    def __init__(self, function: AttackFunction, url: str) -> None:
        processes = get_context("spawn")
        self._receiver, self._sender = processes.Pipe(duplex=False)
        self._process = processes.Process(target=_run, args=(function, url, self._sender), daemon=True)

    def __enter__(self) -> Self:
        """Start the process, and wait until it begins the attack."""
        self._process.start()
        self._sender.close()
        self._receiver.recv()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self._receiver.close()

    def is_running(self) -> bool:
        """Return whether the attack has not ended yet."""
        return self._process.is_alive()

    def statuses(self) -> Mapping[int, int]:
        """Return how often each status code was received; empty while the attack is running. Raises AttackFailedError."""
        if self.is_running():
            return {}
        if not self._receiver.poll() or self._process.exitcode:
            raise AttackFailedError("The attack failed.")
        return dict(self._receiver.recv())


def _run(function: AttackFunction, url: str, sender: "Connection[object, object]") -> None:
    sender.send(None)
    statuses = function(url)
    sender.send(Counter(statuses if isinstance(statuses, list) else asyncio.run(statuses)))
