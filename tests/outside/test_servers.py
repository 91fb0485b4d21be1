# The five tools about servers: every result key, and each tool's effect on later mail.
import json
import signal
import time
from pathlib import Path

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
    program.send(to="bad@example.org").has_state("refused")
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


# -- reload_smtp_configuration

def env_file(path: Path, variables: dict) -> None:
    """Replaced in one step, as an editor does."""
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(f'{name}="{value}"\n' for name, value in variables.items()))
    fresh.replace(path)


CHANGES = {"total_changes", "servers_added", "servers_removed", "servers_modified", "servers_unchanged", "old_server_count", "new_server_count", "primary_server_changed"}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "smtp.env"


def test_reload_without_changes(processes, settings: Path) -> None:
    env_file(settings, several_servers(processes.capture(), processes.capture()))
    program = processes.program({}, "--env-file", str(settings))
    answer = program.call("reload_smtp_configuration")
    data = has(answer, "success", "changes", "new_configuration", "connection_test")
    assert data["success"] is True and not answer.is_error, answer
    assert set(data["changes"]) >= CHANGES
    assert data["changes"]["total_changes"] == 0
    assert sorted(data["changes"]["servers_unchanged"]) == ["first", "second"]
    assert {"total_servers", "primary_server", "servers"} <= set(data["new_configuration"])


def test_reload_adds_removes_and_modifies(processes, settings: Path) -> None:
    first, second, third = (processes.capture() for _ in range(3))
    env_file(settings, several_servers(first, second))
    program = processes.program({}, "--env-file", str(settings))
    program.send().has_state("sent")
    changed = several_servers(first, second, third, SMTP_PRIORITY_3=500)
    env_file(settings, {name: value for name, value in changed.items() if not name.endswith("_2")} | {"SMTP_FROM_EMAIL_1": "new@first.example", "SMTP_TIMEOUT_1": 11})
    answer = program.call("reload_smtp_configuration")
    assert answer.data["success"] is True, answer
    changes = answer.data["changes"]
    assert (changes["servers_added"], changes["servers_removed"]) == (["third"], ["second"]), answer
    (modified,) = changes["servers_modified"]
    assert modified["name"] == "first" and {"from_email", "timeout"} <= set(modified["changes"]), answer
    assert set(modified["changes"]["timeout"]) == {"old", "new"}
    assert (changes["old_server_count"], changes["new_server_count"], changes["primary_server_changed"]) == (2, 2, True), answer
    assert (answer.data["new_configuration"]["total_servers"], answer.data["new_configuration"]["primary_server"]) == (2, "third")
    assert program.send().has_state("sent").data["details"]["smtp_server"] == "third"
    assert third.take().sender == "me@third.example"


def test_reload_sees_a_new_password_and_lifts_the_pause(processes, settings: Path) -> None:
    capture = processes.capture("--login", "user@sender.example:right-secret")
    env_file(settings, one_server(capture, SMTP_USERNAME="user@sender.example", SMTP_PASSWORD="wrong-secret"))
    program = processes.program({}, "--env-file", str(settings))
    program.send().has_state("refused")
    env_file(settings, one_server(capture, SMTP_USERNAME="user@sender.example", SMTP_PASSWORD="right-secret"))
    answer = program.call("reload_smtp_configuration")
    assert answer.data["success"] is True, answer
    (modified,) = answer.data["changes"]["servers_modified"]
    assert "password" in modified["changes"], answer
    assert "secret" not in str(answer)
    program.send().has_state("sent")


INVALID = {
    "a bad port": {"SMTP_PORT": "many"}, "a half login": {"SMTP_USERNAME": "x"}, "no host": {"SMTP_HOST": ""}, "a bad sender": {"SMTP_FROM_EMAIL": "nobody at all"},
}


@pytest.mark.parametrize("name", INVALID)
def test_reload_of_an_invalid_file_leaves_the_old_serving(processes, settings: Path, name: str) -> None:
    capture = processes.capture()
    env_file(settings, one_server(capture))
    program = processes.program({}, "--env-file", str(settings))
    env_file(settings, one_server(capture) | INVALID[name])
    answer = program.call("reload_smtp_configuration")
    data = has(answer, "success", "error", "step", "rollback_performed")
    assert data["success"] is False and answer.is_error, answer
    assert next(iter(INVALID[name])) in str(answer), "the faulty variable is not named"
    program.send(subject="still serving").has_state("sent")
    assert capture.take().message["subject"] == "still serving"


def test_reload_of_a_file_that_is_gone_leaves_the_old_serving(processes, settings: Path) -> None:
    env_file(settings, one_server(processes.capture()))
    program = processes.program({}, "--env-file", str(settings))
    settings.unlink()
    answer = program.call("reload_smtp_configuration")
    assert answer.data["success"] is False and answer.data["step"], answer
    program.send().has_state("sent")


def test_reload_with_no_usable_server_leaves_the_old_serving(processes, settings: Path, refused_port: RefusedPort) -> None:
    env_file(settings, one_server(processes.capture()))
    program = processes.program({}, "--env-file", str(settings))
    env_file(settings, one_server(refused_port))
    answer = program.call("reload_smtp_configuration")
    assert answer.data["success"] is False and answer.data["step"] and "rollback_performed" in answer.data, answer
    program.send().has_state("sent")


def test_reload_with_one_usable_server_of_two(processes, settings: Path, refused_port: RefusedPort) -> None:
    second = processes.capture()
    env_file(settings, one_server(processes.capture()))
    program = processes.program({}, "--env-file", str(settings))
    env_file(settings, several_servers(refused_port, second))
    assert program.call("reload_smtp_configuration").data["success"] is True
    program.send().has_state("sent")
    assert second.take().sender == "me@second.example"


@pytest.mark.parametrize("tool", ["reload_smtp_configuration", "reconnect_smtp_servers", "switch_smtp_server"])
def test_a_mail_in_flight_is_not_disturbed(processes, settings: Path, tool: str) -> None:
    slow, other = processes.capture("--answer-after", "2"), processes.capture()
    env_file(settings, several_servers(slow, other))
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    number = pipe.start_call("send_email", to=A, subject="in flight", body="b")
    slow.wait("content")
    env_file(settings, one_server(other))
    assert pipe.call(tool, **({"server_name": "second"} if "switch" in tool else {})).data["success"] is True
    pipe.answer(number).has_state("sent")
    pipe.close()
    processes.stop_all()
    assert [mail.message["subject"] for mail in slow.kept()] == ["in flight"] and other.kept() == []


def test_reload_where_everything_comes_from_the_environment(processes) -> None:
    program = processes.program(one_server(processes.capture()))
    program.call("reload_smtp_configuration").mentions("environment")
    program.send().has_state("sent")


def test_the_real_environment_wins_over_the_file(processes, settings: Path) -> None:
    capture, other = processes.capture(), processes.capture()
    env_file(settings, one_server(other, SMTP_FROM_EMAIL="file@sender.example"))
    program = processes.program(one_server(capture), "--env-file", str(settings))
    program.send().has_state("sent")
    assert capture.take().sender == "grace@sender.example"


def toml(path: Path, *tables: dict) -> None:
    """One `[[server]]` table each; the keys are the variables' names without SMTP_, in lower case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("[[server]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()) for table in tables))


def table(capture, name: str, **more) -> dict:
    return {"name": name, "host": capture.host, "port": capture.port, "use_tls": False, "from_email": f"me@{name}.example", "max_retries": 0} | more


@pytest.mark.parametrize("way", ["--config", "SMTP_MCP_CONFIG", "its usual place"])
def test_reload_of_a_toml_file(processes, tmp_path: Path, way: str) -> None:
    first, second = processes.capture(), processes.capture()
    path = tmp_path / "xdg/smtp-mcp-server/config.toml"
    toml(path, table(first, "first"))
    variables = {"--config": {}, "SMTP_MCP_CONFIG": {"SMTP_MCP_CONFIG": path}, "its usual place": {"XDG_CONFIG_HOME": tmp_path / "xdg"}}[way]
    program = processes.program(variables, *(("--config", str(path)) if way == "--config" else ()))
    program.send().has_state("sent")
    assert first.take().sender == "me@first.example"
    toml(path, table(first, "first"), table(second, "second", priority=1000))
    answer = program.call("reload_smtp_configuration")
    assert answer.data["changes"]["servers_added"] == ["second"] and answer.data["changes"]["primary_server_changed"] is True, answer
    program.send().has_state("sent")
    assert second.take().sender == "me@second.example"
    path.write_text("[[server]\nnonsense")
    assert program.call("reload_smtp_configuration").data["success"] is False
    program.send(subject="still").has_state("sent")
    assert second.take().message["subject"] == "still"


def test_sighup_does_the_same(processes, settings: Path) -> None:
    first, second = processes.capture(), processes.capture()
    env_file(settings, one_server(first))
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    assert pipe.call("get_smtp_status").data["total_servers"] == 1
    env_file(settings, several_servers(first, second))
    pipe.signal(signal.SIGHUP)
    end = time.monotonic() + 15
    while pipe.call("get_smtp_status").data["total_servers"] != 2:
        assert time.monotonic() < end, f"SIGHUP changed nothing; stderr: {pipe.stderr()}"
    env_file(settings, one_server(first, SMTP_PORT="many", SMTP_ALLOWED_FROM="whole.address@sender.example,nobody"))
    seen = len(pipe.stderr())
    pipe.signal(signal.SIGHUP)
    while "SMTP_PORT" not in pipe.stderr()[seen:]:
        assert pipe.child.poll() is None and time.monotonic() < end + 15, f"no word about the fault: {pipe.stderr()[seen:]}"
        time.sleep(0.02)
    assert pipe.call("get_smtp_status").data["total_servers"] == 2
    pipe.call("send_email", to=A, subject="s", body="b").has_state("sent")
    assert "SMTP_ALLOWED_FROM" in pipe.stderr()[seen:] and "whole.address" not in pipe.stderr()[seen:], pipe.stderr()[seen:]
