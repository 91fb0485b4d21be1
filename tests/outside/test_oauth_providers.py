# What a user sees of Microsoft and Google, from local endpoints that answer as documented; and providers that answer wrongly.
import base64
import hashlib
import json
import re
import threading
import urllib.parse
from pathlib import Path

import pytest

from conftest import one_server
from local_provider import LocalProvider
from oauth import CommandLine, Person, stored

USER = "grace@contoso.example"
SCOPE = "https://outlook.office.com/SMTP.Send"
HELLO = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 AUTH LOGIN XOAUTH2\n"
MAIL = "C: MAIL FROM\nS: 250 ok\nC: RCPT TO\nS: 250 ok\nC: DATA\nS: 354 go on\nC: <content>\nkeep\nS: 250 taken\n"


def login(token: str) -> str:
    """A login with this token that is accepted."""
    response = base64.b64encode(f"user={USER}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    return HELLO + f"C: AUTH XOAUTH2 {response}\nS: 235 2.7.0 Authentication successful\n"


def ok(**fields) -> tuple:
    return 200, {}, fields


def error(code: str, description: str, **more) -> tuple:
    return 400, {}, {"error": code, "error_description": description} | more


def settings(server, state: Path, **more) -> dict:
    variables = {"SMTP_USERNAME": USER, "SMTP_AUTH": "oauth", "SMTP_OAUTH_CLIENT_ID": "the-app", "SMTP_MCP_STATE_DIR": state} | more
    return one_server(server, **{name: value for name, value in variables.items() if value is not None})


def metadata(provider: LocalProvider, issuer: str, **endpoints: str):
    urls = {name: provider.url + path for name, path in endpoints.items()}
    return lambda _: ok(issuer=issuer, **urls)


@pytest.fixture
def provider(processes) -> LocalProvider:
    provider = LocalProvider({})
    processes.add_cleanup(provider.stop)
    return provider


def neutral(text: str, **names: object) -> str:
    for name, value in names.items():
        text = text.replace(str(value), name.upper())
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE", text)


def test_microsoft(processes, provider, tmp_path: Path) -> None:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code"""
    polls = iter(["authorization_pending", "authorization_pending"])

    def token(form: dict) -> tuple:
        if form["grant_type"] == "refresh_token":
            return error("invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. Trace ID: 1", error_codes=[50173])
        assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "the-device-code", "client_id": "the-app"}
        waiting = next(polls, None)
        if waiting:
            return error(waiting, "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.", error_codes=[70016])
        return ok(token_type="Bearer", scope=SCOPE, expires_in=3599, ext_expires_in=3599, access_token="the-access-token", refresh_token="the-refresh-token")

    def device(form: dict) -> tuple:
        assert form == {"client_id": "the-app", "scope": f"{SCOPE} offline_access"}
        return ok(user_code="B2XC4FZ9", device_code="the-device-code", verification_uri="https://microsoft.com/devicelogin", expires_in=900, interval=1, message="To sign in, …")

    provider.routes |= {
        "/common/v2.0/.well-known/openid-configuration": metadata(
            provider, provider.url + "/{tenantid}/v2.0", token_endpoint="/token", authorization_endpoint="/authorize", device_authorization_endpoint="/devicecode",
        ),
        "/devicecode": device,
        "/token": token,
    }
    server = processes.scripted(login("the-access-token"), login("the-access-token") + MAIL + "close", HELLO + "C: AUTH XOAUTH2\nS: 535 5.7.3 Authentication unsuccessful\n")
    variables = settings(server, tmp_path / "state")
    command = CommandLine(tmp_path / "login", variables, "login", "microsoft", "--issuer", f"{provider.url}/common/v2.0")
    said = neutral(command.ends(0), state=tmp_path / "state", port=server.port)
    assert said == f"""\
To sign in as {USER}, open this page on any device:

    https://microsoft.com/devicelogin

and enter the code B2XC4FZ9. It is valid for 15 minutes. Waiting …
Signed in. The login is stored in STATE/logins/{USER}.json.
Trying it at the mail server:
  ok: primary (127.0.0.1:PORT): connected, no TLS, logged in; it offers AUTH LOGIN XOAUTH2
"""
    program = processes.program(variables)
    program.send().has_state("sent")
    answer = program.send().has_state("refused")
    assert neutral(answer.data["error"], port=server.port) == (
        "Not sent: primary (127.0.0.1:PORT), login: no credentials for the login: the login has ended at DATE. 127.0.0.1 refused: "
        '"invalid_grant: AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. Trace ID: 1". '
        "The login was revoked, for instance by a changed password. Sign in again with `smtp-mcp-server login microsoft`."
    )
    said = CommandLine(tmp_path / "logout", variables, "logout").ends(0)
    assert f"{USER} is signed out here. Microsoft has no way to revoke a single login" in said, said


def test_google(processes, provider, tmp_path: Path) -> None:
    """https://developers.google.com/identity/protocols/oauth2/native-app"""
    challenges = {}

    def authorize(query: dict) -> tuple:
        assert [query[name] for name in ("access_type", "prompt", "scope", "login_hint")] == ["offline", "consent", "https://mail.google.com/", USER]
        challenges["4/the-code"] = query["code_challenge"]
        answer = {"state": query["state"], "iss": provider.url, "code": "4/the-code", "scope": query["scope"]}
        return 302, {"location": f"{query['redirect_uri']}?{urllib.parse.urlencode(answer)}"}, {}

    def token(form: dict) -> tuple:
        if form["client_secret"] != "GOCSPX-the-secret":
            return 401, {}, {"error": "invalid_client", "error_description": "The provided client secret is invalid."}
        if form["grant_type"] == "refresh_token":
            return error("invalid_grant", "Token has been expired or revoked.")
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        assert challenges[form["code"]] == digest and form["redirect_uri"].startswith("http://127.0.0.1:")
        return ok(access_token="ya29.the-access-token", expires_in=3599, refresh_token="1//the-refresh-token", scope="https://mail.google.com/", token_type="Bearer")

    provider.routes |= {
        "/.well-known/openid-configuration": metadata(
            provider, provider.url, token_endpoint="/token", authorization_endpoint="/o/oauth2/v2/auth", device_authorization_endpoint="/device/code", revocation_endpoint="/revoke",
        ),
        "/o/oauth2/v2/auth": authorize,
        "/token": token,
        "/revoke": lambda _: (200, {}, {}),
    }
    challenge = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}').decode()
    refused = HELLO + f"C: AUTH XOAUTH2\nS: 334 {challenge}\nC: \nS: 535-5.7.8 Username and Password not accepted. For more information, go to\nS: 535 5.7.8 https://support.google.com/mail/?p=BadCredentials\n"
    server = processes.scripted(login("ya29.the-access-token"), login("ya29.the-access-token") + MAIL + "close", refused)
    variables = settings(server, tmp_path / "state", SMTP_OAUTH_CLIENT_SECRET="GOCSPX-the-secret")
    command = CommandLine(tmp_path / "login", variables, "login", "google", "--issuer", provider.url)
    page = command.wait_for(r"(?m)^ {4}(http\S+)$")[1]
    assert Person().open(page) == "You are signed in. Close this page and go back to the terminal.\n"
    said = neutral(command.ends(0), page=page, state=tmp_path / "state", port=server.port)
    assert said == f"""\
To sign in as {USER}, open this page in a browser on this machine, unless it opens by itself:

    PAGE

Waiting …
Signed in. The login is stored in STATE/logins/{USER}.json.
Trying it at the mail server:
  ok: primary (127.0.0.1:PORT): connected, no TLS, logged in; it offers AUTH LOGIN XOAUTH2
"""
    program = processes.program(variables)
    program.send().has_state("sent")
    # Revoked on Google's page: the mail server refuses the access token, and Google the refresh token.
    answer = program.send().has_state("refused").mentions("the login has ended", "Token has been expired or revoked", "In production", "login google")
    assert "try again later" not in answer.text
    wrong = CommandLine(tmp_path / "wrong", variables | {"SMTP_OAUTH_CLIENT_SECRET": "wrong"}, "login", "google", "--issuer", provider.url)
    Person().open(wrong.wait_for(r"(?m)^ {4}(http\S+)$")[1])
    assert "The provided client secret is invalid" in wrong.ends(1) and "Google Auth Platform, Clients" in wrong.text
    said = CommandLine(tmp_path / "logout", variables, "logout").ends(0)
    assert "Remove the application at https://myaccount.google.com/connections" in said, said


# -- providers that answer wrongly

def store(state: Path, url: str, **changes) -> None:
    """A login at this provider, whose access token has expired."""
    login = {
        "version": 1, "username": USER, "provider": "other", "issuer": url, "token_endpoint": f"{url}/token", "revocation_endpoint": None,
        "client_id": "the-app", "scope": "mail", "signed_in_at": "2026-01-01T00:00:00Z", "refresh_token": "old-refresh-token",
        "access_token": {"token": "old-access-token", "renew_at": "2026-01-01T00:50:00Z", "expires_at": "2026-01-01T01:00:00Z"},
        "refreshing_since": None, "refusal": None,
    } | changes
    (state / "logins").mkdir(parents=True)
    (state / "logins" / f"{USER}.json").write_text(json.dumps(login))


TOKEN = {"access_token": "new-access-token", "token_type": "Bearer", "expires_in": 3600}

# what the token endpoint answers, words of the result, what becomes of the login
WRONG = {
    "an error page": ((500, {}, b"<html>old-refresh-token</html>"), "no usable answer: HTTP status 500", "open"),
    "a page that says it is fine": ((200, {}, b"<html>welcome</html>"), "no usable answer: HTTP status 200, and no JSON object", "open"),
    "no token": (ok(token_type="Bearer"), "it issued no access token", "open"),
    "a token with a line break": (ok(**TOKEN | {"access_token": "a\r\nRSET"}), "what it issued is not an access token", "open"),
    "another kind of token": (ok(**TOKEN | {"token_type": "mac"}), "not a bearer token", "open"),
    "a lifetime that is no number": (ok(**TOKEN | {"expires_in": "soon"}), "expires_in is not a number", "open"),
    "a redirect": ((302, {"location": "/elsewhere"}, {}), "HTTP status 302", "open"),
    "without end": ((200, {}, b"{" + b" " * 300_000 + b"}"), "it is too long", "open"),
    "busy": (error("temporarily_unavailable", "later"), "temporarily_unavailable", "kept"),
    "our secrets in an error": (error("invalid_grant", "no old-refresh-token here"), "no [hidden] here", "ended"),
    "escape sequences": (error("invalid_grant", "\x1b[31mred\x07"), '"invalid_grant: [31mred"', "ended"),
    "a secret that has expired": (
        (401, {}, {"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys for app are expired."}),
        "Certificates & secrets", "kept",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_provider_that_answers_wrongly(processes, provider, tmp_path: Path, name: str) -> None:
    response, words, end = WRONG[name]
    store(tmp_path / "state", provider.url)
    provider.routes["/token"] = lambda _: response
    program = processes.program(settings(processes.scripted(HELLO, login("new-access-token") + MAIL), tmp_path / "state"))
    answer = program.send().mentions(words)
    assert answer.data["state"] in ("queued", "refused"), answer
    assert not any(token in answer.text for token in ("old-refresh-token", "old-access-token"))
    kept = stored(tmp_path / "state")
    assert (kept["refresh_token"], bool(kept["refreshing_since"]), bool(kept["refusal"])) == {
        "open": ("old-refresh-token", True, False), "kept": ("old-refresh-token", False, False), "ended": (None, False, True),
    }[end]
    assert provider.count("/token") == 1 and provider.count("/elsewhere") == 0
    if end != "ended":
        provider.routes["/token"] = lambda _: ok(**TOKEN)
        program.call("reconnect_smtp_servers")
        assert stored(tmp_path / "state")["refresh_token"] == "old-refresh-token"
        assert stored(tmp_path / "state")["refreshing_since"] is None
    assert "old-refresh-token" not in program.stderr() and "new-access-token" not in program.stderr()


def test_what_a_provider_granted_is_shown_as_plain_text(tmp_path: Path) -> None:
    """The scope is the provider's words."""
    store(tmp_path / "state", "http://127.0.0.1:1", scope="mail\x1b[31m\u202esend\nmore")
    status = CommandLine(tmp_path, {"SMTP_HOST": "h.example", "SMTP_FROM_EMAIL": USER, "SMTP_MCP_STATE_DIR": tmp_path / "state"}, "token", "status")
    assert "  scope         mail [31msend more\n" in status.ends(0)


def test_a_provider_that_is_down(processes, provider, tmp_path: Path) -> None:
    store(tmp_path / "state", provider.url)
    provider.stop()
    program = processes.program(settings(processes.scripted(HELLO), tmp_path / "state"))
    program.send().has_state("queued").mentions("the access token could not be renewed: 127.0.0.1 cannot be reached")
    kept = stored(tmp_path / "state")
    assert (kept["refresh_token"], kept["refreshing_since"]) == ("old-refresh-token", None)


@pytest.mark.slow
def test_a_provider_that_is_slow(processes, provider, tmp_path: Path) -> None:
    """However many mails wait, there is one request, and all are answered in time."""
    store(tmp_path / "state", provider.url)
    released = threading.Event()
    processes.add_cleanup(released.set)
    provider.routes["/token"] = lambda _: (released.wait(60), ok(**TOKEN))[1]
    program = processes.program(settings(processes.scripted(HELLO, HELLO, HELLO), tmp_path / "state"))
    answers = program.call_all("send_email", [{"to": "ada@example.org", "subject": "s", "body": "b"}] * 8)
    assert all("no answer within 15 s" in answer.text for answer in answers), [answer.text for answer in answers]
    assert provider.count("/token") == 1
