# Attachments: every byte, name and type as requested, in the right place of the MIME tree; any error refuses the whole call.
import base64
import hashlib
import os
from pathlib import Path

import pytest

from conftest import RoundTrip, one_server
from mail import same_text, shape

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
EVERY_BYTE = bytes(range(256)) * 40


def given(data: bytes, filename: str = "a.bin", **more: object) -> dict:
    return {"content": base64.b64encode(data).decode(), "filename": filename, **more}


CONTENTS = {
    "empty": b"", "one byte": b"\0", "every byte": EVERY_BYTE, "line ends": b"a\rb\nc\r\nd\n\r\n.\r\n..\n",
    "text without a last newline": b"plain", "a boundary": b"--=_boundary--\r\n" * 50, "long line": b"x" * 100_000, "megabyte": os.urandom(1 << 20),
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("filename", ["a.bin", "a.txt", "a.eml", "a.html"])
def test_bytes_arrive_exactly(round_trip: RoundTrip, name: str, filename: str) -> None:
    _, mail = round_trip.send(attachments=[given(CONTENTS[name], filename)])
    ((got_name, _, got),) = mail.attachments()
    assert got_name == filename
    assert hashlib.sha256(got).digest() == hashlib.sha256(CONTENTS[name]).digest(), f"{len(got)} bytes, sent {len(CONTENTS[name])}: {got[:80]!r}"
    assert same_text(mail.text(), "Body")


FILENAMES = [
    "report.pdf", "with space.txt", "Rechnung März.pdf", "रिपोर्ट.pdf", "報告書 2026.pdf", "🎉 party 👩‍👩‍👧.png", 'say "hi".txt', "it's.txt", "semi;colon,comma=x.txt",
    "percent%20sign%.txt", "x" * 200 + ".txt", "日本語" * 27 + ".pdf", ".hidden", "no extension", "a.tar.gz", "UPPER.PDF", "(round) [square] <angle>.txt", "=?utf-8?q?x?=.txt",
    "trailing dot.", "a..b.txt", "Q1..Q2.xlsx", "...", "..hidden", "v1...v2.tar.gz", "x" * 70 + ".txt", "März " * 40 + ".txt", "utf-8''name.txt", "*.txt",
]


@pytest.mark.parametrize("filename", FILENAMES, ids=lambda name: name[:24])
def test_file_names_arrive_exactly(round_trip: RoundTrip, filename: str) -> None:
    _, mail = round_trip.send(attachments=[given(b"x", filename)])
    assert mail.attachments()[0][0] == filename, mail.data.decode("utf-8", "replace")[:3000]


TYPES = [
    ("a.pdf", b"%PDF-1.4\n", None, "application/pdf"),
    ("a.png", PNG, None, "image/png"),
    ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", None, "image/jpeg"),
    ("a.txt", b"text", None, "text/plain"),
    ("a.csv", b"a,b\n", None, "text/csv"),
    ("a.html", b"<p>x", None, "text/html"),
    ("a.json", b"{}", None, "application/json"),
    ("a.zip", b"PK\x05\x06" + b"\0" * 18, None, "application/zip"),
    ("a.docx", b"PK\x03\x04", None, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("A.PDF", b"%PDF-1.4\n", None, "application/pdf"),
    ("picture", PNG, None, "image/png"),
    ("unknown", b"\x01\x02\x03", None, "application/octet-stream"),
    ("a.bin", b"x", "application/x-own", "application/x-own"),
    ("a.txt", b"x", "text/markdown", "text/markdown"),
    ("a.ics", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; charset=utf-8", "text/calendar"),
]


@pytest.mark.parametrize(("filename", "data", "mime_type", "expected"), TYPES, ids=[row[0] for row in TYPES])
def test_types(round_trip: RoundTrip, filename: str, data: bytes, mime_type: str | None, expected: str) -> None:
    attachment = given(data, filename) | ({"mime_type": mime_type} if mime_type else {})
    _, mail = round_trip.send(attachments=[attachment])
    assert mail.attachments() == [(filename, expected, data)]


MESSAGE = b"From: a@x.org\nSubject: inner\n\nInside\n"


@pytest.mark.parametrize(("data", "encoding"), [
    (MESSAGE, "7bit"), (MESSAGE.replace(b"\n", b"\r\n"), "7bit"), (MESSAGE + "Grüße\n".encode(), "8bit"), (MESSAGE + b"\xe4\n", None),
    (MESSAGE + b"x" * 999 + b"\n", None), (MESSAGE + b"\0", None), (MESSAGE + b"a\rb\n", None),
], ids=["LF", "CRLF", "8-bit", "LF and Latin-1", "too long a line", "NUL", "a CR alone"])
def test_a_message_travels_as_itself_or_not_at_all(round_trip: RoundTrip, data: bytes, encoding: str | None) -> None:
    attachment = given(data, "fwd.eml", mime_type="message/rfc822")
    if encoding is None:
        round_trip.refuse(attachments=[attachment]).mentions("attachments[0].mime_type", "message/rfc822 may not be encoded", "use application/octet-stream")
        return
    _, mail = round_trip.send(attachments=[attachment])
    part = next(part for part in mail.message.walk() if part.get_content_type() == "message/rfc822")
    assert part["content-transfer-encoding"] == encoding
    # What holds an 8-bit part has to say so, too (RFC 2045 6.4).
    assert mail.message.get("content-transfer-encoding", "7bit") == encoding
    assert part.get_payload(0)["subject"] == "inner"
    assert data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") in mail.data


def test_a_delivery_report_travels_as_itself(round_trip: RoundTrip) -> None:
    report = b"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@x.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    _, mail = round_trip.send(attachments=[given(report, "status.txt", mime_type="message/delivery-status")])
    part = next(part for part in mail.message.walk() if part.get_content_type() == "message/delivery-status")
    assert part["content-transfer-encoding"] == "7bit" and report in mail.data


@pytest.mark.parametrize(("more", "encoding"), [("", "8bit"), ("x" * 999, "base64")], ids=["8bit", "too long a line"])
def test_an_international_message_is_encoded_only_where_it_must_be(round_trip: RoundTrip, more: str, encoding: str) -> None:
    attachment = given(f"Subject: Grüße\n\n{more}\n".encode(), "fwd.eml", mime_type="message/global")
    round_trip.capture.forget()
    round_trip.program.send(attachments=[attachment]).has_state("sent")
    # Python knows no encoded message/global, so it is not asked for defects.
    mail = round_trip.capture.take()
    part = next(part for part in mail.message.walk() if part.get_content_type() == "message/global")
    assert part["content-transfer-encoding"] == encoding


def test_several_keep_their_order(round_trip: RoundTrip) -> None:
    files = [(f"file {number}.bin", bytes([number]) * number) for number in range(12)]
    answer, mail = round_trip.send(attachments=[given(data, name) for name, data in files])
    assert [(name, data) for name, _, data in mail.attachments()] == files
    assert shape(mail.message)[0] == "mixed"


def test_two_of_the_same_name_both_arrive(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(attachments=[given(b"1"), given(b"2")])
    assert [data for _, _, data in mail.attachments()] == [b"1", b"2"]


HTML = '<p>See <img src="cid:logo"></p>'
LOGO = given(PNG, "logo.png", content_id="logo")
PAPER = given(b"%PDF-1.4\n", "paper.pdf")
ALTERNATIVE = ("alternative", ["text/plain", "text/html"])
# `mixed` › `related` › `alternative`, and only those that are needed
TREES = [
    ({}, "text/plain"),
    ({"html": True, "body": HTML}, ALTERNATIVE),
    ({"attachments": [PAPER]}, ("mixed", ["text/plain", "application/pdf"])),
    ({"html": True, "body": HTML, "attachments": [PAPER]}, ("mixed", [ALTERNATIVE, "application/pdf"])),
    ({"html": True, "body": HTML, "attachments": [LOGO]}, ("related", [ALTERNATIVE, "image/png"])),
    ({"html": True, "body": HTML, "attachments": [PAPER, LOGO]}, ("mixed", [("related", [ALTERNATIVE, "image/png"]), "application/pdf"])),
]


@pytest.mark.parametrize(("arguments", "tree"), TREES, ids=range(len(TREES)))
def test_the_tree(round_trip: RoundTrip, arguments: dict, tree: object) -> None:
    _, mail = round_trip.send(**arguments)
    assert shape(mail.message) == tree


@pytest.mark.parametrize("content_id", ["logo", "<logo>", "logo@example.org"])
def test_an_inline_part(round_trip: RoundTrip, content_id: str) -> None:
    bare = content_id.strip("<>")
    _, mail = round_trip.send(html=True, body=f'<img src="cid:{bare}">', attachments=[given(PNG, "logo.png", content_id=content_id)])
    (image,) = [part for part in mail.message.walk() if part.get_content_type() == "image/png"]
    assert image["content-id"] == f"<{bare}>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "logo.png"
    assert image.get_payload(decode=True) == PNG


# -- by path

@pytest.fixture(scope="module")
def files(attachment_dirs: tuple[Path, Path]) -> dict[str, Path]:
    """Files inside and outside, and paths and symlinks that lead out."""
    first, second = attachment_dirs
    outside = first.parent / "outside.txt"
    outside.write_bytes(b"outside")
    (first / "in first.txt").write_bytes(b"in first")
    (second / "in second.png").write_bytes(PNG)
    (first / "both.txt").write_bytes(b"of the first")
    (second / "both.txt").write_bytes(b"of the second")
    (first / "folder").mkdir()
    (first / "folder/deep.txt").write_bytes(b"deep")
    (first / "नमस्ते.txt").write_bytes(b"hindi")
    (first / "leaving.txt").symlink_to(outside)
    (first / "leaving folder").symlink_to(first.parent)
    (first / "staying.txt").symlink_to("both.txt")
    os.mkfifo(first / "fifo")
    return {"first": first, "second": second, "outside": outside}


INSIDE = [
    ("{first}/in first.txt", "in first.txt", b"in first"),
    ("in first.txt", "in first.txt", b"in first"),
    ("in second.png", "in second.png", PNG),
    ("{second}/in second.png", "in second.png", PNG),
    ("both.txt", "both.txt", b"of the first"),
    ("{second}/both.txt", "both.txt", b"of the second"),
    ("folder/deep.txt", "deep.txt", b"deep"),
    ("नमस्ते.txt", "नमस्ते.txt", b"hindi"),
    ("staying.txt", "staying.txt", b"of the first"),
]


@pytest.mark.parametrize(("path", "name", "data"), INSIDE, ids=[row[0] for row in INSIDE])
def test_a_path_inside(round_trip: RoundTrip, files: dict[str, Path], path: str, name: str, data: bytes) -> None:
    _, mail = round_trip.send(attachments=[{"path": path.format(**files)}])
    assert [(got, content) for got, _, content in mail.attachments()] == [(name, data)]


def test_a_path_under_another_name(round_trip: RoundTrip, files: dict[str, Path]) -> None:
    _, mail = round_trip.send(attachments=[{"path": "in second.png", "filename": "other.png"}])
    assert mail.attachments() == [("other.png", "image/png", PNG)]


OUTSIDE = [
    "{outside}", "/etc/passwd", "../outside.txt", "{first}/../outside.txt", "folder/../../outside.txt", "leaving.txt", "{first}/leaving.txt", "leaving folder/outside.txt",
    "folder", "{first}", "fifo", "missing.txt", "{first}/missing.txt", "~/x", ".", "..", "in first.txt\u0000", "in first.txt/", "file:///etc/passwd",
]


@pytest.mark.parametrize("path", OUTSIDE, ids=repr)
def test_a_path_that_is_no_file_inside_is_refused(round_trip: RoundTrip, files: dict[str, Path], path: str) -> None:
    answer = round_trip.refuse(attachments=[given(b"good", "good.bin"), {"path": path.format(**files)}])
    assert "root:" not in str(answer)


def test_without_directories_no_path_is_allowed(processes) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture))
    program.send(attachments=[{"path": "/etc/hostname"}]).has_state("refused").mentions("SMTP_ATTACHMENT_DIRS")
    program.send(subject="only this").has_state("sent")
    assert capture.take().message["subject"] == "only this"


def test_a_path_is_never_taken_from_the_working_directory(processes, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("here")
    program = processes.program(one_server(processes.capture()), cwd=tmp_path)
    program.send(attachments=[{"path": "here.txt"}]).has_state("refused")


# -- errors: each refuses the whole call

FAULTS = [
    {}, {"filename": "a.txt"}, {"content": "eA=="}, {"content": "eA==", "filename": ""}, {"content": "not base64!", "filename": "a"}, 
    {"content": "eA==", "filename": "a", "path": "in first.txt"}, given(b"x", "../a.txt"), given(b"x", "/etc/a.txt"), given(b"x", "a/b.txt"), given(b"x", "a\\b.txt"),
    given(b"x", ".."), given(b"x", "a\nb.txt"), given(b"x", "a\r\nX-Evil: 1.txt"), given(b"x", "a\0b"), given(b"x", "a", mime_type="nonsense"),
    given(b"x", "a", mime_type="text/plain\r\nX-Evil: 1"), given(b"x", "a", mime_type="multipart/mixed"), given(b"x", "a", content_id="a\r\nX-Evil: 1"), given(b"x", "a", content_id="a b<c>"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault)[:60])
def test_a_fault_in_one_refuses_the_whole_call(round_trip: RoundTrip, files: dict[str, Path], fault: dict) -> None:
    round_trip.capture.forget()
    assert round_trip.program.refuses("send_email", to="ada@example.org", subject="s", body="b", attachments=[given(b"good", "good.bin"), fault])
    round_trip.nothing_arrived()


@pytest.mark.parametrize("wrong", ["a string.txt", "/etc/passwd"])
def test_a_string_is_no_attachment(round_trip: RoundTrip, wrong: str) -> None:
    """The predecessor dropped strings and sent the mail without them."""
    round_trip.capture.forget()
    assert round_trip.program.refuses("send_email", to="ada@example.org", subject="s", body="b", attachments=[wrong])
    round_trip.nothing_arrived()


LOOSE = {
    "with line breaks": (base64.encodebytes(EVERY_BYTE).decode(), EVERY_BYTE),
    "without padding": ("eA", b"x"),
    "with half the padding": ("eA=", b"x"),
    "URL-safe": ("-_8=", b"\xfb\xff"),
}


@pytest.mark.parametrize("name", LOOSE)
def test_loose_base64_is_understood_or_refused_but_never_changed(round_trip: RoundTrip, name: str) -> None:
    content, data = LOOSE[name]
    round_trip.capture.forget()
    answer = round_trip.program.send(attachments=[{"content": content, "filename": "a.bin"}])
    if answer.is_error:
        round_trip.nothing_arrived()
    else:
        assert round_trip.capture.take().attachments()[0][2] == data


MEGABYTES = {25: ("25 MiB", "25 MB", str(25 << 20)), 50: ("50 MiB", "50 MB", str(50 << 20))}


def names_the_limit(text: str, megabytes: int) -> bool:
    return any(way in text for way in MEGABYTES[megabytes])


# -- sizes

def sparse(folder: Path, name: str, size: int) -> dict:
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return {"path": name}


MIB = 1 << 20


def test_an_attachment_over_25_mib_is_refused(round_trip: RoundTrip, files: dict[str, Path]) -> None:
    answer = round_trip.refuse(attachments=[sparse(files["first"], "over.bin", 25 * MIB + 1)])
    assert names_the_limit(answer.text, 25), answer


def test_more_than_50_mib_together_are_refused(round_trip: RoundTrip, files: dict[str, Path]) -> None:
    answer = round_trip.refuse(attachments=[sparse(files["first"], f"third{number}.bin", 17 * MIB) for number in range(3)])
    assert names_the_limit(answer.text, 50), answer


def test_a_long_request_is_read(round_trip: RoundTrip) -> None:
    """20 MiB of base64 are a line of 27 MiB: within the contract's 72 MiB, beyond the usual limit of a reader of lines."""
    data = os.urandom(MIB) * 20
    _, mail = round_trip.send(attachments=[given(data, "long.bin")])
    assert hashlib.sha256(mail.attachments()[0][2]).digest() == hashlib.sha256(data).digest()
