"""How every command tells what went wrong: in one line, with the request id, and in full with --debug."""

from __future__ import annotations

import re

import pytest

from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.group import COMMANDS
from aymara_async.sandbox import Sandbox
from tests.cli.process import ROOT, run
from tests.faulty_server import FaultyServer, error, reply

KEY = "a-key-that-must-not-show"


def environment_of(url: str) -> dict[str, str]:
    return {"AYMARA_AI_BASE_URL": url, "AYMARA_AI_API_KEY": KEY}


async def test_answer_that_cannot_be_read_is_told_with_its_request_id() -> None:
    async with FaultyServer(reply(200, {"eval_uuid": 1}, {"x-request-id": "req_42"})) as server:
        ended = await run("evals", "get", "x", env=environment_of(server.url))
    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.endswith(" Request id: req_42.\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html"}, {"Content-Type": "text/plain"}])
@pytest.mark.parametrize(
    ("arguments", "doubt"),
    [
        (["evals", "get", "x"], ""),
        (["reports", "create", "r"], " Whether the API got the call is not known."),
    ],
)
async def test_web_page_in_place_of_the_api(arguments: list[str], doubt: str, headers: dict[str, str]) -> None:
    async with FaultyServer(reply(200, b"\n<html>Log in</html>", headers)) as server:
        ended = await run(*arguments, env=environment_of(server.url))
    assert (ended.code, ended.stdout) == (3, "")
    first = ended.stderr.splitlines()[0]
    assert first.startswith("error: A web page answered ")
    assert f" in place of the API.{doubt} Check --base-url and AYMARA_AI_BASE_URL" in first
    assert "error.response" not in ended.stderr


async def test_request_id_is_told_once() -> None:
    async with FaultyServer(error(404, "resource.not_found")) as server:
        ended = await run("evals", "get", "x", env=environment_of(server.url))
    assert ended.stderr.count("req_1") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--debug", "runs", "list"],
        ["runs", "list", "--debug"],
        ["--debug", "runs", "list", "--debug"],
        ["--debug", "evals", "delete", "--yes", "x"],
    ],
)
async def test_debug_shows_where_and_what_was_sent_but_not_the_key(arguments: list[str]) -> None:
    async with FaultyServer(error(403, "auth.insufficient_permissions", f"no {KEY}")) as server:
        ended = await run(*arguments, env=environment_of(server.url))
    assert (ended.code, ended.stdout) == (3, "")
    assert "Traceback" in ended.stderr
    assert " -> 403, " in ended.stderr
    assert "/v2/eval" in ended.stderr
    assert KEY not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: ")


async def test_without_debug_there_is_one_line() -> None:
    async with FaultyServer(error(403, "auth.insufficient_permissions", f"no {KEY}")) as server:
        ended = await run("runs", "list", env=environment_of(server.url))
    assert ended.stderr.count("\n") == 1
    assert KEY not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "command", "said"),
    [
        (["evals", "list", "--format", "yaml"], "evals list", "'yaml' is not one of 'table', "),
        (["evals", "get"], "evals get", "Missing argument 'EVAL'."),
        (["run", "--eval", "x"], "run", "Name one model with --model, --endpoint or --command. Nothing was sent."),
        (["runs", "lst"], "runs", "Did you mean 'list'?"),
    ],
)
async def test_argument_that_cannot_be_used_is_told_in_one_line(arguments: list[str], command: str, said: str) -> None:
    ended = await run(*arguments, env={})
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert ended.stderr.endswith(f" See `aymara-async {command} --help`.\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["evals"]])
async def test_no_argument_shows_the_help(arguments: list[str]) -> None:
    ended = await run(*arguments, env={})
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr == (await run(*arguments, "--help", env={})).stdout


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS if name != "completion")])
async def test_help_has_examples(command: list[str]) -> None:
    ended = await run(*command, "--help", env={})
    assert (ended.code, ended.stderr) == (0, "")
    assert "\n  Examples:\n    aymara-async" in ended.stdout


async def test_quiet_tells_errors_only(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("runs", "list", "-q", env=env)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    ended = await run("runs", "get", "x", "-q", env=env)
    assert ended.stderr.startswith("error: ")


async def test_plain_http_is_refused_with_an_option_that_allows_it() -> None:
    env = environment_of("http://api.invalid")
    refused = await run("evals", "list", env=env)
    assert (refused.code, refused.stdout) == (2, "")
    assert "unencrypted" in refused.stderr
    assert "add --allow-http" in refused.stderr
    assert "allow_http=True" not in refused.stderr
    allowed = await run("evals", "list", "--allow-http", env=env | {"http_proxy": "socks5://127.0.0.1:9"})
    # Past the check: what stops it now is the proxy.
    assert "no HTTP proxy" in allowed.stderr


@pytest.mark.parametrize("arguments", [["evals", "list"], ["runs", "get", "x"], ["files", "list"], ["reports", "list"]])
async def test_missing_key_is_a_usage_error(arguments: list[str], sandbox: Sandbox) -> None:
    ended = await run(*arguments, env={"AYMARA_AI_BASE_URL": sandbox.url})
    assert (ended.code, ended.stdout) == (2, "")
    assert "Set the environment variable AYMARA_AI_API_KEY" in ended.stderr
    assert not sandbox.requests


def test_page_on_the_command_line_has_every_exit_code() -> None:
    section = (
        (ROOT / "docs" / "command-line.md")
        .read_text(encoding="utf-8")
        .partition("## Exit codes")[2]
        .partition("## ")[0]
    )
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert told == [code.value for code in ExitCode]


def test_page_on_the_command_line_has_every_command() -> None:
    table = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)", table, re.MULTILINE)) >= set(COMMANDS)
