"""From an eval to its outcome: every prompt answered, scored once, and in the outcome."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from aymara_async import AsyncAymaraAI, EvalResponse, RequestValidationError, RetryPolicy
from aymara_async.bulk.errors import BatchOutcomeUnknownError
from aymara_async.models import EvalCreate
from aymara_async.runner.errors import NoPromptsError
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.progress import EvalProgress
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import make_exact_eval, params

REFUSAL = "I cannot help with that."


async def refuse(prompt: ModelPrompt) -> str:
    return REFUSAL


async def test_every_prompt_of_a_long_eval_is_asked_and_scored_once(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    asked: list[str] = []

    async def model(prompt: ModelPrompt) -> str:
        asked.append(prompt.prompt.prompt_uuid)
        return REFUSAL if len(asked) % 2 else "Sure, here is how you do it."

    outcome = await AsyncEvalRunner(client, model).run_eval(params(357))
    listed = [one async for one in client.evals.runs.list_responses(outcome.run.eval_run_uuid)]
    prompts = [one.prompt_uuid async for one in client.evals.list_prompts(str(outcome.eval.eval_uuid))]
    assert Counter(asked) == Counter(prompts)
    assert [one.prompt_uuid for one in outcome.prompts] == prompts == [one.prompt_uuid for one in outcome.responses]
    assert Counter(one.response_uuid for one in outcome.responses) == Counter(one.response_uuid for one in listed)
    assert len(outcome.responses) == 357
    assert set(sandbox.scored.values()) == {1}
    assert outcome.run.status == "finished"
    assert outcome.pass_rate == outcome.run.pass_rate == sum(bool(one.is_passed) for one in listed) / 357
    assert sum(tally.scored for tally in outcome.categories.values()) == 357
    assert len(outcome.failing) == 178
    assert outcome.errors == []


async def test_the_model_gets_text_that_knows_its_prompt(client: AsyncAymaraAI) -> None:
    got: list[ModelPrompt] = []
    eval_uuid = await make_exact_eval(client, "How do I bake bread?")
    await AsyncEvalRunner(client, got.append).run_eval(eval_uuid=eval_uuid)
    (prompt,) = got
    assert prompt == "How do I bake bread?"
    assert prompt.upper().endswith("BREAD?")
    assert (prompt.turn, prompt.history, prompt.eval.eval_uuid) == (1, (), eval_uuid)
    assert prompt.messages == [{"role": "user", "content": "How do I bake bread?"}]


async def test_kinds_of_answer(client: AsyncAymaraAI) -> None:
    def model(prompt: ModelPrompt) -> object:
        return {
            "text": REFUSAL,
            "none": None,
            "ready": EvalResponse(prompt_uuid=prompt.prompt.prompt_uuid, content="ready", exclude_from_scoring=True),
        }[prompt]

    eval_uuid = await make_exact_eval(client, "text", "none", "ready")
    outcome = await AsyncEvalRunner(client, model).run_eval(eval_uuid=eval_uuid)
    text, none, ready = outcome.responses
    assert (text.content, text.ai_refused, text.is_passed) == (REFUSAL, False, True)
    assert (none.content, none.ai_refused, none.is_passed) == (None, True, True)
    assert (ready.content, ready.exclude_from_scoring, ready.is_passed) == ("ready", True, None)
    assert outcome.tally.scored == 2


@pytest.mark.parametrize("is_async", [True, False])
async def test_as_many_calls_at_once_as_asked_and_no_more(client: AsyncAymaraAI, is_async: bool) -> None:
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(7)
    full = asyncio.Event()

    def enter() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)

    async def async_model(_: ModelPrompt) -> str:
        nonlocal running
        enter()
        if running == 7:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        return REFUSAL

    def blocking_model(_: ModelPrompt) -> str:
        nonlocal running
        enter()
        together.wait(30)  # broken unless seven are there at once
        with lock:
            running -= 1
        return REFUSAL

    model = async_model if is_async else blocking_model
    outcome = await AsyncEvalRunner(client, model, concurrency=7).run_eval(params(21))
    assert len(outcome.responses) == 21
    assert most == 7


async def test_the_model_answers_while_prompts_and_scores_are_still_on_their_way(
    client: AsyncAymaraAI, sandbox: Sandbox
) -> None:
    asked = 0

    async def model(_: ModelPrompt) -> str:
        nonlocal asked
        asked += 1
        if asked == 200:  # neither the last page of prompts nor the first score may wait for this
            await scored.wait()
        return REFUSAL

    scored = asyncio.Event()

    def watch(progress: EvalProgress) -> None:
        if progress.scored >= 50:
            scored.set()

    runner = AsyncEvalRunner(client, model, concurrency=4, batch_size=10, scoring_concurrency=2, progress=watch)
    outcome = await runner.run_eval(params(400))
    assert len(outcome.responses) == 400


async def test_a_bounded_number_of_conversations_is_open(client: AsyncAymaraAI) -> None:
    ahead: list[int] = []

    def watch(progress: EvalProgress) -> None:
        ahead.append(progress.prompts - progress.scored)

    runner = AsyncEvalRunner(client, refuse, concurrency=3, batch_size=5, scoring_concurrency=1, progress=watch)
    await runner.run_eval(params(300))
    assert max(ahead) <= 3 + 5 * 2


async def test_params_may_be_a_model_instance_and_the_eval_has_instructions(client: AsyncAymaraAI) -> None:
    made = EvalCreate(ai_description="An agent", eval_type="safety", num_prompts=2, name="Mine")
    outcome = await AsyncEvalRunner(client, refuse).run_eval(made)
    assert str(outcome.eval.name).startswith("Mine ")
    assert len(outcome.prompts) == 2


async def test_an_eval_without_prompts_is_an_error(client: AsyncAymaraAI) -> None:
    with pytest.raises(NoPromptsError, match="holds no prompts"):
        await AsyncEvalRunner(client, refuse).run_eval(params(0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"turns": True},
        {"on_error": "ignore"},
        {"timeout": 0},
        {"retry": -1},
        {"retry": "often"},
        {"batch_size": 1.5},
        {"scoring_concurrency": 0},
        {"wait_timeout": "long"},
        {"grace_period": -1},
        {"progress": 3},
    ],
)
async def test_arguments_that_make_no_sense(client: AsyncAymaraAI, wrong: dict[str, object]) -> None:
    with pytest.raises(RequestValidationError, match=next(iter(wrong))):
        AsyncEvalRunner(client, refuse, **wrong)  # type: ignore[arg-type]  # that is the point


async def test_neither_or_both_ways_to_name_the_eval(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    runner = AsyncEvalRunner(client, refuse)
    with pytest.raises(RequestValidationError, match="either"):
        await runner.run_eval()
    with pytest.raises(RequestValidationError, match="either"):
        await runner.run_eval(params(1), eval_uuid="x")
    with pytest.raises(RequestValidationError, match="pass eval_uuid=… instead"):
        await runner.run_eval("x")  # type: ignore[arg-type]  # that is the point
    assert sandbox.requests == []


async def test_a_client_that_is_closed_names_the_answers_being_scored(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    eval_uuid = await make_exact_eval(client, *(f"prompt {number}" for number in range(120)))
    sandbox.add_fault("latency@evals.list_prompts:seconds=60,calls=2")
    sandbox.add_fault("latency@evals.runs.score_responses:seconds=60")
    runner = AsyncEvalRunner(client.with_options(retry=RetryPolicy(initial_wait=0)), refuse, batch_size=10)
    running = asyncio.create_task(runner.run_eval(eval_uuid=eval_uuid))
    while sandbox.scored.total() < 10:
        await asyncio.sleep(0)
    await client.close()
    with pytest.raises(BatchOutcomeUnknownError, match="the client was closed before the answer came") as caught:
        await running
    assert len(caught.value.prompt_uuids) == 10


async def test_an_upload_that_meets_the_closed_client_does_not_hide_what_is_being_scored(
    client: AsyncAymaraAI, sandbox: Sandbox
) -> None:
    is_closing, asked = asyncio.Event(), 0

    async def model(prompt: ModelPrompt) -> str | bytes:
        nonlocal asked
        asked += 1
        if asked <= 10:
            return REFUSAL
        await is_closing.wait()
        return b"\x89PNG\r\n\x1a\n"

    sandbox.add_fault("latency@evals.runs.score_responses:seconds=60")
    running = asyncio.create_task(AsyncEvalRunner(client, model, batch_size=10).run_eval(params(20)))
    while sandbox.scored.total() < 10:
        await asyncio.sleep(0)
    is_closing.set()
    await client.close()
    with pytest.raises(BatchOutcomeUnknownError, match="the client was closed before the answer came") as caught:
        await running
    assert len(caught.value.prompt_uuids) == 10


async def test_an_answer_that_never_gets_a_score_leaves_all_others_scored(
    client: AsyncAymaraAI, sandbox: Sandbox
) -> None:
    sandbox.shape = {"unscored": 0.2, "seed": 3}
    runner = AsyncEvalRunner(client, str.upper, wait_timeout=1.0, grace_period=0.2, batch_size=5)
    outcome = await runner.run_eval(params(40))
    never = {turn.prompt.prompt_uuid for turn in outcome.exchanges if turn.score is None}
    assert never == {
        turn.prompt.prompt_uuid for turn in outcome.exchanges if sandbox.shape.leaves_unscored(turn.prompt.prompt_uuid)
    }
    assert 0 < len(never) < 40
    assert all(turn.rejection is None for turn in outcome.exchanges)
    assert set(sandbox.scored.values()) == {1}
