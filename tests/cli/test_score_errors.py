"""What ``aymara-async score`` says when something is wrong, with which exit code, and what it leaves at the server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.cli import invocation
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
        (["x"], "Give --prompts FILE or --eval EVAL_UUID"),
        (["--prompts", PROMPTS, "--eval", "test.1", RESPONSES], "Give --prompts FILE or --eval EVAL_UUID"),
        (["--eval", "test.1", "--eval-type", "safety", RESPONSES], "leave it out with --eval"),
        (["--eval", "test.1", "--sandbox", RESPONSES], "leave out --eval"),
        (["--prompts", PROMPTS, RESPONSES, "--sandbox", "--journal", "j"], "leave out --journal"),
        (["--prompts", PROMPTS, RESPONSES, "--delete", "--journal", "j"], "leave one of them out"),
        (["--prompts", PROMPTS, RESPONSES, "--batch-size", "0"], "0 is not in the range x>=1"),
        (["--prompts", PROMPTS, RESPONSES, "--junit", RESPONSES], "RESPONSES and --junit name the same file"),
        (["--prompts", PROMPTS, RESPONSES, "--report", PROMPTS], "--prompts and --report name the same file"),
        (["--prompts", PROMPTS, RESPONSES, "--journal", "/nowhere/j"], "--journal: /nowhere/j cannot be written"),
        (["--prompts", PROMPTS, RESPONSES, "--format", "yaml"], "'yaml' is not one of 'table', 'json'"),
        (["--prompts", PROMPTS, RESPONSES, "--sandbox", "--base-url", "http://localhost"], "leave out --base-url"),
        (["--prompts", PROMPTS, RESPONSES], "There is no API key. Set the environment variable AYMARA_AI_API_KEY"),
        (["--prompts", PROMPTS, RESPONSES, "--api-key", "k"], "No such option"),
    ],
)
def test_wrong_usage(arguments: list[object], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invocation.run(["score", *map(str, arguments)]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert said in " ".join(written.err.split())


async def test_unusable_base_url_is_a_usage_error() -> None:
    env = {"AYMARA_AI_API_KEY": "k"}
    ended = await run("score", "--base-url", "http://example.com", "--prompts", PROMPTS, RESPONSES, env=env)
    assert ended.code == 2
    assert "unencrypted" in ended.stderr


async def test_refused_key_is_an_api_error_with_request_id(env: dict[str, str]) -> None:
    env["AYMARA_AI_API_KEY"] = "a-wrong-key-1234"
    ended = await run("score", "-q", "--prompts", PROMPTS, RESPONSES, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    first, second = ended.stderr.splitlines()
    assert "401 auth.invalid_key" in first
    assert "Request id: req_" in first
    assert second.startswith("How things stand: Nothing is left at the server. No response was sent.")
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


def sixty(folder: Path) -> list[object]:
    rows = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(60)]
    return ["--prompts", jsonl(folder / "p.jsonl", rows), jsonl(folder / "r.jsonl", rows)]


@pytest.mark.parametrize("operation", ["evals.create", "evals.update", "evals.runs.score_responses"])
async def test_lost_answer_is_looked_for_and_nothing_done_twice(operation: str, tmp_path: Path) -> None:
    async with Sandbox(faults=[f"reset@{operation}:calls=1,processed=true"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("score", "-q", "--format", "json", *sixty(tmp_path), env=env)
        assert (len(sandbox.scored), set(sandbox.scored.values())) == (60, {1})
        calls = Counter(request.operation for request in sandbox.requests)
    assert (ended.code, ended.json()["num_scored"], ended.stderr) == (0, 60, "")
    assert (calls["evals.create"], calls["evals.update"]) == (1, 1)


async def test_answer_lost_before_it_was_read_is_sent_again(tmp_path: Path) -> None:
    async with Sandbox(faults=["reset@evals.runs.score_responses:calls=1,processed=false"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("score", "-q", "--grace-period", "0", *sixty(tmp_path), env=env)
        assert (len(sandbox.scored), set(sandbox.scored.values())) == (60, {1})
    assert ended.code == 0


async def test_refusal_halfway_is_told_with_what_is_at_the_server(tmp_path: Path) -> None:
    async with Sandbox(faults=["error@evals.runs.score_responses:status=403,calls=2"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        arguments = ["--concurrency", "1", *sixty(tmp_path)]
        ended = await run("score", "-q", *arguments, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    state = ended.stderr.splitlines()[-1]
    assert state.startswith("How things stand: Eval test.")
    assert "stays at the server. 50 of 60 responses are known to be scored" in state
    assert state.endswith("With --journal FILE it could have been resumed.")


def drop_one(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path.endswith("/responses"):
        answered["items"] = [item for item in answered["items"] if item["content"] != "Salt."]
        answered["count"] = 59
    return status, answered


def unscore_one(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    listed = answered.get("items" if request.path.endswith("/responses") else "responses") or []
    for item in listed if request.path.startswith("/v2/eval-runs") else []:
        if item.get("content") == "Salt.":
            item["is_passed"] = None
    return status, answered


def change_prompt(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    if request.path.endswith("/prompts") and answered["items"]:
        answered["items"][0]["content"] += "!"
    return status, answered


@pytest.mark.parametrize(
    ("tamper", "said", "state"),
    [
        (drop_one, "does not list 1 of the 60 responses that the server scored", "60 of 60 responses are known"),
        (change_prompt, "does not hold exactly the 60 prompts it was given: 1 are (first p", "No response was sent."),
    ],
)
async def test_what_does_not_add_up_is_an_error(
    tamper: Callable[..., tuple[int, Any]],
    said: str,
    state: str,
    sandbox: Sandbox,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    prompts = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(60)]
    answers = [{"id": row["id"], "content": "Salt." if row["id"] == "p59" else "Pepper."} for row in prompts]
    files = ["--prompts", jsonl(tmp_path / "p.jsonl", prompts), jsonl(tmp_path / "r.jsonl", answers)]
    options = ["--grace-period", "0", "--timeout", "0", "--batch-size", "60"]
    async with tampering(sandbox.url, tamper) as url:
        ended = await run("score", "-q", *options, *files, env=env | {"AYMARA_AI_BASE_URL": url})
    assert (ended.code, ended.stdout) == (4, ""), ended.stderr
    assert said in ended.stderr
    assert "stays at the server" in ended.stderr.splitlines()[-1]
    assert state in ended.stderr.splitlines()[-1]


async def test_what_gets_no_score_is_named_beside_all_that_did(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    prompts = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(60)]
    answers = [{"id": row["id"], "content": "Salt." if row["id"] == "p58" else "Pepper."} for row in prompts]
    files = ["--prompts", jsonl(tmp_path / "p.jsonl", prompts), jsonl(tmp_path / "r.jsonl", answers)]
    options = ["--grace-period", "0", "--timeout", "0", "--batch-size", "7"]
    async with tampering(sandbox.url, unscore_one) as url:
        ended = await run("score", "-q", *options, *files, env=env | {"AYMARA_AI_BASE_URL": url})
        shown = await run("score", "--format=json", *options, *files, env=env | {"AYMARA_AI_BASE_URL": url})
    assert (ended.code, shown.code) == (4, 4)
    assert "59 scored, 0 excluded from scoring, 1 without a score" in ended.stdout
    assert re.search(r"Without a score \(1\)\n\n  row 59  the server did not score it within 0 s", ended.stdout)
    assert "The server has taken 1 responses, but given them no score, the first of them row 59" in ended.stderr
    results = json.loads(shown.stdout)
    assert (results["num_scored"], results["num_unscored"]) == (59, 1)
    assert [one["where"] for one in results["unscored"]] == ["row 59"]


async def test_failed_run_is_incomplete() -> None:
    async with Sandbox(faults=["fail@evals.runs.score_responses"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("score", "--prompts", PROMPTS, RESPONSES, env=env)
    assert (ended.code, ended.stdout) == (4, ""), ended.stderr
    assert "as failed" in ended.stderr
    assert "0 of 25 responses are known to be scored" in ended.stderr.splitlines()[-1]


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
    command = [sys.executable, "-m", "aymara_async", "score", "-q", "--sandbox", "--prompts", *files]
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
