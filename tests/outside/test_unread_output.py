# A client that does not read stderr or stdout blocks nothing but its own answers.
from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A
from pipe import Pipe
from programs import EventLog, HttpServer
from test_bounds import AT_REST, Deaf, hello, peak, send
from test_http import HEADERS, META

SENDS = 600  # a line of the log each, more than twice what a pipe holds


class StderrUnread(Pipe):
    """A client that does not read stderr before it is told to."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, stderr=subprocess.PIPE)

    def stderr(self) -> str:
        """All of it, once the program has ended."""
        assert self.child.stderr
        return self.child.stderr.read().decode()


def write_on(pipe: Pipe) -> None:
    with contextlib.suppress(BrokenPipeError):
        for _ in range(5000):
            send(pipe, body="b" * 500)


class BothUnread(Deaf, StderrUnread):
    """A client that reads nothing at all."""


def start(processes: Any, kind: type[Pipe], home: Path, **variables: Any) -> Pipe:
    pipe = kind(home, one_server(processes.capture(), SMTP_POLICY="open", **variables), [])
    processes.add_cleanup(pipe.close)
    return pipe


def all_sent(pipe: Pipe, calls: list[int], allowed: tuple[str, ...] = ("sent",)) -> None:
    """Waits until every call after the handshake is answered, and its mail sent, or where other states are allowed, in one of those."""
    lines = pipe.lines.wait(lambda entries: len(entries) == len(calls) + 1 and entries, "every answer", 60)
    answers = {reply["id"]: reply["result"] for reply in map(json.loads, lines)}
    assert {"sent"} <= {answers[call]["structuredContent"]["state"] for call in calls} <= set(allowed)


@pytest.mark.parametrize("level", ["info", "debug"])
def test_every_call_is_answered_with_stderr_unread(processes, tmp_path: Path, level: str) -> None:
    pipe = start(processes, StderrUnread, tmp_path / "pipe", LOG_LEVEL=level).handshake()
    all_sent(pipe, [send(pipe) for _ in range(SENDS)])
    pipe.request("ping")
    pipe.signal(signal.SIGHUP)
    pipe.call("send_email", to=A, subject="after the reload", body="b").has_state("sent")
    assert peak(pipe) < AT_REST, f"{peak(pipe):.0f} MiB"
    pipe.signal(signal.SIGTERM)
    assert pipe.exit_status(8) == 0
    assert "smtp-mcp-server starts" in pipe.stderr()


def test_the_end_of_the_input_with_stderr_unread(processes, tmp_path: Path) -> None:
    pipe = start(processes, StderrUnread, tmp_path / "pipe").handshake()
    calls = [send(pipe) for _ in range(SENDS)]
    pipe.close_stdin()
    # Whatever is not sent within the grace period waits in the outbox.
    all_sent(pipe, calls, ("sent", "queued", "unknown"))
    assert pipe.exit_status(8) == 0


def test_a_stderr_read_late_tells_what_was_dropped(processes, tmp_path: Path) -> None:
    pipe = start(processes, StderrUnread, tmp_path / "pipe").handshake()
    for _ in range(15_000):
        pipe.start_call("get_smtp_status")
    pipe.lines.wait(lambda entries: len(entries) > 15_000, "every answer", 60)
    log = EventLog()
    reading = threading.Thread(target=lambda: [log.add(line.decode()) for line in pipe.child.stderr])
    reading.start()
    told = log.wait(lambda lines: [line for line in lines if "log lines were dropped" in line], "what was dropped")
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    reading.join(5)
    calls = [line for line in log.entries if "tool=get_smtp_status" in line]
    assert int(told[0].split()[0]) + len(calls) == 15_000
    assert "stopped" in log.entries[-1]


def test_a_closed_stderr(processes, tmp_path: Path) -> None:
    pipe = start(processes, StderrUnread, tmp_path / "pipe")
    assert pipe.child.stderr
    pipe.child.stderr.close()
    pipe.handshake().call("send_email", to=A, subject="s", body="b").has_state("sent")
    pipe.signal(signal.SIGTERM)
    assert pipe.exit_status(8) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_nothing_is_read(processes, tmp_path: Path, number: signal.Signals) -> None:
    pipe = start(processes, BothUnread, tmp_path / "pipe")
    pipe.write(hello())
    writing = threading.Thread(target=write_on, args=(pipe,), daemon=True)
    writing.start()
    writing.join(2)
    assert writing.is_alive(), "it takes every call although nobody reads the answers"
    pipe.signal(number)
    assert pipe.child.wait(9) == 0
    pipe.listen.set()
    assert "smtp-mcp-server starts" in pipe.stderr()


class HttpStderrUnread(HttpServer):
    """Its log is read up to the URL."""

    def _read(self) -> None:
        assert self.child.stderr
        for line in self.child.stderr:
            self.log.add(line.decode())
            if b"url=" in line:
                return


def test_http_with_stderr_unread(processes, tmp_path: Path) -> None:
    http_server = HttpStderrUnread(tmp_path / "home", one_server(processes.capture(), SMTP_POLICY="open", LOG_LEVEL="debug"), [])
    processes.add_cleanup(http_server.close)
    params = {"name": "send_email", "arguments": {"to": A, "subject": "s", "body": "b", "allow_duplicate": True}, "_meta": META}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=20)
    for _ in range(SENDS):
        connection.request("POST", "/mcp", body, HEADERS)
        assert b'"state":"sent"' in connection.getresponse().read()
    connection.close()
    assert '"status"' in http_server.health()
    http_server.child.terminate()
    assert http_server.exit_status(8) == 0
