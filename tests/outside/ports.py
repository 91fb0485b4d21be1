# Ports on loopback for servers that must be told theirs.
from __future__ import annotations

import socket

# Postfix listens at the second one, too, and other tests connect from it.
ADDRESSES = ("127.0.0.1", "127.0.0.2")


class ReservedPort:
    """A port that nobody else is given until it is closed.

    Its sockets are bound and do not listen: no connection and no bind to port 0 gets it, connecting to it is refused, and a
    server may still bind it, because it sets SO_REUSEADDR, too.
    """

    def __init__(self) -> None:
        self.number, self._sockets = 0, []
        try:
            for address in ADDRESSES:
                held = socket.socket()
                self._sockets.append(held)
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                held.bind((address, self.number))
                self.number = held.getsockname()[1]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        for held in self._sockets:
            held.close()


def reserve_ports(count: int) -> list[ReservedPort]:
    """So many ports that are free at each of the addresses."""
    reserved: list[ReservedPort] = []
    while len(reserved) < count:
        try:
            reserved.append(ReservedPort())
        except OSError:
            # It is taken at another of the addresses: the next one is another.
            continue
    return reserved
