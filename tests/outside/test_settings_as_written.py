# Settings as people write them: each either works, or the first words about it name the cure.
import os
import stat
from pathlib import Path

import pytest

from conftest import one_server, several_servers
from pipe import run

HOST = {"SMTP_HOST": "smtp.example.org"}
LOGIN = HOST | {"SMTP_USERNAME": "ada@example.org", "SMTP_PASSWORD": "s3cret-pass"}
SECRET = "s3cret"


def settings(tmp_path: Path, text: str | bytes, name: str = "smtp.env") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


def lines(variables: dict) -> str:
    return "".join(f"{name}={value}\n" for name, value in variables.items() if value is not None)


# What is set besides LOGIN (None takes one away), and how the first line about it begins.
ENVIRONMENT = {
    "two names, two values": ({"SMTP_USER": "bob@example.org"}, "SMTP_USER (environment) and SMTP_USERNAME (environment): found different values"),
    "two names of the password": ({"SMTP_PASS": f"{SECRET}-other"}, "SMTP_PASS (environment) and SMTP_PASSWORD (environment): found different values"),
    "a placeholder of Claude Desktop": ({"SMTP_PASSWORD": "${user_config.password}"}, 'SMTP_PASSWORD (environment): fill in the real value: found the placeholder "${user_config.password}"'),
    "a placeholder of VS Code": ({"SMTP_HOST": "${input:host}"}, 'SMTP_HOST (environment): fill in the real value: found the placeholder "${input:host}"'),
    "a variable": ({"SMTP_USERNAME": "${SMTP_LOGIN}"}, "SMTP_USERNAME (environment): fill in the real value"),
    "change me": ({"SMTP_PASSWORD": "change me"}, "SMTP_PASSWORD (environment): fill in the real value: found the placeholder, which counts as not set"),
    "your-app-password": ({"SMTP_PASSWORD": "your-app-password"}, "SMTP_PASSWORD (environment): fill in the real value"),
    "fill-in": ({"SMTP_USERNAME": "fill-in"}, "SMTP_USERNAME (environment): fill in the real value"),
    "a numbered placeholder": ({"SMTP_HOST_2": "b.example", "SMTP_USERNAME_2": "b@b.example", "SMTP_PASSWORD_2": "<your password>"}, "SMTP_PASSWORD_2 (environment): fill in the real value"),
    "a wrong name": ({"SMTP_HOST": None, "SMTP_SERVER": "smtp.example.org"}, "SMTP_SERVER (environment): this variable is unknown and has no effect; did you mean SMTP_HOST?"),
    "a home directory": ({"SMTP_CA_FILE": "~/ca.pem"}, 'SMTP_CA_FILE (environment): found "~/ca.pem" (~ is not expanded here: write the whole path'),
    "a home directory for the outbox": ({"SMTP_MCP_OUTBOX": "sqlite:~/outbox.db"}, 'SMTP_MCP_OUTBOX (environment): found "sqlite:~/outbox.db" (~ is not expanded here'),
    "a home directory for attachments": ({"SMTP_ATTACHMENT_DIRS": "/tmp:~/files"}, 'SMTP_ATTACHMENT_DIRS (environment): found "/tmp:~/files" (~ is not expanded here'),
}


@pytest.mark.parametrize("case", ENVIRONMENT)
def test_a_mistake_in_the_environment_is_named_first(tmp_path: Path, case: str) -> None:
    variables, beginning = ENVIRONMENT[case]
    given = {name: value for name, value in (LOGIN | variables).items() if value is not None}
    done = run(tmp_path, given, "check")
    first = done.stdout.splitlines()[0].removeprefix("failed: The settings cannot be used: ")
    assert done.returncode == 1 and first.startswith(beginning), done.stdout
    assert SECRET not in done.stdout + done.stderr


FILES = {
    "an app password with blanks": (LOGIN | {"SMTP_HOST": "smtp.gmail.com", "SMTP_PASSWORD": "abcd efgh ijkl mnop"}, "SMTP_PASSWORD ({file}, line 3): write the app password without the blanks, as 16 letters"),
    "a quote in a value": (LOGIN | {"SMTP_PASSWORD": f"{SECRET} it's"}, 'SMTP_PASSWORD ({file}, line 3): found a value that cannot be read; put the value into double quotes, with \\ before each \\, " and $ in it'),
    "blanks in a value": (LOGIN | {"SMTP_PASSWORD": f"{SECRET} pass phrase"}, "SMTP_PASSWORD ({file}, line 3): found a value that cannot be read; put the value into single quotes"),
    "a dollar": (LOGIN | {"SMTP_PASSWORD": f"{SECRET}$pass"}, "SMTP_PASSWORD ({file}, line 3): found a value with $, which would be expanded; put the value into single quotes"),
    "a placeholder": (LOGIN | {"SMTP_PASSWORD": "${input:password}"}, 'SMTP_PASSWORD ({file}, line 3): fill in the real value: found the placeholder "${{input:password}}"'),
    "only a user": (LOGIN | {"SMTP_PASSWORD": None}, "SMTP_PASSWORD: not set, though SMTP_USERNAME ({file}, line 2) is"),
    "no sender": (HOST, "SMTP_FROM_EMAIL: not set, and there is no username for SMTP_HOST ({file}, line 1)"),
    "no TLS": (LOGIN | {"SMTP_USE_TLS": "false"}, "SMTP_USE_TLS ({file}, line 4): TLS is off"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path, case: str) -> None:
    variables, beginning = FILES[case]
    file = settings(tmp_path, lines(variables))
    done = run(tmp_path, {}, "--env-file", str(file), "check")
    told = "\n".join(done.stdout.replace("The settings cannot be used: ", "").splitlines())
    assert done.returncode == 1 and beginning.format(file=file) in told, done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_a_file_that_is_not_utf_8_is_named_as_what_it_is(tmp_path: Path, encoding: str) -> None:
    file = settings(tmp_path, lines(LOGIN | {"SMTP_NAME": "grün"}).encode(encoding))
    done = run(tmp_path, {}, "--env-file", str(file), "check")
    words = "it is not UTF-8" if encoding == "latin-1" else "it is UTF-16; save it as UTF-8"
    assert done.returncode == 1 and words in done.stdout.splitlines()[0], done.stdout
    password = settings(tmp_path, f"{SECRET}\n".encode(encoding), "password")
    if encoding.startswith("utf-16"):
        done = run(tmp_path, LOGIN | {"SMTP_PASSWORD": "", "SMTP_PASSWORD_FILE": password}, "check")
        assert words in done.stdout.splitlines()[0], done.stdout


@pytest.mark.parametrize(("path", "words"), [("smtp.env", "it was looked for in {cwd}, so write the whole path"), ("~/smtp.env", "~ is not expanded here: write the whole path")])
@pytest.mark.parametrize("option", ["--env-file", "--config"])
def test_a_path_that_leads_nowhere_says_where_it_was_looked_for(tmp_path: Path, option: str, path: str, words: str) -> None:
    done = run(tmp_path, {}, option, path, "check")
    assert done.returncode == 1 and words.format(cwd=tmp_path) in done.stdout.splitlines()[0], done.stdout


# -- what works, with a warning or without


def warned(done) -> list[str]:
    return [line.removeprefix("warning: ") for line in done.stdout.splitlines() if line.startswith("warning: ")]


def test_other_names_of_the_login(processes, tmp_path: Path) -> None:
    capture = processes.capture("--login", "user@sender.example:s3cret-pass")
    base = one_server(capture, SMTP_FROM_EMAIL=None)
    for login in ({"SMTP_USER": "user@sender.example", "SMTP_PASS": "s3cret-pass"}, {"SMTP_USER": "user@sender.example", "SMTP_USERNAME": "user@sender.example", "SMTP_PASSWORD": "s3cret-pass"}):
        done = run(tmp_path, base | login, "check")
        assert done.returncode == 0 and warned(done) == [], done.stdout
    # Each works with a number, and in TOML.
    numbered = {f"{name}_1": value for name, value in (base | {"SMTP_USER": "user@sender.example", "SMTP_PASS": "s3cret-pass"}).items() if name != "SMTP_MAX_RETRIES"}
    assert run(tmp_path, numbered, "check").returncode == 0
    toml = settings(tmp_path, f'[[server]]\nhost = "127.0.0.1"\nport = {capture.port}\nuse_tls = false\nuser = "user@sender.example"\npass = "s3cret-pass"\n', "x.toml")
    assert run(tmp_path, {}, "--config", str(toml), "check").returncode == 0


def test_quotes_that_docker_keeps(processes, tmp_path: Path) -> None:
    capture = processes.capture("--login", "user@sender.example:s3cret-pass")
    variables = {name: f'"{value}"' for name, value in one_server(capture, SMTP_USERNAME="user@sender.example", SMTP_PASSWORD="s3cret-pass").items()}
    done = run(tmp_path, variables, "check")
    assert done.returncode == 0, done.stdout
    told = warned(done)
    assert len(told) == len(variables) and all("write the value without the quotes around it" in warning and "--env-file" in warning for warning in told)
    assert any("SMTP_PASSWORD_FILE" in warning for warning in told)


def test_a_variable_that_is_set_twice(tmp_path: Path) -> None:
    file = settings(tmp_path, "SMTP_HOST=a.example\nSMTP_FROM_EMAIL=a@a.example\n\nSMTP_HOST=localhost\nexport SMTP_HOST=127.0.0.1\nSMTP_USE_TLS=no\nSMTP_PORT=1\nSMTP_MAX_RETRIES=0\n")
    done = run(tmp_path, {}, "--env-file", str(file), "check")
    assert warned(done) == [f"SMTP_HOST ({file}, lines 1, 4 and 5): it is set more than once; line 5 counts"], done.stdout
    assert f"SMTP_HOST                           127.0.0.1  ({file}, line 5)" in done.stdout


@pytest.mark.parametrize(("variables", "is_implicit"), [({}, True), ({"SMTP_USE_TLS": "true"}, True), ({"SMTP_USE_SSL": "false"}, False)])
def test_port_465_means_implicit_tls(tmp_path: Path, variables: dict, is_implicit: bool) -> None:
    done = run(tmp_path, HOST | {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "465", "SMTP_FROM_EMAIL": "a@example.org", "SMTP_MAX_RETRIES": "0"} | variables, "check")
    assert ("true: implicit TLS" in done.stdout) == is_implicit, done.stdout
    assert bool(warned(done)) != is_implicit, done.stdout


def test_an_app_password_with_blanks_in_the_environment(tmp_path: Path) -> None:
    done = run(tmp_path, LOGIN | {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "SMTP_USERNAME": "ada@gmail.com", "SMTP_PASSWORD": "abcd efgh ijkl mnop", "SMTP_MAX_RETRIES": "0"}, "check")
    assert ["server primary: write the app password without the blanks" in warning for warning in warned(done)] == [True], done.stdout
    assert "abcd" not in done.stdout


MEANT = {
    "SERVER": "HOST", "HOSTNAME": "HOST", "LOGIN": "USERNAME", "EMAIL": "USERNAME", "PWD": "PASSWORD", "APP_PASSWORD": "PASSWORD", "SSL": "USE_SSL",
    "SECURE": "USE_SSL", "STARTTLS": "USE_TLS", "TLS": "USE_TLS", "FROM": "FROM_EMAIL", "SENDER": "FROM_EMAIL", "HOTS": "HOST", "TIMOUT": "TIMEOUT",
}


def test_an_unknown_name_suggests_what_it_means(tmp_path: Path) -> None:
    done = run(tmp_path, {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "SMTP_MAX_RETRIES": "0", "SMTP_FROM_EMAIL": "a@example.org"} | {f"SMTP_{name}": "x" for name in MEANT}, "check")
    expected = sorted(f"SMTP_{name} (environment): this variable is unknown and has no effect; did you mean SMTP_{meant}?" for name, meant in MEANT.items())
    assert sorted(warned(done)) == expected, done.stdout


def test_one_server_paused_and_another_down_are_both_named(processes, refused_port) -> None:
    wrong = processes.capture("--login", "user@sender.example:right-pass")
    program = processes.program(several_servers(wrong, refused_port, SMTP_USERNAME_1="user@sender.example", SMTP_PASSWORD_1="wrong-pass"))
    down = ["second (127.0.0.1", "Connection refused"]
    program.send().mentions("first (127.0.0.1", "The login was refused", *down)
    # Paused from then on.
    program.send().mentions("first refused the login and is paused", *down)


# -- files that others may change


def private(path: Path, mode: int) -> Path:
    path.chmod(mode)
    return path


@pytest.mark.parametrize("what", ["env file", "TOML", "password file", "token file"])
@pytest.mark.parametrize(("file_mode", "directory_mode", "said"), [
    (0o600, 0o700, None),
    (0o602, 0o700, "everybody on this machine can change it: chmod 600 {file}"),
    (0o600, 0o707, "everybody on this machine can replace it: chmod o-w {directory}"),
    (0o600, 0o1777, None),
    (0o620, 0o700, "its group can change it: chmod 600 {file}"),
    (0o604, 0o700, "everybody on this machine can read it: chmod 600 {file}"),
])
def test_files_that_others_may_change_or_read(tmp_path: Path, what: str, file_mode: int, directory_mode: int, said: str | None) -> None:
    directory = tmp_path / "settings"
    directory.mkdir()
    here = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "SMTP_MAX_RETRIES": "0", "SMTP_USERNAME": "ada@example.org"}
    variables, arguments, text = {
        "env file": ({}, ["--env-file"], lines(here | {"SMTP_PASSWORD": "s3cret"})),
        "TOML": ({}, ["--config"], '[[server]]\nhost = "127.0.0.1"\nport = 1\nmax_retries = 0\nusername = "ada@example.org"\npassword = "s3cret"\n'),
        "password file": (here | {"SMTP_PASSWORD_FILE": directory / "file"}, [], "s3cret\n"),
        "token file": (here | {"SMTP_TOKEN_FILE": directory / "file"}, [], "s3cret\n"),
    }[what]
    file = directory / "file"
    file.write_text(text)
    file.chmod(file_mode)
    directory.chmod(directory_mode)
    given = [*arguments, str(file)] if arguments else []
    done = run(tmp_path / "home", variables, *given, "check")
    directory_is_open = bool(directory_mode & 0o002 and not directory_mode & 0o1000)
    is_refused = bool(file_mode & 0o002) or directory_is_open
    assert ("The settings cannot be used" in done.stdout.splitlines()[0]) == is_refused, done.stdout
    if said:
        assert said.format(file=file, directory=directory) in done.stdout, done.stdout
    else:
        assert warned(done) == [], done.stdout
    allowed = run(tmp_path / "home", variables | {"SMTP_MCP_ALLOW_OPEN_FILES": "true"}, *given, "check")
    assert "The server does not work: primary" in allowed.stdout.splitlines()[0], allowed.stdout


def test_a_token_that_nobody_filled_in_is_no_open_door(tmp_path: Path) -> None:
    done = run(tmp_path, HOST | {"SMTP_FROM_EMAIL": "a@example.org", "SMTP_MCP_HTTP_TOKEN": "${TOKEN}"}, "--transport", "http", "--port", "0")
    assert done.returncode == 1 and "SMTP_MCP_HTTP_TOKEN (environment): fill in the real value" in done.stderr, done


@pytest.mark.parametrize("name", ["SMTP_MCP_HTTP_TOKEN_FILE", "SMTP_MCP_ALLOWED_ORIGINS", "SMTP_MCP_TOOLS", "SMTP_MCP_EXCLUDE_TOOLS", "SMTP_DENIED_RECIPIENTS"])
def test_what_forbids_something_must_be_filled_in(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, HOST | {"SMTP_FROM_EMAIL": "a@example.org", name: "${VALUE}"}, "check")
    assert done.stdout.startswith(f'failed: The settings cannot be used: {name} (environment): fill in the real value: found the placeholder "${{VALUE}}"'), done
    assert done.returncode == 1 and "counts as not set" not in done.stdout


def test_a_token_file_is_checked_even_without_servers(tmp_path: Path) -> None:
    token = settings(tmp_path, "0123456789abcdef", "token")
    token.chmod(0o602)
    done = run(tmp_path, {"SMTP_MCP_HTTP_TOKEN_FILE": token}, "--transport", "http", "--port", "0", "--allow-unconfigured")
    assert done.returncode == 1 and f"chmod 600 {token}" in done.stderr, done
    wrong = run(tmp_path, HOST | {"SMTP_MCP_ALLOW_OPEN_FILES": "ja"}, "check")
    assert 'SMTP_MCP_ALLOW_OPEN_FILES (environment): found "ja"' in wrong.stdout, wrong


def test_a_file_cannot_allow_itself_to_be_open(tmp_path: Path) -> None:
    file = settings(tmp_path, lines(HOST | {"SMTP_FROM_EMAIL": "a@example.org", "SMTP_MCP_ALLOW_OPEN_FILES": "true"}))
    file.chmod(0o666)
    done = run(tmp_path, {}, "--env-file", str(file), "check")
    assert done.returncode == 1 and f"chmod 644 {file}" in done.stdout.splitlines()[0], done.stdout
    assert os.stat(file).st_mode & 0o777 == 0o666
