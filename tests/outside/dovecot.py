# A private Dovecot submission service that takes only access tokens, and relays what it takes to a capture server.
from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from urllib.parse import urlsplit

from real_server import RealServer

DOVECOT = "/usr/sbin/dovecot"
SUBMISSION = "/usr/lib/dovecot/submission"


class Dovecot(RealServer):
    """Logins with tokens of `provider`, by these mechanisms; mail goes on to `relay`."""

    log_name = "log"
    _master: subprocess.Popen[bytes] | None = None

    def __init__(self, provider: str, relay: int, mechanisms: str = "xoauth2 oauthbearer") -> None:
        self.provider, self.relay, self.mechanisms = provider, relay, mechanisms
        super().__init__()

    @staticmethod
    def why_not() -> str | None:
        if os.geteuid() != 0:
            return "Dovecot needs root"
        if not os.path.exists(SUBMISSION) or shutil.which("openssl") is None:
            return "Dovecot's submission service is not installed (run tests/outside/install-lab as root)"
        return None

    def prepare(self) -> None:
        self.port = self.reserve_ports(1)[0]
        nobody = pwd.getpwnam("nobody")
        (self.lab / "mail").mkdir()
        os.chown(self.lab / "mail", nobody.pw_uid, nobody.pw_gid)
        self.fill_in("dovecot-oauth2.conf", self.lab / "oauth2.conf", provider=urlsplit(self.provider).netloc)
        self.fill_in(
            "dovecot.conf", self.lab / "dovecot.conf", port=self.port, relay=self.relay, mechanisms=self.mechanisms,
            uid=nobody.pw_uid, gid=nobody.pw_gid,
        )

    def start(self) -> None:
        with (self.lab / "stderr").open("wb") as stderr:
            self._master = subprocess.Popen(
                [DOVECOT, "-F", "-c", str(self.lab / "dovecot.conf")], stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                start_new_session=True,
            )

    def end(self) -> None:
        if self._master and self._master.poll() is None:
            self._master.send_signal(signal.SIGTERM)
            self._master.wait(20)

    def _answers(self) -> bool:
        """Whether it greets: there is no login without a token."""
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as connection:
                return connection.recv(100).startswith(b"220")
        except OSError:
            return False

    def variables(self, **more: object) -> dict[str, object]:
        return super().variables(**{"SMTP_PASSWORD": None, "SMTP_AUTH": "oauth", "SMTP_OAUTH_CLIENT_ID": "public-app"} | more)
