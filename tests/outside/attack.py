# Attacks on the program over HTTP, all at the same time, together with an honest client: `cargo xtask attack`.
# Each attacker and each observer is a process of its own, so that none waits for another.
from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conftest import Processes, one_server
from failures import A
from test_connections import FLOODS, flood
from test_files import fifo, large, zero
from test_http import HEADERS, META
from test_memory import FILE, HTML, JSON, large_call, nested
from test_warm_sessions import FewConnections

MIB = 1 << 20
MOST_MEMORY = 640  # MiB
MODERN = json.dumps(META)


def post(url: str, source: str, bodies: Iterator[bytes], stop: Event, headers: dict[str, str] = HEADERS) -> int:
    """Posts one body after the other from this address, each on a connection of its own; how many were answered."""
    answered = 0
    for body in bodies:
        if stop.is_set():
            break
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30, source_address=(source, 0))
        try:
            connection.request("POST", "/mcp", body, headers)
            connection.getresponse().read()
            answered += 1
        except OSError:
            pass
        connection.close()
    return answered


def forever(*bodies: bytes) -> Iterator[bytes]:
    while True:
        yield from bodies


def call(arguments: str = "", meta: str = "") -> bytes:
    return large_call(1, arguments, MODERN[:-1] + meta + "}")


def html(name: str) -> bytes:
    return call(',"html":true,"body":%s' % json.dumps(HTML[name][: 2 * MIB]))


def bombs(url: str, stop: Event) -> int:
    return post(url, "127.0.0.2", forever(*(body.encode() for body in JSON.values())), stop)


def html_bombs(url: str, stop: Event) -> int:
    return post(url, "127.0.0.3", forever(*map(html, HTML)), stop)


def nested_values(url: str, stop: Event) -> int:
    return post(url, "127.0.0.4", forever(call(meta=f',"a":{nested(48 << 10)}')), stop)


def large_mails(url: str, stop: Event) -> int:
    return post(url, "127.0.0.5", forever(call(FILE % ("AAAA" * (8 * MIB)))), stop)


def sessions(url: str, stop: Event) -> int:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1", "description": "d" * (50 << 10)}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode()
    return post(url, "127.0.0.6", forever(body), stop, {"Content-Type": "application/json", "Accept": HEADERS["Accept"]})


def connections(url: str, stop: Event) -> int:
    """Floods of connections that do not read, or do not finish what they send."""
    opened = 0
    while not stop.is_set():
        for number, sent in enumerate(FLOODS.values()):
            try:
                with flood(url, sent, [f"127.0.1.{number}"] * 2):
                    opened += 300
                    stop.wait(1)
            except OSError:
                pass
            if stop.is_set():
                break
    return opened


def unread_answers(url: str, stop: Event) -> int:
    """Large requests whose answers nobody reads."""
    place = urlsplit(url)
    body = call(f',"x":{nested(48 << 10)}')
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    request = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    unread: list[socket.socket] = []
    while not stop.wait(0.1):
        try:
            connection = socket.create_connection((place.hostname, place.port), 5, ("127.0.0.7", 0))
            connection.settimeout(1)
            unread.append(connection)
            for _ in range(20):
                connection.sendall(request)
        except OSError:
            pass
    return len(unread)


ATTACKS: dict[str, Callable[[str, Event], int]] = {
    "JSON bombs": bombs, "HTML bombs": html_bombs, "nested values in `_meta`": nested_values, "attachments of 24 MiB": large_mails,
    "sessions that nobody closes": sessions, "connections that do not read or finish": connections, "answers that nobody reads": unread_answers,
}


TOKEN = secrets.token_hex(16)


def guesses(url: str, stop: Event) -> int:
    """Wrong tokens, from one address, sixteen at a time."""
    body, counts = call(), []

    def guess() -> None:
        counts.append(post(url, "127.0.0.8", forever(body), stop, HEADERS | {"Authorization": f"Bearer {secrets.token_hex(16)}"}))

    guessing = [threading.Thread(target=guess) for _ in range(16)]
    for thread in guessing:
        thread.start()
    for thread in guessing:
        thread.join()
    return sum(counts)


def exchanged_settings(settings: Path, pid: int, url: str, stop: Event) -> int:
    """The file with the settings becomes a pipe, a device, endless, and itself again, each time with a reload."""
    whole, exchanged = settings.read_bytes(), 0
    fresh = settings.with_suffix(".fresh")
    while not stop.wait(0.1):
        for make in (fifo, zero, large, lambda path: path.write_bytes(whole)):
            make(fresh)
            fresh.rename(settings)
            os.kill(pid, signal.SIGHUP)
            exchanged += 1
            if stop.wait(0.1):
                break
    return exchanged


def crowd(url: str, stop: Event) -> int:
    """Four honest clients with the token, whose mail server takes one connection, which falls silent now and then."""
    counts = []

    def one(number: int) -> None:
        counts.append(honest(url, stop, f"crowd {number}", {"Authorization": f"Bearer {TOKEN}"}))

    clients = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(counts) == len(clients), "one of the clients failed"
    return sum(counts)


def honest(url: str, stop: Event, name: str = "honest", more: dict[str, str] = {}) -> int:
    """Sends mails, one after the other, and again where it is told to try again; fails unless each is sent."""
    sent = 0
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=50)
    while not stop.wait(0.05):
        params = {"name": "send_email", "arguments": {"to": A, "subject": f"{name} {sent}", "body": "b"}, "_meta": META}
        connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": sent, "method": "tools/call", "params": params}), HEADERS | more)
        response = connection.getresponse()
        answer = response.read()
        if response.status == 503 and response.headers["Retry-After"]:
            time.sleep(float(response.headers["Retry-After"]))
            continue
        assert b'"state":"sent"' in answer, (response.status, answer[:500])
        sent += 1
    return sent


def health(url: str, stop: Event) -> float:
    """The longest time that `/health` took, in seconds."""
    longest = 0.0
    while not stop.wait(0.1):
        began = time.monotonic()
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        longest = max(longest, time.monotonic() - began)
        connection.close()
    return longest


def run(work: Callable[[str, Event], Any], url: str, stop: Event, results: Any, name: str, niceness: int) -> None:
    os.nice(niceness)
    try:
        results.put((name, work(url, stop)))
    except BaseException as error:
        results.put((name, error))
        raise


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def peak(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def guarded(processes: Processes, folder: Path) -> tuple[Any, FewConnections, dict[str, tuple[str, Callable]]]:
    """A second program, with a token and its settings in a file; its mail server; and who works on it."""
    server = FewConnections(1, mails=4)
    processes.add_cleanup(server.stop)
    settings = folder / "smtp.env"
    settings.write_text("".join(f"{name}={value!r}\n" for name, value in one_server(server, SMTP_POLICY="open", SMTP_TIMEOUT=30, SMTP_MAX_RETRIES=None).items()))
    program = processes.http_server({"SMTP_MCP_HTTP_TOKEN": TOKEN, "LOG_LEVEL": "warn,smtp_mcp_server::cli::serve=info"}, "--env-file", str(settings))
    return program, server, {"guesses of the token": guesses, "settings that become something else": partial(exchanged_settings, settings, program.child.pid), "crowd": crowd}


def attack(processes: Processes, folder: Path, seconds: int, slowest_health: float) -> list[str]:
    """Runs everything for so long; what went wrong."""
    capture = processes.capture()
    program = processes.http_server(one_server(capture, SMTP_POLICY="open", LOG_LEVEL="warning,smtp_mcp_server::cli::serve=info"))
    second, few, on_second = guarded(processes, folder)
    pid, stop, results = program.child.pid, multiprocessing.Event(), multiprocessing.Queue()
    works = {"honest": (honest, 0), "health": (health, 0)} | {name: (work, 15) for name, work in ATTACKS.items()}
    before = open_files(pid)
    children = [multiprocessing.Process(target=run, args=(work, program.url, stop, results, name, nice)) for name, (work, nice) in works.items()]
    children += [multiprocessing.Process(target=run, args=(work, second.url, stop, results, name, 15 * (name != "crowd"))) for name, work in on_second.items()]
    for child in children:
        child.start()
    time.sleep(seconds)
    stop.set()
    ends = dict(results.get(timeout=60) for _ in children)
    for child in children:
        child.join()
    deadline = time.monotonic() + 10
    # The pool may keep some SMTP sessions.
    while (after := open_files(pid)) > before + 8 and time.monotonic() < deadline:
        time.sleep(0.1)
    most, most_of_second = peak(pid), peak(second.child.pid)
    second.child.send_signal(signal.SIGTERM)
    status = second.exit_status(within=8)
    lines = second.stderr().count("wrong token")
    processes.stop_all()
    arrived = {mail.message["subject"] for mail in capture.kept()} if not isinstance(ends["honest"], BaseException) else set()
    lost = [number for number in range(ends["honest"]) if f"honest {number}" not in arrived] if arrived else ["all"]
    doubled = [subject for subject, count in few.subjects.items() if count > 1]
    print(f"{seconds} s, {most:.0f} MiB at most, /health within {ends['health'] * 1000:.0f} ms, {ends['honest']} honest calls, {len(lost)} lost, "
          f"{before} files open before, {after} after")
    print(f"with a token and one SMTP connection that fell silent {few.silent} times: {ends['crowd']} honest calls, {len(few.subjects)} mails, {len(doubled)} twice, "
          f"{most_of_second:.0f} MiB, {lines} lines in the log about {ends['guesses of the token']} guesses, exit status {status}")
    attacks = [*ATTACKS, *(name for name in on_second if name != "crowd")]
    for name in attacks:
        print(f"| {name} | {ends[name]} |")
    checks = {
        f"{most:.0f} and {most_of_second:.0f} MiB are more than {MOST_MEMORY}": max(most, most_of_second) > MOST_MEMORY,
        f"/health took {ends['health']:.3f} s": ends["health"] > slowest_health,
        f"honest calls were lost: {lost[:5]}": bool(lost),
        f"of {ends['crowd']} honest calls {len(few.subjects)} arrived, {doubled[:5]} twice": len(few.subjects) != ends["crowd"] or bool(doubled),
        "the SMTP connection never fell silent": few.silent == 0,
        f"{ends['guesses of the token']} guesses were answered": ends["guesses of the token"] > 20 * seconds,
        f"the log has {lines} lines about guesses": not 1 <= lines <= 2 + seconds // 60,
        f"after SIGTERM the exit status was {status}": status != 0,
        f"{after} files are open, before there were {before}": after > before + 8,
        "an attacker did nothing": not all(ends[name] for name in attacks),
    }
    return [problem for problem, is_true in checks.items() if is_true]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--slowest-health", type=float, default=0.2, help="in seconds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder))
        try:
            problems = attack(processes, Path(folder), arguments.seconds, arguments.slowest_health)
        finally:
            processes.stop_all()
    for problem in problems:
        print(f"attack: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
