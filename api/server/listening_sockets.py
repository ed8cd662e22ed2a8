"""Listening sockets of the service, bound before its database starts."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

_BACKLOG = 2048  # uvicorn's default
_MAX_PORT = 65535
# A name can have addresses that this machine lacks, such as ::1 of localhost without IPv6.
_UNAVAILABLE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


class ListenError(Exception):
    """The service cannot listen on HOST and PORT; the message is one line."""


@contextmanager
def bound_sockets(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """Yield a bound socket for each address of the host, and close them at the end. Raises ListenError."""
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        unavailable = None
        for family, address in _addresses(host):
            bound = stack.enter_context(socket.socket(family))
            try:
                _bind(bound, (address, socket_port(sockets[0]) if sockets else port))
            except OSError as error:
                if error.errno not in _UNAVAILABLE:
                    raise _listen_error(host, port, error) from error
                unavailable = error
            else:
                sockets.append(bound)
        if not sockets and unavailable is not None:
            raise _listen_error(host, port, unavailable) from unavailable
        yield sockets


def listen(sockets: Sequence[socket.socket], host: str) -> None:
    """Accept connections from now on; they wait until a server reads from them. Raises ListenError."""
    for bound in sockets:
        try:
            bound.listen(_BACKLOG)
        except OSError as error:  # another process had bound the port, too, and listens already
            raise _listen_error(host, socket_port(bound), error) from error


def socket_port(bound: socket.socket) -> int:
    """Return the port to which a socket is bound."""
    return int(bound.getsockname()[1])


def _addresses(host: str) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # UnicodeError: a part of the name is empty or too long
        raise ListenError(f"HOST {host} is not an address or a name of this machine") from error
    return [(family, str(address[0])) for family, _, _, _, address in found]


def _bind(unbound: socket.socket, address: tuple[str, int]) -> None:
    unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if unbound.family == socket.AF_INET6:
        unbound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    unbound.bind(address)


def _listen_error(host: str, port: int, error: OSError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < _MAX_PORT else port - 1
        return ListenError(f"Port {port} is in use; try PORT={other} make run")
    return ListenError(f"cannot listen on HOST {host}, PORT {port}: {os.strerror(error.errno or 0)}")
