# Mails as MCP resources: listed, read, and told about when they change.
from __future__ import annotations

import json
import os
from typing import Any

import pytest

from conftest import one_server
from mail import parse

A, B = "ada@example.org", "bob@example.org"


def resources(program: Any) -> list[Any]:
    return program._portal.call(program.client.list_resources).resources


def read(program: Any, uri: str) -> Any:
    return program._portal.call(program.client.read_resource, uri).contents[0]


def test_a_mail_is_read_as_record_and_as_mail(processes, mode: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture), mode=mode)
    assert resources(program) == []
    first = program.send(subject="one", bcc=B, body="Grüße").has_state("sent")
    second = program.send(subject="two").has_state("sent")
    listed = resources(program)
    assert [str(one.uri) for one in listed] == [f"mail://outbox/{one.data['id']}" for one in (second, first)], "newest first"
    assert (listed[0].title, listed[0].mime_type) == ("two", "application/json")
    record = read(program, f"mail://outbox/{first.data['id']}")
    assert record.mime_type == "application/json"
    shown = json.loads(record.text)
    assert shown == {key: value for key, value in program.call("get_email", id=first.data["id"]).data.items() if key != "success"}
    assert [one["address"] for one in shown["email"]["recipients"]] == [A, B]
    templates = program._portal.call(program.client.list_resource_templates).resource_templates
    assert [one.uri_template for one in templates] == ["mail://outbox/{id}", "mail://outbox/{id}.eml"]


@pytest.mark.skipif("OUTBOX" in os.environ, reason="in memory no content is kept after the end")
def test_the_mail_itself(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_MCP_OUTBOX=None))
    sent = program.send(subject="one", bcc=B, body="Grüße").has_state("sent")
    eml = read(program, f"mail://outbox/{sent.data['id']}.eml")
    assert eml.mime_type == "message/rfc822"
    message = parse(eml.text.encode())
    assert (message["Subject"], message["Bcc"], message["Message-ID"]) == ("one", None, sent.data["message_id"])
    assert message.get_content().strip() == "Grüße"


@pytest.mark.parametrize("uri", ["mail://outbox/0192aaaa-0000-7000-8000-000000000001", "mail://outbox/x", "mail://inbox/1", "file:///etc/passwd"])
def test_what_is_not_there(processes, uri: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    with pytest.raises(Exception, match="there is no mail at|expected mail://outbox"):
        read(program, uri)


def test_callers_over_http_see_only_their_own(processes, tmp_path) -> None:
    capture = processes.capture()
    box = {} if "OUTBOX" in os.environ else {"SMTP_MCP_OUTBOX": f"sqlite:{tmp_path}/outbox/o.db"}
    local = processes.program(one_server(capture, **box))
    http = processes.program(one_server(capture, **box), mode="auto over http")
    own = local.send(subject="private").has_state("sent")
    assert resources(http) == []
    with pytest.raises(Exception, match="there is no mail at"):
        read(http, f"mail://outbox/{own.data['id']}")
    with pytest.raises(Exception, match="there is no mail at"):
        read(http, f"mail://outbox/{own.data['id']}.eml")


def test_whoever_may_not_read_mails_has_no_resources(processes) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture), "--tools", "send_email").handshake()
    answer = pipe.reply(pipe.start("resources/list", {}))
    assert answer["error"]["code"] == -32601


def notified(pipe: Any, method: str, **params: Any) -> None:
    def found(lines: list[bytes]) -> list[dict]:
        messages = [json.loads(line) for line in lines]
        return [one for one in messages if one.get("method") == method and params.items() <= one.get("params", {}).items()]

    pipe.lines.wait(found, f"{method} {params}", 10)


def test_changes_are_told_in_the_older_era(processes) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture)).handshake()
    assert pipe.request("resources/list")["result"]["resources"] == []
    waiting = pipe.call("send_email", to=A, subject="s", body="b", undo_seconds=3600).has_state("queued")
    notified(pipe, "notifications/resources/list_changed")
    uri = f"mail://outbox/{waiting.data['id']}"
    pipe.request("resources/subscribe", {"uri": uri})
    pipe.call("cancel_email", id=waiting.data["id"])
    notified(pipe, "notifications/resources/updated", uri=uri)
    pipe.request("resources/unsubscribe", {"uri": uri})


def test_changes_are_told_in_the_newer_era(processes) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture))
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }

    def ask(method: str, params: dict) -> dict:
        return pipe.reply(pipe.start(method, params | {"_meta": meta}))["result"]

    def call(tool: str, **arguments: Any) -> dict:
        return ask("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]

    waiting = call("send_email", to=A, subject="s", body="b", undo_seconds=3600)
    uri = f"mail://outbox/{waiting['id']}"
    listening = pipe.start("subscriptions/listen", {"notifications": {"resourcesListChanged": True, "resourceSubscriptions": [uri]}, "_meta": meta})
    notified(pipe, "notifications/subscriptions/acknowledged")
    call("cancel_email", id=waiting["id"])
    notified(pipe, "notifications/resources/updated", uri=uri)
    call("send_email", to=A, subject="another", body="b")
    notified(pipe, "notifications/resources/list_changed")
    pipe.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": listening, "_meta": meta}}).encode())
    assert ask("resources/list", {})["resources"][0]["title"] == "another"
