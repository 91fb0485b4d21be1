# The text part of mails that others send holds every word that their HTML shows.
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import one_server
from failures import A
from programs import ROOT

MAILS = sorted((ROOT / "crates/server/tests/compose/html_mails").glob("*.html"))
NOT_SHOWN = ("script", "style", "title")
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")


class Shown(HTMLParser):
    """The words that a browser shows, by Python's parser."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.targets: set[str] = set()
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        style = (given.get("style") or "").replace(" ", "")
        hidden = self._hidden() or tag in NOT_SHOWN or "display:none" in style
        if not hidden:
            self._add(given.get("alt") or "" if tag == "img" else "")
            href = given.get("href") or ""
            self.targets |= {href} if tag == "a" and re.fullmatch(r"https?:\S+", href) else set()
        if tag not in VOID:
            self._open.append((tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        if tag in [name for name, _ in self._open]:
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._hidden():
            self._add(data)

    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _add(self, text: str) -> None:
        self.words |= set(re.findall(r"\w+", text))


@pytest.mark.parametrize("path", MAILS, ids=[path.stem for path in MAILS])
def test_no_word_and_no_link_is_lost(round_trip, path: Path) -> None:
    html = path.read_text()
    _, mail = round_trip.send(body=html, html=True)
    shown, text = Shown(html), mail.text()
    assert len(shown.words) > 5
    assert not shown.words - set(re.findall(r"\w+", text)), text
    assert not [target for target in shown.targets if target.rstrip("/").split("//", 1)[1] not in text], text


def test_there_are_thirty() -> None:
    assert len(MAILS) >= 30
