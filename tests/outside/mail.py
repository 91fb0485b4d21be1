# What arrived, read by Python's email package with its default policy: the reference parser of every test here.
from __future__ import annotations

import email
from dataclasses import dataclass
from email import policy
from email.errors import NonASCIILocalPartDefect
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path

# Content-Type has the name of a file as encoded words in quotes, for clients that know nothing of RFC 2231.
FOR_OLD_CLIENTS = ("encoded word inside quoted string", "missing trailing whitespace after encoded-word")
ADDRESS_HEADERS = {"from", "to", "cc", "bcc", "reply-to", "sender"}


def parse(data: bytes, smtputf8: bool = False) -> EmailMessage:
    """The message as Python reads it. Raw UTF-8 is legal in the header of an SMTPUTF8 mail only."""
    if not smtputf8:
        return email.message_from_bytes(data, policy=policy.default)
    head, gap, rest = data.partition(b"\r\n\r\n")
    text = (head + gap).decode("utf-8") + rest.decode("ascii", "surrogateescape")
    return email.message_from_string(text, policy=policy.SMTPUTF8)


def defects(message: EmailMessage, smtputf8: bool = False) -> list[str]:
    """Every defect that Python found, in every part and header; a UTF-8 local part is valid in an SMTPUTF8 mail (RFC 6532)."""
    ignored = (NonASCIILocalPartDefect,) if smtputf8 else ()
    found = []
    for part in message.walk():
        found += [f"{part.get_content_type()}: {defect!r}" for defect in part.defects]
        for name, value in part.items():
            of_field = [defect for defect in getattr(value, "defects", ()) if not isinstance(defect, ignored)]
            found += [f"{name}: {defect!r}" for defect in of_field if name != "Content-Type" or str(defect) not in FOR_OLD_CLIENTS]
    return found


def shape(message: EmailMessage) -> object:
    """The tree of content types: `("mixed", ["text/plain", "image/png"])`, leaves as their content type."""
    if message.is_multipart():
        return (message.get_content_subtype(), [shape(part) for part in message.iter_parts()])
    return message.get_content_type()


def lines(text: str) -> str:
    """Line ends as LF: on the wire all of them are CRLF."""
    return text.replace("\r\n", "\n")


def same_text(got: str, want: str) -> bool:
    """Asserts exactly the requested text; the last line of a mail ends in a line break, requested or not."""
    got, want = lines(got), lines(want)
    return got == want or (not want.endswith("\n") and got == want + "\n")


@dataclass
class Mail:
    """One mail as a server accepted it: the envelope and the bytes."""

    sender: str
    recipients: list[str]
    data: bytes
    smtputf8: bool
    event: dict

    @classmethod
    def of(cls, event: dict) -> Mail:
        return cls(event["sender"], event["recipients"], Path(event["file"]).read_bytes(), bool(event["smtputf8"]), event)

    @property
    def message(self) -> EmailMessage:
        return parse(self.data, self.smtputf8)

    @property
    def head(self) -> str:
        return self.data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")

    def addresses(self, header: str) -> list[str]:
        """The bare addresses of one header field."""
        field = self.message[header]
        return [address.addr_spec for address in field.addresses] if field else []

    def names(self, header: str) -> list[str]:
        """The display names of one header field, by the older decoder: Python 3.11's newer one keeps the space between two
        encoded words of a phrase, against RFC 2047 6.2."""
        field = email.message_from_bytes(self.data, policy=policy.compat32)[header]
        return [str(make_header(decode_header(name))) for name, _ in getaddresses([str(field)])]

    def text(self, kind: str = "plain") -> str:
        """The text part of that subtype."""
        part = self.message.get_body(preferencelist=(kind,))
        assert part is not None, f"no text/{kind} part in\n{self.data[:2000]!r}"
        return lines(part.get_content())

    def attachments(self) -> list[tuple[str | None, str, bytes]]:
        """File name, content type and bytes of each attachment."""
        return [
            (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
            for part in self.message.walk()
            if part.get_content_disposition() == "attachment"
        ]

    def is_clean(self) -> None:
        """What holds for every mail that is sent: no defect, CRLF throughout, each field of RFC 5322 once, no Bcc."""
        message = self.message
        found = defects(message, self.smtputf8)
        assert found == [], f"{found}\n{self.data[:3000]!r}"
        assert not self.event.get("defects"), self.event
        bare = self.data.replace(b"\r\n", b"")
        assert b"\r" not in bare and b"\n" not in bare, "a bare CR or LF"
        assert max(map(len, self.data.split(b"\r\n"))) <= 998, "a line over 998 bytes (RFC 5322 2.1.1)"
        for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "X-Mailer", "Content-Type"):
            found = message.get_all(name, [])
            allowed = (0, 1) if name == "To" else (1,)
            assert len(found) in allowed, f"{name} stands {len(found)} times:\n{self.head}"
        for name in ("Cc", "Reply-To", "In-Reply-To", "References", "Sender"):
            assert len(message.get_all(name, [])) <= 1, f"{name} stands twice:\n{self.head}"
        assert message["bcc"] is None, f"a Bcc header:\n{self.head}"
        assert message["date"].datetime is not None
        assert self.smtputf8 or self.head.isascii(), f"raw 8-bit in a header:\n{self.head}"
