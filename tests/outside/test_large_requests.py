# Time and memory are bounded with the largest requests, one and many.
import http.client
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A, LARGE
from test_bounds import ANSWERED, IN_TIME, LIMIT, MIB, OVER_HTTP, OVER_STDIO, WITH_LARGE_MAIL, WITH_LARGE_REQUEST, peak, post, send, together
from test_http import HEADERS, META

# -- the largest request

def request(number: int, size: int) -> bytes:
    """A call of exactly so many bytes."""
    call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "send_email", "arguments": {"to": A, "subject": "s", "body": "@"}}}
    head, _, tail = json.dumps(call).encode().rpartition(b"@")  # the only other one is in the address
    return head + b"x" * (size - len(head) - len(tail)) + tail


def test_a_request_of_72_mib_and_one_byte_more(processes) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture)).handshake()
    pipe.write(request(7001, LIMIT))
    pipe.answer(7001, ANSWERED).has_state("refused").mentions(f"body: larger than {10 * MIB} bytes")
    before = len(pipe.lines.entries)
    pipe.write(request(7002, LIMIT + 1))
    (line,) = pipe.lines.wait(lambda entries: entries[before:], "an error", ANSWERED)
    reply = json.loads(line)
    assert "error" in reply and "72" in reply["error"]["message"], reply
    pipe.call("send_email", to=A, subject="after", body="b").has_state("sent")
    assert peak(pipe) < WITH_LARGE_REQUEST, f"{peak(pipe):.0f} MiB"
    processes.stop_all()
    assert [mail.message["subject"] for mail in capture.kept()] == ["after"]


# In memory a value of two bytes takes a hundred times as much.
SWARMS = {"numbers": b"[0" + b",0" * (10 * MIB) + b"]", "empty lists": b"[[]" + b",[]" * (7 * MIB) + b"]", "bad addresses": b'["a"' + b',"a"' * 9000 + b"]"}


def swarm(name: str) -> bytes:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "send_email", "arguments": {"to": "@", "subject": "s", "body": "b"}, "_meta": META}}
    return json.dumps(call).encode().replace(b'"@"', SWARMS[name])


@pytest.mark.parametrize("name", SWARMS)
def test_a_request_of_millions_of_small_values(processes, refused_port, name: str) -> None:
    pipe = processes.pipe(one_server(refused_port))
    http_server = processes.http_server(one_server(refused_port))
    pipe.write(swarm(name))
    answers = [pipe.reply(1, ANSWERED)]
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
    connection.request("POST", "/mcp", swarm(name), HEADERS)
    answers.append(json.loads(connection.getresponse().read()))
    connection.close()
    for reply in answers:
        assert "10000 JSON values" in str(reply) or "and more errors like these" in str(reply), str(reply)[:2000]
        assert len(str(reply)) < 20_000
    assert max(peak(pipe), peak(http_server)) < WITH_LARGE_MAIL, f"{peak(pipe):.0f} MiB, {peak(http_server):.0f} MiB"


# -- many large requests at the same time

def assert_sent_or_refused(processes: Any, capture: Any, ends: list[dict]) -> None:
    """A call is sent, refused, or was not processed at all."""
    sent = sum(end.get("state") == "sent" for end in ends)
    for end in ends:
        assert end.get("state") in ("sent", "refused") or ("did nothing with this request" in end["message"] and int(end["after"]) > 0), end
    processes.stop_all()
    assert len(capture.events("mail")) == sent


@pytest.mark.slow
def test_many_large_calls_over_stdio(processes) -> None:
    capture = processes.capture("--answer-after", "1")
    pipe = processes.pipe(one_server(capture)).handshake()
    calls: list[int] = []
    writing = threading.Thread(target=lambda: calls.extend(send(pipe, **LARGE) for _ in range(32)), daemon=True)
    writing.start()
    writing.join(IN_TIME)
    assert not writing.is_alive(), "it stopped reading"
    ends = [pipe.answer(number, IN_TIME).data for number in calls]
    assert len(ends) == 32 and peak(pipe) < OVER_STDIO, f"{peak(pipe):.0f} MiB"
    assert_sent_or_refused(processes, capture, ends)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [LARGE, {"body": "x" * (60 << 20)}], ids=["of 8 MiB, sent", "of 60 MiB, refused"])
def test_many_large_bodies_over_http(processes, arguments: dict) -> None:
    capture = processes.capture("--answer-after", "1")
    http_server = processes.http_server(one_server(capture))
    ends: list[dict] = []

    def client() -> None:
        connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=IN_TIME)
        ends.append(post(connection, **{"to": A, "subject": "s", "body": "b"} | arguments)[1])
        connection.close()

    together(client, 36, IN_TIME)
    assert len(ends) == 36 and peak(http_server) < OVER_HTTP, f"{peak(http_server):.0f} MiB"
    assert_sent_or_refused(processes, capture, ends)


def test_bodies_that_never_come_keep_others_out_for_as_long_as_is_told(processes) -> None:
    """They use the whole budget: small calls do not need any, a large one gets 503 and can be sent again."""
    capture = processes.capture()
    http_server = processes.http_server(one_server(capture))
    place = urlsplit(http_server.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    silent = []
    for size in (LIMIT, 56 * MIB, 16 * MIB):
        stream = socket.create_connection((place.hostname, place.port), ANSWERED)
        processes.add_cleanup(stream.close)
        stream.sendall(f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{head}Expect: 100-continue\r\nContent-Length: {size}\r\n\r\n".encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 100 "), "the room is smaller than it should be"
        silent.append(stream)
    connection = http.client.HTTPConnection(place.netloc, timeout=ANSWERED)
    large = {"to": A, "subject": "s", "body": "b" * MIB}
    assert post(connection, to=A, subject="s", body="b" * 10_000)[1]["state"] == "sent"
    began = time.monotonic()
    status, error = post(connection, **large)
    assert (status, error["after"]) == (503, "10") and "try again in 10 s" in error["message"], error
    assert 5 < time.monotonic() - began < 20
    silent[2].close()
    status, data = post(connection, **large)
    assert (status, data.get("state")) == (200, "sent"), data
    assert peak(http_server) < WITH_LARGE_REQUEST, f"{peak(http_server):.0f} MiB"
    connection.close()
    processes.stop_all()
    assert len(capture.events("mail")) == 2
