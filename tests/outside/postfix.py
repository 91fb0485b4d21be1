# A real Postfix of its own: free loopback ports, a temporary folder, a certificate authority of its own, mail into one maildir.
from __future__ import annotations

import os
import pwd
import shutil
import smtplib
import socket
import ssl
import string
import subprocess
import tempfile
import time
from pathlib import Path

from mail import Mail

TEMPLATES = Path(__file__).parent / "lab"
POSTFIX = "/usr/sbin/postfix"
SASLPASSWD = "/usr/sbin/saslpasswd2"


def why_not() -> str | None:
    """Why there can be no Postfix here, or None."""
    if os.geteuid() != 0:
        return "Postfix needs root"
    for tool in (POSTFIX, SASLPASSWD, "openssl"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (run tests/outside/install-lab as root)"
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    """Login `bench@lab.test` / `secret-lab`; recipients `bad*` are refused (550), `tmp*` deferred (451); mail for lab.test is kept."""

    username, password = "bench@lab.test", "secret-lab"
    host, other_host = "127.0.0.1", "127.0.0.2"  # the certificate names the first one only

    def __init__(self) -> None:
        # Not pytest's folder: that one is closed to the user whom Postfix runs as.
        self.lab = Path(tempfile.mkdtemp(prefix="smtp-mcp-postfix-"))
        self.lab.chmod(0o755)
        try:
            self._prepare()
            self._run(POSTFIX, "-c", str(self.lab / "etc"), "start")
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise

    def _run(self, *command: str, text: str | None = None) -> None:
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=self.lab, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log()}"

    def _prepare(self) -> None:
        for folder in ("etc/sasl", "data", "queue", "mail"):
            (self.lab / folder).mkdir(parents=True)
        self._certify()
        owner = pwd.getpwnam("postfix")
        self.port, self.implicit_port = free_port(), free_port()
        names = {
            "lab": self.lab, "uid": owner.pw_uid, "gid": owner.pw_gid, "starttls": self.port, "implicit": self.implicit_port,
        }
        for name in ("main.cf", "master.cf"):
            template = string.Template((TEMPLATES / name).read_text())
            (self.lab / "etc" / name).write_text(template.substitute(names))
        etc = self.lab / "etc"
        (etc / "recipients").write_text("/^bad/ 550 5.1.1 no such user here\n/^tmp/ 451 4.3.0 try later\n")
        (etc / "sasl/smtpd.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5\nsasldb_path: {etc}/sasldb2\n"
        )
        self._run(SASLPASSWD, "-p", "-c", "-f", str(etc / "sasldb2"), "-u", "lab.test", "bench", text=self.password)
        shutil.chown(etc / "sasldb2", group="postfix")
        (etc / "sasldb2").chmod(0o640)
        for folder in ("data", "mail"):
            shutil.chown(self.lab / folder, "postfix", "postfix")

    def _certify(self) -> None:
        self.ca_file = self.lab / "ca.pem"
        self._run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=outside tests CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem",
        )
        self._run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail.lab.test", "-keyout", "key.pem", "-out", "leaf.csr")
        (self.lab / "leaf.ext").write_text(
            "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:mail.lab.test,DNS:localhost,IP:127.0.0.1\n"
        )
        self._run(
            "openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "leaf.ext", "-out", "cert.pem",
        )

    def _wait_until_up(self) -> None:
        """Postfix is up when Python's smtplib could log in over STARTTLS."""
        end = time.monotonic() + 30
        while True:
            try:
                with smtplib.SMTP(self.host, self.port, timeout=5) as session:
                    session.starttls(context=ssl.create_default_context(cafile=str(self.ca_file)))
                    session.login(self.username, self.password)
                return
            except OSError as trouble:
                assert time.monotonic() < end, f"{trouble!r}\n{self.log()}"
                time.sleep(0.1)

    def log(self) -> str:
        path = self.lab / "maillog"
        return path.read_text(errors="replace") if path.exists() else "(no maillog)"

    def mails(self, message_id: str, count: int) -> list[Mail]:
        """The delivered copies of one message, as soon as there are so many; a copy for each recipient."""
        end = time.monotonic() + 20
        while True:
            found = [mail for mail in map(self._read, self.lab.glob("mail/all/new/*")) if mail.message["message-id"] == message_id]
            if len(found) >= count:
                return found
            assert time.monotonic() < end, f"{len(found)} of {count} copies of {message_id}\n{self.log()[-4000:]}"
            time.sleep(0.05)

    @staticmethod
    def _read(path: Path) -> Mail:
        data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        smtputf8 = not data.partition(b"\r\n\r\n")[0].isascii()
        mail = Mail("", [], data, smtputf8, {})
        message = mail.message
        mail.sender = str(message["return-path"]).strip("<>")
        mail.recipients = [str(message["delivered-to"])]
        return mail

    def stop(self) -> None:
        subprocess.run([POSTFIX, "-c", str(self.lab / "etc"), "stop"], capture_output=True, timeout=60, check=False)
        shutil.rmtree(self.lab, ignore_errors=True)
