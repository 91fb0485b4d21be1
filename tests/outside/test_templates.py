# The template language, in subject and body.
import pytest

from conftest import RoundTrip
from mail import same_text

# body as given, variables, body as it arrives
PLAIN = [
    ("Hello {name}", {"name": "Ada"}, "Hello Ada"),
    ("{a}{b}{a}", {"a": "x", "b": "y"}, "xyx"),
    ("{n} {f} {t} {b}", {"n": 3, "f": 1.5, "t": "t", "b": True}, "3 1.5 t true"),
    ("{_x1}", {"_x1": "v"}, "v"),
    ("{?name}Hi {name}{/name}!", {"name": "Ada"}, "Hi Ada!"),
    ("{?name}Hi {name}{/name}!", {"other": "x"}, "!"),
    ("{?name}Hi{/name}!", {"name": ""}, "!"),
    ("{?name}Hi{/name}!", {"name": None}, "!"),
    ("{?name}Hi{/name}!", {"name": False}, "!"),
    ("{?name}Hi{/name}!", {"name": True}, "Hi!"),
    ("{?n}{n} left{/n}!", {"n": 0}, "0 left!"),
    ("{?a}A{?b}B{/b}C{/a}", {"a": 1, "b": 1}, "ABC"),
    ("{?a}A{?b}B{/b}C{/a}", {"a": 1}, "AC"),
    ("{?a}A{?b}{missing}{/b}C{/a}.", {"b": 1}, "."),
    ("{?a}{?a}x{/a}{/a}", {"a": 1}, "x"),
    ("p { color: red } {name}", {"name": "v"}, "p { color: red } v"),
    ('{"json": {"k": [1]}} {name}', {"name": "v"}, '{"json": {"k": [1]}} v'),
    ("{1} {} { name } {a-b} {{name}}", {"name": "v"}, "{1} {} { name } {a-b} {v}"),
    ("{name}", {"name": "{other} {?x}"}, "{other} {?x}"),
    ("{a}{b}", {"a": "{", "b": "b}"}, "{b}"),
    ("{name}", {"name": "<b>&\"'"}, "<b>&\"'"),
    ("{name}", {"name": "Zoë 日本 🎉"}, "Zoë 日本 🎉"),
    ("{name|raw}", {"name": "<b>"}, "<b>"),
    ("lone } and { brace {name}", {"name": "v"}, "lone } and { brace v"),
    ("{name}", {}, "{name}"),
    ("{?x}kept{/x}", {}, "{?x}kept{/x}"),
]


@pytest.mark.parametrize(("body", "variables", "expected"), PLAIN)
def test_plain(round_trip: RoundTrip, body: str, variables: dict, expected: str) -> None:
    _, mail = round_trip.send(body=body, template_vars=variables)
    assert same_text(mail.text(), expected), mail.text()


@pytest.mark.parametrize(("subject", "variables", "expected"), [row for row in PLAIN if "\n" not in row[2]])
def test_subject(round_trip: RoundTrip, subject: str, variables: dict, expected: str) -> None:
    _, mail = round_trip.send(subject=f"S {subject}", template_vars=variables)
    assert mail.message["subject"] == f"S {expected}"


HTML = [
    ("<p>{v}</p>", {"v": "<b>&\"'"}, ("<p>&lt;b&gt;&amp;", "</p>")),
    ("<p>{v|raw}</p>", {"v": "<b>x</b>"}, ("<p><b>x</b></p>",)),
    ("<style>p { color: red } a{b:c}</style>{v}", {"v": "x"}, ("<style>p { color: red } a{b:c}</style>x",)),
    ("<p>{?v}<i>{v}</i>{/v}", {"v": 0}, ("<p><i>0</i>",)),
    ("<p>a<p>b {v}", {"v": "x"}, ("<p>a<p>b x",)),
]


@pytest.mark.parametrize(("body", "variables", "expected"), HTML)
def test_html(round_trip: RoundTrip, body: str, variables: dict, expected: tuple[str, ...]) -> None:
    _, mail = round_trip.send(body=body, html=True, template_vars=variables)
    html = mail.text("html")
    for piece in expected:
        assert piece in html
    if "|raw" not in body:
        assert "<b>" not in html


def test_the_subject_of_an_html_mail_is_not_html(round_trip: RoundTrip) -> None:
    _, mail = round_trip.send(subject="{v}", body="<p>{v}</p>", html=True, template_vars={"v": "a & b"})
    assert mail.message["subject"] == "a & b"
    assert "a &amp; b" in mail.text("html")


# body, variables, words of the refusal in this order
FAULTS = [
    ("{nbb} {naa} {ncc}", {"x": 1}, ["naa", "nbb", "ncc"]),
    ("{zeta} {alpha}", {"x": 1}, ["alpha", "zeta"]),
    ("{?a}{needed}{/a}", {"a": 1}, ["needed"]),
    ("{v}", {"v": {"nested": 1}}, []),
    ("{v}", {"v": [1]}, []),
    ("{v}", {"not a name": 1}, []),
]


@pytest.mark.parametrize(("body", "variables", "words"), FAULTS)
def test_missing_variables_are_all_named_sorted_and_nothing_is_sent(round_trip: RoundTrip, body: str, variables: dict, words: list[str]) -> None:
    round_trip.capture.forget()
    text = round_trip.program.refuses("send_email", to="ada@example.org", subject="s", body=body, template_vars=variables)
    at = [text.rfind(word) for word in words]
    assert -1 not in at and at == sorted(at), f"{words} in {text!r}"
    round_trip.nothing_arrived()


def test_missing_in_subject_and_body_in_one_answer(round_trip: RoundTrip) -> None:
    round_trip.refuse(subject="{in_subject}", body="{in_body}", template_vars={"x": 1}).mentions("in_subject", "in_body")


@pytest.mark.parametrize(
    "body", ["one\ntwo {?a}never closed", "one\n{/a} never opened", "{?a}x{?b}y{/a}z{/b}", "{?a}{?b}{/b}"], ids=["unclosed", "unopened", "crossed", "outer unclosed"]
)
def test_a_broken_conditional_is_refused_with_its_position(round_trip: RoundTrip, body: str) -> None:
    answer = round_trip.refuse(body=body, template_vars={"a": 1, "b": 1})
    assert any(character.isdigit() for character in answer.text), f"no position: {answer}"


def test_a_templated_subject_must_not_end_up_empty(round_trip: RoundTrip) -> None:
    round_trip.refuse(subject="{?a}x{/a}", template_vars={"b": 1})
