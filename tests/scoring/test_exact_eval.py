"""An eval with exactly the given prompts, and the ids that the server gave them."""

from __future__ import annotations

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.models import EvalPrompt
from aymara_async.sandbox import Sandbox
from aymara_async.scoring.errors import ExactEvalError
from aymara_async.scoring.exact_eval import create_eval, fill_eval, map_prompts
from aymara_async.scoring.rows import PromptRow

ROWS = [
    PromptRow(prompt_uuid="a", content="Same", category="x"),
    PromptRow(prompt_uuid="b", content="Same", category="y"),
    PromptRow(prompt_uuid="c", content="Same", category="x"),
    PromptRow(prompt_uuid="d", content="Other"),
]


def listing(*rows: tuple[str, str, str | None]) -> list[EvalPrompt]:
    return [EvalPrompt(prompt_uuid=uuid, content=content, category=category) for uuid, content, category in rows]


def test_equal_prompts_are_mapped_in_order_whatever_the_order_of_the_list() -> None:
    prompts = listing(("q4", "Other", None), ("q1", "Same", "x"), ("q3", "Same", "y"), ("q2", "Same", "x"))
    assert map_prompts("test.1", ROWS, prompts) == {"a": "q1", "b": "q3", "c": "q2", "d": "q4"}


def test_missing_and_foreign_prompts_are_an_error() -> None:
    prompts = listing(("q1", "Same", "x"), ("q2", "Same", "y"), ("q3", "Same", "y"), ("q4", "other", None))
    with pytest.raises(ExactEvalError) as caught:
        map_prompts("test.1", ROWS, prompts)
    assert "2 are (first c) not in it as they were sent, 2 are (first q3) in it that were not sent" in str(caught.value)


def test_fewer_prompts_are_an_error() -> None:
    with pytest.raises(ExactEvalError, match=r"4 are \(first a\) not in it .* 0 are in it"):
        map_prompts("test.1", ROWS, [])


async def test_generated_prompts_are_replaced() -> None:
    async with Sandbox() as sandbox, AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        made = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=250)
        assert made.eval_uuid is not None
        ids = await fill_eval(client, made.eval_uuid, ROWS, timeout=5)
        prompts = {prompt.prompt_uuid: prompt.content async for prompt in client.evals.list_prompts(made.eval_uuid)}
    assert {row.prompt_uuid: prompts[ids[row.prompt_uuid]] for row in ROWS} == {r.prompt_uuid: r.content for r in ROWS}
    assert len(prompts) == 4


async def test_new_eval_holds_no_prompt() -> None:
    async with Sandbox() as sandbox, AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        eval_uuid = await create_eval(client, name="n", ai_description="x", eval_type="safety")
        assert (await client.evals.list_prompts(eval_uuid)).count == 0
