# A client that writes its own messages, over stdio or HTTP: whatever a real client gets wrong, it can get wrong, too.
from __future__ import annotations

import json
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "outside", "version": "1"}}


def http_request(url: str, method: str = "POST", body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Message, str]:
    """Status, headers and body of the response, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


class StdioWire:
    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe

    def ask(self, method: str, params: Any) -> dict:
        return self.pipe.request(method, params)

    def begin(self, hello: dict = HELLO) -> dict:
        answer = self.ask("initialize", hello)
        self.pipe.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return answer


class HttpWire:
    def __init__(self, url: str) -> None:
        self.url, self._last_id = url, 0
        self.headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    def ask(self, method: str, params: Any) -> dict:
        self._last_id += 1
        message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        _, headers, body = http_request(self.url, body=message, headers=self.headers)
        if session := headers.get("Mcp-Session-Id"):
            self.headers["Mcp-Session-Id"] = session
        return self.messages(body)[-1]

    @staticmethod
    def messages(body: str) -> list[dict]:
        """The messages of a response: its events in a session, else its body."""
        lines = [line.removeprefix("data: ") for line in body.splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def begin(self, hello: dict = HELLO) -> dict:
        answer = self.ask("initialize", hello)
        http_request(self.url, body={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=self.headers)
        return answer
