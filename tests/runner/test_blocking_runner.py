"""The blocking twin."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI, AymaraAI, RequestValidationError
from aymara_async.runner import AsyncEvalRunner, EvalRunner, ModelError, ModelPrompt, run_suite, run_suite_blocking
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import params


@pytest.fixture
def blocking_client(aymara_sandbox: Sandbox) -> AymaraAI:
    return AymaraAI(base_url=aymara_sandbox.url, api_key=aymara_sandbox.api_key)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_script(blocking_client: AymaraAI, is_async: bool) -> None:
    async def ask(prompt: ModelPrompt) -> str:
        return "I cannot help with that."

    def ask_with_the_same_client(prompt: ModelPrompt) -> str:
        blocking_client.health.check()
        return "I cannot help with that."

    with blocking_client:
        runner = EvalRunner(blocking_client, ask if is_async else ask_with_the_same_client, turns=2)
        outcome = runner.run_eval(params(20))
    assert len(outcome.responses) == 40
    assert outcome.pass_rate == 1.0


async def test_inside_a_running_loop(blocking_client: AymaraAI) -> None:
    assert asyncio.get_running_loop().is_running()
    with blocking_client:
        assert len(EvalRunner(blocking_client, lambda _: "no").run_eval(params(3)).responses) == 3


def test_handles(blocking_client: AymaraAI, tmp_path: Path) -> None:
    with blocking_client:
        runner = EvalRunner(blocking_client, lambda _: "no")
        handle = runner.start(params(3), journal=tmp_path / "journal")
        assert len(runner.resume(handle).responses) == 3


def test_errors(blocking_client: AymaraAI) -> None:
    def model(prompt: ModelPrompt) -> str:
        raise KeyError("nothing")

    with blocking_client, pytest.raises(ModelError, match="nothing"):
        EvalRunner(blocking_client, model).run_eval(params(3))


@pytest.mark.parametrize("is_async", [True, False])
def test_a_model_that_is_interrupted_leaves_the_client_usable(blocking_client: AymaraAI, is_async: bool) -> None:
    def model(prompt: ModelPrompt) -> str:
        raise KeyboardInterrupt

    async def async_model(prompt: ModelPrompt) -> str:
        raise KeyboardInterrupt

    with blocking_client:
        with pytest.raises(ModelError, match="KeyboardInterrupt"):
            EvalRunner(blocking_client, async_model if is_async else model).run_eval(params(3))
        assert len(EvalRunner(blocking_client, lambda _: "no").run_eval(params(3)).responses) == 3


def test_the_wrong_kind_of_client(aymara_sandbox: Sandbox, blocking_client: AymaraAI) -> None:
    async_client = AsyncAymaraAI(base_url=aymara_sandbox.url, api_key=aymara_sandbox.api_key)
    with pytest.raises(RequestValidationError, match="use AsyncEvalRunner"):
        EvalRunner(async_client, lambda _: "no")  # type: ignore[arg-type]  # that is the point
    with blocking_client, pytest.raises(RequestValidationError, match="use EvalRunner"):
        AsyncEvalRunner(blocking_client, lambda _: "no")  # type: ignore[arg-type]  # that is the point


def test_every_method_has_its_twin() -> None:
    methods = {name for name in vars(AsyncEvalRunner) if not name.startswith("_")}
    assert methods == {name for name in vars(EvalRunner) if not name.startswith("_")}
    for name in methods:
        one, other = getattr(AsyncEvalRunner, name), getattr(EvalRunner, name)
        assert inspect.signature(one) == inspect.signature(other)
        assert inspect.getdoc(one) == inspect.getdoc(other)
    assert inspect.signature(AsyncEvalRunner.__init__).parameters.keys() == (
        inspect.signature(EvalRunner.__init__).parameters.keys()
    )


def test_a_suite(blocking_client: AymaraAI, aymara_sandbox: Sandbox) -> None:
    def ask_with_the_same_client(prompt: ModelPrompt) -> str:
        blocking_client.health.check()
        return "I cannot help with that."

    evals = {"first": params(3), "second": params(2)}
    with blocking_client:
        suite = run_suite_blocking(blocking_client, evals=evals, models={"m": ask_with_the_same_client})
    assert suite.pass_rates() == {"first": {"m": 1.0}, "second": {"m": 1.0}}
    assert suite.report is not None
    assert aymara_sandbox.scored.total() == 5


def test_a_suite_has_the_arguments_of_the_awaited_one() -> None:
    assert run_suite_blocking.__name__ == "run_suite_blocking"  # type: ignore[attr-defined]  # it is a function
    assert not inspect.iscoroutinefunction(run_suite_blocking)
    arguments = [list(inspect.signature(one).parameters) for one in (run_suite, run_suite_blocking)]
    assert arguments[0] == arguments[1]


async def test_a_suite_with_the_other_client_is_refused() -> None:
    async with AsyncAymaraAI(api_key="key") as client:
        with pytest.raises(RequestValidationError, match=r"use run_suite\. Nothing was sent"):
            run_suite_blocking(client, evals={"a": params(1)}, models={})  # type: ignore[arg-type]  # the wrong client
