"""The other user, and what they notice of an attack."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Self

import httpx

_INTERVAL = 0.05  # seconds between two requests
_TIMEOUT = 60.0  # seconds
_TASKS = 20


@dataclass(frozen=True, slots=True)
class Latencies:
    """Latencies in ms, and the number of requests that failed."""

    p50: float
    p99: float
    failures: int


class OtherUser:
    """A registered user with tasks, who asks for a page of them every 50 ms."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT)
        account = {"email": f"{os.urandom(8).hex()}@example.com", "password": "correct horse"}
        token = self._http.post("/api/auth/register", json=account).raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        for number in range(_TASKS):
            self._http.post("/api/me/tasks", json={"title": f"Task {number}"}).raise_for_status()

    def __enter__(self) -> Self:
        """Return the user."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._http.close()

    def watch(self, is_done: Callable[[], bool]) -> Latencies:
        """Send requests until it is done, and return their latencies."""
        latencies: list[float] = []
        failures = 0
        while not latencies or not is_done():
            started = time.perf_counter()
            failures += not self._is_successful()
            latencies.append((time.perf_counter() - started) * 1000)
            time.sleep(max(0.0, started + _INTERVAL - time.perf_counter()))
        percentiles = quantiles([*latencies, latencies[-1]], n=100, method="inclusive")
        return Latencies(percentiles[49], percentiles[98], failures)

    def _is_successful(self) -> bool:
        try:
            return self._http.get("/api/me/tasks", params={"limit": _TASKS}).is_success
        except httpx.HTTPError:
            return False
