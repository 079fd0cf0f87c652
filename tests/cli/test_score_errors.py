"""What ``aymara-async score`` says when something is wrong, with which exit code, and what it leaves at the server."""

from __future__ import annotations

import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, finish, jsonl, own_environment, run, start
from tests.cli.tampering import tampering

KEY = "sandbox-key"
FULL_DISK = Path("/dev/full")
ONE_PROMPT = [{"id": "a", "content": "Q"}]
ONE_RESPONSE = [{"id": "a", "content": "A"}]


async def test_wrong_line_is_named_and_nothing_is_sent(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", ONE_PROMPT)
    responses = jsonl(tmp_path / "r.jsonl", [*ONE_RESPONSE, {"id": "b", "content": "B"}])
    ended = await run("score", "--prompts", prompts, responses, env=env)
    assert ended.code == 2
    assert ended.stderr == f"error: {responses}:2: there is no prompt 'b' to answer. Nothing was sent.\n"
    assert ended.stdout == ""
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'RESPONSES'"),
        (["x"], "Missing option '--prompts'"),
        (["--prompts", PROMPTS, RESPONSES, "--format", "yaml"], "'yaml' is not one of 'table', 'json'"),
        (["--prompts", PROMPTS, RESPONSES, "--sandbox", "--base-url", "http://localhost"], "leave out --base-url"),
        (["--prompts", PROMPTS, RESPONSES], "There is no API key. Set the environment variable AYMARA_AI_API_KEY"),
        (["--prompts", PROMPTS, RESPONSES, "--api-key", "k"], "No such option"),
    ],
)
async def test_wrong_usage(arguments: list[object], said: str) -> None:
    ended = await run("score", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


async def test_unusable_base_url_is_a_usage_error() -> None:
    env = {"AYMARA_AI_API_KEY": "k"}
    ended = await run("score", "--base-url", "http://example.com", "--prompts", PROMPTS, RESPONSES, env=env)
    assert ended.code == 2
    assert "unencrypted" in ended.stderr


async def test_refused_key_is_an_api_error_with_request_id(env: dict[str, str]) -> None:
    env["AYMARA_AI_API_KEY"] = "a-wrong-key-1234"
    ended = await run("score", "--prompts", PROMPTS, RESPONSES, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    first, second = ended.stderr.splitlines()
    assert "401 auth.invalid_key" in first
    assert "Request id: req_" in first
    assert second == "How things stand: Nothing is left at the server."
    assert "a-wrong-key-1234" not in ended.stderr


async def test_no_server_is_an_api_error() -> None:
    env = {"AYMARA_AI_API_KEY": "k", "AYMARA_AI_BASE_URL": "http://127.0.0.1:9"}
    ended = await run("score", "--prompts", PROMPTS, RESPONSES, env=env)
    assert ended.code == 3
    assert "could not be reached" in ended.stderr


@pytest.mark.parametrize("debug", [[], ["--debug"]])
async def test_key_is_shown_nowhere_even_if_the_server_quotes_it(
    debug: list[str], sandbox: Sandbox, env: dict[str, str]
) -> None:
    def quote(request: web.Request, _asked: Any, _status: int, _answered: Any) -> tuple[int, Any]:
        message = f"\x1b[31mno key {request.headers['x-api-key']}"
        return 403, {"error": {"code": "auth.insufficient_permissions", "message": message}}

    async with tampering(sandbox.url, quote) as url:
        ended = await run("score", *debug, "--prompts", PROMPTS, RESPONSES, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 3
    assert "no key [redacted]" in ended.stderr
    assert KEY not in ended.stderr
    assert ("Traceback" in ended.stderr) == bool(debug)
    assert [line.startswith("error: ") for line in ended.stderr.splitlines()].count(True) == 1


async def test_lost_answer_is_not_sent_again_and_told(tmp_path: Path) -> None:
    rows = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(60)]
    arguments = ["--prompts", jsonl(tmp_path / "p.jsonl", rows), jsonl(tmp_path / "r.jsonl", rows)]
    async with Sandbox(faults=["reset@evals.runs.create:calls=2,processed=true"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("score", "-q", *arguments, env=env)
        assert set(sandbox.scored.values()) == {1}
    assert (ended.code, ended.stdout) == (3, "")
    state = ended.stderr.splitlines()[-1]
    assert state.startswith("How things stand: Eval test.")
    assert "which has 50 of 60 responses. 10 responses were on their way and may have arrived." in state


def drop_one(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path.endswith("/responses"):
        answered["items"] = [item for item in answered["items"] if item["content"] != "Salt."]
        answered["count"] = len(answered["items"])
    return status, answered


def unscore_one(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path.endswith("/responses"):
        answered["items"][1]["is_passed"] = None
    return status, answered


def start_new_run(request: web.Request, asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path == "/v2/eval-runs" and asked["responses"][0].get("content") != "Salt.":
        answered["eval_run_uuid"] = "score_run.other"
    return status, answered


def change_prompt(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path.endswith("/prompts") and answered["items"]:
        answered["items"][0]["content"] += "!"
    return status, answered


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (drop_one, "lists 59, which do not match: 1 not listed (p0)"),
        (unscore_one, "1 listed without a score (p1)"),
        (
            start_new_run,
            "The server started run score_run.other with responses that were to be added to run score_run.",
        ),
        (change_prompt, "1 are (first p0) not in it as they were sent, 1 are (first question."),
    ],
)
async def test_what_does_not_add_up_is_an_error(
    tamper: Callable[..., tuple[int, Any]], said: str, sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    prompts = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(60)]
    answers = [{"id": row["id"], "content": "Salt." if row["id"] == "p0" else "Pepper."} for row in prompts]
    arguments = ["--prompts", jsonl(tmp_path / "p.jsonl", prompts), jsonl(tmp_path / "r.jsonl", answers)]
    async with tampering(sandbox.url, tamper) as url:
        ended = await run("score", "-q", *arguments, env=env | {"AYMARA_AI_BASE_URL": url})
    assert (ended.code, ended.stdout) == (4, "")
    assert said in ended.stderr
    assert "stays at the server" in ended.stderr.splitlines()[-1]


async def test_failed_run_and_timeout_are_incomplete() -> None:
    for fault, said in (("fail@evals.runs.create", "as failed"), ("never_finish@evals.runs.create", "still")):
        async with Sandbox(faults=[fault]) as sandbox:
            env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
            ended = await run("score", "--timeout", "0", "--prompts", PROMPTS, RESPONSES, env=env)
        assert (ended.code, ended.stdout) == (4, "")
        assert said in ended.stderr
        assert "which has 25 of 25 responses" in ended.stderr.splitlines()[-1]


def refuse_none(request: web.Request, asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path == "/v2/evals" and asked["num_prompts"] == 0:
        return 422, {"error": {"code": "validation.invalid_request", "message": "num_prompts must be at least 1"}}
    return status, answered


async def test_server_that_wants_a_generated_prompt_gets_one_that_is_deleted(
    sandbox: Sandbox, env: dict[str, str]
) -> None:
    async with tampering(sandbox.url, refuse_none) as url:
        arguments = ["--format", "json", "--prompts", PROMPTS, RESPONSES]
        ended = await run("score", *arguments, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 0
    operations = [request.operation for request in sandbox.requests]
    assert operations.count("evals.create") == 2
    assert operations.count("evals.update") == 2
    assert ended.json()["num_prompts"] == 26


@pytest.fixture(params=["short", "long"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Prompts and responses whose table fits into the buffer of stdout, or not."""
    if request.param == "long":
        return PROMPTS, RESPONSES
    return jsonl(tmp_path / "p.jsonl", ONE_PROMPT), jsonl(tmp_path / "r.jsonl", [{"id": "a", "content": None}])


@pytest.mark.skipif(not FULL_DISK.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("buffering", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_full_disk_is_told(files: tuple[Path, Path], buffering: dict[str, str]) -> None:
    command = [sys.executable, "-m", "aymara_async.cli", "score", "-q", "--sandbox", "--prompts", *files]
    with FULL_DISK.open("wb") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=PIPE, check=False, text=True, env=own_environment(**buffering)
        )
    assert ended.returncode == 74
    assert ended.stderr == "error: the output could not be written: No space left on device. Write it somewhere else.\n"


async def test_reader_that_goes_away_is_no_error_message(files: tuple[Path, Path]) -> None:
    process = await start("score", "-q", "--sandbox", "--prompts", *files)
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]  # the only way to close our end
    ended = await finish(process)
    assert (ended.code, ended.stderr) == (74, "")


@pytest.mark.parametrize("module", ["click", "rich"])
def test_missing_extra_is_told(module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from aymara_async.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, check=False, text=True)
    assert ended.returncode == 2
    assert "pip install 'aymara-async[cli]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


async def test_help_documents_every_exit_code_in_80_columns() -> None:
    for command in ([], ["score"]):
        ended = await run(*command, "--help")
        assert ended.code == 0
        assert all(len(line) <= 80 for line in ended.stdout.splitlines())
        assert all(f"\n    {code.value} " in ended.stdout for code in ExitCode)
    assert EXIT_CODES.count("\n  ") == len(ExitCode)


async def test_version_and_unknown_command() -> None:
    assert (await run("--version")).stdout.startswith("aymara-async ")
    ended = await run("nothing-of-that-name")
    assert ended.code == 2
    assert "No such command" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "unneeded"), [(["--help"], "aiohttp"), (["score", "--help"], "aymara_async.sandbox.server")]
)
def test_a_command_loads_only_what_it_needs(arguments: list[str], unneeded: str) -> None:
    code = (
        "import sys\nfrom aymara_async.cli import main\n"
        f"try: main({arguments})\nexcept SystemExit: print({unneeded!r} in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ended.stdout.endswith("\nFalse\n")
