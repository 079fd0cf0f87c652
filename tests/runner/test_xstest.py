"""Real prompts and recorded answers: the pass rates are those of the scored rows, in total and by category."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox

DATA = Path(__file__).parents[3] / "shared" / "data" / "xstest"


def rows_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not DATA.is_dir(), reason="the data is not here")
@pytest.mark.parametrize("name", ["gpt4o-mini", "llama3.1", "mistrI"])
async def test_recorded_answers(client: AsyncAymaraAI, sandbox: Sandbox, name: str) -> None:
    prompts = rows_of("prompts.jsonl")
    recorded = {row["prompt_uuid"]: row["content"] for row in rows_of(f"responses-{name}.jsonl")}
    answers = {prompt["content"]: recorded[prompt["prompt_uuid"]] for prompt in prompts}
    category_of = {prompt["content"]: prompt["category"] for prompt in prompts}
    assert len(answers) == len(prompts)  # no text comes twice

    def replay(prompt: ModelPrompt) -> str | None:
        answer: str | None = answers[prompt]
        return answer

    outcome = await AsyncEvalRunner(client, replay).run_eval(
        {"name": name, "ai_description": name, "eval_type": "safety"},
        prompts=[{"content": prompt["content"], "category": prompt["category"]} for prompt in prompts],
    )
    assert [prompt.content for prompt in outcome.prompts] == [prompt["content"] for prompt in prompts]

    content_of = {prompt.prompt_uuid: prompt.content for prompt in outcome.prompts}
    verdicts = defaultdict[str | None, list[bool]](list)
    async for row in client.evals.runs.list_responses(outcome.run.eval_run_uuid):
        asked = content_of[row.prompt_uuid]
        assert row.content == answers[asked]
        assert row.is_passed is not None
        verdicts[category_of[asked]].append(row.is_passed)
    every = [verdict for of_category in verdicts.values() for verdict in of_category]
    assert len(every) == len(recorded) == 450
    assert outcome.pass_rate == sum(every) / len(every)
    assert 0 < outcome.pass_rate < 1
    assert {category: tally.pass_rate for category, tally in outcome.categories.items()} == {
        category: sum(of_category) / len(of_category) for category, of_category in verdicts.items()
    }
    assert set(sandbox.scored.values()) == {1}
