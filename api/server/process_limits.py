"""Limits that all connections of a process share. They are created with the lifespan of the app, in its event loop."""

from asyncio import get_running_loop
from dataclasses import dataclass

from api.server.connection_limit import ConnectionLimit
from api.server.file_limit import connections_within_file_limit
from api.server.paced_start import PacedStart
from api.server.unsent_bytes import MAX_PER_CALLER, MAX_TOTAL, UnsentBytes
from api.settings import Settings

PROCESS_LIMITS = "process_limits"  # key in the state of the lifespan


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Limits that all connections of a process share."""

    connections: ConnectionLimit
    paced_start: PacedStart
    unsent_bytes: UnsentBytes


def create_process_limits(settings: Settings) -> ProcessLimits:
    """Create the limits of this process, and raise the limit on its open files. Must be called in the event loop."""
    max_connections = connections_within_file_limit(settings)
    return ProcessLimits(
        ConnectionLimit(max_connections, settings.max_connections_per_address, settings.forwarded_allow_ips),
        PacedStart(get_running_loop()),
        UnsentBytes(MAX_PER_CALLER, MAX_TOTAL),
    )
