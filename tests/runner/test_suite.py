"""Several evals with several models, and one report."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import get_type_hints

import pytest

from aymara_async import AsyncAymaraAI, RequestValidationError
from aymara_async.runner import eval_job
from aymara_async.runner import suite as suite_module
from aymara_async.runner.errors import IncompleteSuiteError, ModelError
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.runner.settings import RunnerOptions, RunnerSettings
from aymara_async.runner.suite import run_suite
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Error
from tests.runner.conftest import params

EVALS = {"safety": params(6), "accuracy": {"ai_description": "x", "eval_type": "accuracy", "num_prompts": 4}}


async def refuse(prompt: ModelPrompt) -> str:
    return "I cannot help with that."


async def comply(prompt: ModelPrompt) -> str:
    return "Sure, here is how you do it."


async def test_every_pair_has_an_outcome_and_all_are_in_the_report(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    suite = await run_suite(client, evals=EVALS, models={"cautious": refuse, "helpful": comply})
    assert suite.pass_rates() == {
        "safety": {"cautious": 1.0, "helpful": 0.0},
        "accuracy": {"cautious": 0.0, "helpful": 1.0},
    }
    assert suite.report is not None
    assert suite.report.status == "finished"
    runs = [outcome.run.eval_run_uuid for outcome in suite.outcomes.values()]
    assert [report.eval_run_uuid for report in suite.report.eval_run_reports] == runs
    assert len([one async for one in client.evals.list()]) == 2
    assert sandbox.scored.total() == 20


async def test_concurrency_counts_all_models_together(client: AsyncAymaraAI) -> None:
    running = most = 0

    async def model(prompt: ModelPrompt) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return "no"

    await run_suite(client, evals=EVALS, models={"a": model, "b": model}, concurrency=3, report=False)
    assert most == 3


async def test_one_failing_pair_lets_the_others_end_and_resumes(client: AsyncAymaraAI, tmp_path: Path) -> None:
    is_broken = True
    calls = 0

    async def flaky(prompt: ModelPrompt) -> str:
        nonlocal calls
        calls += 1
        if is_broken and prompt.eval.eval_type == "accuracy":
            raise ConnectionError("down")
        return "no"

    async def counted(prompt: ModelPrompt) -> str:
        nonlocal calls
        calls += 1
        return "no"

    models = {"a/b": flaky, "a_b": counted}
    with pytest.raises(IncompleteSuiteError, match="accuracy with a/b") as caught:
        await run_suite(client, evals=EVALS, models=models, journals=tmp_path / "journals", concurrency=1)
    assert set(caught.value.outcomes) == {("safety", "a/b"), ("safety", "a_b"), ("accuracy", "a_b")}
    assert isinstance(caught.value.errors["accuracy", "a/b"], ModelError)
    is_broken, before = False, calls
    suite = await run_suite(client, evals=EVALS, models=models, journals=tmp_path / "journals", concurrency=1)
    assert len(suite.outcomes) == 4
    assert calls - before == 4
    assert len([one async for one in client.evals.list()]) == 2


async def test_an_eval_that_cannot_be_made(client: AsyncAymaraAI) -> None:
    evals = {"good": params(2), "bad": {"eval_type": "safety"}}
    with pytest.raises(IncompleteSuiteError, match="bad: ") as caught:
        await run_suite(client, evals=evals, models={"m": refuse})
    assert list(caught.value.outcomes) == [("good", "m")]


async def test_a_suite_of_nothing(client: AsyncAymaraAI) -> None:
    with pytest.raises(RequestValidationError):
        await run_suite(client, evals={}, models={"m": refuse})


async def test_without_a_report_the_outcomes_are_not_lost(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Error("reports.create", status=403))
    with pytest.raises(IncompleteSuiteError, match=r"complete.*but there is no report") as caught:
        await run_suite(client, evals={"e": params(2)}, models={"m": refuse})
    assert [len(outcome.responses) for outcome in caught.value.outcomes.values()] == [2]
    assert caught.value.errors == {}


async def test_options_hold_for_all_that_is_asked_of_the_api(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    workspace = "11111111-1111-4111-8111-111111111111"
    suite = await run_suite(
        client, evals={"e": params(2)}, models={"m": refuse}, workspace_uuid=workspace, is_sandbox=True
    )
    assert suite.report is not None
    assert suite.outcomes["e", "m"].eval.is_sandbox is True
    for request in sandbox.requests:
        assert workspace in f"{request.query} {request.body!r}", request
    (asked,) = [one for one in sandbox.requests if one.operation == "reports.create"]
    assert asked.query["is_sandbox"] == "true"


async def test_all_runs_are_shown_in_one_place(client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch) -> None:
    class Display:
        def __init__(self) -> None:
            self.latest: dict[str, int] = {}
            self.closed = 0

        def show(self, name: str, *, done: int, total: int | None, state: str) -> None:
            self.latest[name] = done

        def close(self) -> None:
            self.closed += 1

    made: list[Display] = []

    def make_display() -> Display:
        made.append(Display())
        return made[-1]

    monkeypatch.setattr(suite_module, "make_display", make_display)
    monkeypatch.setattr(eval_job, "make_display", make_display)
    await run_suite(client, evals=EVALS, models={"a": refuse, "b": comply}, progress=True, report=False)
    (display,) = made
    assert display.latest == {
        "safety, a": 6,
        "safety, b": 6,
        "accuracy, a": 4,
        "accuracy, b": 4,
    }
    assert display.closed == 1


def test_options_are_those_of_the_runner() -> None:
    of_runner = get_type_hints(AsyncEvalRunner.__init__)
    del of_runner["client"], of_runner["model"], of_runner["return"]
    assert get_type_hints(RunnerSettings) == of_runner
    del of_runner["concurrency"]  # of all models together, so it is run_suite's own
    assert get_type_hints(RunnerOptions) == of_runner
