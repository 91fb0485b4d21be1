# The programs under test, as a user starts them: the capture server, and the MCP server behind a client.
from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from mail import Mail

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SMTP_MCP_SERVER") or ROOT / "target/debug/smtp-mcp-server").resolve()
DEADLINE = 20.0

OPENING_PHRASES = {"queued": "Not sent yet to ", "sent": "Sent to ", "partial": "Sent to ", "unknown": "May have been sent: ", "refused": "Not sent: "}


def own_environment(home: Path, variables: dict[str, Any]) -> dict[str, str]:
    """A clean environment: nothing from the user who runs the tests reaches the program."""
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "RUST_BACKTRACE": "1"}
    # Every test of the contract also passes with `OUTBOX=memory`; those of the outbox itself say where it is.
    if "OUTBOX" in os.environ:
        base["SMTP_MCP_OUTBOX"] = os.environ["OUTBOX"]
    return base | {name: str(value) for name, value in variables.items()}


def with_defaults(tool: str, arguments: dict) -> dict:
    """Many tests send the same mail several times; whoever means the check for duplicates says so."""
    return {"allow_duplicate": True} | arguments if tool == "send_email" else arguments


class EventLog:
    """What another thread reports, with a deadline for waiting."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.ended = False
        self._changed = threading.Condition()

    def add(self, entry: Any) -> None:
        with self._changed:
            self.entries.append(entry)
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, enough: Callable[[list[Any]], Any], what: str, deadline: float = DEADLINE) -> Any:
        """The first true result of `enough`; fails with everything that was reported."""
        with self._changed:
            self._changed.wait_for(lambda: enough(self.entries) or self.ended, deadline)
            found = enough(self.entries)
            assert found, f"waited {deadline} s for {what}; reported: {self.entries}"
            return found


class Capture:
    """`smtp-mcp-server capture`: a mail server that keeps what it receives and misbehaves on request."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stderr = (folder.parent / f"{folder.name}.stderr").open("w+b")
        for name, usual in ("--tls", "none"), ("--listen", "127.0.0.1:0"):
            if name not in options:
                options = (name, usual, *options)
        self.command = [str(BINARY), "capture", "--dir", str(folder), "--json", *options]
        self._child = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._stderr,
            env=own_environment(folder, {}), start_new_session=True,
        )
        self.event_log = EventLog()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._taken = 0
        try:
            listening = self.wait("listening")[0]
        except AssertionError:
            self.stop()
            self._stderr.seek(0)
            raise AssertionError(f"{' '.join(self.command)} did not listen: {self._stderr.read().decode()}") from None
        self.host, self.port = listening["host"], int(listening["port"])
        self.ca_file = listening.get("ca_file")

    def _read(self) -> None:
        assert self._child.stdout
        for line in self._child.stdout:
            self.event_log.add(json.loads(line))
        self.event_log.end()

    def events(self, name: str) -> list[dict]:
        return [event for event in list(self.event_log.entries) if event["event"] == name]

    def wait(self, name: str, count: int = 1, deadline: float = DEADLINE) -> list[dict]:
        """At least `count` events of that name."""

        def enough(entries: list[dict]) -> list[dict] | None:
            found = [event for event in entries if event["event"] == name]
            return found if len(found) >= count else None

        return self.event_log.wait(enough, f"{count} × {name}", deadline)

    def take(self) -> Mail:
        """The next mail that was not returned yet."""
        event = self.wait("mail", self._taken + 1)[self._taken]
        self._taken += 1
        return Mail.of(event)

    def forget(self) -> None:
        """Skips all mails so far."""
        self._taken = len(self.events("mail"))

    def kept(self) -> list[Mail]:
        """Every mail this server has kept. Final only after `stop`."""
        return [Mail.of(event) for event in self.events("mail") if event.get("file") and Path(event["file"]).exists()]

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._reader.join(10)


def scalars(data: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every string and number in structured content; a boolean says nothing by itself."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, f"{place}.{key}")
    elif isinstance(data, list):
        for value in data:
            yield from scalars(value, f"{place}[]")
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool):
        yield place, data


def is_said(value: Any, text: str) -> bool:
    """Whether a text contains a value; a quotation in it has other quotation marks."""
    if isinstance(value, str):
        return value.strip().rstrip(".").replace('"', "'") in text.replace('"', "'")
    return re.search(rf"(?<![\d.]){re.escape(f'{value:.10g}')}(?![\d])", text) is not None


@dataclass
class Answer:
    """A tool's result as a client sees it."""

    is_error: bool
    text: str
    data: dict

    def __post_init__(self) -> None:
        """Hosts show a model either the text or the data, so every answer of every test says the same in both."""
        missing = [f"{place}={value!r}" for place, value in scalars(self.data) if not is_said(value, self.text)]
        # No back-off needs no words.
        missing = [entry for entry in missing if not entry.endswith(".backoff_remaining=0.0")]
        assert not missing, f"not in the text: {missing}: {self}"

    def __str__(self) -> str:
        return f"isError={self.is_error} text={self.text!r} structured={json.dumps(self.data, ensure_ascii=False)}"

    def has_state(self, state: str) -> Answer:
        """Asserts the result's success, isError, state and how its text begins."""
        success = state in ("sent", "partial", "queued")
        assert self.data.get("state") == state, f"expected {state}: {self}"
        assert self.data.get("success") is success, f"success should be {success}: {self}"
        assert self.is_error is not success, f"isError should be {not success}: {self}"
        assert self.text.startswith(OPENING_PHRASES[state]), f"the text should begin {OPENING_PHRASES[state]!r}: {self}"
        if not success:
            assert isinstance(self.data.get("error"), str) and self.data["error"], f"no error: {self}"
            assert "\n" not in self.data["error"], f"error is not one line: {self}"
        return self

    def mentions(self, *words: str) -> Answer:
        """Asserts that the text contains each of these, ignoring case."""
        for word in words:
            assert word.casefold() in self.text.casefold(), f"{word!r} is missing: {self}"
        return self

    @property
    def rejected(self) -> list[str]:
        return [entry["address"] for entry in self.data["rejected"]]


def answer_of(reply: dict) -> Answer:
    """The tool result in a JSON-RPC response."""
    assert "result" in reply, reply
    result = reply["result"]
    text = "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
    return Answer(bool(result.get("isError")), text, result.get("structuredContent") or {})


class HttpServer:
    """The real binary serving HTTP at a free port of loopback."""

    def __init__(self, home: Path, variables: dict[str, Any], arguments: list[str], cwd: Path | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.child = subprocess.Popen(
            [str(BINARY), "--transport", "http", "--port", "0", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=own_environment(home, variables), cwd=cwd or home, start_new_session=True,
        )
        self.log = EventLog()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.mentions(r'url="(http://[^"]+)"').group(1)
        except AssertionError:
            self.close()
            raise

    def _read(self) -> None:
        assert self.child.stderr
        for line in self.child.stderr:
            self.log.add(line.decode(errors="replace"))
        self.log.end()

    def stderr(self) -> str:
        return "".join(self.log.entries)

    def health(self) -> str:
        """All of `/health`, with its head."""
        with urllib.request.urlopen(self.url.replace("/mcp", "/health"), timeout=DEADLINE) as answer:
            return f"{answer.headers}\n{answer.read().decode()}"

    def mentions(self, pattern: str, deadline: float = DEADLINE) -> re.Match[str]:
        """Waits until the log contains a match, and returns it."""
        return self.log.wait(lambda lines: re.search(pattern, "".join(lines)), f"the log to say {pattern}", deadline)

    def exit_status(self, within: float) -> int:
        """The exit status, within so many seconds."""
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within} s; stderr: {self.stderr()[-3000:]}") from None

    def close(self) -> None:
        """Stops it as a service manager would, and checks that it exits cleanly."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            status = self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = self.child.wait()
        self._reader.join(5)
        assert status in (0, 1), f"exit status {status}: {self.stderr()[-3000:]}"


class Program:
    """The real binary behind Python's own MCP client, over stdio or HTTP, used from plain synchronous tests."""

    def __init__(self, home: Path, mode: str, variables: dict[str, Any], arguments: list[str], cwd: Path | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.mode, _, way = mode.partition(" over ")
        self.http_server = HttpServer(home, variables, arguments, cwd) if way == "http" else None
        self.stderr_path = home / "stderr"
        self._stderr = self.stderr_path.open("w+")
        if self.http_server:
            token = variables.get("SMTP_MCP_HTTP_TOKEN")
            web = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=55) if token else None
            transport: Any = streamable_http_client(self.http_server.url, http_client=web)
        else:
            parameters = StdioServerParameters(
                command=str(BINARY), args=arguments, env=own_environment(home, variables), cwd=cwd or home
            )
            transport = stdio_client(parameters, errlog=self._stderr)
        self._portal_context = anyio.from_thread.start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        try:
            client = Client(transport, mode=self.mode, read_timeout_seconds=55)
            self._client_context = self._portal.wrap_async_context_manager(client)
            self.client = self._client_context.__enter__()
        except BaseException as error:
            self._portal_context.__exit__(None, None, None)
            if self.http_server:
                self.http_server.close()
            raise AssertionError(f"no session: {error!r}\nstderr: {self.stderr()}") from error

    def stderr(self) -> str:
        if self.http_server:
            return self.http_server.stderr()
        return self.stderr_path.read_text(errors="replace")

    def tools(self) -> list[Any]:
        return self._portal.call(self.client.list_tools).tools

    def call(self, tool: str, **arguments: Any) -> Answer:
        return self.call_all(tool, [arguments])[0]

    def call_all(self, tool: str, calls: list[dict]) -> list[Answer]:
        """Makes all calls at the same time; results in the order of the calls."""
        calls = [with_defaults(tool, arguments) for arguments in calls]

        async def together() -> list[Answer]:
            answers: list[Answer | None] = [None] * len(calls)

            async def one(index: int, arguments: dict) -> None:
                result = await self.client.call_tool(tool, arguments)
                text = "\n".join(block.text for block in result.content if block.type == "text")
                answers[index] = Answer(bool(result.is_error), text, result.structured_content or {})

            async with anyio.create_task_group() as group:
                for index, arguments in enumerate(calls):
                    group.start_soon(one, index, arguments)
            return answers  # type: ignore[return-value]

        return self._portal.call(together)

    def send(self, **arguments: Any) -> Answer:
        """`send_email` with a default for each required parameter."""
        return self.call("send_email", **{"to": "ada@example.org", "subject": "Subject", "body": "Body"} | arguments)

    def refuses(self, tool: str, **arguments: Any) -> str:
        """The text of an error, be it a result or a protocol error."""
        try:
            answer = self.call(tool, **arguments)
        except (MCPError, ExceptionGroup) as refusal:
            return str(refusal.exceptions[0] if isinstance(refusal, ExceptionGroup) else refusal)
        assert answer.is_error, f"was not refused: {answer}"
        return answer.text

    def health(self, server: str) -> dict:
        """One server's entry of get_smtp_status."""
        servers = self.call("get_smtp_status").data["server_status"]["servers"]
        return next(entry for entry in servers if entry["name"] == server)

    def close(self) -> None:
        try:
            self._client_context.__exit__(None, None, None)
        finally:
            self._portal_context.__exit__(None, None, None)
            self._stderr.close()
            if self.http_server:
                self.http_server.close()
