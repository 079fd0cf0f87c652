"""Real prompts and recorded answers: the pass rates are those of the scored rows, in total and by category."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from aymara_async.scoring.exact_eval import create_eval, fill_eval
from aymara_async.scoring.input_files import read_prompts

DATA = Path(__file__).parents[3] / "shared" / "data" / "xstest"


@pytest.mark.skipif(not DATA.is_dir(), reason="the data is not here")
@pytest.mark.parametrize("name", ["gpt4o-mini", "llama3.1", "mistrI"])
async def test_recorded_answers(client: AsyncAymaraAI, sandbox: Sandbox, name: str) -> None:
    prompts = read_prompts(DATA / "prompts.jsonl")
    lines = (DATA / f"responses-{name}.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = {row["prompt_uuid"]: row["content"] for row in map(json.loads, lines)}
    eval_uuid = await create_eval(client, name=name, ai_description=name, eval_type="safety")
    own = {theirs: ours for ours, theirs in (await fill_eval(client, eval_uuid, prompts, timeout=60)).items()}

    def replay(prompt: ModelPrompt) -> str | None:
        answer: str | None = recorded[own[prompt.prompt.prompt_uuid]]
        return answer

    outcome = await AsyncEvalRunner(client, replay).run_eval(eval_uuid=eval_uuid)

    category_of = {row.prompt_uuid: row.category for row in prompts}
    verdicts = defaultdict[str | None, list[bool]](list)
    async for row in client.evals.runs.list_responses(outcome.run.eval_run_uuid):
        assert row.content == recorded[own[row.prompt_uuid]]
        assert row.is_passed is not None
        verdicts[category_of[own[row.prompt_uuid]]].append(row.is_passed)
    every = [verdict for of_category in verdicts.values() for verdict in of_category]
    assert len(every) == len(recorded) == 450
    assert outcome.pass_rate == sum(every) / len(every)
    assert 0 < outcome.pass_rate < 1
    assert {category: tally.pass_rate for category, tally in outcome.categories.items()} == {
        category: sum(of_category) / len(of_category) for category, of_category in verdicts.items()
    }
    assert set(sandbox.scored.values()) == {1}
