# No more files may be open: what ran out is said, no server is blamed, and all goes on when there are some again.
import resource
import time
import urllib.request
from pathlib import Path

import pytest

from conftest import one_server
from test_reload_tool import env_file

MAIL = {"to": "ada@example.org", "subject": "s", "body": "b"}
LIMIT = ("ulimit -n", "LimitNOFILE", "--ulimit nofile")


def limit(child, files: int) -> None:
    """From now on the program gets no descriptor with this number or a higher one; those that it has stay open."""
    _, most = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(child.pid, resource.RLIMIT_NOFILE, (files, most))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "smtp.example.invalid"])
def test_no_server_is_blamed(processes, host: str) -> None:
    """A connection that cannot be opened, and a name that cannot be looked up."""
    capture = processes.capture("--listen", "127.0.0.1:0")
    pipe = processes.pipe(one_server(capture, SMTP_HOST=host)).handshake()
    pipe.call("get_smtp_status")
    limit(pipe.child, 1)
    answer = pipe.call("send_email", **MAIL).has_state("queued").mentions("no connection can be opened here", *LIMIT)
    assert "SMTP_HOST" not in answer.text and "firewall" not in answer.text, answer
    limit(pipe.child, 1024)
    (server,) = pipe.call("get_smtp_status").data["server_status"]["servers"]
    assert server["is_available"] and server["last_failure"] is None, server
    pipe.call("test_smtp_connection")
    if host != "smtp.example.invalid":
        pipe.call("send_email", **MAIL).has_state("sent")


@pytest.mark.parametrize("what", ["an attachment", "a password command", "a token file", "a reload"])
def test_what_else_cannot_be_opened(processes, tmp_path: Path, what: str) -> None:
    capture = processes.capture("--login", "ada@sender.example:good-secret")
    (tmp_path / "report.txt").write_text("report")
    (tmp_path / "token").write_text("a.token")
    login = {"an attachment": {}, "a reload": {}, "a password command": {"SMTP_PASSWORD_COMMAND": "echo good-secret"}, "a token file": {"SMTP_TOKEN_FILE": tmp_path / "token"}}[what]
    if login:
        login["SMTP_USERNAME"] = "ada@sender.example"
    settings = tmp_path / "smtp.env"
    env_file(settings, one_server(capture, SMTP_ATTACHMENT_DIRS=tmp_path, **login))
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    pipe.call("get_smtp_status")
    if login:
        # The connection is made, and then there is nothing left for the login: every number below is taken.
        capture_side = len(list(Path(f"/proc/{pipe.child.pid}/fd").iterdir()))
        limit(pipe.child, capture_side + 1)
    else:
        limit(pipe.child, 1)
    if what == "a reload":
        answer = pipe.call("reload_smtp_configuration")
    else:
        answer = pipe.call("send_email", **MAIL, attachments=[{"path": "report.txt"}] if what == "an attachment" else [])
    answer.mentions(*LIMIT)
    limit(pipe.child, 1024)
    assert not pipe.call("reload_smtp_configuration").is_error or login


def test_connections_of_clients_wait_and_the_log_says_why(processes) -> None:
    http_server = processes.http_server(one_server(processes.capture()))
    http_server.health()
    limit(http_server.child, 1)
    with pytest.raises(OSError):
        urllib.request.urlopen(http_server.url.replace("/mcp", "/health"), timeout=1.5)
    line = http_server.mentions(r"a connection could not be accepted.*").group()
    assert all(words in line for words in LIMIT), line
    limit(http_server.child, 1024)
    began = time.monotonic()
    http_server.health()
    assert time.monotonic() - began < 5
    assert http_server.stderr().count("could not be accepted") == 1
