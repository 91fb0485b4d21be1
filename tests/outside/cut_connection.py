# A wire to a real server that is cut in the middle of a conversation, as no server can be told to do it.
from __future__ import annotations

import socket
import threading

from listener import Listener, cut


class CutConnection(Listener):
    """Carries what is said in plaintext, until the client says a word: that word does not pass, or its reply does not."""

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
        # Closed, and not only shut down: a client that is writing hears of the end by a reset, as it would from a server that died.
        with client, server:
            back.start()
            self._carry(client, server, said)
            back.join()

    def _carry(self, client: socket.socket, server: socket.socket, said: threading.Event) -> None:
        """What the client says. The word is looked for over the borders of segments."""
        heard = b""
        try:
            while chunk := client.recv(65536):
                passed, heard = len(heard), heard + chunk
                place = heard.find(self._word)
                if place >= 0 and not self._passes:
                    server.sendall(heard[passed:place])
                    break
                if place >= 0:
                    said.set()
                server.sendall(chunk)
        except OSError:
            pass
        cut(client, server)

    def _carry_back(self, server: socket.socket, client: socket.socket, said: threading.Event) -> None:
        """What the server says, up to the reply to the word."""
        try:
            while (chunk := server.recv(65536)) and not said.is_set():
                client.sendall(chunk)
        except OSError:
            pass
        cut(client, server)
