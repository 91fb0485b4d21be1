# Every failure with every secret known: none of them, in no form, stands in the log or in an answer, and no mail's text or whole address in the log.
import base64
import hashlib
import hmac
import json
import re

import pytest

from conftest import several_servers
from failures import CASES, CRAM, PASSWORD, USER

CHALLENGE = re.search(r"334 (\S+)\nC: \n$", CRAM)[1]
DIGEST = hmac.new(PASSWORD.encode(), base64.b64decode(CHALLENGE), hashlib.md5).hexdigest()
TEXT, SUBJECT, BYTES, NAME = "text-of-great-secrecy", "subject-of-great-secrecy", b"bytes-of-great-secrecy", "name-of-great-secrecy"


def alignments(secret: bytes) -> list[str]:
    """The parts of its base64 that are the same whatever stands around it, for the three places where it may begin in a group."""
    parts = []
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + secret).decode()
        first, last = -(-offset * 8 // 6), (offset + len(secret)) * 8 // 6
        parts.append(whole[first:last])
    return parts


def forms(secret: str) -> list[str]:
    """In the clear, in base64 wherever it begins, in hexadecimal, percent-encoded."""
    data = secret.encode()
    return [secret, *alignments(data), data.hex(), "".join(f"%{byte:02X}" for byte in data)]


def credentials() -> list[str]:
    """The password in each form in which it may have gone out."""
    sasl = [f"\0{USER}\0{PASSWORD}", f"{USER} {DIGEST}"]
    return forms(PASSWORD) + [DIGEST, *alignments(DIGEST.encode())] + [base64.b64encode(one.encode()).decode().rstrip("=") for one in sasl]


def confidential(recipients: list[str]) -> list[str]:
    """What the log does not show of a mail."""
    addresses = [*recipients, "me@first.example", "me@second.example", USER]
    return [form for text in (TEXT, SUBJECT, BYTES.decode(), NAME, *addresses) for form in [text, *alignments(text.encode())]]


def absent(forbidden: list[str], place: str, text: str) -> None:
    for one in forbidden:
        assert one not in text, f"{one!r} stands in {place}:\n" + "\n".join(line[:500] for line in text.splitlines() if one in line)


def test_the_forms_are_found_where_they_stand() -> None:
    for offset in range(3):
        assert any(form in base64.b64encode(b"x" * offset + PASSWORD.encode() + b"yz").decode() for form in alignments(PASSWORD.encode()))


@pytest.mark.parametrize("name", CASES)
def test_no_secret_is_told(stable, start, stage, closed_door, name: str) -> None:
    _, case = CASES[name]
    own = {f"{variable}_1": value for variable, value in case.variables.items()}
    known = {"SMTP_USERNAME_2": USER, "SMTP_PASSWORD_2": PASSWORD, "LOG_LEVEL": "trace", "RUST_LOG": "trace"}
    variables = several_servers(stage(case), closed_door, **own, **known)
    program = start(variables)
    file = {"filename": f"{NAME}.txt", "content": base64.b64encode(BYTES).decode()}
    # Only the first server may send as this one, so that the answer quotes what it said.
    arguments = {"body": TEXT, "attachments": [file], "from_email": "me@first.example"} | case.arguments
    said = [program.call("send_email", to=list(case.ends), subject=SUBJECT, **arguments)]
    said += [program.call(tool) for tool in ("test_smtp_connection", "get_smtp_status")]
    stable.settle()
    log = program.stderr()
    assert "delivery attempt ended" in log, "the log does not tell of it"
    absent(credentials(), "an answer", "\n".join(f"{answer.text}\n{json.dumps(answer.data, ensure_ascii=False)}" for answer in said))
    absent(credentials() + confidential(list(case.ends)), "the log", log)
