# The fifteen most likely mistakes, as docs/troubleshooting.md begins with them: the first sentence of each answer names the cure.
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import one_server
from pipe import run
from programs import ROOT

LOGIN = {"SMTP_HOST": "smtp.example.org", "SMTP_USERNAME": "ada@example.org", "SMTP_PASSWORD": "s3cret-pass"}
HERE = {"SMTP_MAX_RETRIES": "0", "SMTP_TIMEOUT": "5"}
MAIL = ["--to", "bob@example.org", "--subject", "Hi", "--body", "Text"]


class Place:
    """Where a person makes the mistake."""

    def __init__(self, processes: Any, home: Path, refused_port: Any) -> None:
        self.processes, self.home, self.refused_port = processes, home, refused_port

    def check(self, variables: dict, *arguments: str) -> str:
        return run(self.home, {name: str(value) for name, value in variables.items()}, *arguments, "check").stdout

    def file(self, variables: dict, mode: int = stat.S_IRUSR | stat.S_IWUSR, encoding: str = "utf-8") -> str:
        path = self.home / "smtp.env"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("".join(f"{name}={value}\n" for name, value in variables.items()).encode(encoding))
        path.chmod(mode)
        return self.check({}, "--env-file", str(path))

    def server(self, options: list[str], **variables: Any) -> str:
        return self.check(one_server(self.processes.capture(*options), **HERE | variables))


def gmail(place: Place) -> str:
    return place.file(LOGIN | {"SMTP_HOST": "smtp.gmail.com", "SMTP_PASSWORD": "abcd efgh ijkl mnop"})


def wrong_password(place: Place) -> str:
    return place.server(["--login", "u@example.org:right"], SMTP_USERNAME="u@example.org", SMTP_PASSWORD="wrong")


def wrong_sender(place: Place) -> str:
    return run(place.home, one_server(place.processes.capture()), "send", *MAIL, "--from", "eve@elsewhere.example").stderr


# The message in the document, how to provoke it, and the cure in its first sentence.
FIRST: dict[str, tuple[Callable[[Place], str], str]] = {
    "SMTP_HOST: not set": (lambda place: place.check({}), "in the environment, an env file or"),
    "it was looked for in …, so write the whole path": (lambda place: place.check({}, "--env-file", "smtp.env"), "write the whole path"),
    "~ is not expanded here": (lambda place: place.check({}, "--env-file", "~/smtp.env"), "write the whole path"),
    "fill in the real value: found the placeholder": (lambda place: place.check(LOGIN | {"SMTP_PASSWORD": "${input:password}"}), "SMTP_PASSWORD (environment): fill in the real value"),
    "this variable is unknown and has no effect": (lambda place: place.check({"SMTP_SERVER": "smtp.example.org"}), "did you mean SMTP_HOST?"),
    "write the value without the quotes around it": (lambda place: place.server([], SMTP_NAME='"mine"'), "SMTP_NAME (environment): write the value without the quotes"),
    "found a value that cannot be read": (lambda place: place.file(LOGIN | {"SMTP_PASSWORD": "two words"}), "put the value into single quotes"),
    "found a value with $": (lambda place: place.file(LOGIN | {"SMTP_PASSWORD": "pa$word"}), "put the value into single quotes"),
    "write the app password without the blanks": (gmail, "without the blanks, as 16 letters"),
    "the login was refused": (wrong_password, "check SMTP_USERNAME and SMTP_PASSWORD"),
    "SMTP_PASSWORD: not set, though SMTP_USERNAME … is": (lambda place: place.check(LOGIN | {"SMTP_PASSWORD": ""}), "expected both or neither"),
    "TLS failed: the server's answer to the handshake was not TLS": (lambda place: place.server([], SMTP_USE_TLS=None, SMTP_USE_SSL="true"), "SMTP_USE_SSL"),
    "connect: the server's name could not be looked up": (lambda place: place.check(LOGIN | HERE | {"SMTP_HOST": "smtp.nowhere.invalid"}), "check SMTP_HOST for a typo"),
    "connect: the connection failed: Connection refused": (lambda place: place.check(one_server(place.refused_port, **HERE)), "check SMTP_HOST and SMTP_PORT"),
    "TLS failed: … comes from an unknown issuer": (lambda place: place.server(["--tls", "starttls"], SMTP_HOST="localhost", SMTP_USE_TLS="true"), "SMTP_CA_FILE"),
    "from_email: … may not send here": (wrong_sender, "SMTP_ALLOWED_FROM"),
    "it is UTF-16; save it as UTF-8": (lambda place: place.file(LOGIN, encoding="utf-16"), "save it as UTF-8"),
    "everybody on this machine can change it": (lambda place: place.file(LOGIN, mode=0o666), "chmod 600"),
}


@pytest.mark.parametrize("message", FIRST)
def test_the_first_sentence_names_the_cure(processes, tmp_path: Path, refused_port, message: str) -> None:
    provoke, cure = FIRST[message]
    said = provoke(Place(processes, tmp_path / "home", refused_port))
    pattern = ".*?".join(map(re.escape, message.split("…")))
    line = next((line for line in said.splitlines() if re.search(pattern, line)), None)
    assert line, f"{message} is not said:\n{said}"
    first_sentence = line.split(". ")[0]
    assert cure in first_sentence, line
    # A mistake that ends it is named in the first line.
    assert line == said.splitlines()[0] or line.startswith("warning: "), said


def test_the_document_begins_with_them() -> None:
    document = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    begin = document.index("## The fifteen most likely mistakes")
    table = document[begin:document.index("\n## ", begin + 1)]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) == 15
    assert set(re.findall(r"`([^`]+)`", "".join(row.split(" | ")[0] for row in rows))) == set(FIRST)
