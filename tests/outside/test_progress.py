# A call with a progress token hears how far its mail is.
import pytest

from conftest import one_server, several_servers
from programs import answer_of
from test_http import META
from wire_client import HttpWire, StdioWire, http_request

MAIL = {"to": "ada@example.org, bob@example.org", "subject": "s", "body": "b", "allow_duplicate": True}


def messages(entries: list[dict], token: object) -> list[str]:
    """The messages of the notifications with that token; their values have to increase."""
    found = [entry["params"] for entry in entries if entry.get("method") == "notifications/progress"]
    assert all(params["progressToken"] == token for params in found), found
    values = [params["progress"] for params in found]
    assert values == sorted(set(values)), values
    return [params["message"] for params in found]


def call(token: object, **arguments: object) -> dict:
    return {"name": "send_email", "arguments": MAIL | arguments, "_meta": {"progressToken": token}}


def test_over_stdio(processes) -> None:
    pipe = processes.pipe(one_server(processes.capture()))
    wire = StdioWire(pipe)
    wire.begin()
    for token in "a token", 7:
        before = len(pipe.messages())
        answer_of(wire.ask("tools/call", call(token))).has_state("sent")
        assert messages(pipe.messages()[before:], token) == ["connecting to primary", "sending through primary", "2 of 2 recipients done"]
    before = len(pipe.messages())
    answer_of(wire.ask("tools/call", {"name": "send_email", "arguments": MAIL})).has_state("sent")
    assert messages(pipe.messages()[before:], None) == [], "without a token nothing is said"


def test_of_a_mail_that_is_kept(processes, refused_port) -> None:
    pipe = processes.pipe(one_server(refused_port))
    wire = StdioWire(pipe)
    wire.begin()
    answer = answer_of(wire.ask("tools/call", call(1))).has_state("queued")
    assert messages(pipe.messages(), 1) == ["connecting to primary", "0 of 2 recipients done", f"next attempt at {answer.data['next_attempt_at']}"]


def test_of_a_failover(processes, refused_port) -> None:
    pipe = processes.pipe(several_servers(refused_port, processes.capture()))
    wire = StdioWire(pipe)
    wire.begin()
    answer_of(wire.ask("tools/call", call(1))).has_state("sent")
    assert messages(pipe.messages(), 1) == [
        "connecting to first", "0 of 2 recipients done", "connecting to second", "sending through second", "2 of 2 recipients done",
    ]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_over_http(processes, era: str) -> None:
    wire = HttpWire(processes.http_server(one_server(processes.capture())).url)
    params = call("a token")
    if era == "legacy":
        wire.begin()
    else:
        wire.headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "send_email"}
        params["_meta"] |= META
    request = {"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params}
    entries = wire.messages(http_request(wire.url, body=request, headers=wire.headers)[2])
    answer_of(entries[-1]).has_state("sent")
    assert messages(entries, "a token") == ["connecting to primary", "sending through primary", "2 of 2 recipients done"]
