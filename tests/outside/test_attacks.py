# docs/attacks.md lists every attack of the corpus. UPDATE_DOCS=1 writes it.
import json
import os

import test_approval  # noqa: F401: registers its attacks
import test_modes  # noqa: F401
import test_quotas  # noqa: F401
from attacks import REGISTERED, Attack
from programs import ROOT
from test_recipients import ALLOWED, BY_ALLOWED, BY_DENIED, BY_ROUTE, DENIED, PERMITTED, REFUSED

DOCUMENT = ROOT / "docs/attacks.md"
HEAD = """# Attacks on the rules

Every line was tried on the real program by `cargo xtask test`, most of them in both versions of the protocol and over stdio and HTTP; a test fails if anything else happens than this page says. `UPDATE_DOCS=1` writes it.
"""
AREAS = {
    "recipients": f"""## Recipients against lists

The lists are, unless a line has its own: allowed `{ALLOWED["SMTP_ALLOWED_RECIPIENTS"]}`; denied `{DENIED["SMTP_DENIED_RECIPIENTS"]}`. What is refused is refused as a whole, and nobody gets the mail.
""",
    "approval": "## Approval\n\nA mail is held by `SMTP_APPROVAL=always` or `SMTP_POLICY=strict`; then this is tried.\n",
    "quotas": "## Quotas and the pause\n",
    "modes": "## Modes and reading only\n",
}
RULES = {BY_ALLOWED: "`SMTP_ALLOWED_RECIPIENTS`", BY_DENIED: "`SMTP_DENIED_RECIPIENTS`", BY_ROUTE: "it may be sent on to another mailbox", "": "it is not one clear address"}


def code(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True).replace("|", "\\|")
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def listed(rules: dict) -> str:
    if rules == ALLOWED:
        return "allowed"
    if rules == DENIED:
        return "denied"
    return ", ".join(f"`{name.removeprefix('SMTP_')}={value}`" for name, value in rules.items() if (name, value) not in (ALLOWED | DENIED).items())


def of_recipients() -> list[Attack]:
    permitted = [Attack("recipients", f"{code(arguments)}, list: {listed(rules)}", "sent to " + ", ".join(code(one) for one in envelope), "nothing: it is permitted") for rules, arguments, envelope in PERMITTED]
    refused = [Attack("recipients", f"{code(arguments)}, list: {listed(rules)}", "refused", RULES[rule]) for rules, arguments, rule in REFUSED]
    return refused + permitted


def document() -> tuple[str, int]:
    attacks = of_recipients() + REGISTERED
    text, number = HEAD, 0
    for area, title in AREAS.items():
        text += f"\n{title}\n| | what is tried | what happens | what catches it |\n| --- | --- | --- | --- |\n"
        for one in (one for one in attacks if one.area == area):
            number += 1
            text += f"| {number} | {one.tried} | {one.expected} | {one.caught_by} |\n"
    assert number == len(attacks)
    return text, number


def test_the_document_lists_every_attack() -> None:
    text, number = document()
    assert number >= 150
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text, "UPDATE_DOCS=1 writes docs/attacks.md"
