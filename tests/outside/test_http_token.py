# The token of HTTP clients: what is refused as one, where it never shows, and what guessing costs.
import base64
import http.client
import json
import re
import secrets
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from pipe import run
from test_http import HEADERS, META

TOKEN = secrets.token_hex(16)
HOST = {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "a@example.org"}
SERVE = ("--transport", "http", "--port", "0")
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_smtp_status", "arguments": {}, "_meta": META}})


# -- what is refused as a token

@pytest.mark.parametrize("place", ["the variable", "the file", "an env file", "a TOML file"])
@pytest.mark.parametrize("token", ["x", "0123456789abcde", "secret"])
def test_a_short_token_is_refused_with_a_way_to_make_a_good_one(tmp_path: Path, place: str, token: str) -> None:
    file = tmp_path / "file"
    variables, arguments = dict(HOST), []
    match place:
        case "the variable":
            variables["SMTP_MCP_HTTP_TOKEN"] = token
        case "the file":
            file.write_text(token + "\n")
            variables["SMTP_MCP_HTTP_TOKEN_FILE"] = str(file)
        case "an env file":
            file.write_text(f"SMTP_MCP_HTTP_TOKEN={token}\n")
            arguments = ["--env-file", str(file)]
        case "a TOML file":
            file.write_text(f'mcp_http_token = "{token}"\n')
            arguments = ["--config", str(file)]
    done = run(tmp_path / "home", variables, *arguments, *SERVE)
    assert done.returncode == 1 and "fewer than 16 characters" in done.stderr and "openssl rand -hex 32" in done.stderr, done
    assert f'"{token}"' not in done.stderr and f"={token}" not in done.stderr


# A secret in the place of its file, in the forms that secrets have.
PASTED = {
    "hex": secrets.token_hex(32), "base64": "ab/cd+" + base64.b64encode(secrets.token_bytes(30)).decode(), "with a slash in front": "/" + secrets.token_hex(20),
    "like a path": "/x/" + secrets.token_hex(8) + "/y", "with dots": f"eyJ0.{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(20)}", "longer than a name": secrets.token_urlsafe(300),
    "two lines": secrets.token_hex(16) + "\n" + secrets.token_hex(16), "with a tilde": "~" + secrets.token_hex(16),
}


@pytest.mark.parametrize("variable", ["SMTP_MCP_HTTP_TOKEN_FILE", "SMTP_PASSWORD_FILE", "SMTP_TOKEN_FILE"])
@pytest.mark.parametrize("form", PASTED)
def test_a_secret_in_the_place_of_its_file_is_not_shown(tmp_path: Path, variable: str, form: str) -> None:
    secret = PASTED[form]
    done = run(tmp_path, HOST | {"SMTP_USERNAME": "ada", variable: secret}, "check")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and f"{variable} (environment): found a value that is not shown" in said, said
    longest = max(re.split(r"[/\n]", secret), key=len)
    assert longest[:8] not in said and longest[-8:] not in said, said


@pytest.mark.parametrize("variable", ["SMTP_MCP_HTTP_TOKEN_FILE", "SMTP_PASSWORD_FILE", "SMTP_TOKEN_FILE"])
def test_a_path_with_a_typing_error_is_shown(tmp_path: Path, variable: str) -> None:
    done = run(tmp_path, HOST | {"SMTP_USERNAME": "ada", variable: str(tmp_path / "tokn")}, "check")
    assert f"{tmp_path}/tokn cannot be read: No such file" in done.stdout, done


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o606])
def test_a_token_file_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    variables = HOST | {"SMTP_MCP_HTTP_TOKEN_FILE": str(file)}
    done = run(tmp_path / "home", variables, *SERVE)
    assert done.returncode == 1 and f"can change it: chmod 600 {file}" in done.stderr, done


# -- what a client sends

def ask(http_server, *tokens: str, source: str | None = None) -> tuple[int, str]:
    """The status and the body, for a request with these Authorization headers."""
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=30, source_address=(source, 0) if source else None)
    connection.putrequest("POST", "/mcp")
    head = HEADERS | {"Mcp-Name": "get_smtp_status", "Content-Length": str(len(CALL))}
    for name, value in [*head.items(), *(("Authorization", f"Bearer {token}") for token in tokens)]:
        connection.putheader(name, value)
    connection.endheaders(CALL.encode())
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


@pytest.mark.parametrize("tokens", [(TOKEN, TOKEN), (TOKEN, "another"), ("another", TOKEN), ("another", "others")])
def test_two_tokens_are_none(processes, tokens: tuple[str, ...]) -> None:
    """A proxy in front may have looked at the other one."""
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_HTTP_TOKEN=TOKEN))
    status, said = ask(http_server, *tokens)
    assert status == 400 and "more than one Authorization header" in said
    assert ask(http_server, TOKEN)[0] == 200


def test_guessing_is_slow_and_seen_and_stops_nobody_else(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_HTTP_TOKEN=TOKEN))
    until, guesses = time.monotonic() + 5, []

    def guess() -> None:
        while time.monotonic() < until:
            status, _ = ask(http_server, secrets.token_hex(16))
            guesses.append(status)

    guessing = [threading.Thread(target=guess) for _ in range(8)]
    for thread in guessing:
        thread.start()
    slowest = 0.0
    while time.monotonic() < until - 1:
        began = time.monotonic()
        assert ask(http_server, TOKEN, source="127.0.0.2")[0] == 200
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.05)
    began = time.monotonic()
    assert ask(http_server, TOKEN)[0] == 200, "the right token, from the address that guesses"
    waited = time.monotonic() - began
    for thread in guessing:
        thread.join()
    # Each of the eight gets on: at first at once, then with a wait that doubles up to 2 s.
    assert set(guesses) == {401} and len(guesses) < 150, len(guesses)
    assert slowest < 0.5 and waited < 2.5, (slowest, waited)
    lines = [line for line in http_server.stderr().splitlines() if "wrong token" in line]
    assert len(lines) == 1 and "refused=1" in lines[0] and "127.0.0.1" in lines[0] and TOKEN not in lines[0], lines
