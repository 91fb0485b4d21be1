# Many calls at once on one process: each mail once, none mixed up, none affected by another one's failure.
import base64
import threading

import pytest

from conftest import MODES, one_server, several_servers
from mail import same_text

COUNT = 64


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def calls() -> list[dict]:
    return [
        {
            "to": f"reader{number}@example.org", "subject": f"Subject {number}", "body": f"Body {number}\n" * (number + 1),
            "attachments": [{"filename": f"{number}.bin", "content": base64.b64encode(bytes([number]) * 1000).decode()}],
        }
        for number in range(COUNT)
    ]


def arrived_whole(captures: list, asked: list[dict]) -> None:
    mails = [mail for capture in captures for mail in capture.kept()]
    assert len(mails) == len(asked), [mail.recipients for mail in mails]
    by_subject = {mail.message["subject"]: mail for mail in mails}
    assert len({mail.message["message-id"] for mail in mails}) == len(asked)
    for call in asked:
        mail = by_subject[call["subject"]]
        mail.is_clean()
        assert mail.recipients == [call["to"]] == mail.addresses("to")
        assert same_text(mail.text(), call["body"])
        attachment = call["attachments"][0]
        ((name, _, data),) = mail.attachments()
        assert (name, data) == (attachment["filename"], base64.b64decode(attachment["content"]))


def test_64_at_once(processes, mode: str) -> None:
    capture = processes.capture()
    program = processes.program(one_server(capture), mode=mode)
    answers = program.call_all("send_email", calls())
    for call, answer in zip(calls(), answers):
        assert answer.has_state("sent").data["accepted"] == [call["to"]]
    processes.stop_all()
    arrived_whole([capture], calls())


def test_64_at_once_where_the_first_server_defers_every_one(processes, mode: str) -> None:
    first, second = processes.capture("--defer", "*"), processes.capture()
    program = processes.program(several_servers(first, second), mode=mode)
    for answer in program.call_all("send_email", calls()):
        answer.has_state("sent")
    processes.stop_all()
    arrived_whole([first, second], calls())


def test_bad_ones_among_good_ones(processes, mode: str) -> None:
    capture = processes.capture("--refuse", "bad*")
    program = processes.program(one_server(capture), mode=mode)
    asked = calls()
    for call in asked[::2]:
        call["to"] = "bad" + call["to"]
    answers = program.call_all("send_email", asked)
    for number, answer in enumerate(answers):
        answer.has_state("sent" if number % 2 else "refused")
    processes.stop_all()
    arrived_whole([capture], asked[1::2])


def test_status_answers_while_a_mail_waits(processes, mode: str) -> None:
    capture = processes.capture("--answer-after", "2")
    program = processes.program(one_server(capture), mode=mode)

    answers: list = []
    sender = threading.Thread(target=lambda: answers.append(program.send()))
    sender.start()
    capture.wait("content")
    assert program.call("get_smtp_status").data["total_servers"] == 1
    assert answers == [], "the status waited for the mail"
    sender.join(30)
    answers[0].has_state("sent")
