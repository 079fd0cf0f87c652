"""Whatever ends a run early, the same call with the same journal completes it, and pays for nothing twice."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI, AuthenticationError, RetryPolicy
from aymara_async.journal.errors import JournalError
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.errors import ModelError
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Error, Reset, Truncate
from tests.bulk.crashes import Worker
from tests.cli.process import own_environment
from tests.runner.conftest import params
from tests.runner.crashes import random_case
from tests.runner.worker import fails_on

CONCURRENCY = 4
"""Of the worker."""


async def start(sandbox: Sandbox, folder: Path, num_prompts: int, turns: int) -> asyncio.subprocess.Process:
    env = own_environment(AYMARA_AI_BASE_URL=sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key)
    arguments = [folder / "journal", folder / "calls", num_prompts, turns]
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.runner.worker", *map(str, arguments)],
        stdout=asyncio.subprocess.PIPE,
        env=own_environment(**env),
        cwd=Path(__file__).parents[2],
    )


def calls_in(folder: Path) -> Counter[str]:
    log = folder / "calls"
    return Counter(log.read_text().splitlines()) if log.exists() else Counter()


async def kill_after(process: asyncio.subprocess.Process, sandbox: Sandbox, folder: Path, calls: int) -> None:
    """Let the process live until its model was called so often and something was scored, then kill it."""
    while process.returncode is None and (calls_in(folder).total() < calls or not sandbox.scored):
        await asyncio.sleep(0.002)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


@pytest.mark.parametrize(
    ("num_prompts", "turns", "seed"),
    [
        (60, 1, 0),
        (20, 3, 0),
        *(pytest.param(120, 1, seed, marks=pytest.mark.slow) for seed in range(1, 6)),
        *(pytest.param(30, 4, seed, marks=pytest.mark.slow) for seed in range(1, 6)),
    ],
)
async def test_killed_again_and_again(tmp_path: Path, num_prompts: int, turns: int, seed: int) -> None:
    chance = random.Random(f"{seed} {turns}")
    total = num_prompts * turns
    kills = sorted(chance.sample(range(1, total), 2 + bool(seed) * 2))
    faults = [Reset("evals.runs.score_responses", calls=[2, 5], processed=True)]
    async with Sandbox(faults=faults) as sandbox:
        for calls in kills:
            await kill_after(await start(sandbox, tmp_path, num_prompts, turns), sandbox, tmp_path, calls)
        process = await start(sandbox, tmp_path, num_prompts, turns)
        printed, _ = await process.communicate()
        scored = sandbox.scored
        runs = {turn.eval_run_uuid for turn in scored}
    assert process.returncode == 0
    told = json.loads(printed)
    assert told["lengths"] == [turns] * num_prompts
    assert runs == {told["run"]}
    failing = sorted({turn.prompt_uuid for turn in scored if fails_on(turn.prompt_uuid)}) if turns == 1 else []
    assert told["failed"] == failing
    assert (told["scored"], told["verdicts"]) == (total, total - len(failing))
    assert len(scored) == total
    assert set(scored.values()) == {1}
    called = calls_in(tmp_path)
    assert len(called) == total
    # What was under way when a process was killed had to be asked again, and nothing else.
    assert called.total() <= total + len(kills) * CONCURRENCY


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize(
    "seed",
    [15, 20, 23, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(100) if seed not in (15, 20, 23))],
)
def test_whole_evals_killed_on_random_servers(worker: Worker, seed: int, tmp_path: Path) -> None:
    random_case(worker, tmp_path, seed)


async def test_a_model_error_stops_and_the_rest_is_asked_later(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    asked: list[str] = []
    is_broken = True

    async def model(prompt: ModelPrompt) -> str:
        if len(asked) == 30 and is_broken:
            raise ConnectionError("the model's server is down")
        asked.append(prompt.prompt.prompt_uuid)
        return "I cannot help with that."

    runner = AsyncEvalRunner(client, model, concurrency=1)
    with pytest.raises(ModelError):
        await runner.run_eval(params(50), journal=tmp_path / "journal")
    is_broken = False
    outcome = await runner.run_eval(params(50), journal=tmp_path / "journal")
    assert len(asked) == len(set(asked)) == len(outcome.responses) == 50
    assert set(sandbox.scored.values()) == {1}
    assert len([one async for one in client.evals.list()]) == 1


async def test_a_finished_run_is_read_from_the_journal(client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    async def model(prompt: ModelPrompt) -> str:
        return f"turn {prompt.turn}"

    async def unavailable(prompt: ModelPrompt) -> str:
        raise AssertionError("nothing is left to ask")

    first = await AsyncEvalRunner(client, model, turns=2).run_eval(params(9), journal=tmp_path / "journal")
    again = await AsyncEvalRunner(client, unavailable, turns=2).run_eval(params(9), journal=tmp_path / "journal")
    assert again.threads == first.threads
    assert set(sandbox.scored.values()) == {1}


async def test_failures_of_the_model_are_kept_with_their_traceback(client: AsyncAymaraAI, tmp_path: Path) -> None:
    async def model(prompt: ModelPrompt) -> str:
        raise ValueError("always")

    runner = AsyncEvalRunner(client, model, on_error="exclude")
    first = await runner.run_eval(params(3), journal=tmp_path / "journal")
    again = await runner.run_eval(params(3), journal=tmp_path / "journal")
    assert [one.error for one in first.errors] == [one.error for one in again.errors]
    assert all(one.error and 'raise ValueError("always")' in one.error.traceback for one in again.errors)


async def test_faults_of_all_kinds_lose_nothing(tmp_path: Path) -> None:
    faults = [
        Reset("evals.create", calls=1, processed=True),
        Error("evals.list_prompts", probability=0.3, status=503),
        Reset("evals.runs.score_responses", probability=0.2, processed=True),
        Error("evals.runs.score_responses", probability=0.2, status=429),
        Truncate("evals.runs.list_responses", probability=0.1),
    ]

    async def model(prompt: ModelPrompt) -> str:
        if "e" in prompt.prompt.prompt_uuid[-2:]:
            raise ValueError("unlucky")
        return "I cannot help with that."

    async with (
        Sandbox(faults=faults, seed=7) as sandbox,
        AsyncAymaraAI(
            base_url=sandbox.url, api_key=sandbox.api_key, retry=RetryPolicy(max_retries=9, initial_wait=0.01)
        ) as client,
    ):
        runner = AsyncEvalRunner(client, model, on_error="exclude", batch_size=10, grace_period=0.5)
        outcome = await runner.run_eval(params(100), journal=tmp_path / "journal")
        sandbox.clear_faults()
        assert len(outcome.responses) == len(sandbox.scored) == 100
        assert set(sandbox.scored.values()) == {1}
        assert len([one async for one in client.evals.list()]) == 1
    unlucky = [one for one in outcome.prompts if "e" in one.prompt_uuid[-2:]]
    assert [one.prompt for one in outcome.errors] == unlucky != []


async def test_cancellation_leaves_a_journal_that_resumes(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    reached = asyncio.Event()
    asked: list[str] = []

    async def model(prompt: ModelPrompt) -> str:
        if len(asked) == 25 and not reached.is_set():
            reached.set()
            await asyncio.Event().wait()
        asked.append(prompt)
        return "I cannot help with that."

    runner = AsyncEvalRunner(client, model, concurrency=1, batch_size=5, grace_period=0.5)
    running = asyncio.create_task(runner.run_eval(params(40), journal=tmp_path / "journal"))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    outcome = await runner.run_eval(params(40), journal=tmp_path / "journal")
    assert len(asked) == len(outcome.responses) == 40
    assert set(sandbox.scored.values()) == {1}


async def test_a_journal_of_another_job_is_refused(client: AsyncAymaraAI, tmp_path: Path) -> None:
    async def model(prompt: ModelPrompt) -> str:
        return "no"

    path = tmp_path / "journal"
    await AsyncEvalRunner(client, model).run_eval(params(2), journal=path)
    assert path.stat().st_mode & 0o777 == 0o600
    for other, runner in (
        (params(3), AsyncEvalRunner(client, model)),
        (params(2), AsyncEvalRunner(client, model, turns=2)),
        (params(2), AsyncEvalRunner(client, model, workspace_uuid="w")),
    ):
        with pytest.raises(JournalError, match="another job"):
            await runner.run_eval(other, journal=path)
    with pytest.raises(JournalError, match="another job"):
        await AsyncEvalRunner(client, model).run_eval(eval_uuid="another", journal=path)
    path.write_bytes(b"no database at all, but some text that is long enough" * 10)
    with pytest.raises(JournalError, match="damaged"):
        await AsyncEvalRunner(client, model).run_eval(params(2), journal=path)


async def test_a_journal_serves_one_run_at_a_time(client: AsyncAymaraAI, tmp_path: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def model(prompt: ModelPrompt) -> str:
        asked.set()
        await release.wait()
        return "no"

    runner = AsyncEvalRunner(client, model)
    running = asyncio.create_task(runner.run_eval(params(2), journal=tmp_path / "journal"))
    await asked.wait()
    with pytest.raises(JournalError, match="in use"):
        await runner.run_eval(params(2), journal=tmp_path / "journal")
    release.set()
    assert len((await running).responses) == 2


async def test_answers_are_kept_by_one_process_at_a_time(tmp_path: Path) -> None:
    journal = await AnswerJournal.open(tmp_path / "journal")
    with pytest.raises(JournalError, match="in use"):
        await AnswerJournal.open(tmp_path / "journal")
    await journal.close()
    await (await AnswerJournal.open(tmp_path / "journal")).close()


async def test_an_error_of_the_api_ends_the_run(sandbox: Sandbox) -> None:
    async def model(prompt: ModelPrompt) -> str:
        return "no"

    async with AsyncAymaraAI(base_url=sandbox.url, api_key="wrong") as client:
        with pytest.raises(AuthenticationError):
            await AsyncEvalRunner(client, model).run_eval(params(2))
