"""By its ``run_key`` another process, without the journal, goes on with the eval and the run of the one before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI, OutcomeUnknownError, RequestValidationError
from aymara_async.bulk.errors import AmbiguousRunError
from aymara_async.runner import EvalOutcome, run_suite
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import PARAMS, params

KEY = "shop nightly 2026-11-27"


class Model:
    """Says something else each time that it is asked, and stops the process after so many answers."""

    def __init__(self, answers: int | None = None) -> None:
        self.asked: list[str] = []
        self.answers = answers
        self.is_stopped = asyncio.Event()

    async def __call__(self, prompt: ModelPrompt) -> str:
        if len(self.asked) == self.answers:
            self.is_stopped.set()
            await asyncio.Event().wait()
        self.asked.append(prompt.prompt.prompt_uuid)
        return f"I cannot help with that, says {id(self)} to {prompt}."


def runner(client: AsyncAymaraAI, model: Any, **settings: Any) -> AsyncEvalRunner:
    return AsyncEvalRunner(client, model, **{"concurrency": 1, "batch_size": 5, "grace_period": 0.3, **settings})


async def interrupted(client: AsyncAymaraAI, sandbox: Sandbox, model: Model, *eval: Any, **arguments: Any) -> None:
    """Run until the model has given its answers and some are scored, as a process that is killed."""
    running = asyncio.create_task(runner(client, model, run_key=KEY).run_eval(*eval, **arguments))
    await model.is_stopped.wait()
    while not sandbox.scored:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def check_each_once(client: AsyncAymaraAI, sandbox: Sandbox, outcome: EvalOutcome, prompts: int) -> None:
    """One eval, one run, both of that name, and each answer scored once, as it is told."""
    assert [one.name async for one in client.evals.list()] == [KEY]
    assert [one.name async for one in client.evals.runs.list()] == [KEY]
    assert len(sandbox.scored) == prompts == len(outcome.responses)
    assert set(sandbox.scored.values()) == {1}
    listed = {one.prompt_uuid: one async for one in client.evals.runs.list_responses(outcome.run.eval_run_uuid)}
    for exchange in outcome.exchanges:
        assert exchange.response is not None
        assert exchange.response.content == listed[exchange.prompt.prompt_uuid].content


@pytest.mark.parametrize("own", [False, True], ids=["prompts of the server", "own prompts"])
@pytest.mark.parametrize("shape", [{}, {"lag": 0.1, "work": 0.05, "order": "shuffled", "clock_offset": -600.0}])
async def test_another_process_goes_on_without_the_journal(shape: dict[str, Any], own: bool) -> None:
    contents = [f"Question {number}" for number in range(20)]
    given = (PARAMS,) if own else (params(20),)
    prompts = {"prompts": contents} if own else {}
    async with (
        Sandbox(shape=shape) as sandbox,
        AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client,
    ):
        first, second = Model(answers=10), Model()
        await interrupted(client, sandbox, first, *given, **prompts)
        scored = {turn.prompt_uuid for turn in sandbox.scored}
        outcome = await runner(client, second, run_key=KEY).run_eval(*given, **prompts)
        await check_each_once(client, sandbox, outcome, 20)
        assert scored.isdisjoint(second.asked), "what is scored is not asked again"
        if own:
            assert [prompt.content for prompt in outcome.prompts] == contents
        third = Model()
        again = await runner(client, third, run_key=KEY).run_eval(*given, **prompts)
        assert (third.asked, again.pass_rate) == ([], outcome.pass_rate)
        await check_each_once(client, sandbox, again, 20)


async def test_a_journal_beside_the_key_keeps_what_was_not_scored(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    first, second = Model(answers=12), Model()
    await interrupted(client, sandbox, first, params(20), journal=tmp_path / "j")
    outcome = await runner(client, second, run_key=KEY).run_eval(params(20), journal=tmp_path / "j")
    await check_each_once(client, sandbox, outcome, 20)
    assert len(second.asked) == 8


async def test_two_evals_of_the_key_are_an_error_that_names_both(client: AsyncAymaraAI) -> None:
    made = [await client.evals.create(**params(2), name=KEY) for _ in range(2)]
    with pytest.raises(OutcomeUnknownError) as caught:
        await runner(client, Model(), run_key=KEY).run_eval(params(2))
    assert all(str(one.eval_uuid) in str(caught.value) for one in made)


async def test_two_runs_of_the_key_are_an_error_that_names_both(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    model = Model()
    await runner(client, model, run_key=KEY).run_eval(params(2))
    (made,) = [one async for one in client.evals.list()]
    other = await client.evals.runs.score_responses(
        eval_uuid=made.eval_uuid, name=KEY, responses=[{"prompt_uuid": model.asked[0], "content": "x"}]
    )
    with pytest.raises(AmbiguousRunError) as caught:
        await runner(client, Model(), run_key=KEY).run_eval(params(2))
    assert other.eval_run_uuid in str(caught.value)


@pytest.mark.parametrize(
    "other",
    [
        (PARAMS | {"ai_description": "A bank clerk"}, ["Question 1", "Question 2"]),
        (PARAMS, ["What is this?", "And this?"]),
    ],
    ids=["another AI", "other prompts"],
)
async def test_a_key_that_was_used_for_something_else_changes_nothing(client: AsyncAymaraAI, other: Any) -> None:
    handle = await runner(client, Model(), run_key=KEY).start(PARAMS, prompts=["Question 1", "Question 2"])
    given, prompts = other
    with pytest.raises(RequestValidationError, match="A run_key belongs to one job"):
        await runner(client, Model(), run_key=KEY).run_eval(given, prompts=prompts)
    held = [prompt.content async for prompt in client.evals.list_prompts(handle.eval_uuid)]
    assert sorted(held) == ["Question 1", "Question 2"]


async def test_a_key_leaves_no_room_for_a_name_of_the_run(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    for key in ("", 7):
        with pytest.raises(RequestValidationError, match="run_key must be"):
            runner(client, Model(), run_key=key)
    with pytest.raises(RequestValidationError, match="makes no sense beside it"):
        await runner(client, Model(), run_key=KEY).run_eval(params(2), run_name="x")
    assert not sandbox.requests


async def test_a_handle_is_picked_up_with_the_key(client: AsyncAymaraAI) -> None:
    handle = await runner(client, Model(), run_key=KEY).start(params(3, name="Shop"))
    outcome = await runner(client, Model(), run_key=KEY).resume(handle)
    assert (outcome.eval.name, outcome.run.name) == (KEY, KEY)


async def test_each_run_of_a_suite_has_a_key_of_its_own(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    first, second = Model(), Model()
    for models in ({"a": first, "b": second}, {"a": Model(0), "b": Model(0)}):
        suite = await run_suite(
            client, evals={"shop": params(3)}, models=models, run_key=KEY, grace_period=0.2, report=False
        )
        assert {outcome.run.name for outcome in suite.outcomes.values()} == {f"{KEY}, shop, a", f"{KEY}, shop, b"}
    assert [one.name async for one in client.evals.list()] == [f"{KEY}, shop"]
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (6, {1})
