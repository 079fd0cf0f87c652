"""An eval in progress is saved here and finished there."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI, ConfigurationError, RequestValidationError
from aymara_async.runner.handle import EvalHandle
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.cli.process import own_environment
from tests.runner.conftest import params

FINISH = """
import asyncio, sys
from aymara_async import AsyncAymaraAI
from aymara_async.runner import AsyncEvalRunner, EvalHandle

async def model(prompt):
    return "I cannot help with that."

async def main():
    async with AsyncAymaraAI() as client:
        outcome = await AsyncEvalRunner(client, model).resume(EvalHandle.from_json(sys.stdin.read()))
        print(len(outcome.responses), outcome.pass_rate)

asyncio.run(main())
"""


async def refuse(prompt: ModelPrompt) -> str:
    return "I cannot help with that."


async def test_started_here_finished_in_another_process(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    handle = await AsyncEvalRunner(client, refuse).start(params(12), journal=tmp_path / "journal")
    text = handle.to_json()
    assert sandbox.api_key not in text
    env = own_environment(AYMARA_AI_BASE_URL=sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key)
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-W", "error", "-c", FINISH],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=env,
        cwd=Path(__file__).parents[2],
    )
    printed, _ = await process.communicate(text.encode())
    assert printed.decode() == "12 1.0\n"
    assert set(sandbox.scored.values()) == {1}


async def test_broken_off_half_way_and_picked_up(client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    asked: list[str] = []
    half_way = asyncio.Event()

    async def model(prompt: ModelPrompt) -> str:
        if len(asked) == 6 and not half_way.is_set():
            half_way.set()
            await asyncio.Event().wait()
        asked.append(prompt)
        return "I cannot help with that."

    runner = AsyncEvalRunner(client, model, concurrency=1, turns=2, grace_period=0.5)
    handle = await runner.start(params(10), journal=tmp_path / "journal")
    running = asyncio.create_task(runner.resume(handle))
    await half_way.wait()
    running.cancel()
    await asyncio.wait([running])
    outcome = await runner.resume(EvalHandle.from_json(handle.to_json()))
    assert len(asked) == len(outcome.responses) == 20
    assert set(sandbox.scored.values()) == {1}


async def test_start_twice_gives_the_same_eval(client: AsyncAymaraAI, tmp_path: Path) -> None:
    runner = AsyncEvalRunner(client, refuse)
    first = await runner.start(params(2), journal=tmp_path / "journal")
    assert await runner.start(params(2), journal=tmp_path / "journal") == first


async def test_a_handle_of_another_api_or_number_of_turns(client: AsyncAymaraAI) -> None:
    handle = await AsyncEvalRunner(client, refuse, turns=2).start(params(2))
    with pytest.raises(RequestValidationError, match="2 turns"):
        await AsyncEvalRunner(client, refuse).resume(handle)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"eval_uuid": 3, "base_url": "x"}', b"\xff"])
def test_what_is_no_handle(text: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="no handle"):
        EvalHandle.from_json(text)


def test_a_handle_of_a_later_version() -> None:
    with pytest.raises(ConfigurationError, match="version 2"):
        EvalHandle.from_json(json.dumps({"eval_uuid": "e", "base_url": "u", "version": 2}))
