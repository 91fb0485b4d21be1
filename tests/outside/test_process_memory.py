# What of a password is in the memory of the program, as a dump of the process shows it to root, after a login and a mail.
import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import one_server
from programs import BINARY, own_environment
from real_server import need
from test_http_token import ask
from test_reload_tool import env_file

USER = "ada@sender.example"


@pytest.fixture
def password() -> str:
    """A new one for each test, so that no other process has it."""
    return f"Zebra-{secrets.token_hex(8)}-9"


def regions(pid: int) -> Iterator[bytes]:
    """Everything in the memory of a process that can be read."""
    try:
        memory = Path(f"/proc/{pid}/mem").open("rb", buffering=0)
    except PermissionError:
        # Also root in a container may not, unless it was given CAP_SYS_PTRACE.
        pytest.skip("only root with CAP_SYS_PTRACE may read the memory of the program")
    with memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not found or "[v" in line:
                continue
            start, end = (int(place, 16) for place in found.groups())
            memory.seek(start)
            try:
                yield memory.read(end - start)
            except OSError:
                pass  # it is gone, or has no pages


def copies(pid: int, text: str | bytes) -> int:
    needle = text.encode() if isinstance(text, str) else text
    return sum(region.count(needle) for region in regions(pid))


def encoded(text: str) -> bytes:
    """The middle of its base64 form, wherever in a group it begins, as in AUTH PLAIN."""
    return base64.b64encode(f"\0{USER}\0{text}".encode())[-24:-8]


SOURCES = ["the environment", "an env file", "a TOML file", "a password file", "a command", "a systemd credential"]


@pytest.mark.parametrize("tls", ["none", "starttls"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_password_is_there_once(processes, tmp_path: Path, password: str, source: str, tls: str) -> None:
    capture = processes.capture("--tls", tls, "--login", f"{USER}:{password}")
    variables = one_server(capture, SMTP_HOST="localhost", SMTP_USERNAME=USER)
    if tls != "none":
        variables |= {"SMTP_USE_TLS": "true", "SMTP_CA_FILE": capture.ca_file}
    file, arguments = tmp_path / "file", []
    match source:
        case "the environment":
            variables["SMTP_PASSWORD"] = password
        case "an env file":
            env_file(file, variables | {"SMTP_PASSWORD": password})
            variables, arguments = {}, ["--env-file", str(file)]
        case "a TOML file":
            rows = [f'{name.removeprefix("SMTP_").lower()} = "{value}"' for name, value in (variables | {"SMTP_PASSWORD": password}).items()]
            file.write_text("\n".join(["[[server]]", *rows]))
            variables, arguments = {}, ["--config", str(file)]
        case "a password file":
            file.write_text(password + "\n")
            variables["SMTP_PASSWORD_FILE"] = file
        case "a command":
            file.write_text(password + "\n")
            variables["SMTP_PASSWORD_COMMAND"] = f"cat {file}"
        case "a systemd credential":
            (tmp_path / "SMTP_PASSWORD").write_text(password)
            variables["CREDENTIALS_DIRECTORY"] = tmp_path
    pipe = processes.pipe(variables, *arguments).handshake()
    for _ in range(2):
        pipe.call("send_email", to="ada@example.org", subject="s", body="b").has_state("sent")
    pipe.call("test_smtp_connection")
    pid = pipe.child.pid
    assert copies(pid, "ada@example.org") > 0, "nothing is found at all"
    assert (copies(pid, password), copies(pid, password.lower()), copies(pid, encoded(password))) == (1, 0, 0)
    assert copies(pid, password[2:-2]) == 1, "a part of it is left somewhere"


def test_an_old_password_is_gone_after_a_reload(processes, tmp_path: Path, password: str) -> None:
    capture = processes.capture()
    settings = tmp_path / "smtp.env"
    login = one_server(capture, SMTP_USERNAME=USER, SMTP_ALLOW_PLAINTEXT_AUTH="true")
    env_file(settings, login | {"SMTP_PASSWORD": password})
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    pipe.call("send_email", to="ada@example.org", subject="s", body="b")
    assert copies(pipe.child.pid, password) == 1
    env_file(settings, login | {"SMTP_PASSWORD": "another-one"})
    pipe.call("reload_smtp_configuration")
    assert copies(pipe.child.pid, password) <= 1
    env_file(settings, one_server(capture))
    pipe.call("reload_smtp_configuration").mentions("changes")
    assert copies(pipe.child.pid, password) == 0


def test_an_access_token_is_there_once(processes, tmp_path: Path, password: str) -> None:
    file = tmp_path / "token"
    file.write_text(password)
    hello = "S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2\nS: 235 welcome\n"
    server = processes.scripted(hello + "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 taken\nreceive")
    pipe = processes.pipe(one_server(server, SMTP_USERNAME=USER, SMTP_TOKEN_FILE=file)).handshake()
    pipe.call("send_email", to="ada@example.org", subject="s", body="b").has_state("sent")
    sent = base64.b64encode(f"user={USER}\1auth=Bearer {password}\1\1".encode())
    assert (copies(pipe.child.pid, password), copies(pipe.child.pid, sent[-24:-8])) == (1, 0)


def test_the_token_of_clients_is_there_once(processes, password: str) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_HTTP_TOKEN=password))
    for _ in range(3):
        assert ask(http_server, password)[0] == 200
    assert copies(http_server.child.pid, password) == 1


def test_nobody_else_may_look(processes, password: str) -> None:
    """Another program of the same user reads neither the memory nor the environment, and a crash leaves no dump."""
    need(None if os.geteuid() == 0 and shutil.which("setpriv") else "only root may start a program as another user, with setpriv")
    # A place that this user may enter.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    shutil.copy(BINARY, folder / "smtp-mcp-server")
    capture = processes.capture("--login", f"{USER}:{password}")
    variables = own_environment(folder, one_server(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=password))
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    child = subprocess.Popen([*as_nobody, folder / "smtp-mcp-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, cwd=folder)
    try:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "outside", "version": "1"}}
        child.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode() + b"\n")
        child.stdin.flush()
        assert b"serverInfo" in child.stdout.readline()
        proc = Path(f"/proc/{child.pid}")
        for name in ("environ", "mem", "maps"):
            looked = subprocess.run([*as_nobody, "head", "-c", "1", proc / name], capture_output=True)
            assert looked.returncode == 1 and b"Permission denied" in looked.stderr, (name, looked)
        assert re.search(r"Max core file size\s+0\s+0\s", (proc / "limits").read_text())
        # Not even root finds it where the system passed it.
        environment = (proc / "environ").read_bytes()
        assert b"SMTP_PASSWORD=\0" in environment and password.encode() not in environment
    finally:
        child.kill()
        child.communicate()
        shutil.rmtree(folder)


def test_a_command_is_not_given_the_secrets(processes, tmp_path: Path, password: str) -> None:
    seen = tmp_path / "seen"
    variables = one_server(processes.capture(), SMTP_USERNAME=USER, SMTP_MCP_HTTP_TOKEN=password, SMTP_PASSWORD_COMMAND=f"env > {seen}; echo x")
    processes.program(variables).call("test_smtp_connection")
    assert password not in seen.read_text() and "SMTP_USERNAME" in seen.read_text()
