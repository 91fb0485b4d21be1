# A mail server of bad temper: it defers, refuses and drops at random, and remembers what it accepted.
from __future__ import annotations

import random
import re
import socketserver
import threading
import time


class RandomSink:
    """Listens on a free port of loopback. `accepted` has (id, recipient) once for each copy, whether or not the client heard of it."""

    host = "127.0.0.1"

    def __init__(self, seed: int) -> None:
        self.accepted: list[tuple[str, str]] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    sink.converse(self)
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

        self._server = Server((self.host, 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def chance(self) -> float:
        with self._lock:
            return self._random.random()

    def converse(self, stream: socketserver.StreamRequestHandler) -> None:
        def say(line: str) -> None:
            stream.wfile.write(line.encode() + b"\r\n")

        has_sender = False
        recipients: list[str] = []
        say("220 sink")
        for line in stream.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                dice = self.chance()
                offered = [] if dice < 0.25 else ["PIPELINING"] if dice < 0.5 else ["PIPELINING", "CHUNKING"]
                say("\r\n".join([*(f"250-{keyword}" for keyword in ("sink", *offered)), "250 8BITMIME"]))
            elif verb == b"MAIL":
                recipients = []
                dice = self.chance()
                if dice < 0.01:
                    return
                has_sender = dice >= 0.06
                say("451 later" if dice < 0.05 else "550 no" if dice < 0.06 else "250 ok")
            elif verb == b"RCPT":
                dice = self.chance()
                if not has_sender:
                    say("503 MAIL first")
                elif dice < 0.05:
                    say("451 later" if dice < 0.03 else "550 no such user")
                else:
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                    say("250 ok")
            elif verb == b"DATA" and not recipients:
                say("503 RCPT first")
            elif verb in (b"DATA", b"BDAT"):
                content = self.content(stream, line, say)
                if content is None:
                    return
                if not recipients:
                    say("503 RCPT first")
                elif not self.end_of_data(content, recipients, say):
                    return
                has_sender, recipients = False, []
            elif verb == b"QUIT":
                return say("221 bye")
            else:
                if verb == b"RSET":
                    has_sender, recipients = False, []
                say("250 ok")

    @staticmethod
    def content(stream: socketserver.StreamRequestHandler, line: bytes, say) -> bytes | None:
        """What DATA or BDAT brings; None if the client is gone before its end."""
        if line[:4].upper() == b"BDAT":
            size = int(line.split()[1])
            chunk = stream.rfile.read(size)
            return chunk if len(chunk) == size else None
        say("354 go on")
        content = b""
        for line in stream.rfile:
            if line == b".\r\n":
                return content
            content += line
        return None

    def end_of_data(self, content: bytes, recipients: list[str], say) -> bool:
        """Replies to the content; False: it drops the connection instead."""
        dice = self.chance()
        if dice < 0.02:
            return False
        if dice < 0.06:
            say("451 later")
            return True
        if dice < 0.07:
            say("554 no")
            return True
        found = re.search(rb"Message-ID: <(\w+)@", content)
        assert found, content
        with self._lock:
            self.accepted += [(found.group(1).decode(), recipient) for recipient in recipients]
        if dice < 0.10:
            return False
        time.sleep(self.chance() * 0.01)
        say("250 taken")
        return True

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
