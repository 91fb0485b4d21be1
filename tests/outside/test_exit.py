# SIGTERM, SIGINT and the end of stdin, idle and with a mail in flight: the mail is finished, the answer delivered, the exit status 0 within 8 s.
import json
import signal

import pytest

from conftest import one_server

A = "ada@example.org"
WAYS = {
    "SIGTERM": lambda pipe: pipe.signal(signal.SIGTERM),
    "SIGINT": lambda pipe: pipe.signal(signal.SIGINT),
    "end of stdin": lambda pipe: pipe.close_stdin(),
}


@pytest.mark.parametrize("way", WAYS)
def test_before_the_handshake(processes, way: str) -> None:
    pipe = processes.pipe(one_server(processes.capture()), "--transport", "stdio")
    if way != "end of stdin":  # a signal must not come before the program listens to signals: a reply proves that it runs
        pipe.start("server/discover")
        pipe.lines.wait(lambda entries: entries, "any reply")
    WAYS[way](pipe)
    assert pipe.exit_status(8) == 0, pipe.stderr()


@pytest.mark.parametrize("way", WAYS)
def test_idle(processes, way: str) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture)).handshake()
    pipe.call("send_email", to=A, subject="s", body="b").has_state("sent")
    WAYS[way](pipe)
    assert pipe.exit_status(8) == 0, pipe.stderr()
    for line in pipe.lines.entries:
        assert json.loads(line)["jsonrpc"] == "2.0"


@pytest.mark.parametrize("way", WAYS)
def test_with_a_mail_in_flight(processes, way: str) -> None:
    capture = processes.capture("--answer-after", "2")
    pipe = processes.pipe(one_server(capture)).handshake()
    number = pipe.start_call("send_email", to=A, subject="in flight", body="b")
    capture.wait("content")
    WAYS[way](pipe)
    assert pipe.exit_status(8) == 0, pipe.stderr()
    pipe.answer(number, 1).has_state("sent")
    processes.stop_all()
    assert [mail.message["subject"] for mail in capture.kept()] == ["in flight"]


@pytest.mark.parametrize("way", WAYS)
def test_with_several_mails_in_flight(processes, way: str) -> None:
    capture = processes.capture("--answer-after", "1")
    pipe = processes.pipe(one_server(capture)).handshake()
    numbers = {pipe.start_call("send_email", to=A, subject=f"s{number}", body="b"): f"s{number}" for number in range(4)}
    pipe.call("get_smtp_status")
    capture.wait("content")
    WAYS[way](pipe)
    assert pipe.exit_status(8) == 0, pipe.stderr()
    sent = {subject for number, subject in numbers.items() if pipe.answer(number, 1).data["state"] == "sent"}
    processes.stop_all()
    arrived = sorted(mail.message["subject"] for mail in capture.kept())
    assert arrived == sorted(sent), "what was reported and what arrived differ"


@pytest.mark.parametrize("way", WAYS)
def test_with_a_server_that_never_answers(processes, way: str) -> None:
    """8 s are not enough for that server: the result is `unknown`, or there is none, and the exit is in time."""
    capture = processes.capture("--answer-after", "60")
    pipe = processes.pipe(one_server(capture)).handshake()
    number = pipe.start_call("send_email", to=A, subject="stalled", body="b")
    capture.wait("content")
    WAYS[way](pipe)
    assert pipe.exit_status(10) == 0, pipe.stderr()
    replies = [json.loads(line) for line in pipe.lines.entries]
    if any(reply.get("id") == number for reply in replies):
        answer = pipe.answer(number, 1)
        assert answer.data["state"] in ("unknown", "refused"), answer
