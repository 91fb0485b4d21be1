# HTTP as clients speak it: what they accept, web pages, a missing token, and the places where they look for OAuth.
import json

import pytest

from conftest import one_server
from wire_client import HELLO, http_request

TOKEN = "a-long-and-random-one"
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def url(module_processes) -> str:
    return module_processes.http_server(one_server(module_processes.capture())).url


@pytest.fixture(scope="module")
def guarded_url(module_processes) -> str:
    return module_processes.http_server(one_server(module_processes.capture(), SMTP_MCP_HTTP_TOKEN=TOKEN)).url


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json;q=0.9, text/event-stream;q=0.8", "application/json, */*;q=0.1", None])
def test_what_counts_as_both_types(url: str, accept: str | None) -> None:
    status, headers, body = http_request(url, body=INITIALIZE, headers=JSON | ({"Accept": accept} if accept else {}))
    assert status == 200 and headers["Mcp-Session-Id"] and "serverInfo" in body, body


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0"])
def test_what_cannot_be_served_is_refused(url: str, accept: str) -> None:
    status, _, body = http_request(url, body=INITIALIZE, headers=JSON | {"Accept": accept})
    assert status == 406 and "application/json" in body, body


def test_a_browser_is_told_how_to_connect(url: str) -> None:
    status, _, body = http_request(url, "GET", headers={"Accept": "text/html,*/*;q=0.8"})
    assert status == 406 and "streamable HTTP" in body, body


def test_a_page_of_an_allowed_origin_may_call(url: str, guarded_url: str) -> None:
    origin = "http://localhost:6274"
    asked = {
        "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true",
        "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version,mcp-session-id",
    }
    for each in (url, guarded_url):
        status, headers, _ = http_request(each, "OPTIONS", headers=asked)
        assert status == 200 and headers["Access-Control-Allow-Origin"] == origin, dict(headers)
        assert "POST" in headers["Access-Control-Allow-Methods"] and "DELETE" in headers["Access-Control-Allow-Methods"]
        assert {"authorization", "content-type", "mcp-protocol-version", "mcp-session-id"} <= set(headers["Access-Control-Allow-Headers"].split(","))
        assert headers["Access-Control-Allow-Private-Network"] == "true"
    status, headers, _ = http_request(url, body=INITIALIZE, headers=JSON | {"Origin": origin})
    exposed = headers["Access-Control-Expose-Headers"].lower()
    assert status == 200 and headers["Access-Control-Allow-Origin"] == origin
    assert "mcp-session-id" in exposed and "mcp-protocol-version" in exposed
    status, headers, _ = http_request(guarded_url, body=INITIALIZE, headers=JSON | {"Origin": origin})
    assert status == 401 and headers["Access-Control-Allow-Origin"] == origin, "the page can read why"


def test_a_page_of_another_origin_may_not(url: str) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in http_request(url, "OPTIONS", headers=asked)[1]
    status, headers, body = http_request(url, body=INITIALIZE, headers=JSON | {"Origin": "https://evil.example"})
    assert status == 403 and "Access-Control-Allow-Origin" not in headers and "SMTP_MCP_ALLOWED_ORIGINS" in body


@pytest.mark.parametrize(("shown", "words"), [(None, "required"), ("Bearer another", "wrong"), ("Basic abc", "wrong")])
def test_401_names_the_header_and_the_setting(guarded_url: str, shown: str | None, words: str) -> None:
    status, headers, body = http_request(guarded_url, body=INITIALIZE, headers=JSON | ({"Authorization": shown} if shown else {}))
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer"), dict(headers)
    message = json.loads(body)["error"]["message"]
    assert words in message and "Authorization" in message and "SMTP_MCP_HTTP_TOKEN" in message


@pytest.mark.parametrize("path", [
    "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration", "/mcp/.well-known/openid-configuration", "/register", "/authorize", "/token",
])
def test_where_clients_look_for_oauth(url: str, guarded_url: str, path: str) -> None:
    for each, words in (guarded_url, "Authorization: Bearer"), (url, "needs no token"):
        for method, body in ("GET", None), ("POST", {}):
            status, _, text = http_request(each.removesuffix("/mcp") + path, method, body, JSON)
            assert status == 404 and words in json.loads(text)["error_description"], text
