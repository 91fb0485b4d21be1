# A mail server that plays a script, for what `capture` cannot do: one conversation for each connection.
#
#   S: 250 ok      sends this line                     drip 0.5 250 ok    sends it byte by byte, so many seconds apart
#   C: MAIL FROM   expects a line with this prefix     endless 250-more   sends it again and again, each with a line end
#   C: <content>   reads up to the lone dot            flood x            sends it again and again, without a line end
#   keep           keeps the mail                      echo 535 no:       sends it followed by the client's last line
#   close, reset   ends the connection                 stall              sends and reads nothing more
#   wait 1         sends nothing for so many seconds   receive            reads anything
#
# `\r\n` in a line ends it and begins the next in the same segment.
from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass, field

from listener import Listener
from mail import Mail

# The first lines of most conversations.
HELLO = """
S: 220 scripted.example ESMTP
C: EHLO
S: 250-scripted.example
S: 250-SIZE 100000000
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250 PIPELINING
"""


class Hangup(Exception):
    """The client has disconnected."""


@dataclass
class Conversation:
    """One connection: what the client sent, and where it departed from the script."""

    stream: socket.socket
    said: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    unread: bytes = b""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""
    pending: str | None = None

    def play(self, script: str) -> None:
        """Plays the whole script; then the client may send QUIT and must disconnect."""
        try:
            for line in filter(None, map(str.strip, script.splitlines())):
                verb, _, rest = line.partition(" ")
                if self.act(verb, rest):
                    return
            self.farewell()
        except (Hangup, OSError):
            pass

    def act(self, verb: str, rest: str) -> bool:
        """Plays one line of the script; true if it is the last."""
        match verb:
            case "S:":
                self.say(rest)
            case "C:":
                return not self.expect(rest)
            case "echo":
                self.say(f"{rest} {self.said[-1]}")
            case "keep":
                self.mails.append(Mail(self.sender, self.recipients, self.content, False, {}))
            case "drip":
                pause, _, text = rest.partition(" ")
                for byte in text.encode() + b"\r\n":
                    self.stream.sendall(bytes([byte]))
                    time.sleep(float(pause))
            case "receive":
                self.read()
            case "wait":
                time.sleep(float(rest))
            case "endless" | "flood":
                chunk = (rest + "\r\n" * (verb == "endless")).encode() * 100
                while True:
                    self.stream.sendall(chunk)
            case "stall":
                self.stalled()
                return True
            case "close":
                self.stream.shutdown(socket.SHUT_RDWR)
                return True
            case "reset":
                self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return True
            case _:
                raise ValueError(f"no such verb in a script: {verb} {rest}")
        return False

    def say(self, text: str) -> None:
        if self.pending is not None and text.startswith("2"):
            self.recipients.append(self.pending)
        self.pending = None
        self.stream.sendall(text.replace(r"\r\n", "\r\n").encode() + b"\r\n")

    def expect(self, prefix: str) -> bool:
        """Reads what the script expects next; false if something else came."""
        if prefix == "<content>":
            self.content = self.read_content()
            return True
        try:
            line = self.read_line()
        except (Hangup, OSError):
            self.faults.append(f"hung up where {prefix!r} was expected")
            raise
        if not line.casefold().startswith(prefix.casefold()):
            self.faults.append(f"said {line!r} where {prefix!r} was expected")
            return False
        path = re.search(r"<(.*?)>", line)
        if path and prefix.upper().startswith("MAIL"):
            self.sender, self.recipients = path[1], []
        if path and prefix.upper().startswith("RCPT"):
            self.pending = path[1]
        return True

    def read_line(self) -> str:
        while b"\n" not in self.unread:
            self.read()
        line, _, self.unread = self.unread.partition(b"\n")
        self.said.append(line.decode("utf-8", "replace").rstrip("\r"))
        return self.said[-1]

    def read_content(self) -> bytes:
        while b"\r\n.\r\n" not in b"\r\n" + self.unread:
            self.read()
        content, _, self.unread = (b"\r\n" + self.unread).partition(b"\r\n.\r\n")
        return content.removeprefix(b"\r\n").replace(b"\r\n..", b"\r\n.") + b"\r\n"

    def read(self) -> None:
        chunk = self.stream.recv(65536)
        if not chunk:
            raise Hangup
        self.unread += chunk

    def stalled(self) -> None:
        """Waits until the client disconnects or the test ends, without reading."""
        while not gone(self.stream):
            time.sleep(0.02)

    def farewell(self) -> None:
        while True:
            line = self.read_line()
            if line.upper() != "QUIT":
                self.faults.append(f"said {line!r} after the end of the script")
                return
            self.say("221 bye")


def gone(stream: socket.socket) -> bool:
    """Whether the peer has closed, although data it sent is still unread."""
    closed_by_peer = (4, 5, 6, 7, 8, 9)  # FIN_WAIT1 … LAST_ACK of tcp(7), TCP_INFO's first byte
    try:
        return stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in closed_by_peer
    except OSError:
        return True


class Scripted(Listener):
    """Plays the first script on the first connection, the second on the second, and the last on all further ones."""

    def __init__(self, *scripts: str) -> None:
        self.scripts = scripts
        self.conversations: list[Conversation] = []
        super().__init__()

    def _welcome(self, stream: socket.socket) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        script = self.scripts[min(len(self.conversations), len(self.scripts) - 1)]
        self.conversations.append(Conversation(stream))
        self._begin(self._converse, self.conversations[-1], script)

    def _converse(self, conversation: Conversation, script: str) -> None:
        with conversation.stream:
            conversation.play(script)

    @property
    def faults(self) -> list[str]:
        """Where clients departed from the scripts."""
        return [fault for conversation in self.conversations for fault in conversation.faults]

    def kept(self) -> list[Mail]:
        """Every mail this server has kept. Final only after `stop`."""
        return [mail for conversation in self.conversations for mail in conversation.mails]
