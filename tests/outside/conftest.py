# Fixtures: they stop every process that a test starts, every directory is temporary, every port is free.
from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from exim import Exim
from failures import NOBODY, Case
from mail import Mail
from postfix import Postfix
from pipe import Pipe
from programs import BINARY, Answer, Capture, HttpServer, Program
from real_server import RealServer, need
from scripted import Scripted

# `auto` finds the 2026-07-28 protocol, `legacy` starts with the handshake of 2025-11-25; over stdio or HTTP.
MODES = ("auto", "legacy", "auto over http", "legacy over http")


def pytest_sessionstart() -> None:
    if not BINARY.exists():
        pytest.exit(f"no program at {BINARY}: build it, or set SMTP_MCP_SERVER", returncode=4)


# Files whose tests share an expensive fixture: one worker runs them all.
GROUPS = {
    "test_postfix.py": "postfix", "test_postfix_failover.py": "postfix", "test_logins.py": "postfix", "test_size_limit.py": "postfix",
    "test_oauth.py": "oauth", "test_exim.py": "exim", "test_slow_servers.py": "slow servers",
    "test_clients.py": "clients",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hands out one test after the other, and each group as a whole."""

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return GROUPS.get(Path(nodeid.partition("::")[0]).name, nodeid)

    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests start first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="module")
def mode() -> str:
    """How the client speaks. One mode is enough where the protocol does not matter; a module about the protocol overrides this with all of MODES."""
    return MODES[0]


class Processes:
    """Starts processes, each in its own directory, and stops them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = itertools.count(1)
        self._ends: list[Callable[[], None]] = []

    def _home(self, kind: str) -> Path:
        return self.folder / f"{kind}{next(self._count)}"

    def capture(self, *options: str) -> Capture:
        capture = Capture(self._home("capture"), *options)
        self._ends.append(capture.stop)
        return capture

    def scripted(self, *scripts: str) -> Scripted:
        server = Scripted(*scripts)
        self._ends.append(server.stop)
        return server

    def program(self, variables: dict[str, Any], *arguments: str, mode: str = MODES[0], cwd: Path | None = None) -> Program:
        program = Program(self._home("program"), mode, variables, list(arguments), cwd)
        self._ends.append(program.close)
        return program

    def http_server(self, variables: dict[str, Any], *arguments: str) -> HttpServer:
        http_server = HttpServer(self._home("http_server"), variables, list(arguments))
        self._ends.append(http_server.close)
        return http_server

    def pipe(self, variables: dict[str, Any], *arguments: str) -> Pipe:
        pipe = Pipe(self._home("pipe"), variables, list(arguments))
        self._ends.append(pipe.close)
        return pipe

    def add_cleanup(self, end: Callable[[], None]) -> None:
        """Stops something that the test started itself."""
        self._ends.append(end)

    def stop_all(self) -> None:
        """Stops everything in reverse order: programs finish what is in flight, and then the servers' mails are final."""
        while self._ends:
            self._ends.pop()()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    yield processes
    processes.stop_all()


@pytest.fixture(scope="module")
def module_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("module"))
    yield processes
    processes.stop_all()


def one_server(capture: Any, **more: Any) -> dict[str, Any]:
    """The environment for one server without TLS and login; `None` removes a variable."""
    variables = {
        "SMTP_HOST": capture.host, "SMTP_PORT": capture.port, "SMTP_USE_TLS": "false",
        "SMTP_FROM_EMAIL": "Grace Sender <grace@sender.example>", "SMTP_MAX_RETRIES": 0, "SMTP_TIMEOUT": 10,
    } | more
    return {name: value for name, value in variables.items() if value is not None}


def several_servers(*places: Any, **more: Any) -> dict[str, Any]:
    """The environment for servers `first`, `second`, …, each with an identity of its own."""
    names = ("first", "second", "third")
    variables: dict[str, Any] = {}
    for number, (name, place) in enumerate(zip(names, places), start=1):
        for variable, value in one_server(place).items():
            variables[f"{variable}_{number}"] = value
        variables[f"SMTP_NAME_{number}"] = name
        variables[f"SMTP_FROM_EMAIL_{number}"] = f"The {name.title()} <me@{name}.example>"
    variables |= more
    return {name: value for name, value in variables.items() if value is not None}


class RefusedPort:
    """A port that refuses connections while the test runs: bound, never listening."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.host, self.port = self._socket.getsockname()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def refused_port() -> Iterator[RefusedPort]:
    port = RefusedPort()
    yield port
    port.close()


@pytest.fixture
def full_queue() -> Iterator[Any]:
    """A port whose accept queue is full: another connection gets no answer at all."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield SimpleNamespace(host="127.0.0.1", port=listener.getsockname()[1])


@pytest.fixture
def build_server(processes: Processes, refused_port: RefusedPort, full_queue: Any) -> Callable[[Case], Any]:
    """Builds the server that a case of failures.py describes."""
    places = {
        "no such name": SimpleNamespace(host=NOBODY, port=2525),
        "unreachable": SimpleNamespace(host="255.255.255.255", port=2525),
        "refused port": refused_port,
        "full queue": full_queue,
    }

    def build(case: Case) -> Any:
        if isinstance(case.server, tuple):
            return processes.capture(*case.server)
        return places.get(case.server) or processes.scripted(case.server)

    return build


class RoundTrip:
    """One program and one well-behaved server, shared by the rows of a table."""

    def __init__(self, program: Program, capture: Capture) -> None:
        self.program, self.capture = program, capture
        self._markers = itertools.count(1)

    def send(self, **arguments: Any) -> tuple[Answer, Mail]:
        """Sends a mail that must arrive without defects; returns the result and the mail."""
        self.capture.forget()
        answer = self.program.send(**arguments).has_state("sent")
        mail = self.capture.take()
        assert mail.message["message-id"] == answer.data["message_id"], answer
        mail.is_clean()
        return answer, mail

    def refuse(self, **arguments: Any) -> Answer:
        """Sends a mail that must be refused; returns the result, after checking that nothing arrived before the next mail."""
        self.capture.forget()
        answer = self.program.send(**arguments).has_state("refused")
        self.nothing_arrived()
        return answer

    def nothing_arrived(self) -> None:
        marker = f"marker {next(self._markers)}"
        self.program.send(subject=marker).has_state("sent")
        arrived = self.capture.take()
        assert arrived.message["subject"] == marker, f"something arrived:\n{arrived.event}\n{arrived.data[:2000]!r}"


@pytest.fixture(scope="module")
def round_trip(mode: str, module_processes: Processes, attachment_dirs: tuple[Path, Path]) -> RoundTrip:
    capture = module_processes.capture()
    places = os.pathsep.join(map(str, attachment_dirs))
    return RoundTrip(module_processes.program(one_server(capture, SMTP_ATTACHMENT_DIRS=places), mode=mode), capture)


@pytest.fixture(scope="module")
def attachment_dirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two directories that attachments may come from; tests put their files there."""
    root = tmp_path_factory.mktemp("attachments")
    dirs = (root / "first", root / "second")
    for folder in dirs:
        folder.mkdir()
    return dirs


def real(kind: type[RealServer]) -> Iterator[RealServer]:
    """A real mail server; where it cannot run the test is skipped, except in CI."""
    need(kind.why_not())
    server = kind()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postfix() -> Iterator[RealServer]:
    yield from real(Postfix)


@pytest.fixture(scope="session")
def exim() -> Iterator[RealServer]:
    yield from real(Exim)
