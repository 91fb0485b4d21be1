# Several servers: who takes over, as whom, for whom, and never twice.
import base64
import time

import pytest

from conftest import ClosedDoor, one_server, several_servers

A, BAD, BUSY = "ada@example.org", "bad@example.org", "busy@example.org"


def copies(*captures) -> list[str]:
    """Who holds a copy, over all servers, once for each copy. Final after `settle`."""
    return sorted(recipient for capture in captures for mail in capture.kept() for recipient in mail.recipients)


def test_the_first_by_priority_is_used(stable, mode: str) -> None:
    first, second = stable.capture(), stable.capture()
    program = stable.program(mode, several_servers(first, second, SMTP_PRIORITY_1=1, SMTP_PRIORITY_2=2))
    answer = program.send().ends("sent")
    assert answer.data["details"]["smtp_server"] == "second"
    mail = second.take()
    mail.is_clean()
    assert mail.sender == "me@second.example"


def test_an_unreachable_server_hands_over_to_the_second_with_its_own_identity(stable, mode: str, closed_door: ClosedDoor) -> None:
    second = stable.capture()
    program = stable.program(mode, several_servers(closed_door, second))
    answer = program.send().ends("sent")
    mail = second.take()
    mail.is_clean()
    assert mail.sender == "me@second.example"
    (sender,) = mail.message["from"].addresses
    assert (sender.display_name, sender.addr_spec) == ("The Second", "me@second.example")
    # The Message-ID is in the domain of the sender composed first, and kept.
    assert mail.message["message-id"] == answer.data["message_id"]
    assert answer.data["message_id"].endswith("@first.example>")
    assert (answer.data["details"]["smtp_server"], answer.data["accepted"]) == ("second", [A])
    assert program.health("first")["is_failed"] is True
    assert program.health("second")["is_failed"] is False


# the first server's manner, recipients, state, copies at the first, copies at the second, first is hurt
MANNERS = {
    "a refused recipient stays refused": (("--refuse", "bad*"), [A, BAD], "partial", [A], [], False),
    "all refused stays refused": (("--refuse", "*"), [A], "refused", [], [], False),
    "a deferred recipient alone moves on": (("--defer", "busy*"), [A, BUSY], "sent", [A], [BUSY], False),
    "all deferred move on": (("--defer", "*"), [A, BUSY], "sent", [], [A, BUSY], False),
    "refused at the end stays refused": (("--end-reply", "554 5.7.1 no"), [A], "refused", [], [], False),
    "deferred at the end moves on": (("--end-reply", "451 4.3.0 later"), [A], "sent", [], [A], False),
    "421 moves on": (("--disconnect", "*"), [A], "sent", [], [A], True),
    "lost after the dot and kept never moves on": (("--after-dot", "drop-kept"), [A], "unknown", [A], [], True),
    "lost after the dot and lost never moves on": (("--after-dot", "drop-lost"), [A], "unknown", [], [], True),
    "refused, deferred and accepted": (("--refuse", "bad*", "--defer", "busy*"), [A, BAD, BUSY], "partial", [A], [BUSY], False),
    "without what the address needs": (("--without", "SMTPUTF8"), ["jürgen@example.org"], "sent", [], ["jürgen@example.org"], False),
    "too small": (("--max-size", "1000"), [A], "sent", [], [A], False),
}


@pytest.mark.parametrize("name", MANNERS)
def test_failover_by_verdict_only(stable, mode: str, name: str) -> None:
    manner, recipients, state, at_first, at_second, hurt = MANNERS[name]
    first, second = stable.capture(*manner), stable.capture()
    program = stable.program(mode, several_servers(first, second))
    answer = program.send(to=recipients, body="x" * 70 + "\n" + "y" * 900).ends(state)
    assert program.health("first")["is_failed"] is hurt, program.health("first")
    assert program.health("second")["is_failed"] is False
    stable.settle()
    assert copies(first) == sorted(at_first), answer
    assert copies(second) == sorted(at_second), answer
    for capture, domain in ((first, "first.example"), (second, "second.example")):
        for mail in capture.kept():
            mail.is_clean()
            assert mail.sender == f"me@{domain}" and mail.addresses("from") == [f"me@{domain}"]
            assert mail.message["message-id"] == answer.data["message_id"]
            assert mail.addresses("to") == recipients, "the header names everyone, whoever carries whose copy"


def test_a_call_with_a_sender_goes_only_to_servers_that_own_it(stable, mode: str, closed_door: ClosedDoor) -> None:
    second = stable.capture()
    program = stable.program(mode, several_servers(closed_door, second))
    program.send(from_email="me@first.example").ends("refused")
    program.send(from_email="me@second.example", subject="own").ends("sent")
    assert second.take().message["subject"] == "own"
    stable.settle()
    assert copies(second) == [A]


def test_the_backup_goes_on_serving_without_waiting_for_the_first(stable, mode: str, closed_door: ClosedDoor) -> None:
    second = stable.capture()
    program = stable.program(mode, several_servers(closed_door, second))
    for number in range(5):
        answer = program.send(subject=str(number)).ends("sent")
        assert answer.data["details"]["smtp_server"] == "second"
        assert second.take().message["subject"] == str(number)


def test_if_all_are_in_back_off_one_is_tried_at_once(stable, mode: str) -> None:
    capture = stable.capture("--disconnect", "bad*")
    program = stable.program(mode, one_server(capture))
    program.send(to=BAD).ends("refused")
    assert program.health("primary")["is_failed"] is True
    program.send(subject="at once").ends("sent")
    assert capture.take().message["subject"] == "at once"
    assert program.health("primary")["is_failed"] is False


def test_back_off_begins_with_five_seconds_and_doubles_when_the_probe_fails(stable, closed_door: ClosedDoor) -> None:
    pipe = stable.pipe(one_server(closed_door)).handshake()
    pipe.call("send_email", to=A, subject="s", body="b").ends("refused")

    def remaining() -> float:
        return pipe.call("get_smtp_status").data["server_status"]["servers"][0]["backoff_remaining"]

    assert 0 < remaining() <= 5
    end = time.monotonic() + 15
    while not 5 < remaining() <= 10:
        assert time.monotonic() < end, f"no longer back-off after the first had ended: {remaining()} s"
        time.sleep(0.05)


def test_a_refused_envelope_leaves_nothing_behind_in_the_session(stable, mode: str) -> None:
    """Without RSET the next mail would go out under the refused one's sender, or to its recipients."""
    capture = stable.capture("--refuse", "bad*", "--max-size", "50000")
    program = stable.program(mode, one_server(capture, SMTP_ALLOWED_FROM="*"))
    for number in range(3):
        program.send(from_email="other@refused.example", to=["bad1@example.org", "bad2@example.org"]).ends("refused")
        program.send(from_email="other@refused.example", body="x" * 60_000).ends("refused")
        program.send(subject=str(number)).ends("sent")
        mail = capture.take()
        mail.is_clean()
        assert (mail.sender, mail.recipients, mail.message["subject"]) == ("grace@sender.example", [A], str(number))


# -- login

USER, PASSWORD, WRONG = "user@sender.example", "right-secret", "wrong-secret"
LOGIN = ("--login", f"{USER}:{PASSWORD}")


def with_login(capture, password: str = PASSWORD, **more) -> dict:
    return one_server(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=password, **more)


def test_a_login_that_works(stable, mode: str) -> None:
    capture = stable.capture(*LOGIN)
    program = stable.program(mode, with_login(capture))
    program.send().ends("sent")
    program.send().ends("sent")
    assert capture.take().event["login"], "sent without a login"
    assert [event["ok"] for event in capture.events("login")] == [True], "the warm session is used again"


def test_a_wrong_password_pauses_the_server_and_makes_no_storm(stable, mode: str) -> None:
    capture = stable.capture(*LOGIN)
    program = stable.program(mode, with_login(capture, WRONG))
    answer = program.send().ends("refused")
    assert any(word in answer.text.casefold() for word in ("login", "password", "credential")), answer
    assert WRONG not in str(answer)
    assert len(capture.wait("login")) == 1
    for _ in range(3):
        program.send().ends("refused")
    assert len(capture.events("login")) == 1, "a mail logged in although the server is paused"
    tools = ("test_smtp_connection", {}), ("reconnect_smtp_servers", {}), ("test_smtp_connection", {}), ("switch_smtp_server", {"server_name": "primary"})
    for tool, arguments in tools:
        found = program.call(tool, **arguments)
        assert found.data["success"] is False, found
    program.call_all("test_smtp_connection", [{}] * 8)
    program.send().ends("refused")
    stable.settle()
    assert len(capture.events("login")) <= 2, "the three tools share one brake: one such login a minute"
    assert not any(event["ok"] for event in capture.events("login"))


def test_a_paused_server_gets_no_mail_and_the_second_gets_it(stable, mode: str) -> None:
    first, second = stable.capture(*LOGIN), stable.capture()
    program = stable.program(mode, several_servers(first, second, SMTP_USERNAME_1=USER, SMTP_PASSWORD_1=WRONG))
    for number in range(3):
        program.send(subject=str(number)).ends("sent")
        assert second.take().sender == "me@second.example"
    assert len(first.events("login")) == 1
    health = program.health("first")
    assert health["is_failed"] is False and health["is_available"] is False, f"paused is not back-off: {health}"


def test_a_server_that_wants_a_login_and_gets_none(stable, mode: str) -> None:
    capture = stable.capture(*LOGIN)
    program = stable.program(mode, one_server(capture))
    program.send().ends("refused")
    stable.settle()
    assert copies(capture) == []


# -- TLS

def with_tls(capture, **more) -> dict:
    return one_server(capture, SMTP_USE_TLS=None, SMTP_CA_FILE=capture.ca_file, **more)


def test_starttls(stable, mode: str) -> None:
    capture = stable.capture("--tls", "starttls", *LOGIN)
    program = stable.program(mode, with_tls(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD))
    program.send().ends("sent")
    mail = capture.take()
    mail.is_clean()
    assert mail.event["tls"] and mail.event["login"], mail.event


def test_implicit_tls_by_use_ssl_alone(stable, mode: str) -> None:
    capture = stable.capture("--tls", "implicit")
    program = stable.program(mode, with_tls(capture, SMTP_USE_SSL="true"))
    program.send().ends("sent")
    assert capture.take().event["tls"]


def test_a_server_without_starttls_is_never_used_in_plaintext(stable, mode: str) -> None:
    capture = stable.capture("--tls", "none", *LOGIN)
    program = stable.program(mode, one_server(capture, SMTP_USE_TLS="true", SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD))
    program.send().ends("refused").says("STARTTLS")
    assert program.health("primary")["is_failed"] is True
    stable.settle()
    assert copies(capture) == [] and capture.events("login") == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_an_untrusted_certificate(stable, mode: str, tls: str) -> None:
    capture = stable.capture("--tls", tls, *LOGIN)
    ssl = {"SMTP_USE_SSL": "true"} if tls == "implicit" else {}
    program = stable.program(mode, one_server(capture, SMTP_USE_TLS=None, SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD, **ssl))
    program.send().ends("refused").says("certificate")
    assert program.health("primary")["is_failed"] is True
    stable.settle()
    assert copies(capture) == [] and capture.events("login") == []


def test_the_certificate_of_another_authority(stable, mode: str) -> None:
    capture, other = stable.capture("--tls", "starttls"), stable.capture("--tls", "starttls")
    program = stable.program(mode, one_server(capture, SMTP_USE_TLS=None, SMTP_CA_FILE=other.ca_file))
    program.send().ends("refused").says("certificate")
    stable.settle()
    assert copies(capture) == []


def test_an_untrusted_first_server_hands_over(stable, mode: str) -> None:
    first, second = stable.capture("--tls", "starttls"), stable.capture()
    program = stable.program(mode, several_servers(first, second, SMTP_USE_TLS_1="true"))
    program.send().ends("sent")
    assert second.take().sender == "me@second.example"


def test_base64_of_the_secret_never_reaches_an_answer(stable, mode: str) -> None:
    program = stable.program(mode, with_login(stable.capture(*LOGIN), WRONG))
    said = str(program.send()) + str(program.call("test_smtp_connection")) + str(program.call("get_smtp_status"))
    for secret in (WRONG, base64.b64encode(WRONG.encode()).decode(), base64.b64encode(f"\0{USER}\0{WRONG}".encode()).decode()):
        assert secret not in said
