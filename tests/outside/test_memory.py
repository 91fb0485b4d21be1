# Memory is bounded by the size of a request, whatever numbers and structures are in it.
import http.client
import json
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A
from test_bounds import ANSWERED, WITH_LARGE_MAIL, WITH_LARGE_REQUEST, peak, send
from test_http import HEADERS, META

# HTML in which a number or the structure asks for far more work than its length. Each is at most 3 MiB.
HTML = {
    "20,000 cells with rowspan": "<table>" + "<tr><td rowspan=65534>x" * 20_000,
    "cells with colspan": "<table>" + "<tr><td colspan=1000>x<td>y" * 20_000,
    "columns with span": "<table><colgroup>" + "<col span=1000>" * 20_000 + "<tr><td>x",
    "a list from the largest number": f"<ol start={2**63 - 1}>" + "<li>x" * 100_000,
    "lists from large numbers": f"<ol start=-{2**63}><li>x" * 50_000,
    "nested blocks": "<div>" * 60_000 + "x",
    "nested quotations": "<blockquote>x<br>" * 40_000,
    "nested lists": "<ul><li>x" * 60_000,
    "nested tables": "<table><tr><td>x" * 40_000,
    "nested formatting": "<b><i><u>" * 100_000 + "x" + "</u></i></b>" * 100_000,
    "end tags without start tags": "<div>" * 255 + "</p></span>" * 250_000 + "x",
    "a tag that never ends": "<a " + "b=c " * 700_000,
    "a comment that never ends": "x<!--" + "<p>" * 1_000_000,
    "a script that never ends": "x<script>" + "</p>" * 800_000,
    "many attributes": "<p " + " ".join(f"a{number}=1" for number in range(250_000)) + ">x",
    "one huge attribute": f"<a href='https://x.org/{'y' * (3 << 20)}'>x</a>",
    "one huge name": f"<{'y' * (3 << 20)}>x",
    "millions of entities": "&NotEqualTilde;&nGt;&lt;" * 130_000 + "x",
    "millions of line ends": "<blockquote>" * 10 + "<pre>" + "\n" * (3 << 20) + "x",
    "tabs in preformatted text": "<ul>" * 10 + "<pre>" + "\t\nx" * 1_000_000,
    "links": "<a href=b>x" * 250_000,
}


@pytest.mark.parametrize("name", HTML)
def test_html_takes_time_and_memory_by_its_length(processes, name: str) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture)).handshake()
    call = send(pipe, body=HTML[name], html=True)
    ping = pipe.start("ping")
    pipe.answer(call, ANSWERED).has_state("sent")
    order = [json.loads(line)["id"] for line in pipe.lines.entries]
    assert order[-2:] == [ping, call], "the ping waited for the mail"
    assert "x" in capture.take().text() or "never ends" in name or "huge name" in name
    assert peak(pipe) < WITH_LARGE_REQUEST, f"{peak(pipe):.0f} MiB"


# -- JSON in which small values take far more memory than bytes, wherever they stand

def nested(size: int, opening: str = '{"":', closing: str = "}") -> str:
    """Values nested 100 deep, as many as fit in so many bytes."""
    one = opening * 100 + "1" + closing * 100
    return "[" + ",".join([one] * (size // (len(one) + 1))) + "]"


MIB = 1 << 20


def handshake(capabilities: str = "", client: str = "") -> str:
    params = '{"protocolVersion":"2025-11-25","capabilities":{%s},"clientInfo":{"name":"c","version":"1"%s}}' % (capabilities, client)
    return '{"jsonrpc":"2.0","id":901,"method":"initialize","params":%s}' % params


JSON = {
    "an id of objects": f'{{"jsonrpc":"2.0","id":{nested(8 * MIB)},"method":"ping"}}',
    "20 MiB of lists as the id": f'{{"jsonrpc":"2.0","id":{nested(20 * MIB, "[", "]")},"method":"ping"}}',
    "an id of 8 MiB": f'{{"jsonrpc":"2.0","id":"{"x" * (8 * MIB)}","method":"ping"}}',
    "a method of objects": f'{{"jsonrpc":"2.0","id":901,"method":{nested(8 * MIB)}}}',
    "id and method of objects": f'{{"id":{nested(4 * MIB)},"method":{nested(4 * MIB)}}}',
    "_meta": f'{{"jsonrpc":"2.0","id":901,"method":"ping","params":{{"_meta":{{"a":{nested(8 * MIB)}}}}}}}',
    "arguments": f'{{"jsonrpc":"2.0","id":901,"method":"tools/call","params":{{"name":"send_email","arguments":{{"to":{nested(8 * MIB)}}}}}}}',
    "an argument of another name": f'{{"jsonrpc":"2.0","id":901,"method":"tools/call","params":{{"name":"send_email","arguments":{{"x":{nested(8 * MIB)}}}}}}}',
    "a result nobody asked for": f'{{"jsonrpc":"2.0","id":901,"result":{nested(8 * MIB)}}}',
    "an error nobody asked for": f'{{"jsonrpc":"2.0","id":901,"error":{{"code":1,"message":"m","data":{nested(8 * MIB)}}}}}',
    "a notification": f'{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{nested(8 * MIB)}}}}}',
    "a member of no meaning": f'{{"jsonrpc":"2.0","id":901,"method":"ping","x":{nested(8 * MIB)}}}',
    "capabilities": handshake(f'"experimental":{{"x":{nested(8 * MIB)}}}'),
    "a client's icons": handshake("", f',"icons":{nested(8 * MIB)}'),
}


@pytest.mark.parametrize("name", JSON)
def test_json_takes_memory_by_its_length(processes, refused_port, name: str) -> None:
    body = JSON[name].encode()
    pipe = processes.pipe(one_server(refused_port))
    pipe.write(body)
    http_server = processes.http_server(one_server(refused_port))
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
    connection.request("POST", "/mcp", body, HEADERS)
    response = connection.getresponse()
    reply = response.read()
    assert response.status == 400 and b'"error"' in reply, (response.status, reply[:500])
    connection.close()
    pipe.handshake()  # the line before was refused, or ignored
    assert len(b"".join(pipe.lines.entries)) < 10_000
    most = WITH_LARGE_REQUEST if "20 MiB" in name else WITH_LARGE_MAIL
    assert max(peak(pipe), peak(http_server)) < most, f"{peak(pipe):.0f} MiB, {peak(http_server):.0f} MiB"


def test_little_is_kept_of_a_handshake(processes, refused_port) -> None:
    http_server = processes.http_server(one_server(refused_port))
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
    body = handshake(f'"experimental":{{"x":{{"y":{nested(40 << 10)}}}}}', f',"description":"{"d" * (16 << 10)}"').encode()
    headers = {"Content-Type": "application/json", "Accept": HEADERS["Accept"]}
    for _ in range(100):
        connection.request("POST", "/mcp", body, headers)
        response = connection.getresponse()
        reply = response.read()
        assert response.status == 200 and b"result" in reply, reply[:500]
    connection.close()
    assert peak(http_server) < WITH_LARGE_MAIL, f"{peak(http_server):.0f} MiB"


# -- what is left after large work

def resident(program) -> float:
    """What the process holds now (proc(5): VmRSS), in MiB."""
    return int(Path(f"/proc/{program.child.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def large_call(number: int, arguments: str = "", meta: str = "{}") -> bytes:
    head = '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"send_email","_meta":%s' % (number, meta)
    body = "" if '"body"' in arguments else ',"body":"b"'
    return (head + ',"arguments":{"to":"%s","subject":"s"%s%s}}}' % (A, body, arguments)).encode()


FILE = ',"attachments":[{"filename":"f","content":"%s"}]'
# The arguments, what is in _meta, how many clients call at the same time, how often each, and what may be left in MiB.
LARGE_CALLS: dict[str, tuple[str, str, int, int, int]] = {
    "nested objects in _meta": ("", f',"a":{nested(48 << 10)}', 40, 2, WITH_LARGE_MAIL),
    "many template_vars": (',"template_vars":{%s}' % ",".join(f'"k{key}":"v"' for key in range(9000)), "", 40, 3, WITH_LARGE_MAIL),
    "nested values of an unknown name": (f',"x":{nested(48 << 10)}', "", 40, 2, WITH_LARGE_MAIL),
    "HTML": (',"html":true,"body":"%s"' % ("<p>x" * 50_000), "", 10, 3, WITH_LARGE_MAIL),
    "attachments of 15 MiB": (FILE % ("AAAA" * (5 * MIB)), "", 8, 2, WITH_LARGE_REQUEST),
}


@pytest.mark.parametrize("name", LARGE_CALLS)
def test_memory_is_given_back_after_large_work(processes, name: str) -> None:
    arguments, meta, clients, each, left = LARGE_CALLS[name]
    http_server = processes.http_server(one_server(processes.capture()))
    body = large_call(1, arguments, json.dumps(META)[:-1] + meta + "}")
    statuses = []

    def client() -> None:
        connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
        for _ in range(each):
            connection.request("POST", "/mcp", body, HEADERS)
            response = connection.getresponse()
            response.read()
            while response.headers["Retry-After"]:  # its share was not free in time
                connection.request("POST", "/mcp", body, HEADERS)
                response = connection.getresponse()
                response.read()
            statuses.append(response.status)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * (clients * each)
    deadline = time.monotonic() + 5
    while resident(http_server) > left and time.monotonic() < deadline:
        http_server.health()
    assert resident(http_server) < left, f"{resident(http_server):.0f} MiB now, {peak(http_server):.0f} MiB at most"


def test_no_new_call_is_taken_beyond_the_memory_limit(processes) -> None:
    capture = processes.capture("--answer-after", "1")
    variables = one_server(capture, SMTP_MCP_MEMORY_LIMIT=64)
    large = large_call(901, FILE % ("AAAA" * (15 * MIB)))
    pipe = processes.pipe(variables).handshake()
    call = send(pipe)
    pipe.write(large)
    error = pipe.reply(901)["error"]
    assert error["code"] == -32000 and "SMTP_MCP_MEMORY_LIMIT" in error["message"], error
    pipe.answer(call).has_state("sent")
    while "error" in (reply := pipe.reply(send(pipe, subject="after"))):  # until the memory is given back
        assert reply["error"]["code"] == -32000
    assert reply["result"]["structuredContent"]["state"] == "sent"

    http_server = processes.http_server(variables)
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=ANSWERED)
    connection.request("POST", "/mcp", large, HEADERS)
    response = connection.getresponse()
    reply = response.read()
    assert response.status == 503 and b"SMTP_MCP_MEMORY_LIMIT" in reply and response.headers["Retry-After"], reply
    connection.request("POST", "/mcp", large_call(1, meta=json.dumps(META)), HEADERS)
    assert b'"state":"sent"' in connection.getresponse().read()
    connection.close()
