# Configuration from outside: what is accepted, and every problem at once where it is not.
from pathlib import Path

import pytest

from conftest import one_server
from pipe import run

GOOD = {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "a@example.org"}
# variables over GOOD (None takes one away), words on stderr
WRONG = [
    ({"SMTP_HOST": None}, ["SMTP_HOST"]),
    ({"SMTP_HOST": "", "SMTP_FROM_EMAIL": ""}, ["SMTP_HOST"]),
    ({"SMTP_HOST": "not a host"}, ["SMTP_HOST"]),
    ({"SMTP_PORT": "0"}, ["SMTP_PORT", "65535"]),
    ({"SMTP_PORT": "65536"}, ["SMTP_PORT", "65536"]),
    ({"SMTP_PORT": "smtp"}, ["SMTP_PORT", "smtp"]),
    ({"SMTP_USE_TLS": "maybe"}, ["SMTP_USE_TLS", "maybe"]),
    ({"SMTP_USE_SSL": "2"}, ["SMTP_USE_SSL"]),
    ({"SMTP_USE_SSL": "true", "SMTP_USE_TLS": "true"}, ["SMTP_USE_SSL", "SMTP_USE_TLS"]),
    ({"SMTP_USERNAME": "someone"}, ["SMTP_PASSWORD"]),
    ({"SMTP_PASSWORD": "hidden-value"}, ["SMTP_USERNAME"]),
    ({"SMTP_FROM_EMAIL": None}, ["SMTP_FROM_EMAIL"]),
    ({"SMTP_FROM_EMAIL": "nobody"}, ["SMTP_FROM_EMAIL"]),
    ({"SMTP_ALLOWED_FROM": "nonsense"}, ["SMTP_ALLOWED_FROM"]),
    ({"SMTP_TIMEOUT": "soon"}, ["SMTP_TIMEOUT"]),
    ({"SMTP_TIMEOUT": "0"}, ["SMTP_TIMEOUT"]),
    ({"SMTP_MAX_RETRIES": "11"}, ["SMTP_MAX_RETRIES", "10"]),
    ({"SMTP_MAX_RETRIES": "-1"}, ["SMTP_MAX_RETRIES"]),
    ({"SMTP_PRIORITY": "high"}, ["SMTP_PRIORITY"]),
    ({"SMTP_CA_FILE": "/nonexistent/ca.pem"}, ["SMTP_CA_FILE"]),
    ({"SMTP_CA_FILE": __file__}, ["SMTP_CA_FILE"]),
    ({"SMTP_ATTACHMENT_DIRS": "/nonexistent/folder"}, ["SMTP_ATTACHMENT_DIRS"]),
    ({"SMTP_USE_TLS": "false", "SMTP_USERNAME": "u@example.org", "SMTP_PASSWORD": "hidden-value"}, ["SMTP_ALLOW_PLAINTEXT_AUTH"]),
    ({"SMTP_HOST_1": "a.example", "SMTP_HOST_2": "b.example", "SMTP_FROM_EMAIL_1": "a@a.example", "SMTP_FROM_EMAIL_2": "b@b.example", "SMTP_NAME_1": "same", "SMTP_NAME_2": "same"}, ["SMTP_NAME_2", "same"]),
    ({"SMTP_HOST_3": "a.example"}, ["SMTP_FROM_EMAIL_3"]),
    ({"SMTP_PORT": "x", "SMTP_USE_TLS": "maybe", "SMTP_MAX_RETRIES": "99", "SMTP_FROM_EMAIL": "nobody"}, ["SMTP_PORT", "SMTP_USE_TLS", "SMTP_MAX_RETRIES", "SMTP_FROM_EMAIL"]),
    ({"SMTP_HOST_1": "a.example", "SMTP_PORT_1": "x", "SMTP_HOST_2": "b.example", "SMTP_PORT_2": "y"}, ["SMTP_PORT_1", "SMTP_PORT_2", "SMTP_FROM_EMAIL_1", "SMTP_FROM_EMAIL_2"]),
    ({"LOG_LEVEL": "LOUD"}, ["LOG_LEVEL", "LOUD"]),
]


@pytest.mark.parametrize(("variables", "words"), WRONG, ids=lambda value: str(value)[:60])
def test_every_problem_at_once_on_stderr_and_exit_1(tmp_path: Path, variables: dict, words: list[str]) -> None:
    merged = {name: value for name, value in (GOOD | variables).items() if value is not None}
    done = run(tmp_path, merged)
    assert done.returncode == 1, done
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr, f"{word} is missing in:\n{done.stderr}"
    assert "hidden-value" not in done.stderr
    assert "panicked" not in done.stderr


RIGHT = [
    {"SMTP_USE_SSL": "true"},
    {"SMTP_USE_TLS": "yes"}, {"SMTP_USE_TLS": "ON"}, {"SMTP_USE_TLS": "0"},
    {"SMTP_USERNAME": "u@example.org", "SMTP_PASSWORD": "p", "SMTP_FROM_EMAIL": None},
    {"SMTP_USE_TLS": "false", "SMTP_HOST": "127.0.0.1", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "p"},
    {"SMTP_USE_TLS": "false", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "p", "SMTP_ALLOW_PLAINTEXT_AUTH": "true"},
    {"SMTP_PORT": "", "SMTP_USERNAME": "", "SMTP_PASSWORD": "", "SMTP_NAME": ""},
    {"SMTP_HOST_2": "b.example", "SMTP_FROM_EMAIL_2": "b@b.example", "SMTP_HOST_7": "c.example", "SMTP_FROM_EMAIL_7": "c@c.example"},
    *({"LOG_LEVEL": level} for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "debug", "trace", "warn")),
]


@pytest.mark.parametrize("variables", RIGHT, ids=lambda value: str(value)[:60])
def test_what_is_right_starts_and_ends_with_stdin(tmp_path: Path, variables: dict) -> None:
    merged = {name: value for name, value in (GOOD | variables).items() if value is not None}
    done = run(tmp_path, merged)
    assert (done.returncode, done.stdout) == (0, ""), done


def test_numbered_servers_with_gaps_in_order(processes) -> None:
    variables = {"SMTP_HOST": "ignored.example"}
    for number in (7, 2):
        variables |= {f"SMTP_HOST_{number}": f"s{number}.example", f"SMTP_FROM_EMAIL_{number}": f"me@s{number}.example"}
    program = processes.program(variables)
    found = [(server["name"], server["host"], server["priority"]) for server in program.call("get_smtp_status").data["server_configurations"]]
    assert found == [("server_2", "s2.example", 98), ("server_7", "s7.example", 93)]
    assert "SMTP_HOST" in program.stderr(), "the ignored variable deserves a warning"


def test_an_unknown_variable_is_a_warning(tmp_path: Path) -> None:
    done = run(tmp_path, GOOD | {"SMTP_PASWORD": "hidden-value"})
    assert done.returncode == 0
    assert "SMTP_PASWORD" in done.stderr and "hidden-value" not in done.stderr


def test_start_up_lines(tmp_path: Path) -> None:
    done = run(tmp_path, GOOD | {"SMTP_PORT": "2525", "SMTP_NAME": "my-server"})
    for word in ("stdio", "my-server", "smtp.example.org", "2525"):
        assert word in done.stderr, done.stderr
    quiet = run(tmp_path, GOOD | {"LOG_LEVEL": "ERROR"})
    assert quiet.stderr == "", quiet.stderr


@pytest.mark.parametrize("arguments", [("--transport", "carrier-pigeon"), ("--no-such-flag",), ("--env-file", "/nonexistent.env"), ("--config", "/nonexistent.toml")])
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, GOOD, *arguments)
    assert done.returncode in (1, 2) and done.stderr and done.stdout == "", done
    assert arguments[-1] in done.stderr


def test_a_dot_env_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMTP_HOST=dotenv.example\nSMTP_FROM_EMAIL=a@dotenv.example\n")
    assert "dotenv.example" in run(tmp_path, {}).stderr
    assert "dotenv.example" not in run(tmp_path, GOOD).stderr, "the environment names a server: .env is somebody else's"


def test_check_prints_the_configuration_without_secrets_and_tries_each_server(processes, tmp_path: Path) -> None:
    capture = processes.capture("--login", "user@sender.example:right-secret")
    variables = one_server(capture, SMTP_USERNAME="user@sender.example", SMTP_PASSWORD="right-secret", SMTP_NAME="checked")
    done = run(tmp_path, variables, "check")
    assert done.returncode == 0, done
    said = done.stdout + done.stderr
    assert "checked" in said and str(capture.port) in said
    assert "right-secret" not in said
    assert [event["ok"] for event in capture.wait("login")] == [True]
    failing = run(tmp_path, variables | {"SMTP_PASSWORD": "wrong-secret"}, "check")
    assert failing.returncode != 0 and "wrong-secret" not in failing.stdout + failing.stderr
