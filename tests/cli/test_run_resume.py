"""Ctrl-C in the middle of ``aymara-async run``, and going on with the journal."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

from aymara_async.sandbox import Sandbox
from tests.cli.model_folder import folder
from tests.cli.process import finish, line_with, run, start
from tests.cli.scored_runs import client_of

__all__ = ["folder"]

NEW = ["--ai-description", "A shop assistant", "--eval-type", "safety", "--num-prompts", "30"]
STOPS = ["run", "--model", "models:stops", *NEW, "--concurrency", "1"]


def answered(folder: Path) -> list[str]:
    return (folder / "answered").read_text(encoding="utf-8").splitlines()


async def test_every_prompt_is_answered_once_in_total(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    command = [*STOPS, "--journal", "my.journal"]
    for stop_after in (8, 19):
        process = await start(*command, env=env | {"STOP_AFTER": str(stop_after)})
        eval_uuid = (await line_with(process, "Putting the prompts of eval")).split()[5]
        await line_with(process, "the model hangs")
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
        assert (ended.code, ended.stdout) == (130, "")
        assert ended.stderr.lstrip().startswith(
            f"Interrupted. Eval {eval_uuid} stays at the server. The model has answered {stop_after} prompts, "
        )
        assert ended.stderr.endswith(
            "Run the same command again to go on: my.journal keeps what was answered and scored.\n"
        )
        assert len(answered(folder)) == stop_after
    ended = await run(*command, "--format", "json", env=env)
    assert ended.code == 0
    document = ended.json()
    assert (document["num_prompts"], document["num_scored"], document["eval_uuid"]) == (30, 30, eval_uuid)
    assert len(answered(folder)) == 30
    # Some prompts of the sandbox are alike.
    assert Counter(answered(folder)) == Counter(row["prompt"] for row in document["responses"])
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (30, {1})
    async with client_of(sandbox) as client:
        assert (await client.evals.list()).count == 1
        assert (await client.evals.runs.list()).count == 1
    again = await run(*command, "--format", "json", env=env)
    assert again.json()["eval_run_uuid"] == document["eval_run_uuid"]
    assert len(answered(folder)) == 30


async def test_interrupted_while_answers_are_scored(folder: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def judge(*_: object) -> tuple[bool, float, str]:
        asked.set()
        await release.wait()
        return True, 1.0, "Late."

    async with Sandbox(judge=judge) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        command = [*STOPS, "--num-prompts", "31", "--journal", "my.journal"]
        process = await start(*command, env=env | {"STOP_AFTER": "30"})
        await asked.wait()
        await line_with(process, "the model hangs")
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
        assert ended.code == 130
        assert "The model has answered 30 prompts, 0 answers are scored." in ended.stderr
        release.set()
        ended = await run(*command, "--format", "json", env=env)
        assert ended.code == 0
        assert ended.json()["num_scored"] == 31
        assert len(answered(folder)) == 31
        assert (len(sandbox.scored), set(sandbox.scored.values())) == (31, {1})


async def test_without_a_journal(sandbox: Sandbox, env: dict[str, str]) -> None:
    process = await start(*STOPS, env=env | {"STOP_AFTER": "3"})
    await line_with(process, "the model hangs")
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 130
    assert ended.stderr.endswith("With --journal FILE it could be resumed.\n")


async def test_sandbox_of_its_own_leaves_nothing() -> None:
    process = await start(*STOPS, "--sandbox", env={"STOP_AFTER": "0"})
    await line_with(process, "the model hangs")
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert (ended.code, ended.stderr.lstrip()) == (130, "Interrupted. The sandbox ended, and all it held.\n")
