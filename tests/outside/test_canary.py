# Every failure with known secrets: none of them, in any encoding, appears in a result, the log or /health, and no message text or whole address in the last two.
import base64
import hashlib
import hmac
import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import one_server, several_servers
from failures import A, CASES, CRAM, PASSWORD, USER
from local_provider import LocalProvider
from oauth import CommandLine, sign_in
from pipe import run
from test_http import HEADERS, META, TOOLS

CHALLENGE = re.search(r"334 (\S+)\nC: \n$", CRAM)[1]
DIGEST = hmac.new(PASSWORD.encode(), base64.b64decode(CHALLENGE), hashlib.md5).hexdigest()
TOKEN, WRONG = "bearer-word-of-mine", "bearer-word-of-others"
TEXT, SUBJECT, BYTES, NAME = "text-of-great-secrecy", "subject-of-great-secrecy", b"bytes-of-great-secrecy", "name-of-great-secrecy"


def alignments(secret: bytes) -> list[str]:
    """The parts of its base64 that do not depend on the text around it, for the three offsets at which it may begin."""
    parts = []
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + secret).decode()
        first, last = -(-offset * 8 // 6), (offset + len(secret)) * 8 // 6
        parts.append(whole[first:last])
    return parts


def forms(secret: str) -> list[str]:
    """In plaintext, in base64 at any offset, in hexadecimal, percent-encoded."""
    data = secret.encode()
    return [secret, *alignments(data), data.hex(), "".join(f"%{byte:02X}" for byte in data)]


def credentials() -> list[str]:
    """Password and token in each encoding that was sent."""
    sasl = [f"\0{USER}\0{PASSWORD}", f"{USER} {DIGEST}"]
    return forms(PASSWORD) + forms(TOKEN) + [DIGEST, *alignments(DIGEST.encode())] + [base64.b64encode(one.encode()).decode().rstrip("=") for one in sasl]


def confidential(recipients: list[str]) -> list[str]:
    """What the log does not show of a mail."""
    addresses = [*recipients, "me@first.example", "me@second.example", USER]
    return [form for text in (TEXT, SUBJECT, BYTES.decode(), NAME, *addresses) for form in [text, *alignments(text.encode())]]


def absent(forbidden: list[str], place: str, text: str) -> None:
    for one in forbidden:
        assert one not in text, f"{one!r} stands in {place}:\n" + "\n".join(line[:500] for line in text.splitlines() if one in line)


def test_the_forms_are_found_where_they_stand() -> None:
    for offset in range(3):
        assert any(form in base64.b64encode(b"x" * offset + PASSWORD.encode() + b"yz").decode() for form in alignments(PASSWORD.encode()))


def the_first_of_each_row() -> list[str]:
    rows: dict[int, str] = {}
    for name, (row, _) in CASES.items():
        rows.setdefault(id(row), name)
    return list(rows.values())


@pytest.mark.parametrize(("mode", "name"), [("auto over http", name) for name in CASES] + [("auto", name) for name in the_first_of_each_row()])
def test_no_secret_is_told(processes, build_server, refused_port, tmp_path: Path, mode: str, name: str) -> None:
    _, case = CASES[name]
    own = {f"{variable}_1": value for variable, value in case.variables.items()}
    known = {"SMTP_USERNAME_2": USER, "SMTP_PASSWORD_2": PASSWORD, "SMTP_MCP_HTTP_TOKEN": TOKEN, "LOG_LEVEL": "trace", "RUST_LOG": "trace"}
    variables = several_servers(build_server(case), refused_port, **own, **known)
    program = processes.program(variables, mode=mode)
    file = {"filename": f"{NAME}.txt", "content": base64.b64encode(BYTES).decode()}
    # Only the first server may send as this one, so that the answer quotes what it said.
    arguments = {"body": TEXT, "attachments": [file], "from_email": "me@first.example"} | case.arguments
    said = [program.call("send_email", to=list(case.statuses), subject=SUBJECT, **arguments)]
    said += [program.call(tool) for tool in TOOLS if tool != "send_email"]
    health = program.http_server.health() if program.http_server else None
    checked = run(tmp_path / "check", variables, "check")
    processes.stop_all()
    log = program.stderr()
    assert "delivery attempt ended" in log, "the log does not tell of it"
    absent(credentials(), "an answer", "\n".join(f"{answer.text}\n{json.dumps(answer.data, ensure_ascii=False)}" for answer in said))
    absent(credentials() + confidential(list(case.statuses)), "the log", log)
    if health:
        assert '"total":2' in health
        absent(credentials() + confidential(list(case.statuses)) + ["first", "second", str(variables["SMTP_HOST_1"])], "/health", health)
    assert "second" in checked.stdout
    absent(credentials(), "what check prints", checked.stdout + checked.stderr)


# What is refused before it is a call: the status, the head, and the body, which is a call where nothing else is said.
CALL = json.dumps({
    "jsonrpc": "2.0", "id": NAME, "method": "tools/call",
    "params": {"name": "send_email", "arguments": {"to": A, "subject": SUBJECT, "body": TEXT}, "_meta": META},
})
KNOWN = HEADERS | {"Authorization": f"Bearer {TOKEN}"}
REFUSED = {
    "no token": (401, {"Authorization": None}, CALL),
    "another token": (401, {"Authorization": f"Bearer {WRONG}"}, CALL),
    "the token in another way": (401, {"Authorization": "Basic " + base64.b64encode(f"{A}:{TOKEN}".encode()).decode()}, CALL),
    "another host": (403, {"Host": f"{NAME}.example"}, CALL),
    "another origin": (403, {"Origin": f"https://{NAME}.example"}, CALL),
    "no JSON by its head": (415, {"Content-Type": "text/plain"}, CALL),
    "no JSON": (400, {}, CALL[:-1]),
    "no JSON behind a call": (400, {}, CALL + TEXT),
    "no message": (400, {}, json.dumps({"id": NAME, SUBJECT: TEXT})),
    "several messages": (400, {}, f"[{CALL},{CALL}]"),
    "too many values": (400, {}, json.dumps([TEXT] * 20_000)),
    "too long": (413, {}, CALL + " " * (72 << 20)),
    "a large handshake": (413, {}, json.dumps({"jsonrpc": "2.0", "id": NAME, "method": "initialize", "params": {"x": TEXT * 10_000}})),
    "a session of nobody": (404, {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": NAME}, json.dumps({"jsonrpc": "2.0", "id": NAME, "method": TEXT})),
    "another tool than in the head": (400, {"Mcp-Name": NAME}, CALL),
    "no such tool": (200, {"Mcp-Name": NAME}, CALL.replace('"send_email"', f'"{NAME}"')),
    "no such method": (404, {"Mcp-Method": NAME}, CALL.replace("tools/call", NAME)),
    "no such argument": (200, {}, CALL.replace('"subject"', f'"{NAME}"')),
    "no address": (200, {}, CALL.replace(A, f"{A} {A}")),
}


@pytest.fixture(scope="module")
def http_server(module_processes):
    return module_processes.http_server(one_server(module_processes.capture(), SMTP_MCP_HTTP_TOKEN=TOKEN, LOG_LEVEL="trace", RUST_LOG="trace"))


@pytest.mark.parametrize("name", REFUSED)
def test_no_secret_is_told_of_what_is_refused(http_server, name: str) -> None:
    status, head, body = REFUSED[name]
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=30)
    connection.request("POST", "/mcp", body, {name: value for name, value in (KNOWN | head).items() if value is not None})
    answer = connection.getresponse()
    said = f"{answer.status} {answer.headers}\n{answer.read().decode()}"
    connection.close()
    assert answer.status == status, said
    absent(forms(TOKEN) + forms(WRONG), "the answer", said)
    for place, text in ("the log", http_server.stderr()), ("/health", http_server.health()):
        absent(forms(TOKEN) + forms(WRONG) + confidential([A]), place, text)


# -- OAuth

OWN = {name: f"{name}-of-great-secrecy" for name in ("access", "renewed", "refresh", "rotated", "code", "device", "client")}


def oauth_provider(processes) -> LocalProvider:
    """It signs in whoever asks, and repeats what it was sent in its errors."""
    provider = LocalProvider({})
    processes.add_cleanup(provider.stop)
    urls = {"token_endpoint": "/token", "authorization_endpoint": "/auth", "device_authorization_endpoint": "/device", "revocation_endpoint": "/revoke"}

    def token(form: dict) -> tuple:
        if form["grant_type"] == "refresh_token" and form["refresh_token"] == OWN["rotated"]:
            return 400, {}, {"error": "invalid_grant", "error_description": "not " + " ".join(form.values())}
        names = ("renewed", "rotated") if form["grant_type"] == "refresh_token" else ("access", "refresh")
        return 200, {}, {"access_token": OWN[names[0]], "refresh_token": OWN[names[1]], "token_type": "Bearer", "expires_in": 3600}

    provider.routes |= {
        "/.well-known/openid-configuration": lambda _: (200, {}, {"issuer": provider.url} | {name: provider.url + path for name, path in urls.items()}),
        "/auth": lambda query: (302, {"location": f"{query['redirect_uri']}?state={query['state']}&code={OWN['code']}"}, {}),
        "/device": lambda _: (200, {}, {"device_code": OWN["device"], "user_code": "ABCD", "verification_uri": provider.url, "expires_in": 60, "interval": 1}),
        "/token": token,
        "/revoke": lambda form: (400, {}, {"error": "invalid_request", "error_description": "not " + " ".join(form.values())}),
    }
    return provider


def test_no_secret_of_oauth_is_told(processes, tmp_path: Path) -> None:
    """Tokens, codes, the client's secret and the code verifier, at the most talkative log level, through everything that handles them."""
    provider = oauth_provider(processes)
    hello = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2\n"
    refused = "S: 334 e30=\nC: \necho 535 5.7.8 no:\n"
    server = processes.scripted(*[hello + "S: 235 ok\n"] * 2, *[hello + refused + "C: AUTH XOAUTH2\n" + refused] * 3)
    talkative = {"LOG_LEVEL": "trace", "RUST_LOG": "trace"}
    variables = one_server(server, SMTP_USERNAME=USER, SMTP_AUTH="oauth", SMTP_OAUTH_CLIENT_ID="app", SMTP_OAUTH_CLIENT_SECRET=OWN["client"], SMTP_MCP_STATE_DIR=tmp_path, **talkative)
    said = [CommandLine(tmp_path / "device", variables, "login", "--issuer", provider.url).ends(0), sign_in(tmp_path / "browser", variables, "--issuer", provider.url, "--browser")]
    program = processes.program(variables)
    for state in ("queued", "refused"):
        answer = program.send().has_state(state)
        said.append(f"{answer.text}\n{json.dumps(answer.data)}")
        program.call("reconnect_smtp_servers")
    assert provider.count("/token") == 4, "two sign-ins, a renewal, and one that is refused"
    said += [CommandLine(tmp_path / name, variables, *name.split()).ends(status) for name, status in (("token status", 1), ("check", 1))]
    said.append(CommandLine(tmp_path / "again", variables, "login", "--issuer", provider.url).ends(1))
    said.append(CommandLine(tmp_path / "logout", variables, "logout").ends(0))
    assert "could not be revoked" in said[-1] and "[hidden]" in said[-1]
    processes.stop_all()
    verifiers = [form["code_verifier"] for path, form in provider.asked if path == "/token" and "code_verifier" in form]
    assert verifiers
    secrets = [form for secret in [*OWN.values(), *verifiers] for form in forms(secret)]
    absent(secrets, "what is printed", "\n".join(said))
    absent(secrets + confidential([]), "the log", program.stderr())
