# docs/troubleshooting.md against the program: each message quoted there is provoked, and each error message of the code has an entry there.
import http.client
import base64
import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from conftest import one_server
from failures import A, CASES, ENVELOPE, LARGE, LOGIN, PASSWORD, UP_TO_THE_END, USER
from pipe import Pipe, run
from programs import ROOT
from test_first_mistakes import FIRST
from test_http import HEADERS, META
from test_oauth_providers import settings, store

ENDED = {"at": "2026-01-02T00:00:00Z", "host": "id.example.org", "code": "invalid_grant", "description": "", "interrupted_at": None}
DOCUMENT = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")


def documented() -> list[str]:
    """The messages in the first cells of all tables but the last, which is about mails that arrived."""
    rows = [line.split(" | ")[0] for line in DOCUMENT.split("## It arrived, but")[0].splitlines() if line.startswith("| ")]
    return [message for cell in rows for message in re.findall(r"`([^`]+)`", cell)]


def matches(message: str, text: str) -> bool:
    """Whether the text contains a message; … matches anything on the same line."""
    return re.search(".*?".join(map(re.escape, message.split("…"))), text) is not None


GOOD = {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "a@example.org"}
TOML = {"SMTP_FROM_EMAIL": None, "SMTP_HOST": None}
# What is set over GOOD, the arguments, and files in the working directory.
START: dict[str, tuple[dict, tuple[str, ...], dict[str, str]]] = {
    "… found true for both, expected it for one": ({"SMTP_USE_TLS": "true", "SMTP_USE_SSL": "true"}, (), {}),
    "SMTP_FROM_EMAIL: not set, and SMTP_USERNAME … is not an address": ({"SMTP_FROM_EMAIL": None, "SMTP_USERNAME": "ada", "SMTP_PASSWORD": "word"}, (), {}),
    "SMTP_OAUTH_CLIENT_ID: not set": ({"SMTP_USERNAME": "ada", "SMTP_AUTH": "oauth"}, (), {}),
    "found both, expected one of them": (LOGIN | {"SMTP_PASSWORD_COMMAND": "echo word"}, (), {}),
    "no server is set to a stored login": (LOGIN, ("login", "microsoft"), {}),
    "TLS is off and the host is not this machine": ({"SMTP_USE_TLS": "false"} | LOGIN, (), {}),
    "it has a scheme": ({"SMTP_HOST": "smtp://smtp.example.org"}, (), {}),
    "it has a port": ({"SMTP_HOST": "smtp.example.org:587"}, (), {}),
    "it has credentials": ({"SMTP_HOST": "ada:word@smtp.example.org"}, (), {}),
    "found a line that cannot be read": ({}, ("--env-file", "a.env"), {"a.env": "SMTP_NAME 'a\n"}),
    "found different values, expected one of them: they are the same setting": ({"SMTP_USER": "ada", "SMTP_USERNAME": "bob", "SMTP_PASSWORD": "word"}, (), {}),
    "it is set more than once": ({}, ("--env-file", "a.env"), {"a.env": "SMTP_NAME=a\nSMTP_NAME=b\n"}),
    "it is not UTF-8": ({}, ("--env-file", "a.env"), {"a.env": "SMTP_NAME=\udcff\n"}),
    "not used, because numbered servers are set": ({"SMTP_HOST_1": "one.example.org", "SMTP_FROM_EMAIL_1": A}, (), {}),
    "not used, because … has no server 2": (
        TOML | {"SMTP_PORT_2": "25"}, ("--env-file", "a.env"), {"a.env": f"SMTP_HOST_1=smtp.example.org\nSMTP_FROM_EMAIL_1={A}\n"}),
    "… has no number": (TOML | {"SMTP_PORT_2": "25"}, ("--env-file", "a.env"), {"a.env": f"SMTP_HOST=smtp.example.org\nSMTP_FROM_EMAIL={A}\n"}),
    "… have numbers": (TOML | {"SMTP_PORT": "25"}, ("--env-file", "a.env"), {"a.env": f"SMTP_HOST_1=smtp.example.org\nSMTP_FROM_EMAIL_1={A}\n"}),
    "not used, because the servers come from …/.env": (TOML | {"SMTP_PORT": "25"}, (), {".env": f"SMTP_HOST=smtp.example.org\nSMTP_FROM_EMAIL={A}\n"}),
    "everybody on this machine can read it": ({}, ("--env-file", "a.env"), {"a.env": "SMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=word\n"}),
    "the outbox … cannot be used: …": ({"SMTP_MCP_OUTBOX": "sqlite:/dev/null/outbox.db"}, (), {}),
    "… is reachable from other machines, and clients would not be authenticated": ({}, ("--transport", "http", "--host", "0.0.0.0", "--port", "0"), {}),
    "… is not available; choose another --host or --port": ({"SMTP_MCP_HTTP_TOKEN": "word-and-more-of-it"}, ("--transport", "http", "--host", "192.0.2.1", "--port", "0"), {}),
}


@pytest.mark.parametrize("message", START)
def test_it_does_not_start(tmp_path: Path, message: str) -> None:
    variables, arguments, files = START[message]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        (tmp_path / name).chmod(0o644)
    said = run(tmp_path, {name: value for name, value in (GOOD | variables).items() if value is not None}, *arguments)
    assert matches(message, said.stderr), said.stderr


CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_smtp_status", "arguments": {}, "_meta": META}}
KNOWN = HEADERS | {"Mcp-Name": "get_smtp_status", "Authorization": f"Bearer {PASSWORD}"}
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "@", "version": "1"}},
}
LEGACY = {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "of-nobody", "Mcp-Method": None, "Mcp-Name": None}
# The status, the head over KNOWN, and the body.
WEB: dict[str, tuple[int, dict, str]] = {
    "a token is required": (401, {"Authorization": None}, json.dumps(CALL)),
    "the token is wrong": (401, {"Authorization": "Bearer another"}, json.dumps(CALL)),
    "the request must have exactly one valid Host header": (400, {"Host": "a b"}, json.dumps(CALL)),
    "Invalid request: …": (400, {}, json.dumps([CALL])),
    "Parse error: …": (400, {}, "nonsense"),
    "a request is limited to … JSON values": (400, {}, json.dumps(CALL | {"x": [0] * 10_000})),
    "this Host header is not allowed": (403, {"Host": "mcp.example.org"}, json.dumps(CALL)),
    "web pages of this Origin are not allowed": (403, {"Origin": "https://app.example.org"}, json.dumps(CALL)),
    "Session not found": (404, LEGACY, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})),
    "initialize is limited to 64 KiB": (413, {}, json.dumps(INITIALIZE).replace("@", "a" * 65_536)),
    "a request is limited to 72 MiB": (413, {}, json.dumps(CALL) + " " * (72 << 20)),
    "the Content-Type must be application/json": (415, {"Content-Type": "text/plain"}, json.dumps(CALL)),
}


@pytest.fixture(scope="module")
def http_server(module_processes):
    return module_processes.http_server(one_server(module_processes.capture(), SMTP_MCP_HTTP_TOKEN=PASSWORD))


def ask(http_server, method: str, head: dict, body: str | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(http_server.url).netloc, timeout=30)
    connection.request(method, "/mcp", body, {name: value for name, value in (KNOWN | head).items() if value is not None})
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


@pytest.mark.parametrize("message", WEB)
def test_a_client_does_not_reach_it(http_server, message: str) -> None:
    status, head, body = WEB[message]
    said = ask(http_server, "POST", head, body)
    assert said[0] == status and matches(message, said[1]), said
    assert f"| {status}, `{message}" in DOCUMENT or f"`, `{message}" in DOCUMENT


BROWSER, STOPPING, BUSY, CONNECTIONS, MEMORY = (
    "This is an MCP server: …", "the server is stopping and did nothing with this request",
    "the server is busy and did nothing with this request", "too many connections are open",
    "the server holds more memory than SMTP_MCP_MEMORY_LIMIT allows",
)


def test_somebody_looks_at_it_with_a_browser(http_server) -> None:
    status, said = ask(http_server, "GET", {"Accept": "text/html"}, None)
    assert status == 406 and matches(BROWSER, said), said


def unfinished(http_server, processes, size: int) -> socket.socket:
    """A valid request whose body does not arrive."""
    place = urlsplit(http_server.url)
    stream = socket.create_connection((place.hostname, place.port), 30)
    processes.add_cleanup(stream.close)
    head = "".join(f"{name}: {value}\r\n" for name, value in KNOWN.items())
    stream.sendall(f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{head}Expect: 100-continue\r\nContent-Length: {size}\r\n\r\n".encode())
    assert stream.recv(100).startswith(b"HTTP/1.1 100 ")
    return stream


def test_it_is_busy_and_then_it_is_stopped(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture()))
    streams = [unfinished(http_server, processes, size << 20) for size in (72, 56, 16)]
    status, said = ask(http_server, "POST", {}, json.dumps(CALL) + " " * (1 << 20))
    assert status == 503 and matches(BUSY, said), said
    http_server.child.send_signal(signal.SIGTERM)
    said = streams[0].recv(10_000).decode()
    assert said.startswith("HTTP/1.1 503 ") and matches(STOPPING, said), said


def test_an_address_has_all_its_connections(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_CONNECTIONS_PER_ADDRESS=1))
    place = urlsplit(http_server.url)
    with socket.create_connection((place.hostname, place.port), 30):
        status, said = ask(http_server, "POST", {}, json.dumps(CALL))
    assert status == 503 and matches(CONNECTIONS, said), said


def test_it_holds_too_much_memory(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture(), SMTP_MCP_MEMORY_LIMIT=64))
    status, said = ask(http_server, "POST", {}, json.dumps(CALL) + " " * (64 << 20))
    assert status == 503 and matches(MEMORY, said), said


def case(phase: str, name: str) -> Callable:
    """A case of failures.py."""
    (found,) = (case for row, case in CASES.values() if (row.phase, case.name) == (phase, name))
    return lambda processes, build_server: (build_server(found), found.variables, found.arguments, list(found.statuses))


def with_certificate(hosts: str) -> Callable:
    """A server with a valid certificate, addressed by this name or address."""

    def build(processes, _) -> tuple:
        capture = processes.capture("--tls", "implicit", "--listen", "0.0.0.0:0")
        place = SimpleNamespace(host=hosts, port=capture.port)
        return place, {"SMTP_USE_SSL": "true", "SMTP_USE_TLS": None, "SMTP_CA_FILE": capture.ca_file}, {}, [A]

    return build


def playing(script: str, arguments: dict | None = None, **variables) -> Callable:
    return lambda processes, _: (processes.scripted(script), variables, arguments or {}, [A])


EIGHT_BIT = {"filename": "a.eml", "mime_type": "message/rfc822", "content": base64.b64encode("Subject: Grüße\n\nx".encode()).decode()}
TALK: dict[str, Callable] = {
    "connect: no answer within … s": case("Connect", "too slow"),
    "greeting: no answer within … s": case("Greeting", "silence"),
    "the server does not offer STARTTLS": case("Tls", "missing"),
    "plaintext was injected after STARTTLS": case("Tls", "slipped in"),
    "the server closed the connection": case("Greeting", "closed"),
    "TLS failed: … is valid for …, not for …": with_certificate("127.0.0.2"),
    "the server's answer was not SMTP": case("Greeting", "nonsense"),
    "the server offers no supported login mechanism": playing("S: 220 hello\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH XOAUTH2", **LOGIN),
    "the server refused the access token": case("Auth", "535 to a token, with what was said"),
    "the message has … bytes and the server accepts …": case("Mail", "too large"),
    "an address or Message-ID needs SMTPUTF8": case("Mail", "no SMTPUTF8"),
    "the message needs 8BITMIME": playing("S: 220 hello\nC: EHLO\nS: 250 scripted.example", {"attachments": [EIGHT_BIT]}),
}


@pytest.mark.parametrize("message", TALK)
def test_it_does_not_connect(processes, build_server, message: str) -> None:
    server, variables, arguments, recipients = TALK[message](processes, build_server)
    program = processes.program(one_server(server, **variables))
    answer = program.send(to=recipients, **arguments)
    said = answer.has_state("queued" if answer.data["state"] == "queued" else "refused").text
    assert matches(message, said), said


GONE = "no credentials for the login"


def test_a_token_file_that_is_gone(processes, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a.token\n")
    server = processes.scripted("S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2")
    program = processes.program(one_server(server, SMTP_USERNAME=USER, SMTP_TOKEN_FILE=token))
    token.unlink()
    said = program.send().has_state("queued").text
    assert matches(GONE, said) and str(token) in said, said


# The settings, and what is stored: changes of a login that has expired.
OAUTH: dict[str, tuple[dict, dict | None]] = {
    "nobody has signed in to this account yet": ({}, None),
    "the login has ended at …": ({}, {"refresh_token": None, "refusal": ENDED}),
    "A renewal that began at … was cut off": ({}, {"refresh_token": None, "refusal": ENDED | {"interrupted_at": "2026-01-01T00:00:00Z"}}),
    "the access token could not be renewed": ({}, {}),
    "the stored login belongs to another application": ({"SMTP_OAUTH_CLIENT_ID": "another"}, {}),
    "SMTP_TOKEN_COMMAND: …": ({"SMTP_OAUTH_CLIENT_ID": None, "SMTP_TOKEN_COMMAND": "false"}, None),
    "SMTP_PASSWORD_COMMAND: …": ({"SMTP_OAUTH_CLIENT_ID": None, "SMTP_AUTH": None, "SMTP_PASSWORD_COMMAND": "false"}, None),
}


@pytest.mark.parametrize("message", OAUTH)
def test_there_is_nothing_to_log_in_with(processes, refused_port, tmp_path: Path, message: str) -> None:
    variables, login = OAUTH[message]
    if login is not None:
        store(tmp_path, f"http://127.0.0.1:{refused_port.port}", **login)
    server = processes.scripted("S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2 PLAIN")
    program = processes.program(settings(server, tmp_path, **variables))
    answer = program.send()
    said = answer.has_state("queued" if answer.data["state"] == "queued" else "refused").text
    assert matches(message, said) and "no credentials for the login" in said, said


PAUSED = "refused the login and is paused"


def test_a_login_that_was_refused_is_not_tried_again(processes) -> None:
    capture = processes.capture("--login", f"{USER}:another")
    program = processes.program(one_server(capture, **LOGIN))
    program.send().has_state("refused")
    said = program.send().has_state("refused").text
    assert matches(PAUSED, said), said


FILE = {"filename": "a.txt", "content": "!"}
# Arguments of a mail that is refused; `dirs`: with a directory for attachments.
MAIL: dict[str, dict] = {
    "to: \"…\": there is no @": {"to": "ada"},
    "addresses are separated by commas": {"to": f"{A}; {A}"},
    "leave out mailto:": {"to": f"mailto:{A}"},
    "a typographic quotation mark": {"to": f"{A}\u201d"},
    "attachments[0]…": {"attachments": [FILE]},
    "SMTP_ATTACHMENT_DIRS is not set": {"attachments": [{"path": "a.txt"}]},
    "no readable file in the allowed directories": {"attachments": [{"path": "a.txt"}], "dirs": True},
    "template_vars: missing: …": {"body": "{name}", "template_vars": {"a": "b"}},
    "… is never closed by …": {"body": "{?a}", "template_vars": {"a": "b"}},
    "closes nothing": {"body": "{/a}", "template_vars": {"a": "b"}},
    "crosses": {"body": "{?a}{?b}{/a}{/b}", "template_vars": {"a": "b"}},
    "… recipients; at most … are allowed": {"to": [f"a{number}@example.org" for number in range(101)]},
    "… larger than …": {"body": "x" * (11 << 20)},
    "… longer than …": {"subject": "x" * 999},
    "unknown argument …": {"boddy": "b"},
    "send_at: … is in the past": {"send_at": "2020-01-01T00:00:00Z"},
    "… is not a time with an offset from UTC": {"send_at": "tomorrow"},
    "… is more than 90 days ahead": {"send_at": "2999-01-01T00:00:00Z"},
    "wrong arguments: …": {"html": "perhaps"},
}


@pytest.mark.parametrize("message", MAIL)
def test_a_mail_does_not_leave(processes, tmp_path: Path, refused_port, message: str) -> None:
    arguments = dict(MAIL[message])
    dirs = tmp_path if arguments.pop("dirs", False) else None
    program = processes.program(one_server(refused_port, SMTP_ATTACHMENT_DIRS=dirs))
    said = program.refuses("send_email", **{"to": A, "subject": "s", "body": "b"} | arguments)
    assert said.startswith("Not sent: ") and matches(message, said), said


STOPPED, WAITING = "stopped before its last byte was sent", "the program stopped while it waited for the server's answer to the end of the mail"


@pytest.mark.parametrize(("message", "state", "script"), [
    (STOPPED, "refused", ENVELOPE + "S: 354 go on\nstall"),
    (WAITING, "unknown", UP_TO_THE_END + "keep\nstall"),
])
def test_the_program_ends_before_the_mail_does(processes, message: str, state: str, script: str) -> None:
    """Shutdown also ends a call's time, and sooner."""
    pipe: Pipe = processes.pipe(one_server(processes.scripted(script), SMTP_TIMEOUT=60, SMTP_MCP_OUTBOX="memory")).handshake()
    number = pipe.start_call("send_email", **{"to": A, "subject": "s", "body": "b"} | LARGE)
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    assert matches(message, pipe.answer(number, 1).has_state(state).text)


PATIENCE = "still waiting for the server's answer to the end of the mail"


def test_a_server_that_is_slower_than_the_call(processes) -> None:
    program = processes.program(one_server(processes.capture("--answer-after", "2")))
    assert matches(PATIENCE, program.send(wait_seconds=0.5).has_state("unknown").text)


SAME, KEY = "the same mail was sent less than five minutes ago", "this idempotency_key belongs to another mail"


def test_a_call_that_is_repeated(processes) -> None:
    program = processes.program(one_server(processes.capture()))
    program.send(allow_duplicate=False, body="1")
    assert matches(SAME, program.send(allow_duplicate=False, body="1").has_state("refused").text)
    program.send(idempotency_key="k")
    assert matches(KEY, program.send(idempotency_key="k", body="another").has_state("refused").text)


# Messages that no test here provokes, and why.
ELSEWHERE = {
    "the outbox: …": "takes a full disk; crates/server/src/outbox/tests/faults.rs has one",
    "there is no usable configuration yet: …": "test_unconfigured.py has such programs",
    "this program could not start: …": "as above",
    "this program ended while it was being sent": "test_outbox.py kills it",
    "its file was removed or replaced while this program used it": "test_outbox_shared.py removes it",
    "held, because the outbox was copied or restored": "test_outbox_shared.py restores a copy",
    "no program that is running has an account that can send it": "as above, with two accounts",
    "it is being sent by process … on …": "as above, with a program that is stopped",
    "its body did not arrive within … s": "takes two minutes; crates/server/tests/http/limits.rs has shorter ones",
    "every connection to the server was busy for … s": "takes most of a minute; crates/server/tests/delivery has its own clock",
    "the limit of messages a minute is reached, or the server asked for a pause of … s": "test_pacing.py has it",
    "the server offers … and refused it: …": "the mail is sent without it; crates/smtp/tests/sessions/pool.rs has such servers",
    **dict.fromkeys((
        "TLS failed: … names no host in a subjectAltName", "TLS failed: … has expired", "TLS failed: … is signed with SHA-1",
        "TLS failed: … is signed with …", "TLS failed: … has an RSA key of … bits", "TLS failed: … is not for servers",
        "TLS failed: the server offers only versions of TLS before 1.2", "TLS failed: the server has no cipher suite that is safe",
        "TLS failed: the server requires a client certificate", "TLS failed: … is not the one in the CA file",
    ), "test_tls_explained.py has such servers"),
    **dict.fromkeys((
        "TLS failed: … expired on …", "TLS failed: … is valid from …", "TLS failed: … is a CA certificate",
    ), "crates/smtp/tests/sessions/protection.rs makes such certificates"),
    **dict.fromkeys((
        "TLS failed: … is not valid yet", "TLS failed: … is for another host name",
        "TLS failed: … does not follow the rules for certificates", "TLS failed: … is damaged", "TLS failed: … is of a version before 3",
        "TLS failed: … has been revoked", "TLS failed: the server's TLS offers nothing that this program supports",
        "TLS failed: the server broke off with the alert …", "TLS failed: the server does not know the host name it was asked for",
        "TLS failed: the server does not follow the rules of TLS", "TLS failed: the handshake could not be completed",
    ), "for what is rare: a server or a certificate that is broken in itself"),
    "no connection can be opened here: …": "test_open_files.py takes them away",
    "everybody on this machine can replace it": "test_settings_as_written.py has such directories",
    "its group can change it": "as above, such a file",
    "… may not be written to: not in SMTP_ALLOWED_RECIPIENTS": "test_recipients.py tries many",
    "% and ! before the @ can name another mailbox": "as above",
    **dict.fromkeys((
        "it is held until the user approves it", "… may not be written to: …; SMTP_APPROVAL is never", "SMTP_MCP_OUTBOX is memory, where nobody can approve it",
        "it was cancelled: a person rejected it", "nobody approved it in time", "stopped in the last step before sending",
    ), "test_approval.py"),
    **dict.fromkeys(("the limit of … mails an hour is reached", "sending is paused by the user"), "test_quotas.py"),
    **dict.fromkeys(("because SMTP_MODE is …", "nothing is sent again while SMTP_MODE is …", "nothing is cancelled while SMTP_MODE is …"), "test_modes.py"),
    **dict.fromkeys((
        "it was cancelled: cancelled before it was sent", "Too late to cancel", "Not cancelled yet: … is sending the mail",
        "recipients: …: not among those whose status is unknown or rejected",
    ), "test_cancel.py"),
    **dict.fromkeys(("… MiB are free on the disk of the outbox", "database or disk is full"), "test_disk.py"),
    **dict.fromkeys(("the outbox has its full size", "… mails are waiting already"), "crates/server/src/outbox/tests/later.rs has both"),
    "… may not be written to: SMTP_DENIED_RECIPIENTS has …": "as above",
    "no configured server owns the sender of this mail": "only where the configuration changes between two steps of one call",
}
PROVOKED = [*FIRST, *START, *WEB, BROWSER, STOPPING, BUSY, CONNECTIONS, MEMORY, *TALK, GONE, *OAUTH, PAUSED, *MAIL, STOPPED, WAITING, PATIENCE, SAME, KEY]


def test_each_message_of_the_document_is_provoked() -> None:
    assert sorted(documented()) == sorted([*PROVOKED, *ELSEWHERE])


# -- each error message of the code

# Messages without an entry, and why.
NO_ENTRY = {
    "the server answered": "the answer shows what the server said, and the document has the codes",
    "a login without TLS is not allowed": "the configuration refuses it before, and that has an entry",
    "the message has a line end other than CRLF": "what is composed has none",
    "stopped before the end of the message was sent": "the answer says when and why instead, and that has an entry",
    "not sent, because another recipient was refused and the message is for all or none": "no call asks for that",
    "Invalid request: its body ended early": "nobody is there who could read it",
}
WORDS = {
    "crates/smtp/src/error.rs": r'#\[error\("([^{].*)"',
    "crates/smtp/src/certificate.rs": r'"((?:comes from|is |has |expired |names no|does not|the server(?!\'s certificate)|the handshake).*?)"',
    "crates/server/src/transport/http/error.rs": r'(?:words =|format!\(|INVALID_REQUEST,)\s*"(.*)"',
    "crates/server/src/upstream/advice.rs": r'return "(.*)"\.to_owned\(\);',
    "crates/server/src/cli/listen.rs": r'format!\("\{host\}(.*)"',
}


def error_messages(path: str) -> list[list[str]]:
    """The constant parts of each message."""
    source = (ROOT / path).read_text(encoding="utf-8").split("#[cfg(test)]")[0]
    return [[part.strip() for part in re.split(r"\{[^}]*\}|[;:,(]", message)] for message in re.findall(WORDS[path], source)]


@pytest.mark.parametrize("path", WORDS)
def test_each_error_message_has_an_entry(path: str) -> None:
    messages = error_messages(path)
    assert messages, "this file says nothing any more: look for the place where it is said now"
    entries = [part.strip(" :") for message in [*documented(), *NO_ENTRY] for part in message.split("…")]
    known = [one for one in entries if len(one) > 9]
    unknown = [parts for parts in messages if not any(one in part or len(part) > 9 and part in one for one in known for part in parts)]
    assert not unknown, f"without an entry in docs/troubleshooting.md: {unknown}"
