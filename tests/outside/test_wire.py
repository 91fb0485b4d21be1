# Hand-written lines, which a client library cannot send. There is always an answer, and the session continues.
import base64
import json

import pytest

from conftest import one_server
from pipe import Pipe

pytestmark = pytest.mark.smoke

A = "ada@example.org"
MIB = 1 << 20


@pytest.fixture
def pipe(processes) -> Pipe:
    return processes.pipe(one_server(processes.capture())).handshake()


def goes_on(pipe: Pipe) -> None:
    pipe.call("send_email", to=A, subject="s", body="b").has_state("sent")


@pytest.mark.parametrize("line", [b"{", b"nonsense", b'{"jsonrpc":"2.0","id":7,', b"\xff\xfe", b'{"a":1}}'])
def test_a_line_that_is_no_json(pipe: Pipe, line: bytes) -> None:
    pipe.write(line)
    assert pipe.reply(None)["error"]["code"] == -32700
    goes_on(pipe)


@pytest.mark.parametrize("line", [b"", b"   ", b"\r"])
def test_an_empty_line_is_nothing(pipe: Pipe, line: bytes) -> None:
    pipe.write(line)
    goes_on(pipe)


@pytest.mark.parametrize("line", [b"17", b'"text"', b"{}", b'{"jsonrpc":"1.0","id":99,"method":"tools/list"}', b'{"id":99,"method":5}'])
def test_json_that_is_no_request_gets_an_error(pipe: Pipe, line: bytes) -> None:
    before = len(pipe.lines.entries)
    pipe.write(line)
    added = pipe.lines.wait(lambda entries: entries[before:], "a response")
    assert json.loads(added[0])["error"]["code"] in (-32600, -32700), added
    goes_on(pipe)


def test_an_unknown_method(pipe: Pipe) -> None:
    assert pipe.request("mail/teleport")["error"]["code"] == -32601
    goes_on(pipe)


def test_an_unknown_notification_is_ignored(pipe: Pipe) -> None:
    pipe.write(b'{"jsonrpc":"2.0","method":"notifications/weather"}')
    goes_on(pipe)


def test_an_unknown_tool(pipe: Pipe) -> None:
    error = pipe.request("tools/call", {"name": "send_pigeon", "arguments": {}})["error"]
    assert error["code"] in (-32602, -32601) and error["message"]
    goes_on(pipe)


def test_a_call_without_a_name(pipe: Pipe) -> None:
    assert "error" in pipe.request("tools/call", {"arguments": {}})
    goes_on(pipe)


def test_ping(pipe: Pipe) -> None:
    assert pipe.request("ping")["result"] == {}


def test_a_request_beyond_72_mib_gets_an_error_and_the_session_goes_on(pipe: Pipe) -> None:
    before = len(pipe.lines.entries)
    pipe.write(b'{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{"name":"send_email","arguments":{"body":"' + b"x" * (72 * MIB) + b'"}}}')
    added = pipe.lines.wait(lambda entries: entries[before:], "a response", 60)
    assert "error" in json.loads(added[0]), added[0][:500]
    goes_on(pipe)


def test_a_request_of_just_under_72_mib_is_read(processes) -> None:
    """Read and answered by the tool itself: 53 MiB of attachments are over its own limit."""
    pipe = processes.pipe(one_server(processes.capture())).handshake()
    content = base64.b64encode(bytes(18 * MIB - 64)).decode()
    files = [{"filename": f"{number}.bin", "content": content} for number in range(2)]
    files.append({"filename": "last.bin", "content": base64.b64encode(bytes(17 * MIB)).decode()})
    number = pipe.start_call("send_email", to=A, subject="s", body="b", attachments=files)
    pipe.answer(number, 50).has_state("refused")
    goes_on(pipe)


def test_calls_are_answered_out_of_order_where_one_waits(processes) -> None:
    capture = processes.capture("--answer-after", "1")
    pipe = processes.pipe(one_server(capture)).handshake()
    slow = pipe.start_call("send_email", to=A, subject="s", body="b")
    capture.wait("content")
    quick = pipe.start_call("get_smtp_status")
    pipe.answer(slow).has_state("sent")
    order = [json.loads(line)["id"] for line in pipe.lines.entries if "id" in json.loads(line)]
    assert order.index(quick) < order.index(slow)


def test_without_a_handshake_the_new_protocol_is_spoken(processes) -> None:
    pipe = processes.pipe(one_server(processes.capture()))
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "outside", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}}
    discovered = pipe.request("server/discover", {"_meta": meta})["result"]
    assert "2026-07-28" in discovered["supportedVersions"], discovered
    result = pipe.request("tools/call", {"name": "send_email", "arguments": {"to": A, "subject": "s", "body": "b"}, "_meta": meta})["result"]
    assert result["structuredContent"]["state"] == "sent", result
