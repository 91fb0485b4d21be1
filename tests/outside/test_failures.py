# Every row of docs/failures.md through the real binary: copies per recipient, state, text and health, with one server and with two.
from typing import Any

import pytest

from conftest import one_server, several_servers
from failures import ACCEPTED, AVAILABILITY, CASES, LOGIN, NEXT_IF_CAPABLE, PHASE_NAMES, REJECTED, ROWS, TRY_NEXT, UNKNOWN, Case, Row, documented
from programs import Answer, Program


def copies(server: Any) -> list[str]:
    """Who has a copy, once for each copy. Final after `stop_all`."""
    kept = getattr(server, "kept", list)
    return sorted(recipient for mail in kept() for recipient in mail.recipients)


def message_state(statuses: dict[str, str]) -> str:
    """The state of the whole from its recipients, as in docs/failures.md."""
    values = set(statuses.values())
    if TRY_NEXT in values:
        return "queued"
    if UNKNOWN in values:
        return "unknown"
    return {(True, False): "sent", (True, True): "partial", (False, True): "refused"}[(ACCEPTED in values, bool(values - {ACCEPTED}))]


def assert_statuses(answer: Answer, statuses: dict[str, str]) -> None:
    """Checks the state, and that each recipient is in the right list."""
    answer.has_state(message_state(statuses))
    lists = {ACCEPTED: answer.data["accepted"], REJECTED: answer.rejected, TRY_NEXT: answer.data["pending"], UNKNOWN: answer.data["unknown"]}
    for status, members in lists.items():
        assert members == [address for address, its in statuses.items() if its == status], f"{status}: {answer}"


def assert_messages(answer: Answer, row: Row, case: Case) -> None:
    """Checks that the text says what happened, to whom, in which phase, and what to do next."""
    troubled = [address for address, status in case.statuses.items() if status != ACCEPTED]
    if not troubled:
        return
    answer.mentions(*case.messages, *case.hints, case.phase or PHASE_NAMES[row.phase])
    if len(set(case.statuses.values())) > 1:
        answer.mentions(*troubled)
    for entry in answer.data["rejected"]:
        assert entry["reason"] in answer.text or len(answer.data["rejected"]) > 1, answer


def assert_health(program: Program, name: str, expected: str) -> None:
    health = program.health(name)
    found = (health["is_available"], health["is_failed"], health["is_paused"], 0 < health["backoff_remaining"] <= 5)
    assert found == {
        "available": (True, False, False, False), "back-off": (False, True, False, True), "paused": (False, False, True, False),
    }[expected], health


def availability(row: Row) -> str:
    return AVAILABILITY[row.health.split(":")[0].split(",")[0]]


def never_in_plaintext(server: Any, row: Row) -> None:
    if row.phase != "Tls":
        return
    assert getattr(server, "events", lambda _: [])("login") == []
    for conversation in getattr(server, "conversations", []):
        assert not any(line.upper().startswith(("AUTH", "MAIL", "RCPT")) for line in conversation.said), conversation.said


@pytest.mark.parametrize("name", CASES)
def test_with_one_server(processes, build_server, name: str) -> None:
    row, case = CASES[name]
    first = build_server(case)
    program = processes.program(one_server(first, **case.variables))
    answer = program.send(to=list(case.statuses), **case.arguments)
    assert_statuses(answer, {address: REJECTED if status == NEXT_IF_CAPABLE else status for address, status in case.statuses.items()})
    assert_messages(answer, row, case)
    assert_health(program, "primary", availability(row))
    processes.stop_all()
    holders = [address for address, status in case.statuses.items() if status == ACCEPTED or (status == UNKNOWN and case.kept)]
    assert copies(first) == sorted(holders), answer
    assert getattr(first, "faults", []) == []
    never_in_plaintext(first, row)


@pytest.mark.parametrize("name", CASES)
def test_with_two_servers(processes, build_server, name: str) -> None:
    row, case = CASES[name]
    first, second = build_server(case), processes.capture()
    own = {f"{variable}_1": value for variable, value in case.variables.items()}
    program = processes.program(several_servers(first, second, **own))
    answer = program.send(to=list(case.statuses), **case.arguments)
    assert_statuses(answer, {address: ACCEPTED if status in (TRY_NEXT, NEXT_IF_CAPABLE) else status for address, status in case.statuses.items()})
    assert_health(program, "first", availability(row))
    assert_health(program, "second", "available")
    processes.stop_all()
    moved = [address for address, status in case.statuses.items() if status in (TRY_NEXT, NEXT_IF_CAPABLE)]
    stayed = [address for address, status in case.statuses.items() if status == ACCEPTED or (status == UNKNOWN and case.kept)]
    assert (copies(first), copies(second)) == (sorted(stayed), sorted(moved)), answer
    for server, domain in ((first, "first.example"), (second, "second.example")):
        for mail in getattr(server, "kept", list)():
            mail.is_clean()
            assert (mail.sender, mail.addresses("from")) == (f"me@{domain}", [f"me@{domain}"])
            assert mail.message["message-id"] == answer.data["message_id"]
            assert mail.addresses("to") == list(case.statuses), "the header names everyone, whoever carries whose copy"
    assert getattr(first, "faults", []) == []
    never_in_plaintext(first, row)


def test_every_row_of_the_document_has_a_test() -> None:
    assert documented() == [row.cells for row in ROWS]
    assert all(row.cases for row in ROWS)


def test_a_421_never_makes_the_back_off_grow_and_a_refused_connection_does(processes, refused_port) -> None:
    closing = processes.program(one_server(processes.scripted("S: 421 4.3.2 closing\nclose")))
    refusing = processes.program(one_server(refused_port))
    for program in (closing, refusing):
        for _ in range(2):
            program.send().has_state("queued")
    assert 0 < closing.health("primary")["backoff_remaining"] <= 5
    assert 5 < refusing.health("primary")["backoff_remaining"] <= 10


def test_a_paused_server_is_left_alone(processes) -> None:
    first, second = processes.scripted("S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH PLAIN\nC: AUTH PLAIN\nS: 535 5.7.8 no"), processes.capture()
    program = processes.program(several_servers(first, second, **{f"{name}_1": value for name, value in LOGIN.items()}))
    program.call_all("send_email", [{"to": "ada@example.org", "subject": str(number), "body": "b"} for number in range(5)])
    for _ in range(3):
        program.send().has_state("sent")
    logins = [line for conversation in first.conversations for line in conversation.said if line.startswith("AUTH")]
    assert len(logins) == 1, f"{len(logins)} logins"


def test_after_nobody_was_taken_the_next_mail_begins_anew(processes) -> None:
    """After the lone dot and RSET nothing of the refused mail is left in the session."""
    server = processes.scripted("""
        S: 220 hello
        C: EHLO
        S: 250-hello
        S: 250 PIPELINING
        C: MAIL FROM
        S: 250 ok
        C: RCPT TO
        S: 550 5.1.1 nobody
        C: DATA
        S: 354 go on
        C: .
        S: 554 5.5.1 nobody to send to
        C: RSET
        S: 250 ok
        C: MAIL FROM
        S: 250 ok
        C: RCPT TO
        S: 250 ok
        C: DATA
        S: 354 go on
        C: <content>
        keep
        S: 250 taken
    """)
    program = processes.program(one_server(server))
    program.send(to="bad@example.org").has_state("refused")
    program.send(subject="the next").has_state("sent")
    processes.stop_all()
    assert [mail.message["subject"] for mail in server.kept()] == ["the next"]
    assert server.faults == []
