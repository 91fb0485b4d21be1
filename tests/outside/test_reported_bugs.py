# What other mail senders got wrong, according to public bug reports, through the real program.
import subprocess
from pathlib import Path

import pytest

from conftest import one_server
from failures import HELLO, LOGIN, USER
from programs import BINARY, own_environment

ENVELOPE = HELLO + "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: {rcpt}\nC: DATA\nS: 503 no"
AT_MAIL = HELLO + "C: MAIL FROM\nS: {mail}\nC: RCPT\nS: 503 no\nC: DATA\nS: 503 no"
# What a server says, and the advice; what it must not be taken for.
ADVICE = {
    "Postfix, a sender that is not owned": (ENVELOPE.format(rcpt="553 5.7.1 <g@sender.example>: Sender address rejected: not owned by user ada"), "set SMTP_FROM_EMAIL", "Check the address"),
    "Postfix, a short name in EHLO": (ENVELOPE.format(rcpt="504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname"), "SMTP_EHLO_NAME", "Check the address"),
    "Exchange, an invalid name in EHLO": ("S: 220 hello\nC: EHLO\nS: 501 5.5.4 Invalid domain name\nC: HELO\nS: 501 5.5.4 Invalid domain name\nC: QUIT\nS: 221 bye", "SMTP_EHLO_NAME", "SMTP_HOST"),
    "Postfix, TLS required": (AT_MAIL.format(mail="530 5.7.0 Must issue a STARTTLS command first"), "SMTP_USE_TLS", "SMTP_PASSWORD"),
    "Postfix, a mail too large": (AT_MAIL.format(mail="552 5.3.4 Message size exceeds fixed limit"), "too large", "SMTP_FROM_EMAIL"),
    "Postfix, a listed address": (ENVELOPE.format(rcpt="554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org"), "IP address of this machine", "Check the address"),
    "Postfix, no relay": (ENVELOPE.format(rcpt="554 5.7.1 <b@x.org>: Relay access denied"), "after a login", "Check the address"),
    "Gmail, a daily limit": (AT_MAIL.format(mail="550 5.4.5 Daily user sending limit exceeded."), "sending limit", "SMTP_FROM_EMAIL"),
    "Gmail, a full mailbox": (ENVELOPE.format(rcpt="552 5.2.2 The email account that you tried to reach is over quota."), "mailbox is full", "Check the address"),
}


@pytest.mark.parametrize("name", ADVICE)
def test_the_advice_is_about_the_cause(processes, name: str) -> None:
    script, advice, wrong = ADVICE[name]
    answer = processes.program(one_server(processes.scripted(script))).send().mentions(advice)
    assert wrong not in answer.text.partition('". ')[2], answer


GREETING = "S: 220 hello\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH PLAIN LOGIN\n"


def test_another_mechanism_is_tried_where_one_is_refused(processes) -> None:
    script = GREETING + "C: AUTH PLAIN\nS: 504 5.7.4 Unrecognized authentication type\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bG9n\nS: 334 UGFzc3dvcmQ6\nC: Y2Fu\nS: 235 ok\n"
    script += "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 taken"
    processes.program(one_server(processes.scripted(script), **LOGIN)).send().has_state("sent")


# The password, what the server says of it, and what is shown.
ECHOES = {
    "a word of the reply": ("authentication", "Error: authentication failed", "Error: authentication failed"),
    "a part of a word": ("fail", "Authentication failed", "Authentication failed"),
    "a real password": ("s3cret-pass", "no s3cret-pass here", "no [hidden] here"),
    "in full-width letters": ("s3cret-pass", "no ｓ３ｃｒｅｔ－ｐａｓｓ here", "no [hidden] here"),
    "with invisible characters": ("s3cret-pass", "no s3c\u200bret-\u200dpass here", "no [hidden] here"),
    "in capitals": ("s3cret-pass", "no S3CRET-PASS here", "no [hidden] here"),
    "in base64": ("s3cret-pass", "no czNjcmV0LXBhc3M= here", "no [hidden] here"),
}


@pytest.mark.parametrize("name", ECHOES)
@pytest.mark.parametrize("phase", ["login", "greeting"])
def test_what_is_hidden_tells_nothing(processes, name: str, phase: str) -> None:
    password, said, shown = ECHOES[name]
    script = f"S: 554 5.7.1 {said}" if phase == "greeting" else GREETING + f"C: AUTH PLAIN\nS: 535 5.7.8 {said}\nC: QUIT\nS: 221 bye"
    program = processes.program(one_server(processes.scripted(script), **LOGIN | {"SMTP_PASSWORD": password}))
    program.send().mentions(f" {shown}\"")


@pytest.mark.parametrize(("password", "is_warned"), [("Login", True), ("wrong password", True), ("s3cret-pass", False)])
def test_check_warns_of_a_password_that_cannot_be_hidden(processes, tmp_path: Path, password: str, is_warned: bool) -> None:
    capture = processes.capture("--login", f"{USER}:{password}")
    variables = one_server(capture, **LOGIN | {"SMTP_PASSWORD": password})
    done = subprocess.run([str(BINARY), "check"], env=own_environment(tmp_path, variables), cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ("choose another one" in done.stdout) == is_warned, done.stdout
