# Logins with an access token from a file that something else refreshes.
import base64
from pathlib import Path

from conftest import one_server
from pipe import run

USER = "grace@sender.example"
HELLO = "S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2 PLAIN\n"
SENT = "S: 235 2.7.0 welcome\nC: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 taken\n"
REFUSED = "S: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: \nS: 535 5.7.8 not accepted\n"


def auth(token: str) -> str:
    """The line that logs in with this token."""
    response = f"user={USER}\x01auth=Bearer {token}\x01\x01".encode()
    return "AUTH XOAUTH2 " + base64.b64encode(response).decode()


def logins(server) -> list[list[str]]:
    """The logins of each connection."""
    return [[line for line in conversation.said if line.startswith("AUTH")] for conversation in server.conversations]


def test_the_file_is_read_at_each_login(processes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first.token\n")
    # The first connection ends after its mail, so that the second mail needs another login.
    server = processes.scripted(HELLO + f"C: {auth('first.token')}\n" + SENT + "close", HELLO + f"C: {auth('second.token')}\n" + SENT)
    program = processes.program(one_server(server, SMTP_USERNAME=USER, SMTP_TOKEN_FILE=file))
    program.send().has_state("sent")
    file.write_text("second.token")
    program.send().has_state("sent")
    processes.stop_all()
    assert logins(server) == [[auth("first.token")], [auth("second.token")]]
    assert server.faults == []


def test_a_refused_token_is_not_the_end(processes, tmp_path: Path) -> None:
    """A server that refused a token is in back-off, not paused: what refreshes the file may have done it by the next mail."""
    file = tmp_path / "token"
    file.write_text("old.token")
    server = processes.scripted(HELLO + "C: AUTH XOAUTH2\n" + REFUSED, HELLO + f"C: {auth('new.token')}\n" + SENT)
    program = processes.program(one_server(server, SMTP_USERNAME=USER, SMTP_TOKEN_FILE=file))
    answer = program.send().has_state("refused").mentions("refused the access token", '{\'status\':\'401\'}', "SMTP_TOKEN_FILE")
    assert "old.token" not in answer.text
    assert program.health("primary")["is_paused"] is False
    file.write_text("new.token")
    program.send().has_state("sent")
    processes.stop_all()
    assert logins(server) == [[auth("old.token")], [auth("new.token")]]


def test_what_the_file_holds_is_checked_at_the_start(processes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    good = {"SMTP_HOST": "smtp.example.org", "SMTP_USERNAME": USER, "SMTP_TOKEN_FILE": str(file)}
    for text, variables, problem in (
        (None, {}, "cannot be read"),
        ("", {}, "it is empty"),
        ("{ two words }", {}, "not visible ASCII"),
        ("a.token", {"SMTP_PASSWORD": "word"}, "found both, expected one of them"),
        ("a.token", {"SMTP_USERNAME": ""}, "SMTP_USERNAME (environment): not set, though SMTP_TOKEN_FILE is"),
    ):
        if text is not None:
            file.write_text(text)
        said = run(tmp_path, good | variables)
        assert problem in said.stderr and "two words" not in said.stderr, said.stderr
