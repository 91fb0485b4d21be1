# A program without a usable configuration: it lists its tools, says what is wrong and in which file, and takes a repaired one.
import signal
import stat

import pytest

from conftest import one_server
from pipe import run
from programs import HttpServer, answer_of
from wire_client import HttpWire, StdioWire

MAIL = {"to": "a@example.org", "subject": "Hi", "body": "x"}
WRONG = {
    "none": (None, ["SMTP_HOST: not set"]),
    "a wrong value": ("SMTP_HOST=mail.example.org\nSMTP_PORT=many\n", ["SMTP_PORT", '"many"', "settings.env"]),
    "no identity": ("SMTP_HOST=mail.example.org\n", ["SMTP_FROM_EMAIL", "settings.env"]),
}


def write(path, variables) -> None:
    path.write_text("".join(f"{name}='{value}'\n" for name, value in variables.items()))
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def call(wire, tool: str, arguments: dict | None = None):
    return answer_of(wire.ask("tools/call", {"name": tool, "arguments": arguments or {}}))


@pytest.mark.parametrize("wrong", WRONG)
def test_over_stdio_it_says_what_is_wrong_until_it_is_repaired(processes, tmp_path, wrong: str) -> None:
    text, words = WRONG[wrong]
    settings = tmp_path / "settings.env"
    settings.write_text(text or "")
    pipe = processes.pipe({}, "--env-file", str(settings))
    wire = StdioWire(pipe)
    wire.begin()
    tools = [tool["name"] for tool in wire.ask("tools/list", {})["result"]["tools"]]
    assert len(tools) == 11
    for tool in tools:
        answer = call(wire, tool, MAIL if tool == "send_email" else {})
        assert answer.is_error, answer
        answer.mentions(*words, str(settings), "SMTP_HOST=", "reload_smtp_configuration")
    call(wire, "send_email", MAIL).has_state("refused")
    capture = processes.capture()
    write(settings, one_server(capture))
    reloaded = call(wire, "reload_smtp_configuration")
    assert reloaded.data["success"] is True and reloaded.data["changes"]["servers_added"] == ["primary"], reloaded
    call(wire, "send_email", MAIL).has_state("sent")
    assert capture.take().message["subject"] == "Hi"
    pipe.close_stdin()
    assert pipe.exit_status(8) == 0, pipe.stderr()
    for word in words:
        assert word in pipe.stderr()


def test_servers_that_do_not_work_are_no_repair(processes, tmp_path, refused_port) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text("")
    wire = StdioWire(processes.pipe({}, "--env-file", str(settings)))
    wire.begin()
    write(settings, one_server(refused_port))
    answer = call(wire, "reload_smtp_configuration")
    assert answer.data["step"] == "connect" and answer.data["rollback_performed"] is False, answer
    call(wire, "get_smtp_status").mentions("none of the servers is usable", "refused")


def test_many_reloads_at_once_start_it_once(processes, tmp_path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text("")
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    write(settings, one_server(processes.capture()))
    numbers = [pipe.start_call("reload_smtp_configuration") for _ in range(8)]
    assert all(pipe.answer(number).data["success"] for number in numbers)
    pipe.call("send_email", **MAIL).has_state("sent")


@pytest.mark.parametrize("chosen", ["send", "sent"])
def test_tools_that_are_off_stay_off_after_a_repair(processes, tmp_path, chosen: str) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text(f"SMTP_MCP_TOOLS={chosen}\nSMTP_MAX_RECIPIENTS=many\n")
    pipe = processes.pipe({}, "--env-file", str(settings))
    wire = StdioWire(pipe)
    wire.begin()
    write(settings, one_server(processes.capture(), SMTP_MCP_TOOLS="send"))
    pipe.signal(signal.SIGHUP)
    pipe.wait_for_stderr("the new configuration is in effect")
    assert {tool["name"] for tool in wire.ask("tools/list", {})["result"]["tools"]} == {"preview_email", "retry_email", "cancel_email", "send_email"}
    assert wire.ask("tools/call", {"name": "get_smtp_status", "arguments": {}})["error"]["code"] == -32602
    call(wire, "send_email", MAIL).has_state("sent")


def test_the_environment_is_not_repaired_by_a_file(processes) -> None:
    pipe = processes.pipe({"SMTP_HOST": "mail.example.org", "SMTP_PORT": "many"}).handshake()
    answer = pipe.call("send_email", **MAIL).has_state("refused")
    answer.mentions("SMTP_PORT", "restart it")
    pipe.close_stdin()
    assert pipe.exit_status(8) == 1


def test_sighup_takes_a_repaired_configuration(processes, tmp_path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text("")
    pipe = processes.pipe({}, "--env-file", str(settings)).handshake()
    write(settings, one_server(processes.capture()))
    pipe.signal(signal.SIGHUP)
    pipe.wait_for_stderr("the new configuration is in effect")
    pipe.call("send_email", **MAIL).has_state("sent")


def test_an_outbox_that_cannot_be_opened_is_told_the_same_way(processes, tmp_path) -> None:
    pipe = processes.pipe(one_server(processes.capture(), SMTP_MCP_OUTBOX=f"sqlite:{tmp_path}")).handshake()
    answer = pipe.call("send_email", **MAIL).has_state("refused")
    answer.mentions("this program could not start", "outbox", "reload_smtp_configuration")
    pipe.close_stdin()
    assert pipe.exit_status(8) == 1


def test_over_http_it_ends_at_once_unless_it_is_allowed_to_wait(processes, tmp_path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text("SMTP_MCP_HTTP_TOKEN=a-long-and-random-one\n")
    settings.chmod(0o600)
    ended = run(tmp_path / "once", {}, "--transport", "http", "--port", "0", "--env-file", str(settings))
    assert ended.returncode == 1 and "SMTP_HOST: not set" in ended.stderr
    http_server: HttpServer = processes.http_server({}, "--allow-unconfigured", "--env-file", str(settings))
    assert '"status":"unavailable"' in http_server.health()
    wire = HttpWire(http_server.url)
    assert "token" in wire.begin()["error"]["message"]
    wire.headers["Authorization"] = "Bearer a-long-and-random-one"
    wire.begin()
    call(wire, "send_email", MAIL).has_state("refused").mentions("SMTP_HOST: not set", str(settings))
    write(settings, one_server(processes.capture(), SMTP_MCP_HTTP_TOKEN="a-long-and-random-one"))
    assert call(wire, "reload_smtp_configuration").data["success"] is True
    call(wire, "send_email", MAIL).has_state("sent")


def test_settings_that_say_who_may_connect_must_be_right(tmp_path) -> None:
    settings = tmp_path / "settings.env"
    settings.write_text("SMTP_MCP_HTTP_TOKEN=short and wrong\n")
    ended = run(tmp_path / "once", {}, "--transport", "http", "--port", "0", "--allow-unconfigured", "--env-file", str(settings))
    assert ended.returncode == 1 and "SMTP_MCP_HTTP_TOKEN" in ended.stderr, ended.stderr
