# Signing in at a real provider, tokens that a real Dovecot checks there, and what happens when they end.
import base64
import re
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from conftest import one_server
from dovecot import Dovecot
from oauth import CommandLine, Person, Provider, age, sign_in, stored
from real_server import need
from test_http import META

USER = "bench@lab.test"
DESKTOP = {"SMTP_OAUTH_CLIENT_ID": "desktop-app", "SMTP_OAUTH_CLIENT_SECRET": "secret-of-the-desktop-app"}


@pytest.fixture(scope="module")
def provider():
    provider = Provider(USER)
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def relay(module_processes):
    return module_processes.capture()


@pytest.fixture(scope="module")
def dovecot(provider, relay):
    need(Dovecot.why_not())
    server = Dovecot(provider.url, relay.port)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def as_usual(provider: Provider) -> None:
    """Whatever a test before this one has switched."""
    provider.control(lifetime=3600, hold=False, held=0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def variables(dovecot: Dovecot, state: Path):
    return dovecot.variables(SMTP_MCP_STATE_DIR=state)


# -- signing in

# the options, other settings
SIGN_INS = {
    "a code on another device": ([], {}),
    "a browser on this machine": (["--browser"], {}),
    "an application with a secret": (["--browser"], DESKTOP),
    "a code for an application with a secret": (["--device"], DESKTOP),
}


@pytest.mark.parametrize("name", SIGN_INS)
def test_signed_in_then_a_mail(processes, provider, relay, variables, state, tmp_path, name: str) -> None:
    options, settings = SIGN_INS[name]
    said = sign_in(tmp_path / "login", variables | settings, "--issuer", provider.url, *options)
    assert f"The login is stored in {state}/logins/{USER}.json." in said and "connected" in said, said
    (file,) = (state / "logins").glob("*.json")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    relay.forget()
    processes.program(variables | settings).send(to="ada@lab.test", subject=name).has_state("sent")
    assert relay.take().message["subject"] == name


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_each_mechanism(processes, provider, relay, state, tmp_path, mechanism: str) -> None:
    need(Dovecot.why_not())
    server = Dovecot(provider.url, relay.port, mechanisms=mechanism)
    processes.add_cleanup(server.stop)
    variables = server.variables(SMTP_MCP_STATE_DIR=state)
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    relay.forget()
    processes.program(variables).send(to="ada@lab.test", subject=mechanism).has_state("sent")
    assert relay.take().message["subject"] == mechanism


def test_the_answer_of_another_sign_in_changes_nothing(provider, variables, tmp_path) -> None:
    """Whatever page of this machine's browser calls the waiting program, only the answer with its own state counts."""
    command = CommandLine(tmp_path / "login", variables, "login", "--issuer", provider.url, "--browser")
    page = command.wait_for(r"(?m)^ {4}(http\S+)$")[1]
    (redirect,) = re.findall(r"redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)&", page)
    for query in ("code=stolen&state=guessed", "code=stolen", ""):
        with pytest.raises(Exception, match="400"):
            Person().open(f"http://127.0.0.1:{redirect}/?{query}")
    assert "You are signed in" in Person().open(page)
    command.ends(0)


# what is asked, words of the answer
REFUSED = {
    "Google's device flow": (["google", "--device"], {}, "Google does not allow the mail scope"),
    "a tenant of Google's": (["google", "--tenant", "x"], {}, "--tenant is for Microsoft only"),
    "no provider": ([], {}, "login microsoft, login google or login --issuer URL"),
    "another issuer": (["--issuer", "http://192.0.2.1"], {}, "it is not https"),
    "no such application": (["--issuer", "PROVIDER"], {"SMTP_OAUTH_CLIENT_ID": "unknown"}, "invalid_client"),
    "a password": (["--issuer", "PROVIDER"], {"SMTP_AUTH": "password", "SMTP_PASSWORD": "x"}, "set SMTP_AUTH=oauth"),
    "no such server": (["--issuer", "PROVIDER", "--server", "other"], {}, 'no server is called "other"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sign_in_that_cannot_be(provider, variables, tmp_path, name: str) -> None:
    options, settings, words = REFUSED[name]
    options = [provider.url if option == "PROVIDER" else option for option in options]
    command = CommandLine(tmp_path / "login", variables | settings, "login", *options)
    said = command.ends(1)
    assert words in said, said


def test_an_application_for_itself(processes, provider) -> None:
    """Client credentials: nobody signs in, and the token is asked for once."""
    hello = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 AUTH XOAUTH2\nC: AUTH XOAUTH2\nS: 235 ok\n"
    mail = "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 taken\nclose"
    server = processes.scripted(*[hello + mail] * 2)
    service = {"SMTP_OAUTH_ISSUER": provider.url, "SMTP_OAUTH_CLIENT_ID": "service", "SMTP_OAUTH_CLIENT_SECRET": "secret-of-the-service"}
    program = processes.program(one_server(server, SMTP_USERNAME=USER, **service))
    program.send().has_state("sent")
    program.send().has_state("sent")
    processes.stop_all()
    one, other = [line for conversation in server.conversations for line in conversation.said if line.startswith("AUTH")]
    assert one == other
    token = re.search(rb"auth=Bearer ([^\x01]+)", base64.b64decode(one.split()[2]))[1].decode()
    assert provider.introspect(token) == {"active": True, "client_id": "service"}


# -- tokens that end

def test_expiry_in_mid_run(processes, provider, relay, variables, tmp_path) -> None:
    """The token is renewed before it expires, and only then; each refresh token is used once."""
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    refreshes = provider.control(lifetime=2)["refreshes"]
    # Sessions are not kept, so that each mail logs in.
    program = processes.program(variables)
    age(tmp_path / "state")
    for _ in range(3):
        program.send(to="ada@lab.test").has_state("sent")
        program.call("reconnect_smtp_servers")
        expiry = stored(tmp_path / "state")["access_token"]["expires_at"]
        while time.time() < time.mktime(time.strptime(expiry[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone:
            time.sleep(0.1)
    assert 3 <= provider.control()["refreshes"] - refreshes <= 6


@pytest.mark.parametrize("count", [1, 2])
def test_one_refresh_for_all(processes, provider, relay, variables, state, tmp_path, count: int) -> None:
    """32 mails at the moment of expiry, from one process or from two."""
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    programs = [processes.program(variables) for _ in range(count)]
    refresh_token = stored(state)["refresh_token"]
    age(state)
    before = provider.control()["refreshes"]
    calls = [{"to": "ada@lab.test", "subject": "s", "body": "b"}] * (32 // count)
    answers: list = []
    threads = [threading.Thread(target=lambda program=program: answers.extend(program.call_all("send_email", calls))) for program in programs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [answer.data["state"] for answer in answers] == ["sent"] * 32, answers[0]
    assert provider.control()["refreshes"] - before == 1
    assert stored(state)["refresh_token"] != refresh_token


def test_revoked(processes, provider, variables, state, tmp_path) -> None:
    """The user is told what to do, nobody asks the provider again, and a new sign-in is found without a restart."""
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    provider.revoke(stored(state)["refresh_token"])
    age(state)
    program = processes.program(variables)
    program.send(to="ada@lab.test").has_state("refused").mentions("the login has ended", "invalid_grant", "smtp-mcp-server login")
    login = stored(state)
    assert login["refresh_token"] is None and login["refusal"]["code"] == "invalid_grant"
    status = CommandLine(tmp_path / "status", variables, "token", "status").ends(1)
    assert "the login has ended" in status and "smtp-mcp-server login" in status
    sign_in(tmp_path / "again", variables, "--issuer", provider.url)
    program.call("reconnect_smtp_servers")
    program.send(to="ada@lab.test").has_state("sent")
    assert "valid until" in CommandLine(tmp_path / "status2", variables, "token", "status").ends(0)


def test_a_refused_token_is_renewed_at_once(processes, provider, variables, state, tmp_path) -> None:
    """The provider forgot the access token, and the program believes it to be valid."""
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    provider.control(forget=stored(state)["access_token"]["token"])
    before = provider.control()["refreshes"]
    processes.program(variables).send(to="ada@lab.test").has_state("sent")
    assert provider.control()["refreshes"] - before == 1


def test_killed_between_the_answer_and_the_write(processes, provider, variables, state, tmp_path) -> None:
    """The provider has replaced the refresh token, and nobody knows the new one: the next process says so."""
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    age(state)
    provider.control(hold=True)
    victim = processes.pipe(variables)
    victim.start("tools/call", {"name": "test_smtp_connection", "arguments": {}, "_meta": META})
    while provider.control()["held"] == 0:
        time.sleep(0.05)
    victim.child.send_signal(signal.SIGKILL)
    victim.child.wait()
    provider.control(hold=False, held=0)
    assert stored(state)["refreshing_since"]
    assert "has not been seen to end" in CommandLine(tmp_path / "status", variables, "token", "status").ends(0)
    program = processes.program(variables)
    program.send(to="ada@lab.test").has_state("refused").mentions("was cut off", "smtp-mcp-server login")


def test_logout(processes, provider, variables, state, tmp_path) -> None:
    sign_in(tmp_path / "login", variables, "--issuer", provider.url)
    said = CommandLine(tmp_path / "logout", variables, "logout").ends(0)
    assert said == f"{USER} is signed out, and the tokens are revoked.\n"
    assert not list((state / "logins").glob("*.json"))
    assert f"{USER} (server primary): nobody has signed in" in CommandLine(tmp_path / "status", variables, "token", "status").ends(1)
    processes.program(variables).send(to="ada@lab.test").has_state("refused").mentions("nobody has signed in", "login microsoft")
    assert CommandLine(tmp_path / "again", variables, "logout").ends(0) == f"Nobody is signed in as {USER}.\n"
