# A size that a real Postfix announces: a message one byte over it is refused before MAIL FROM.
import re

from mail import same_text
from postfix import SIZE_LIMIT, Postfix
from programs import Answer


def body_of(size: int) -> str:
    """As many bytes as asked for, as they go over the wire; the first lines begin with dots, which are doubled there but count once."""
    dots = ".\n..\n.dots\n" * 20
    lines, rest = divmod(size - len(dots.replace("\n", "\r\n")) - 3, 50)
    return dots + ("x" * 48 + "\n") * lines + "x" * (rest + 1)


def test_what_just_fits_is_sent_and_one_byte_more_is_refused_before_mail(processes, postfix: Postfix) -> None:
    program = processes.program(postfix.variables(SMTP_PORT=postfix.ports["small"]))

    def send(size: int) -> Answer:
        return program.send(to="ada@lab.test", body=body_of(size))

    refusal = send(SIZE_LIMIT).has_state("refused")
    (size,) = re.findall(rf"MAIL FROM: the message has (\d+) bytes and the server accepts {SIZE_LIMIT}; send less", refusal.text)
    fitting = 2 * SIZE_LIMIT - int(size)
    send(fitting + 1).has_state("refused").mentions(f"the message has {SIZE_LIMIT + 1} bytes")
    assert program.health("primary")["is_failed"] is False

    answer = send(fitting).has_state("sent")
    (copy,) = postfix.final_copies(answer.data["message_id"])
    copy.is_clean()
    assert same_text(copy.text(), body_of(fitting))
    assert len(copy.data) - copy.data.index(b"\r\nFrom: ") - 2 == SIZE_LIMIT, "the bytes of the mail without what Postfix wrote above it"
    processes.stop_all()
    # Three mails were requested, over one connection or two; MAIL was sent for one of them.
    conversations = postfix.wait_for(lambda: ends_of_conversations(postfix), "the connections to end")
    assert [found for line in conversations for found in re.findall(r"mail=\S+|bdat=\S+|data=\S+", line)] == ["mail=1", "bdat=1"], conversations


def ends_of_conversations(postfix: Postfix) -> list[str]:
    """The log's summary of each connection to that port, once all of them have ended."""
    begins, ends = (re.findall(rf"postfix/small/smtpd\S+ {word} from .*", postfix.log()) for word in ("connect", "disconnect"))
    return ends if len(ends) == len(begins) else []
