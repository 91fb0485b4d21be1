# Slow servers, each for as long as a call may last: all of them at the same time.
import time
from typing import Any

import pytest

from conftest import one_server, several_servers
from failures import A, ENVELOPE, LARGE, UP_TO_THE_END
from pipe import Pipe
from programs import Answer
from scripted import HELLO
from test_bounds import ANSWERED, AT_REST, WITH_LARGE_MAIL, peak, send

# The conversation, the state, words, what else the call has
LATE = {
    "a byte a second as the greeting": ("drip 1 220 " + "x" * 300, "queued", ("greeting", "no answer within 30 s", "tried again at"), {}),
    "a byte a second to EHLO": ("S: 220 hello\nC: EHLO\ndrip 1 250 " + "x" * 300, "queued", ("EHLO", "no answer within 30 s"), {}),
    "a byte a second to RCPT": (HELLO + "C: MAIL\nS: 250 ok\nC: RCPT\ndrip 1 250 " + "x" * 300, "queued", ("RCPT TO", "no answer within 30 s"), {}),
    "a byte a second at the end": (UP_TO_THE_END + "keep\ndrip 1 250 " + "x" * 300, "unknown", ("still waiting", "Do not send it again"), {}),
    "a line a second at the end": (UP_TO_THE_END + "keep\n" + "S: 250-wait\nwait 1\n" * 60, "unknown", ("still waiting",), {}),
    "silence at the end": (UP_TO_THE_END + "keep\nstall", "unknown", ("still waiting", "Do not send it again"), {}),
    "silence in the content": (ENVELOPE + "S: 354 go on\nstall", "queued", ("no answer within 30 s",), LARGE),
}


SECOND_TAKES_OVER = "silence in the content, and another server"


@pytest.fixture(scope="module")
def late(module_processes) -> dict[str, tuple[Pipe, Any, Any, Answer]]:
    """All cases at once: the program, its servers, and its result, which came in time."""
    under_way = {}
    for name, (script, _, _, more) in LATE.items():
        server = module_processes.scripted(script)
        under_way[name] = (module_processes.pipe(one_server(server, SMTP_TIMEOUT=30)).handshake(), server, None, more)
    first, second = module_processes.scripted(LATE["silence in the content"][0]), module_processes.capture()
    under_way[SECOND_TAKES_OVER] = (module_processes.pipe(several_servers(first, second, SMTP_TIMEOUT_1=5)).handshake(), first, second, LARGE)
    began = time.monotonic()
    calls = {name: send(pipe, wait_seconds=45, **more) for name, (pipe, _, _, more) in under_way.items()}
    return {
        name: (pipe, server, second, pipe.answer(calls[name], ANSWERED - (time.monotonic() - began)))
        for name, (pipe, server, second, _) in under_way.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE)
def test_a_server_that_takes_its_time(late, name: str) -> None:
    """The rows of docs/failures.md that wait for the end of the call are here."""
    _, state, words, more = LATE[name]
    pipe, server, _, answer = late[name]
    answer.has_state(state).mentions(*words)
    listed = answer.data["unknown" if state == "unknown" else "pending"]
    assert listed == [A], answer
    memory = peak(pipe)
    assert memory < (WITH_LARGE_MAIL if more else AT_REST), f"{memory:.0f} MiB"
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()[-2000:]
    assert len(server.conversations) <= 2, "connected again and again"
    assert [mail.recipients for mail in server.kept()] == ([[A]] if state == "unknown" else [])


@pytest.mark.slow
def test_a_server_that_stalls_in_the_content_is_hurt_and_another_takes_over(late) -> None:
    """The row "Data: the connection is closed or stalls before the last byte was sent", with a second server."""
    pipe, _, second, answer = late[SECOND_TAKES_OVER]
    servers = pipe.call("get_smtp_status").data["server_status"]["servers"]
    answer.has_state("sent")
    assert second.take().recipients == [A]
    # Its back-off may be over by now, because all these calls are waited for together.
    assert servers[0]["last_failure"] is not None and servers[1]["last_failure"] is None, servers
