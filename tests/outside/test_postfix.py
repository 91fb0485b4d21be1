# Sending through a real Postfix: STARTTLS, login, and what it put into the mailbox.
import pytest

import everything
from mail import same_text
from postfix import Postfix


@pytest.fixture(scope="module")
def program(module_processes, postfix: Postfix):
    return module_processes.program(postfix.variables())


def test_a_mail_with_everything(program, postfix: Postfix) -> None:
    answer, data = everything.send(program)
    everything.assert_delivered(postfix, postfix.mails(answer.data["message_id"], 4), data)


BODIES = [".\n..\n.\n", "x" * 3000, "größer\n", "", "no newline", "\n\n\n", "From me\n"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
def test_bodies(program, postfix: Postfix, body: str) -> None:
    answer = program.send(to="ada@lab.test", body=body).has_state("sent")
    (copy,) = postfix.mails(answer.data["message_id"], 1)
    assert same_text(copy.text(), body)


def test_refused_and_deferred_recipients(program, postfix: Postfix) -> None:
    answer = program.send(to=["ada@lab.test", "bad@lab.test", "tmp@lab.test"]).has_state("queued").mentions("Already sent to ada@lab.test")
    assert (answer.rejected, answer.data["pending"]) == (["bad@lab.test"], ["tmp@lab.test"])
    (refused,) = answer.data["rejected"]
    email = program.call("get_email", id=answer.data["id"]).data["email"]
    deferred = next(one for one in email["recipients"] if one["status"] == "pending")
    assert (refused["code"], refused["enhanced_code"]) == (550, "5.1.1")
    assert (deferred["code"], deferred["enhanced_code"]) == (450, "4.2.0")
    assert "no such user here" in refused["reply"] and "try later" in deferred["reply"]
    assert len(postfix.mails(answer.data["message_id"], 1)) == 1
    program.send(to="bad@lab.test").has_state("refused")
    assert program.health("primary")["is_failed"] is False


# the recipient, the protocol in Postfix's Received field (RFC 3848, RFC 6531)
ALPHABETS = {
    "an address needs SMTPUTF8": ("jürgen@lab.test", "UTF8SMTPSA"),
    "only names and text are beyond ASCII": ("juergen@lab.test", "ESMTPSA"),
}


@pytest.mark.parametrize("name", ALPHABETS)
def test_smtputf8(program, postfix: Postfix, name: str) -> None:
    address, protocol = ALPHABETS[name]
    answer = program.send(to=f"Jürgen Groß <{address}>", subject="Grüße 日本", body="größer").has_state("sent")
    (copy,) = postfix.mails(answer.data["message_id"], 1)
    copy.is_clean()
    assert (copy.recipients, copy.addresses("to"), copy.names("to")) == ([address], [address], ["Jürgen Groß"])
    assert copy.message["subject"] == "Grüße 日本"
    assert same_text(copy.text(), "größer")
    assert copy.head.isascii() is address.isascii()
    assert f"with {protocol} id" in copy.message["received"]


def test_implicit_tls(processes, postfix: Postfix) -> None:
    program = processes.program(postfix.variables(SMTP_PORT=postfix.ports["implicit"], SMTP_USE_SSL="true"))
    answer = program.send(to="ada@lab.test").has_state("sent")
    (copy,) = postfix.mails(answer.data["message_id"], 1)
    assert "with ESMTPSA id" in copy.message["received"]


def test_ten_at_once(program, postfix: Postfix) -> None:
    answers = program.call_all("send_email", [{"to": f"r{number}@lab.test", "subject": f"s{number}", "body": "b"} for number in range(10)])
    for number, answer in enumerate(answers):
        (copy,) = postfix.mails(answer.has_state("sent").data["message_id"], 1)
        assert (copy.recipients, copy.message["subject"]) == ([f"r{number}@lab.test"], f"s{number}")


# what is changed, words of the refusal
REFUSALS = {
    "a wrong password": ({"SMTP_PASSWORD": "wrong-secret"}, ["login"]),
    "an untrusted certificate": ({"SMTP_CA_FILE": None}, ["certificate"]),
    "a certificate for another name": ({"SMTP_HOST": Postfix.other_host}, ["certificate"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_no_mail_without_trust(processes, postfix: Postfix, name: str) -> None:
    changed, words = REFUSALS[name]
    program = processes.program(postfix.variables(**changed))
    program.send(to="ada@lab.test").has_state("refused").mentions(*words)


def test_the_connection_test(program) -> None:
    answer = program.call("test_smtp_connection")
    assert answer.data["success"] is True, answer
    assert "1.3" in str(answer.data) and "SMTPUTF8" in str(answer.data).upper()
