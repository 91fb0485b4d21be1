# Bounded, whoever misbehaves: time, memory and the truth, with servers that never end, a client that never reads, and the largest request.
import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import one_server, several_servers
from failures import A, ENVELOPE, LARGE, UP_TO_THE_END
from processes import Answer, Pipe
from scripted import HELLO

MIB = 1 << 20
# The most memory that the process may ever have held, in MiB.
AT_REST, WITH_LARGE_MAIL, WITH_LARGE_REQUEST, WITH_A_DEAF_CLIENT = 48, 128, 256, 96
LIMIT = 72 * MIB  # the longest request, in bytes, without its line end
ANSWERED = 50.0  # seconds


def peak(pipe: Pipe) -> float:
    """The most memory that the process ever held (proc(5): VmHWM), in MiB."""
    status = Path(f"/proc/{pipe.child.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def send(pipe: Pipe, **arguments: Any) -> int:
    return pipe.start_call("send_email", **{"to": A, "subject": "s", "body": "b"} | arguments)


# -- servers that never end: the conversation, the state, words, the most memory

TAKEN = "S: 250 taken"
ENDLESS = {
    "an endless line as the greeting": ("flood 220-x", "refused", ("greeting", "not SMTP"), AT_REST),
    "an endless greeting": ("endless 220-hello", "refused", ("greeting", "not SMTP"), AT_REST),
    "an endless EHLO": ("S: 220 hello\nC: EHLO\nendless 250-X-MORE", "refused", ("EHLO", "not SMTP"), AT_REST),
    "an endless line in EHLO": ("S: 220 hello\nC: EHLO\nS: 250-hello\nflood 250-x", "refused", ("EHLO", "not SMTP"), AT_REST),
    "an endless reply to RCPT": (HELLO + "C: MAIL\nS: 250 ok\nC: RCPT\nendless 250-more", "refused", ("RCPT TO", "not SMTP"), AT_REST),
    "an endless reply at the end": (UP_TO_THE_END + "keep\nendless 250-more", "unknown", ("end of data", "not SMTP"), AT_REST),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_server_that_never_ends(stable, name: str) -> None:
    script, state, words, memory = ENDLESS[name]
    pipe = stable.pipe(one_server(stable.scripted(script))).handshake()
    pipe.answer(send(pipe)).ends(state).says(*words)
    assert peak(pipe) < memory, f"{peak(pipe):.0f} MiB"


# Servers that are late are waited for at the same time, each for the contract's time limit: the conversation, the state, words, what else the call has
LATE = {
    "a byte a second as the greeting": ("drip 1 220 " + "x" * 300, "refused", ("greeting", "no answer within 30 s", "nothing is kept"), {}),
    "a byte a second to EHLO": ("S: 220 hello\nC: EHLO\ndrip 1 250 " + "x" * 300, "refused", ("EHLO", "no answer within 30 s"), {}),
    "a byte a second to RCPT": (HELLO + "C: MAIL\nS: 250 ok\nC: RCPT\ndrip 1 250 " + "x" * 300, "refused", ("RCPT TO", "no answer within 30 s"), {}),
    "a byte a second at the end": (UP_TO_THE_END + "keep\ndrip 1 250 " + "x" * 300, "unknown", ("still waiting", "Do not send it again"), {}),
    "a line a second at the end": (UP_TO_THE_END + "keep\n" + "S: 250-wait\nwait 1\n" * 60, "unknown", ("still waiting",), {}),
    "silence at the end": (UP_TO_THE_END + "keep\nstall", "unknown", ("still waiting", "Do not send it again"), {}),
    "silence in the content": (ENVELOPE + "S: 354 go on\nstall", "refused", ("nothing is kept",), LARGE),
}


SECOND_TAKES_OVER = "silence in the content, and another server"


@pytest.fixture(scope="module")
def late(module_stable) -> dict[str, tuple[Pipe, Any, Any, Answer]]:
    """All of them at once: the program, its servers, and its answer, which came in time."""
    under_way = {}
    for name, (script, _, _, more) in LATE.items():
        server = module_stable.scripted(script)
        under_way[name] = (module_stable.pipe(one_server(server, SMTP_TIMEOUT=30)).handshake(), server, None, more)
    first, second = module_stable.scripted(LATE["silence in the content"][0]), module_stable.capture()
    under_way[SECOND_TAKES_OVER] = (module_stable.pipe(several_servers(first, second, SMTP_TIMEOUT_1=5)).handshake(), first, second, LARGE)
    began = time.monotonic()
    calls = {name: send(pipe, **more) for name, (pipe, _, _, more) in under_way.items()}
    return {
        name: (pipe, server, second, pipe.answer(calls[name], ANSWERED - (time.monotonic() - began)))
        for name, (pipe, server, second, _) in under_way.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE)
def test_a_server_that_takes_its_time(late, name: str) -> None:
    """The rows of docs/failures.md that wait for the end of the call are here."""
    _, state, words, more = LATE[name]
    pipe, server, _, answer = late[name]
    answer.ends(state).says(*words)
    told = answer.data["unknown"] if state == "unknown" else answer.rejected
    assert told == [A], answer
    memory = peak(pipe)
    assert memory < (WITH_LARGE_MAIL if more else AT_REST), f"{memory:.0f} MiB"
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()[-2000:]
    assert len(server.conversations) <= 2, "connected again and again"
    assert [mail.recipients for mail in server.kept()] == ([[A]] if state == "unknown" else [])


@pytest.mark.slow
def test_a_server_that_stalls_in_the_content_is_hurt_and_another_takes_over(late) -> None:
    """The row "Content: the connection ends or stalls before the last byte was handed over", where there is a second server."""
    pipe, _, second, answer = late[SECOND_TAKES_OVER]
    servers = pipe.call("get_smtp_status").data["server_status"]["servers"]
    answer.ends("sent")
    assert second.take().recipients == [A]
    # Its back-off may be over by now, because all these calls are waited for together.
    assert servers[0]["last_failure"] is not None and servers[1]["last_failure"] is None, servers


# -- a client that never reads

class Deaf(Pipe):
    """A client that reads nothing before it is told to."""

    def __init__(self, *arguments: Any) -> None:
        self.listen = threading.Event()
        super().__init__(*arguments)

    def _read(self) -> None:
        self.listen.wait()
        super()._read()

    def close(self) -> None:
        self.listen.set()
        super().close()


COUNT = 2000


def hello() -> bytes:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "outside", "version": "1"}}
    first = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}
    return json.dumps(first).encode() + b'\n{"jsonrpc":"2.0","method":"notifications/initialized"}'


@pytest.fixture
def deaf(stable, tmp_path: Path) -> Any:
    capture = stable.capture()
    pipe = Deaf(tmp_path / "deaf", one_server(capture), [])
    stable.also(pipe.close)
    return pipe, capture


def test_a_client_that_never_reads_its_answers(stable, deaf) -> None:
    pipe, capture = deaf
    pipe.write(hello())
    writing = threading.Thread(target=lambda: [send(pipe, subject=f"Subject {number}", body="b" * 500) for number in range(COUNT)], daemon=True)
    writing.start()
    settled(capture, writing)
    memory = peak(pipe)
    pipe.listen.set()
    writing.join(60)
    assert not writing.is_alive(), "the program does not take what the client says although it reads again"
    replies = pipe.lines.wait(lambda entries: len(entries) == COUNT + 1 and entries, f"{COUNT} answers", 60)
    told = Counter()
    for reply in map(json.loads, replies):
        if reply["id"] != "hello":
            told[reply["id"]] += 1
            result = reply["result"]
            Answer(bool(result.get("isError")), result["content"][0]["text"], result["structuredContent"]).ends("sent")
    assert told == Counter(range(1, COUNT + 1)), "an answer is missing, or came twice"
    assert memory < WITH_A_DEAF_CLIENT and peak(pipe) < WITH_A_DEAF_CLIENT, f"{memory:.0f} MiB, then {peak(pipe):.0f} MiB"
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0
    stable.settle()
    arrived = Counter(event["file"] and Path(event["file"]).read_text().split("Subject: ")[1].split("\r\n")[0].split("\n")[0] for event in capture.events("mail"))
    assert arrived == Counter(f"Subject {number}" for number in range(COUNT))


def settled(capture: Any, writing: threading.Thread) -> None:
    """Until all calls are written and all mails are out, or nothing has moved for two seconds."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        found = len(capture.journal.entries)
        if found != seen:
            seen, since = found, time.monotonic()
        if not writing.is_alive() and len(capture.events("mail")) == COUNT:
            return
        time.sleep(0.05)


# -- the largest request

def request(number: int, size: int) -> bytes:
    """A call of exactly so many bytes."""
    call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "send_email", "arguments": {"to": A, "subject": "s", "body": "@"}}}
    head, _, tail = json.dumps(call).encode().rpartition(b"@")  # the only other one is in the address
    return head + b"x" * (size - len(head) - len(tail)) + tail


def test_a_request_of_72_mib_and_one_byte_more(stable) -> None:
    capture = stable.capture()
    pipe = stable.pipe(one_server(capture)).handshake()
    pipe.write(request(7001, LIMIT))
    pipe.answer(7001, ANSWERED).ends("refused").says(f"body: larger than {10 * MIB} bytes")
    before = len(pipe.lines.entries)
    pipe.write(request(7002, LIMIT + 1))
    (line,) = pipe.lines.wait(lambda entries: entries[before:], "an error", ANSWERED)
    reply = json.loads(line)
    assert "error" in reply and "72" in reply["error"]["message"], reply
    pipe.call("send_email", to=A, subject="after", body="b").ends("sent")
    assert peak(pipe) < WITH_LARGE_REQUEST, f"{peak(pipe):.0f} MiB"
    stable.settle()
    assert [mail.message["subject"] for mail in capture.kept()] == ["after"]
