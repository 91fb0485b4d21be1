# Several processes on one outbox, killed and stopped at random, against a mail server of bad temper: `cargo xtask storm`.
from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from conftest import one_server
from pipe import Pipe
from programs import BINARY, own_environment
from random_sink import RandomSink

IN_FLIGHT = 12
LONGEST_STOP = 5.0

# A PID namespace of its own, as a container has: process ids mean nothing to the others.
NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child"]


class Told:
    """What callers were told, and what they asked for."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.accepted: set[tuple[str, str]] = set()
        self.rejected: set[tuple[str, str]] = set()
        self.unknown: list[str] = []
        self.retried: set[str] = set()
        self.withdrawn: set[tuple[str, str]] = set()
        self.waiting: list[str] = []
        self.by_key: dict[str, set[str]] = defaultdict(set)

    def add(self, answer: dict[str, Any], key: str | None) -> None:
        if email := answer.get("email"):
            self.withdrawn |= {(email["id"], one["address"]) for one in email["recipients"] if one["status"] == "withdrawn"}
        if "id" not in answer:
            return
        number = answer["id"]
        self.taken.add(number)
        self.accepted |= {(number, address) for address in answer.get("accepted", [])}
        self.rejected |= {(number, one["address"]) for one in answer.get("rejected", [])}
        if answer["state"] == "queued":
            self.waiting.append(number)
        if answer["state"] == "unknown":
            self.unknown.append(number)
        if key:
            self.by_key[key].add(number)


class Client:
    """A client that calls its own process without end, and starts it again when it was killed."""

    def __init__(self, home: Path, variables: dict[str, Any], number: int, namespace: bool, dice: random.Random, told: Told) -> None:
        self.home, self.variables, self.number, self.dice, self.told = home, variables, number, dice, told
        self.prefix = NAMESPACE if namespace else []
        self.over = threading.Event()
        self.pipe: Pipe | None = None
        self.starts = 0
        self.calls = 0
        # Mails that were taken from it while it was alive.
        self.taken_away = 0
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self.over.is_set():
                self._one_life()
        except BaseException as error:
            self.problem = error
            raise

    def _one_life(self) -> None:
        self.starts += 1
        pipe = Pipe(self.home / f"client{self.number}", self.variables, [], prefix=self.prefix)
        self.pipe = pipe
        if self.dice.random() < 0.3:
            # In the middle of its start.
            threading.Thread(target=self.stop_for, args=(self.dice.uniform(0, 0.1), self.dice.uniform(0.3, 3)), daemon=True).start()
        keys: dict[int, str | None] = {}
        seen = 0
        try:
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "storm", "version": "1"}}
            pipe.start("initialize", hello)
            pipe.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
            while not self.over.is_set() and not pipe.lines.ended:
                seen = self._read(pipe, seen, keys)
                if len(keys) < IN_FLIGHT:
                    key, number = self._call(pipe)
                    keys[number] = key
                    self.calls += 1
                time.sleep(self.dice.uniform(0.005, 0.06))
            if self.over.is_set():
                pipe.close_stdin()
                pipe.child.wait(60)
        except BrokenPipeError:
            pass
        pipe.close()
        self._read(pipe, seen, keys)
        self.taken_away += pipe.stderr().count("the claim of a message was lost")

    def _call(self, pipe: Pipe) -> tuple[str | None, int]:
        chance = self.dice.random()
        if chance < 0.05 and self.told.unknown:
            number = self.dice.choice(self.told.unknown)
            self.told.retried.add(number)
            return None, pipe.start_call("retry_email", id=number)
        if chance < 0.12 and self.told.waiting:
            # One of the last ones, as likely as not in the moment in which it is claimed.
            return None, pipe.start_call("cancel_email", id=self.dice.choice(self.told.waiting[-20:]))
        wait = self.dice.choice((0, 1, 10))
        if chance < 0.3:
            # The same call with the same key, at about the same time from several clients.
            key = f"k{int(time.time() * 4)}"
            return key, pipe.start_call("send_email", to="key@example.org", subject=key, body="b", idempotency_key=key, wait_seconds=wait)
        to = [f"r{number}@example.org" for number in range(self.dice.choice((1, 1, 1, 2, 3)))]
        later = {"undo_seconds": round(self.dice.uniform(0.1, 3), 2)} if self.dice.random() < 0.2 else {}
        return None, pipe.start_call("send_email", to=to, subject=f"{self.number}.{self.calls}", body="b", wait_seconds=wait, **later)

    def _read(self, pipe: Pipe, seen: int, keys: dict[int, str | None]) -> int:
        lines = pipe.lines.entries
        for line in lines[seen:]:
            reply = json.loads(line)
            if (number := reply.get("id")) in keys:
                key = keys.pop(number)
                assert "result" in reply, reply
                self.told.add(reply["result"].get("structuredContent") or {}, key)
            seen += 1
        return seen

    def stop_for(self, delay: float, seconds: float) -> None:
        time.sleep(delay)
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """To the program itself, whatever PID namespace it is in."""
        if self.pipe is None or self.pipe.child.poll() is not None:
            return
        pid = self.pipe.child.pid
        try:
            if self.prefix:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                if not children:
                    return
                pid = int(children[0])
            os.kill(pid, number)
        except (FileNotFoundError, ProcessLookupError):
            pass


def outbox(home: Path, variables: dict[str, Any], *arguments: str) -> str:
    command = [str(BINARY), "outbox", *arguments]
    ended = subprocess.run(command, env=own_environment(home, variables), capture_output=True, text=True, timeout=120)
    return ended.stdout + ended.stderr


def drain_often(home: Path, variables: dict[str, Any], dice: random.Random, over: threading.Event) -> None:
    """Makes everything due at once, so that all processes want it at the same time; and is killed, too."""
    while not over.wait(0.5):
        child = subprocess.Popen(
            [str(BINARY), "outbox", "drain", "--timeout", "1"], env=own_environment(home, variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 1))
            child.kill()
        child.wait()


def storm(home: Path, seconds: float, processes: int, seed: int) -> list[str]:
    """Runs for so long; what went wrong."""
    dice = random.Random(seed)
    sink = RandomSink(seed)
    variables = one_server(sink, SMTP_POLICY="open", SMTP_MAX_CONNECTIONS=2, SMTP_MCP_OUTBOX=f"sqlite:{home}/outbox/outbox.db", LOG_LEVEL="warning")
    may_unshare = shutil.which("unshare") is not None and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    told = Told()
    clients = [
        Client(home, variables, number, may_unshare and number % 2 == 1, random.Random(dice.random()), told) for number in range(processes)
    ]
    over = threading.Event()
    drainer = threading.Thread(target=drain_often, args=(home, variables, random.Random(dice.random()), over))
    for client in clients:
        client.thread.start()
    drainer.start()
    kills = stops = 0
    waking: list[threading.Thread] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(dice.uniform(0.1, 0.6))
        client = dice.choice(clients)
        if dice.random() < 0.5:
            stops += 1
            waking.append(threading.Thread(target=client.stop_for, args=(0, dice.uniform(0.3, LONGEST_STOP))))
            waking[-1].start()
        else:
            client.signal(signal.SIGKILL)
            kills += 1
    over.set()
    for wake in waking:
        wake.join()
    for client in clients:
        client.signal(signal.SIGCONT)
        client.over.set()
    for thread in [drainer, *(client.thread for client in clients)]:
        thread.join()
    for _ in range(60):
        if "; left: 0\n" in outbox(home, variables, "drain", "--timeout", "3"):
            break
    sink.stop()
    check = outbox(home, variables, "check")
    emails = {email["id"]: email for email in json.loads(outbox(home, variables, "list", "--json", "--limit", "10000000"))}

    copies = Counter(sink.accepted)
    status = {(email["id"], one["address"]): one["status"] for email in emails.values() for one in email["recipients"]}
    doubled = [one for one, count in copies.items() if count > 1 and one[0] not in told.retried]
    # They bind no key.
    refused = {email["id"] for email in emails.values() if email["state"] in ("refused", "cancelled")}
    checks: dict[str, list] = {
        "lost": list(told.taken - set(emails)),
        "doubled": doubled,
        "sent without delivery": [one for one, word in status.items() if word == "accepted" and one not in copies],
        "told as sent without delivery": [one for one in told.accepted if one not in copies],
        "delivered, and called otherwise": [one for one in copies if status.get(one) not in ("accepted", "unknown")],
        "delivered, and told as refused": [one for one in told.rejected if one in copies and one[0] not in told.retried],
        "delivered, and told as withdrawn": [one for one in told.withdrawn if one in copies],
        "one key for several mails": [key for key, ids in told.by_key.items() if len(ids - refused) > 1 and not ids & told.retried],
        "taken from a living process": [client.number for client in clients for _ in range(client.taken_away)],
        "not sent in the end": [email["id"] for email in emails.values() if email["state"] in ("queued", "sending", "held")],
        "a client that failed": [repr(client.problem) for client in clients if client.problem],
        f"not sound: {check}": [] if ": sound;" in check else [check],
        "too little happened": [] if kills >= seconds / 4 and stops >= seconds / 4 and len(emails) > seconds * 5 else [kills, stops, len(emails)],
    }
    namespaces = "every second one in a PID namespace of its own" if may_unshare else "no PID namespaces: not permitted here"
    print(
        f"{seconds:.0f} s, seed {seed}: {processes} processes ({namespaces}), {kills} kills, {stops} stops, "
        f"{sum(client.starts for client in clients)} starts; {len(emails)} mails, {len(told.taken)} of them told, {len(told.by_key)} keys, "
        f"{len(told.retried)} retried, {len(told.withdrawn)} recipients told as withdrawn; recipients {dict(Counter(status.values()))}, {sum(copies.values())} copies; "
        + ", ".join(f"{len(found)} {what}" for what, found in checks.items() if not what.startswith(("not sound", "too little", "a client")))
    )
    return [f"{len(found)} {what}: {found[:5]}" for what, found in checks.items() if found]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    with tempfile.TemporaryDirectory() as folder:
        problems = storm(Path(folder), arguments.seconds, arguments.processes, seed)
    for problem in problems:
        print(f"storm: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
