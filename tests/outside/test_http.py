# HTTP where it differs from stdio: many clients, a token, a client that disconnects, and shutdown under load.
import http.client
import json
import signal
import threading
import time
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from conftest import one_server

pytestmark = pytest.mark.smoke

TOOLS = {
    "send_email": {"to": "ada@example.org", "subject": "s", "body": "b"}, "list_emails": {}, "test_smtp_connection": {}, "get_smtp_status": {},
    "switch_smtp_server": {}, "reload_smtp_configuration": {}, "reconnect_smtp_servers": {},
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "outside", "version": "1"},
}
HEADERS = {
    "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "send_email",
}


class Post:
    """One call of send_email without a session, in a thread of its own: its status and its result, or why there is none."""

    def __init__(self, url: str, subject: str) -> None:
        self.subject, self.status, self.data, self.error = subject, 0, {}, None
        params = {"name": "send_email", "arguments": {"to": "ada@example.org", "subject": subject, "body": "b"}, "_meta": META}
        self._body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._connection.request("POST", "/mcp", self._body, HEADERS)
            answer = self._connection.getresponse()
            self.status, body = answer.status, answer.read()
            if self.status == 200:
                self.data = json.loads(body)["result"]["structuredContent"]
        except (OSError, http.client.HTTPException) as error:
            self.error = error

    def join(self) -> "Post":
        self._thread.join(30)
        assert not self._thread.is_alive(), "no answer and no end"
        return self


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_every_tool_with_a_token(processes, era: str) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_HTTP_TOKEN="a-long-and-random-one"))

    async def talk(token: str) -> dict[str, bool]:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as web:
            async with Client(streamable_http_client(http_server.url, http_client=web), mode=era) as client:
                assert {tool.name for tool in (await client.list_tools()).tools} == set(TOOLS) | {"get_email", "retry_email", "cancel_email", "preview_email"}
                return {name: bool((await client.call_tool(name, given)).is_error) for name, given in TOOLS.items()}

    assert not any(anyio.run(talk, "a-long-and-random-one").values())
    with pytest.raises(Exception):  # noqa: PT011: the client wraps what the server said as it likes
        anyio.run(talk, "another")
    assert "a-long-and-random-one" not in http_server.stderr()


def test_sigterm_under_load_answers_every_mail_that_went_out(processes) -> None:
    """Calls keep coming during shutdown: each gets a true answer, or never reached the program."""
    capture = processes.capture("--answer-after", "0.3")
    http_server = processes.http_server(one_server(capture))
    posts: list[Post] = []
    enough = threading.Event()

    def load() -> None:
        while not enough.wait(0.02):
            posts.append(Post(http_server.url, f"mail {len(posts)}"))

    loader = threading.Thread(target=load)
    loader.start()
    capture.wait("content", 6)
    http_server.child.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert http_server.exit_status(8) == 0, http_server.stderr()
    took = time.monotonic() - begun
    enough.set()
    loader.join()
    answered = [post.join() for post in posts]
    processes.stop_all()
    arrived = sorted(mail.message["subject"] for mail in capture.kept())
    assert len(arrived) == len(set(arrived)), "a mail went out twice"
    assert all(post.status in (0, 200, 503) for post in answered), [(post.subject, post.status) for post in answered]
    states = {post.subject: post.data.get("state") for post in answered if post.status == 200}
    assert sorted(subject for subject, state in states.items() if state == "sent") == arrived, (took, states)
    assert {"sent"} <= set(states.values()) <= {"sent", "queued", "refused"}, states


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_never_answers_does_not_hold_up_the_end(processes, way: signal.Signals) -> None:
    capture = processes.capture("--answer-after", "60")
    http_server = processes.http_server(one_server(capture))
    post = Post(http_server.url, "stalled")
    capture.wait("content")
    http_server.child.send_signal(way)
    assert http_server.exit_status(8) == 0, http_server.stderr()
    assert (post.join().status, post.data.get("state")) == (200, "unknown"), (post.error, http_server.stderr())


def test_many_clients_at_once(processes) -> None:
    capture = processes.capture()
    http_server = processes.http_server(one_server(capture))
    posts = [Post(http_server.url, f"mail {number}").join for number in range(64)]
    assert {post().data["state"] for post in posts} == {"sent"}
    processes.stop_all()
    assert len(capture.kept()) == 64


def test_sighup_reads_the_configuration_again(processes, tmp_path) -> None:
    first, second = processes.capture(), processes.capture()
    settings = tmp_path / "settings.env"

    def point_to(capture) -> None:
        settings.write_text("".join(f"{name}='{value}'\n" for name, value in one_server(capture).items()))
        settings.chmod(0o600)

    point_to(first)
    http_server = processes.http_server({}, "--env-file", str(settings))
    assert Post(http_server.url, "one").join().data["state"] == "sent"
    point_to(second)
    http_server.child.send_signal(signal.SIGHUP)
    http_server.mentions("the new configuration is in effect")
    assert Post(http_server.url, "two").join().data["state"] == "sent"
    assert (first.take().message["subject"], second.take().message["subject"]) == ("one", "two")
