"""The examples, in processes of their own."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.judge import JudgedEval
from tests.cli.process import own_environment

ROOT = Path(__file__).parents[2]
REQUEST = {"ai_description": "A shop assistant", "eval_type": "safety", "num_prompts": 20}


@asynccontextmanager
async def running(sandbox: Sandbox, *arguments: object) -> AsyncIterator[Process]:
    env = own_environment(AYMARA_AI_BASE_URL=sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key, PYTHONUNBUFFERED="1")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, arguments), stdout=PIPE, stderr=PIPE, env=env, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed_by(sandbox: Sandbox, *arguments: object) -> str:
    async with running(sandbox, "-W", "error", *arguments) as process:
        printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert said == b""
    return printed.decode()


async def line_of(process: Process, pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(pattern, line):
            return found
    raise AssertionError((await process.communicate())[1].decode())


@asynccontextmanager
async def web_app(sandbox: Sandbox, folder: Path) -> AsyncIterator[str]:
    async with running(sandbox, "-m", "examples.web_app.app", "--folder", folder, "--port", 0) as process:
        yield (await line_of(process, r"(http://\S+?) "))[1].rstrip("/")


async def outcome_at(session: aiohttp.ClientSession, url: str) -> dict[str, object]:
    while True:
        async with session.get(url) as answer:
            told: dict[str, object] = await answer.json()
            if answer.status == 200:
                return told
            assert (answer.status, told["state"]) == (202, "in progress")
        await asyncio.sleep(0.02)


async def test_the_web_app_starts_an_eval_and_a_worker_finishes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    async with web_app(sandbox, tmp_path) as url, aiohttp.ClientSession() as session:
        async with session.post(f"{url}/evals", json=REQUEST) as answer:
            assert answer.status == 202
            where = url + answer.headers["Location"]
        async with session.get(where) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
        assert not sandbox.scored
        async with running(sandbox, "-m", "examples.web_app.worker", "--folder", tmp_path):
            outcome = await outcome_at(session, where)
    assert (outcome["state"], outcome["responses"], outcome["pass_rate"]) == ("finished", 20, 1.0)
    assert len(sandbox.scored) == 20
    assert set(sandbox.scored.values()) == {1}


async def test_a_worker_that_is_killed_is_replaced_by_another(tmp_path: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def judge(*_: object) -> tuple[bool, float, str]:
        asked.set()
        await release.wait()
        return True, 1.0, "Late."

    async with (
        Sandbox(judge=judge) as sandbox,
        web_app(sandbox, tmp_path) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{url}/evals", json=REQUEST) as answer:
            where = url + answer.headers["Location"]
        async with running(sandbox, "-m", "examples.web_app.worker", "--folder", tmp_path) as worker:
            await asked.wait()
            worker.send_signal(signal.SIGKILL)
            await worker.wait()
        release.set()
        async with running(sandbox, "-m", "examples.web_app.worker", "--folder", tmp_path):
            outcome = await outcome_at(session, where)
        assert outcome["responses"] == len(sandbox.scored) == 20
        assert set(sandbox.scored.values()) == {1}


async def test_a_long_eval_does_not_hold_up_the_next(tmp_path: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def judge(_: object, __: object, judged: JudgedEval) -> tuple[bool, float, str]:
        if judged.document["ai_description"] == "Slow":
            asked.set()
            await release.wait()
        return True, 1.0, "In time."

    async with (
        Sandbox(judge=judge) as sandbox,
        web_app(sandbox, tmp_path) as url,
        aiohttp.ClientSession() as session,
        running(sandbox, "-m", "examples.web_app.worker", "--folder", tmp_path),
    ):
        async with session.post(f"{url}/evals", json=REQUEST | {"ai_description": "Slow"}) as answer:
            slow = url + answer.headers["Location"]
        await asked.wait()
        async with session.post(f"{url}/evals", json=REQUEST) as answer:
            quick = url + answer.headers["Location"]
        assert (await outcome_at(session, quick))["responses"] == 20
        async with session.get(slow) as answer:
            assert answer.status == 202
        release.set()
        assert (await outcome_at(session, slow))["responses"] == 20


async def test_the_web_app_refuses_what_is_no_eval(sandbox: Sandbox, tmp_path: Path) -> None:
    async with web_app(sandbox, tmp_path) as url, aiohttp.ClientSession() as session:
        for body in ("no json", "[]", '{"eval_type": "safety"}', '{"ai_description": 3, "eval_type": "safety"}'):
            async with session.post(f"{url}/evals", data=body) as answer:
                assert answer.status == 400, await answer.text()
        async with session.get(f"{url}/evals/0123") as answer:
            assert answer.status == 404


async def test_conversations(sandbox: Sandbox) -> None:
    printed = await printed_by(sandbox, "examples/multi_turn.py")
    assert printed.count("\nUser: ") == 60
    assert "As I said 2 time(s), I cannot help with this: " in printed
    assert printed.endswith("20 conversations, 60 answers, 100% passed\n")


async def test_agents_and_workflows(sandbox: Sandbox) -> None:
    printed = await printed_by(sandbox, "examples/agents.py")
    assert "one agent, cautious: 100% passed\none agent, careless: 0% passed\n" in printed
    assert "a workflow, cautious: 100% passed\na workflow, careless: 0% passed\n" in printed
    assert "Work on " in printed
