# A new user's way from an empty home to the first mail, by the commands of the README.
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import one_server
from programs import BINARY, ROOT, Capture, own_environment
from test_oauth_providers import MAIL, SCOPE, login, metadata, ok, provider  # noqa: F401 (a fixture)
from test_oauth_providers import USER as ACCOUNT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The shell blocks of a section."""
    section = README.split(f"### {heading}\n")[1].split("\n### ")[0].split("\n## ")[0]
    return ["\n".join(line.strip() for line in block.splitlines()) for block in re.findall(r"```sh\n(.*?)```", section, re.S)]


class Home:
    """An empty home directory, and a shell in it with the program on its PATH."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.environment = own_environment(path, {}) | {"PATH": f"{BINARY.parent}:{os.environ['PATH']}"}
        # A user has no settings at all, not even where configuration files are.
        del self.environment["XDG_CONFIG_HOME"]
        self.environment.pop("SMTP_MCP_OUTBOX", None)

    def write(self, name: str, settings: str, server: dict) -> None:
        """The settings of the README, for a server that can be reached from here."""
        lines = [line for line in settings.splitlines() if line.split("=")[0] not in server]
        (self.path / name).write_text("\n".join([*lines, *(f"{key}={value}" for key, value in server.items())]) + "\n")

    def run(self, commands: str) -> str:
        done = subprocess.run(["bash", "-exc", commands], env=self.environment, cwd=self.path, capture_output=True, text=True, timeout=90)
        print(f"{done.stderr}{done.stdout}")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def reachable(capture: Capture, **more: str) -> dict:
    """Where the provider is in the README, a server is here that asks for STARTTLS and the login, too."""
    return {"SMTP_HOST": "localhost", "SMTP_PORT": capture.port, "SMTP_CA_FILE": capture.ca_file} | more


def test_a_person_with_gmail(processes, home: Home) -> None:
    settings, commands = blocks("You have Gmail")
    capture = processes.capture("--tls", "starttls", "--login", "you@gmail.com:abcdefghijklmnop")
    home.write("smtp.env", settings, reachable(capture))
    said = home.run(commands)
    assert said.startswith("ok: The server works.\n") and "Sent to you@gmail.com." in said
    assert capture.take().message["subject"] == "Hello"


def test_a_person_with_microsoft_365(processes, provider, home: Home) -> None:  # noqa: F811
    provider.routes |= {
        "/common/v2.0/.well-known/openid-configuration": metadata(
            provider, provider.url + "/{tenantid}/v2.0", token_endpoint="/token", authorization_endpoint="/authorize", device_authorization_endpoint="/devicecode",
        ),
        "/devicecode": lambda _: ok(user_code="B2XC4FZ9", device_code="d", verification_uri="https://microsoft.com/devicelogin", expires_in=900, interval=1),
        "/token": lambda _: ok(token_type="Bearer", scope=SCOPE, expires_in=3599, access_token="the-access-token", refresh_token="r"),
    }
    settings, commands = blocks("You have Microsoft 365 or Outlook.com")
    server = processes.scripted(login("the-access-token"), login("the-access-token") + MAIL + "close")
    home.write("smtp.env", settings, one_server(server, SMTP_USERNAME=ACCOUNT, SMTP_FROM_EMAIL=None))
    said = home.run(commands.replace("login microsoft", f"login microsoft --issuer {provider.url}/common/v2.0").replace("you@contoso.com", ACCOUNT))
    assert "enter the code B2XC4FZ9" in said and "Signed in." in said
    assert "  ok: primary (127.0.0.1:" in said and f"Sent to {ACCOUNT}." in said


def test_a_team(processes, home: Home, tmp_path: Path) -> None:
    """What the containers run; the settings are those of .env.example, which the README copies."""
    capture = processes.capture("--tls", "starttls", "--login", "ada@example.org:team-pass")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    # Left as it is, it says what to fill in.
    (home.path / ".env").write_text(example)
    (home.path / ".env").chmod(0o600)
    unfilled = subprocess.run([str(BINARY), "--env-file", ".env", "check"], env=home.environment, cwd=home.path, capture_output=True, text=True, timeout=60).stdout
    print(unfilled.splitlines()[0])
    assert "SMTP_PASSWORD (.env, line 8): fill in the real value" in unfilled.splitlines()[0]
    filled = reachable(capture, SMTP_PASSWORD="team-pass", SMTP_MCP_HTTP_TOKEN="0123456789abcdef", SMTP_MCP_OUTBOX=f"sqlite:{tmp_path}/outbox.db")
    token = {"SMTP_MCP_HTTP_TOKEN": "0123456789abcdef", "SMTP_MCP_OUTBOX": filled["SMTP_MCP_OUTBOX"]}
    home.write(".env", example, filled)
    said = home.run("smtp-mcp-server --env-file .env check")
    assert said.startswith("ok: The server works.\n")
    program = processes.program(token, "--env-file", str(home.path / ".env"), mode="auto over http")
    answer = program.send(subject="From the team").has_state("sent")
    print(answer.text)
    listed = home.run("smtp-mcp-server --env-file .env outbox list --json")
    assert [mail["subject"] for mail in json.loads(listed)] == ["From the team"]


def test_the_readme_names_the_commands_there_are(home: Home) -> None:
    table = README.split("## On the command line")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z]+)", table, re.M)) | {"logout", "token"}
    offered = set(re.findall(r"^  ([a-z]+) ", home.run("smtp-mcp-server --help").split("Commands:")[1].split("Options:")[0], re.M))
    # `man` and `version` share a row; `serve` is the default.
    assert offered - {"serve", "help", "demo", "man", "version"} == named, (offered, named)
