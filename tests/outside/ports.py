# Ports on loopback for servers that must be told theirs.
from __future__ import annotations

import socket


def reserve_ports(count: int) -> list[socket.socket]:
    """So many ports that nobody else is given while these sockets are open.

    They are bound and do not listen: no connection and no bind to port 0 gets their ports, connecting to them is refused,
    and a server may still bind them, because it sets SO_REUSEADDR, too.
    """
    reserved = []
    for _ in range(count):
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        reserved.append(held)
    return reserved


def port_of(held: socket.socket) -> int:
    return held.getsockname()[1]
