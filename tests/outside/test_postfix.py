# The main job against a real Postfix: STARTTLS, login, and what Postfix itself put into the mailbox.
import base64
import os

import pytest

from mail import same_text
from postfix import Postfix


def with_postfix(server: Postfix, **more) -> dict:
    variables = {
        "SMTP_HOST": server.host, "SMTP_PORT": server.port, "SMTP_USERNAME": server.username, "SMTP_PASSWORD": server.password,
        "SMTP_CA_FILE": server.ca_file, "SMTP_MAX_RETRIES": 0, "SMTP_FROM_EMAIL": "Bench <bench@lab.test>",
    } | more
    return {name: value for name, value in variables.items() if value is not None}


@pytest.fixture
def program(stable, mode: str, postfix: Postfix):
    return stable.program(mode, with_postfix(postfix))


def test_a_mail_with_everything(program, postfix: Postfix) -> None:
    data = os.urandom(300_000)
    body = "<p>Grüße, {name}</p>\r\n.\r\n..dots\n"
    answer = program.send(
        to='"Lovelace, Ada" <ada@lab.test>, bob@bücher.test', cc="carl@lab.test", bcc="hidden@lab.test", subject="Größe 日本 " + "lang " * 30 + "Ende",
        body=body, html=True, template_vars={"name": "A & B"}, reply_to="help@lab.test", in_reply_to="1@lab.test", references=["0@lab.test", "1@lab.test"],
        attachments=[{"filename": "報告.bin", "content": base64.b64encode(data).decode()}],
    ).ends("sent")
    copies = postfix.mails(answer.data["message_id"], 4)
    assert sorted(copy.recipients[0] for copy in copies) == ["ada@lab.test", "bob@xn--bcher-kva.test", "carl@lab.test", "hidden@lab.test"]
    for copy in copies:
        copy.is_clean()
        assert copy.sender == "bench@lab.test"
        assert "hidden" not in copy.head.replace("Delivered-To: hidden", "").replace("X-Original-To: hidden", "")
        assert copy.message["subject"] == "Größe 日本 " + "lang " * 30 + "Ende"
        assert copy.addresses("to") == ["ada@lab.test", "bob@xn--bcher-kva.test"]
        assert str(copy.message["in-reply-to"]).strip() == "<1@lab.test>"
        assert same_text(copy.text("html"), body.replace("{name}", "A &amp; B"))
        ((name, _, got),) = copy.attachments()
        assert (name, got) == ("報告.bin", data)


BODIES = [".\n..\n.\n", "x" * 3000, "größer\n", "", "no newline", "\n\n\n", "From me\n"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_bodies(program, postfix: Postfix, body: str) -> None:
    answer = program.send(to="ada@lab.test", body=body).ends("sent")
    (copy,) = postfix.mails(answer.data["message_id"], 1)
    assert same_text(copy.text(), body)


def test_refused_and_deferred_recipients(program, postfix: Postfix) -> None:
    answer = program.send(to=["ada@lab.test", "bad@lab.test", "tmp@lab.test"]).ends("partial").says("1 of 3")
    assert answer.rejected == ["bad@lab.test", "tmp@lab.test"]
    refused, deferred = answer.data["rejected"]
    assert (refused["code"], refused["enhanced_code"]) == (550, "5.1.1")
    assert (deferred["code"], deferred["enhanced_code"]) == (451, "4.3.0")
    assert "no such user here" in refused["reply"]
    assert len(postfix.mails(answer.data["message_id"], 1)) == 1
    program.send(to="bad@lab.test").ends("refused")
    assert program.health("primary")["is_failed"] is False


def test_smtputf8(program, postfix: Postfix) -> None:
    answer = program.send(to="Jürgen <jürgen@lab.test>", subject="Grüße").ends("sent")
    (copy,) = postfix.mails(answer.data["message_id"], 1)
    assert copy.recipients == ["jürgen@lab.test"]
    assert copy.message["subject"] == "Grüße"


def test_implicit_tls(stable, mode: str, postfix: Postfix) -> None:
    program = stable.program(mode, with_postfix(postfix, SMTP_PORT=postfix.implicit_port, SMTP_USE_SSL="true"))
    answer = program.send(to="ada@lab.test").ends("sent")
    assert len(postfix.mails(answer.data["message_id"], 1)) == 1


def test_ten_at_once(program, postfix: Postfix) -> None:
    answers = program.call_all("send_email", [{"to": f"r{number}@lab.test", "subject": f"s{number}", "body": "b"} for number in range(10)])
    for number, answer in enumerate(answers):
        (copy,) = postfix.mails(answer.ends("sent").data["message_id"], 1)
        assert (copy.recipients, copy.message["subject"]) == ([f"r{number}@lab.test"], f"s{number}")


# what is changed, words of the refusal
REFUSALS = {
    "a wrong password": ({"SMTP_PASSWORD": "wrong-secret"}, ["login"]),
    "an untrusted certificate": ({"SMTP_CA_FILE": None}, ["certificate"]),
    "a certificate for another name": ({"SMTP_HOST": Postfix.other_host}, ["certificate"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_no_mail_without_trust(stable, mode: str, postfix: Postfix, name: str) -> None:
    changed, words = REFUSALS[name]
    program = stable.program(mode, with_postfix(postfix, **changed))
    program.send(to="ada@lab.test").ends("refused").says(*words)


def test_the_connection_test(program) -> None:
    answer = program.call("test_smtp_connection")
    assert answer.data["success"] is True, answer
    assert "1.3" in str(answer.data) and "SMTPUTF8" in str(answer.data).upper()
