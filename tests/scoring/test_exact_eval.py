"""An eval with exactly the given prompts, and the ids that the server gave them."""

from __future__ import annotations

import pytest

from aymara_async.models import EvalPrompt
from aymara_async.scoring.errors import ExactEvalError
from aymara_async.scoring.exact_eval import map_prompts
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
