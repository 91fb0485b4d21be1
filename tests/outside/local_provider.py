# An OAuth provider whose every answer is written by the test: what Microsoft and Google document, and what nobody should answer.
from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The status, further header fields, and the body: JSON, or bytes as they are.
Response = tuple[int, dict[str, str], Any]


class LocalProvider:
    """Answers each path with its function of the form's or query's fields; remembers what it was asked."""

    def __init__(self, routes: dict[str, Callable[[dict[str, str]], Response]]) -> None:
        self.routes = routes
        self.asked: list[tuple[str, dict[str, str]]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                url = urllib.parse.urlsplit(self.path)
                text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode() or url.query
                fields = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
                provider.asked.append((url.path, fields))
                route = provider.routes.get(url.path, lambda _: (404, {}, {"error": "not_found"}))
                status, headers, body = route(fields)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in ({"content-length": str(len(data)), "content-type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
