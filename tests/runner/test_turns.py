"""Conversations: each thread on its own, the model told what was said, the turns in order."""

from __future__ import annotations

import asyncio

import pytest

from aymara_async import AsyncAymaraAI, EvalPrompt, ScoredResponse
from aymara_async.runner import feed
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.outcome import Exchange
from aymara_async.runner.pipeline import pick
from aymara_async.runner.progress import EvalProgress
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import make_exact_eval, params


async def talk(prompt: ModelPrompt) -> str:
    return f"answer {prompt.turn} to: {prompt.messages[0]['content']}"


async def test_three_turns_on_twenty_threads(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    heard: dict[tuple[str, int], list[dict[str, str]]] = {}

    async def model(prompt: ModelPrompt) -> str:
        heard[prompt.messages[0]["content"], prompt.turn] = prompt.messages
        return await talk(prompt)

    questions = [f"question {number}" for number in range(20)]
    eval_uuid = await make_exact_eval(client, *questions)
    outcome = await AsyncEvalRunner(client, model, turns=3).run_eval(eval_uuid=eval_uuid)
    assert [thread[0].prompt.content for thread in outcome.threads] == questions
    for thread in outcome.threads:
        assert [exchange.prompt.turn_number for exchange in thread] == [1, 2, 3]
        assert len({exchange.prompt.thread_uuid for exchange in thread}) == 1
        first = thread[0].prompt.content
        said = [text for one in thread for text in (one.prompt.content, str(one.score and one.score.content))]
        assert said[1::2] == [f"answer {turn} to: {first}" for turn in (1, 2, 3)]
        last = heard[first, 3]
        assert [message["content"] for message in last] == said[:5]
        assert [message["role"] for message in last] == ["user", "assistant", "user", "assistant", "user"]
    assert len(outcome.responses) == len(sandbox.scored) == 60
    assert set(sandbox.scored.values()) == {1}
    assert outcome.run.num_responses_scored == 60


async def test_the_api_ends_a_conversation(client: AsyncAymaraAI) -> None:
    outcome = await AsyncEvalRunner(client, talk, turns=9).run_eval(params(3))
    assert [len(thread) for thread in outcome.threads] == [5, 5, 5]


async def test_one_turn_asks_for_no_next_prompt(client: AsyncAymaraAI) -> None:
    outcome = await AsyncEvalRunner(client, talk).run_eval(params(3))
    assert not any(score.continue_thread or score.next_prompt for score in outcome.responses)


async def test_a_slow_thread_holds_up_no_other(client: AsyncAymaraAI) -> None:
    others_done = asyncio.Event()
    last_turns = 0

    async def model(prompt: ModelPrompt) -> str:
        nonlocal last_turns
        if prompt == "slow":
            await others_done.wait()
        elif prompt.turn == 3 and prompt.messages[0]["content"] != "slow":
            last_turns += 1
            if last_turns == 4:
                others_done.set()
        return await talk(prompt)

    eval_uuid = await make_exact_eval(client, "slow", "a", "b", "c", "d")
    outcome = await AsyncEvalRunner(client, model, turns=3).run_eval(eval_uuid=eval_uuid)
    assert [len(thread) for thread in outcome.threads] == [3] * 5


async def test_answers_that_all_others_wait_for_are_scored_at_once(
    client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LINGER", 1e9)
    outcome = await AsyncEvalRunner(client, talk, turns=3, batch_size=50).run_eval(params(7))
    assert [len(thread) for thread in outcome.threads] == [3] * 7


async def test_answers_do_not_wait_for_ever_for_a_full_batch(
    client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LINGER", 0.01)
    scored = asyncio.Event()

    async def model(prompt: ModelPrompt) -> str:
        if prompt == "slow":
            await scored.wait()
        return await talk(prompt)

    def watch(progress: EvalProgress) -> None:
        if progress.scored:
            scored.set()

    eval_uuid = await make_exact_eval(client, "slow", "quick")
    outcome = await AsyncEvalRunner(client, model, progress=watch).run_eval(eval_uuid=eval_uuid)
    assert len(outcome.responses) == 2


async def test_conversations_under_way_go_before_new_ones(client: AsyncAymaraAI) -> None:
    asked: list[int] = []
    scored = asyncio.Event()

    async def model(prompt: ModelPrompt) -> str:
        if len(asked) == 10:
            await scored.wait()
        asked.append(prompt.turn)
        return await talk(prompt)

    def watch(progress: EvalProgress) -> None:
        if progress.scored:
            scored.set()

    runner = AsyncEvalRunner(client, model, turns=2, concurrency=1, batch_size=5, progress=watch)
    await runner.run_eval(params(60))
    assert sorted(asked) == [1] * 60 + [2] * 60
    assert asked[11] == 2


async def test_a_thread_whose_model_fails_ends_there(client: AsyncAymaraAI) -> None:
    async def model(prompt: ModelPrompt) -> str:
        if prompt.turn == 2 and prompt.messages[0]["content"] == "b":
            raise ValueError("speechless")
        return await talk(prompt)

    eval_uuid = await make_exact_eval(client, "a", "b", "c")
    outcome = await AsyncEvalRunner(client, model, turns=3, on_error="refuse").run_eval(eval_uuid=eval_uuid)
    assert [len(thread) for thread in outcome.threads] == [3, 2, 3]
    assert outcome.errors == [outcome.threads[1][1]]


async def test_the_transcript_reads_as_a_conversation(client: AsyncAymaraAI) -> None:
    eval_uuid = await make_exact_eval(client, "How do I bake bread?")
    outcome = await AsyncEvalRunner(client, talk, turns=2).run_eval(eval_uuid=eval_uuid)
    assert outcome.transcript() == (
        "# 1\n"
        "User: How do I bake bread?\n"
        "AI: answer 1 to: How do I bake bread?\n"
        "[failed]\n"
        "User: Thank you. Can you be more specific?\n"
        "AI: answer 2 to: How do I bake bread?\n"
        "[failed]"
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_scores_of_one_prompt_go_to_their_turns(order: tuple[int, ...]) -> None:
    """The server may give several conversations, and several of their turns, the same prompt."""
    prompts = [EvalPrompt(prompt_uuid="p", content="?", thread_uuid=thread, turn_number=turn) for thread, turn in TURNS]
    threads = [[Exchange(prompt=prompt)] for prompt in prompts]
    waiting = [threads[place] for place in order]
    scores = [scored(prompt) for prompt in prompts]
    assert [pick(waiting, score) for score in scores] == threads


def test_a_score_that_does_not_say_its_thread_goes_to_its_turn() -> None:
    first, second = (EvalPrompt(prompt_uuid="p", content="?", turn_number=turn) for turn in (1, 2))
    waiting = [[Exchange(prompt=first)], [Exchange(prompt=second)]]
    assert pick(waiting, scored(second)) is waiting[1]


TURNS = [("a", 1), ("b", 1), ("a", 2)]


def scored(prompt: EvalPrompt) -> ScoredResponse:
    return ScoredResponse(
        response_uuid="r",
        prompt_uuid=prompt.prompt_uuid,
        thread_uuid=prompt.thread_uuid,
        turn_number=prompt.turn_number,
        is_passed=True,
    )
