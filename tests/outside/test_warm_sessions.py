# Sessions that are used again: their peer may be gone without a word, and a server may take only one connection.
import threading
import time
from collections import Counter

import pytest

from conftest import one_server
from listener import Listener

# How the session was opened, what the server does next, and in which encryption.
SILENT = {
    "after a mail": ("send", "mail 2nd stall", "none"),
    "after a mail, under TLS": ("send", "mail 2nd stall", "implicit"),
    "after a mail, under STARTTLS": ("send", "mail 2nd stall", "starttls"),
    "after a refused mail": ("refused", "rset 1st stall", "none"),
    "after a test": ("test", "mail 1st stall", "none"),
    "slow rather than silent": ("send", "mail 2nd stall 7", "none"),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_warm_session_whose_peer_is_silent_is_replaced(processes, name: str) -> None:
    how, rule, tls = SILENT[name]
    capture = processes.capture("--tls", tls, "--at", rule, "--refuse", "nobody@*")
    more = {"SMTP_USE_TLS": None, "SMTP_USE_SSL": str(tls == "implicit").lower(), "SMTP_CA_FILE": capture.ca_file} if tls != "none" else {}
    program = processes.program(one_server(capture, SMTP_TIMEOUT=30, **more))
    match how:
        case "send":
            program.send(subject="first").has_state("sent")
        case "refused":
            program.send(to="nobody@example.org").has_state("refused")
        case "test":
            assert not program.call("test_smtp_connection").is_error
    began = time.monotonic()
    program.send(subject="second").has_state("sent")
    assert time.monotonic() - began < 8, "it waited for more than the first reply"
    assert program.health("primary")["is_failed"] is False
    processes.stop_all()
    assert Counter(mail.message["subject"] for mail in capture.kept()) == Counter(["second"] + ["first"] * (how == "send"))


@pytest.mark.parametrize(("rule", "state"), [("rcpt 2nd stall", "queued"), ("end 2nd stall", "unknown"), ("kept 2nd stall", "unknown")])
def test_a_warm_session_that_falls_silent_later_is_not_replaced(processes, rule: str, state: str) -> None:
    """The server was there a moment ago; and after the last byte nothing is sent again."""
    capture = processes.capture("--at", rule)
    program = processes.program(one_server(capture, SMTP_TIMEOUT=6))
    program.send().has_state("sent")
    program.send(wait_seconds=9).has_state(state)
    assert len(capture.events("connected")) == 1


class FewConnections(Listener):
    """A mail server that takes a few connections at a time. Further ones get its refusal, as the greeting or to EHLO. After so many mails, a
    connection falls silent."""

    def __init__(self, size: int, refusal: str = "421 4.7.0 too many connections", at: str = "greeting", pause: float = 0.05, mails: int | None = None) -> None:
        self.size, self.refusal, self.at, self.pause, self.mails = size, refusal, at, pause, mails
        self.open = self.most = self.refused = self.silent = 0
        self.subjects: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__()

    def _welcome(self, stream) -> None:
        with self._lock:
            self.open += 1
            is_one_too_many = self.open > self.size
            if is_one_too_many:
                self.open -= 1
                self.refused += 1
            self.most = max(self.most, self.open)
        self._begin(self._refuse if is_one_too_many else self._converse, stream)

    def _refuse(self, stream) -> None:
        with stream:
            if self.at == "ehlo":
                stream.sendall(b"220 few.example\r\n")
                stream.recv(1000)
            stream.sendall(self.refusal.encode() + b"\r\n")
            stream.recv(1000)

    def _converse(self, stream) -> None:
        try:
            with stream, stream.makefile("rb") as lines:
                stream.sendall(b"220 few.example\r\n")
                taken = 0
                for line in lines:
                    if taken == self.mails and line.startswith(b"MAIL"):
                        self.silent += 1
                        lines.read()
                        return
                    if line.startswith(b"DATA"):
                        stream.sendall(b"354 go on\r\n")
                        content = b"".join(iter(lines.readline, b".\r\n"))
                        subject = next(line for line in content.splitlines() if line.startswith(b"Subject: "))
                        self.subjects[subject.decode().removeprefix("Subject: ")] += 1
                        taken += 1
                        time.sleep(self.pause)
                    stream.sendall(b"250 ok\r\n" if not line.startswith(b"QUIT") else b"221 bye\r\n")
        except OSError:
            pass  # the client is gone
        finally:
            time.sleep(0.1)  # as long as a server may take to notice
            with self._lock:
                self.open -= 1


@pytest.mark.parametrize(("size", "refusal", "at"), [
    (1, "421 4.7.0 too many connections", "greeting"), (1, "451 4.3.2 one at a time", "greeting"), (2, "421 4.7.0 too many connections", "greeting"), (1, "421 busy", "ehlo"),
])
def test_a_server_that_takes_few_connections_gets_all_mails(processes, size: int, refusal: str, at: str) -> None:
    """Calls that find no place wait for one that is open, and are not failures of the server."""
    server = FewConnections(size, refusal, at)
    processes.add_cleanup(server.stop)
    program = processes.program(one_server(server))
    subjects = [f"mail {number}" for number in range(12)]
    for answer in program.call_all("send_email", [{"to": "ada@example.org", "subject": subject, "body": "b"} for subject in subjects]):
        answer.has_state("sent")
    assert server.subjects == Counter(subjects)
    assert server.most == size and 1 <= server.refused <= 4, server.refused
    assert program.health("primary")["is_failed"] is False


@pytest.mark.parametrize("tool", ["test_smtp_connection", "switch_smtp_server"])
def test_a_test_finds_such_a_server_working(processes, tool: str) -> None:
    """With an idle session of its own, and while a mail is sent."""
    server = FewConnections(1, pause=1)
    processes.add_cleanup(server.stop)
    program = processes.program(one_server(server))
    arguments = {"server_name": "primary"} if tool.startswith("switch") else {}
    program.send().has_state("sent")
    answer = program.call(tool, **arguments)
    assert not answer.is_error, answer
    under_way = threading.Thread(target=lambda: program.send(subject="under way"))
    under_way.start()
    deadline = time.monotonic() + 10
    while server.subjects["under way"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    answer = program.call(tool, **arguments)
    under_way.join()
    assert not answer.is_error, answer
    assert server.most == 1 and server.refused <= 4, server.refused


def test_a_silent_session_is_closed_before_it_is_replaced(processes) -> None:
    """Or a server that takes one connection refuses the new one."""
    server = FewConnections(1, mails=1)
    processes.add_cleanup(server.stop)
    program = processes.program(one_server(server))
    for number in range(2):
        program.send(subject=f"mail {number}").has_state("sent")
    assert server.silent == 1 and server.subjects == Counter(["mail 0", "mail 1"])


def test_a_session_that_falls_silent_between_mails_that_share_it_is_replaced(processes) -> None:
    """Long before SMTP_TIMEOUT, and before the calls end."""
    server = FewConnections(1, mails=2)
    processes.add_cleanup(server.stop)
    program = processes.program(one_server(server, SMTP_TIMEOUT=60))
    subjects = [f"mail {number}" for number in range(5)]
    for answer in program.call_all("send_email", [{"to": "ada@example.org", "subject": subject, "body": "b"} for subject in subjects]):
        answer.has_state("sent")
    assert server.silent == 2 and server.subjects == Counter(subjects)
