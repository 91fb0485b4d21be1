# `capture --mcp`: an agent sees the mails that it sent, in the same session in which it tests.
import smtplib
import threading
from email.message import EmailMessage
from pathlib import Path

import pytest

from programs import BINARY, Program, answer_of
from wire_client import StdioWire


class Captured:
    """The capture server behind Python's MCP client."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.port = int(program.client.instructions.split(" listens at 127.0.0.1:")[1].split(" ")[0])

    def send(self, to: str, subject: str, html: str | None = None) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"], message["Message-ID"] = "grace@example.org", to, subject, "<1@example.org>"
        message.set_content("Plain text.\nWith two lines.\n")
        if html:
            message.add_alternative(html, subtype="html")
            message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="a b.pdf")
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as server:
            server.send_message(message)

    def call(self, tool: str, **arguments):
        return self.program.call(tool, **arguments)


@pytest.fixture
def captured(processes, tmp_path: Path) -> Captured:
    program = processes.program({}, "capture", "--mcp", "--listen", "127.0.0.1:0", "--dir", str(tmp_path / "mails"))
    return Captured(program)


def test_what_was_sent_is_listed_shown_and_cleared(captured: Captured, tmp_path: Path) -> None:
    assert captured.call("list_captured_emails").data == {"success": True, "total": 0, "emails": []}
    captured.send("ada@example.org", "Grüße", "<p>Rich text</p>")
    captured.send("bob@example.org, carl@example.org", "Second")
    listed = captured.call("list_captured_emails").data
    assert [(mail["number"], mail["subject"]) for mail in listed["emails"]] == [(2, "Second"), (1, "Grüße")]
    assert listed["emails"][0]["recipients"] == ["bob@example.org", "carl@example.org"]
    assert captured.call("list_captured_emails", recipient="CARL@").data["total"] == 1
    assert captured.call("list_captured_emails", subject="grüß").data["emails"][0]["number"] == 1
    assert len(captured.call("list_captured_emails", limit=1).data["emails"]) == 1
    mail = captured.call("get_captured_email", number=1).data
    assert mail["text"].splitlines() == ["Plain text.", "With two lines."] and "<p>Rich text</p>" in mail["html"]
    assert [(file["filename"], file["content_type"], file["size"]) for file in mail["attachments"]] == [("a b.pdf", "application/pdf", 5)]
    assert {"name": "Message-ID", "value": "<1@example.org>"} in mail["headers"]
    assert b"Plain text." in Path(mail["file"]).read_bytes()
    plain = captured.call("get_captured_email", number=2).data
    assert (plain["html"], plain["attachments"]) == (None, [])
    assert captured.call("clear_captured_emails").data["cleared"] == 2
    assert captured.call("list_captured_emails").data["total"] == 0 and Path(mail["file"]).exists()
    assert captured.call("get_captured_email", number=1).is_error
    captured.send("ada@example.org", "Third")
    assert captured.call("list_captured_emails").data["emails"][0]["number"] == 3


def test_waiting_for_a_mail(captured: Captured) -> None:
    captured.send("ada@example.org", "Reset your password")
    captured.call("wait_for_captured_email", subject="reset", timeout_seconds=0).mentions("Reset your password", "Plain text.")
    # One that comes during the call.
    sender = threading.Timer(0.5, captured.send, ("eve@example.org", "Welcome"))
    sender.start()
    assert captured.call("wait_for_captured_email", recipient="eve@", after=1).data["number"] == 2
    sender.join()
    missed = captured.call("wait_for_captured_email", subject="nothing like it", timeout_seconds=0.1)
    assert missed.is_error and missed.data["others"] == 2
    assert captured.call("wait_for_captured_email", timeout_seconds=46).is_error


def test_a_mail_of_this_program_is_seen_by_the_agent(processes, captured: Captured) -> None:
    sender = processes.program({"SMTP_HOST": "127.0.0.1", "SMTP_PORT": captured.port, "SMTP_USE_TLS": "false", "SMTP_FROM_EMAIL": "me@example.org"})
    sender.send(subject="From the agent").has_state("sent")
    captured.call("wait_for_captured_email", subject="from the agent").mentions("me@example.org")


def test_it_ends_with_its_client(processes, tmp_path: Path) -> None:
    assert BINARY.exists()
    pipe = processes.pipe({}, "capture", "--mcp", "--listen", "127.0.0.1:0", "--dir", str(tmp_path / "mails"))
    wire = StdioWire(pipe)
    wire.begin()
    names = [tool["name"] for tool in wire.ask("tools/list", {})["result"]["tools"]]
    assert names == sorted(names) and len(names) == 4
    unknown = wire.ask("tools/call", {"name": "send_email", "arguments": {}})
    assert "list_captured_emails" in unknown["error"]["message"]
    assert answer_of(wire.ask("tools/call", {"name": "list_captured_emails", "arguments": {"limit": "many"}})).is_error
    # A call that waits does not hold up the end.
    waiting = pipe.start_call("wait_for_captured_email", timeout_seconds=45)
    pipe.close_stdin()
    assert pipe.answer(waiting).is_error
    assert pipe.exit_status(8) == 0
    # Only the protocol is on stdout.
    assert "listening on" in pipe.stderr()
