"""``score --run-key`` and ``run --run-key``: the same command goes on, from any machine."""

from __future__ import annotations

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, run

KEY = ["--run-key", "nightly 27", "--grace-period", "0.3"]
NEW = ["--eval-type", "safety", "--ai-description", "A bot", "--num-prompts", "4"]
COMMANDS = {
    "score": ["score", "-q", *KEY, "--format", "json", "--prompts", PROMPTS, RESPONSES],
    "run": ["run", "-q", *KEY, "--format", "json", *NEW, "--command", "echo $RANDOM: never."],
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_second_process_goes_on(command: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    sandbox.add_fault("error@evals.runs.list_responses:status=403,calls=1")
    told = [await run(*COMMANDS[command], env=env) for _ in range(2)]
    assert [ended.code for ended in told] == [3, 0], told
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        assert [one.name async for one in client.evals.list()] == ["nightly 27"]
        assert [one.name async for one in client.evals.runs.list()] == ["nightly 27"]
    assert set(sandbox.scored.values()) == {1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "--run-key", "k", "--name", "n", "--prompts", PROMPTS, RESPONSES], "leave out --name"),
        (["score", "--run-key", "k", "--delete", "--prompts", PROMPTS, RESPONSES], "leave one of them out"),
        (["score", "--run-key", "k", "--sandbox", "--prompts", PROMPTS, RESPONSES], "leave out --run-key"),
        (["run", "--run-key", "k", "--run-name", "n", *NEW, "--command", "true"], "leave out --run-name"),
        (["run", "--run-key", "k", "--sandbox", *NEW, "--command", "true"], "leave out --run-key"),
    ],
)
async def test_what_makes_no_sense_beside_a_key(arguments: list[str], said: str, env: dict[str, str]) -> None:
    ended = await run(*arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


async def test_a_process_that_stops_tells_how_to_go_on(sandbox: Sandbox, env: dict[str, str]) -> None:
    sandbox.add_fault("error@evals.runs.score_responses:status=403")
    ended = await run(*COMMANDS["run"], env=env)
    assert ended.code == 3
    assert "go on with what is named 'nightly 27' at the server" in ended.stderr
