# Every way to log in that the program knows, against a real Postfix, whose log says which one was used.
import pytest

from postfix import Postfix
from real_server import recipients

# the port, its settings, the mechanism used there
LOGINS = {
    "only PLAIN": ("only_plain", {}, "PLAIN"),
    "only LOGIN": ("only_login", {}, "LOGIN"),
    "only CRAM-MD5": ("only_cram_md5", {}, "CRAM-MD5"),
    "only SCRAM-SHA-1": ("only_scram_sha_1", {}, "SCRAM-SHA-1"),
    "only SCRAM-SHA-256": ("only_scram_sha_256", {}, "SCRAM-SHA-256"),
    "of all under TLS the one in a single step": ("starttls", {}, "PLAIN"),
    "of all in plaintext the one that hides the password best": ("plaintext", {"SMTP_USE_TLS": "false"}, "SCRAM-SHA-256"),
}


@pytest.mark.parametrize("name", LOGINS)
def test_logins(processes, postfix: Postfix, name: str) -> None:
    port, changed, mechanism = LOGINS[name]
    variables = postfix.variables(SMTP_PORT=postfix.ports[port], **changed)
    answer = processes.program(variables).send(to="ada@lab.test").has_state("sent")
    assert recipients(postfix.mails(answer.data["message_id"], 1)) == ["ada@lab.test"]
    assert f"sasl_method={mechanism}, sasl_username=bench@lab.test" in postfix.came_by(answer.data["message_id"])

    begin = len(postfix.log())
    program = processes.program(variables | {"SMTP_PASSWORD": "wrong-secret"})
    program.send(to="ada@lab.test").has_state("refused").mentions("login", "535", "SMTP_PASSWORD", "paused")
    postfix.logged(f"SASL {mechanism} authentication failed", begin)
    assert program.health("primary")["is_paused"] is True
