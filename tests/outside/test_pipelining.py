# Many mails over one connection, some refused, in every way of sending: each goes from its own sender to its own recipients, once.
from typing import Any

import pytest

from conftest import one_server
from exim import Exim
from postfix import Postfix
from programs import Answer, Program
from real_server import RealServer

WAYS = {
    "one flight": {},
    "the next envelope with this content": {"SMTP_CHUNKING": "false"},
    "chunks in lockstep": {"SMTP_PIPELINING": "false"},
    "lockstep": {"SMTP_PIPELINING": "false", "SMTP_CHUNKING": "false"},
}

# By what is refused: the recipients, by domain, and the state.
KINDS: dict[str, tuple[list[str], str]] = {
    "nothing": (["ada"], "sent"),
    "one recipient": (["ada", "bad", "carl"], "partial"),
    "every recipient": (["bad1", "bad2"], "refused"),
    "the sender": (["ada", "carl"], "refused"),
    "one for now": (["tmp", "carl"], "queued"),
}
ROUNDS = 5


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param | {"SMTP_MAX_CONNECTIONS": 1, "SMTP_ALLOWED_FROM": "*@lab.test", "SMTP_POLICY": "open"}


def batch() -> list[tuple[str, dict[str, Any]]]:
    """Mails of every kind, several times, in turn; the sender and the subject name the mail."""
    mails = []
    for number in range(ROUNDS * len(KINDS)):
        kind = list(KINDS)[number % len(KINDS)]
        sender = f"evil{number}" if kind == "the sender" else f"sender{number}"
        to = [f"{name}@lab.test" for name in KINDS[kind][0]]
        mails.append((kind, {"to": to, "subject": f"Mail {number}", "body": f".\r\nBody {number}\r\n..", "from_email": f"{sender}@lab.test"}))
    return mails


def expected() -> set[tuple[str, str, str]]:
    """Sender, recipient and subject of each copy."""
    return {
        (arguments["from_email"], address, arguments["subject"])
        for kind, arguments in batch()
        if kind != "the sender"
        for address in arguments["to"]
        if not address.startswith(("bad", "tmp"))
    }


def send(program: Program) -> list[Answer]:
    answers = program.call_all("send_email", [arguments for _, arguments in batch()])
    for (kind, _), answer in zip(batch(), answers):
        answer.has_state(KINDS[kind][1])
    return answers


def assert_delivered(server: RealServer, answers: list[Answer]) -> None:
    copies = [copy for answer in answers for copy in server.final_copies(answer.data["message_id"])]
    found = [(copy.sender, copy.recipients[0], str(copy.message["subject"])) for copy in copies]
    assert sorted(found) == sorted(expected())
    for copy in copies:
        assert copy.text().split() == [".", "Body", str(copy.message["subject"]).split()[1], ".."]


def test_through_postfix(processes, postfix: Postfix, way: dict[str, Any]) -> None:
    program = processes.program(postfix.variables(**way))
    answers = send(program)
    assert_delivered(postfix, answers)
    program.send(to="ada@lab.test", subject="Afterwards").has_state("sent")


def test_through_exim(processes, exim: Exim, way: dict[str, Any]) -> None:
    program = processes.program(exim.variables(**way))
    assert_delivered(exim, send(program))


def test_through_the_sink(processes, way: dict[str, Any]) -> None:
    rules = ["--refuse", "bad*", "--defer", "tmp*", "--at", "mail:evil* reply 550 5.7.1 no", "--with", "CHUNKING"]
    capture = processes.capture(*rules)
    program = processes.program(one_server(capture, **way, SMTP_FROM_EMAIL="bench@lab.test"))
    send(program)
    processes.stop_all()
    kept = [(mail.sender, address, str(mail.message["subject"])) for mail in capture.kept() for address in mail.recipients]
    assert sorted(kept) == sorted(expected())
    for mail in capture.kept():
        mail.is_clean()


def test_a_closing_server_in_the_middle_of_a_flight(processes, postfix: Postfix, way: dict[str, Any]) -> None:
    """421 at one recipient: what was behind it is sent over another connection, once."""
    program = processes.program(postfix.variables(**way))
    calls = [{"to": f"{'bye' if number == 7 else 'ada'}@lab.test", "subject": f"Mail {number}", "body": "Body"} for number in range(16)]
    answers = program.call_all("send_email", calls)
    for number, answer in enumerate(answers):
        answer.has_state("queued" if number == 7 else "sent")
        assert len(postfix.final_copies(answer.data["message_id"])) == (number != 7)
