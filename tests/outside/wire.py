# A wire to a real server that is cut in the middle of a conversation, as no server can be told to do it.
from __future__ import annotations

import socket
import threading


class Wire:
    """Carries what is said in plaintext, until the client says a word: that word does not pass, or its reply does not."""

    host = "127.0.0.1"

    def __init__(self, port: int, word: bytes, passes: bool) -> None:
        self._to, self._word, self._passes = port, word, passes
        self._threads: list[threading.Thread] = []
        self._streams: list[socket.socket] = []
        self._listener = socket.create_server((self.host, 0))
        # What does not pass shall not fit in here, or a client would come to its last byte.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept)

    def _begin(self, work, *arguments) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((self.host, self._to))
            self._streams += [client, server]
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

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
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
