# Mails that wait: cancelled, scheduled, undone, tried again, for all or for none.
from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from conftest import one_server, several_servers
from mail import parse
from pipe import Pipe, run

A, B, BAD = "ada@example.org", "bob@example.org", "bad@example.org"


def ahead(seconds: float, hours: int = 0) -> str:
    """That many seconds from now, in an offset of so many hours from UTC."""
    at = datetime.now(timezone(timedelta(hours=hours))) + timedelta(seconds=seconds)
    return at.isoformat(timespec="seconds")


def email(program: Any, answer: Any) -> dict:
    return program.call("get_email", id=answer.data["id"]).data["email"]


def events(program: Any, answer: Any) -> list[str]:
    return [event["event"] for event in program.call("get_email", id=answer.data["id"]).data["history"]]


# -- cancel_email

def test_what_waits_is_withdrawn(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    answer = program.send(send_at=ahead(3600))
    answer.has_state("queued").mentions("it is sent at", "cancel_email")
    cancelled = program.call("cancel_email", id=answer.data["id"])
    assert not cancelled.is_error and cancelled.data["state"] == "cancelled"
    cancelled.mentions("Cancelled: nobody gets the mail")
    assert [one["status"] for one in email(program, answer)["recipients"]] == ["withdrawn"]
    again = program.call("cancel_email", id=answer.data["id"])
    assert not again.is_error and again.data["state"] == "cancelled", "cancelling twice is cancelling once"
    assert "nothing to retry" in program.refuses("retry_email", id=answer.data["id"])
    assert program.send().has_state("sent"), "a cancelled mail is no duplicate"
    processes.stop_all()
    assert len(capture.kept()) == 1


def test_what_was_sent_cannot_be_cancelled(processes) -> None:
    capture = processes.capture("--refuse", BAD)
    program = processes.program(one_server(capture))
    sent = program.send().has_state("sent")
    text = program.refuses("cancel_email", id=sent.data["id"])
    assert "Too late to cancel: sent to ada@example.org" in text
    partial = program.send(to=[A, BAD], subject="2").has_state("partial")
    assert "sent to ada@example.org; not sent to bad@example.org" in program.refuses("cancel_email", id=partial.data["id"])
    assert "there is no mail with the id" in program.refuses("cancel_email", id="0192aaaa-0000-7000-8000-000000000001")
    assert "is not an id" in program.refuses("cancel_email", id="x")


def test_while_it_is_being_sent(processes) -> None:
    """Its last byte is out: the answer says that it must be waited for, and no further attempt follows."""
    capture = processes.capture("--answer-after", "4")
    program = processes.program(one_server(capture))
    answer = program.send(wait_seconds=0)
    capture.wait("content")
    cancelled = program.call("cancel_email", id=answer.data["id"])
    assert not cancelled.is_error and cancelled.data["state"] == "sending"
    cancelled.mentions("Not cancelled yet", "must be waited for", "no further")
    assert "no further attempt" in events(program, answer)
    until = time.monotonic() + 15
    while email(program, answer)["state"] == "sending":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert email(program, answer)["state"] == "sent"
    assert "Too late" in program.refuses("cancel_email", id=answer.data["id"])


def test_before_its_last_byte_it_is_stopped(processes) -> None:
    """The server hangs at DATA: nothing was sent, and nothing is."""
    server = processes.scripted("S: 220 x\nC: EHLO\nS: 250 x\nC: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nstall")
    program = processes.program(one_server(server))
    answer = program.send(wait_seconds=1)
    cancelled = program.call("cancel_email", id=answer.data["id"])
    assert not cancelled.is_error and cancelled.data["state"] == "cancelled", cancelled
    assert events(program, answer)[-2:] == ["cancelled", "released"]
    assert server.kept() == []


def test_a_deferred_mail_is_withdrawn_from_those_who_have_not_got_it(processes) -> None:
    capture = processes.capture("--defer", B)
    program = processes.program(one_server(capture))
    answer = program.send(to=[A, B], wait_seconds=20).has_state("queued")
    cancelled = program.call("cancel_email", id=answer.data["id"])
    assert not cancelled.is_error and cancelled.data["state"] == "partial"
    cancelled.mentions("Cancelled for those who have not got it: sent to ada@example.org; not sent to bob@example.org")


# -- send_at, undo_seconds

def test_a_scheduled_mail_leaves_at_its_time(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    at = ahead(4, hours=5)
    answer = program.send(send_at=at).has_state("queued").mentions(f"it is sent at {at}", "if this program is running then")
    assert answer.data["next_attempt_at"] == at
    assert capture.events("mail") == []
    capture.wait("mail", deadline=15)
    late = datetime.now(timezone.utc) - datetime.fromisoformat(at)
    assert timedelta(0) <= late < timedelta(seconds=3), late
    assert email(program, answer)["send_at"] == datetime.fromisoformat(at).astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("send_at, words", [
    ("2020-01-01T00:00:00Z", "is in the past"), ("2026-12-24", "with an offset from UTC"), ("2999-01-01T00:00:00Z", "more than 90 days ahead"),
])
def test_a_time_that_cannot_be(processes, send_at: str, words: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    program.send(send_at=send_at).has_state("refused").mentions("send_at", words)


def test_the_same_key_with_another_time_is_another_mail(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    at = ahead(3600)
    program.send(send_at=at).has_state("queued")
    first = program.send(send_at=at, idempotency_key="k").has_state("queued")
    assert program.send(send_at=at, idempotency_key="k").has_state("queued").data["id"] == first.data["id"]
    program.send(send_at=ahead(7200), idempotency_key="k").has_state("refused").mentions("belongs to another mail")
    program.send(allow_duplicate=False).has_state("refused").mentions("the same mail was sent less than five minutes ago")


def test_a_mail_can_be_undone(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_UNDO_SECONDS=3))
    began = time.monotonic()
    answer = program.send().has_state("queued").mentions("it is sent at", "cancel_email")
    assert time.monotonic() - began < 2, "the answer comes while it can be undone"
    program.call("cancel_email", id=answer.data["id"]).mentions("Cancelled: nobody gets the mail")
    kept = program.send(subject="kept").has_state("queued")
    program.send(subject="at once", undo_seconds=0).has_state("sent")
    until = time.monotonic() + 15
    while email(program, kept)["state"] != "sent":
        assert time.monotonic() < until
        time.sleep(0.1)
    processes.stop_all()
    assert [mail.message["Subject"] for mail in capture.kept()] == ["at once", "kept"]


# -- all_or_nothing

@pytest.mark.parametrize("extensions", [[], ["--without", "PIPELINING"]], ids=["pipelined", "one command at a time"])
def test_all_or_nothing(processes, extensions: list[str]) -> None:
    capture = processes.capture("--refuse", BAD, *extensions)
    program = processes.program(one_server(capture))
    refused = program.send(to=[A, BAD, B], all_or_nothing=True).has_state("refused")
    assert refused.rejected == [A, BAD, B]
    refused.mentions("another recipient was refused and the message is for all or none")
    program.send(to=[A, B], all_or_nothing=True, subject="both").has_state("sent")
    program.send(to=[A, BAD], subject="some").has_state("partial")
    processes.stop_all()
    assert [sorted(mail.recipients) for mail in capture.kept()] == [[A, B], [A]]


def test_all_or_nothing_waits_for_all(processes) -> None:
    """One is deferred here and accepted by the next server: all go there."""
    first, second = processes.capture("--defer", B), processes.capture()
    program = processes.program(several_servers(first, second))
    program.send(to=[A, B], all_or_nothing=True).has_state("sent")
    processes.stop_all()
    assert (len(first.kept()), [sorted(mail.recipients) for mail in second.kept()]) == (0, [[A, B]])


# -- retry_email

@pytest.mark.skipif("OUTBOX" in os.environ, reason="in memory no content is kept after the end")
def test_only_some_are_tried_again(processes) -> None:
    capture = processes.capture("--refuse", "bad*")
    program = processes.program(one_server(capture))
    answer = program.send(to=[A, BAD, "bad2@example.org"]).has_state("partial")
    retried = program.call("retry_email", id=answer.data["id"], recipients="BAD2@example.org").has_state("partial")
    assert retried.rejected == [BAD, "bad2@example.org"]
    text = program.refuses("retry_email", id=answer.data["id"], recipients=f"{A}, nobody@example.org")
    assert "ada@example.org, nobody@example.org: not among those" in text
    assert "recipients: " in program.refuses("retry_email", id=answer.data["id"], recipients="x y")


@pytest.mark.skipif("OUTBOX" in os.environ, reason="in memory nothing outlives the program")
def test_servers_that_are_gone(processes, tmp_path: Path) -> None:
    """The account changes, and a mail that waits for the old one goes through the new one."""
    old, new = processes.capture("--defer", "*"), processes.capture()
    box = {"SMTP_MCP_OUTBOX": f"sqlite:{tmp_path}/outbox/o.db"}
    first = processes.pipe(one_server(old, **box)).handshake()
    answer = first.call("send_email", to=A, subject="s", body="b", wait_seconds=10).has_state("queued")
    first.close()
    second = processes.program(one_server(new, **box))
    second.call("get_email", id=answer.data["id"]).mentions("no program that is running has an account")
    second.call("retry_email", id=answer.data["id"]).has_state("sent")
    assert "retried through other servers" in events(second, answer)
    processes.stop_all()
    assert len(new.kept()) == 1


# -- the command line

@pytest.mark.skipif("OUTBOX" in os.environ, reason="in memory there is nothing to look into")
def test_the_command_line(processes, tmp_path: Path) -> None:
    capture = processes.capture("--refuse", BAD)
    settings = one_server(capture, SMTP_MCP_OUTBOX=f"sqlite:{tmp_path}/outbox/o.db")
    program = processes.program(settings)

    def outbox(*arguments: str, status: int = 0) -> str:
        ended = run(tmp_path / "person", settings, "outbox", *arguments)
        assert ended.returncode == status, ended
        return ended.stdout + ended.stderr

    later = program.send(send_at=ahead(3600), bcc=B, body="Grüße")
    number = later.data["id"]
    eml = run(tmp_path / "person", settings, "outbox", "export", number, "--eml").stdout
    message = parse(eml.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert message["To"] == A and message["Bcc"] is None and message["Message-ID"] == later.data["message_id"]
    exported = json.loads(outbox("export", number, "--json"))
    assert exported["recipients"] == [A, B] and exported["id"] == number
    outbox("export", number, "--output", str(tmp_path / "mail.eml"))
    assert (tmp_path / "mail.eml").stat().st_mode & 0o777 == 0o600
    outbox("export", number, "--output", str(tmp_path / "mail.eml"), status=1)
    assert "to be sent at" in outbox("list")
    assert json.loads(outbox("cancel", number, "--json"))["state"] == "cancelled"
    sent = program.send().has_state("sent")
    assert "Too late to cancel" in outbox("cancel", sent.data["id"], status=1)
    refused = program.send(to=BAD, subject="bad").has_state("refused")
    assert "not among those" in outbox("retry", refused.data["id"], "--to", A, status=1)
    assert json.loads(outbox("retry", sent.data["id"], "--json", status=1))["success"] is False
    assert "a program that is running sends it" in outbox("retry", refused.data["id"], "--to", BAD)
    assert json.loads(outbox("purge", "--content-days", "0", "--json"))["contents"] >= 2
    assert "no longer kept" in outbox("export", number, status=1)
    assert "there is no mail" in outbox("cancel", "0192aaaa-0000-7000-8000-000000000001", status=1)


# -- the client cancels its call

def cancel_call(pipe: Any, number: int) -> None:
    pipe.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}).encode())


def test_a_call_that_is_cancelled_in_time_sends_nothing(processes) -> None:
    """The server does not greet, so nothing is claimed."""
    server = processes.scripted("stall")
    pipe = processes.pipe(one_server(server)).handshake()
    call = pipe.start_call("send_email", to=A, subject="s", body="b")
    until = time.monotonic() + 10
    while not pipe.call("list_emails").data["emails"]:
        assert time.monotonic() < until
    cancel_call(pipe, call)
    while (found := pipe.call("list_emails").data["emails"][0])["state"] != "cancelled":
        assert time.monotonic() < until, found
    pipe.wait_for_stderr("the client cancelled its call")
    assert A not in pipe.stderr()
    assert call not in [message.get("id") for message in pipe.messages()], "a cancelled request has no answer"


def test_a_call_that_is_cancelled_too_late_says_so(processes) -> None:
    capture = processes.capture("--answer-after", "3")
    pipe = processes.pipe(one_server(capture)).handshake()
    call = pipe.start("tools/call", {
        "name": "send_email", "arguments": {"to": A, "subject": "s", "body": "b"}, "_meta": {"progressToken": "p"},
    })
    capture.wait("content")
    cancel_call(pipe, call)

    def told(lines: list[bytes]) -> list[str]:
        messages = [json.loads(line) for line in lines]
        return [one["params"]["message"] for one in messages if "attempt must be waited for" in one.get("params", {}).get("message", "")]

    pipe.lines.wait(told, "the notification that it is too late", 10)
    capture.wait("mail")
    until = time.monotonic() + 10
    while (found := pipe.call("list_emails").data["emails"][0])["state"] != "sent":
        assert time.monotonic() < until, found


# -- cancel and claim at the same moment

ROUNDS = 1000


@pytest.mark.skipif("OUTBOX" in os.environ, reason="two processes need a file")
def test_cancel_races_the_claim(processes, tmp_path: Path) -> None:
    """One process sends, another one cancels: each mail is withdrawn and never sent, or sent and reported as sent."""
    capture = processes.capture()
    settings = one_server(capture, SMTP_POLICY="open", SMTP_MCP_OUTBOX=f"sqlite:{tmp_path}/outbox/o.db")
    sender, canceller = (processes.pipe(settings).handshake() for _ in range(2))
    dice = random.Random(7)

    def answers(pipe: Pipe, calls: list[int]) -> dict[int, dict]:
        wanted = set(calls)
        pipe.lines.wait(lambda lines: len(lines) >= pipe_seen[pipe] + len(calls), "the answers", 60)
        found = {one["id"]: one["result"]["structuredContent"] for one in pipe.messages() if one.get("id") in wanted}
        pipe_seen[pipe] = len(pipe.lines.entries)
        return found

    pipe_seen = {pipe: len(pipe.lines.entries) for pipe in (sender, canceller)}
    ids: list[str] = []
    cancelled: dict[str, dict] = {}
    while len(ids) < ROUNDS:
        calls = [
            sender.start_call("send_email", to=A, subject=f"{len(ids)}.{n}", body="b", undo_seconds=round(dice.uniform(0.3, 1.2), 2)) for n in range(100)
        ]
        batch = [one["id"] for one in answers(sender, calls).values()]
        ids += batch
        # While they become due, one after the other.
        numbers = {}
        for one in dice.sample(batch, len(batch)):
            numbers[canceller.start_call("cancel_email", id=one)] = one
            time.sleep(0.012)
        cancelled |= {numbers[number]: answer for number, answer in answers(canceller, list(numbers)).items()}
    capture.wait("mail")
    until = time.monotonic() + 30
    while any(email["state"] in ("queued", "sending") for email in json.loads(run(tmp_path / "person", settings, "outbox", "list", "--json", "--limit", "2000").stdout)):
        assert time.monotonic() < until
    emails = {email["id"]: email for email in json.loads(run(tmp_path / "person", settings, "outbox", "list", "--json", "--limit", "2000").stdout)}
    processes.stop_all()
    copies = Counter(mail.message["Message-ID"] for mail in capture.kept())
    ends = Counter()
    for one in ids:
        state, answer = emails[one]["state"], cancelled[one]
        ends[state, answer["success"]] += 1
        assert copies[emails[one]["message_id"]] == (1 if state == "sent" else 0), (emails[one], answer)
        told = {("cancelled", True): ("cancelled",), ("sent", True): ("sending",), ("sent", False): ("sent",)}[state, answer["success"]]
        assert answer["state"] in told, (emails[one], answer)
    assert ends["cancelled", True] > 100 and ends["sent", False] > 100, f"no race: {ends}"
