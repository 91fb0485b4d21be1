# Which senders a call may choose, and mails that need an extension of the server.
import pytest

from conftest import RoundTrip, one_server
from mail import same_text
from test_parameters import A, B

# -- senders

SENDERS = [
    # SMTP_ALLOWED_FROM, from_email, allowed
    (None, "grace@sender.example", True),
    (None, "Other Name <grace@sender.example>", True),
    (None, "GRACE@SENDER.EXAMPLE", None),
    (None, "boss@sender.example", False),
    (None, "grace@evil.example", False),
    ("boss@sender.example", "boss@sender.example", True),
    ("boss@sender.example, *@team.example", "any.one@team.example", True),
    ("*@team.example", "x@sub.team.example", False),
    ("*@team.example", "x@notteam.example", False),
    ("*@team.example", "x@team.example.evil.example", False),
    ("*@team.example", "grace@sender.example", True),
    ("*", "who@ever.example", True),
    ("*", "not an address", False),
    ("*", "a@x.example, b@x.example", False),
]


@pytest.mark.parametrize(("rule", "sender", "allowed"), SENDERS)
def test_from_email(processes, rule: str | None, sender: str, allowed: bool | None) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_ALLOWED_FROM=rule))
    answer = program.send(from_email=sender)
    if answer.is_error:
        assert allowed is not True, answer
        answer.has_state("refused")
    else:
        assert allowed is not False, answer
        mail = capture.take()
        mail.is_clean()
        bare = sender.partition("<")[2].strip("<>") or sender
        assert mail.sender.casefold() == bare.casefold()
        assert [address.casefold() for address in mail.addresses("from")] == [bare.casefold()]
        assert mail.message["message-id"].casefold().endswith(bare.casefold().partition("@")[2] + ">")
        if "<" in sender:
            assert mail.message["from"].addresses[0].display_name == "Other Name"


# -- internationalised mail

def test_a_utf8_local_part_goes_out_with_smtputf8(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(to="Jürgen <jürgen@bücher.example>")
    assert mail.smtputf8
    (recipient,) = mail.recipients
    assert recipient.startswith("jürgen@")
    assert [address.split("@")[0] for address in mail.addresses("to")] == ["jürgen"]


def test_without_smtputf8_a_utf8_local_part_is_refused_with_the_reason(processes) -> None:
    capture = processes.capture("--without", "SMTPUTF8")
    program = processes.program(one_server(capture))
    program.send(to="jürgen@example.org").has_state("refused").mentions("SMTPUTF8")
    program.send(to="Jürgen <ada@bücher.example>", subject="Grüße", body="größer").has_state("sent")
    mail = capture.take()
    mail.is_clean()
    assert mail.recipients == ["ada@xn--bcher-kva.example"]
    assert mail.message["to"].addresses[0].display_name == "Jürgen"


@pytest.mark.parametrize("without", ["8BITMIME", "PIPELINING", "SIZE", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"])
def test_a_server_without_an_extension_gets_the_same_mail(processes, without: str) -> None:
    capture = processes.capture("--without", without)
    program = processes.program(one_server(capture))
    body = "größer\n.\n.." + "ü" * 1200 + "\n"
    program.send(to=[A, B], body=body).has_state("sent")
    mail = capture.take()
    mail.is_clean()
    assert mail.recipients == [A, B]
    assert same_text(mail.text(), body)
    if without == "8BITMIME":
        assert mail.data.isascii() and not mail.event["body_8bit"]


def test_a_mail_over_the_servers_size_is_refused_before_the_upload(processes) -> None:
    capture = processes.capture("--max-size", "20000")
    program = processes.program(one_server(capture))
    program.send(body="x" * 40_000).has_state("refused")
    program.send(body="small").has_state("sent")
    assert same_text(capture.take().text(), "small")
