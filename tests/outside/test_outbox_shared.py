# Several processes on one outbox, as when a person runs several clients at once.
from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import one_server
from pipe import Pipe, run
from real_server import need
from test_outbox import A, MAIL, command, kill, listed, on_a_file  # noqa: F401  (a fixture)


class Place:
    """An outbox that several processes share, each with its own home."""

    def __init__(self, processes: Any, folder: Path) -> None:
        self.processes = processes
        self.folder = folder
        self.path = folder / "outbox" / "outbox.db"

    def variables(self, server: Any, **more: Any) -> dict[str, Any]:
        return one_server(server, SMTP_MCP_OUTBOX=f"sqlite:{self.path}", **more)

    def start(self, server: Any, **more: Any) -> Pipe:
        return self.processes.pipe(self.variables(server, **more)).handshake()

    def start_together(self, count: int, server: Any) -> list[Pipe]:
        """All of them before the first one answers."""
        pipes = [self.processes.pipe(self.variables(server)) for _ in range(count)]
        return [pipe.handshake() for pipe in pipes]

    def command(self, server: Any, *arguments: str, status: int = 0) -> str:
        return command(self.folder, self.variables(server), *arguments, status=status)

    def states(self, server: Any) -> Counter[str]:
        return Counter(email["state"] for email in listed(self.folder, self.variables(server)))


@pytest.fixture
def place(processes, tmp_path: Path) -> Place:
    return Place(processes, tmp_path)


def eventually(what: str, holds: Callable[[], Any], seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


def state(pipe: Pipe, number: str) -> str:
    return pipe.call("get_email", id=number).data["email"]["state"]


def stop(pipe: Pipe) -> str:
    """Ends it in order; what it said."""
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    return pipe.stderr()


# -- several at once

@pytest.mark.parametrize("old", [False, True], ids=["nothing there yet", "a file of the first version"])
def test_four_that_start_together(processes, place: Place, old: bool) -> None:
    capture = processes.capture()
    if old:
        stop(place.start(capture))
        with sqlite3.connect(place.path) as db:
            db.executescript(
                "DROP TABLE file; DROP TABLE approval; DROP TABLE pause; DROP TABLE retry; "
                "DROP INDEX message_due; DROP INDEX message_principal; DROP INDEX message_failed; DROP INDEX message_key_ended; DROP INDEX recipient_address; "
                "ALTER TABLE message DROP COLUMN send_at_ms; ALTER TABLE message DROP COLUMN all_or_nothing; ALTER TABLE message DROP COLUMN stop; "
                "ALTER TABLE message DROP COLUMN digest; CREATE INDEX message_due ON message(lane, due_ms) WHERE state = 'queued'; PRAGMA user_version = 1"
            )
        db.close()
    pipes = place.start_together(4, capture)
    calls = [(pipe, pipe.start_call("send_email", to=A, subject=f"{number}.{call}", body="b")) for call in range(5) for number, pipe in enumerate(pipes)]
    for pipe, call in calls:
        pipe.answer(call).has_state("sent")
    for pipe in pipes:
        stop(pipe)
    assert "sound; 20 sent" in place.command(capture, "check")
    processes.stop_all()
    assert Counter(mail.message["subject"] for mail in capture.kept()) == Counter(f"{number}.{call}" for number in range(4) for call in range(5))


def test_what_waits_is_sent_once_although_four_see_it(processes, place: Place, refused_port) -> None:
    pipes = place.start_together(4, refused_port)
    for number in range(16):
        pipes[number % 4].call("send_email", to=A, subject=str(number), body="b", wait_seconds=10).has_state("queued")
    for pipe in pipes[2:]:
        kill(pipe)
    port = refused_port.port
    refused_port.close()
    capture = processes.capture("--listen", f"127.0.0.1:{port}")
    assert "mails that waited: 16; left: 0\n" in place.command(capture, "drain")
    for pipe in pipes[:2]:
        stop(pipe)
    processes.stop_all()
    assert Counter(mail.message["subject"] for mail in capture.kept()) == Counter(map(str, range(16)))


def test_one_key_at_the_same_moment_is_one_mail(processes, place: Place) -> None:
    capture = processes.capture("--answer-after", "0.5")
    pipes = place.start_together(4, capture)
    calls = [pipe.start_call("send_email", **MAIL, idempotency_key="the same") for pipe in pipes]
    answers = [pipe.answer(call).has_state("sent") for pipe, call in zip(pipes, calls)]
    assert len({answer.data["id"] for answer in answers}) == 1
    assert sum("earlier call" in answer.text for answer in answers) == 3
    processes.stop_all()
    assert len(capture.kept()) == 1


def test_accounts_do_not_cross(processes, place: Place, refused_port) -> None:
    """Nobody sends with another's account, and everyone sees that a mail waits for it."""
    other = processes.capture()
    first, second = place.start(refused_port), place.start(other)
    waiting = first.call("send_email", **MAIL).has_state("queued").data["id"]
    assert second.call("get_smtp_status").data["outbox"]["unserved"] == 0
    kill(first)
    status = eventually("the account is gone", lambda: (found := second.call("get_smtp_status")).data["outbox"]["unserved"] and found)
    status.mentions("1 waiting (1 of them for accounts that no running program has)")
    second.call("get_email", id=waiting).mentions("no program that is running has an account that can send it")
    second.call("send_email", **MAIL).has_state("sent")
    assert "mails that waited: 0; left: 0\n" in place.command(other, "drain")
    port = refused_port.port
    refused_port.close()
    own = processes.capture("--listen", f"127.0.0.1:{port}")
    third = place.start(own)
    assert "no program that is running" not in place.command(own, "list")
    assert "mails that waited: 1; left: 0\n" in place.command(own, "drain")
    stop(third)
    stop(second)
    processes.stop_all()
    assert (len(own.kept()), len(other.kept())) == (1, 1)


def test_a_retry_elsewhere_is_sent_by_whoever_has_the_account(processes, place: Place) -> None:
    """Within about a second, and the caller who waits hears the end."""
    capture, other = processes.capture("--after-dot", "drop-lost"), processes.capture()
    first, second = place.start(capture), place.start(other)
    lost = first.call("send_email", **MAIL).has_state("unknown").data["id"]
    began = time.monotonic()
    second.call("retry_email", id=lost).has_state("unknown")
    assert time.monotonic() - began < 2
    assert first.call("get_email", id=lost).data["email"]["attempts"] == 1
    history = [event["event"] for event in first.call("get_email", id=lost).data["history"]]
    assert history == ["queued", "claimed", "attempt 1 ended", "retried", "claimed", "attempt 2 ended"]
    assert not other.events("mail")
    kill(first)
    # Now nobody has that account, and this program may send as the same sender.
    second.call("retry_email", id=lost).has_state("sent")
    assert len(other.wait("mail")) == 1


# -- killed and stopped

def one_sends_and_another_waits(place: Place, capture: Any) -> tuple[Pipe, Pipe, str, int]:
    """Both processes, the id of the mail whose content is out, and the second one's call."""
    first, second = place.start(capture), place.start(capture)
    call = MAIL | {"idempotency_key": "k"}
    first.start_call("send_email", **call)
    capture.wait("content")
    waiting = second.start_call("send_email", **call)
    return first, second, second.call("list_emails", state="sending").data["emails"][0]["id"], waiting


def test_another_finds_what_a_killed_one_left(processes, place: Place) -> None:
    capture = processes.capture("--answer-after", "60")
    first, second, sending, waiting = one_sends_and_another_waits(place, capture)
    kill(first)
    second.answer(waiting, deadline=5).has_state("unknown").mentions("this program ended while it was being sent")
    assert state(second, sending) == "unknown"
    assert len(capture.events("content")) == 1


def test_what_a_stopped_one_is_sending_is_left_to_it(processes, place: Place) -> None:
    capture = processes.capture("--answer-after", "3")
    first, second, sending, waiting = one_sends_and_another_waits(place, capture)
    first.signal(signal.SIGSTOP)
    by = rf"being sent by process {first.child.pid} on \S+"
    assert re.search(by, second.call("get_email", id=sending).text)
    refused = second.call("retry_email", id=sending)
    assert refused.is_error and re.search(by, refused.text) and "wait" in refused.text
    assert re.search(by, place.command(capture, "show", sending))
    assert f"in use by process {first.child.pid} on " in place.command(capture, "check")
    # Longer than the server takes to answer, and than it takes to look for processes that are dead.
    time.sleep(4)
    assert state(second, sending) == "sending"
    first.signal(signal.SIGCONT)
    second.answer(waiting).has_state("sent").mentions("earlier call")
    assert len(capture.events("content")) == 1


# -- the last to leave

def test_the_last_to_leave_says_what_waits(processes, place: Place, refused_port) -> None:
    first, second, other = place.start(refused_port), place.start(refused_port), place.start(processes.capture())
    first.call("send_email", **MAIL).has_state("queued")
    words = "no other program that is running can send them"
    assert words not in stop(first), "the second can"
    assert words in stop(second), "the third has another account"
    assert words in stop(other), "it is told to whoever is the last, too"


# -- files

def test_a_restored_copy_is_held_until_someone_adopts_it(processes, place: Place, refused_port) -> None:
    pipe = place.start(refused_port)
    waiting = pipe.call("send_email", **MAIL).has_state("queued").data["id"]
    stop(pipe)
    copy = place.path.with_name("backup.db")
    shutil.copy(place.path, copy)
    copy.replace(place.path)
    port = refused_port.port
    refused_port.close()
    capture = processes.capture("--listen", f"127.0.0.1:{port}")
    pipe = place.start(capture)
    pipe.call("get_smtp_status").mentions("1 held", "outbox adopt")
    pipe.call("get_email", id=waiting).mentions("held", "may have been sent already", "outbox adopt")
    assert waiting in place.command(capture, "list", "--state", "held")
    assert "mails that waited: 0; left: 0\nheld, because the outbox was copied or restored: 1;" in place.command(capture, "drain")
    assert "are now queued: 1\n" in place.command(capture, "adopt")
    eventually("it is sent", lambda: state(pipe, waiting) == "sent")
    assert "mails are held" in stop(pipe)


def test_a_program_whose_outbox_was_replaced_sends_nothing_any_more(processes, place: Place) -> None:
    capture = processes.capture()
    pipe = place.start(capture)
    pipe.call("send_email", **MAIL).has_state("sent")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{place.path}{suffix}").unlink()
    pipe.call("send_email", **MAIL).has_state("refused").mentions("removed or replaced", "restart this program")
    again = place.start(capture)
    again.call("send_email", **MAIL).has_state("sent")
    pipe.call("send_email", **MAIL).has_state("refused").mentions("restart this program")
    eventually("it says so", lambda: "nothing is sent any more" in pipe.stderr())
    stop(pipe)


# -- whose mails they are

def test_callers_over_http_see_only_their_own(processes, place: Place) -> None:
    capture = processes.capture()
    local = place.start(capture)
    web = processes.program(place.variables(capture), mode="auto over http")
    sent = {"local": local.call("send_email", **MAIL, idempotency_key="k"), "http": web.send(idempotency_key="k")}
    for pipe, own, foreign in (local, "local", "http"), (web, "http", "local"):
        own_id, foreign_id = sent[own].has_state("sent").data["id"], sent[foreign].data["id"]
        assert [email["id"] for email in pipe.call("list_emails").data["emails"]] == [own_id]
        for tool in "get_email", "retry_email":
            assert pipe.call(tool, id=foreign_id).mentions("there is no mail").is_error
    assert {email["id"] for email in listed(place.folder, place.variables(capture))} == {answer.data["id"] for answer in sent.values()}


# -- idle

def test_idle_processes_write_nothing(processes, place: Place) -> None:
    """And hardly run: a laptop with four of them sleeps."""
    need(None if shutil.which("strace") else "strace is missing (as root on Debian: apt-get install strace)")
    capture = processes.capture()
    pipes = place.start_together(4, capture)
    for pipe in pipes:
        pipe.call("send_email", **MAIL).has_state("sent")
    traced = "pwrite64,pwritev,fsync,fdatasync,ftruncate,rename,unlink,mkdir,msync,openat,write"
    arguments = [argument for pipe in pipes for argument in ("-p", str(pipe.child.pid))]
    # The session with the server ends in this time, too.
    trace = place.folder / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-y", "-e", f"trace={traced}", "-o", str(trace), *arguments], stderr=subprocess.PIPE)
    assert tracer.stderr
    for _ in pipes:
        assert b"attached" in tracer.stderr.readline()
    time.sleep(4)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    calls = [line.split(None, 1)[1] for line in trace.read_text().splitlines()]
    # What wakes another thread is written to an eventfd; the log goes to stderr; sessions end with QUIT.
    harmless = re.compile(r'^write\(\d+<(anon_inode:|socket:|pipe:|TCP|UNIX)|^openat\(.*O_RDONLY|^openat\([^,]+, "[^"]+\.lock", O_RDWR\|O_CLOEXEC|resumed>|^[+-]{3} ')
    writes = [call for call in calls if not harmless.search(call)]
    assert len(calls) > 10 and not writes, writes[:20]


def test_a_directory_whose_locks_have_no_effect_is_refused(tmp_path: Path) -> None:
    """As on some remote file systems: everybody gets every lock."""
    need(None if shutil.which("cc") else "cc is missing (as root on Debian: apt-get install gcc)")
    source, library = tmp_path / "flock.c", tmp_path / "flock.so"
    source.write_text("int flock(int file, int operation) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    variables = {"SMTP_HOST": "127.0.0.1", "SMTP_USE_TLS": "false", "SMTP_FROM_EMAIL": A, "LD_PRELOAD": library}
    said = run(tmp_path / "home", variables)
    assert said.returncode == 1
    assert "two programs can hold the same lock in this directory" in said.stderr and "SMTP_MCP_OUTBOX" in said.stderr, said.stderr
