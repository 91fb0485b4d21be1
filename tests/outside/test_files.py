# Files that are not what they should be: pipes, devices, sockets, too large ones; and the program's own files as attachments.
import os
import signal
import socket
from pathlib import Path

import pytest

from conftest import one_server
from pipe import run
from test_reload_tool import env_file

TOKEN = "a-token-of-more-than-16"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    # The path of a socket is short.
    with socket.socket(socket.AF_UNIX) as listener:
        short = Path("/tmp") / f"{os.getpid()}-{path.name}"
        listener.bind(str(short))
        short.rename(path)


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def directory(path: Path) -> None:
    path.mkdir()


ODD = {"a pipe": fifo, "a device": zero, "a socket": unix_socket, "larger than 1 MiB": large, "a directory": directory}


def settings(folder: Path, capture) -> tuple[dict[str, Path], list[str]]:
    """A configuration that consists of every kind of file, and the arguments that name it."""
    files = {name: folder / name for name in ("settings.env", "config.toml", "password", "access-token", "ca.pem", "http-token")}
    files["password"].write_text("hunter-2-secret\n")
    files["access-token"].write_text("an.access.token\n")
    files["http-token"].write_text(TOKEN + "\n")
    files["ca.pem"].write_text(Path(capture.ca_file).read_text())
    files["config.toml"].write_text(f'mcp_http_token_file = "{files["http-token"]}"\n')
    first = {"SMTP_HOST_1": "127.0.0.1", "SMTP_PORT_1": capture.port, "SMTP_USE_TLS_1": "false", "SMTP_FROM_EMAIL_1": "me@first.example", "SMTP_NAME_1": "first"}
    second = {
        "SMTP_HOST_2": "127.0.0.1", "SMTP_PORT_2": capture.port, "SMTP_FROM_EMAIL_2": "me@second.example", "SMTP_CA_FILE_2": files["ca.pem"],
        "SMTP_USERNAME_2": "ada", "SMTP_PASSWORD_FILE_2": files["password"],
    }
    third = {"SMTP_HOST_3": "127.0.0.1", "SMTP_PORT_3": capture.port, "SMTP_FROM_EMAIL_3": "me@third.example", "SMTP_USERNAME_3": "ada", "SMTP_TOKEN_FILE_3": files["access-token"]}
    env_file(files["settings.env"], first | second | third)
    return files, ["--config", str(files["config.toml"]), "--env-file", str(files["settings.env"])]


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["settings.env", "config.toml", "password", "access-token", "ca.pem", "http-token"])
def test_a_reload_does_not_wait_for_what_is_no_file(processes, tmp_path: Path, name: str, kind: str) -> None:
    """It is refused by name at once; mail is sent as before, and SIGTERM is obeyed."""
    files, arguments = settings(tmp_path, processes.capture("--tls", "starttls"))
    pipe = processes.pipe({}, *arguments).handshake()
    files[name].unlink()
    ODD[kind](files[name])
    reload = pipe.start_call("reload_smtp_configuration")
    pipe.signal(signal.SIGHUP)
    answer = pipe.answer(reload, deadline=5)
    assert answer.is_error, answer
    answer.mentions(str(files[name]), kind, "the old configuration stays in effect")
    pipe.call("send_email", to="ada@example.org", subject="s", body="b").has_state("sent")
    pipe.signal(signal.SIGTERM)
    assert pipe.exit_status(within=5) == 0


@pytest.mark.parametrize("kind", ODD)
def test_a_token_file_is_read_as_a_file_at_each_login(processes, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "token"
    file.write_text("good.token")
    server = processes.scripted("S: 220 hello\nC: EHLO\nS: 250-hello\nS: 250 AUTH XOAUTH2\nC: QUIT\nS: 221 bye")
    program = processes.program(one_server(server, SMTP_USERNAME="ada@sender.example", SMTP_TOKEN_FILE=file))
    file.unlink()
    ODD[kind](file)
    program.send().mentions(str(file), kind)


@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_a_stored_login_is_read_as_a_file(processes, tmp_path: Path, kind: str) -> None:
    variables = {"SMTP_HOST": "127.0.0.1", "SMTP_USERNAME": "ada@sender.example", "SMTP_OAUTH_CLIENT_ID": "app", "SMTP_MCP_STATE_DIR": tmp_path}
    (tmp_path / "logins").mkdir()
    ODD[kind](tmp_path / "logins" / "ada@sender.example.json")
    assert kind in run(tmp_path / "home", variables, "token", "status").stdout


# -- what belongs to the program is never attached

def test_no_file_of_the_configuration_is_attached(processes, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    capture = processes.capture("--tls", "starttls")
    files, arguments = settings(folder, capture)
    outbox = folder / "mail" / "outbox.db"
    logins = folder / "logins"
    logins.mkdir()
    (logins / "ada.json").write_text("{}")
    variables = {"SMTP_ATTACHMENT_DIRS": folder, "SMTP_MCP_OUTBOX": f"sqlite:{outbox}", "SMTP_MCP_STATE_DIR": folder}
    pipe = processes.pipe(variables, *arguments).handshake()
    pipe.wait_for_stderr(f"SMTP_ATTACHMENT_DIRS: {folder} holds {files['config.toml']}")
    (folder / "fine.txt").write_text("fine")
    (folder / "link").symlink_to("settings.env")
    os.link(files["password"], folder / "report.txt")
    beside = [path for path in folder.joinpath("mail").rglob("*") if path.is_file()]
    assert {path.name for path in beside} >= {"outbox.db", "outbox.db-wal", "opening"}, beside
    for path in [*files.values(), *beside, folder / "link", folder / "report.txt", logins / "ada.json"]:
        answer = pipe.call("send_email", to="ada@example.org", subject="s", body="b", attachments=[{"path": str(path)}]).has_state("refused")
        answer.mentions("a file of this program", path.name[:10])
    # What becomes a file of the configuration later is one, too.
    (folder / "fine.txt").rename(files["password"])
    pipe.call("send_email", to="ada@example.org", subject="s", body="b", attachments=[{"path": "password"}]).has_state("refused")
    pipe.call("send_email", to="ada@example.org", subject="s", body="b").has_state("sent")
    capture.stop()
    assert [mail.attachments() for mail in capture.kept()] == [[]]


@pytest.mark.skipif("OUTBOX" in os.environ, reason="it is about the file of the outbox")
def test_the_outbox_in_use_stays_the_programs_own_after_a_reload(processes, tmp_path: Path) -> None:
    """A reload does not move it. Reading it would drop the locks that SQLite has on it."""
    folder = tmp_path / "files"
    folder.mkdir()
    settings = tmp_path / "smtp.env"
    variables = one_server(processes.capture(), SMTP_ATTACHMENT_DIRS=folder)
    env_file(settings, variables | {"SMTP_MCP_OUTBOX": f"sqlite:{folder}/first.db"})
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    env_file(settings, variables | {"SMTP_MCP_OUTBOX": f"sqlite:{folder}/second.db"})
    assert not pipe.call("reload_smtp_configuration").is_error
    mail = {"to": "ada@example.org", "subject": "s", "body": "b"}
    pipe.call("send_email", **mail, attachments=[{"path": "first.db"}]).has_state("refused").mentions("a file of this program")
    pipe.call("send_email", **mail).has_state("sent")


HIDDEN = [".env", "./.env", ".git/config", "docs/.secret/plan.txt", "open.txt", "docs/open/plan.txt"]


@pytest.mark.parametrize("path", HIDDEN)
def test_hidden_files_are_attached_only_if_that_is_set(processes, tmp_path: Path, path: str) -> None:
    """Those in hidden directories, too, and those that a link with a plain name leads to."""
    folder = tmp_path / ".files"
    for name in (".git/config", "docs/.secret/plan.txt", ".env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("hidden")
    (folder / "open.txt").symlink_to(".env")
    (folder / "docs/open").symlink_to(".secret")
    capture = processes.capture()
    variables = one_server(capture, SMTP_ATTACHMENT_DIRS=folder)
    processes.program(variables).send(attachments=[{"path": path}]).has_state("refused").mentions("hidden", "SMTP_ATTACHMENT_HIDDEN=true")
    allowed = processes.program(variables | {"SMTP_ATTACHMENT_HIDDEN": "true"})
    allowed.send(attachments=[{"path": path}]).has_state("sent")
    assert [content for _, _, content in capture.take().attachments()] == [b"hidden"]
