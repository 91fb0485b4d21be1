# The outbox on a disk that is full, read-only or damaged.
from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import one_server
from pipe import Pipe, run
from real_server import need

pytestmark = pytest.mark.skipif("OUTBOX" in os.environ, reason="these are about a file")
MAIL = {"to": "ada@example.org", "body": "b"}


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path, size: str) -> None:
        self.path = path
        path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(path)], capture_output=True, text=True)
        need(mounted.stderr if mounted.returncode else None)
        self.filler = path / "filler"
        self.outbox = f"sqlite:{path}/outbox.db"

    def fill(self) -> None:
        with self.filler.open("ab", buffering=0) as filler:
            for size in (1 << 16, 1 << 12):
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def free(self) -> None:
        self.filler.unlink()

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Any]:
    disk = Disk(tmp_path / "disk", "4m")
    yield disk
    subprocess.run(["umount", "-l", str(disk.path)], check=True)


def emails(home: Path, settings: dict[str, Any]) -> dict[str, dict]:
    return {one["id"]: one for one in json.loads(run(home, settings, "outbox", "list", "--json", "--limit", "1000").stdout)}


def test_a_full_disk(processes, disk: Disk, tmp_path: Path) -> None:
    """Nothing that was taken is lost, nothing is sent without its claim, and it recovers when space is freed."""
    capture = processes.capture()
    settings = one_server(capture, SMTP_MCP_OUTBOX=disk.outbox, SMTP_OUTBOX_MIN_FREE=0, SMTP_POLICY="open")
    pipe = processes.pipe(settings).handshake()
    answers = [pipe.call("send_email", subject="before", **MAIL).has_state("sent")]
    # They become due while the disk is full.
    answers += [pipe.call("send_email", subject=f"waiting {n}", undo_seconds=2, **MAIL).has_state("queued") for n in range(10)]
    disk.fill()
    for n in range(40):
        answers.append(pipe.call("send_email", subject=f"full {n}", **MAIL | {"body": "x" * 20000}, wait_seconds=0))
    refused = [one for one in answers if one.is_error]
    assert refused and all("full" in one.text and "nothing was sent" in one.text for one in refused), refused[:1]
    time.sleep(3)
    disk.free()
    taken = {one.data["id"] for one in answers if not one.is_error}
    until = time.monotonic() + 60
    while any(one["state"] != "sent" for one in emails(tmp_path / "home", settings).values()):
        assert time.monotonic() < until, Counter(one["state"] for one in emails(tmp_path / "home", settings).values())
        time.sleep(0.2)
    found = emails(tmp_path / "home", settings)
    assert set(found) == taken
    assert pipe.call("send_email", subject="after", **MAIL).has_state("sent")
    processes.stop_all()
    assert "sound" in run(tmp_path / "home", settings, "outbox", "check").stdout
    copies = Counter(mail.message["Message-ID"] for mail in capture.kept())
    assert set(copies.values()) == {1} and len(copies) == len(taken) + 1


def test_below_the_floor_nothing_is_taken(processes, disk: Disk) -> None:
    capture = processes.capture()
    pipe = processes.pipe(one_server(capture, SMTP_MCP_OUTBOX=disk.outbox)).handshake()
    pipe.call("send_email", subject="s", **MAIL).has_state("refused").mentions("MiB are free on the disk of the outbox", "SMTP_OUTBOX_MIN_FREE", "nothing was sent")
    processes.stop_all()
    assert capture.kept() == []


def test_a_read_only_file_system(processes, disk: Disk, tmp_path: Path) -> None:
    capture = processes.capture()
    settings = one_server(capture, SMTP_MCP_OUTBOX=disk.outbox, SMTP_OUTBOX_MIN_FREE=0)
    first = processes.pipe(settings).handshake()
    first.call("send_email", subject="s", **MAIL).has_state("sent")
    first.close()
    disk.remount("ro")
    refused = run(tmp_path / "home", settings, "send", "--to", "ada@example.org", "--subject", "s", "--body", "b")
    assert refused.returncode == 1 and "read-only" in refused.stdout.lower() + refused.stderr.lower(), refused
    disk.remount("rw")
    assert len(emails(tmp_path / "home", settings)) == 1


def test_a_damaged_page(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    path = tmp_path / "outbox" / "o.db"
    settings = one_server(capture, SMTP_MCP_OUTBOX=f"sqlite:{path}", SMTP_POLICY="open")
    pipe = processes.pipe(settings).handshake()
    for n in range(60):
        pipe.call("send_email", subject=f"{n}", **MAIL | {"body": "x" * 3000}, allow_duplicate=True)
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    assert [one.name for one in path.parent.glob("o.db*") if one.is_file()] == ["o.db"], "everything is in this one file"
    pages = path.stat().st_size // 2048
    with path.open("r+b") as file:
        for page in range(pages // 3, pages // 3 + 8):
            file.seek(page * 2048)
            file.write(b"\xff" * 2048)
    checked = run(tmp_path / "home", settings, "outbox", "check")
    assert checked.returncode == 1 and "damaged" in checked.stdout, checked
    before = path.read_bytes()
    listed = run(tmp_path / "home", settings, "outbox", "list")
    assert listed.returncode == 1 and "malformed" in listed.stderr or listed.returncode == 0, listed
    assert path.stat().st_size >= len(before), "nothing is thrown away"
