# Who the server says it is in each version of the protocol, and which tools it offers.
import base64

import pytest

from conftest import one_server
from programs import answer_of
from pipe import run
from test_http import META
from wire_client import HELLO, StdioWire

SEND = {"send_email", "preview_email", "retry_email", "cancel_email"}
STATUS = {"get_email", "list_emails", "get_smtp_status", "test_smtp_connection"}
ADMIN = {"switch_smtp_server", "reload_smtp_configuration", "reconnect_smtp_servers"}


VERSIONS = [
    ("2024-11-05", {"name", "version"}),
    ("2025-03-26", {"name", "version"}),
    ("2025-06-18", {"name", "version", "title"}),
    ("2025-11-25", {"name", "version", "title", "icons"}),
]


@pytest.mark.parametrize(("version", "fields"), VERSIONS, ids=[version for version, _ in VERSIONS])
def test_server_info_fits_the_version(processes, version: str, fields: set[str]) -> None:
    result = StdioWire(processes.pipe(one_server(processes.capture()))).begin(HELLO | {"protocolVersion": version})["result"]
    assert result["protocolVersion"] == version
    assert set(result["serverInfo"]) == fields
    assert "never send it again" in result["instructions"]
    for icon in result["serverInfo"].get("icons", []):
        data = base64.b64decode(icon["src"].removeprefix("data:image/png;base64,"))
        assert data.startswith(b"\x89PNG\r\n\x1a\n") and data[16:24] == (48).to_bytes(4, "big") * 2
        assert icon["mimeType"] == "image/png" and icon["sizes"] == ["48x48"]


def test_a_result_without_a_session_names_the_server_briefly(processes) -> None:
    wire = StdioWire(processes.pipe(one_server(processes.capture())))
    result = wire.ask("tools/list", {"_meta": META})["result"]
    assert set(result["_meta"]["io.modelcontextprotocol/serverInfo"]) == {"name", "version", "title"}


@pytest.mark.parametrize(("arguments", "variables", "offered"), [
    ([], {"SMTP_MCP_TOOLS": "send"}, SEND),
    (["--tools", "send_email,status"], {"SMTP_MCP_TOOLS": "admin"}, {"send_email"} | STATUS),
    (["--exclude-tools", "admin", "--exclude-tools", "retry_email"], {}, {"send_email", "preview_email", "cancel_email"} | STATUS),
    (["serve", "--tools", "send"], {"SMTP_MCP_EXCLUDE_TOOLS": "retry_email"}, {"send_email", "preview_email", "cancel_email"}),
], ids=["by variable", "the flag wins", "excluded", "both"])
def test_what_is_off_is_neither_listed_nor_callable(processes, arguments: list[str], variables: dict, offered: set[str]) -> None:
    wire = StdioWire(processes.pipe(one_server(processes.capture(), **variables), *arguments))
    instructions = wire.begin()["result"]["instructions"]
    assert {tool["name"] for tool in wire.ask("tools/list", {})["result"]["tools"]} == offered
    for tool in SEND | STATUS | ADMIN:
        reply = wire.ask("tools/call", {"name": tool, "arguments": {}})
        if tool in offered:
            answer_of(reply)
        else:
            assert reply["error"]["code"] == -32602 and tool in reply["error"]["message"], reply
    assert ("list_emails" in instructions) is ("list_emails" in offered)


@pytest.mark.parametrize(("arguments", "words"), [
    (["--tools", "sent"], ["SMTP_MCP_TOOLS", '"sent"', "send, status and admin"]),
    (["--tools", "send", "--exclude-tools", "send"], ["SMTP_MCP_EXCLUDE_TOOLS", "no tool"]),
], ids=["unknown", "nothing left"])
def test_a_selection_that_cannot_be_meant(processes, tmp_path, arguments: list[str], words: list[str]) -> None:
    ended = run(tmp_path, one_server(processes.capture()), *arguments)
    assert ended.returncode == 1
    for word in words:
        assert word in ended.stderr
