# Reload under load: 500 mails in flight while the servers change five times a second; none lost, none duplicated, none a mixture of old and new.
import itertools
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mail import same_text
from test_reload_tool import table, toml

COUNT, AT_ONCE, EVERY = 500, 32, 0.2


def settings(one: Any, two: Any) -> Iterator[list[dict] | str]:
    """An endless series of configurations. The domain of each identity encodes the server's name and port; none is used twice."""
    places = {"one": one, "two": two}

    def server(name: str, place: str, generation: int, **more: Any) -> dict:
        return table(places[place], name, from_email=f"{name.title()} <me@{name}.{place}.g{generation}.example>", ehlo_name=f"{name}.{place}.g{generation}.example") | more

    for generation in itertools.count():
        yield [server("first", "one", generation), server("second", "two", generation)]  # both changed
        yield [server("second", "two", generation)]  # one removed
        yield [server("third", "one", generation, priority=500), server("second", "two", generation)]  # one added, which goes first
        yield "[[server]\nnonsense"  # an invalid one is rejected
        yield [server("third", "two", generation, timeout=9), server("second", "one", generation)]  # the two are swapped
        yield [server("first", "two", generation), server("fourth", "one", generation, priority=1)]


class LoadClient:
    """A client that keeps so many calls in flight and reads every answer as it comes."""

    def __init__(self, pipe) -> None:
        self.pipe = pipe
        self._read = 0
        self.replies: dict[int, dict] = {}

    def turn(self, wait: float) -> None:
        """The answers since the last call; waits briefly for one."""
        until = time.monotonic() + wait
        while len(self.pipe.lines.entries) == self._read and time.monotonic() < until:
            assert not self.pipe.lines.ended, f"the program ended: {self.pipe.stderr()[-3000:]}"
            time.sleep(0.005)
        for line in self.pipe.lines.entries[self._read:]:
            self._read += 1
            message = json.loads(line)
            assert message["id"] not in self.replies, f"answered twice: {message}"
            self.replies[message["id"]] = message["result"]

    def run(self, change: Callable[[], int | None]) -> dict[int, int]:
        """Sends all mails while something changes; the number of each mail by the id of its call."""
        mails: dict[int, int] = {}
        others: set[int] = set()
        next_change, deadline = time.monotonic(), time.monotonic() + 60
        while len(mails) < COUNT or not (mails.keys() | others) <= self.replies.keys():
            assert time.monotonic() < deadline, f"{len(self.replies)} answers to {len(mails) + len(others)} calls"
            if len(mails) < COUNT and time.monotonic() >= next_change:
                others |= {change()} - {None}
                next_change += EVERY
            while len(mails) < COUNT and len(mails.keys() - self.replies.keys()) < AT_ONCE:
                number = len(mails)
                mails[self.pipe.start_call("send_email", to=f"reader{number}@example.org", subject=f"Subject {number}", body=f"Body {number}")] = number
            self.turn(0.02)
        return mails


def test_reload_under_load(processes, tmp_path: Path) -> None:
    one, two = processes.capture("--answer-after", "0.2"), processes.capture("--answer-after", "0.2")
    configurations, path = settings(one, two), tmp_path / "config.toml"

    def write(configuration: list[dict] | str) -> None:
        """Replaced in one step, as an editor does."""
        fresh = path.with_suffix(".new")
        if isinstance(configuration, str):
            fresh.write_text(configuration)
        else:
            toml(fresh, *configuration)
        fresh.replace(path)

    write(next(configurations))
    pipe = processes.pipe({"SMTP_POLICY": "open"}, "--config", str(path)).handshake()
    client = LoadClient(pipe)
    client.turn(0)
    client.replies.clear()
    ways = itertools.cycle([lambda: pipe.signal(signal.SIGHUP), lambda: pipe.start_call("reload_smtp_configuration")])
    changes = 0

    def change() -> int | None:
        nonlocal changes
        changes += 1
        write(next(configurations))
        return next(ways)()

    mails = client.run(change)
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()[-3000:]
    processes.stop_all()
    assert changes >= 10, f"only {changes} changes while the mails were under way: nothing was shown"
    none_lost_none_doubled(client, mails, {"one": one, "two": two})


def none_lost_none_doubled(client: LoadClient, mails: dict[int, int], places: dict[str, Any]) -> None:
    arrived = Counter(mail.message["subject"] for place in places.values() for mail in place.kept())
    assert arrived == Counter(f"Subject {number}" for number in range(COUNT)), "lost or doubled"
    answers = {f"Subject {number}": client.replies[call]["structuredContent"] for call, number in mails.items()}
    used = Counter()
    for place, capture in places.items():
        for mail in capture.kept():
            mail.is_clean()
            answer, number = answers[mail.message["subject"]], mail.message["subject"].split()[1]
            name, its_place, _, _ = mail.sender.partition("@")[2].split(".")
            used[name, its_place] += 1
            assert its_place == place, f"{mail.sender} went out by server {place}"
            assert mail.addresses("from") == [mail.sender] and mail.names("from") == [name.title()]
            assert mail.recipients == mail.addresses("to") == [f"reader{number}@example.org"]
            assert same_text(mail.text(), f"Body {number}")
            assert (answer["state"], answer["details"]["smtp_server"], answer["message_id"]) == ("sent", name, mail.message["message-id"])
    assert len(used) >= 4, f"too few servers were used to show anything: {used}"
