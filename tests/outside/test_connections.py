# Connections that never read, or never finish, keep nobody else out.
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A
from test_bounds import WITH_LARGE_MAIL, peak
from test_http import HEADERS, META

HEAD = b"Host: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}).encode()
MCP = b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"
# What each of many connections sends; it reads nothing.
FLOODS = {
    "pipelined GET /health": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3000,
    "pipelined calls": (b"POST /mcp HTTP/1.1\r\n" + HEAD + MCP + b"Content-Length: %d\r\n\r\n" % len(LIST) + LIST) * 200,
    "pipelined nonsense": b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3000,
    "nothing": b"",
    "half a head": b"POST /mcp HTTP/1.1\r\nHost: local",
    "half a body": b"POST /mcp HTTP/1.1\r\n" + HEAD + b"Content-Length: 60000\r\n\r\n{",
    "a chunk that never ends": b"POST /mcp HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{",
}


@contextmanager
def flood(url: str, sent: bytes, sources: list[str]) -> Iterator[None]:
    """150 connections from each address, all of which send this and read nothing."""
    place = urlsplit(url)
    sockets = []
    for source in sources:
        for _ in range(150):
            connection = socket.create_connection((place.hostname, place.port), 5, (source, 0))
            connection.setblocking(False)
            sockets.append(connection)
            try:
                connection.send(sent)
            except (BlockingIOError, ConnectionError):
                pass
    try:
        yield
    finally:
        for connection in sockets:
            connection.close()


def call(url: str, source: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10, source_address=(source, 0))
    params = {"name": "send_email", "arguments": {"to": A, "subject": "s", "body": "b"}, "_meta": META}
    connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}), HEADERS)
    response = connection.getresponse()
    result = response.status, response.read()
    connection.close()
    return result


@pytest.mark.parametrize("name", FLOODS)
def test_one_address_keeps_nobody_out(processes, name: str) -> None:
    http_server = processes.http_server(one_server(processes.capture()))
    with flood(http_server.url, FLOODS[name], ["127.0.0.2"] * 5):
        assert '"status"' in http_server.health()
        status, body = call(http_server.url, "127.0.0.1")
        assert status == 200 and b'"state":"sent"' in body
    assert peak(http_server) < WITH_LARGE_MAIL, f"{peak(http_server):.0f} MiB"


def test_health_is_reported_when_all_places_are_taken(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture()))
    sources = [f"127.0.0.{number}" for number in range(2, 6)]
    with flood(http_server.url, FLOODS["half a head"], sources):
        assert '"status"' in http_server.health()
        status, body = call(http_server.url, "127.0.0.1")
        assert status == 503 and b"SMTP_MCP_CONNECTIONS_PER_ADDRESS" in body


def test_an_address_may_have_as_many_as_is_set(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_CONNECTIONS_PER_ADDRESS=2))
    silent = [socket.create_connection((urlsplit(http_server.url).hostname, urlsplit(http_server.url).port)) for _ in range(2)]
    assert call(http_server.url, "127.0.0.1")[0] == 503
    assert '"status"' in http_server.health()
    for connection in silent:
        connection.close()
    deadline = time.monotonic() + 10
    while call(http_server.url, "127.0.0.1")[0] != 200:
        assert time.monotonic() < deadline, "the places are not free again"


def test_connections_wait_while_the_program_is_busy(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture()))
    http_server.child.send_signal(signal.SIGSTOP)
    # A connection that found no place in the queue would be tried again after a second or later, in vain.
    with flood(http_server.url, b"", ["127.0.0.2"] * 4):
        http_server.child.send_signal(signal.SIGCONT)
        assert '"status"' in http_server.health()
