# The tools about servers: every result key, and each tool's effect on later mail.
import pytest

from conftest import RefusedPort, one_server, several_servers
from programs import Answer

A = "ada@example.org"
SERVER_STATUS = {"total_servers", "available_servers", "failed_servers", "current_server", "servers"}
HEALTH = {"name", "host", "port", "priority", "is_current", "is_failed", "is_available", "last_failure", "backoff_remaining"}


def whole_status(status: dict) -> None:
    assert set(status) >= SERVER_STATUS, status
    for count in ("total_servers", "available_servers", "failed_servers"):
        assert isinstance(status[count], int), status
    for server in status["servers"]:
        assert set(server) >= HEALTH, server


def has(answer: Answer, *keys: str) -> dict:
    assert set(keys) <= set(answer.data), f"missing {set(keys) - set(answer.data)}: {answer}"
    return answer.data


# -- test_smtp_connection

def test_connection_all_well(processes) -> None:
    first, second = processes.capture(), processes.capture()
    program = processes.program(several_servers(first, second))
    answer = program.call("test_smtp_connection")
    data = has(answer, "success", "multi_server_success", "total_servers", "successful_servers", "server_results", "server_status")
    assert (data["success"], data["multi_server_success"], answer.is_error) == (True, True, False), answer
    assert (data["total_servers"], data["successful_servers"]) == (2, 2)
    for result, capture, name in zip(data["server_results"], (first, second), ("first", "second")):
        assert {"server", "host", "priority", "success", "message"} <= set(result), result
        assert (result["server"], result["host"], result["success"]) == (name, f"{capture.host}:{capture.port}", True)
    whole_status(data["server_status"])
    processes.stop_all()
    assert first.kept() == second.kept() == [], "a test sends no mail"


def test_connection_one_of_two(processes, refused_port: RefusedPort) -> None:
    program = processes.program(several_servers(refused_port, processes.capture()))
    answer = program.call("test_smtp_connection")
    assert (answer.data["success"], answer.data["multi_server_success"], answer.is_error) == (True, False, False) or (
        answer.data["success"] and answer.data["successful_servers"] == 1
    ), answer
    results = {result["server"]: result for result in answer.data["server_results"]}
    assert results["first"]["success"] is False and results["first"]["error"], answer
    assert results["second"]["success"] is True


def test_connection_none(processes, refused_port: RefusedPort) -> None:
    answer = processes.program(one_server(refused_port)).call("test_smtp_connection")
    assert (answer.data["success"], answer.data["successful_servers"], answer.is_error) == (False, 0, True), answer
    assert answer.data["error"]


def test_connection_over_tls_tells_the_version_and_what_ehlo_offered(processes) -> None:
    capture = processes.capture("--tls", "starttls")
    program = processes.program(one_server(capture, SMTP_USE_TLS=None, SMTP_CA_FILE=capture.ca_file))
    data = str(program.call("test_smtp_connection").data)
    assert "1.3" in data or "1.2" in data, data
    assert "PIPELINING" in data.upper(), data


# -- get_smtp_status

def test_status(processes) -> None:
    first, second = processes.capture("--login", "user@first.example:secret"), processes.capture()
    variables = several_servers(first, second, SMTP_USERNAME_1="user@first.example", SMTP_PASSWORD_1="secret")
    program = processes.program(variables)
    answer = program.call("get_smtp_status")
    data = has(
        answer, "service", "status", "multi_server_enabled", "total_servers", "primary_server", "current_server", "server_configurations",
        "server_status", "max_attachment_size_mb", "max_total_attachments_size_mb",
    )
    assert not answer.is_error
    assert (data["multi_server_enabled"], data["total_servers"]) == (True, 2)
    assert (data["primary_server"], data["current_server"]) == ("first", "first")
    assert (data["max_attachment_size_mb"], data["max_total_attachments_size_mb"]) == (25, 50)
    configuration = data["server_configurations"][0]
    assert set(configuration) >= {"name", "host", "port", "priority", "username", "encryption", "timeout", "max_retries", "from_email"}
    assert (configuration["name"], configuration["host"], configuration["port"], configuration["priority"]) == ("first", first.host, first.port, 99)
    assert (configuration["encryption"], configuration["timeout"], configuration["max_retries"]) == ("None", 10, 0)
    for masked in ("user@first.example", "me@first.example", "secret"):
        assert masked not in str(data) and masked not in answer.text, answer
    whole_status(data["server_status"])
    assert (data["server_status"]["total_servers"], data["server_status"]["available_servers"], data["server_status"]["failed_servers"]) == (2, 2, 0)
    assert first.events("connected") == [], "asking for the status connects nowhere"


@pytest.mark.parametrize(
    ("variables", "encryption", "port"),
    [({}, "TLS", 587), ({"SMTP_USE_SSL": "true"}, "SSL", 465), ({"SMTP_USE_TLS": "false"}, "None", 587), ({"SMTP_USE_SSL": "yes", "SMTP_USE_TLS": "off", "SMTP_PORT": 2465}, "SSL", 2465)],
)
def test_status_names_encryption_and_default_port(processes, variables: dict, encryption: str, port: int) -> None:
    program = processes.program({"SMTP_HOST": "smtp.example.org", "SMTP_FROM_EMAIL": "a@example.org"} | variables)
    (configuration,) = program.call("get_smtp_status").data["server_configurations"]
    assert (configuration["encryption"], configuration["port"]) == (encryption, port)
    assert (configuration["name"], configuration["priority"], configuration["timeout"], configuration["max_retries"]) == ("primary", 0, 30, 3)


# -- switch_smtp_server

def test_switch_makes_a_server_first_for_all_later_mail(processes) -> None:
    first, second = processes.capture(), processes.capture()
    program = processes.program(several_servers(first, second))
    data = has(program.call("switch_smtp_server", server_name="second"), "success", "message", "current_server", "server_details", "server_status")
    assert (data["success"], data["current_server"]) == (True, "second")
    assert len(second.wait("connected")) >= 1 and first.events("connected") == [], "connects to that very server"
    for _ in range(2):
        assert program.send().has_state("sent").data["details"]["smtp_server"] == "second"
    assert program.call("get_smtp_status").data["current_server"] == "second"
    assert program.call("switch_smtp_server", server_name="first").data["success"] is True
    assert program.send().has_state("sent").data["details"]["smtp_server"] == "first"


@pytest.mark.parametrize("arguments", [{}, {"server_name": None}, {"server_name": ""}])
def test_switch_without_a_name_is_about_the_current_server(processes, arguments: dict) -> None:
    program = processes.program(several_servers(processes.capture(), processes.capture()))
    answer = program.call("switch_smtp_server", **arguments)
    assert (answer.data["success"], answer.data["current_server"]) == (True, "first"), answer


def test_switch_to_an_unknown_name(processes) -> None:
    program = processes.program(several_servers(processes.capture(), processes.capture()))
    answer = program.call("switch_smtp_server", server_name="nobody")
    assert answer.data["success"] is False and answer.is_error, answer
    assert sorted(answer.data["available_servers"]) == ["first", "second"]
    assert answer.data["error"]
    assert program.call("get_smtp_status").data["current_server"] == "first"


def test_switch_to_an_unreachable_server_changes_nothing(processes, refused_port: RefusedPort) -> None:
    program = processes.program(several_servers(processes.capture(), refused_port))
    answer = program.call("switch_smtp_server", server_name="second")
    assert answer.data["success"] is False and answer.is_error and answer.data["error"], answer
    assert program.call("get_smtp_status").data["current_server"] == "first"
    assert program.send().has_state("sent").data["details"]["smtp_server"] == "first"


# -- reconnect_smtp_servers

def test_reconnect_forgets_failures_and_drops_sessions(processes) -> None:
    capture = processes.capture("--disconnect", "bad*")
    program = processes.program(one_server(capture))
    program.send(to="bad@example.org").has_state("queued")
    assert program.health("primary")["is_failed"] is True
    answer = program.call("reconnect_smtp_servers")
    data = has(answer, "success", "message", "connection_test")
    assert data["success"] is True and not answer.is_error, answer
    assert data["connection_test"]["server_results"][0]["success"] is True
    assert program.health("primary")["is_failed"] is False
    program.send().has_state("sent")


def test_reconnect_with_nothing_in_reach(processes, refused_port: RefusedPort) -> None:
    answer = processes.program(one_server(refused_port)).call("reconnect_smtp_servers")
    assert answer.data["success"] is False and answer.is_error and answer.data["error"], answer
