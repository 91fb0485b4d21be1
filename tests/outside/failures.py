# The table of docs/failures.md as data: its rows verbatim, and for each row the ways a server can cause it.
from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from programs import ROOT
from scripted import HELLO

DOCUMENT = ROOT / "docs/failures.md"
A, BAD, BUSY, JURGEN = "ada@example.org", "bad@example.org", "busy@example.org", "jürgen@example.org"
USER, PASSWORD = "login.user@sender.example", "canary-word-of-mine"
LOGIN = {"SMTP_USERNAME": USER, "SMTP_PASSWORD": PASSWORD}
NOBODY = "nobody-of-this-name.invalid"

# The status of a recipient at the first server. NEXT_IF_CAPABLE: try the next server if it can do what this one cannot, else rejected.
ACCEPTED, TRY_NEXT, NEXT_IF_CAPABLE, REJECTED, UNKNOWN = "accepted", "try next", "next if capable", "rejected", "unknown"


@dataclass(frozen=True)
class Case:
    """One way to cause a row's failure."""

    name: str
    server: Any  # options of `capture`, or a script, or what `build_server` in conftest.py knows by name
    statuses: dict[str, str]  # each recipient's status at this server
    messages: tuple[str, ...] = ()  # what happened, in the answer
    hints: tuple[str, ...] = ()  # what to do next, in the answer
    phase: str = ""  # the phase as the answer calls it; else the row's
    kept: bool | None = None  # the server has the mail although the end is unknown
    variables: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row of the document, cell by cell."""

    phase: str
    happened: str
    concerns: str
    status: str
    health: str
    cases: tuple[Case, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.phase, self.happened, self.concerns, self.status, self.health)


PHASE_NAMES = {
    "Connect": "connect", "Greeting": "greeting", "Hello": "EHLO", "Tls": "TLS", "Auth": "login", "Mail": "MAIL FROM",
    "Rcpt": "RCPT TO", "Data": "DATA", "EndOfData": "end of data",
}
AVAILABILITY = {"brief failure": "back-off", "failure": "back-off", "paused": "paused", "none": "available", "healthy": "available"}

TO_ADA = {A: TRY_NEXT}
ADA_ELSE_REJECTED = {A: NEXT_IF_CAPABLE}
ENVELOPE = HELLO + "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\n"
UP_TO_THE_END = ENVELOPE + "S: 354 go on\nC: <content>\n"
NOBODY_TAKEN = HELLO + "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: {rcpt}\nC: DATA\nS: 354 go on\nC: .\nS: {dot}\n"
TWO_OF_THREE = HELLO + """
C: MAIL FROM
S: 250 ok
C: RCPT TO
S: 250 ok
C: RCPT TO
S: 452 4.5.3 too many recipients
C: DATA
S: 354 go on
C: <content>
keep
S: 250 taken
"""
FURTHER = """
C: MAIL FROM
S: 250 ok
C: RCPT TO
S: {rcpt}
C: DATA
"""
STARTTLS = "S: 220 scripted.example\nC: EHLO\nS: 250-scripted.example\nS: 250 STARTTLS\nC: STARTTLS\n"
PLAIN = "S: 220 scripted.example\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH PLAIN\nC: AUTH PLAIN\n"
ASK_LOGIN = "S: 220 scripted.example\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: \nS: 334 UGFzc3dvcmQ6\nC: \n"
XOAUTH2 = "S: 220 scripted.example\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2\nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: \n"
CRAM = "S: 220 scripted.example\nC: EHLO\nS: 250-scripted.example\nS: 250 AUTH CRAM-MD5\nC: AUTH CRAM-MD5\nS: 334 PDE3OTAuMUBzY3JpcHRlZD4=\nC: \n"
SHORT = {"SMTP_TIMEOUT": 0.5}
WITH_TLS = {"SMTP_USE_TLS": "true"} | LOGIN
# The file holds PASSWORD: what must not be seen of it is the same.
XOAUTH2_OFFERED = "S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2"
STORED_LOGIN = {"SMTP_USERNAME": USER, "SMTP_OAUTH_CLIENT_ID": "the-app", "SMTP_OAUTH_CLIENT_SECRET": PASSWORD}
TOKEN_LOGIN = {"SMTP_USERNAME": USER, "SMTP_TOKEN_FILE": str(ROOT / "tests/outside/access-token.txt")}
OVER_TLS = {"SMTP_USE_SSL": "true", "SMTP_USE_TLS": None} | LOGIN
LARGE = {"attachments": [{"filename": "large.bin", "content": base64.b64encode(bytes(6 << 20)).decode()}]}
LOOK = ("password", "check SMTP_USERNAME and SMTP_PASSWORD", "paused")
AGAIN = ("Ask the recipient", "Do not send it again unless the user says so")

ROWS = (
    Row("any", "421 is read, also as the reply to the end of the data", "server", "try next, for every recipient without a reply", "brief failure", (
        Case("421 as the greeting", "S: 421 4.3.2 closing\nclose", TO_ADA, ("421", "closing"), ("closing connections at the moment",), "greeting"),
        Case("421 to EHLO", "S: 220 hello\nC: EHLO\nS: 421 4.3.2 closing\nclose", TO_ADA, ("421",), ("at the moment",), "EHLO"),
        Case("421 to STARTTLS", STARTTLS + "S: 421 4.3.2 closing\nclose", TO_ADA, ("421",), ("at the moment",), "TLS", variables=WITH_TLS),
        Case("421 to AUTH", PLAIN + "S: 421 4.3.2 closing\nclose", TO_ADA, ("421",), ("at the moment",), "login", variables=LOGIN),
        Case("421 to MAIL", HELLO + "C: MAIL\nS: 421 4.3.2 closing\nclose", TO_ADA, ("421",), ("at the moment",), "MAIL FROM"),
        Case("421 to RCPT", ("--disconnect", "*"), TO_ADA, ("421",), (), "RCPT TO"),
        Case("421 to the second RCPT", ("--refuse", "bad*", "--disconnect", "busy*"), {BAD: REJECTED, A: TRY_NEXT, BUSY: TRY_NEXT}, ("421", "550"), (), "RCPT TO"),
        Case("421 to DATA", ENVELOPE + "S: 421 4.3.2 closing\nclose", TO_ADA, ("421",), ("at the moment",), "DATA"),
        Case("421 at the end", ("--end-reply", "421 4.3.2 closing"), TO_ADA, ("421",), (), "end of data"),
    )),
    Row("Connect", "DNS failure; connection refused, unreachable or timed out", "server", "try next", "failure", (
        Case("not found", "no such name", TO_ADA, ("could not be looked up",), ("Check SMTP_HOST for a typo",)),
        Case("refused", "refused port", TO_ADA, ("refused",), ("Check SMTP_HOST and SMTP_PORT", "firewall")),
        Case("unreachable", "unreachable", TO_ADA, ("unreachable",), ("Check SMTP_HOST and SMTP_PORT",), variables=SHORT),
        Case("too slow", "full queue", TO_ADA, ("no answer within 0.5 s",), ("Check SMTP_HOST and SMTP_PORT",), variables=SHORT),
    )),
    Row("Greeting", "4xx or 5xx greeting, timeout, an invalid reply, or the connection is closed", "server", "try next", "failure", (
        Case("refused for good", "S: 554 5.7.1 no mail from you", TO_ADA, ("554 5.7.1 no mail from you",)),
        Case("refused for now", "S: 450 4.7.0 busy", TO_ADA, ("450 4.7.0 busy",)),
        Case("silence", "stall", TO_ADA, ("no answer within 0.5 s",), ("SMTP_USE_SSL=true",), variables=SHORT),
        Case("nonsense", "S: SSH-2.0-OpenSSH_9.2\nstall", TO_ADA, ("was not SMTP",), ("SMTP_USE_SSL=true",)),
        Case("closed", "close", TO_ADA, ("closed the connection",), ("SMTP_USE_SSL=true",)),
        # The kernel may report it before or after the connection is established: "connect: …" or "greeting: the connection failed".
        Case("reset", "reset", TO_ADA, ("connection",), phase="connect"),
    )),
    Row("Hello", "both EHLO and HELO fail", "server", "try next", "failure", (
        Case("both refused", "S: 220 hello\nC: EHLO\nS: 502 what?\nC: HELO\nS: 504 5.5.1 no", TO_ADA, ("504 5.5.1 no",)),
        Case("EHLO deferred", "S: 220 hello\nC: EHLO\nS: 450 4.3.2 not now", TO_ADA, ("450 4.3.2 not now",)),
        Case("closed", "S: 220 hello\nC: EHLO\nclose", TO_ADA, ("closed the connection",)),
        Case("nonsense", "S: 220 hello\nC: EHLO\nS: hello yourself\nstall", TO_ADA, ("was not SMTP",)),
        Case("silence", "S: 220 hello\nC: EHLO\nstall", TO_ADA, ("no answer within 0.5 s",), variables=SHORT),
    )),
    Row("Tls", "STARTTLS is not offered, the answer to the handshake is not TLS, there is no common version or cipher suite, or the certificate is not accepted", "server", "try next, else rejected; never continue in plaintext", "failure: someone must correct the settings", (
        Case("missing", ("--login", f"{USER}:{PASSWORD}"), ADA_ELSE_REJECTED, ("does not offer STARTTLS",), ("SMTP_USE_SSL=true",), variables=WITH_TLS),
        Case("handshake fails", STARTTLS + "S: 220 go on\nreceive\nS: this is no TLS\nstall", ADA_ELSE_REJECTED, ("was not TLS",), ("Nothing was sent in plaintext",), variables=WITH_TLS),
        Case("plaintext where TLS comes first", "S: 220 hello\nstall", ADA_ELSE_REJECTED, ("was not TLS",), ("set SMTP_USE_SSL=false",), variables=OVER_TLS),
        Case("certificate of nobody known", ("--tls", "starttls", "--login", f"{USER}:{PASSWORD}"), ADA_ELSE_REJECTED, ("certificate",), ("SMTP_CA_FILE",), variables=WITH_TLS),
        Case("certificate of nobody known, TLS first", ("--tls", "implicit", "--login", f"{USER}:{PASSWORD}"), ADA_ELSE_REJECTED, ("certificate",), ("SMTP_CA_FILE",), variables=OVER_TLS),
    )),
    Row("Tls", "STARTTLS is refused, plaintext is buffered after its reply, or the handshake fails", "server", "try next; never continue in plaintext", "failure", (
        Case("refused", STARTTLS + "S: 454 4.7.0 TLS not available", TO_ADA, ("454 4.7.0 TLS not available",), variables=WITH_TLS),
        Case("slipped in", STARTTLS + r"S: 220 go on\r\n250 injected" + "\nstall", TO_ADA, ("injected",), ("tampering", "nothing was sent"), variables=WITH_TLS),
        Case("closed in the handshake", STARTTLS + "S: 220 go on\nclose", TO_ADA, ("closed the connection during the handshake",), ("Nothing was sent in plaintext",), variables=WITH_TLS),
        Case("silence in the handshake", STARTTLS + "S: 220 go on\nstall", TO_ADA, ("no answer within 0.5 s",), variables=WITH_TLS | SHORT),
    )),
    Row("Auth", "535, 534 or 530: the login is refused; also 530 at Mail", "server", "try next, else rejected", "paused: repeated logins could lock the account", (
        Case("535", ("--login", f"{USER}:another"), ADA_ELSE_REJECTED, ("535",), LOOK, variables=LOGIN),
        Case("535 to PLAIN, with what was said", PLAIN + "echo 535 5.7.8 no:", ADA_ELSE_REJECTED, ("535",), LOOK, variables=LOGIN),
        Case("535 to LOGIN, with what was said", ASK_LOGIN + "echo 535 5.7.8 no:", ADA_ELSE_REJECTED, ("535",), LOOK, variables=LOGIN),
        Case("535 to CRAM-MD5, with what was said", CRAM + "echo 535 5.7.8 no:", ADA_ELSE_REJECTED, ("535",), LOOK, variables=LOGIN),
        Case("534", PLAIN + "S: 534 5.7.9 weak", ADA_ELSE_REJECTED, ("534 5.7.9 weak",), LOOK, variables=LOGIN),
        Case("530", PLAIN + "S: 530 5.7.0 TLS first", ADA_ELSE_REJECTED, ("530",), LOOK, variables=LOGIN),
        Case("530 at Mail", HELLO + "C: MAIL FROM\nS: 530 5.7.0 log in first\nC: RCPT\nS: 503 no\nC: DATA\nS: 503 no", ADA_ELSE_REJECTED, ("530",), ("set SMTP_USERNAME and SMTP_PASSWORD",), "MAIL FROM"),
    )),
    Row("Auth", "the server offers no login mechanism that this program knows", "server", "try next, else rejected", "failure: someone must correct the settings", (
        Case("none", "S: 220 hello\nC: EHLO\nS: 250 hello", ADA_ELSE_REJECTED, ("offers: none",), ("Ask the provider",), variables=LOGIN),
        Case("only tokens", XOAUTH2_OFFERED, ADA_ELSE_REJECTED, ("offers: XOAUTH2",), ("smtp-mcp-server login",), variables=LOGIN),
        Case("another", "S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH GSSAPI", ADA_ELSE_REJECTED, ("offers: GSSAPI",), ("Ask the provider",), variables=LOGIN),
    )),
    Row("Auth", "nobody has signed in, the provider ended the login, or it refuses the application", "server", "try next, else rejected", "failure: someone must sign in or correct the settings", (
        Case("nobody has signed in", XOAUTH2_OFFERED, ADA_ELSE_REJECTED, ("nobody has signed in",), ("smtp-mcp-server login",), variables=STORED_LOGIN),
    )),
    Row("Auth", "an access token cannot be had for now, or a command that prints a password or token fails", "server", "try next", "failure", (
        Case("a command that fails", XOAUTH2_OFFERED, TO_ADA, ("SMTP_TOKEN_COMMAND: it failed",), ("Run the command by hand",), variables={"SMTP_USERNAME": USER, "SMTP_TOKEN_COMMAND": f"echo {PASSWORD}; exit 1"}),
    )),
    Row("Auth", "an access token is refused with 535, as is the one that is read then", "server", "try next", "failure", (
        Case("535 to a token, with what was said", XOAUTH2 + "echo 535 5.7.8 no:", TO_ADA, ("refused the access token", "401"), ("SMTP_TOKEN_FILE",), variables=TOKEN_LOGIN),
    )),
    Row("Auth", "another 4xx or 5xx, or the connection is closed", "server", "try next", "failure", (
        Case("454", PLAIN + "S: 454 4.7.0 try later", TO_ADA, ("454 4.7.0 try later",), variables=LOGIN),
        Case("454 with what was said", ASK_LOGIN + "echo 454 4.7.0 later:", TO_ADA, ("454",), variables=LOGIN),
        Case("454 with a digest", CRAM + "echo 454 4.7.0 later:", TO_ADA, ("454",), variables=LOGIN),
        Case("closed", PLAIN + "close", TO_ADA, ("closed the connection",), variables=LOGIN),
        Case("silence", PLAIN + "stall", TO_ADA, ("no answer within 0.5 s",), variables=LOGIN | SHORT),
        Case("nonsense with what was said", PLAIN + "echo what?", TO_ADA, ("was not SMTP",), variables=LOGIN),
    )),
    Row("Mail", "the mail exceeds the server's SIZE limit, known before the upload", "message", "try next if one allows more, else rejected", "none", (
        Case("too large", ("--max-size", "1000"), {A: NEXT_IF_CAPABLE}, ("the server accepts 1000",), ("Send less",), arguments={"body": "x" * 70 + "\n" + "y" * 900}),
    )),
    Row("Mail", "an address needs SMTPUTF8 and the server does not offer it", "message", "try next if one offers it, else rejected", "none", (
        Case("no SMTPUTF8", ("--without", "SMTPUTF8"), {JURGEN: NEXT_IF_CAPABLE}, ("SMTPUTF8",), ("plain ASCII",)),
    )),
    Row("Mail", "5xx", "message", "rejected", "none", (
        Case("550", HELLO + "C: MAIL FROM\nS: 550 5.7.1 not yours\nC: RCPT\nS: 503 no\nC: DATA\nS: 503 no", {A: REJECTED}, ("550 5.7.1 not yours",), ("set SMTP_FROM_EMAIL",)),
    )),
    Row("Mail", "4xx", "message", "try next", "none", (
        Case("451", HELLO + "C: MAIL FROM\nS: 451 4.3.0 not now\nC: RCPT\nS: 503 no\nC: DATA\nS: 503 no", TO_ADA, ("451 4.3.0 not now",)),
    )),
    Row("Rcpt", "5xx", "recipient", "rejected; the others go on", "none", (
        Case("one of two", ("--refuse", "bad*"), {A: ACCEPTED, BAD: REJECTED}, ("550",), ("Check the address",)),
        Case("every one", ("--refuse", "*"), {A: REJECTED, BAD: REJECTED}, ("550",), ("Check the address",)),
    )),
    Row("Rcpt", "4xx, and too many recipients. The rest first goes in another transaction on this server", "recipient", "try next, for this recipient only", "none", (
        Case("one of two", ("--defer", "busy*"), {A: ACCEPTED, BUSY: TRY_NEXT}, ("451",), ("may accept it later",)),
        Case("every one", ("--defer", "*"), {A: TRY_NEXT, BUSY: TRY_NEXT}, ("451",), ("may accept it later",)),
        Case("one of each", ("--defer", "busy*", "--refuse", "bad*"), {BAD: REJECTED, A: ACCEPTED, BUSY: TRY_NEXT}, ("451", "550"), ("may accept it later", "Check the address")),
        Case("452, and the rest here", TWO_OF_THREE + FURTHER.format(rcpt="250 ok") + "S: 354 go on\nC: <content>\nkeep\nS: 250 taken", {A: ACCEPTED, BUSY: ACCEPTED}),
        Case("552 5.5.3, and the rest here", TWO_OF_THREE.replace("452 4", "552 5") + FURTHER.format(rcpt="250 ok") + "S: 354 go on\nC: <content>\nkeep\nS: 250 taken", {A: ACCEPTED, BUSY: ACCEPTED}),
        Case("552 5.5.3, and again", TWO_OF_THREE.replace("452 4", "552 5") + FURTHER.format(rcpt="552 5.5.3 too many recipients") + "S: 503 no", {A: ACCEPTED, BUSY: TRY_NEXT}, ("552 5.5.3",), ("only so many recipients",)),
        Case("452, and again", TWO_OF_THREE + FURTHER.format(rcpt="452 4.5.3 too many recipients") + "S: 503 no", {A: ACCEPTED, BUSY: TRY_NEXT}, ("452",), ("only so many recipients",)),
    )),
    Row("Rcpt", "every recipient is refused, yet DATA is answered 354", "message", "a lone dot is sent; no recipient counts as accepted", "none", (
        Case("for good, and the dot refused", NOBODY_TAKEN.format(rcpt="550 5.1.1 nobody", dot="554 5.5.1 nobody to send to"), {A: REJECTED}, ("550 5.1.1 nobody",), ("Check the address",)),
        Case("for good, and the dot taken", NOBODY_TAKEN.format(rcpt="550 5.1.1 nobody", dot="250 taken"), {A: REJECTED}, ("550 5.1.1 nobody",), ("Check the address",)),
        Case("for now, and the dot taken", NOBODY_TAKEN.format(rcpt="450 4.2.1 later", dot="250 taken"), {A: TRY_NEXT}, ("450 4.2.1 later",), ("may accept it later",)),
    )),
    Row("Data", "DATA itself is refused", "message", "5xx: rejected; 4xx: try next", "none", (
        Case("554", ENVELOPE + "S: 554 5.5.1 no mail today", {A: REJECTED}, ("554 5.5.1 no mail today",)),
        Case("451", ENVELOPE + "S: 451 4.3.0 not now", TO_ADA, ("451 4.3.0 not now",)),
    )),
    # Stalls that last as long as the call, here and at the end of data, are in test_slow_servers.py, which waits for all of them together.
    Row("Data", "the connection is closed or stalls before the last byte was sent", "message", "try next", "failure", (
        Case("closed", ENVELOPE + "S: 354 go on\nclose", TO_ADA, ("connection",), arguments=LARGE),
        Case("reset", ENVELOPE + "S: 354 go on\nreset", TO_ADA, ("connection",), arguments=LARGE),
        Case("closed at MAIL", HELLO + "C: MAIL FROM\nclose", TO_ADA, ("closed the connection",), phase="MAIL FROM"),
        Case("closed at the second RCPT", ("--at", "rcpt:busy* hangup"), {A: TRY_NEXT, BUSY: TRY_NEXT}, ("closed the connection",), phase="RCPT TO"),
        Case("closed before DATA's reply", ENVELOPE + "close", TO_ADA, ("closed the connection",)),
        Case("silence instead of DATA's reply", ENVELOPE + "stall", TO_ADA, ("no answer within 0.5 s",), variables=SHORT),
    )),
    Row("EndOfData", "2xx", "recipient", "accepted: each one that Rcpt accepted", "healthy", (
        Case("both", (), {A: ACCEPTED, BUSY: ACCEPTED}),
        Case("one of two", ("--refuse", "bad*"), {BAD: REJECTED, A: ACCEPTED}, ("550",), phase="RCPT TO"),
        Case("with EHLO refused and HELO taken", "S: 220 hello\nC: EHLO\nS: 502 what?\nC: HELO\nS: 250 hello\nC: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 ok", {A: ACCEPTED}),
    )),
    Row("EndOfData", "5xx", "message", "rejected", "none", (
        Case("554", ("--end-reply", "554 5.7.1 looks like spam"), {A: REJECTED, BUSY: REJECTED}, ("554 5.7.1 looks like spam",)),
    )),
    Row("EndOfData", "4xx", "message", "try next", "none", (
        Case("451", ("--end-reply", "451 4.3.0 later"), {A: TRY_NEXT, BUSY: TRY_NEXT}, ("451 4.3.0 later",)),
    )),
    Row("EndOfData", "the connection is closed or stalls, or the reply is invalid", "message", "**unknown**", "failure", (
        Case("closed, and kept", ("--after-dot", "drop-kept"), {A: UNKNOWN, BUSY: UNKNOWN}, ("closed",), AGAIN, kept=True),
        Case("closed, and lost", ("--after-dot", "drop-lost"), {A: UNKNOWN, BUSY: UNKNOWN}, ("closed",), AGAIN, kept=False),
        Case("closed, one refused before", ("--after-dot", "drop-kept", "--refuse", "bad*"), {A: UNKNOWN, BAD: REJECTED}, ("closed", "550"), AGAIN, kept=True),
        Case("closed, one deferred before", ("--after-dot", "drop-kept", "--defer", "busy*"), {A: UNKNOWN, BUSY: TRY_NEXT}, ("closed",), AGAIN, kept=True),
        Case("reset", UP_TO_THE_END + "keep\nreset", {A: UNKNOWN}, ("connection",), AGAIN, kept=True),
        Case("nonsense", UP_TO_THE_END + "keep\nS: thank you!\nstall", {A: UNKNOWN}, ("was not SMTP",), AGAIN, kept=True),
        Case("a number that is no end", UP_TO_THE_END + "keep\nS: 354 go on", {A: UNKNOWN}, ("354",), ("Do not send it again unless the user says so",), kept=True),
    )),
    Row("Quit", "anything", "–", "ignored: the status is known", "none", tuple(
        Case(name, UP_TO_THE_END + f"keep\nS: 250 taken\nC: QUIT\n{answer}", {A: ACCEPTED})
        for name, answer in {"refused": "S: 500 no", "421": "S: 421 closing", "closed": "close", "reset": "reset", "nonsense": "S: bye\nS: bye"}.items()
    )),
)

# Rows that apply only with an outbox.
EXCEPTED = {"our crash"}

CASES = {f"{row.phase}: {row.happened[:24]}: {case.name}": (row, case) for row in ROWS for case in row.cases}


def documented(document: Path = DOCUMENT) -> list[tuple[str, ...]]:
    """The rows of the document."""
    table = document.read_text(encoding="utf-8").split("## The table")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [row for row in rows if row[0] not in EXCEPTED]
