# One mail that uses every argument of send_email, and the checks on its copies, whatever server they went through.
from __future__ import annotations

import base64
import os

from mail import Mail, same_text
from programs import Answer, Program
from real_server import RealServer, recipients

SUBJECT = "Größe 日本 " + "lang " * 30 + "Ende"
BODY = "<p>Grüße, {name}</p>\r\n.\r\n..dots\n"
FILE = "報告.bin"


def send(program: Program) -> tuple[Answer, bytes]:
    """The answer, and the bytes of the attachment."""
    data = os.urandom(300_000)
    answer = program.send(
        to='"Lovelace, Ada" <ada@lab.test>, bob@bücher.test', cc="carl@lab.test", bcc="hidden@lab.test", subject=SUBJECT,
        body=BODY, html=True, template_vars={"name": "A & B"}, reply_to="help@lab.test", in_reply_to="1@lab.test", references=["0@lab.test", "1@lab.test"],
        attachments=[{"filename": FILE, "content": base64.b64encode(data).decode()}],
    )
    return answer.has_state("sent"), data


def assert_delivered(server: RealServer, copies: list[Mail], data: bytes) -> None:
    assert recipients(copies) == ["ada@lab.test", "bob@xn--bcher-kva.test", "carl@lab.test", "hidden@lab.test"]
    for copy in copies:
        copy.is_clean()
        assert copy.sender == "bench@lab.test"
        own_trace = [line for line in copy.head.splitlines() if line.startswith(server.recipient_fields)]
        assert copy.head.count("hidden") == sum(line.count("hidden") for line in own_trace), copy.head
        assert copy.message["subject"] == SUBJECT
        assert copy.addresses("to") == ["ada@lab.test", "bob@xn--bcher-kva.test"]
        assert copy.addresses("cc") == ["carl@lab.test"]
        assert copy.addresses("reply-to") == ["help@lab.test"]
        assert str(copy.message["in-reply-to"]).strip() == "<1@lab.test>"
        assert str(copy.message["references"]).split() == ["<0@lab.test>", "<1@lab.test>"]
        assert same_text(copy.text("html"), BODY.replace("{name}", "A &amp; B"))
        ((name, _, got),) = copy.attachments()
        assert (name, got) == (FILE, data)
