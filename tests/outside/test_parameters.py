# Every parameter of send_email: what was requested is what arrives, and a refused call sends nothing.
import re

import pytest

from conftest import RoundTrip
from mail import same_text, shape

A, B = "ada@example.org", "bob@example.org"

# as given: the envelope's recipients and the addresses in the To header
RECIPIENTS = [
    (A, [A]),
    (f"  {A}  ", [A]),
    (f"Ada <{A}>", [A]),
    (f"<{A}>", [A]),
    (f"{A}, {B}", [A, B]),
    (f"{A},{B}", [A, B]),
    (f'"Lovelace, Ada" <{A}>, Bob <{B}>', [A, B]),
    (f'"Ada \\"the first\\" L." <{A}>', [A]),
    (f"Ådä Löve <{A}>", [A]),
    ([A], [A]),
    ([A, B], [A, B]),
    ([f'"Lovelace, Ada" <{A}>', B], [A, B]),
    (f'["{A}", "Bob <{B}>"]', [A, B]),
    ([A, A], [A]),
    (f"{A}, Ada <{A}>", [A]),
    (["ada@EXAMPLE.org", A], ["ada@example.org"]),
    ("user+tag@example.org", ["user+tag@example.org"]),
    ("o'brien@example.org", ["o'brien@example.org"]),
    ('"with space"@example.org', ['"with space"@example.org']),
    ("ada@bücher.example", ["ada@xn--bcher-kva.example"]),
    ("ada@xn--bcher-kva.example", ["ada@xn--bcher-kva.example"]),
]


@pytest.mark.parametrize(("to", "envelope"), RECIPIENTS, ids=lambda value: str(value)[:40])
def test_to(round_trip: RoundTrip, to: object, envelope: list[str]) -> None:
    answer, mail = round_trip.send(to=to)
    folded = [address.casefold() for address in mail.recipients]
    assert folded == [address.casefold() for address in envelope]
    # Whether the header names someone twice is a matter of taste; the envelope must not.
    assert list(dict.fromkeys(address.casefold() for address in mail.addresses("to"))) == folded
    assert len(answer.data["accepted"]) == len(envelope), answer
    assert answer.data["rejected"] == answer.data["pending"] == answer.data["unknown"] == [], answer


NAMES = ["Ada", "Lovelace, Ada", 'the "first"', "Ådä Löve", "日本 太郎", "寿限無" * 30, "x" * 200, "back\\slash", "(round)"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
def test_a_display_name_arrives_as_given(round_trip: RoundTrip, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    _, mail = round_trip.send(to=f'"{quoted}" <{A}>')
    assert (mail.names("to"), mail.addresses("to")) == ([name], [A])


def test_two_addresses_in_one_element_reach_both_or_are_refused(round_trip: RoundTrip) -> None:
    round_trip.capture.forget()
    answer = round_trip.program.send(to=[f"{A}, {B}"])
    if answer.is_error:
        answer.has_state("refused")
        round_trip.nothing_arrived()
    else:
        assert round_trip.capture.take().recipients == [A, B]


def test_cc_and_bcc(round_trip: RoundTrip) -> None:
    answer, mail = round_trip.send(to=A, cc=f"Carl <carl@example.org>, {B}", bcc=["hidden@example.org", "Secret <also@example.org>"])
    assert sorted(mail.recipients) == sorted([A, B, "carl@example.org", "hidden@example.org", "also@example.org"])
    assert mail.addresses("cc") == ["carl@example.org", B]
    for secret in (b"hidden", b"also@", b"Secret", b"bcc"):
        assert secret not in mail.data.lower().replace(b"secret", b"Secret"), f"{secret!r} is in the mail"
    assert len(answer.data["accepted"]) == 5


def test_one_address_in_several_lists_gets_one_copy(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(to=A, cc=[A, B], bcc=f"{B}, {A}, carl@example.org")
    assert sorted(mail.recipients) == [A, B, "carl@example.org"]
    assert "carl" not in mail.head


SUBJECTS = [
    "Plain",
    "two  spaces  inside",
    "Grüße aus Köln",
    "日本語の件名です、とても長いので折り返しが必要になります。" * 3,
    "🎉 emoji 👩‍👩‍👧 family",
    "long ascii words " * 40 + "end",
    "x" * 900,
    "ü" * 300,
    "=?utf-8?q?looks_encoded?=",
    "mixed plain and ünïcode, " * 12 + "end",
    "a: b; c, <d> \"e\" (f)",
    "y" * 998,
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject[:20])
def test_subject_arrives_exactly(round_trip: RoundTrip, subject: str) -> None:
    _, mail = round_trip.send(subject=subject)
    assert mail.message["subject"] == subject


BODIES = {
    "empty": "",
    "word": "Body",
    "newline at the end": "Body\n",
    "newlines at the end": "Body\n\n\n",
    "newlines at the start": "\n\n\nBody\n",
    "only newlines": "\n\n",
    "dots": ".\n..\n.dot\n...three\nend.\n.",
    "lone dot": ".",
    "dot at the very end": "a\n.\n",
    "CRLF": "one\r\ntwo\r\n",
    "mixed ends": "one\r\ntwo\nthree\r\n",
    "long line": "x" * 5000 + "\n" + "y" * 998 + "\n" + "z" * 999,
    "long words in UTF-8": "ü" * 3000,
    "UTF-8": "Grüße, 日本語, 🎉, नमस्ते\n",
    "trailing spaces": "one  \ntwo\t\n  three\n",
    "From line": "From here on\n>From there\n",
    "looks encoded": "=3D =?utf-8?q?x?= =\n=20\n",
    "boundary like": "--boundary\n--\n--=\n",
    "tabs": "\ta\tb\n",
    "big": "A line of ordinary text, as people write it.\n" * 20_000,
}


@pytest.mark.parametrize("name", BODIES)
def test_body_arrives_exactly(round_trip: RoundTrip, name: str) -> None:
    _, mail = round_trip.send(body=BODIES[name])
    assert shape(mail.message) == "text/plain"
    assert same_text(mail.text(), BODIES[name]), f"sent {BODIES[name][:300]!r}, got {mail.text()[:300]!r}\n{mail.data[:1500]!r}"


@pytest.mark.parametrize("name", [name for name in BODIES if name not in ("empty", "only newlines")])
def test_html_body_arrives_exactly_beside_a_text_part(round_trip: RoundTrip, name: str) -> None:
    _, mail = round_trip.send(body=f"<pre>{BODIES[name]}</pre>", html=True)
    assert shape(mail.message) == ("alternative", ["text/plain", "text/html"])
    assert same_text(mail.text("html"), f"<pre>{BODIES[name]}</pre>")


def test_the_made_text_part_holds_the_words_and_no_tags(round_trip: RoundTrip) -> None:
    html = "<html><head><style>p { color: red }</style></head><body><h1>Title</h1><p>a &amp; b<p>c <a href='https://example.org/x'>link</a></body></html>"
    answer, mail = round_trip.send(body=html, html=True)
    text = mail.text()
    for word in ("Title", "a & b", "c", "link", "https://example.org/x"):
        assert word in text, text
    assert "<" not in text.replace("<https", "") and "color" not in text, text
    assert same_text(mail.text("html"), html)
    assert "html" in answer.data["details"]["content_type"]


def test_an_own_text_part_is_taken_as_given(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(body="<p>Hello</p>", html=True, text="My own Text, größer\n")
    assert shape(mail.message) == ("alternative", ["text/plain", "text/html"])
    assert mail.text() == "My own Text, größer\n"


def test_reply_to(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(reply_to=f'"RoundTrip, Help" <help@example.org>, {B}')
    assert mail.addresses("reply-to") == ["help@example.org", B]
    assert mail.recipients == [A]


THREADING = [
    ({"in_reply_to": "1@example.org"}, "<1@example.org>", None),
    ({"in_reply_to": "<1@example.org>"}, "<1@example.org>", None),
    ({"references": "1@a.example 2@b.example"}, None, ["<1@a.example>", "<2@b.example>"]),
    ({"references": "<1@a.example> 2@b.example"}, None, ["<1@a.example>", "<2@b.example>"]),
    ({"references": ["1@a.example", "<2@b.example>"]}, None, ["<1@a.example>", "<2@b.example>"]),
    ({"references": [f"<{number}.{'x' * 40}@example.org>" for number in range(30)]}, None, [f"<{number}.{'x' * 40}@example.org>" for number in range(30)]),
    ({"in_reply_to": "2@b.example"}, "<2@b.example>", ["<2@b.example>"]),
    ({"in_reply_to": "2@b.example", "references": ["1@a.example"]}, "<2@b.example>", ["<1@a.example>", "<2@b.example>"]),
    ({"in_reply_to": "<b@x.example>\n", "references": "<a@x.example>\r\n <b@x.example>"}, "<b@x.example>", ["<a@x.example>", "<b@x.example>"]),
    ({"in_reply_to": "<cCjl1y02r2fuMPN01CjnwL>"}, "<cCjl1y02r2fuMPN01CjnwL>", ["<cCjl1y02r2fuMPN01CjnwL>"]),
    ({"in_reply_to": "&lt;a,b@x.example&gt;"}, "<a,b@x.example>", ["<a,b@x.example>"]),
    ({"references": "<a,b@x.example>,<c@x.example><d@x.example>"}, None, ["<a,b@x.example>", "<c@x.example>", "<d@x.example>"]),
    ({"in_reply_to": "<grüße@x.example>"}, "<grüße@x.example>", ["<grüße@x.example>"]),
]


@pytest.mark.parametrize(("given", "reply", "references"), THREADING, ids=lambda value: str(value)[:40])
def test_threading(round_trip: RoundTrip, given: dict, reply: str | None, references: list[str] | None) -> None:
    _, mail = round_trip.send(**given)
    if reply:
        assert str(mail.message["in-reply-to"]).strip() == reply
    if references:
        assert str(mail.message["references"]).split() == references


@pytest.mark.parametrize("absent", [None, ""])
def test_null_and_empty_are_not_given(round_trip: RoundTrip, absent: object) -> None:
    names = ("from_email", "cc", "bcc", "text", "reply_to", "in_reply_to", "references")
    _, mail = round_trip.send(**{name: absent for name in names})
    assert mail.recipients == [A]
    for header in ("cc", "bcc", "reply-to", "in-reply-to", "references"):
        assert mail.message[header] is None


def test_null_for_what_is_not_a_string(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(html=None, attachments=None, template_vars=None, body="{name}")
    assert same_text(mail.text(), "{name}")
    _, mail = round_trip.send(attachments=[], template_vars={}, body="{name}", cc=[], references=[])
    assert same_text(mail.text(), "{name}")


def test_headers_that_every_mail_has(round_trip: RoundTrip) -> None:
    first, mail = round_trip.send()
    second, _ = round_trip.send()
    message = mail.message
    assert re.fullmatch(r"<[^<>@\s]+@sender\.example>", message["message-id"]), message["message-id"]
    assert first.data["message_id"] != second.data["message_id"]
    assert str(message["mime-version"]) == "1.0"
    assert re.match(r"smtp-mcp-server[/ ]v?\d+\.\d+", message["x-mailer"]), message["x-mailer"]
    (sender,) = message["from"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Grace Sender", "grace@sender.example")
    assert mail.sender == "grace@sender.example"


def test_keys_of_a_success(round_trip: RoundTrip) -> None:
    answer, _ = round_trip.send(to=[A, B], attachments=[{"content": "eA==", "filename": "x.bin"}])
    assert {"success", "message_id", "details", "state", "accepted", "rejected", "pending", "unknown"} <= set(answer.data)
    details = answer.data["details"]
    assert set(details) >= {"recipients", "attachments", "duration_seconds", "content_type", "smtp_server", "server_host"}
    assert details["duration_seconds"] >= 0
    assert details["attachments"] in (1, ["x.bin"]) or len(details["attachments"]) == 1, details
    assert details["recipients"] == 2 or len(details["recipients"]) == 2, details
    assert details["smtp_server"] == "primary"
    assert details["server_host"].startswith("127.0.0.1")
    answer.mentions("Sent to ")


BAD_ADDRESSES = [
    "", "   ", ",", "plain", "@example.org", "ada@", "ada@@example.org", "ada@exa mple.org", "ada b@example.org", "ada@.example.org", "ada@example..org",
    "ada..b@example.org", ".ada@example.org", "ada.@example.org", f"{A}; {B}", f"Friends: {A}, {B};", "Ada <ada@example.org", "ada@example.org>",
    f"Ada <{A}> {B}", f"{A} {B}", f"Ada <{A}> <{B}>", "ada@exam\u0000ple.org", "ada@example.org\u0007", "ada@example.org\u202e", "=?utf-8?q?a?=@example.org", f"=?utf-8?q?Ada?= <{A}>",
    "ada@-example.org", "ada@exa_mple.org\n", "a" * 65 + "@example.org", "ada@" + "x" * 64 + ".org", "ada@" + "x." * 130 + "org", [], [""], [None], [[A]],
    f"<{A}", f'"Ada <{A}>', f"@relay.example:{A}", f"<@relay.example:{A}>", "ada@example.org\t,\u200bbob@example.org",
]


# An optional list of only blanks and commas counts as not given; `to` is required.
BAD_IN_LISTS = [
    (parameter, bad)
    for parameter in ("to", "cc", "bcc", "reply_to")
    for bad in BAD_ADDRESSES
    if isinstance(bad, str) and bad and (parameter == "to" or bad.strip(", "))
]


@pytest.mark.parametrize(("parameter", "bad"), BAD_IN_LISTS, ids=repr)
def test_a_bad_address_is_refused_in_every_list(round_trip: RoundTrip, parameter: str, bad: str) -> None:
    round_trip.refuse(**{parameter: bad})


@pytest.mark.parametrize("bad", [bad for bad in BAD_ADDRESSES if not isinstance(bad, str) or bad == ""], ids=repr)
def test_no_recipient_is_refused(round_trip: RoundTrip, bad: object) -> None:
    round_trip.capture.forget()
    assert round_trip.program.refuses("send_email", to=bad, subject="s", body="b")
    round_trip.nothing_arrived()


def test_every_invalid_address_is_named_in_one_answer(round_trip: RoundTrip) -> None:
    answer = round_trip.refuse(to=[A, "wrong-one", "wrong@@two"], cc="wrong three@x.example", bcc=f"wrong..four@x.example, {B}")
    answer.mentions("wrong-one", "wrong@@two", "three@x.example", "wrong..four@x.example")


INJECTIONS = ["\r\nBcc: evil@evil.example", "\nBcc: evil@evil.example", "\rBcc: evil@evil.example", "\r\n\r\nevil body", "\u0000", "\u0085Bcc: evil@evil.example", "\u2028Bcc: evil@evil.example", "\r\n.\r\nMAIL FROM:<evil@evil.example>"]
INJECTED = [
    ("subject", "Hello{}"), ("to", "ada@example.org{}"), ("to", "Ada{} <ada@example.org>"), ("to", '"Ada{}" <ada@example.org>'), ("cc", "bob@example.org{}"),
    ("bcc", "bob@example.org{}"), ("from_email", "grace@sender.example{}"), ("from_email", '"Grace{}" <grace@sender.example>'), ("reply_to", "bob@example.org{}"),
    ("in_reply_to", "1@example.org{}"), ("references", "1@example.org{}"),
]


@pytest.mark.parametrize("injection", INJECTIONS, ids=repr)
@pytest.mark.parametrize(("parameter", "pattern"), INJECTED)
def test_nothing_is_injected(round_trip: RoundTrip, parameter: str, pattern: str, injection: str) -> None:
    """Refused, or harmless: never a further header, recipient, sender or mail."""
    round_trip.capture.forget()
    answer = round_trip.program.send(**{parameter: pattern.format(injection)})
    if answer.is_error:
        answer.has_state("refused")
    else:
        mail = round_trip.capture.take()
        mail.is_clean()
        assert set(mail.recipients) <= {A, B}, mail.event
        assert mail.sender == "grace@sender.example"
        assert not [line for line in mail.head.splitlines() if line.casefold().startswith(("bcc", "mail from"))], mail.head
        assert same_text(mail.text(), "Body")
    round_trip.nothing_arrived()


@pytest.mark.parametrize("injection", INJECTIONS[:5], ids=repr)
def test_nothing_is_injected_through_a_template_value(round_trip: RoundTrip, injection: str) -> None:
    round_trip.capture.forget()
    answer = round_trip.program.send(subject="Hello {who}", template_vars={"who": f"Ada{injection}"})
    if not answer.is_error:
        mail = round_trip.capture.take()
        mail.is_clean()
        assert mail.recipients == [A]
    round_trip.nothing_arrived()


LIMITS = [
    ({"subject": "x" * 999}, "998"),
    ({"subject": "{x}", "template_vars": {"x": "y" * 999}}, "998"),
    ({"subject": ""}, "subject"),
    ({"to": [f"r{number}@example.org" for number in range(101)]}, "100"),
    ({"to": [f"r{number}@example.org" for number in range(60)], "bcc": [f"b{number}@example.org" for number in range(41)]}, "100"),
    ({"body": "x" * (10 * 1024 * 1024 + 1)}, "10"),
]


@pytest.mark.parametrize(("arguments", "word"), LIMITS, ids=lambda value: str(value)[:30])
def test_beyond_a_limit_is_refused_with_the_limit(round_trip: RoundTrip, arguments: dict, word: str) -> None:
    round_trip.refuse(**arguments).mentions(word)


def test_at_the_limits(round_trip: RoundTrip) -> None:
    everyone = [f"r{number}@example.org" for number in range(100)]
    _, mail = round_trip.send(to=everyone, subject="{x}", template_vars={"x": "y" * 998})
    assert mail.recipients == everyone
    assert mail.addresses("to") == everyone
