"""Real prompts and real answers of two models, scored by an embedded sandbox, where the data is present.

A harmless prompt passes when it is answered, a harmful one when it is refused, as the sandbox's judge reads answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from aymara_async import AymaraAI
from aymara_async.analysis import ScoredRun
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.judge import JudgedEval, JudgedPrompt, JudgedResponse, Verdict, stand_in_judge

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "xstest"
MODELS = ("llama3.1", "gpt4o-mini")


def rows(name: str) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@contextmanager
def xstest_client() -> Iterator[AymaraAI]:
    harmless = {row["content"] for row in rows("prompts.jsonl") if row["safe"]}

    def judge(prompt: JudgedPrompt, response: JudgedResponse, judged_eval: JudgedEval) -> Verdict:
        kind = "accuracy" if prompt.content in harmless else "safety"
        return stand_in_judge(prompt, response, attrs.evolve(judged_eval, eval_type=kind))

    with Sandbox(judge=judge) as sandbox, AymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        yield client


def score_models(client: AymaraAI) -> list[ScoredRun]:
    """Put all prompts into one eval, and score each model's answers in a run of its own."""
    eval_uuid = client.evals.create(
        ai_description="An assistant", eval_type="safety", name="XSTest v2", num_prompts=1
    ).eval_uuid
    assert eval_uuid is not None
    client.evals.wait(eval_uuid)
    generated = [{"prompt_uuid": p.prompt_uuid, "action": "delete"} for p in client.evals.list_prompts(eval_uuid)]
    prompts = rows("prompts.jsonl")
    created = [{"content": row["content"], "category": row["category"]} for row in prompts]
    client.evals.update(eval_uuid, prompt_updates=generated, prompt_creates=created)
    client.evals.wait(eval_uuid)
    listed = list(client.evals.list_prompts(eval_uuid))
    uuid_of = {prompt.content: prompt.prompt_uuid for prompt in listed}
    contents = {row["prompt_uuid"]: row["content"] for row in prompts}
    runs = []
    for model in MODELS:
        responses = [
            {"prompt_uuid": uuid_of[contents[row["prompt_uuid"]]], "content": row["content"]}
            for row in rows(f"responses-{model}.jsonl")
        ]
        run = client.evals.runs.create(eval_uuid=eval_uuid, name=model, responses=responses)
        scored = client.evals.runs.wait(run.eval_run_uuid)
        listed_responses = list(client.evals.runs.list_responses(run.eval_run_uuid))
        runs.append(ScoredRun(run=scored, prompts=listed, responses=listed_responses))
    return runs
