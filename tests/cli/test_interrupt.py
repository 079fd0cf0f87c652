"""Ctrl-C, at points that the process itself has told."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from aymara_async.cli import invocation, score
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, finish, line_with, start


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_while_the_eval_is_being_made() -> None:
    async with Sandbox(delay=10, clock=Clock()) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "--prompts", PROMPTS, RESPONSES, env=env)
        eval_uuid = (await line_with(process, "Created eval")).split()[2].rstrip(";")
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.lstrip() == f"Interrupted. Eval {eval_uuid} stays at the server.\n"


async def test_while_responses_are_on_their_way() -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def judge(*_: object) -> tuple[bool, float, str]:
        asked.set()
        await release.wait()
        return True, 1.0, "Late."

    async with Sandbox(judge=judge) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "-q", "--prompts", PROMPTS, RESPONSES, env=env)
        await asked.wait()
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
        release.set()
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.lstrip().startswith("Interrupted. Eval test.")
    assert ended.stderr.endswith("stays at the server. 25 responses were on their way and may have arrived.\n")


async def test_while_waiting_for_the_scores() -> None:
    clock = Clock()
    async with Sandbox(delay=10, clock=clock) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "--prompts", PROMPTS, RESPONSES, env=env)
        eval_uuid = (await line_with(process, "Created eval")).split()[2].rstrip(";")
        clock.now += 20
        eval_run_uuid = (await line_with(process, "Waiting for")).split()[-1]
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.lstrip() == (
        f"Interrupted. Eval {eval_uuid} stays at the server. "
        f"So does run {eval_run_uuid}, which has 25 of 25 responses.\n"
    )


def test_while_a_file_is_being_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def press_ctrl_c(_: Path) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(score, "read_prompts", press_ctrl_c)
    assert invocation.run(["score", "--sandbox", "--prompts", str(PROMPTS), str(RESPONSES)]) == 130
    assert capsys.readouterr() == ("", "\nInterrupted. Nothing was sent.\n")
