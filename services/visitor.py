"""Who stands at the door, before it is known who they are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from: the address, and what the client calls itself."""

    address: str
    device: str | None = None
