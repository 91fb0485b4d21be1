# Logs contain no secret, whole address, subject or body at any level, and stdout carries only the protocol.
import base64
import json

import pytest

from conftest import one_server, several_servers

USER, PASSWORD, WRONG = "login.user@sender.example", "pass-word-of-mine", "wrong-word-of-mine"
RECIPIENTS = ["someone.special@example.org", "bad.one@example.org", "hidden.reader@example.org"]
CONFIDENTIAL = {"subject": "Subject-of-great-secrecy {value}", "body": "Body-of-great-secrecy {value}", "template_vars": {"value": "Value-of-great-secrecy"}}


def secrets(password: str) -> list[str]:
    plain = [password, USER, *RECIPIENTS, "grace@sender.example", "of-great-secrecy", "Name-of-file"]
    encoded = [password.encode(), USER.encode(), f"\0{USER}\0{password}".encode(), b"Content-of-file"]
    return plain + [base64.b64encode(one).decode().rstrip("=") for one in encoded]


def busy_day(call) -> None:
    """Calls of every kind, good and bad."""
    file = {"filename": "Name-of-file.txt", "content": base64.b64encode(b"Content-of-file").decode()}
    call("send_email", to=RECIPIENTS[:2], bcc=RECIPIENTS[2], attachments=[file], **CONFIDENTIAL)
    call("send_email", to=RECIPIENTS[0], html=True, **CONFIDENTIAL)
    call("send_email", to=f"{RECIPIENTS[0]} {RECIPIENTS[1]}", **CONFIDENTIAL)
    call("send_email", to=RECIPIENTS[0], from_email="not.allowed@sender.example", **CONFIDENTIAL)
    call("send_email", to=RECIPIENTS[0], subject="of-great-secrecy {gone}", body="b", template_vars={"x": "of-great-secrecy"})
    for tool in ("test_smtp_connection", "get_smtp_status", "switch_smtp_server", "reload_smtp_configuration", "reconnect_smtp_servers"):
        call(tool)


@pytest.mark.parametrize("level", ["DEBUG", "TRACE"])
@pytest.mark.parametrize("password", [PASSWORD, WRONG])
def test_logs(processes, level: str, password: str) -> None:
    capture = processes.capture("--refuse", "bad*", "--login", f"{USER}:{PASSWORD}")
    variables = one_server(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=password, LOG_LEVEL=level, RUST_LOG="trace")
    pipe = processes.pipe(variables).handshake()
    busy_day(pipe.call)
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    log = pipe.stderr()
    assert log, "nothing is logged at all"
    for secret in secrets(password):
        assert secret not in log, f"{secret!r} stands in the log:\n" + "\n".join(line for line in log.splitlines() if secret in line)
    for line in pipe.lines.entries:
        assert json.loads(line)["jsonrpc"] == "2.0"


def test_logs_of_a_failover(processes, refused_port) -> None:
    second = processes.capture("--after-dot", "drop-kept")
    pipe = processes.pipe(several_servers(refused_port, second, LOG_LEVEL="TRACE")).handshake()
    pipe.call("send_email", to=RECIPIENTS[0], **CONFIDENTIAL).has_state("unknown")
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    for secret in (RECIPIENTS[0], "me@first.example", "me@second.example", "of-great-secrecy"):
        assert secret not in pipe.stderr(), pipe.stderr()


def test_debug_tells_more_than_info(processes) -> None:
    logs = {}
    for level in ("WARNING", "INFO", "DEBUG"):
        pipe = processes.pipe(one_server(processes.capture(), LOG_LEVEL=level)).handshake()
        pipe.call("send_email", to=RECIPIENTS[0], **CONFIDENTIAL).has_state("sent")
        pipe.close_stdin()
        assert pipe.exit_status(8) == 0
        logs[level] = len(pipe.stderr().splitlines())
    assert logs["WARNING"] == 0 < logs["INFO"] < logs["DEBUG"], logs
