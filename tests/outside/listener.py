# A listener on loopback with a thread for each connection: the base of the mail servers in these tests.
from __future__ import annotations

import socket
import threading


class Listener:
    """A subclass serves each connection, and closes it or leaves that to `stop`."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._streams: list[socket.socket] = []
        self._stopping = False
        self._listener = socket.create_server((self.host, 0))
        # Small, so that a client cannot send its last byte while nobody reads.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept)

    def _begin(self, work, *arguments) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping:
                stream.close()
                return
            self._streams.append(stream)
            self._welcome(stream)

    def _welcome(self, stream: socket.socket) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Closes every connection, in the middle of a session or not."""
        self._stopping = True
        self._listener.shutdown(socket.SHUT_RDWR)
        # From here on there are no new connections to close.
        self._threads[0].join(5)
        self._listener.close()
        cut(*self._streams)
        for thread in self._threads:
            thread.join(5)


def cut(*streams: socket.socket) -> None:
    for stream in streams:
        try:
            stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the peer was faster
