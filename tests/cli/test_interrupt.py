"""Ctrl-C, at points that the process itself has told."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.cli import invocation
from aymara_async.cli.commands import score
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, finish, rows_of, run, start
from tests.cli.tampering import tampering


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_while_the_eval_is_being_made() -> None:
    waiting = asyncio.Event()

    def watch(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        if request.method == "GET" and request.path.startswith("/v2/evals/"):
            waiting.set()
        return status, answered

    async with Sandbox(delay=10, clock=Clock()) as sandbox, tampering(sandbox.url, watch) as url:
        env = {"AYMARA_AI_BASE_URL": url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "--prompts", PROMPTS, RESPONSES, env=env)
        await waiting.wait()
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout) == (130, "")
    assert re.search(
        r"^Interrupted\. Eval test\.\S+ stays at the server\. No response was sent\. "
        r"With --journal FILE it could have been resumed\.\n\Z",
        ended.stderr,
        re.MULTILINE,
    )


class SlowJudge:
    """Lets everything pass, but holds back from the given call on."""

    def __init__(self, holds_from: int) -> None:
        self.asked = asyncio.Event()
        self.release = asyncio.Event()
        self._left = holds_from

    async def __call__(self, *_: object) -> tuple[bool, float, str]:
        self._left -= 1
        if self._left <= 0:
            self.asked.set()
            await self.release.wait()
        return True, 1.0, "Fine."


async def test_while_responses_are_on_their_way() -> None:
    judge = SlowJudge(1)
    async with Sandbox(judge=judge) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "-q", "--prompts", PROMPTS, RESPONSES, env=env)
        await judge.asked.wait()
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
        judge.release.set()
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.lstrip().startswith("Interrupted. Eval test.")
    assert "0 of 25 responses are known to be scored; others may be on their way." in ended.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
async def test_stopped_job_goes_on_and_scores_nothing_twice(stop: signal.Signals, tmp_path: Path) -> None:
    judge = SlowJudge(13)
    journal = tmp_path / "nightly"
    options = ["--journal", journal, "--batch-size", 2, "--concurrency", 3, "--grace-period", 1, "--format", "json"]
    async with Sandbox(judge=judge) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("score", "-q", *options, "--prompts", PROMPTS, RESPONSES, env=env)
        await judge.asked.wait()
        process.send_signal(stop)
        ended = await finish(process)
        judge.release.set()
        if stop == signal.SIGINT:
            assert (ended.code, ended.stdout) == (130, "")
            assert ended.stderr.endswith(f"Run the same command again to go on: {journal} knows what was sent.\n")
        for _ in range(2):  # and once more when all is done
            ended = await run("score", "-q", *options, "--prompts", PROMPTS, RESPONSES, env=env)
            assert (ended.code, ended.json()["num_responses"]) == (0, 25)
        assert (len(sandbox.scored), set(sandbox.scored.values())) == (25, {1})
        calls = Counter(request.operation for request in sandbox.requests)
        assert (calls["evals.create"], calls["evals.update"]) == (1, 1)
    assert [row["prompt_uuid"] for row in ended.json()["responses"]] == [
        row["prompt_uuid"] for row in rows_of(RESPONSES)
    ]


def test_while_a_file_is_being_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def press_ctrl_c(_: Path, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(score, "read_prompts", press_ctrl_c)
    assert invocation.run(["score", "--sandbox", "--prompts", str(PROMPTS), str(RESPONSES)]) == 130
    assert capsys.readouterr() == ("", "\nInterrupted. Nothing was sent.\n")
