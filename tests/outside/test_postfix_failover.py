# A real Postfix that refuses, defers, or disconnects in the middle of a session, alone and with a backup: never two copies.
from typing import Any

import pytest

from mail import same_text
from postfix import Postfix
from programs import Program
from real_server import recipients
from cut_connection import CutConnection

ADA, BAD, TMP, BYE, CARL = (f"{name}@lab.test" for name in ("ada", "bad", "tmp", "bye", "carl"))
LAST_DOT = b"\r\n.\r\n"
# More than the socket buffers hold: when the connection is cut in the header, the last byte cannot have been written.
LARGE = ("x" * 70 + "\n") * 140_000

# Where the connection to the first server is cut: at a word, which is forwarded or not.
CUTS = {
    "cut at a recipient": (b"RCPT TO:<carl", False),
    "cut before the last dot": (LAST_DOT, False),
    "cut before the reply to the last dot": (LAST_DOT, True),
    "cut in a large content": (b"From: ", False),
    "cut behind a whole flight": (b"RCPT TO:<carl", False),
}


@pytest.fixture
def first(processes, postfix: Postfix, behavior: str) -> dict[str, Any]:
    """The environment for the first server: behind a connection that will be cut, or one that refuses recipients."""
    if behavior not in CUTS:
        return postfix.variables()
    wire = CutConnection(postfix.ports["plaintext"], *CUTS[behavior])
    processes.add_cleanup(wire.stop)
    chunking = "true" if "flight" in behavior else "false"
    return postfix.variables(SMTP_PORT=wire.port, SMTP_USE_TLS="false", SMTP_CHUNKING=chunking)


def is_in_back_off(program: Program, server: str) -> bool:
    """The shortest back-off of docs/failures.md."""
    health = program.health(server)
    return health["is_failed"] is True and health["is_paused"] is False and 0 < health["backoff_remaining"] <= 5


# behavior, for whom, state, who has a copy through the first server, through the second, who is refused, who is unknown, whether the first is in back-off
ENDS = [
    ("refused stays refused", [ADA, BAD], "partial", [ADA], [], [BAD], [], False),
    ("deferred alone moves on", [ADA, TMP, CARL], "sent", [ADA, CARL], [TMP], [], [], False),
    ("421 moves all who are open", [ADA, BAD, BYE, CARL], "partial", [], [ADA, BYE, CARL], [BAD], [], True),
    ("cut at a recipient", [ADA, CARL], "sent", [], [ADA, CARL], [], [], True),
    ("cut before the last dot", [ADA, CARL], "unknown", [], [], [], [ADA, CARL], True),
    ("cut before the reply to the last dot", [ADA, BAD, CARL], "unknown", [ADA, CARL], [], [BAD], [ADA, CARL], True),
    ("cut in a large content", [ADA], "sent", [], [ADA], [], [], True),
    ("cut behind a whole flight", [ADA, CARL], "unknown", [], [], [], [ADA, CARL], True),
]


@pytest.mark.parametrize(("behavior", "to", "state", "at_first", "at_second", "refused", "unknown", "in_back_off"), ENDS, ids=[end[0] for end in ENDS])
def test_over_two_servers_no_one_has_two_copies(
    processes, postfix: Postfix, behavior: str, first: dict[str, Any], to: list[str], state: str, at_first: list[str], at_second: list[str],
    refused: list[str], unknown: list[str], in_back_off: bool,
) -> None:
    servers = {"first": first, "second": postfix.variables(SMTP_PORT=postfix.ports["second"])}
    variables = {f"{name}_{number}": value for number, server in enumerate(servers.values(), 1) for name, value in server.items()}
    program = processes.program(variables | {f"SMTP_NAME_{number}": name for number, name in enumerate(servers, 1)})
    body = LARGE if "large" in behavior else "Body"
    answer = program.send(to=to, body=body).has_state(state)
    assert (answer.rejected, answer.data["unknown"]) == (refused, unknown), answer
    assert answer.data["accepted"] == ([] if unknown else [address for address in to if address not in refused]), answer
    assert is_in_back_off(program, "first") is in_back_off, program.health("first")
    assert program.health("second")["is_failed"] is False
    processes.stop_all()
    copies = postfix.final_copies(answer.data["message_id"])
    for copy in copies:
        copy.is_clean()
        assert same_text(copy.text(), body)
    through_second = [copy for copy in copies if "by second.lab.test (Postfix)" in copy.message["received"]]
    assert recipients(through_second) == at_second
    assert recipients([copy for copy in copies if copy not in through_second]) == at_first


def test_a_connection_closed_at_a_recipient(processes, postfix: Postfix) -> None:
    """Recipients accepted before the cut get no copy and the reason; refused ones keep their refusal; the next mail is sent."""
    program = processes.program(postfix.variables())
    to = [ADA, BAD, BYE, CARL]
    answer = program.send(to=to).has_state("queued").mentions(", ".join([ADA, BYE, CARL]), "RCPT TO", "421 4.3.2", "closing for now")
    told = program.call("get_email", id=answer.data["id"]).data["email"]["recipients"]
    listed = {one["address"]: (one["code"], one["enhanced_code"], one["status"]) for one in told}
    assert listed == dict.fromkeys(to, (421, "4.3.2", "pending")) | {BAD: (550, "5.1.1", "rejected")}
    assert is_in_back_off(program, "primary")
    program.send(to=BYE).has_state("queued").mentions("421 4.3.2")
    assert is_in_back_off(program, "primary"), "the back-off does not grow"

    after = program.send(to=[ADA, CARL]).has_state("sent")
    assert recipients(postfix.final_copies(after.data["message_id"])) == [ADA, CARL]
    assert postfix.final_copies(answer.data["message_id"]) == []
    assert answer.data["message_id"] not in postfix.log()
    assert program.health("primary")["is_failed"] is False
