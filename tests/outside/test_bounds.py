# Time and memory are bounded, with servers that never finish and a client that never reads.
import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A, UP_TO_THE_END
from pipe import Pipe
from programs import Answer, HttpServer
from scripted import HELLO
from test_http import HEADERS, META

MIB = 1 << 20
# The most memory that the process may ever have held, in MiB; the last two are what docker-compose.yml gives it.
AT_REST, WITH_LARGE_MAIL, WITH_LARGE_REQUEST, OVER_STDIO, OVER_HTTP = 64, 128, 320, 512, 1024
LIMIT = 72 * MIB  # the longest request, in bytes, without its line end
ANSWERED = 50.0  # seconds


def peak(pipe: Pipe | HttpServer) -> float:
    """The most memory that the process ever held (proc(5): VmHWM), in MiB."""
    status = Path(f"/proc/{pipe.child.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def send(pipe: Pipe, **arguments: Any) -> int:
    return pipe.start_call("send_email", **{"to": A, "subject": "s", "body": "b"} | arguments)


# -- servers that never finish: the conversation, the state, words, the most memory

TAKEN = "S: 250 taken"
ENDLESS = {
    "an endless line as the greeting": ("flood 220-x", "queued", ("greeting", "not SMTP"), AT_REST),
    "an endless greeting": ("endless 220-hello", "queued", ("greeting", "not SMTP"), AT_REST),
    "an endless EHLO": ("S: 220 hello\nC: EHLO\nendless 250-X-MORE", "queued", ("EHLO", "not SMTP"), AT_REST),
    "an endless line in EHLO": ("S: 220 hello\nC: EHLO\nS: 250-hello\nflood 250-x", "queued", ("EHLO", "not SMTP"), AT_REST),
    "an endless reply to RCPT": (HELLO + "C: MAIL\nS: 250 ok\nC: RCPT\nendless 250-more", "queued", ("RCPT TO", "not SMTP"), AT_REST),
    "an endless reply at the end": (UP_TO_THE_END + "keep\nendless 250-more", "unknown", ("end of data", "not SMTP"), AT_REST),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_server_that_never_ends(processes, name: str) -> None:
    script, state, words, memory = ENDLESS[name]
    pipe = processes.pipe(one_server(processes.scripted(script))).handshake()
    pipe.answer(send(pipe)).has_state(state).mentions(*words)
    assert peak(pipe) < memory, f"{peak(pipe):.0f} MiB"


# -- a client that never reads

class Deaf(Pipe):
    """A client that reads nothing before it is told to."""

    def __init__(self, *arguments: Any) -> None:
        self.listen = threading.Event()
        super().__init__(*arguments)

    def _read(self) -> None:
        self.listen.wait()
        super()._read()

    def close(self) -> None:
        self.listen.set()
        super().close()


# -- thousands of calls

# Without a limit each call that waits would cost some 18 KiB: 4000 of them more than AT_REST.
COUNT, IN_TIME = 4000, 180.0
SUBJECTS = Counter(f"Subject {number}" for number in range(COUNT))


def hello() -> bytes:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "outside", "version": "1"}}
    first = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}
    return json.dumps(first).encode() + b'\n{"jsonrpc":"2.0","method":"notifications/initialized"}'


def call_on(pipe: Pipe) -> threading.Thread:
    """Begins to write all calls, as fast as the program takes them."""
    pipe.write(hello())
    writing = threading.Thread(target=lambda: [send(pipe, subject=subject, body="b" * 500) for subject in SUBJECTS], daemon=True)
    writing.start()
    return writing


def arrived(capture: Any) -> Counter:
    """How often each subject arrived."""
    return Counter(Path(event["file"]).read_bytes().split(b"Subject: ")[1].split(b"\r\n")[0].decode() for event in capture.events("mail"))


def each_is_told_and_sent_once(processes: Any, pipe: Pipe, capture: Any, writing: threading.Thread) -> None:
    replies = pipe.lines.wait(lambda entries: len(entries) == COUNT + 1 and entries, f"{COUNT} answers", IN_TIME)
    writing.join(1)
    answers = Counter()
    for reply in map(json.loads, replies):
        if reply["id"] != "hello":
            answers[reply["id"]] += 1
            result = reply["result"]
            Answer(bool(result.get("isError")), result["content"][0]["text"], result["structuredContent"]).has_state("sent")
    assert answers == Counter(range(1, COUNT + 1)), "an answer is missing, or came twice"
    assert peak(pipe) < AT_REST, f"{peak(pipe):.0f} MiB"
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    processes.stop_all()
    assert arrived(capture) == SUBJECTS


@pytest.mark.slow
def test_thousands_of_calls_of_a_client_that_reads_nothing_at_first(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    pipe = Deaf(tmp_path / "deaf", one_server(capture, SMTP_POLICY="open"), [])
    processes.add_cleanup(pipe.close)
    writing = call_on(pipe)
    wait_until_quiet(capture)
    assert writing.is_alive(), "the program takes every call although nobody reads its answers"
    assert peak(pipe) < AT_REST, f"{peak(pipe):.0f} MiB"
    pipe.listen.set()
    each_is_told_and_sent_once(processes, pipe, capture, writing)


@pytest.mark.slow
def test_thousands_of_calls_over_http(processes) -> None:
    capture = processes.capture()
    http_server = processes.http_server(one_server(capture, SMTP_POLICY="open"))
    left, ends = iter(SUBJECTS), []

    def client() -> None:
        connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
        while subject := next(left, None):
            status, data = post(connection, to=A, subject=subject, body="b")
            ends.append((status, data.get("state")))
        connection.close()

    together(client, 64, IN_TIME)
    assert Counter(ends) == {(200, "sent"): COUNT}
    assert peak(http_server) < AT_REST, f"{peak(http_server):.0f} MiB"
    processes.stop_all()
    assert arrived(capture) == SUBJECTS


@pytest.mark.parametrize("way", ["SIGTERM", "end of stdin"])
def test_the_end_with_more_calls_than_may_be_under_way(processes, way: str) -> None:
    """A client that disconnects while a slow server keeps its calls from being read: the exit is in time, and each answer is true."""
    capture = processes.capture("--answer-after", "3")
    pipe = processes.pipe(one_server(capture, SMTP_POLICY="open")).handshake()
    calls = {pipe.start_call("send_email", to=A, subject=f"Subject {number}", body="b"): f"Subject {number}" for number in range(600)}
    capture.wait("content")
    if way == "SIGTERM":
        pipe.signal(signal.SIGTERM)
    else:
        pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()[-2000:]
    processes.stop_all()
    states = {reply["id"]: reply["result"]["structuredContent"]["state"] for reply in map(json.loads, pipe.lines.entries) if reply["id"] in calls}
    answers = {state: sorted(calls[number] for number, said in states.items() if said == state) for state in ("sent", "unknown", "queued")}
    # Without a file nothing is kept, and what was not sent is refused.
    assert set(states.values()) <= {"sent", "unknown", "queued"} | ({"refused"} if "OUTBOX" in os.environ else set())
    # After a signal nothing more is read; at the end of the input everything was read.
    assert way == "SIGTERM" or set(states) == set(calls), f"{len(calls) - len(states)} calls have no answer"
    there = arrived(capture)
    assert set(there.values()) == {1}, "a mail went out twice"
    assert set(answers["sent"]) <= set(there) <= set(answers["sent"] + answers["unknown"]), "what was reported and what arrived differ"


@pytest.mark.parametrize("way", ["SIGTERM", "end of stdin"])
def test_the_end_with_a_client_that_never_reads(processes, tmp_path: Path, way: str) -> None:
    """Its answers cannot be delivered, so they are dropped: the exit is in time, nothing is sent twice."""
    capture = processes.capture()
    pipe = Deaf(tmp_path / "deaf", one_server(capture, SMTP_POLICY="open"), [])
    processes.add_cleanup(pipe.close)
    pipe.write(hello())
    for number in range(1000):
        send(pipe, subject=f"Subject {number}", body="b" * 500)
    wait_until_quiet(capture)
    assert len(capture.events("mail")) < 1000, "the pipe holds all the answers: call more often"
    if way == "SIGTERM":
        pipe.signal(signal.SIGTERM)
    else:
        pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()[-2000:]
    assert "some calls have no answer" in pipe.stderr()
    processes.stop_all()
    assert set(arrived(capture).values()) == {1}, "a mail went out twice"


def test_a_call_that_is_cancelled_before_its_turn_is_never_run(processes) -> None:
    capture = processes.capture("--answer-after", "0.1")
    pipe = processes.pipe(one_server(capture, SMTP_POLICY="open")).handshake()
    calls = [pipe.start_call("send_email", to=A, subject=f"Subject {number}", body="b") for number in range(300)]
    pipe.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": calls[-1]}}).encode())
    # Only calls wait for calls.
    assert pipe.request("ping")["result"] == {}
    assert len(capture.events("mail")) < 200
    # On a slow machine the last ones are answered before they are sent.
    for number in calls[:-1]:
        pipe.answer(number, ANSWERED)
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    processes.stop_all()
    assert "Subject 299" not in arrived(capture)


def wait_until_quiet(capture: Any) -> None:
    """Waits until nothing has changed for two seconds."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        found = len(capture.event_log.entries)
        if found != seen:
            seen, since = found, time.monotonic()
        time.sleep(0.05)


def together(client: Callable[[], None], count: int, within: float) -> None:
    """Runs so many clients at the same time, until all are done."""
    clients = [threading.Thread(target=client, daemon=True) for _ in range(count)]
    deadline = time.monotonic() + within
    for one in clients:
        one.start()
    for one in clients:
        one.join(deadline - time.monotonic())
        assert not one.is_alive(), f"not done within {within} s"


def post(connection: http.client.HTTPConnection, **arguments: Any) -> tuple[int, dict]:
    """A call without a session: its status, and its result or error."""
    params = {"name": "send_email", "arguments": arguments, "_meta": META}
    connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}), HEADERS)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    return answer.status, body["result"]["structuredContent"] if answer.status == 200 else body["error"] | {"after": answer.headers["Retry-After"]}
