"""An eval that holds exactly the prompts it is given, no generated ones."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import BadRequestError, UnprocessableEntityError
from aymara_async.models import EvalPrompt, PromptCreate, PromptUpdate
from aymara_async.scoring.errors import ExactEvalError
from aymara_async.scoring.rows import PromptRow

T = TypeVar("T")

PROMPTS_PER_CALL = 100


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most ``size`` items."""
    return (items[start : start + size] for start in range(0, len(items), size))


async def create_eval(client: AsyncAymaraAI, *, name: str, ai_description: str, eval_type: str) -> str:
    """Create an eval with as few generated prompts as the server allows, and return its id; then ``fill_eval`` it."""
    try:
        created = await client.evals.create(
            name=name, ai_description=ai_description, eval_type=eval_type, num_prompts=0
        )
    except (BadRequestError, UnprocessableEntityError):
        # Nothing was created. If the number was the fault, one generated prompt will do: it is deleted later.
        created = await client.evals.create(
            name=name, ai_description=ai_description, eval_type=eval_type, num_prompts=1
        )
    if created.eval_uuid is None:
        raise ExactEvalError(
            f"The server created an eval named {name!r} but did not say its id, so no prompt was added and no response "
            "submitted. Look for it by its name, and delete it."
        )
    return created.eval_uuid


async def fill_eval(
    client: AsyncAymaraAI, eval_uuid: str, prompts: Sequence[PromptRow], *, timeout: float | None
) -> dict[str, str]:
    """Put the prompts in the place of what the eval holds, and map their ids to those that the server gave them.

    ``timeout`` is how many seconds to wait for the eval. Raises ``ExactEvalError`` where the server holds others in the
    end, ``WaitError``, and ``APIError``.
    """
    await client.evals.wait(eval_uuid, timeout=timeout)
    for listed in batches([prompt async for prompt in client.evals.list_prompts(eval_uuid)], PROMPTS_PER_CALL):
        deletions = [PromptUpdate(prompt_uuid=prompt.prompt_uuid, action="delete") for prompt in listed]
        await client.evals.update(eval_uuid, prompt_updates=deletions)
    for rows in batches(prompts, PROMPTS_PER_CALL):
        creations = [PromptCreate(content=row.content, category=row.category) for row in rows]
        await client.evals.update(eval_uuid, prompt_creates=creations)
    await client.evals.wait(eval_uuid, timeout=timeout)
    return map_prompts(eval_uuid, prompts, [prompt async for prompt in client.evals.list_prompts(eval_uuid)])


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
