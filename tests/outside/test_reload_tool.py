# reload_smtp_configuration: what it finds changed, what it refuses, and the mail that follows.
import json
import signal
import time
from pathlib import Path

import pytest

from conftest import RefusedPort, one_server, several_servers
from test_servers import A, has


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
