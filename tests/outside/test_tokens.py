# Where credentials come from: files, commands, systemd.
import base64
from pathlib import Path

import pytest

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
    answer = program.send().has_state("queued").mentions("refused the access token", '{\'status\':\'401\'}', "SMTP_TOKEN_FILE")
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
        ("a.token", {"SMTP_USERNAME": ""}, "SMTP_USERNAME: not set, though SMTP_TOKEN_FILE (environment) is"),
    ):
        if text is not None:
            file.write_text(text)
        said = run(tmp_path, good | variables)
        assert problem in said.stderr and "two words" not in said.stderr, said.stderr


# -- commands

# the variables, the token of each of two logins, how often the command ran
COMMANDS = {
    "a bare token, at each login": ("echo x >>runs; echo token-$(wc -l <runs)", ["token-1", "token-2"], 2),
    "JSON with a lifetime, kept that long": ("echo x >>runs; echo '{\"access_token\": \"token-1\", \"expires_in\": 3600}'", ["token-1", "token-1"], 1),
    "JSON without a lifetime": ("echo x >>runs; echo '{\"access_token\": \"token-1\"}'", ["token-1", "token-1"], 1),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_the_token(processes, tmp_path: Path, name: str) -> None:
    command, tokens, runs = COMMANDS[name]
    scripts = [HELLO + f"C: {auth(token)}\n" + SENT + "close" for token in tokens]
    server = processes.scripted(*scripts)
    program = processes.program(one_server(server, SMTP_USERNAME=USER, SMTP_TOKEN_COMMAND=command), cwd=tmp_path)
    for _ in tokens:
        program.send().has_state("sent")
    processes.stop_all()
    assert logins(server) == [[auth(token)] for token in tokens]
    assert len((tmp_path / "runs").read_text().split()) == runs


# the command, words of the answer
FAILING_COMMANDS = {
    "it fails": ("echo secret-token; echo secret-reason >&2; exit 3", "SMTP_TOKEN_COMMAND: it failed (exit status: 3); run it by hand"),
    "it prints nothing": ("true", "what it printed is not an access token"),
    "it prints two words": ("echo secret-token secret-reason", "what it printed is not an access token"),
    "it prints other JSON": ("echo '{\"token\": \"secret-token\"}'", "not JSON with an access_token"),
    "it prints without end": ("yes secret-token", "it printed more than 65536 bytes"),
    "it waits for input": ("read line || exit 1; echo $line", "it failed (exit status: 1)"),
    "it does not exist": ("no-such-command-here", "it failed (exit status: 127)"),
}


@pytest.mark.parametrize("name", FAILING_COMMANDS)
def test_a_command_that_fails(processes, tmp_path: Path, name: str) -> None:
    command, words = FAILING_COMMANDS[name]
    program = processes.program(one_server(processes.scripted(HELLO), SMTP_USERNAME=USER, SMTP_TOKEN_COMMAND=command))
    answer = program.send().has_state("queued").mentions(words, "run the command by hand")
    assert "secret-" not in answer.text + program.stderr()


@pytest.mark.slow
def test_a_command_that_hangs(processes, tmp_path: Path) -> None:
    """It is given up in time, and nothing of it is left."""
    command = f"sleep 300 & echo $! >{tmp_path}/pid; sleep 300"
    program = processes.program(one_server(processes.scripted(HELLO), SMTP_USERNAME=USER, SMTP_TOKEN_COMMAND=command))
    program.send().has_state("queued").mentions("it took more than 20 s")
    child = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_toml_names_a_program_and_its_arguments(processes, tmp_path: Path) -> None:
    server = processes.scripted(HELLO + f"C: {auth('one.token')}\n" + SENT)
    file = tmp_path / "config.toml"
    file.write_text(f"""
[[server]]
host = "{server.host}"
port = {server.port}
use_tls = false
username = "{USER}"
from_email = "me@first.example"
token_command = ["printf", "%s.token", "one"]
""")
    processes.program({}, "--config", str(file)).send().has_state("sent")
    processes.stop_all()
    assert server.faults == []


# -- passwords

def test_where_a_password_may_come_from(processes, tmp_path: Path) -> None:
    capture = processes.capture("--login", "grace:pass word-ä")
    file = tmp_path / "password"
    file.write_text("pass word-ä\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "SMTP_PASSWORD").write_text("pass word-ä\n")
    (credentials / "unrelated").write_text("x")
    for name, variables in {
        "a file": {"SMTP_PASSWORD_FILE": file},
        "a command": {"SMTP_PASSWORD_COMMAND": f"cat {file}; echo a second line"},
        "systemd": {"CREDENTIALS_DIRECTORY": credentials},
        "the one that SMTP_AUTH names": {"SMTP_PASSWORD_FILE": file, "SMTP_TOKEN_COMMAND": "false", "SMTP_AUTH": "password"},
    }.items():
        program = processes.program(one_server(capture, SMTP_USERNAME="grace", SMTP_FROM_EMAIL="grace@sender.example", **variables))
        program.send(subject=name).has_state("sent")
        assert capture.take().message["subject"] == name
    file.write_text("wrong")
    program = processes.program(one_server(capture, SMTP_USERNAME="grace", SMTP_FROM_EMAIL="grace@sender.example", SMTP_PASSWORD_FILE=file))
    program.send().has_state("refused").mentions("the password in SMTP_PASSWORD_FILE")
    file.write_text("pass word-ä")
    program.call("reload_smtp_configuration")
    program.send().has_state("sent")


# the variables besides host and user name, the problem
HALF_LOGINS = {
    "no client": ({"SMTP_AUTH": "oauth"}, "SMTP_OAUTH_CLIENT_ID: not set, though SMTP_AUTH (environment) is, expected the id of an application"),
    "no client secret": ({"SMTP_OAUTH_ISSUER": "https://i.example", "SMTP_OAUTH_CLIENT_ID": "x"}, "SMTP_OAUTH_CLIENT_SECRET: not set, though SMTP_OAUTH_ISSUER (environment) is"),
    "a client secret alone": ({"SMTP_OAUTH_CLIENT_SECRET": "x"}, "SMTP_OAUTH_CLIENT_ID: not set, though SMTP_OAUTH_CLIENT_SECRET (environment) is"),
    "no password": ({"SMTP_AUTH": "password"}, "SMTP_PASSWORD: not set, though SMTP_AUTH (environment) is"),
    "two passwords": ({"SMTP_PASSWORD": "x", "SMTP_PASSWORD_COMMAND": "y"}, "SMTP_PASSWORD (environment) and SMTP_PASSWORD_COMMAND (environment): found both"),
    "two tokens": ({"SMTP_TOKEN_COMMAND": "x", "SMTP_OAUTH_ISSUER": "https://i.example"}, "SMTP_TOKEN_COMMAND (environment) and SMTP_OAUTH_ISSUER (environment): found both"),
    "a password and a client": ({"SMTP_PASSWORD": "x", "SMTP_OAUTH_CLIENT_ID": "y"}, "found both, expected one of them, or SMTP_AUTH to say which one counts"),
    "an unknown method": ({"SMTP_AUTH": "kerberos"}, "found \"kerberos\", expected one of auto, password, oauth"),
    "an issuer in plaintext": ({"SMTP_OAUTH_ISSUER": "http://i.example", "SMTP_OAUTH_CLIENT_ID": "x", "SMTP_OAUTH_CLIENT_SECRET": "y"}, "it is not https"),
    "no user name": ({"SMTP_USERNAME": "", "SMTP_AUTH": "oauth"}, "SMTP_USERNAME: not set, though SMTP_AUTH (environment) is"),
    "nowhere to store": ({"SMTP_OAUTH_CLIENT_ID": "x", "HOME": ""}, "SMTP_MCP_STATE_DIR: not set, and neither is HOME"),
}


@pytest.mark.parametrize("name", HALF_LOGINS)
def test_half_a_login_is_refused(tmp_path: Path, name: str) -> None:
    variables, problem = HALF_LOGINS[name]
    said = run(tmp_path, {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": USER, "SMTP_USERNAME": USER} | variables)
    assert problem in said.stderr, said.stderr
