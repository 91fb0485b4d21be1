# Attacks on approval: a held mail is sent once, as it was shown, because a person said so, or not at all.
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from attacks import attack
from conftest import one_server
from pipe import run
from programs import BINARY, Answer, own_environment

pytestmark = pytest.mark.skipif("OUTBOX" in os.environ, reason="nobody can approve what is in memory")

ALWAYS = {"SMTP_APPROVAL": "always"}
ERAS = ("auto", "legacy")


class Desk:
    """One outbox, a server that keeps what arrives, and the command line of the person who decides."""

    def __init__(self, processes: Any, folder: Path) -> None:
        self.processes, self.path = processes, folder / "shared" / "outbox.db"
        self.capture, self.home = processes.capture(), folder / "person"
        self.mode = "auto"

    def settings(self, **more: Any) -> dict[str, Any]:
        return one_server(self.capture, SMTP_MCP_OUTBOX=f"sqlite:{self.path}", **more)

    def program(self, **more: Any) -> Any:
        return self.processes.program(self.settings(**more), mode=self.mode)

    def person(self, *arguments: str, **more: Any) -> Any:
        return run(self.home, self.settings(**more), *arguments)

    def approve(self, answer: Answer | str) -> Any:
        return self.person("outbox", "approve", answer if isinstance(answer, str) else answer.data["id"], "--yes")

    def state(self, answer: Answer) -> str:
        shown = self.person("outbox", "show", answer.data["id"], "--json")
        assert shown.returncode == 0, shown
        return json.loads(shown.stdout)["email"]["state"]

    def comes_to(self, answer: Answer, *states: str) -> str:
        """Waits until the mail is in one of these states."""
        until = time.monotonic() + 15
        while (state := self.state(answer)) not in states:
            assert time.monotonic() < until, f"{state}, not {states}"
            time.sleep(0.1)
        return state

    def change(self, sql: str, *values: Any) -> None:
        """Changes the outbox behind the program's back."""
        with sqlite3.connect(self.path, timeout=10) as db:
            assert db.execute(sql, values).rowcount > 0, sql
        db.close()

    def nothing_arrives(self) -> None:
        """Stops everything, so that what arrived is final."""
        self.processes.stop_all()
        assert self.capture.events("mail") == []


@pytest.fixture
def desk(processes: Any, tmp_path: Path) -> Desk:
    return Desk(processes, tmp_path)


@pytest.fixture(params=ERAS)
def in_both_eras(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Desk]:
    desk.mode = request.param
    yield desk


def is_held(answer: Answer) -> Answer:
    assert (answer.data["state"], answer.data["success"], answer.is_error) == ("held", True, False), answer
    assert answer.text.startswith("Not sent yet to "), answer
    return answer


@attack("the mail is approved twice", "one copy is sent; the second approval is refused", "an approval is for a mail that is held")
def test_a_held_mail_is_sent_once_when_a_person_approves_it(in_both_eras: Desk) -> None:
    desk = in_both_eras
    program = desk.program(**ALWAYS)
    held = is_held(program.send(cc="bob@example.org", bcc="eve@example.net"))
    held.mentions("SMTP_APPROVAL is always", f"smtp-mcp-server outbox approve {held.data['id']}", "do not send it again")
    assert desk.capture.events("mail") == []
    approved = desk.approve(held)
    assert approved.returncode == 0 and "approved; it is being sent" in approved.stdout, approved
    mail = desk.capture.take()
    assert mail.recipients == ["ada@example.org", "bob@example.org", "eve@example.net"]
    again = desk.approve(held)
    assert again.returncode == 1 and "does not wait for approval" in again.stderr, again
    assert desk.comes_to(held, "sent") == "sent"
    desk.processes.stop_all()
    assert len(desk.capture.events("mail")) == 1


@attack("a mail of 50 kB, with a hidden recipient, a text direction override and an attachment", "the person sees all of it, `Bcc` marked, the override spelled out", "`outbox approve` shows the whole mail")
@attack("approval without a terminal and without `--yes`", "it is refused, and the mail stays held", "nobody was asked")
def test_the_person_sees_all_of_it(desk: Desk) -> None:
    body = "Hello\u202e there\n" + "x" * 50_000 + "\nthe end"
    held = is_held(desk.program(**ALWAYS).send(
        to="Ada <ada@example.org>", cc="bob@example.org", bcc="eve@evil.example", subject="The subject", body=body, reply_to="other@evil.example",
        attachments=[{"filename": "secret.txt", "content": "c2VjcmV0"}],
    ))
    shown = desk.person("outbox", "approve", held.data["id"])
    assert shown.returncode == 1 and "standard input is not a terminal" in shown.stderr, shown
    for words in (
        "Sender: grace@sender.example", "  ada@example.org\n", "  bob@example.org\n", "  eve@evil.example  (Bcc: hidden from the others)", "Subject: The subject", "may be written to only with approval: SMTP_APPROVAL is always",
        "Reply-To: other@evil.example", "secret.txt", "6 bytes", hashlib.sha256(b"secret").hexdigest(), "Hello\\u{202e} there", "x" * 50_000, "the end", held.data["digest"],
    ):
        assert words in shown.stdout, f"{words[:80]} is not in {shown.stdout[:2000]}"
    desk.nothing_arrives()


@attack("the same call again", "refused, with the id of the held mail", "possible duplicates")
@pytest.mark.parametrize(("answers", "is_sent"), [("n\n", False), ("\n", False), ("yes please\n", False), ("y\n", True), ("YES\n", True)], ids=repr)
def test_at_a_terminal_the_person_is_asked(desk: Desk, answers: str, is_sent: bool) -> None:
    held = is_held(desk.program(**ALWAYS).send())
    master, slave = os.openpty()
    os.write(master, answers.encode())
    asked = subprocess.run(
        [str(BINARY), "outbox", "approve", held.data["id"]], stdin=slave, capture_output=True, text=True, timeout=30, env=own_environment(desk.home, desk.settings()), check=False,
    )
    os.close(slave)
    os.close(master)
    assert "Send it? [y/N]" in asked.stdout and asked.returncode == (0 if is_sent else 1), asked
    if is_sent:
        assert desk.capture.take().recipients == ["ada@example.org"]
    else:
        assert "not approved; it is still held" in asked.stdout and desk.state(held) == "held"
        desk.nothing_arrives()


def repeated(desk: Desk, program: Any, held: Answer) -> None:
    program.send(allow_duplicate=False).has_state("refused").mentions(held.data["id"])


@attack("the same call with the same `idempotency_key`", "the same held mail", "idempotency keys")
def with_the_same_key(desk: Desk, program: Any, held: Answer) -> None:
    first = is_held(program.send(idempotency_key="k", subject="Keyed"))
    assert is_held(program.send(idempotency_key="k", subject="Keyed")).data["id"] == first.data["id"]


@attack("the same call with `allow_duplicate`", "another mail, held as well", "the verdict on each mail")
def allowed_twice(desk: Desk, program: Any, held: Answer) -> None:
    assert is_held(program.send()).data["id"] != held.data["id"]


@attack("`retry_email` with its id", "refused", "only unknown, refused and partial mails can be retried")
def by_retry(desk: Desk, program: Any, held: Answer) -> None:
    program_text = program.refuses("retry_email", id=held.data["id"])
    assert "held until a person approves it" in program_text


@attack("every tool that changes something is called", "it stays held", "no tool releases mails")
def by_other_tools(desk: Desk, program: Any, held: Answer) -> None:
    for tool in ("reconnect_smtp_servers", "reload_smtp_configuration", "switch_smtp_server", "get_email"):
        program.client and program.call(tool, **({"id": held.data["id"]} if tool == "get_email" else {}))


@attack("`approve_email`, `outbox_approve`, `approve`, `resume`, `adopt` are called as tools", "unknown tool", "there is no such tool")
def by_a_tool_that_does_not_exist(desk: Desk, program: Any, held: Answer) -> None:
    assert not [tool.name for tool in program.tools() if "approv" in tool.name or tool.name in ("resume", "pause")]
    for tool in ("approve_email", "outbox_approve", "approve", "resume", "adopt"):
        assert "unknown tool" in program.refuses(tool, id=held.data["id"])


@attack("`approved`, `approval`, `mode`, `hold` as arguments of `send_email`", "refused", "unknown arguments are refused")
def by_an_argument(desk: Desk, program: Any, held: Answer) -> None:
    for argument in ({"approved": True}, {"approval": "never"}, {"mode": "live"}, {"hold": False}):
        assert "unknown argument" in program.refuses("send_email", to="ada@example.org", subject="s", body="b", **argument)


@attack("`outbox drain`", "it stays held", "only queued mails are drained")
def by_drain(desk: Desk, program: Any, held: Answer) -> None:
    assert "held for approval: 1" in desk.person("outbox", "drain", "--timeout", "1", **ALWAYS).stdout


@attack("`outbox adopt`", "it stays held", "what waits for approval is not adopted")
def by_adopt(desk: Desk, program: Any, held: Answer) -> None:
    assert "now queued: 0" in desk.person("outbox", "adopt").stdout


@attack("a second program without the rule runs on the same outbox", "it stays held", "only queued mails are claimed")
def by_a_process_without_the_rule(desk: Desk, program: Any, held: Answer) -> None:
    other = desk.program()
    other.send(subject="Another").has_state("sent")
    assert desk.capture.take().message["subject"] == "Another"
    desk.capture.event_log.entries.clear()


@attack("the program is started again with `SMTP_POLICY=open`", "it stays held", "only queued mails are claimed")
def by_a_restart_without_the_rule(desk: Desk, program: Any, held: Answer) -> None:
    desk.program(SMTP_POLICY="open").call("get_smtp_status").mentions("1 held until the user approves")


@attack("an id that does not exist is approved", "refused", "the id")
def by_a_foreign_id(desk: Desk, program: Any, held: Answer) -> None:
    answer = desk.approve("0192aaaa-0000-7000-8000-000000000001")
    assert answer.returncode == 1 and "there is no mail with the id" in answer.stderr


@attack("the id is approved in another outbox", "refused", "the outbox")
def in_another_outbox(desk: Desk, program: Any, held: Answer) -> None:
    other = run(desk.home, one_server(desk.capture, SMTP_MCP_OUTBOX=f"sqlite:{desk.home}/other/outbox.db"), "outbox", "approve", held.data["id"], "--yes")
    assert other.returncode == 1 and "there is no outbox" in other.stderr
    own = one_server(desk.capture, SMTP_MCP_OUTBOX=f"sqlite:{desk.home}/own/outbox.db")
    assert run(desk.home, own, "pause").returncode == 0
    other = run(desk.home, own, "outbox", "approve", held.data["id"], "--yes")
    assert other.returncode == 1 and f"in {desk.home}/own/outbox.db" in other.stderr and "--outbox" in other.stderr, other


@attack("approval with nothing on standard input", "refused", "nobody was asked")
def without_a_person(desk: Desk, program: Any, held: Answer) -> None:
    assert desk.person("outbox", "approve", held.data["id"]).returncode == 1


@attack("a recipient is changed in the file, and the mail approved", "refused", "the recipients of the mail as it was taken")
def with_another_recipient(desk: Desk, program: Any, held: Answer) -> None:
    desk.change("UPDATE recipient SET address = 'eve@evil.example'")
    refuses_what_was_changed(desk, held)


@attack("a recipient is added in the file, and the mail approved", "refused", "the recipients of the mail as it was taken")
def with_one_more_recipient(desk: Desk, program: Any, held: Answer) -> None:
    desk.change("INSERT INTO recipient(seq, n, address) SELECT seq, 99, 'eve@evil.example' FROM message")
    refuses_what_was_changed(desk, held)


@attack("the envelope is changed in the file, and the mail approved", "refused", "the digest of the mail as it was taken")
def with_another_envelope(desk: Desk, program: Any, held: Answer) -> None:
    desk.change("UPDATE content SET envelope = replace(envelope, 'ada@example.org', 'eve@evil.example')")
    refuses_what_was_changed(desk, held)


@attack("the text is changed in the file, and the mail approved", "refused", "the digest of the mail as it was taken")
def with_another_content(desk: Desk, program: Any, held: Answer) -> None:
    desk.change("UPDATE content SET bytes = CAST(replace(CAST(bytes AS TEXT), 'Body', 'Evil') AS BLOB)")
    refuses_what_was_changed(desk, held)


@attack("the digest is changed in the file, and the mail approved", "refused", "what was shown is not what is approved")
def with_another_digest(desk: Desk, program: Any, held: Answer) -> None:
    desk.change("UPDATE message SET digest = zeroblob(32)")
    refuses_what_was_changed(desk, held)


@attack("the mail is replaced by another one in the file, and approved", "refused", "the digest of the mail as it was taken")
def with_the_message_of_another(desk: Desk, program: Any, held: Answer) -> None:
    is_held(program.send(to="eve@evil.example", subject="Other"))
    desk.change("UPDATE content SET envelope = (SELECT envelope FROM content ORDER BY seq DESC LIMIT 1), bytes = (SELECT bytes FROM content ORDER BY seq DESC LIMIT 1)")
    refuses_what_was_changed(desk, held)


def refuses_what_was_changed(desk: Desk, held: Answer) -> None:
    answer = desk.approve(held)
    assert answer.returncode == 1, answer
    assert "is not as it was taken" in answer.stderr or "the message cannot be sent" in answer.stderr, answer
    assert desk.state(held) == "held"


@attack("a mail that was rejected is approved", "refused: it is cancelled", "an approval is for a mail that is held")
@attack("a mail that was rejected is retried", "refused", "only unknown, refused and partial mails can be retried")
def rejected_first(desk: Desk, program: Any, held: Answer) -> None:
    rejected = desk.person("outbox", "reject", held.data["id"], "--because", "not this\nperson")
    assert rejected.returncode == 0 and "rejected; it is cancelled" in rejected.stdout, rejected
    email = program.call("get_email", id=held.data["id"]).mentions("a person rejected it: not this person").data["email"]
    assert email["state"] == "cancelled"
    answer = desk.approve(held)
    assert answer.returncode == 1 and "it is cancelled" in answer.stderr, answer
    assert "nothing to retry: the mail is cancelled" in program.refuses("retry_email", id=held.data["id"])


RELEASES = [
    repeated, with_the_same_key, allowed_twice, by_retry, by_other_tools, by_a_tool_that_does_not_exist, by_an_argument, by_drain, by_adopt, by_a_process_without_the_rule,
    by_a_restart_without_the_rule, by_a_foreign_id, in_another_outbox, without_a_person, with_another_recipient, with_one_more_recipient, with_another_envelope, with_another_content,
    with_another_digest, with_the_message_of_another, rejected_first,
]


@pytest.mark.parametrize("attack", RELEASES, ids=lambda attack: attack.__name__)
def test_a_held_mail_is_not_released(in_both_eras: Desk, attack: Any) -> None:
    desk = in_both_eras
    program = desk.program(**ALWAYS)
    attack(desk, program, is_held(program.send()))
    desk.nothing_arrives()


@attack("approval after the time limit", "refused: it is cancelled", "`SMTP_APPROVAL_TTL`")
def test_what_nobody_approves_in_time_is_cancelled(in_both_eras: Desk) -> None:
    desk = in_both_eras
    program = desk.program(**ALWAYS, SMTP_APPROVAL_TTL="1s")
    held = is_held(program.send())
    assert desk.comes_to(held, "cancelled") == "cancelled"
    program.call("get_email", id=held.data["id"]).mentions("nobody approved it in time")
    answer = desk.approve(held)
    assert answer.returncode == 1 and "it is cancelled" in answer.stderr, answer
    desk.nothing_arrives()


@attack("approval after the time limit, while no program runs", "refused: it is cancelled", "`SMTP_APPROVAL_TTL`")
def test_what_expired_cannot_be_approved_when_no_program_runs(desk: Desk) -> None:
    sent = desk.person("send", "--to", "ada@example.org", "--subject", "s", "--body", "b", "--json", **ALWAYS, SMTP_APPROVAL_TTL="1s")
    assert sent.returncode == 5, sent
    desk.change("UPDATE approval SET expires_ms = 1")
    answer = desk.person("outbox", "approve", json.loads(sent.stdout)["id"], "--yes")
    assert answer.returncode == 1 and "it is cancelled" in answer.stderr, answer
    desk.nothing_arrives()


CHANGES = {
    "another recipient": "UPDATE recipient SET address = 'eve@evil.example'",
    "one more recipient": "INSERT INTO recipient(seq, n, address) SELECT seq, 99, 'eve@evil.example' FROM message",
    "another content": "UPDATE content SET bytes = CAST(replace(CAST(bytes AS TEXT), 'Body', 'Evil') AS BLOB)",
    "another envelope": "UPDATE content SET envelope = replace(envelope, 'ada@example.org', 'eve@evil.example')",
    "another digest": "UPDATE message SET digest = zeroblob(32)",
}


@pytest.mark.parametrize("sql", CHANGES.values(), ids=CHANGES.keys())
@attack("another recipient in the file, after approval and before sending", "nothing is sent, and the record says why", "the comparison in the last step before sending")
@attack("one more recipient in the file, after approval and before sending", "nothing is sent, and the record says why", "the comparison in the last step before sending")
@attack("another content in the file, after approval and before sending", "nothing is sent, and the record says why", "the comparison in the last step before sending")
@attack("another envelope in the file, after approval and before sending", "nothing is sent, and the record says why", "the comparison in the last step before sending")
@attack("another digest in the file, after approval and before sending", "nothing is sent, and the record says why", "the comparison in the last step before sending")
def test_what_changes_between_approval_and_wire_is_stopped_and_recorded(desk: Desk, sql: str) -> None:
    program = desk.program(**ALWAYS)
    held = is_held(program.send())
    assert desk.person("pause").returncode == 0
    assert "sending is paused" in desk.approve(held).stdout
    desk.change(sql)
    assert desk.person("resume").returncode == 0
    assert desk.comes_to(held, "refused") == "refused"
    program.call("get_email", id=held.data["id"])
    shown = desk.person("outbox", "show", held.data["id"]).stdout
    assert "stopped in the last step before sending" in shown or "the message cannot be sent" in shown, shown
    desk.nothing_arrives()


@attack("the state is set to queued in the file", "it is held again", "the verdict before each attempt")
@attack("the state is set to queued, and the row of the approval deleted", "it is held again", "the verdict before each attempt")
def test_a_mail_put_back_into_the_queue_is_held_again(desk: Desk) -> None:
    program = desk.program(**ALWAYS)
    held = is_held(program.send())
    desk.change("UPDATE message SET state = 'queued'")
    desk.comes_to(held, "held")
    desk.change("DELETE FROM approval")
    desk.change("UPDATE message SET state = 'queued'")
    desk.comes_to(held, "held")
    desk.nothing_arrives()


@attack("a program without the rule takes the mail, and one with the rule is about to send it", "it is held", "the verdict before each attempt")
def test_a_stricter_process_holds_what_another_one_took(desk: Desk) -> None:
    assert desk.person("pause").returncode == 0
    taken = desk.person("send", "--to", "ada@example.org", "--subject", "s", "--body", "b", "--json")
    assert taken.returncode == 5, taken
    answer = Answer(False, taken.stdout, json.loads(taken.stdout))
    desk.program(**ALWAYS)
    assert desk.person("resume").returncode == 0
    desk.comes_to(answer, "held")
    desk.nothing_arrives()


@attack("an approved mail that the server refused is sent again with `retry_email`", "it is held again", "an approval is for one delivery")
def test_an_approval_is_for_one_delivery(processes: Any, tmp_path: Path) -> None:
    desk = Desk(processes, tmp_path)
    desk.capture = processes.capture("--refuse", "ada@*")
    program = desk.program(**ALWAYS)
    held = is_held(program.send())
    desk.approve(held)
    desk.comes_to(held, "refused")
    is_held(program.call("retry_email", id=held.data["id"])).mentions("SMTP_APPROVAL is always")
    desk.nothing_arrives()
    assert len(desk.capture.events("refused")) == 1


@attack("approval while no program runs", "it is sent once, by the next program with the account", "the approval is in the outbox")
def test_an_approval_outlives_the_program(desk: Desk) -> None:
    sent = desk.person("send", "--to", "ada@example.org", "--subject", "s", "--body", "b", "--json", **ALWAYS)
    held = Answer(False, sent.stdout, json.loads(sent.stdout))
    approved = desk.approve(held)
    assert "no program that is running has an account" in approved.stdout, approved
    assert desk.person("outbox", "drain", **ALWAYS).returncode == 0
    assert desk.capture.take().recipients == ["ada@example.org"]
    assert desk.state(held) == "sent"


@attack("the outbox is copied, and the copy adopted", "it stays held", "what waits for approval is not adopted")
def test_a_copy_of_the_outbox_releases_nothing(desk: Desk, tmp_path: Path) -> None:
    program = desk.program(**ALWAYS)
    held = is_held(program.send())
    desk.processes.stop_all()
    copy = tmp_path / "copy" / "outbox.db"
    shutil.copytree(desk.path.parent, copy.parent)
    desk.capture, desk.path = desk.processes.capture(), copy
    other = desk.program()
    assert other.call("get_email", id=held.data["id"]).data["email"]["state"] == "held"
    assert "now queued: 0" in desk.person("outbox", "adopt").stdout
    desk.nothing_arrives()


@attack("a mail that needs approval, with `SMTP_MCP_OUTBOX=memory`", "refused", "nobody could approve it")
def test_nobody_can_approve_what_is_in_memory(processes: Any) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_MCP_OUTBOX="memory", **ALWAYS))
    program.send().has_state("refused").mentions("SMTP_MCP_OUTBOX is memory, where nobody can approve it")
    assert "what SMTP_APPROVAL or SMTP_POLICY asks about is refused" in program.stderr()
    processes.stop_all()
    assert capture.events("mail") == []


@attack("a caller over HTTP asks for the held mail of a caller over stdio, or retries it", "there is no such mail", "callers see their own mails")
def test_a_caller_over_http_does_not_see_what_is_held_for_others(desk: Desk) -> None:
    held = is_held(desk.program(**ALWAYS).send())
    http = desk.processes.program(desk.settings(**ALWAYS), mode="auto over http")
    assert "there is no mail with the id" in http.refuses("get_email", id=held.data["id"])
    assert "there is no mail with the id" in http.refuses("retry_email", id=held.data["id"])
    desk.nothing_arrives()


STRICT = {"SMTP_POLICY": "strict", "SMTP_ALLOWED_RECIPIENTS": "*@sender.example, *@example.org, *@sub.sender.example", "SMTP_MAX_PER_HOUR": 100}


@attack("strict: a first mail to someone inside", "held", "`SMTP_POLICY=strict`")
@attack("strict: a sub-address of someone known", "held", "`SMTP_POLICY=strict`")
@attack("strict: someone known, with a stranger in Cc", "held", "the strictest verdict counts")
@attack("strict: someone outside who was written to before", "held", "`SMTP_INTERNAL_DOMAINS`")
@attack("strict: a subdomain of one's own domain", "held", "`SMTP_INTERNAL_DOMAINS`")
@attack("strict: someone who is on no list", "refused", "`SMTP_ALLOWED_RECIPIENTS`")
def test_strict_asks_about_strangers_until_one_mail_was_accepted(in_both_eras: Desk) -> None:
    desk = in_both_eras
    program = desk.program(**STRICT)
    first = is_held(program.send(to="bob@sender.example")).mentions("first contact (SMTP_POLICY is strict)")
    desk.approve(first)
    desk.comes_to(first, "sent")
    program.send(to="BOB@sender.example", subject="Again").has_state("sent")
    is_held(program.send(to="bob+x@sender.example"))
    is_held(program.send(to="bob@sender.example", cc="zoe@sender.example", subject="One more")).mentions("zoe@sender.example may be written to only with approval")
    # Outside always asks, however often it was written to.
    outside = is_held(program.send(to="ada@example.org")).mentions("outside SMTP_INTERNAL_DOMAINS, first contact")
    desk.approve(outside)
    desk.comes_to(outside, "sent")
    is_held(program.send(to="ada@example.org", subject="Again")).mentions("outside SMTP_INTERNAL_DOMAINS (")
    program.send(to="eve@evil.example").has_state("refused").mentions("not in SMTP_ALLOWED_RECIPIENTS")
    is_held(program.send(to="bob@sub.sender.example")).mentions("outside SMTP_INTERNAL_DOMAINS")


def test_strict_does_not_ask_about_the_copies_that_the_settings_name(desk: Desk) -> None:
    rules = STRICT | {"SMTP_ALLOWED_RECIPIENTS": "*", "SMTP_DEFAULT_BCC": "archive@elsewhere.example"}
    asked = is_held(desk.program(**rules).send(to="bob@sender.example"))
    assert "archive@elsewhere.example may be written to only with approval" not in asked.text, asked
    desk.approve(asked)
    assert desk.capture.take().recipients == ["bob@sender.example", "archive@elsewhere.example"]


@attack("strict: a mail that the server refused comes first", "held: still a first contact", "only accepted mails count")
@attack("strict: a redirected mail comes first", "held: still a first contact", "only real recipients count")
def test_what_is_refused_or_redirected_makes_nobody_known(processes: Any, tmp_path: Path) -> None:
    desk = Desk(processes, tmp_path)
    desk.capture = processes.capture("--refuse", "bob@*")
    desk.program().send(to="bob@sender.example").has_state("refused")
    redirected = desk.program(SMTP_MODE="redirect", SMTP_REDIRECT_TO="test@sender.example")
    redirected.send(to="zoe@sender.example", subject="To zoe").has_state("sent")
    program = desk.program(**STRICT)
    for who in ("bob", "zoe"):
        is_held(program.send(to=f"{who}@sender.example")).mentions("first contact")


@attack("strict with `SMTP_APPROVAL=never`: a first mail", "refused", "`SMTP_APPROVAL`")
def test_never_refuses_what_the_rules_ask_about(desk: Desk) -> None:
    desk.program(**STRICT, SMTP_APPROVAL="never").send(to="bob@sender.example").has_state("refused").mentions("first contact", "SMTP_APPROVAL is never")
    desk.nothing_arrives()
