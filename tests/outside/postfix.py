# A private Postfix on several ports, each configured differently.
from __future__ import annotations

import os
import pwd
import shutil
import subprocess

from real_server import RealServer

POSTFIX = "/usr/sbin/postfix"
SASLPASSWD = "/usr/sbin/saslpasswd2"

# The services in lab/master.cf, a port for each.
SERVICES = ("starttls", "implicit", "only_plain", "only_login", "only_cram_md5", "only_scram_sha_1", "only_scram_sha_256", "plaintext", "small", "second")
SIZE_LIMIT = 60_000
RECIPIENTS = """
/^bad/ 550 5.1.1 no such user here
/^tmp/ 450 4.2.0 try later
/^bye/ 421 4.3.2 closing for now
"""
SENDERS = """
/^evil/ 550 5.7.1 not this sender
"""


class Postfix(RealServer):
    """Recipients `bad*` are refused (550), `tmp*` deferred (450), and at `bye*` the connection is closed (421). Senders `evil*` are refused."""

    other_host = "127.0.0.2"  # the certificate names the first one only
    recipient_fields = ("Delivered-To", "X-Original-To")
    queues = ("queue/maildrop", "queue/incoming", "queue/active", "queue/deferred")
    log_name = "maillog"

    @staticmethod
    def why_not() -> str | None:
        if os.geteuid() != 0:
            return "Postfix needs root"
        for tool in (POSTFIX, SASLPASSWD, "openssl"):
            if shutil.which(tool) is None:
                return f"{tool} is not installed (run tests/outside/install-lab as root)"
        return None

    def prepare(self) -> None:
        for folder in ("etc/sasl", "data", "queue", "mail"):
            (self.lab / folder).mkdir(parents=True)
        self.ports = dict(zip(SERVICES, self.reserve_ports(len(SERVICES))))
        self.port = self.ports["starttls"]
        owner = pwd.getpwnam("postfix")
        etc = self.lab / "etc"
        self.fill_in("main.cf", etc / "main.cf", uid=owner.pw_uid, gid=owner.pw_gid)
        self.fill_in("master.cf", etc / "master.cf", size_limit=SIZE_LIMIT, **self.ports)
        (etc / "recipients").write_text(RECIPIENTS)
        (etc / "senders").write_text(SENDERS)
        (etc / "sasl/smtpd.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\nsasldb_path: {etc}/sasldb2\n"
        )
        self.run(SASLPASSWD, "-p", "-c", "-f", str(etc / "sasldb2"), "-u", "lab.test", "bench", text=self.password)
        shutil.chown(etc / "sasldb2", group="postfix")
        (etc / "sasldb2").chmod(0o640)
        for folder in ("data", "mail"):
            shutil.chown(self.lab / folder, "postfix", "postfix")

    def start(self) -> None:
        self.run(POSTFIX, "-c", str(self.lab / "etc"), "start")

    def end(self) -> None:
        subprocess.run([POSTFIX, "-c", str(self.lab / "etc"), "stop"], capture_output=True, timeout=60, check=False)

    def came_by(self, message_id: str) -> str:
        """The client of this message according to the log: address, and login."""
        number = self.logged(rf"(\w+): message-id={message_id}").group(1)
        return self.logged(rf"\b{number}: (client=.*)").group(1)
