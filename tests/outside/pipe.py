# The MCP server behind plain pipes.
from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from programs import BINARY, DEADLINE, Answer, EventLog, answer_of, own_environment, with_defaults


class Pipe:
    """The real binary behind plain pipes: hand-written lines, signals and the exit status."""

    def __init__(self, home: Path, variables: dict[str, Any], arguments: list[str], stderr: int | None = None, prefix: list[str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.stderr_path = home / "stderr"
        self._stderr = self.stderr_path.open("wb")
        self.child = subprocess.Popen(
            [*(prefix or []), str(BINARY), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr or self._stderr,
            env=own_environment(home, variables), cwd=home, start_new_session=True,
        )
        self.lines = EventLog()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._last_id = 0

    def _read(self) -> None:
        assert self.child.stdout
        for line in self.child.stdout:
            self.lines.add(line)
        self.lines.end()

    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def wait_for_stderr(self, words: str, deadline: float = DEADLINE) -> None:
        """Waits until these words are there."""
        until = time.monotonic() + deadline
        while words not in self.stderr():
            assert time.monotonic() < until, f"waited {deadline} s for {words!r}: {self.stderr()[-3000:]}"
            time.sleep(0.05)

    def write(self, line: bytes) -> None:
        assert self.child.stdin
        self.child.stdin.write(line + b"\n")
        self.child.stdin.flush()

    def start(self, method: str, params: Any = None) -> int:
        """Sends a request and returns its id."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": {} if params is None else params}
        self.write(json.dumps(request).encode())
        return self._last_id

    def messages(self) -> list[dict]:
        """Everything that was said so far."""
        return [json.loads(line) for line in list(self.lines.entries)]

    def reply(self, number: int | None, deadline: float = DEADLINE) -> dict:
        """The response with that id; None is the id of an error about an unreadable line."""

        def found(entries: list[bytes]) -> dict | None:
            messages = [json.loads(line) for line in entries]
            replies = [message for message in messages if "method" not in message and message.get("id") == number]
            return replies[-1] if replies else None

        try:
            return self.lines.wait(found, f"the response {number}", deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}\nstderr: {self.stderr()[-3000:]}") from None

    def request(self, method: str, params: Any = None) -> dict:
        return self.reply(self.start(method, params))

    def handshake(self) -> Pipe:
        """The handshake of the 2025-11-25 protocol."""
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "outside", "version": "1"}}
        answer = self.request("initialize", hello)
        assert "result" in answer, answer
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return self

    def start_call(self, tool: str, **arguments: Any) -> int:
        return self.start("tools/call", {"name": tool, "arguments": with_defaults(tool, arguments)})

    def answer(self, number: int, deadline: float = DEADLINE) -> Answer:
        return answer_of(self.reply(number, deadline))

    def call(self, tool: str, **arguments: Any) -> Answer:
        return self.answer(self.start_call(tool, **arguments))

    def close_stdin(self) -> None:
        assert self.child.stdin
        self.child.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def exit_status(self, within: float) -> int:
        """The exit status, within so many seconds."""
        begun = time.monotonic()
        try:
            status = self.child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within} s; stderr: {self.stderr()[-3000:]}") from None
        self._reader.join(max(1.0, within - (time.monotonic() - begun)))
        return status

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.child.stdin and not self.child.stdin.closed:
            try:
                self.child.stdin.close()
            except BrokenPipeError:
                pass
        self._reader.join(5)
        self._stderr.close()


def run(home: Path, variables: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to completion, with nothing on stdin."""
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(BINARY), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env=own_environment(home, variables), cwd=home, timeout=60,
    )
