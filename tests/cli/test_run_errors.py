"""What ``aymara-async run`` says when something is wrong, with which exit code, and what it leaves at the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.sandbox import Sandbox
from tests.cli import models
from tests.cli.model_folder import folder
from tests.cli.process import jsonl, run
from tests.cli.scored_runs import client_of, make_eval
from tests.cli.tampering import tampering

__all__ = ["folder"]

REFUSE = ["--model", "models:refuse"]
NEW = ["--ai-description", "A shop assistant", "--eval-type", "safety"]
FEW = [*NEW, "--num-prompts", "2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (NEW, "Name one model with --model, --endpoint or --command. Nothing was sent."),
        ([*REFUSE, "--command", "cat", *NEW], "Name one model with --model, --endpoint or --command, not --model and"),
        ([*REFUSE, "--model-name", "x", *NEW], "--model-name is for --endpoint; leave it out."),
        ([*REFUSE, "--system", "x", *NEW], "--system is for --endpoint; leave it out."),
        ([*REFUSE, "--param", "x=1", *NEW], "--param is for --endpoint; leave it out."),
        ([*REFUSE, "--endpoint-key-env", "x", *NEW], "--endpoint-key-env is for --endpoint; leave it out."),
        ([*REFUSE, "--command-json", *NEW], "--command-json is for --command; leave it out."),
        (REFUSE, "A new eval needs --ai-description and --eval-type; name one that exists with --eval."),
        ([*REFUSE, "--eval-type", "safety"], "A new eval needs --ai-description; name"),
        (
            [*REFUSE, "--eval", "e", *NEW, "--jailbreak", "--prompts", "p"],
            "--eval takes an eval as it is; leave out --ai-description, --eval-type, --jailbreak, --prompts.",
        ),
        ([*REFUSE, *FEW, "--prompts", "p"], "--prompts says how many prompts there are; leave out --num-prompts."),
        ([*REFUSE, "--sandbox", "--eval", "e"], "--sandbox starts a server without any eval; leave out --eval."),
        ([*REFUSE, "--sandbox", *NEW, "--base-url", "http://x"], "leave out --base-url."),
        ([*REFUSE, "--sandbox", *NEW, "--baseline", "r"], "leave out --baseline."),
        ([*REFUSE, "--sandbox", *NEW, "--journal", "j"], "nothing can be resumed; leave out --journal."),
        ([*REFUSE, *NEW, "--journal", "/no/such/folder/j"], "--journal: /no/such/folder/j cannot be written"),
        ([*REFUSE, *NEW, "--journal", "j", "--report", "j"], "name the same file"),
        ([*REFUSE, *NEW, "--turns", "0"], "--turns"),
        ([*REFUSE, *NEW, "--concurrency", "0"], "--concurrency"),
        ([*REFUSE, *NEW, "--retries", "-1"], "--retries"),
        ([*REFUSE, *NEW, "--answer-timeout", "0"], "--answer-timeout"),
        ([*REFUSE, *NEW, "--timeout", "0"], "--timeout"),
        ([*REFUSE, *NEW, "--on-error", "ignore"], "'ignore' is not one of"),
        ([*REFUSE, *NEW, "--prompts", "nothing.jsonl"], "nothing.jsonl"),
        ([*REFUSE, *NEW, "--min-scored", "3"], "--fail-under"),
    ],
)
async def test_wrong_usage(arguments: list[str], said: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("run", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.split())
    assert not sandbox.requests


async def test_no_key() -> None:
    ended = await run("run", *REFUSE, *NEW)
    assert ended.code == 2
    assert "There is no API key. Set the environment variable AYMARA_AI_API_KEY" in ended.stderr


async def test_broken_line_of_prompts_is_named(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    prompts = jsonl(folder / "p.jsonl", [{"id": "a", "content": "Q"}, {"id": "a", "content": "R"}])
    ended = await run("run", *REFUSE, *NEW, "--prompts", prompts, env=env)
    assert ended.code == 2
    assert "a second prompt 'a'" in ended.stderr
    assert not sandbox.requests


async def test_failing_model_stops_the_run(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, ["Q1", "fail"])
    arguments = ["run", "--model", "models:moody", "--eval", eval_uuid, "--retries", "0"]
    ended = await run(*arguments, env=env)
    assert (ended.code, ended.stdout) == (6, "")
    _, error, state = ended.stderr.splitlines()
    assert error == (
        f"error: The model failed on prompt {prompts[1]} with ValueError: not in the \\x1b[31mmood. "
        "With --on-error refuse or exclude such a prompt stops nothing."
    )
    assert state.startswith(f"How things stand: Eval {eval_uuid} stays at the server. ")
    assert state.endswith("With --journal FILE it could be resumed.")
    ended = await run(*arguments, "--journal", "my.journal", "--debug", env=env)
    assert ended.code == 6
    assert 'models.py", line' in ended.stderr
    assert "Run the same command again to go on: my.journal keeps what was answered and scored." in ended.stderr
    ended = await run(*arguments, "--on-error", "exclude", "--journal", "my.journal", env=env)
    assert ended.code == 0


@pytest.mark.parametrize("debug", [False, True])
async def test_failures_are_told_in_a_line_each(debug: bool, sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, ["Q1", "fail", "fail again"])
    options = ["--retries", "0", "--on-error", "refuse", *(["--debug"] * debug)]
    ended = await run("run", "-q", "--model", "models:moody", "--eval", eval_uuid, *options, env=env)
    assert ended.code == 0
    told = [line for line in ended.stderr.splitlines() if line.startswith("The model failed")]
    assert told == [f"The model failed on prompt {uuid}: ValueError: not in the \\x1b[31mmood" for uuid in prompts[1:]]
    assert ("Traceback" in ended.stderr) == debug
    assert ended.stderr.count('models.py", line') == 2 * debug
    assert "\x1b" not in ended.stderr


async def test_very_many_failures_are_told_in_part(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, _ = await make_eval(client, [f"fail {number}" for number in range(53)])
    options = ["--retries", "0", "--on-error", "exclude"]
    ended = await run("run", "-q", "--model", "models:moody", "--eval", eval_uuid, *options, env=env)
    assert ended.code == 0
    assert ended.stderr.splitlines()[50:] == ["… and on 3 more; --format jsonl tells of each."]
    assert ended.stdout.startswith("Nothing was scored")


async def test_unknown_eval_and_refused_key(env: dict[str, str]) -> None:
    ended = await run("run", *REFUSE, "--eval", "test.none", env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404" in ended.stderr
    assert "Request id: req_" in ended.stderr
    ended = await run("run", *REFUSE, *FEW, env=env | {"AYMARA_AI_API_KEY": "a-wrong-key-1234"})
    assert ended.code == 3
    assert "401" in ended.stderr
    assert "a-wrong-key-1234" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == "How things stand: Nothing was created."


async def test_lost_answer_to_the_creation_is_told(sandbox: Sandbox, env: dict[str, str]) -> None:
    sandbox.add_fault("reset@evals.create")
    ended = await run("run", "-q", *REFUSE, *FEW, "--journal", "my.journal", "--grace-period", "0", env=env)
    assert ended.code == 3
    assert ended.stderr.splitlines()[-1].startswith("How things stand: An eval may have been created. Run the same")


async def test_wrong_baseline_costs_nothing(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("run", *REFUSE, *FEW, "--baseline", "score_run.none", env=env)
    assert ended.code == 3
    assert {request.method for request in sandbox.requests} == {"GET"}


async def test_eval_without_prompts_and_eval_that_fails(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("run", *REFUSE, *NEW, "--num-prompts", "0", env=env)
    assert ended.code == 4
    assert "holds no prompts, so nothing was asked" in ended.stderr
    sandbox.add_fault("fail@evals.create")
    ended = await run("run", *REFUSE, *FEW, env=env)
    assert ended.code == 4
    assert "as failed" in ended.stderr
    assert "stays at the server. No answer came in." in ended.stderr


async def test_rejected_answer_is_no_success(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, _ = await make_eval(client, ["Q1", "Q2"])

    def add_one(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        """List a prompt that the server does not know when its answer comes."""
        if request.path.endswith("/prompts"):
            answered["items"].append({"prompt_uuid": "question.gone", "content": "Q3"})
            answered["count"] += 1
        return status, answered

    async with tampering(sandbox.url, add_one) as url:
        arguments = ["run", "-q", *REFUSE, "--eval", eval_uuid, "--format", "jsonl"]
        ended = await run(*arguments, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 4
    error, _ = ended.stderr.splitlines()
    assert error.startswith(
        "error: The server would not score 1 of 3 answers, the first of them to prompt question.gone: "
    )
    assert error.endswith(". All others are scored.")
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(row["is_passed"], bool(row["rejection"])) for row in rows] == [(True, False), (True, False), (None, True)]
    assert rows[2]["content"] == models.REFUSAL


async def test_journal_of_another_job(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuids = [(await make_eval(client, [content]))[0] for content in ("Q1", "Q2")]
    arguments = ["run", "-q", *REFUSE, "--journal", "my.journal", "--eval"]
    assert (await run(*arguments, eval_uuids[0], env=env)).code == 0
    ended = await run(*arguments, eval_uuids[1], env=env)
    assert ended.code == 2
    assert "my.journal belongs to another job" in ended.stderr


async def test_help_fits_in_80_columns() -> None:
    ended = await run("run", "--help")
    assert ended.code == 0
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())
    assert "--ai-description TEXT           What the AI is.\n" in ended.stdout
