# A TCP proxy to a real server that cuts the connection in the middle of a session.
from __future__ import annotations

import socket
import threading

from listener import Listener, cut


class CutConnection(Listener):
    """Forwards plaintext until the client sends a given word: the word, or the reply to it, is not forwarded."""

    def __init__(self, port: int, word: bytes, passes: bool) -> None:
        self._to, self._word, self._passes = port, word, passes
        super().__init__()

    def _welcome(self, client: socket.socket) -> None:
        server = socket.create_connection((self.host, self._to))
        self._streams.append(server)
        self._begin(self._converse, client, server)

    def _converse(self, client: socket.socket, server: socket.socket) -> None:
        said = threading.Event()
        back = threading.Thread(target=self._carry_back, args=(server, client, said), daemon=True)
        # Closed, not only shut down: a client that is writing gets a reset, as from a server that died.
        with client, server:
            back.start()
            self._carry(client, server, said)
            back.join()

    def _carry(self, client: socket.socket, server: socket.socket, said: threading.Event) -> None:
        """Forwards what the client sends. The word may span segments."""
        received = b""
        try:
            while chunk := client.recv(65536):
                passed, received = len(received), received + chunk
                place = received.find(self._word)
                if place >= 0 and not self._passes:
                    server.sendall(received[passed:place])
                    break
                if place >= 0:
                    said.set()
                server.sendall(chunk)
        except OSError:
            pass
        cut(client, server)

    def _carry_back(self, server: socket.socket, client: socket.socket, said: threading.Event) -> None:
        """Forwards what the server sends, up to the reply to the word."""
        try:
            while (chunk := server.recv(65536)) and not said.is_set():
                client.sendall(chunk)
        except OSError:
            pass
        cut(client, server)
