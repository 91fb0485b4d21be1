# Priority, read receipts, extra header fields, copies of every mail, and hints.
import pytest

from conftest import one_server

ARCHIVE = "archive@sender.example"


@pytest.mark.parametrize(("priority", "fields"), [("high", ("1", "High")), ("Normal", ("3", "Normal")), ("low", ("5", "Low")), (None, (None, None))])
def test_priority(round_trip, priority: str | None, fields: tuple) -> None:
    _, mail = round_trip.send(priority=priority)
    assert (mail.message["X-Priority"], mail.message["Importance"]) == fields


def test_a_read_receipt_goes_to_the_sender(round_trip) -> None:
    _, mail = round_trip.send(read_receipt=True)
    assert mail.message["Disposition-Notification-To"] == mail.message["From"] == "Grace Sender <grace@sender.example>"
    assert round_trip.send()[1].message["Disposition-Notification-To"] is None


def test_extra_header_fields(round_trip) -> None:
    unsubscribe = "<https://example.org/u?id=1>, <mailto:unsubscribe@example.org?subject=u>"
    given = {"X-Campaign": "Frühling 2026", "List-Unsubscribe": unsubscribe, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    _, mail = round_trip.send(headers=given)
    assert {name: str(mail.message[name]) for name in given} == given
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mail.data


def test_a_list_field_with_blanks_in_a_row_has_none_at_the_end_of_a_line(round_trip) -> None:
    _, mail = round_trip.send(headers={"List-Help": f"<mailto:help@example.org>  {'a' * 70}   {'b' * 70}"})
    lines = mail.data.partition(b"\r\nList-Help:")[2].split(b"\r\n")[:3]
    assert lines == [b" <mailto:help@example.org>", b" " + b"a" * 70, b" " + b"b" * 70]


@pytest.mark.parametrize(("arguments", "words"), [
    ({"headers": {"Bcc": "eve@example.org"}}, ["headers", '"Bcc"', "X-Campaign"]),
    ({"headers": {"X-A": "a\r\nBcc: eve@example.org"}}, ["headers", '"X-A"', "one line"]),
    ({"headers": {"X-Priority": "1"}, "priority": "low"}, ["X-Priority", "written by priority"]),
    ({"priority": "urgent"}, ["priority", '"urgent"', "high, normal or low"]),
], ids=["another field", "a line break", "a conflict", "an unknown priority"])
def test_what_may_not_be_set(round_trip, arguments: dict, words: list[str]) -> None:
    round_trip.refuse(**arguments).mentions(*words)


def test_everyone_gets_a_hidden_copy(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_DEFAULT_BCC=f"Archive <{ARCHIVE}>, ada@example.org"))
    answer = program.send(bcc="bob@example.org").has_state("sent")
    mail = capture.take()
    assert mail.event["recipients"] == ["ada@example.org", "bob@example.org", ARCHIVE]
    assert ARCHIVE.encode() not in mail.data and answer.data["details"]["recipients"] == 3


def test_hints_refuse_nothing(round_trip) -> None:
    answer, _ = round_trip.send(to=["Ada <ada@gmial.com>", "bob@example.org"], body="<p>Dear {name}</p>")
    html, placeholder, typo = answer.data["hints"]
    assert "<p>" in html and "html is false" in html
    assert "{name}" in placeholder and "template_vars" in placeholder
    assert "ada@gmial.com" in typo and "gmail.com" in typo
    for harmless in ({"body": "<p>Dear {name}</p>", "html": True, "template_vars": {"name": "Ada"}}, {"body": "a < b, <bob@example.org>, {1}"}):
        assert "hints" not in round_trip.send(**harmless)[0].data


def test_the_same_mail_with_another_option_is_another_mail(processes) -> None:
    program = processes.program(one_server(processes.capture()))
    for options in ({}, {"priority": "high"}, {"read_receipt": True}, {"headers": {"X-A": "1"}}, {"headers": {"X-A": "2"}}):
        program.send(allow_duplicate=False, **options).has_state("sent")
    program.send(allow_duplicate=False, headers={"X-A": "2"}).has_state("refused")
