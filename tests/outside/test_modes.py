# Attacks on SMTP_MODE and --read-only: in a test mode nothing leaves, whatever is called, reloaded or started beside it.
import json
import os
import stat
import time
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from attacks import attack
from conftest import MODES, one_server
from pipe import run
from programs import Answer

DRY = {"SMTP_MODE": "dry_run"}
MAIL = {"to": "Ada <ada@example.org>", "cc": "bob@example.org", "bcc": "eve@example.net"}
ON_FILE = pytest.mark.skipif("OUTBOX" in os.environ, reason="processes share no memory")


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def is_dry(answer: Answer) -> Answer:
    assert (answer.data["state"], answer.data["success"], answer.data["mode"], answer.is_error) == ("dry_run", True, "dry_run", False), answer
    assert answer.text.startswith("Not sent, because SMTP_MODE is dry_run"), answer
    return answer


def shared(folder: Path) -> dict[str, str]:
    return {"SMTP_MCP_OUTBOX": f"sqlite:{folder}/shared/outbox.db"}


def settings_file(path: Path, variables: dict[str, Any]) -> Path:
    path.write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))
    path.chmod(0o600)
    return path


@attack("dry run: a mail with Cc and Bcc, two servers", "nothing is sent", "`SMTP_MODE`")
@attack("dry run: switch, reconnect, test, reload, then a mail", "nothing is sent; every answer says `dry_run`", "`SMTP_MODE`")
@attack("dry run: with `idempotency_key` and `allow_duplicate`", "nothing is sent", "`SMTP_MODE`")
@attack("dry run: a denied recipient", "refused, as it would be live", "`SMTP_DENIED_RECIPIENTS`")
def test_dry_run_sends_nothing_and_every_answer_says_so(processes: Any, mode: str) -> None:
    one, two = processes.capture(), processes.capture()
    variables = {f"{name}_1": value for name, value in one_server(one).items()} | {f"{name}_2": value for name, value in one_server(two).items()}
    program = processes.program(variables | DRY | {"SMTP_DENIED_RECIPIENTS": "mallory@example.org"}, mode=mode)
    is_dry(program.send(**MAIL)).mentions("otherwise it would go to ada@example.org, bob@example.org, eve@example.net")
    is_dry(program.send(idempotency_key="k", allow_duplicate=True))
    for tool, arguments in (
        ("switch_smtp_server", {"server_name": "server_2"}), ("reconnect_smtp_servers", {}), ("test_smtp_connection", {}), ("get_smtp_status", {}), ("list_emails", {}),
        ("reload_smtp_configuration", {}), ("preview_email", {"email": MAIL | {"subject": "s", "body": "b"}}),
    ):
        assert program.call(tool, **arguments).data["mode"] == "dry_run", tool
    is_dry(program.send(subject="Again"))
    refused = program.send(to="mallory@example.org").has_state("refused").mentions("SMTP_DENIED_RECIPIENTS has mallory@example.org")
    assert refused.data["mode"] == "dry_run"
    assert "nothing is cancelled while SMTP_MODE is dry_run" in program.refuses("cancel_email", id="0192aaaa-0000-7000-8000-000000000001")
    assert "nothing is sent again while SMTP_MODE is dry_run" in program.refuses("retry_email", id="0192aaaa-0000-7000-8000-000000000001")
    processes.stop_all()
    assert one.events("mail") == [] and two.events("mail") == []


@attack("redirect: To, Cc, Bcc and a standing Bcc", "one copy, to `SMTP_REDIRECT_TO`", "`SMTP_MODE`")
@attack("redirect: the caller sets `X-Original-To` itself", "one copy, with the true recipients", "`SMTP_MODE`")
def test_redirect_sends_everything_to_one_address(processes: Any, mode: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture, SMTP_MODE="redirect", SMTP_REDIRECT_TO="test@sender.example", SMTP_DEFAULT_BCC="archive@example.net"), mode=mode)
    sent = program.send(**MAIL, headers={"X-Original-To": "nobody@example.org"}).has_state("sent").mentions("Sent to test@sender.example", "every mail goes to test@sender.example alone")
    assert sent.data["mode"] == "redirect" and sent.data["accepted"] == ["test@sender.example"]
    mail = capture.take()
    assert mail.recipients == ["test@sender.example"]
    assert mail.message.get_all("x-original-to")[-1] == "ada@example.org, bob@example.org, eve@example.net, archive@example.net"
    assert mail.addresses("to") == ["ada@example.org"] and mail.addresses("cc") == ["bob@example.org"]
    program.send(to="mallory@example.org", subject="Other").has_state("sent")
    assert capture.take().recipients == ["test@sender.example"]


@attack("capture: a mail with Cc and Bcc", "a file that only this user can read; nothing is sent", "`SMTP_MODE`")
def test_capture_keeps_mails_as_files_for_this_user_only(processes: Any, mode: str, tmp_path: Path) -> None:
    capture, kept = processes.capture(), tmp_path / "deep" / "kept"
    program = processes.program(one_server(capture, SMTP_MODE="capture", SMTP_CAPTURE_DIR=kept), mode=mode)
    answer = program.send(**MAIL, subject="Grüße", body="Hello")
    assert (answer.data["state"], answer.data["mode"], answer.data["success"]) == ("captured", "capture", True), answer
    file = Path(answer.data["file"])
    assert file.parent == kept and stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(kept.stat().st_mode) == 0o700
    message = message_from_bytes(file.read_bytes(), policy=default)
    assert message["subject"] == "Grüße" and message.get_content().strip() == "Hello" and message["bcc"] is None
    envelope = json.loads(file.with_suffix(".json").read_text())
    assert envelope["sender"] == "grace@sender.example" and envelope["recipients"] == ["ada@example.org", "bob@example.org", "eve@example.net"]
    processes.stop_all()
    assert capture.events("mail") == []


@attack("read only: `send_email`", "unknown tool", "`--read-only`")
@attack("read only: `retry_email`", "unknown tool", "`--read-only`")
@attack("read only: `switch_smtp_server`", "unknown tool", "`--read-only`")
@attack("read only: `reload_smtp_configuration`", "unknown tool", "`--read-only`")
@attack("read only: `reconnect_smtp_servers`", "unknown tool", "`--read-only`")
def test_read_only_hides_and_refuses_what_sends_or_changes(processes: Any, mode: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture), "--read-only", mode=mode)
    assert sorted(tool.name for tool in program.tools()) == ["get_email", "get_smtp_status", "list_emails", "preview_email", "test_smtp_connection"]
    for tool in ("send_email", "retry_email", "switch_smtp_server", "reload_smtp_configuration", "reconnect_smtp_servers"):
        assert "unknown tool" in program.refuses(tool, to="ada@example.org", subject="s", body="b")
    assert program.call("preview_email", email={"to": "ada@example.org", "subject": "s", "body": "b"}).data["decision"] == "allow"
    processes.stop_all()
    assert capture.events("mail") == []


def test_a_preview_is_the_mail_that_is_sent(processes: Any, mode: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture), mode=mode)
    arguments = MAIL | {"subject": "Grüße", "body": "<p>Hello {name}</p>", "html": True, "template_vars": {"name": "Ada"}, "attachments": [{"filename": "a.txt", "content": "c2VjcmV0"}]}
    preview = program.call("preview_email", email=arguments)
    large = program.call("preview_email", email=arguments | {"attachments": [{"filename": "a.bin", "content": "QUJD" * 100_000}]})
    assert [one["size"] for one in large.data["attachments"]] == [300_000]
    assert preview.text.startswith("Nothing was sent.") and preview.data["decision"] == "allow"
    assert program.call("preview_email", email=json.dumps(arguments)).data["digest"] == preview.data["digest"]
    assert capture.events("mail") == []
    program.send(**arguments).has_state("sent")
    mail = capture.take()
    varying = ("Date", "Message-ID")
    shown = {header["name"]: header["value"] for header in preview.data["headers"] if header["name"] not in varying and "boundary" not in header["value"]}
    raw = {name: " ".join(str(value).split()) for name, value in message_from_bytes(mail.message.as_bytes()).raw_items() if name in shown}
    assert shown == raw
    assert preview.data["html"].strip() == "<p>Hello Ada</p>" and "Hello Ada" in preview.data["text"]
    assert [(one["filename"], one["size"]) for one in preview.data["attachments"]] == [("a.txt", 6)]
    assert [one["address"] for one in preview.data["recipients"]] == mail.recipients
    assert program.call("get_email", id=program.call("list_emails").data["emails"][0]["id"]).data["email"]["digest"] == preview.data["digest"]
    assert "unknown argument" in program.refuses("preview_email", email=arguments | {"nonsense": 1})
    assert "Not sent" in program.refuses("preview_email", email=arguments | {"to": "nobody"})


# -- other ways out


@ON_FILE
@attack("a mail taken live waits, and a program in dry run starts, or drains", "it is not sent", "accounts of the mode")
@attack("a mail taken live waits, and a program in capture starts, or drains", "it is not sent", "accounts of the mode")
@attack("a mail taken live waits, and a program that redirects drains", "it is not sent", "accounts of the mode")
@attack("a redirected mail waits, and a live program drains", "it is not sent", "accounts of the mode")
def test_what_was_taken_in_one_mode_is_not_sent_in_another(processes: Any, tmp_path: Path) -> None:
    capture, home = processes.capture(), tmp_path / "person"
    live = one_server(capture, **shared(tmp_path))
    redirect = live | {"SMTP_MODE": "redirect", "SMTP_REDIRECT_TO": "test@sender.example"}
    send = ("send", "--json", "--body", "b", "--to", "ada@example.org", "--subject")
    assert run(home, live, "pause").returncode == 0
    assert run(home, live, *send, "live").returncode == 5
    assert run(home, redirect, *send, "redirected").returncode == 5
    assert run(home, live, "resume").returncode == 0
    capture_dir = {"SMTP_CAPTURE_DIR": tmp_path / "kept"}
    for variables in (live | DRY, live | {"SMTP_MODE": "capture"} | capture_dir):
        assert "mails that waited: 0; left: 0" in run(home, variables, "outbox", "drain", "--timeout", "1").stdout
        program = processes.program(variables)
        assert program.call("get_smtp_status").data["outbox"] | {"oldest_seconds": 0} == {
            "queued": 2, "unserved": 2, "held": 0, "awaiting_approval": 0, "sending": 0, "unknown": 0, "oldest_seconds": 0,
        }
    assert capture.events("mail") == []
    assert "mails that waited: 1; left: 0" in run(home, redirect, "outbox", "drain").stdout
    mail = capture.take()
    assert (mail.message["subject"], mail.recipients) == ("redirected", ["test@sender.example"])
    assert "mails that waited: 1; left: 0" in run(home, live, "outbox", "drain").stdout
    mail = capture.take()
    assert (mail.message["subject"], mail.recipients) == ("live", ["ada@example.org"])
    assert len(capture.events("mail")) == 2


@ON_FILE
@attack("dry run, with a live program on the same outbox", "nothing is sent", "nothing is taken in dry run")
@attack("dry run: `retry_email` for a mail of the live program", "refused", "`retry_email` works only live")
def test_a_live_program_beside_it_sends_nothing_for_it(processes: Any, tmp_path: Path) -> None:
    capture = processes.capture()
    live = processes.program(one_server(capture, **shared(tmp_path)))
    dry = processes.program(one_server(capture, **shared(tmp_path), **DRY))
    refused = processes.program(one_server(processes.capture("--refuse", "*"), **shared(tmp_path))).send(subject="Refused").has_state("refused")
    is_dry(dry.send())
    assert "nothing is sent again while SMTP_MODE is dry_run" in dry.refuses("retry_email", id=refused.data["id"])
    live.send(subject="Live").has_state("sent")
    processes.stop_all()
    assert [mail.message["subject"] for mail in capture.kept()] == ["Live"]


@ON_FILE
@attack("read only, with a mail that waits", "it is not sent", "a program that only reads has no accounts")
def test_a_read_only_program_does_not_send_what_others_left(processes: Any, tmp_path: Path) -> None:
    capture, home = processes.capture(), tmp_path / "person"
    variables = one_server(capture, **shared(tmp_path))
    assert run(home, variables, "pause").returncode == 0
    assert run(home, variables, "send", "--to", "ada@example.org", "--subject", "s", "--body", "b").returncode == 5
    assert run(home, variables, "resume").returncode == 0
    reading = processes.program(variables | {"SMTP_MCP_READ_ONLY": "true"})
    assert reading.call("get_smtp_status").data["outbox"]["unserved"] == 1
    processes.stop_all()
    assert capture.events("mail") == []


@attack("dry run in the environment; a file says live, and is reloaded", "nothing is sent", "the environment wins")
def test_a_mode_in_the_environment_is_not_lifted_by_a_file_and_a_reload(processes: Any, tmp_path: Path) -> None:
    capture = processes.capture()
    path = settings_file(tmp_path / "settings.env", one_server(capture))
    program = processes.program(DRY, "--env-file", str(path))
    is_dry(program.send())
    settings_file(path, one_server(capture, SMTP_MODE="live", SMTP_TIMEOUT=9))
    assert program.call("reload_smtp_configuration").data["mode"] == "dry_run"
    is_dry(program.send(subject="Again"))
    processes.stop_all()
    assert capture.events("mail") == []


@attack("a mail waits, and a reload changes to dry run", "it is not sent", "accounts of the mode")
def test_what_waits_when_the_mode_is_reloaded_is_not_sent(processes: Any, tmp_path: Path) -> None:
    capture = processes.capture("--at", "mail:* 1st reply 451 4.3.0 later")
    path = settings_file(tmp_path / "settings.env", one_server(capture))
    program = processes.program({}, "--env-file", str(path))
    program.send().has_state("queued")
    settings_file(path, one_server(capture, SMTP_MODE="dry_run"))
    assert program.call("reload_smtp_configuration").data["mode"] == "dry_run"
    is_dry(program.send(subject="Again"))
    if "OUTBOX" not in os.environ:
        until = time.monotonic() + 10
        while program.call("get_smtp_status").data["outbox"]["unserved"] != 1:
            assert time.monotonic() < until
    processes.stop_all()
    assert capture.events("mail") == []


def test_a_test_is_not_a_duplicate_of_what_is_sent_afterwards(processes: Any, tmp_path: Path) -> None:
    capture = processes.capture()
    path = settings_file(tmp_path / "settings.env", one_server(capture, SMTP_MODE="redirect", SMTP_REDIRECT_TO="test@sender.example"))
    program = processes.program({}, "--env-file", str(path))
    program.send(allow_duplicate=False).has_state("sent")
    settings_file(path, one_server(capture))
    assert program.call("reload_smtp_configuration").data["success"]
    program.send(allow_duplicate=False).has_state("sent")
    assert [capture.take().recipients for _ in range(2)] == [["test@sender.example"], ["ada@example.org"]]


@attack("dry run: `send` on the command line", "nothing is sent", "`SMTP_MODE`")
def test_the_command_line_is_in_the_same_mode(processes: Any, tmp_path: Path) -> None:
    capture = processes.capture()
    done = run(tmp_path, one_server(capture, **DRY), "send", "--to", "ada@example.org", "--subject", "s", "--body", "b", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["state"] == json.loads(done.stdout)["mode"] == "dry_run", done
    read_only = run(tmp_path, one_server(capture, SMTP_MCP_READ_ONLY="yes"), "send", "--to", "ada@example.org", "--subject", "s", "--body", "b")
    assert read_only.returncode == 1 and "SMTP_MCP_READ_ONLY is set" in read_only.stderr, read_only
    processes.stop_all()
    assert capture.events("mail") == []


@attack("a misspelt mode, policy or approval; a mode without its address or directory; an address or directory without a mode; a placeholder", "nothing starts, and nothing is sent", "settings are checked as a whole")
def test_half_a_mode_is_an_error(tmp_path: Path) -> None:
    server = {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "me@example.org"}
    for variables, words in [
        ({"SMTP_MODE": "test"}, 'SMTP_MODE (environment): found "test", expected one of live, dry_run, redirect, capture'),
        ({"SMTP_MODE": "redirect"}, "SMTP_MODE (environment): found redirect, which needs SMTP_REDIRECT_TO"),
        ({"SMTP_MODE": "capture"}, "SMTP_MODE (environment): found capture, which needs SMTP_CAPTURE_DIR"),
        ({"SMTP_REDIRECT_TO": "test@example.org"}, "SMTP_REDIRECT_TO (environment): set without SMTP_MODE"),
        ({"SMTP_CAPTURE_DIR": "/tmp/x"}, "SMTP_CAPTURE_DIR (environment): set without SMTP_MODE"),
        ({"SMTP_MODE": "redirect", "SMTP_REDIRECT_TO": "a@example.org, b@example.org"}, "SMTP_REDIRECT_TO (environment)"),
        ({"SMTP_MODE": "${MODE}"}, "fill in the real value"),
        ({"SMTP_POLICY": "paranoid"}, "SMTP_POLICY (environment): found \"paranoid\", expected one of open, careful, strict"),
        ({"SMTP_POLICY": "strict"}, "SMTP_POLICY (environment): found strict, which needs SMTP_ALLOWED_RECIPIENTS"),
        ({"SMTP_APPROVAL": "sometimes"}, "SMTP_APPROVAL (environment)"),
        ({"SMTP_APPROVAL_TTL": "0s"}, "SMTP_APPROVAL_TTL (environment)"),
        ({"SMTP_APPROVAL_TTL": "24"}, "SMTP_APPROVAL_TTL (environment)"),
        ({"SMTP_MAX_PER_HOUR": "-1"}, "SMTP_MAX_PER_HOUR (environment)"),
        ({"SMTP_MAX_PER_DAY": "many"}, "SMTP_MAX_PER_DAY (environment)"),
        ({"SMTP_INTERNAL_DOMAINS": "me@example.org"}, "SMTP_INTERNAL_DOMAINS (environment)"),
    ]:
        done = run(tmp_path, server | variables, "check")
        assert done.returncode == 1 and words in done.stdout.splitlines()[0], (variables, done.stdout[:500])
