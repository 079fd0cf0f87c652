"""``aymara-async score --journal``, killed just as the server has done what it was asked, before the answer came."""

from __future__ import annotations

from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, finish, run, start
from tests.cli.tampering import tampering


class Killer:
    """Kills a process when the server has answered the given call so often."""

    def __init__(self, method: str, ending: str, times: int) -> None:
        self.process: Process | None = None
        self._method, self._ending, self._left = method, ending, times

    def __call__(self, request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        if request.method == self._method and request.path.endswith(self._ending):
            self._left -= 1
            if not self._left and self.process is not None:
                self.process.kill()
        return status, answered


@pytest.mark.parametrize(
    ("method", "ending", "times"),
    [
        ("POST", "/v2/evals", 1),  # the eval is made
        ("GET", "/prompts", 1),
        ("PUT", "", 1),  # its prompts are in it
        ("GET", "/prompts", 2),
        ("POST", "/score-responses", 1),  # the run is begun
        ("POST", "/score-responses", 4),
        ("GET", "/responses", 1),  # everything is scored
    ],
)
async def test_kill_just_before_an_answer(
    method: str, ending: str, times: int, sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    killer = Killer(method, ending, times)
    options = ["--journal", tmp_path / "j", "--batch-size", 5, "--grace-period", 1, "--format", "json"]
    arguments = ["-q", *options, "--prompts", PROMPTS, RESPONSES]
    async with tampering(sandbox.url, killer) as url:
        environment = env | {"AYMARA_AI_BASE_URL": url}
        killer.process = await start("score", *arguments, env=environment)
        assert (await finish(killer.process)).code == -9
        killer.process = None
        ended = await run("score", *arguments, env=environment)
    assert (ended.code, ended.stderr) == (0, "")
    assert (ended.json()["num_prompts"], ended.json()["num_responses"], ended.json()["num_scored"]) == (26, 25, 24)
    calls = Counter(request.operation for request in sandbox.requests)
    assert (calls["evals.create"], calls["evals.update"]) == (1, 1)
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (25, {1})
