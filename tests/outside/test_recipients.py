# Who may be written to: tricks against the lists of allowed and denied recipients, through the real binary.
import os
from pathlib import Path

import pytest

from conftest import MODES, one_server
from pipe import run

ALLOWED = {"SMTP_ALLOWED_RECIPIENTS": "ada@example.org, *@team.example, *.corp.example, *@bücher.example"}
DENIED = {"SMTP_DENIED_RECIPIENTS": "eve@evil.example, *@bad.example, *.worse.example, *@gräßlich.example"}

# What gets through, by the recipients of the envelope.
PERMITTED: list[tuple[dict, dict, list[str]]] = [
    (ALLOWED, {"to": "ada@example.org"}, ["ada@example.org"]),
    (ALLOWED, {"to": "ADA@Example.ORG"}, ["ADA@example.org"]),
    (ALLOWED, {"to": "\"ada\"@example.org"}, ["\"ada\"@example.org"]),
    (ALLOWED, {"to": "Ada <ada@example.org>, Bob <bob@team.example>"}, ["ada@example.org", "bob@team.example"]),
    (ALLOWED, {"to": "bob@x.corp.example"}, ["bob@x.corp.example"]),
    (ALLOWED, {"to": "bob@BÜCHER.example"}, ["bob@xn--bcher-kva.example"]),
    (ALLOWED, {"to": "bob@xn--bcher-kva.example"}, ["bob@xn--bcher-kva.example"]),
    ({"SMTP_ALLOWED_RECIPIENTS": ","}, {"to": "anyone@example.net"}, ["anyone@example.net"]),
    ({"SMTP_ALLOWED_RECIPIENTS": "*"}, {"to": "anyone@example.net"}, ["anyone@example.net"]),
    (DENIED, {"to": "eve+1@evil.example"}, ["eve+1@evil.example"]),
    (DENIED, {"to": "bob@worse.example"}, ["bob@worse.example"]),
    (DENIED, {"to": "bob@notbad.example"}, ["bob@notbad.example"]),
]
# What is refused: by a rule, or because it is not one clear address.
BY_ALLOWED = "not in SMTP_ALLOWED_RECIPIENTS"
BY_DENIED = "SMTP_DENIED_RECIPIENTS has"
BY_ROUTE = "can name another mailbox"
REFUSED: list[tuple[dict, dict, str]] = [
    # Besides someone who is allowed, in every field and form.
    *((ALLOWED, {"to": "ada@example.org"} | more, BY_ALLOWED) for more in (
        {"to": "ada@example.org, eve@evil.example"}, {"to": ["ada@example.org", "eve@evil.example"]}, {"cc": "eve@evil.example"}, {"bcc": "eve@evil.example"},
        {"bcc": ["eve@evil.example"]}, {"to": "Ada <eve@team.example.evil.example>"}, {"to": "ada+eve@example.org"},
    )),
    *((ALLOWED, {"to": to}, BY_ALLOWED) for to in (
        "ada@example.org.evil.example", "ada@sub.example.org", "ada.eve@example.org", "bob@corp.example", "bob@notteam.example", "bob@team.example.evil.example",
        "bob@evilcorp.example", "team.example@evil.example", "bob@bucher.example", "\"ada\\\"\"@example.org", "bob@[192.0.2.1]", "b@xn--80ak6aa92e.example",
    )),
    *((DENIED, {"to": to}, BY_DENIED) for to in (
        "eve@evil.example", "EVE@evil.example", "eve@EVIL.example", "\"eve\"@evil.example", "\"e\\ve\"@evil.example", "Eve <eve@evil.example>", "x@bad.example", "x@BAD.EXAMPLE",
        "\"x y\"@bad.example", "x@a.worse.example", "x@a.b.worse.example", "x@gräßlich.example", "x@GRÄßLICH.example", "ada@example.org, eve@evil.example",
    )),
    *((DENIED, {"to": "ada@example.org"} | more, BY_DENIED) for more in ({"cc": "x@bad.example"}, {"bcc": "x@bad.example"})),
    (ALLOWED | {"SMTP_DENIED_RECIPIENTS": "ada@example.org"}, {"to": "ada@example.org"}, BY_DENIED),
    ({"SMTP_DENIED_RECIPIENTS": "*"}, {"to": "ada@example.org"}, BY_DENIED),
    # What a server of the domain before the last @ may send on: Postfix does by default, for clients that may relay.
    *((rules, {"to": to}, BY_ROUTE) for rules in (ALLOWED, DENIED, {"SMTP_ALLOWED_RECIPIENTS": "*"}) for to in (
        "eve%evil.example@team.example", "evil.example!eve@team.example", "evil.example!hop!eve%x@team.example", "\"eve%evil.example\"@team.example", "\"e\\%ve\"@team.example",
    )),
    # Not one clear address, whatever the lists say.
    *((rules, {"to": to}, "") for rules in (ALLOWED, DENIED) for to in (
        "ada@example.org;eve@evil.example", "ada@example.org eve@evil.example", "ada@example.org\neve@evil.example", "ada@example.org\r\nRCPT TO:<eve@evil.example>",
        "ada@example.org>,<eve@evil.example", "<@evil.example:ada@example.org>", "@evil.example:ada@example.org", "ada@example.org(eve@evil.example)", "(ada@example.org)eve@evil.example",
        "eve@evil.example,", "team: ada@example.org, eve@evil.example;", "=?utf-8?q?eve=40evil.example?= <ada@example.org>", "\"eve@evil.example\" <ada@example.org>", "\"ada@example.org\" <eve@evil.example>",
        "eve\u200b@evil.example", "eve@evil\u200b.example", "eve@evil\u3002example", "eve＠evil.example", "eve@evil.example.", "eve@evil..example", "eve@\u202eevil.example",
        "\"ada@example.org\"@evil.example", "eve@@evil.example", "mailto:eve@evil.example", "\u00adeve@evil.example", "eve@evil\u2024example", "eve@evil.example\u0000",
    )),
]


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


class Programs:
    """One program for each set of rules."""

    def __init__(self, processes, mode: str) -> None:
        self.processes, self.mode, self._running = processes, mode, {}
        self.capture = processes.capture()

    def with_rules(self, rules: dict):
        key = tuple(sorted(rules.items()))
        if key not in self._running:
            self._running[key] = self.processes.program(one_server(self.capture, **rules), mode=self.mode)
        return self._running[key]


@pytest.fixture(scope="module")
def programs(module_processes, mode: str) -> Programs:
    return Programs(module_processes, mode)


def test_who_is_permitted_gets_the_mail(programs: Programs) -> None:
    for rules, arguments, envelope in PERMITTED:
        programs.with_rules(rules).send(**arguments).has_state("sent")
        assert programs.capture.take().recipients == envelope, arguments


def test_one_who_is_not_permitted_refuses_the_whole_mail(programs: Programs) -> None:
    before = len(programs.capture.events("mail"))
    wrong = []
    for rules, arguments, rule in REFUSED:
        answer = programs.with_rules(rules).send(**arguments)
        # Who is refused by a rule is named, and nobody else.
        is_ada_denied = "ada@example.org" in rules.get("SMTP_DENIED_RECIPIENTS", "") or rules.get("SMTP_DENIED_RECIPIENTS") == "*"
        is_ada_named = " ada@example.org may not be written to" in answer.text
        if answer.data["state"] != "refused" or rule not in answer.text or (is_ada_named and not is_ada_denied):
            wrong.append((arguments, rule, answer.text))
    assert wrong == []
    assert len(programs.capture.events("mail")) == before


# -- other ways to the wire


def lines(variables: dict) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


@pytest.mark.skipif("OUTBOX" in os.environ, reason="nothing is kept in memory")
def test_a_mail_that_waits_is_judged_again_by_the_rules_of_its_attempt(processes, tmp_path: Path) -> None:
    home = tmp_path / "home"
    down, up = processes.capture("--at", "mail reply 451 4.3.0 later"), processes.capture()
    mail = ["--to", "eve@evil.example", "--to", "ada@example.org", "--subject", "Hi", "--body", "Text"]
    assert run(home, one_server(down), "send", *mail).returncode == 5
    # The same account, now with a rule. It is refused for both: nobody asked for a mail to one of them alone.
    drained = run(home, one_server(down, **DENIED), "outbox", "drain")
    assert drained.returncode == 0, drained
    listed = run(home, one_server(down), "outbox", "list").stdout
    assert "refused" in listed, listed
    shown = run(home, one_server(down), "outbox", "show", listed.split()[0]).stdout
    assert shown.count("SMTP_DENIED_RECIPIENTS has eve@evil.example") >= 2, shown
    assert down.events("mail") == [] and up.events("mail") == []


@pytest.mark.skipif("OUTBOX" in os.environ, reason="nothing is kept in memory")
def test_a_retry_is_judged_by_the_rules_of_now(processes, tmp_path: Path) -> None:
    settings = tmp_path / "settings.env"
    capture = processes.capture("--refuse", "eve@*")
    settings.write_text(lines(one_server(capture)))
    settings.chmod(0o600)
    program = processes.program({}, "--env-file", str(settings))
    refused = program.send(to="eve@evil.example").has_state("refused")
    settings.write_text(lines(one_server(capture, **DENIED)))
    assert program.call("reload_smtp_configuration").data["success"]
    program.call("retry_email", id=refused.data["id"]).has_state("refused").mentions("SMTP_DENIED_RECIPIENTS has eve@evil.example")
    assert len(capture.events("refused")) == 1


def test_what_is_no_list_is_an_error(tmp_path: Path) -> None:
    server = {"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "me@example.org"}
    for name, value, words in [
        ("SMTP_ALLOWED_RECIPIENTS", "example.org", '"example.org": there is no @'),
        ("SMTP_ALLOWED_RECIPIENTS", "a*@example.org", "a * stands for a whole address"),
        ("SMTP_DENIED_RECIPIENTS", "*@", '"*@"'),
        # What is not filled in would permit everybody.
        ("SMTP_ALLOWED_RECIPIENTS", "${RECIPIENTS}", "fill in the real value"),
    ]:
        done = run(tmp_path, server | {name: value}, "check")
        assert done.returncode == 1 and name in done.stdout.splitlines()[0] and words in done.stdout.splitlines()[0], done.stdout
    bcc = run(tmp_path, server | ALLOWED | {"SMTP_DEFAULT_BCC": "archive@example.net"}, "check")
    assert "SMTP_DEFAULT_BCC (environment): a***@example.net may not be written to" in bcc.stdout.splitlines()[0], bcc.stdout
