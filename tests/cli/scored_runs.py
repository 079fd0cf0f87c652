"""Runs in a sandbox whose verdicts a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox

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
        {"content": content, "category": categories[number % len(categories)]}
        for number, content in enumerate(contents)
    ]
    made = await client.evals.create(name="Exact", ai_description="A test subject", eval_type="safety", num_prompts=0)
    assert made.eval_uuid is not None
    await client.evals.wait(made.eval_uuid)
    await client.evals.update(made.eval_uuid, prompt_creates=rows)
    await client.evals.wait(made.eval_uuid)
    listed = [prompt async for prompt in client.evals.list_prompts(made.eval_uuid)]
    assert [prompt.content for prompt in listed] == list(contents)
    return made.eval_uuid, [prompt.prompt_uuid for prompt in listed]


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
