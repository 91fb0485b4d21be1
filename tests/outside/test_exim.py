# Sending through a real Exim, another implementation of the same standards with another TLS library: what it put into the mailbox.
import pytest

import everything
from exim import Exim
from mail import same_text
from programs import Program


@pytest.fixture(scope="module")
def program(module_processes, exim: Exim) -> Program:
    return module_processes.program(exim.variables())


def test_a_mail_with_everything(program: Program, exim: Exim) -> None:
    answer, data = everything.send(program)
    everything.assert_delivered(exim, exim.mails(answer.data["message_id"], 4), data)
    exim.logged(rf"<= bench@lab\.test .* P=esmtpsa .* A=plain:bench@lab\.test .* id={answer.data['message_id'].strip('<>')}$")


def test_smtputf8_beside_a_refused_recipient(program: Program, exim: Exim) -> None:
    body = "größer\n.\n"
    answer = program.send(to=["Jürgen <jürgen@lab.test>", "bad@lab.test"], subject="Grüße", body=body).has_state("partial").mentions("550 5.1.1", "no such user here")
    assert answer.rejected == ["bad@lab.test"]
    (copy,) = exim.final_copies(answer.data["message_id"])
    copy.is_clean()
    assert (copy.recipients, copy.message["subject"]) == (["jürgen@lab.test"], "Grüße")
    assert same_text(copy.text(), body)
    assert "with utf8esmtpsa" in copy.message["received"]
