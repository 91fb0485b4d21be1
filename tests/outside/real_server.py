# What every real mail server of these tests has: a temporary directory, a certificate from a private CA, a log and a maildir.
from __future__ import annotations

import os
import re
import shutil
import smtplib
import ssl
import string
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mail import Mail, parse
from ports import ReservedPort, reserve_ports

TEMPLATES = Path(__file__).parent / "lab"
Found = TypeVar("Found")


def need(missing: str | None) -> None:
    """Skips the test because of what is missing here; in CI nothing may be."""
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


class RealServer:
    """Login `bench@lab.test` / `secret-lab` over STARTTLS; mail for lab.test is kept, a copy for each recipient."""

    host = "127.0.0.1"
    username, password = "bench@lab.test", "secret-lab"
    port: int
    # The fields in which a delivered copy names its recipient, the most reliable first; the directories a mail passes through before delivery.
    recipient_fields: tuple[str, ...]
    queues: tuple[str, ...]
    log_name: str

    def __init__(self) -> None:
        # Not pytest's directory, which the users of mail servers cannot read.
        self.lab = Path(tempfile.mkdtemp(prefix="smtp-mcp-outside-"))
        self.lab.chmod(0o755)
        self._kept: dict[Path, tuple[str, Mail]] = {}
        self._reserved: list[ReservedPort] = []
        try:
            self._certify()
            self.prepare()
            self.start()
            self.wait_for(self._answers, "a login over STARTTLS")
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def why_not() -> str | None:
        """Why this server cannot run here, or None."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Writes its configuration."""
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Stops its processes, if it was started at all."""
        raise NotImplementedError

    def reserve_ports(self, count: int) -> list[int]:
        """Ports that stay this server's until it has stopped."""
        self._reserved = reserve_ports(count)
        return [held.number for held in self._reserved]

    def stop(self) -> None:
        try:
            self.end()
        finally:
            for held in self._reserved:
                held.close()
            shutil.rmtree(self.lab, ignore_errors=True)

    def run(self, *command: str, text: str | None = None) -> None:
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=self.lab, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log()}"

    def fill_in(self, template: str, target: Path, **names: Any) -> None:
        """Copies a template from lab, with its variables filled in."""
        target.write_text(string.Template((TEMPLATES / template).read_text()).substitute(names, lab=self.lab))

    def _certify(self) -> None:
        self.ca_file = self.lab / "ca.pem"
        self.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=outside tests CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem",
        )
        self.run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail.lab.test", "-keyout", "key.pem", "-out", "leaf.csr")
        (self.lab / "leaf.ext").write_text(
            "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:mail.lab.test,DNS:localhost,IP:127.0.0.1\n"
        )
        self.run(
            "openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "leaf.ext", "-out", "cert.pem",
        )

    def _answers(self) -> bool:
        """Whether Python's smtplib can log in."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=5) as session:
                session.starttls(context=ssl.create_default_context(cafile=str(self.ca_file)))
                session.login(self.username, self.password)
            return True
        except OSError:
            return False

    def wait_for(self, look: Callable[[], Found], what: str) -> Found:
        """The first true result of `look`; fails with the end of the log."""
        end = time.monotonic() + 30
        while not (found := look()):
            assert time.monotonic() < end, f"waited for {what}\n{self.log()[-4000:]}"
            time.sleep(0.05)
        return found

    def variables(self, **more: Any) -> dict[str, Any]:
        """The environment of a program that sends through this server; `None` removes a variable."""
        variables = {
            "SMTP_HOST": self.host, "SMTP_PORT": self.port, "SMTP_USERNAME": self.username, "SMTP_PASSWORD": self.password,
            "SMTP_CA_FILE": self.ca_file, "SMTP_MAX_RETRIES": 0, "SMTP_FROM_EMAIL": "Bench <bench@lab.test>",
        } | more
        return {name: value for name, value in variables.items() if value is not None}

    # -- its log

    def log(self) -> str:
        path = self.lab / self.log_name
        return path.read_text(errors="replace") if path.exists() else f"(no {self.log_name})"

    def logged(self, pattern: str, after: int = 0) -> re.Match[str]:
        """Waits until the log contains a match after so many characters."""
        return self.wait_for(lambda: re.compile(pattern, re.MULTILINE).search(self.log(), after), f"the log to say {pattern}")

    # -- its maildir

    def mails(self, message_id: str, count: int) -> list[Mail]:
        """The delivered copies of one message, once there are so many."""

        def enough() -> list[Mail] | None:
            found = self._copies(message_id)
            return found if len(found) >= count else None

        return self.wait_for(enough, f"{count} copies of {message_id}")

    def final_copies(self, message_id: str) -> list[Mail]:
        """All copies of one message, once nothing is in the queue any more."""
        self.wait_for(self._is_empty, "the queue to run dry")
        return self._copies(message_id)

    def _is_empty(self) -> bool:
        return not any(path.is_file() for queue in self.queues for path in (self.lab / queue).rglob("*"))

    def _copies(self, message_id: str) -> list[Mail]:
        for path in self.lab.glob("mail/all/new/*"):
            if path not in self._kept:
                self._kept[path] = self._read(path)
        return [mail for name, mail in self._kept.values() if name == message_id]

    def _read(self, path: Path) -> tuple[str, Mail]:
        """The Message-ID, and the mail."""
        data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        smtputf8 = not data.partition(b"\r\n\r\n")[0].isascii()
        message = parse(data, smtputf8)
        mail = Mail(str(message["return-path"]).strip("<>"), [str(message[self.recipient_fields[0]])], data, smtputf8, {})
        return message["message-id"], mail


def recipients(copies: list[Mail]) -> list[str]:
    """Who got a copy, once for each copy."""
    return sorted(recipient for copy in copies for recipient in copy.recipients)
