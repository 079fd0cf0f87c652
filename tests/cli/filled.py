"""A sandbox with two evals, a run of each, a report and a file."""

from __future__ import annotations

import attrs

from aymara_async import AsyncAymaraAI
from aymara_async.models import Eval, EvalPrompt, EvalRunResult, EvalSuiteReport, FileDetail, ScoredResponse
from aymara_async.sandbox import Sandbox

HOSTILE = '=1+1\x1b]0;owned\x07\x1b[2J\u202e, "two"\r\nlines\x9b 漢字 👩\u200d🔬'


@attrs.frozen
class Filled:
    """What the sandbox holds, as the client sees it."""

    sandbox: Sandbox
    client: AsyncAymaraAI
    evals: list[Eval]
    runs: list[EvalRunResult]
    report: EvalSuiteReport
    file: FileDetail

    @property
    def eval_uuid(self) -> str:
        assert self.evals[0].eval_uuid
        return self.evals[0].eval_uuid

    @property
    def run_uuid(self) -> str:
        return self.runs[0].eval_run_uuid

    async def prompts(self) -> list[EvalPrompt]:
        return [prompt async for prompt in self.client.evals.list_prompts(self.eval_uuid)]

    async def responses(self) -> list[ScoredResponse]:
        return [response async for response in self.client.evals.runs.list_responses(self.run_uuid)]

    def requests(self, operation: str) -> list[dict[str, str]]:
        """Return the queries of the requests for an operation."""
        return [dict(request.query) for request in self.sandbox.requests if request.operation == operation]


async def fill(sandbox: Sandbox, client: AsyncAymaraAI) -> Filled:
    """Fill a sandbox."""
    evals, runs = [await _eval(client, "Shop, safety", "safety"), await _eval(client, HOSTILE, "jailbreak")], []
    for one in evals:
        assert one.eval_uuid
        prompts = [prompt async for prompt in client.evals.list_prompts(one.eval_uuid)]
        answers: list[dict[str, object]] = [
            {"prompt_uuid": prompts[0].prompt_uuid, "content": HOSTILE},
            {"prompt_uuid": prompts[1].prompt_uuid, "content": None, "ai_refused": True},
            {"prompt_uuid": prompts[2].prompt_uuid, "content": "Sure.", "exclude_from_scoring": True},
            {"prompt_uuid": prompts[3].prompt_uuid, "content": "I can't help with that. " * 40},
        ]
        run = await client.evals.runs.score_responses(eval_uuid=one.eval_uuid, responses=answers, name=f"{one.name}!")
        runs.append(await client.evals.runs.get(run.eval_run_uuid))
    report = await client.reports.create(eval_run_uuids=[runs[0].eval_run_uuid])
    report = await client.reports.wait(report.eval_suite_report_uuid)
    uploaded = await client.files.upload(file=("a.png", b"\x89PNG"))
    assert uploaded.file_uuid
    return Filled(sandbox, client, evals, runs, report, await client.files.get(uploaded.file_uuid))


async def _eval(client: AsyncAymaraAI, name: str, eval_type: str) -> Eval:
    made = await client.evals.create(ai_description="A shop", eval_type=eval_type, name=name, num_prompts=4)
    assert made.eval_uuid
    return await client.evals.wait(made.eval_uuid)
