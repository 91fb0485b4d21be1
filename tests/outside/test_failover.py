# Several servers: who takes over, as whom, for whom, and never twice.
import base64
import time

import pytest

from conftest import RefusedPort, one_server, several_servers

A, BAD, BUSY = "ada@example.org", "bad@example.org", "busy@example.org"


def copies(*captures) -> list[str]:
    """Who has a copy, over all servers, once for each copy. Final after `stop_all`."""
    return sorted(recipient for capture in captures for mail in capture.kept() for recipient in mail.recipients)


def test_the_first_by_priority_is_used(processes) -> None:
    first, second = processes.capture(), processes.capture()
    program = processes.program(several_servers(first, second, SMTP_PRIORITY_1=1, SMTP_PRIORITY_2=2))
    answer = program.send().has_state("sent")
    assert answer.data["details"]["smtp_server"] == "second"
    mail = second.take()
    mail.is_clean()
    assert mail.sender == "me@second.example"


def test_an_unreachable_server_hands_over_to_the_second_with_its_own_identity(processes, refused_port: RefusedPort) -> None:
    second = processes.capture()
    program = processes.program(several_servers(refused_port, second))
    answer = program.send().has_state("sent")
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


def test_a_call_with_a_sender_goes_only_to_servers_that_own_it(processes, refused_port: RefusedPort) -> None:
    second = processes.capture()
    program = processes.program(several_servers(refused_port, second))
    program.send(from_email="me@first.example").has_state("queued")
    program.send(from_email="me@second.example", subject="own").has_state("sent")
    assert second.take().message["subject"] == "own"
    processes.stop_all()
    assert copies(second) == [A]


def test_the_backup_goes_on_serving_without_waiting_for_the_first(processes, refused_port: RefusedPort) -> None:
    second = processes.capture()
    program = processes.program(several_servers(refused_port, second))
    for number in range(5):
        answer = program.send(subject=str(number)).has_state("sent")
        assert answer.data["details"]["smtp_server"] == "second"
        assert second.take().message["subject"] == str(number)


def test_if_all_are_in_back_off_one_is_tried_at_once(processes) -> None:
    capture = processes.capture("--disconnect", "bad*")
    program = processes.program(one_server(capture))
    program.send(to=BAD).has_state("queued")
    assert program.health("primary")["is_failed"] is True
    program.send(subject="at once").has_state("sent")
    assert capture.take().message["subject"] == "at once"
    assert program.health("primary")["is_failed"] is False


def test_back_off_begins_with_five_seconds_and_doubles_when_the_probe_fails(processes, refused_port: RefusedPort) -> None:
    pipe = processes.pipe(one_server(refused_port)).handshake()
    pipe.call("send_email", to=A, subject="s", body="b").has_state("queued")

    def remaining() -> float:
        return pipe.call("get_smtp_status").data["server_status"]["servers"][0]["backoff_remaining"]

    assert 0 < remaining() <= 5
    end = time.monotonic() + 15
    while not 5 < remaining() <= 10:
        assert time.monotonic() < end, f"no longer back-off after the first had ended: {remaining()} s"
        time.sleep(0.05)


def test_a_refused_envelope_leaves_nothing_behind_in_the_session(processes) -> None:
    """Without RSET the next mail would go out under the refused one's sender, or to its recipients."""
    capture = processes.capture("--refuse", "bad*", "--max-size", "50000")
    program = processes.program(one_server(capture, SMTP_ALLOWED_FROM="*"))
    for number in range(3):
        program.send(from_email="other@refused.example", to=["bad1@example.org", "bad2@example.org"]).has_state("refused")
        program.send(from_email="other@refused.example", body="x" * 60_000).has_state("refused")
        program.send(subject=str(number)).has_state("sent")
        mail = capture.take()
        mail.is_clean()
        assert (mail.sender, mail.recipients, mail.message["subject"]) == ("grace@sender.example", [A], str(number))


# -- login

USER, PASSWORD, WRONG = "user@sender.example", "right-secret", "wrong-secret"
LOGIN = ("--login", f"{USER}:{PASSWORD}")


def with_login(capture, password: str = PASSWORD, **more) -> dict:
    return one_server(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=password, **more)


def test_a_login_that_works(processes) -> None:
    capture = processes.capture(*LOGIN)
    program = processes.program(with_login(capture))
    program.send().has_state("sent")
    program.send().has_state("sent")
    assert capture.take().event["login"], "sent without a login"
    assert [event["ok"] for event in capture.events("login")] == [True], "the warm session is used again"


def test_a_wrong_password_pauses_the_server_and_makes_no_storm(processes) -> None:
    capture = processes.capture(*LOGIN)
    program = processes.program(with_login(capture, WRONG))
    answer = program.send().has_state("refused")
    assert any(word in answer.text.casefold() for word in ("login", "password", "credential")), answer
    assert WRONG not in str(answer)
    assert len(capture.wait("login")) == 1
    for _ in range(3):
        program.send().has_state("refused")
    assert len(capture.events("login")) == 1, "a mail logged in although the server is paused"
    tools = ("test_smtp_connection", {}), ("reconnect_smtp_servers", {}), ("test_smtp_connection", {}), ("switch_smtp_server", {"server_name": "primary"})
    for tool, arguments in tools:
        found = program.call(tool, **arguments)
        assert found.data["success"] is False, found
    program.call_all("test_smtp_connection", [{}] * 8)
    program.send().has_state("refused")
    processes.stop_all()
    assert len(capture.events("login")) <= 2, "the three tools share one brake: one such login a minute"
    assert not any(event["ok"] for event in capture.events("login"))


def test_a_paused_server_gets_no_mail_and_the_second_gets_it(processes) -> None:
    first, second = processes.capture(*LOGIN), processes.capture()
    program = processes.program(several_servers(first, second, SMTP_USERNAME_1=USER, SMTP_PASSWORD_1=WRONG))
    for number in range(3):
        program.send(subject=str(number)).has_state("sent")
        assert second.take().sender == "me@second.example"
    assert len(first.events("login")) == 1
    health = program.health("first")
    assert health["is_failed"] is False and health["is_available"] is False, f"paused is not back-off: {health}"


def test_a_server_that_wants_a_login_and_gets_none(processes) -> None:
    capture = processes.capture(*LOGIN)
    program = processes.program(one_server(capture))
    program.send().has_state("refused")
    processes.stop_all()
    assert copies(capture) == []


# -- TLS

def with_tls(capture, **more) -> dict:
    return one_server(capture, SMTP_USE_TLS=None, SMTP_CA_FILE=capture.ca_file, **more)


def test_starttls(processes) -> None:
    capture = processes.capture("--tls", "starttls", *LOGIN)
    program = processes.program(with_tls(capture, SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD))
    program.send().has_state("sent")
    mail = capture.take()
    mail.is_clean()
    assert mail.event["tls"] and mail.event["login"], mail.event


def test_implicit_tls_by_use_ssl_alone(processes) -> None:
    capture = processes.capture("--tls", "implicit")
    program = processes.program(with_tls(capture, SMTP_USE_SSL="true"))
    program.send().has_state("sent")
    assert capture.take().event["tls"]


def test_a_server_without_starttls_is_never_used_in_plaintext(processes) -> None:
    capture = processes.capture("--tls", "none", *LOGIN)
    program = processes.program(one_server(capture, SMTP_USE_TLS="true", SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD))
    program.send().has_state("refused").mentions("STARTTLS")
    assert program.health("primary")["is_failed"] is True
    processes.stop_all()
    assert copies(capture) == [] and capture.events("login") == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_an_untrusted_certificate(processes, tls: str) -> None:
    capture = processes.capture("--tls", tls, *LOGIN)
    ssl = {"SMTP_USE_SSL": "true"} if tls == "implicit" else {}
    program = processes.program(one_server(capture, SMTP_USE_TLS=None, SMTP_USERNAME=USER, SMTP_PASSWORD=PASSWORD, **ssl))
    program.send().has_state("refused").mentions("certificate")
    assert program.health("primary")["is_failed"] is True
    processes.stop_all()
    assert copies(capture) == [] and capture.events("login") == []


def test_the_certificate_of_another_authority(processes) -> None:
    capture, other = processes.capture("--tls", "starttls"), processes.capture("--tls", "starttls")
    program = processes.program(one_server(capture, SMTP_USE_TLS=None, SMTP_CA_FILE=other.ca_file))
    program.send().has_state("refused").mentions("certificate")
    processes.stop_all()
    assert copies(capture) == []


def test_an_untrusted_first_server_hands_over(processes) -> None:
    first, second = processes.capture("--tls", "starttls"), processes.capture()
    program = processes.program(several_servers(first, second, SMTP_USE_TLS_1="true"))
    program.send().has_state("sent")
    assert second.take().sender == "me@second.example"


def test_base64_of_the_secret_never_reaches_an_answer(processes) -> None:
    program = processes.program(with_login(processes.capture(*LOGIN), WRONG))
    said = str(program.send()) + str(program.call("test_smtp_connection")) + str(program.call("get_smtp_status"))
    for secret in (WRONG, base64.b64encode(WRONG.encode()).decode(), base64.b64encode(f"\0{USER}\0{WRONG}".encode()).decode()):
        assert secret not in said
