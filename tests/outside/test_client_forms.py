# What clients get wrong about the form of arguments and messages, over stdio and HTTP: taken where the meaning is clear, else named.
import base64
import json

import pytest

from conftest import one_server
from programs import answer_of
from test_http import META
from wire_client import HELLO, HttpWire, StdioWire

MAIL = {"to": "a@example.org", "subject": "Hi", "body": "x", "allow_duplicate": True}
FILE = {"filename": "a.txt", "content": base64.b64encode(b"x").decode()}


@pytest.fixture(scope="module")
def capture(module_processes):
    return module_processes.capture()


@pytest.fixture(params=["stdio", "http"])
def wire(request, processes, capture):
    capture.forget()
    variables = one_server(capture)
    return StdioWire(processes.pipe(variables)) if request.param == "stdio" else HttpWire(processes.http_server(variables).url)


def test_arguments_in_strings(wire, capture) -> None:
    """Arrays, objects, booleans and numbers as strings of JSON; null and "" for what is not given."""
    wire.begin()
    quoted = {
        "to": '["a@example.org", "\\"Lovelace, Ada\\" <ada@example.org>"]', "cc": "[]", "bcc": None, "html": "True", "body": "<b>{greeting}</b>",
        "attachments": json.dumps([FILE]), "template_vars": json.dumps({"greeting": "Hi"}), "reply_to": "", "wait_seconds": "20",
        "allow_duplicate": "TRUE",
    }
    answer_of(wire.ask("tools/call", {"name": "send_email", "arguments": MAIL | quoted})).has_state("sent")
    mail = capture.take()
    assert mail.event["recipients"] == ["a@example.org", "ada@example.org"]
    parts = {part.get_content_type(): part.get_content() for part in mail.message.walk() if not part.is_multipart()}
    assert parts["text/html"].strip() == "<b>Hi</b>"
    assert [part.get_filename() for part in mail.message.iter_attachments()] == ["a.txt"]
    whole = json.dumps(MAIL | {"attachments": [json.dumps(FILE)], "template_vars": []})
    answer_of(wire.ask("tools/call", {"name": "send_email", "arguments": whole})).has_state("sent")
    assert [part.get_filename() for part in capture.take().message.iter_attachments()] == ["a.txt"]


def test_what_is_not_clear_is_refused_by_its_right_name(wire) -> None:
    wire.begin()
    for wrong, words in {
        ("html", "yes"): ["html", "boolean"],
        ("attachments", json.dumps({"filename": "a"})): ["attachments", "sequence"],
        ("attachments", '[{"filename": "a"'): ["attachments", "sequence"],
        ("attachments", json.dumps([{"name": "a.txt", "content": "eA=="}])): ["name", "called filename"],
        ("attachments", json.dumps([{"filename": "a.txt", "data": "eA=="}])): ["data", "called content"],
        ("attachments", json.dumps([FILE | {"contentType": "text/plain"}])): ["contentType", "called mime_type"],
        ("message", "Hi"): ['"message"', "this tool knows", "body"],
    }.items():
        name, value = wrong
        answer = answer_of(wire.ask("tools/call", {"name": "send_email", "arguments": MAIL | {name: value}}))
        answer.has_state("refused").mentions(*words)


def test_empty_lists_for_objects_and_extra_arguments(wire) -> None:
    assert "result" in wire.begin(HELLO | {"capabilities": []})
    assert len(wire.ask("tools/list", [])["result"]["tools"]) == 11
    assert wire.ask("ping", [])["result"] == {}
    for arguments in ([], None, "", "{}", {"toolCallId": "call_x"}):
        answer = answer_of(wire.ask("tools/call", {"name": "get_smtp_status", "arguments": arguments}))
        assert answer.data["success"] is True, (arguments, answer)


@pytest.mark.parametrize("odd", [
    {"capabilities": {"experimental": {"x": True}}},
    {"capabilities": {"sampling": True, "roots": [], "elicitation": "form"}},
    {"clientInfo": {"name": "p"}},
    {"clientInfo": {"name": "p", "version": "1", "icons": [{"src": 5}], "websiteUrl": 7}},
    {"clientInfo": {"name": "p", "version": 1}},
    {"clientInfo": None},
], ids=str)
def test_a_handshake_with_what_cannot_be_used(wire, odd: dict) -> None:
    assert wire.begin(HELLO | odd)["result"]["protocolVersion"] == "2025-11-25"
    assert "result" in wire.ask("tools/list", {})


def test_capabilities_of_a_request_without_a_session(wire) -> None:
    meta = META | {"io.modelcontextprotocol/clientCapabilities": {"sampling": True}}
    if isinstance(wire, HttpWire):
        wire.headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    assert "result" in wire.ask("tools/list", {"_meta": meta})


def test_protocol_errors_name_what_was_wrong(wire) -> None:
    wrong = wire.begin({"capabilities": {}, "clientInfo": {"name": "p", "version": "1"}})
    assert wrong["error"]["code"] == -32602 and "protocolVersion" in wrong["error"]["message"], wrong
    assert "result" in wire.begin()
    for method, params, code, words in [
        ("tools/call", {}, -32602, "missing field `name`"),
        ("tools/call", {"name": "send_email", "arguments": 5}, -32602, "arguments"),
        ("tools/call", {"name": "send_mail", "arguments": {}}, -32602, "send_mail"),
        ("mails/send", {}, -32601, "mails/send"),
    ]:
        error = wire.ask(method, params)["error"]
        assert error["code"] == code and words in error["message"], error
