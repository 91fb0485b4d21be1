# The outbox: what was taken is sent, once; repeated calls; what waits; the command line.
from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import one_server
from pipe import Pipe
from ports import reserve_ports
from programs import BINARY, own_environment
from random_sink import RandomSink
from real_server import need

A, BAD = "ada@example.org", "bad@example.org"
MAIL = {"to": A, "subject": "s", "body": "b"}


@pytest.fixture(autouse=True)
def on_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUTBOX", raising=False)


def command(home: Path, variables: dict[str, Any], *arguments: str, status: int = 0) -> str:
    """The output of `outbox …`."""
    ended = subprocess.run(
        [str(BINARY), "outbox", *arguments], env=own_environment(home, variables), cwd=home, capture_output=True, text=True, timeout=60,
    )
    assert ended.returncode == status, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout + ended.stderr


def listed(home: Path, variables: dict[str, Any]) -> list[dict]:
    return json.loads(command(home, variables, "list", "--json", "--limit", "100000"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def start(processes, home: Path, variables: dict[str, Any]) -> Pipe:
    """A program with this home, which it shares with those before and after it."""
    pipe = Pipe(home, variables, [])
    processes.add_cleanup(pipe.close)
    return pipe.handshake()


def kill(pipe: Pipe) -> None:
    pipe.child.send_signal(signal.SIGKILL)
    pipe.child.wait()


# -- killed at random

ROUNDS, CALLS = 22, 18


def test_killed_at_random(processes, home: Path) -> None:
    """One process at a time on one file: none lost, none doubled, none sent without delivery."""
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    sink = RandomSink(seed)
    processes.add_cleanup(sink.stop)
    variables = one_server(sink)
    taken: set[str] = set()
    for number in range(ROUNDS):
        pipe = start(processes, home, variables)
        calls = [
            pipe.start_call("send_email", to=[f"r{one}@example.org" for one in range(dice.choice((1, 1, 2, 3)))], subject=f"{number}.{call}", body="b", wait_seconds=call % 2 * 30)
            for call in range(CALLS)
        ]
        enough = dice.randrange(CALLS // 2, CALLS - 3)
        pipe.lines.wait(lambda lines: len(lines) > enough, "some answers")
        kill(pipe)
        pipe.lines.wait(lambda _: pipe.lines.ended, "the end of the output")
        replies = [json.loads(line) for line in pipe.lines.entries]
        taken |= {reply["result"]["structuredContent"]["id"] for reply in replies if reply.get("id") in calls}
    for _ in range(12):
        if "; left: 0\n" in subprocess.run(
            [str(BINARY), "outbox", "drain", "--timeout", "2"], env=own_environment(home, variables), capture_output=True, text=True, timeout=60
        ).stdout:
            break
    assert "sound" in command(home, variables, "check")
    emails = {email["id"]: email for email in listed(home, variables)}
    copies = Counter(sink.accepted)
    statuses = {(email["id"], one["address"]): one["status"] for email in emails.values() for one in email["recipients"]}
    told = f"seed {seed}, {len(emails)} mails, {len(taken)} of them told, {dict(Counter(statuses.values()))}, {len(copies)} copies"
    print(told)
    assert len(emails) >= 300, told
    assert taken <= set(emails), f"lost: {told}"
    assert not [one for one, count in copies.items() if count > 1], f"doubled: {told}"
    assert not [one for one, status in statuses.items() if status == "accepted" and one not in copies], f"sent without delivery: {told}"
    assert not [one for one in copies if statuses[one] not in ("accepted", "unknown")], f"delivered, and called otherwise: {told}"
    assert not [email for email in emails.values() if email["state"] in ("queued", "sending")], told


# -- repeated calls

def test_a_key_is_one_mail(processes, home: Path) -> None:
    capture = processes.capture()
    variables = one_server(capture)
    call = MAIL | {"idempotency_key": "order 17"}
    first = start(processes, home, variables)
    sent = first.call("send_email", **call).has_state("sent")
    again = first.call("send_email", **call).has_state("sent").mentions("earlier call")
    assert again.data["id"] == sent.data["id"]
    other = first.call("send_email", **call | {"body": "another"}).has_state("refused").mentions("belongs to another mail", sent.data["id"])
    assert other.data["id"] == sent.data["id"]
    first.close()
    restarted = start(processes, home, variables)
    assert restarted.call("send_email", **call).has_state("sent").data["message_id"] == sent.data["message_id"]
    processes.stop_all()
    assert len(capture.kept()) == 1


@pytest.mark.parametrize("key", [{"idempotency_key": "k"}, {"allow_duplicate": False}], ids=["with a key", "without a key"])
def test_a_repeated_call_after_a_crash(processes, home: Path, key: dict) -> None:
    """The program dies while the server holds its answer: nobody knows, and nothing is sent again."""
    capture = processes.capture("--answer-after", "60")
    variables = one_server(capture)
    pipe = start(processes, home, variables)
    pipe.start_call("send_email", **MAIL | key)
    capture.wait("content")
    kill(pipe)
    again = start(processes, home, variables).call("send_email", **MAIL | key)
    if "idempotency_key" in key:
        again.has_state("unknown").mentions("this program ended while it was being sent", "earlier call")
    else:
        again.has_state("refused").mentions("the same mail was sent less than five minutes ago", "unknown", "allow_duplicate")
    assert len(capture.events("content")) == 1


def test_the_same_mail_without_a_key(processes) -> None:
    capture = processes.capture("--refuse", "bad*")
    program = processes.program(one_server(capture))
    sent = program.send(allow_duplicate=False).has_state("sent")
    again = program.send(allow_duplicate=False).has_state("refused").mentions(sent.data["id"], "sent)", "allow_duplicate")
    assert again.data["id"] == sent.data["id"]
    program.send(body="another", allow_duplicate=False).has_state("sent")
    program.send().has_state("sent")
    for _ in range(2):
        program.send(to=BAD, allow_duplicate=False).has_state("refused").mentions("550")
        program.send(to=BAD, idempotency_key="k").has_state("refused").mentions("550")
    program.send(idempotency_key="k").has_state("sent")
    processes.stop_all()
    assert len(capture.kept()) == 4


def test_a_login_that_is_refused_makes_no_duplicate(processes) -> None:
    program = processes.program(one_server(processes.capture("--login", "user:right"), SMTP_USERNAME="user", SMTP_PASSWORD="wrong"))
    for _ in range(2):
        program.send(allow_duplicate=False).has_state("refused").mentions("login")


# -- waiting

def test_a_call_that_does_not_wait(processes) -> None:
    capture = processes.capture("--answer-after", "1")
    program = processes.program(one_server(capture))
    answer = program.send(wait_seconds=0).has_state("queued").mentions("get_email with id")
    assert answer.data["pending"] == [A]
    assert capture.take().recipients == [A]
    deadline = time.monotonic() + 10
    while (email := program.call("get_email", id=answer.data["id"]).data["email"])["state"] != "sent":
        assert time.monotonic() < deadline, email
    assert [one["status"] for one in email["recipients"]] == ["accepted"]
    for wrong in (-1, 46):
        program.send(wait_seconds=wrong).has_state("refused").mentions("wait_seconds: expected 0 to 45")


def test_a_call_that_waits_too_short_tells_that_it_may_have_been_sent(processes) -> None:
    capture = processes.capture("--answer-after", "2")
    program = processes.program(one_server(capture))
    answer = program.send(wait_seconds=1).has_state("unknown").mentions("still waiting", "get_email with id")
    assert program.send(subject="another").has_state("sent")
    assert program.call("get_email", id=answer.data["id"]).data["email"]["state"] == "sent"


def test_what_waits_is_sent_when_the_server_is_back(processes, home: Path) -> None:
    (held,) = reserve_ports(1)
    port = held.number
    variables = one_server(SimpleNamespace(host="127.0.0.1", port=port))
    pipe = start(processes, home, variables)
    answer = pipe.call("send_email", **MAIL).has_state("queued").mentions("refused", "it is kept")
    status = pipe.call("get_smtp_status")
    assert status.data["outbox"] | {"oldest_seconds": 0} == {"queued": 1, "unserved": 0, "held": 0, "awaiting_approval": 0, "sending": 0, "unknown": 0, "oldest_seconds": 0}
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    assert "mails wait in the outbox" in pipe.stderr()
    assert "; left: 1\n" in command(home, variables, "drain", "--timeout", "1", status=75)
    capture = processes.capture("--listen", f"127.0.0.1:{port}")
    assert "mails that waited: 1; left: 0\n" in command(home, variables, "drain")
    mail = capture.take()
    assert mail.message["message-id"] == answer.data["message_id"]
    assert answer.data["id"] in command(home, variables, "list")
    shown = json.loads(command(home, variables, "show", answer.data["id"], "--json"))
    assert shown["email"]["state"] == "sent" and shown["email"]["attempts"] == 3, shown
    assert [event["event"] for event in shown["history"]][-1] == "attempt 1 ended"
    assert "1 sent" in command(home, variables, "check")


def test_the_list_and_a_retry(processes) -> None:
    capture = processes.capture("--after-dot", "drop-lost")
    program = processes.program(one_server(capture))
    lost = program.send(subject="lost").has_state("unknown")
    ids = [program.send(to=f"r{number}@example.org", subject=str(number)).data["id"] for number in range(4)]
    page = program.call("list_emails", limit=3)
    assert [email["id"] for email in page.data["emails"]] == ids[:0:-1]
    rest = program.call("list_emails", limit=3, cursor=page.data["next_cursor"])
    assert [email["id"] for email in rest.data["emails"]] == [ids[0], lost.data["id"]]
    assert rest.data["next_cursor"] is None
    only = program.call("list_emails", recipient="r2@example.org", state="unknown")
    assert [email["subject"] for email in only.data["emails"]] == ["2"]
    retried = program.call("retry_email", id=lost.data["id"]).has_state("unknown")
    assert retried.data["message_id"] == lost.data["message_id"]
    for wrong, words in (("no-id", "is not an id"), ("0" * 32, "there is no mail")):
        for tool in ("get_email", "retry_email"):
            assert words in program.refuses(tool, id=wrong)
    assert "expected one of" in program.refuses("list_emails", state="lost")
    assert "1 to 100" in program.refuses("list_emails", limit=101)
    history = program.call("get_email", id=lost.data["id"]).data["history"]
    assert [one["event"] for one in history] == ["queued", "claimed", "attempt 1 ended", "retried", "claimed", "attempt 2 ended"]


def test_a_retry_reaches_whoever_was_refused(processes) -> None:
    capture = processes.capture("--refuse", "bad*")
    program = processes.program(one_server(capture))
    answer = program.send(to=[A, BAD]).has_state("partial")
    program.call("retry_email", id=answer.data["id"]).has_state("partial")
    assert "nothing to retry: the mail is sent" in program.refuses("retry_email", id=program.send().data["id"])
    processes.stop_all()
    assert [mail.recipients for mail in capture.kept()] == [[A], [A]], "whoever has it does not get it again"


@pytest.mark.parametrize(("policy", "state"), [("retry", "queued"), ("assume_sent", "sent"), ("manual", "unknown")])
def test_what_an_unknown_outcome_leads_to(processes, policy: str, state: str) -> None:
    program = processes.program(one_server(processes.capture("--after-dot", "drop-kept"), SMTP_ON_UNKNOWN=policy))
    program.send().has_state(state)


# -- where it is

def test_a_place_that_cannot_be_written(processes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    variables = one_server(processes.capture(), SMTP_MCP_OUTBOX=f"sqlite:{tmp_path}/file/outbox.db")
    ended = subprocess.run([str(BINARY)], env=own_environment(tmp_path, variables), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "sqlite:PATH" in ended.stderr and "memory" in ended.stderr, ended.stderr


def test_files_are_private_and_the_flag_wins(processes, home: Path) -> None:
    place = home / "there" / "mail.db"
    pipe = Pipe(home, one_server(processes.capture(), SMTP_MCP_OUTBOX="memory"), ["--outbox", f"sqlite:{place}"])
    processes.add_cleanup(pipe.close)
    pipe.handshake().call("send_email", **MAIL).has_state("sent")
    assert {path.stat().st_mode & 0o077 for path in [place.parent, *place.parent.rglob("*")]} == {0}
    with sqlite3.connect(f"file:{place}?mode=ro", uri=True) as other:
        assert other.execute("SELECT state FROM message").fetchall() == [("sent",)]


def test_memory_keeps_nothing(processes, home: Path, refused_port) -> None:
    variables = one_server(refused_port, SMTP_MCP_OUTBOX="memory")
    pipe = start(processes, home, variables)
    answer = pipe.call("send_email", **MAIL).has_state("queued").mentions("as long as this program runs")
    assert "kept" not in answer.text
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    assert "are lost" in pipe.stderr()
    assert [path.name for path in home.rglob("*") if path.is_file()] == ["stderr"]
    assert "only the program that holds it can tell" in command(home, variables, "list", status=1)


def test_what_memory_cannot_send_again_is_told(processes, home: Path) -> None:
    pipe = start(processes, home, one_server(processes.capture("--refuse", "*"), SMTP_MCP_OUTBOX="memory"))
    refused = pipe.call("send_email", **MAIL).has_state("refused")
    again = pipe.call("retry_email", id=refused.data["id"])
    assert again.is_error and "no longer kept (SMTP_MCP_OUTBOX is memory)" in again.text, again


# -- durability

def test_each_mail_is_on_the_disk_before_it_is_taken(processes, home: Path) -> None:
    need(None if shutil.which("strace") else "strace is missing (as root on Debian: apt-get install strace)")
    pipe = start(processes, home, one_server(processes.capture(), SMTP_MAX_RETRIES=0))
    calls = 10
    trace = home / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(pipe.child.pid)], stderr=subprocess.PIPE)
    assert tracer.stderr
    assert b"attached" in tracer.stderr.readline()
    for number in range(calls):
        pipe.call("send_email", to=A, subject=str(number), body="b").has_state("sent")
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    synced = [line for line in trace.read_text().splitlines() if "sync(" in line and "resumed" not in line]
    # Taken, claimed, and recorded.
    assert len(synced) >= 3 * calls, f"{len(synced)} for {calls} mails"
