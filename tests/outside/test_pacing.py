# A server that takes only so many mails a minute: as configured, or as it says. The others wait in the outbox instead of failing.
from datetime import datetime, timedelta, timezone

from conftest import one_server


def test_no_more_than_configured(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_MAX_RATE=3))
    answers = program.call_all("send_email", [{"to": f"a{number}@example.org", "subject": f"Mail {number}", "body": "Body"} for number in range(5)])
    waiting = [answer for answer in answers if answer.data["state"] == "queued"]
    assert len(waiting) == 2
    for answer in waiting:
        answer.mentions("SMTP_MAX_RATE", "messages a minute")
        next_attempt = datetime.fromisoformat(answer.data["next_attempt_at"])
        assert next_attempt - datetime.now(timezone.utc) < timedelta(seconds=61), answer
    assert program.health("primary")["is_failed"] is False
    processes.stop_all()
    assert len(capture.kept()) == 3


def test_a_server_that_gets_too_much_gets_a_pause(processes) -> None:
    capture = processes.capture("--at", "mail 1st reply 450 4.7.1 Error: too much mail from you")
    program = processes.program(one_server(capture))
    program.send(subject="One").has_state("queued").mentions("450 4.7.1")
    program.send(subject="Two").has_state("sent")
    assert program.health("primary")["is_failed"] is False
    processes.stop_all()
    assert [mail.message["subject"] for mail in capture.kept()] == ["Two"]
