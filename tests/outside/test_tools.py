# What the program offers: six tools with accurate annotations, whose results match their schemas.
import jsonschema
import pytest

from conftest import MODES, RoundTrip

pytestmark = pytest.mark.smoke

# name: (read-only, destructive, idempotent, open world); None = either will do.
TOOLS = {
    "send_email": (False, None, False, True),
    "test_smtp_connection": (True, None, None, True),
    "get_smtp_status": (True, None, None, False),
    "switch_smtp_server": (False, None, None, None),
    "reload_smtp_configuration": (False, None, None, None),
    "reconnect_smtp_servers": (False, None, None, None),
    "get_email": (True, None, None, False),
    "list_emails": (True, None, None, False),
    "retry_email": (False, None, False, True),
    "cancel_email": (False, None, True, False),
    "preview_email": (True, None, None, False),
}
PARAMETERS = {
    "send_email": {
        "to", "subject", "body", "from_email", "cc", "bcc", "html", "attachments", "template_vars",
        "text", "reply_to", "in_reply_to", "references", "priority", "read_receipt", "headers", "idempotency_key", "allow_duplicate",
        "wait_seconds", "send_at", "undo_seconds", "all_or_nothing",
    },
    "preview_email": {"email"},
    "get_email": {"id"},
    "list_emails": {"state", "recipient", "limit", "cursor"},
    "retry_email": {"id", "recipients"},
    "cancel_email": {"id"},
    "switch_smtp_server": {"server_name"},
}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def tools(round_trip: RoundTrip) -> dict:
    return {tool.name: tool for tool in round_trip.program.tools()}


def test_the_session_speaks_the_protocol_of_its_mode(round_trip: RoundTrip) -> None:
    expected = {"auto": "2026-07-28", "legacy": "2025-11-25"}[round_trip.program.mode]
    assert round_trip.program.client.protocol_version == expected
    assert round_trip.program.client.server_info.name == "smtp-mcp-server"


def test_exactly_these_tools_in_the_same_order_each_time(round_trip: RoundTrip, tools: dict) -> None:
    assert set(tools) == set(TOOLS)
    assert [tool.name for tool in round_trip.program.tools()] == list(tools)


@pytest.mark.parametrize("name", TOOLS)
def test_titles_descriptions_annotations(tools: dict, name: str) -> None:
    tool = tools[name]
    assert (tool.title or tool.annotations.title), "no title"
    assert tool.description
    hints = tool.annotations
    found = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
    for expected, got in zip(TOOLS[name], found):
        assert expected is None or got is expected, f"{name}: expected {TOOLS[name]}, got {found}"


@pytest.mark.parametrize("name", TOOLS)
def test_schemas(tools: dict, name: str) -> None:
    tool = tools[name]
    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    assert tool.input_schema["type"] == "object"
    assert set(tool.input_schema.get("properties", {})) == PARAMETERS.get(name, set())
    assert tool.output_schema["type"] == "object"


def test_send_email_requires_what_the_contract_requires(tools: dict) -> None:
    assert set(tools["send_email"].input_schema["required"]) == {"to", "subject", "body"}


CALLS = [
    ("send_email", {"to": "ada@example.org", "subject": "s", "body": "b"}),
    ("send_email", {"to": "not an address", "subject": "s", "body": "b"}),
    ("send_email", {"to": "ada@example.org", "subject": "", "body": "b"}),
    ("preview_email", {"email": {"to": "ada@example.org", "subject": "s", "body": "b"}}),
    ("preview_email", {"email": {"to": "not an address", "subject": "s", "body": "b"}}),
    ("test_smtp_connection", {}),
    ("get_smtp_status", {}),
    ("switch_smtp_server", {}),
    ("switch_smtp_server", {"server_name": "nobody"}),
    ("reload_smtp_configuration", {}),
    ("reconnect_smtp_servers", {}),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_structured_content_keeps_the_output_schema(round_trip: RoundTrip, tools: dict, name: str, arguments: dict) -> None:
    answer = round_trip.program.call(name, **arguments)
    assert answer.text, f"no text: {answer}"
    assert answer.data, f"no structured content: {answer}"
    jsonschema.validate(answer.data, tools[name].output_schema)


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_unknown_argument_is_refused_and_named(round_trip: RoundTrip, name: str) -> None:
    required = {"to": "ada@example.org", "subject": "s", "body": "b"} if name == "send_email" else {}
    round_trip.capture.forget()
    words = round_trip.program.refuses(name, **required, colour="red")
    assert "colour" in words
    round_trip.nothing_arrived()


WRONG_TYPES = [
    {"to": 7}, {"to": None}, {"to": {"a": 1}}, {"to": [1]}, {"subject": None}, {"subject": 5}, {"body": ["x"]}, {"body": None},
    {"html": "perhaps"}, {"attachments": {"content": "eA=="}}, {"attachments": [7]}, {"template_vars": [1]},
    {"attachments": [{"content": "eA==", "filename": "a", "colour": "red"}]}, {"cc": 3}, {"references": {"a": "b"}},
]


@pytest.mark.parametrize("wrong", WRONG_TYPES, ids=str)
def test_a_wrong_type_is_refused_and_the_parameter_named(round_trip: RoundTrip, wrong: dict) -> None:
    round_trip.capture.forget()
    words = round_trip.program.refuses("send_email", **{"to": "ada@example.org", "subject": "s", "body": "b"} | wrong)
    assert words.strip(), "no words"
    round_trip.nothing_arrived()


@pytest.mark.parametrize("missing", ["to", "subject", "body"])
def test_a_missing_parameter_is_named(round_trip: RoundTrip, missing: str) -> None:
    arguments = {"to": "ada@example.org", "subject": "s", "body": "b"}
    del arguments[missing]
    assert missing in round_trip.program.refuses("send_email", **arguments)
