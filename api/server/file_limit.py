"""Limit of the operating system on the open files of this process, among them its connections."""

import logging
import resource
from contextlib import suppress

from api.settings import Settings

_OTHER_FILES = 64  # listening sockets, logs, the event loop, requests to an external issuer
# A connection is accepted before it can be refused, so a burst needs as many files again.
_FILES_PER_CONNECTION = 2

log = logging.getLogger("todo.http.connections")


def connections_within_file_limit(settings: Settings) -> int:
    """Return how many connections this process may hold: MAX_CONNECTIONS, or fewer if the file limit cannot be raised enough."""
    other = _OTHER_FILES + settings.database_pool_size
    limit = _raise_file_limit(other + _FILES_PER_CONNECTION * settings.max_connections)
    available = max(1, (limit - other) // _FILES_PER_CONNECTION)
    if available >= settings.max_connections:
        return settings.max_connections
    log.warning(
        "MAX_CONNECTIONS is %d, but the limit of %d open files allows %d; raise it (ulimit -Hn, LimitNOFILE)",
        settings.max_connections,
        limit,
        available,
    )
    return available


def _raise_file_limit(needed: int) -> int:
    """Raise the soft limit to `needed`, as far as the hard limit allows. Return the soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return needed
    if soft < needed:
        with suppress(ValueError, OSError):  # some systems have a lower limit than they report
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
