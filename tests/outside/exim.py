# A private Exim, which runs without root and without being installed: its package conflicts with Postfix's.
from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess

from programs import ROOT
from real_server import TEMPLATES, RealServer

# Where tests/outside/install-lab unpacks it.
UNPACKED = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "outside-exim"


class Exim(RealServer):
    """Recipients `bad*` are refused (550)."""

    recipient_fields = ("Envelope-to",)
    queues = ("spool/input",)
    log_name = "log/mainlog"
    _daemon: subprocess.Popen[bytes] | None = None

    @staticmethod
    def why_not() -> str | None:
        if not (UNPACKED / "exim4").exists():
            return f"there is no {UNPACKED / 'exim4'} (run tests/outside/install-lab)"
        if shutil.which("openssl") is None:
            return "openssl is not installed"
        return None

    def prepare(self) -> None:
        self.port = self.reserve_ports(1)[0]
        # Everything it reads is copied: its user may not be allowed to read the directories of the user who runs the tests.
        shutil.copytree(UNPACKED, self.lab / "exim", symlinks=True)
        shutil.copy(TEMPLATES / "exim.conf", self.lab)
        nobody = pwd.getpwnam("nobody")
        self.uid, self.gid = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        # Exim insists on the user that Debian compiled in.
        (self.lab / "passwd").write_text(f"Debian-exim:x:{self.uid}:{self.gid}::/:/bin/false\n")
        (self.lab / "group").write_text(f"Debian-exim:x:{self.gid}:\n")
        for folder in ("spool", "log", "mail"):
            (self.lab / folder).mkdir()
        for mine in ("spool", "log", "mail", "key.pem"):
            os.chown(self.lab / mine, self.uid, self.gid)

    def start(self) -> None:
        libraries = self.lab / "exim/lib"
        environment = {
            "PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(libraries), "LD_PRELOAD": str(libraries / "libnss_wrapper.so"),
            "NSS_WRAPPER_PASSWD": str(self.lab / "passwd"), "NSS_WRAPPER_GROUP": str(self.lab / "group"),
        }
        command = [str(self.lab / "exim/exim4"), "-C", str(self.lab / "exim.conf"), f"-DLAB={self.lab}", f"-DPORT={self.port}", "-bdf"]
        another = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self.lab / "stderr").open("wb") as stderr:
            self._daemon = subprocess.Popen(
                command, env=environment, cwd=self.lab, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                start_new_session=True, **another,
            )

    def log(self) -> str:
        stderr = self.lab / "stderr"
        return super().log() + (stderr.read_text(errors="replace") if stderr.exists() else "")

    def end(self) -> None:
        if self._daemon is None:
            return
        try:
            os.killpg(self._daemon.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it never came up
        self._daemon.wait(10)
