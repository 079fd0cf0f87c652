"""What people and programs are told on the way."""

from __future__ import annotations

import io
import sys

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.progress import EvalProgress
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Error
from tests.runner.conftest import params


def model(prompt: ModelPrompt) -> str:
    if prompt.prompt.prompt_uuid.endswith(("0", "1", "2")):
        raise ValueError
    return "I cannot help with that."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_callback_hears_of_everything(client: AsyncAymaraAI) -> None:
    told: list[EvalProgress] = []
    runner = AsyncEvalRunner(client, model, on_error="exclude", progress=told.append)
    outcome = await runner.run_eval(params(30, name="Mine"))
    last = told[-1]
    assert (last.eval_name, last.total, last.prompts, last.answered, last.scored) == ("Mine", 30, 30, 30, 30)
    assert last.failed == len(outcome.errors)
    assert last.judged == last.passed == outcome.tally.scored
    assert last.pass_rate == outcome.pass_rate
    assert last.rate_limit is None
    assert [one.scored for one in told] == sorted(one.scored for one in told)
    assert str(last).startswith("answers 30/30, scored 30, pass rate 100%")


async def test_the_rate_limit_is_told(sandbox: Sandbox, client: AsyncAymaraAI) -> None:
    sandbox.add_fault(Error("evals.runs.score_responses", calls=1, status=429, retry_after=0))
    told: list[EvalProgress] = []
    await AsyncEvalRunner(client, lambda _: "no", progress=told.append).run_eval(params(3))
    assert told[-1].rate_limit is not None
    assert f"limit {told[-1].rate_limit:.3g}/s" in str(told[-1])


async def test_what_the_callback_raises_ends_the_run(client: AsyncAymaraAI) -> None:
    def interrupt(_: EvalProgress) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await AsyncEvalRunner(client, lambda _: "no", progress=interrupt).run_eval(params(3))


async def test_quiet_unless_asked_and_unless_there_is_a_terminal(
    client: AsyncAymaraAI, capsys: pytest.CaptureFixture[str]
) -> None:
    for progress in (False, True):
        await AsyncEvalRunner(client, lambda _: "no", progress=progress).run_eval(params(3))
    assert capsys.readouterr() == ("", "")


async def test_a_bar_on_a_terminal(client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    await AsyncEvalRunner(client, lambda _: "I cannot help.", progress=True).run_eval(params(3, name="My [eval]"))
    assert "My [eval]" in terminal.getvalue()
    assert "answers 3/3, scored 3, pass rate 100%" in terminal.getvalue()
