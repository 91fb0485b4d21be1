# Attacks on quotas and on the pause: they hold across processes, restarts and kills, and no tool lifts them.
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from attacks import attack
from conftest import MODES, one_server
from pipe import run

pytestmark = pytest.mark.skipif("OUTBOX" in os.environ, reason="processes share no memory")


class Shared:
    """Programs on one outbox."""

    def __init__(self, processes: Any, folder: Path, **rules: Any) -> None:
        self.processes, self.capture, self.rules = processes, processes.capture(), rules
        self.home, self.outbox = folder / "person", f"sqlite:{folder}/shared/outbox.db"

    def settings(self, **more: Any) -> dict[str, Any]:
        return one_server(self.capture, SMTP_MCP_OUTBOX=self.outbox, **(self.rules | more))

    def program(self, mode: str = MODES[0], **more: Any) -> Any:
        return self.processes.program(self.settings(**more), mode=mode)

    def person(self, *arguments: str, **more: Any) -> Any:
        return run(self.home, self.settings(**more), *arguments)

    def arrived(self) -> int:
        self.processes.stop_all()
        return len(self.capture.events("mail"))


def is_over(answer: Any, limit: int, window: str = "hour") -> None:
    article, variable = ("an", "SMTP_MAX_PER_HOUR") if window == "hour" else ("a", "SMTP_MAX_PER_DAY")
    answer.has_state("refused").mentions(f"the limit of {limit} mails {article} {window} is reached ({variable})")
    assert re.search(r"the next one can be sent at \d{4}-\d\d-\d\dT", answer.text), answer


@pytest.mark.parametrize("mode", MODES)
@attack("one mail more than the limit", "refused, with the time when the next one can be sent", "`SMTP_MAX_PER_HOUR`")
def test_the_mail_after_the_last_one_is_refused_with_the_time(processes: Any, tmp_path: Path, mode: str) -> None:
    shared = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=2)
    program = shared.program(mode)
    for number in range(2):
        program.send(subject=f"{number}").has_state("sent")
    is_over(program.send(subject="2"), 2)
    quota = program.call("get_smtp_status").data["quota"]
    assert quota == {"used_in_hour": 2, "limit_per_hour": 2, "used_in_day": 2, "limit_per_day": 2000}
    preview = program.call("preview_email", email={"to": "a@example.org", "subject": "s", "body": "b"}).mentions("the quota is used up")
    assert preview.data["quota"] == quota and preview.data["decision"] == "allow"
    assert shared.arrived() == 2


@attack("four programs send six mails each at the same moment, with a limit of seven", "seven are sent, 17 refused", "the count and the mail are one transaction")
def test_four_processes_together_take_no_more(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=7)
    programs = [shared.program(MODES[number % 4]) for number in range(4)]
    calls = [[{"to": "ada@example.org", "subject": f"{number}.{call}", "body": "b"} for call in range(6)] for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = [answer for each in pool.map(lambda pair: pair[0].call_all("send_email", pair[1]), zip(programs, calls)) for answer in each]
    states = [answer.data["state"] for answer in answers]
    assert (states.count("sent"), states.count("refused")) == (7, 17), states
    assert shared.arrived() == 7


@attack("the program is restarted or killed after each mail", "the limit holds", "the count is in the outbox")
@attack("the same over HTTP, and on the command line", "the limit holds", "the count is in the outbox")
def test_restarts_and_kills_do_not_reset_it(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=3)
    for number in range(3):
        pipe = processes.pipe(shared.settings()).handshake()
        pipe.call("send_email", to="ada@example.org", subject=f"{number}", body="b").has_state("sent")
        if number % 2:
            pipe.signal(signal.SIGKILL)
        else:
            pipe.close_stdin()
        pipe.exit_status(9)
    is_over(shared.program().send(subject="3"), 3)
    is_over(shared.program("auto over http").send(subject="4"), 3)
    assert shared.person("send", "--to", "ada@example.org", "--subject", "5", "--body", "b").returncode == 1
    assert shared.arrived() == 3


@attack("no limit for the hour, one mail a day", "the second is refused", "`SMTP_MAX_PER_DAY`")
def test_the_day_counts_where_the_hour_does_not(processes: Any, tmp_path: Path) -> None:
    program = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=0, SMTP_MAX_PER_DAY=1).program()
    program.send().has_state("sent")
    is_over(program.send(subject="Other"), 1, "day")


@attack("another account on the same outbox", "the limit holds", "the count is that of the outbox")
def test_another_server_or_account_is_the_same_quota(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=1)
    shared.program().send().has_state("sent")
    other = processes.capture()
    program = processes.program(one_server(other, SMTP_MCP_OUTBOX=shared.outbox, SMTP_MAX_PER_HOUR=1))
    is_over(program.send(subject="Other"), 1)
    assert shared.arrived() == 1 and other.events("mail") == []


@attack("`retry_email` again and again", "refused beyond the limit", "retries count")
def test_a_retry_counts(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=2)
    shared.capture = processes.capture("--refuse", "ada@*")
    program = shared.program()
    refused = program.send().has_state("refused")
    program.call("retry_email", id=refused.data["id"]).has_state("refused")
    assert "the limit of 2 mails an hour is reached" in program.refuses("retry_email", id=refused.data["id"])
    assert len(shared.capture.events("refused")) == 2


@attack("a flood of mails that are held", "refused beyond the limit", "held mails count")
def test_what_is_held_counts_and_what_is_repeated_does_not(processes: Any, tmp_path: Path) -> None:
    program = Shared(processes, tmp_path, SMTP_MAX_PER_HOUR=2, SMTP_APPROVAL="always").program()
    first = program.send(idempotency_key="k")
    assert first.data["state"] == "held"
    for _ in range(3):
        assert program.send(idempotency_key="k").data["id"] == first.data["id"]
    assert program.send(subject="Second").data["state"] == "held"
    is_over(program.send(subject="Third"), 2)
    assert program.send(idempotency_key="k").data["id"] == first.data["id"]


def test_open_has_no_quota_and_zero_is_none(processes: Any, tmp_path: Path) -> None:
    for number, rules in enumerate(({"SMTP_POLICY": "open"}, {"SMTP_MAX_PER_HOUR": 0, "SMTP_MAX_PER_DAY": 0})):
        program = Shared(processes, tmp_path / f"{number}", **rules).program()
        program.send().has_state("sent")
        quota = program.call("get_smtp_status").mentions("1, without a limit, in the last hour").data["quota"]
        assert (quota["limit_per_hour"], quota["limit_per_day"]) == (None, None)


# -- the pause


@attack("paused: `send_email` over stdio and HTTP", "queued, not sent", "no claim while it is paused")
@attack("paused: every tool that changes something, and `retry_email`", "nothing is sent", "no tool lifts the pause")
@attack("paused: `outbox drain`", "nothing is sent", "no claim while it is paused")
@attack("paused: another program with `SMTP_POLICY=open`", "nothing is sent", "the pause is in the outbox")
def test_nothing_is_sent_while_it_is_paused_whatever_is_called(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path)
    program, http = shared.program(), shared.program("legacy over http")
    paused = shared.person("pause")
    assert paused.returncode == 0 and "nothing is sent until `resume`" in paused.stdout, paused
    queued = program.send().has_state("queued").mentions("sending is paused by the user")
    http.send(subject="Over HTTP").has_state("queued").mentions("sending is paused by the user")
    for tool in ("reconnect_smtp_servers", "reload_smtp_configuration", "switch_smtp_server", "test_smtp_connection"):
        program.call(tool)
    assert "nothing to retry" in program.refuses("retry_email", id=queued.data["id"])
    status = program.call("get_smtp_status").mentions("sending is paused by the user")
    assert status.data["paused_since"] and status.data["outbox"]["queued"] == 2
    assert "2" in shared.person("outbox", "drain", "--timeout", "1").stdout
    shared.program(SMTP_POLICY="open").call("get_smtp_status").mentions("sending is paused by the user")
    assert "paused since" in shared.person("outbox", "check").stdout
    assert "paused since" in shared.person("pause").stdout
    assert shared.capture.events("mail") == []
    assert "resumed; mails waiting: 2" in shared.person("resume").stdout
    assert len(shared.capture.wait("mail", 2)) == 2
    assert "it was not paused" in shared.person("resume").stdout


@attack("paused before anything ran, then `send` and a new program", "nothing is sent", "the pause is in the outbox")
def test_a_pause_outlives_the_programs_and_comes_before_the_first_mail(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path)
    assert shared.person("pause").returncode == 0
    assert shared.person("send", "--to", "ada@example.org", "--subject", "s", "--body", "b", "--json").returncode == 5
    program = shared.program()
    program.send(subject="Other").has_state("queued")
    assert shared.arrived() == 0
    memory = run(tmp_path / "memory", one_server(shared.capture, SMTP_MCP_OUTBOX="memory"), "pause")
    assert memory.returncode == 1 and "SMTP_MCP_OUTBOX is memory" in memory.stderr, memory


def test_what_the_rules_say_is_explained_without_sending(processes: Any, tmp_path: Path) -> None:
    shared = Shared(processes, tmp_path, SMTP_ALLOWED_RECIPIENTS="*@example.org", SMTP_DENIED_RECIPIENTS="eve@example.org")
    explained = shared.person("policy", "explain", "--to", "Ada <ada@example.org>, eve@example.org", "--to", "bob@example.net")
    assert explained.returncode == 1, explained
    for line in (
        "ada@example.org: allow by SMTP_ALLOWED_RECIPIENTS: may be written to: SMTP_ALLOWED_RECIPIENTS has *@example.org",
        "eve@example.org: deny by SMTP_DENIED_RECIPIENTS: may not be written to: SMTP_DENIED_RECIPIENTS has eve@example.org",
        "bob@example.net: deny by SMTP_ALLOWED_RECIPIENTS: may not be written to: not in SMTP_ALLOWED_RECIPIENTS",
        "a mail to them is refused; mails taken: 0 of 500 in the last hour, 0 of 2000 in the last day; SMTP_MODE is live",
    ):
        assert line in explained.stdout.splitlines(), explained.stdout
    asked = shared.person("policy", "explain", "--to", "ada@example.org", "--json", SMTP_APPROVAL="always")
    assert asked.returncode == 5 and json.loads(asked.stdout)["decision"] == "ask", asked
    assert shared.person("policy", "explain", "--to", "ada@example.org").returncode == 0
    wrong = shared.person("policy", "explain", "--to", "nobody")
    assert wrong.returncode == 1 and "--to: " in wrong.stderr, wrong
