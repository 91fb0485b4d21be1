# Many mails at once, and a dead server, hold up nobody else.
from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from conftest import one_server, several_servers

MANY = 1000


def test_many_that_are_due_do_not_stand_before_one_sent_by_hand(processes) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture, SMTP_POLICY="open")).handshake()
    at = datetime.now(timezone.utc) + timedelta(seconds=16)
    calls = [
        pipe.start_call("send_email", to="ada@example.org", subject=f"scheduled {n}", body="b", send_at=at.isoformat())
        for n in range(MANY)
    ]
    pipe.lines.wait(lambda lines: len(lines) > len(calls), "the answers", 60)
    queued = [reply for reply in pipe.messages() if reply["id"] in calls and reply["result"]["structuredContent"]["state"] == "queued"]
    assert len(queued) == MANY
    capture.wait("mail", 20, deadline=60)
    before = len(capture.events("mail"))
    pipe.call("send_email", to="bob@example.org", subject="by hand", body="b").has_state("sent")
    capture.wait("mail", MANY + 1, deadline=60)
    order = [mail["recipients"] for mail in capture.events("mail")]
    stood_before = order.index(["bob@example.org"]) - before
    # Those that were being sent already, and a few between the look and the call.
    assert stood_before < MANY / 4, f"{stood_before} after {before} of {MANY}"


def test_a_dead_server_of_three_slows_no_other(processes) -> None:
    dead = processes.scripted(*["stall"] * 400)
    second, third = processes.capture(), processes.capture()
    pipe = processes.pipe(several_servers(dead, second, third, SMTP_POLICY="open", SMTP_TIMEOUT_1=30)).handshake()

    def start(sender: str, count: int) -> list[int]:
        return [
            pipe.start_call("send_email", to="ada@example.org", subject=f"{sender} {n}", body="b", from_email=f"me@{sender}.example", wait_seconds=45)
            for n in range(count)
        ]

    start("first", 150)
    began = time.monotonic()
    for call in start("second", 100) + start("third", 100):
        pipe.answer(call).has_state("sent")
    took = time.monotonic() - began
    assert took < 10, f"{took:.1f} s"
    pipe.child.kill()
