# The command line: sending a mail, checking the settings, completions, manual pages; exit codes and JSON as the help says.
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import one_server, several_servers
from pipe import run
from programs import BINARY, own_environment

A, B = "ada@example.org", "bob@example.org"
MAIL = ["--to", A, "--subject", "Hi", "--body", "Text"]
PASSWORD = "s3cret-pass"


def help_of(tmp_path: Path, command: str) -> str:
    return run(tmp_path / "help", {}, command, "--help").stdout


# state, options of the capture server, arguments, exit code
ENDS = {
    "sent": ([], MAIL, 0),
    "refused": (["--refuse", "*"], MAIL, 1),
    "partial": (["--refuse", "bob@*"], ["--to", A, "--to", B, *MAIL[2:]], 3),
    "unknown": (["--after-dot", "drop-kept"], MAIL, 4),
    "queued": (["--defer", "*"], MAIL, 5),
}


@pytest.mark.parametrize("state", ENDS)
def test_each_end_of_a_send_has_its_exit_code(processes, tmp_path: Path, state: str) -> None:
    behavior, arguments, code = ENDS[state]
    variables = one_server(processes.capture(*behavior))
    done = run(tmp_path / "json", variables, "send", "--json", *arguments)
    result = json.loads(done.stdout)
    if state == "queued" and "OUTBOX" in os.environ:
        # Nothing is kept, so nothing waits.
        assert (done.returncode, result["state"]) == (1, "refused")
        return
    assert (done.returncode, result["state"]) == (code, state), done
    assert result["success"] == (code in (0, 3, 5))
    assert re.search(rf"^  {code}  {state} ", help_of(tmp_path, "send"), re.M)
    text = run(tmp_path / "text", variables, "send", *arguments)
    told, silent = (text.stdout, text.stderr) if result["success"] else (text.stderr, text.stdout)
    assert text.returncode == code and f"state {state}" in told and f"state {state}" not in silent, text


def test_a_wrong_command_line_is_exit_code_2(tmp_path: Path) -> None:
    variables = {"SMTP_HOST": "localhost", "SMTP_FROM_EMAIL": A}
    for arguments in ([], MAIL[2:], MAIL[:4], [*MAIL, "--body-file", "x"], [*MAIL, "--tow", A], [*MAIL, "--wait", "soon"]):
        done = run(tmp_path, variables, "send", "--json", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), done
    assert re.search(r"^  2 +the command line is wrong", help_of(tmp_path, "send"), re.M)


def test_everything_that_send_takes_arrives(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    home = tmp_path / "home"
    home.mkdir()
    (home / "body.html").write_text("\ufeff<p>Grüße</p>")
    (home / "a.txt").write_text("first")
    (home / "b c.bin").write_bytes(bytes(range(256)))
    done = run(
        home, one_server(capture), "send", "--to", f"Ada <{A}>", "--cc", f"{B}, carl@example.org", "--bcc", "dora@example.org",
        "--from", "grace@sender.example", "--reply-to", "team@example.org", "--subject", "Grüße", "--html", "--body-file", "body.html",
        "--attach", "a.txt", "b c.bin",
    )
    assert done.returncode == 0, done
    mail = capture.take()
    message = mail.message
    assert sorted(mail.recipients) == [A, B, "carl@example.org", "dora@example.org"]
    assert (message["to"], message["cc"], message["bcc"]) == (f"Ada <{A}>", f"{B}, carl@example.org", None)
    assert (message["subject"], message["reply-to"]) == ("Grüße", "team@example.org")
    assert message.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert files == {"a.txt": b"first", "b c.bin": bytes(range(256))}


def test_the_body_from_standard_input(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    tmp_path.joinpath("home").mkdir()
    done = subprocess.run(
        [str(BINARY), "send", *MAIL[:4], "--body-file", "-"], input="from a pipe\n", capture_output=True, text=True, timeout=60,
        env=own_environment(tmp_path / "home", one_server(capture)),
    )
    assert done.returncode == 0, done
    assert capture.take().message.get_content().splitlines() == ["from a pipe"]


def test_a_result_that_nobody_reads_does_not_change_the_exit_code(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    tmp_path.joinpath("home").mkdir()
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([str(BINARY), "send", "--json", *MAIL], stdout=theirs, stderr=subprocess.PIPE, env=own_environment(tmp_path / "home", one_server(capture)), timeout=60)
    os.close(theirs)
    assert done.returncode == 0 and b"the result cannot be printed" in done.stderr, done
    assert capture.take().message["subject"] == "Hi"


def test_what_cannot_be_sent_says_why(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    home = tmp_path / "home"
    home.mkdir()
    (home / "latin").write_bytes(b"Gr\xfc\xdfe")
    (home / "large").write_bytes(b"x" * ((1 << 20) + 1))
    variables = one_server(capture, SMTP_MAX_ATTACHMENT_SIZE_MB=1, SMTP_MAX_BODY_SIZE_MB=1)
    for arguments, words in [
        ([*MAIL, "--attach", "missing.pdf"], "--attach: missing.pdf cannot be read: No such file"),
        ([*MAIL, "--attach", "."], "--attach: . is not a file"),
        ([*MAIL, "--attach", "large"], "--attach: large is larger than 1 MiB, the limit (SMTP_MAX_ATTACHMENT_SIZE_MB)"),
        ([*MAIL[:4], "--body-file", "large"], "--body-file: large is larger than 1 MiB, the limit (SMTP_MAX_BODY_SIZE_MB)"),
        ([*MAIL[:4], "--body-file", "latin"], "--body-file: latin is not text in UTF-8"),
        (["--to", "nobody", *MAIL[2:]], "nobody"),
        ([*MAIL, "--from", "eve@elsewhere.example"], "SMTP_ALLOWED_FROM"),
        ([*MAIL, "--wait", "99"], "wait_seconds"),
    ]:
        done = run(home, variables, "send", *arguments)
        assert done.returncode == 1 and done.stderr.startswith("Not sent: ") and words in done.stderr, done
        as_json = run(home, variables, "send", "--json", *arguments)
        assert json.loads(as_json.stdout)["state"] == "refused"
    no_settings = run(home, {}, "send", "--json", *MAIL)
    assert no_settings.returncode == 1 and "SMTP_HOST" in json.loads(no_settings.stdout)["error"], no_settings
    assert capture.events("mail") == []


@pytest.mark.skipif("OUTBOX" in os.environ, reason="nothing is kept in memory")
def test_what_waits_is_sent_by_drain_and_the_same_key_is_one_mail(processes, tmp_path: Path) -> None:
    home, down, capture = tmp_path / "home", processes.capture("--at", "mail 1st reply 451 4.3.0 later"), processes.capture()
    key = ["--idempotency-key", "report-7"]
    first = run(home, one_server(down), "send", *MAIL, *key)
    assert first.returncode == 5 and "outbox drain" in first.stderr, first
    # What it says is true although this process has an account that could send it: it ends.
    assert "no program that is running has an account" in first.stdout, first
    assert run(home, one_server(down), "outbox", "drain").returncode == 0
    again = run(home, one_server(down), "send", "--json", *MAIL, *key)
    assert again.returncode == 0 and json.loads(again.stdout)["state"] == "sent", again
    assert len(down.events("mail")) == 1 and capture.events("mail") == []


@pytest.mark.parametrize(("stage", "code"), [("content", 4), ("mail", 5)])
@pytest.mark.skipif("OUTBOX" in os.environ, reason="nothing is kept in memory")
def test_an_interrupted_send_says_what_is_known(processes, tmp_path: Path, stage: str, code: int) -> None:
    options = ["--answer-after", "30"] if stage == "content" else ["--at", "mail stall"]
    capture = processes.capture(*options)
    tmp_path.joinpath("home").mkdir()
    child = subprocess.Popen(
        [str(BINARY), "send", "--json", *MAIL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=own_environment(tmp_path / "home", one_server(capture, SMTP_TIMEOUT=60)),
    )
    processes.add_cleanup(child.kill)
    capture.wait("content" if stage == "content" else "connected")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert child.returncode == code, (out, err)
    assert json.loads(out)["state"] == {4: "unknown", 5: "queued"}[code]


# -- check


def test_check_says_first_whether_everything_works(processes, tmp_path: Path) -> None:
    capture = processes.capture("--login", f"user@sender.example:{PASSWORD}")
    variables = one_server(capture, SMTP_USERNAME="user@sender.example", SMTP_PASSWORD=PASSWORD)
    good = run(tmp_path, variables, "check")
    lines = good.stdout.splitlines()
    assert good.returncode == 0 and lines[0] == "ok: The server works.", good
    assert lines[1].startswith("  ok: primary (127.0.0.1:"), lines[1]
    assert lines.index("server primary") > 1 and lines[-1].startswith("next: "), good.stdout
    assert run(tmp_path, variables, "check", "--quiet").stdout == ""
    bad = run(tmp_path, variables | {"SMTP_PASSWORD": "wrong-pass"}, "check")
    assert bad.returncode == 1 and bad.stdout.startswith("failed: The server does not work: primary (127.0.0.1:"), bad
    assert "check SMTP_USERNAME and SMTP_PASSWORD" in bad.stdout.splitlines()[0]
    quiet = run(tmp_path, variables | {"SMTP_PASSWORD": "wrong-pass"}, "check", "--quiet")
    assert quiet.returncode == 1 and quiet.stdout == bad.stdout.splitlines(True)[0], quiet
    none = run(tmp_path, {}, "check")
    assert none.returncode == 1 and none.stdout.startswith("failed: The settings cannot be used: SMTP_HOST: not set"), none
    assert PASSWORD not in good.stdout + bad.stdout and "wrong-pass" not in bad.stdout


def test_check_as_json(processes, tmp_path: Path, refused_port) -> None:
    variables = several_servers(processes.capture(), refused_port, SMTP_PROT=1)
    done = run(tmp_path, variables, "check", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["success"] is False and report["verdict"] == "1 of 2 servers work."
    assert [server["success"] for server in report["servers"]] == [True, False]
    assert "SMTP_PROT" in report["warnings"][0]
    assert report["servers"][0]["settings"]["SMTP_TIMEOUT"] == {"value": "10 s", "source": "environment"}
    assert report["settings"]["SMTP_MAX_RECIPIENTS"] == {"value": "100", "source": "default"}
    invalid = json.loads(run(tmp_path, {"SMTP_HOST": "h", "SMTP_PORT": "x"}, "check", "--json").stdout)
    assert len(invalid["problems"]) == 2 and invalid["servers"] == []
    described = re.search(r"--json prints (.*?)\..*each server has (.*?)\.", help_of(tmp_path, "check"), re.S)
    keys, of_server = (set(re.split(r", | and | or |,?\s", part)) for part in described.groups())
    assert keys == set(report)
    # There is no TLS here.
    assert of_server - {"tls_version"} == set(report["servers"][0]) | set(report["servers"][1])
    assert run(tmp_path, variables, "check", "--jsno").returncode == 2


def on_a_terminal(home: Path, variables: dict, *arguments: str) -> str:
    """What a person sees."""
    ours, theirs = pty.openpty()
    home.mkdir(exist_ok=True)
    child = subprocess.Popen([str(BINARY), *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=own_environment(home, {"TERM": "xterm"} | variables))
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:
        # The other end is closed.
        pass
    child.wait(20)
    return seen.decode()


def test_marks_and_colours_on_a_terminal_only(processes, tmp_path: Path) -> None:
    variables = one_server(processes.capture())
    assert "\x1b[32m✓\x1b[0m The server works." in on_a_terminal(tmp_path / "a", variables, "check")
    without = on_a_terminal(tmp_path / "b", variables | {"NO_COLOR": "1"}, "check")
    assert "✓ The server works." in without and "\x1b[3" not in without
    piped = run(tmp_path / "c", variables, "check").stdout
    assert "✓" not in piped and "\x1b" not in piped


# -- the rest


def test_completions_a_manual_and_the_version(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish", "elvish", "powershell"):
        script = run(tmp_path, {}, "completions", shell)
        assert script.returncode == 0 and "body-file" in script.stdout, shell
    bash = tmp_path / "completions.bash"
    bash.write_text(run(tmp_path, {}, "completions", "bash").stdout)
    function = "$(complete -p smtp-mcp-server | grep -o '_smtp[^ ]*')"
    asked = f'source {bash}; COMP_WORDS=(smtp-mcp-server send --bo); COMP_CWORD=2; {function} smtp-mcp-server --bo send; echo "${{COMPREPLY[@]}}"'
    assert subprocess.run(["bash", "-c", asked], capture_output=True, text=True).stdout.split() == ["--body", "--body-file"]
    page = run(tmp_path, {}, "man").stdout
    assert ".TH smtp-mcp-server 1" in page and "env\\-file" in page
    page = run(tmp_path, {}, "man", "send").stdout
    assert "body\\-file" in page and "3  partial" in page
    assert run(tmp_path, {}, "man", "sned").returncode == 1
    version = run(tmp_path, {}, "version", "--json")
    found = json.loads(version.stdout)
    assert found["name"] == "smtp-mcp-server" and "2025-06-18" in found["protocol_versions"]
    assert run(tmp_path, {}, "--version").stdout == run(tmp_path, {}, "version").stdout == f"{found['name']} {found['version']}\n"


def test_directories_of_attachments_as_options(processes, tmp_path: Path) -> None:
    capture = processes.capture()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    program = processes.program(one_server(capture), "--attachment-dir", str(tmp_path / "one"), "--attachment-dir", str(tmp_path / "two"))
    program.send(attachments=[{"path": "one.txt"}, {"path": "two.txt"}]).has_state("sent")
    wrong = run(tmp_path / "home", one_server(capture), "--attachment-dir", str(tmp_path / "none"))
    assert wrong.returncode == 1 and f"{tmp_path / 'none'} does not exist" in wrong.stderr, wrong
    assert run(tmp_path / "home", one_server(capture), "--attachment-dir", "a:b").returncode == 2
