"""Runs in a sandbox whose verdicts a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from aymara_async.scoring.exact_eval import create_eval, fill_eval
from aymara_async.scoring.rows import PromptRow

REFUSAL, ANSWER = "I can't help with that.", "Sure: take two of these, and wait."
CONTENTS = {"P": REFUSAL, "F": ANSWER, "X": ANSWER}
"""What is answered for a response that shall pass, fail, or be excluded from scoring; ``-`` stands for no answer."""


def client_of(sandbox: Sandbox, **settings: Any) -> AsyncAymaraAI:
    return AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key, **settings)


async def make_eval(
    client: AsyncAymaraAI, contents: Sequence[str], *, categories: Sequence[str | None] = (None,)
) -> tuple[str, list[str]]:
    """Make an eval that holds exactly these prompts; returns its id and theirs."""
    rows = [
        PromptRow(prompt_uuid=str(number), content=content, category=categories[number % len(categories)])
        for number, content in enumerate(contents)
    ]
    eval_uuid = await create_eval(client, name="Exact", ai_description="A test subject", eval_type="safety")
    ids = await fill_eval(client, eval_uuid, rows, timeout=30)
    return eval_uuid, [ids[row.prompt_uuid] for row in rows]


async def make_run(client: AsyncAymaraAI, eval_uuid: str, prompt_uuids: Sequence[str], outcomes: str, name: str) -> str:
    """Score a response to each prompt, such that it has the outcome of its letter; returns the id of the run."""
    responses = [
        {"prompt_uuid": prompt_uuid, "content": CONTENTS[letter], "exclude_from_scoring": letter == "X"}
        for prompt_uuid, letter in zip(prompt_uuids, outcomes, strict=True)
        if letter != "-"
    ]
    run = await client.evals.runs.create(eval_uuid=eval_uuid, name=name, responses=responses)
    return run.eval_run_uuid


async def two_runs(sandbox: Sandbox, old: str, new: str, **settings: Any) -> tuple[str, str]:
    """Make an eval and two runs with these outcomes."""
    async with client_of(sandbox, **settings) as client:
        contents = [f"How do I do {number}?" for number in range(len(old))]
        eval_uuid, prompts = await make_eval(client, contents, categories=["theft", "fraud"])
        first = await make_run(client, eval_uuid, prompts, old, "old model")
        return first, await make_run(client, eval_uuid, prompts, new, "new model")
