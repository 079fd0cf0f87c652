"""An eval that holds exactly the prompts it is given, no generated ones."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from aymara_async.models import EvalPrompt
from aymara_async.scoring.errors import ExactEvalError
from aymara_async.scoring.rows import PromptRow

T = TypeVar("T")

PROMPTS_PER_CALL = 100


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most ``size`` items."""
    return (items[start : start + size] for start in range(0, len(items), size))


def map_prompts(eval_uuid: str, prompts: Sequence[PromptRow], listed: Sequence[EvalPrompt]) -> dict[str, str]:
    """Map the file's ids to the server's, by content and category; equal prompts in the order of the list.

    Raises ``ExactEvalError`` where the two do not hold the same prompts, each as often.
    """
    ids: Mapping[tuple[str, str | None], deque[str]] = defaultdict(deque)
    for prompt in listed:
        ids[prompt.content, prompt.category].append(prompt.prompt_uuid)
    mapped: dict[str, str] = {}
    absent: list[str] = []
    for row in prompts:
        same = ids[row.content, row.category]
        if same:
            mapped[row.prompt_uuid] = same.popleft()
        else:
            absent.append(row.prompt_uuid)
    foreign = [prompt_uuid for left in ids.values() for prompt_uuid in left]
    if absent or foreign:
        raise ExactEvalError(
            f"Eval {eval_uuid} does not hold exactly the {len(prompts)} prompts it was given: {_counted(absent)} not "
            f"in it as they were sent, {_counted(foreign)} in it that were not sent. No response was submitted. Look "
            "at the eval's prompts, then delete it and try again."
        )
    return mapped


def _counted(ids: Sequence[str]) -> str:
    return f"{len(ids)} are{f' (first {ids[0]})' if ids else ''}"
