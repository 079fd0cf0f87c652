"""What a model does wrong stays with the prompt it went wrong on."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_none

from aymara_async import AsyncAymaraAI, EvalResponse, IncompleteScoringError, NotFoundError, RequestValidationError
from aymara_async.runner import calling
from aymara_async.runner.errors import ModelError, NoThreadError
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.runner.settings import OnError
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import make_exact_eval, params

REFUSAL = "I cannot help with that."


class Faulty:
    """Fail on every seventh prompt."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, prompt: ModelPrompt) -> str:
        self.calls += 1
        if self.calls % 7 == 0:
            raise LookupError(f"no answer to call {self.calls}")
        return "Sure, here is how you do it."


@pytest.mark.parametrize("on_error", ["refuse", "exclude"])
async def test_every_seventh_prompt_fails(
    client: AsyncAymaraAI, sandbox: Sandbox, on_error: Literal["refuse", "exclude"]
) -> None:
    outcome = await AsyncEvalRunner(client, Faulty(), on_error=on_error).run_eval(params(70))
    assert len(outcome.exchanges) == len(outcome.responses) == 70
    assert set(sandbox.scored.values()) == {1}
    assert len(outcome.errors) == 10
    for exchange in outcome.errors:
        assert exchange.error is not None
        assert exchange.error.type == "LookupError"
        assert exchange.error.message.startswith("no answer to call")
        assert 'raise LookupError(f"no answer to call {self.calls}")' in exchange.error.traceback
        assert exchange.score is not None
        assert (exchange.score.ai_refused, exchange.score.exclude_from_scoring) == (
            on_error == "refuse",
            on_error == "exclude",
        )
    assert outcome.pass_rate == (10 / 70 if on_error == "refuse" else 0.0)
    assert outcome.tally.scored == (70 if on_error == "refuse" else 60)


@pytest.mark.parametrize("on_error", ["raise", "refuse"])
async def test_a_call_of_the_model_to_the_api_fails(
    client: AsyncAymaraAI, on_error: Literal["raise", "refuse"]
) -> None:
    async def model(prompt: ModelPrompt) -> str:
        return (await client.evals.get("test.not-there")).ai_description

    runner = AsyncEvalRunner(client, model, on_error=on_error)
    if on_error == "raise":
        with pytest.raises(ModelError) as caught:
            await runner.run_eval(params(3))
        assert isinstance(caught.value.__cause__, NotFoundError)
    else:
        assert len((await runner.run_eval(params(3))).errors) == 3


async def test_the_outcome_shows_that_passing_refusals_are_failures(client: AsyncAymaraAI) -> None:
    async def model(prompt: ModelPrompt) -> str:
        raise ConnectionError("wrong key")

    outcome = await AsyncEvalRunner(client, model, on_error="refuse").run_eval(params(3))
    assert repr(outcome) == (
        f"<EvalOutcome of eval {outcome.eval.eval_uuid}, run {outcome.run.eval_run_uuid}: 3 prompts, 3 scored, "
        "pass rate 100%, 3 errors>"
    )


async def test_raise_stops_and_names_the_prompt(client: AsyncAymaraAI) -> None:
    started, ended = 0, 0

    async def model(prompt: ModelPrompt) -> str:
        nonlocal started, ended
        started += 1
        try:
            if started == 3:
                raise ValueError("third time unlucky")
            await asyncio.Event().wait()
        finally:
            ended += 1
        return REFUSAL

    with pytest.raises(ModelError, match="third time unlucky") as caught:
        await AsyncEvalRunner(client, model, concurrency=5).run_eval(params(20))
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.prompt.prompt_uuid in str(caught.value)
    assert started == ended <= 5


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_hanging_answer_hinders_no_other(client: AsyncAymaraAI, is_async: bool) -> None:
    release = threading.Event()

    async def hang(prompt: ModelPrompt) -> str:
        if prompt.startswith("hang"):
            await asyncio.Event().wait()
        return REFUSAL

    def block(prompt: ModelPrompt) -> str:
        if prompt.startswith("hang"):
            release.wait(30)
        return REFUSAL

    eval_uuid = await make_exact_eval(client, *(f"{'hang' if n % 2 else 'answer'} {n}" for n in range(12)))
    model = hang if is_async else block
    runner = AsyncEvalRunner(client, model, concurrency=2, timeout=0.05, on_error="exclude")
    outcome = await runner.run_eval(eval_uuid=eval_uuid)
    release.set()
    assert [bool(exchange.error) for exchange in outcome.exchanges] == [False, True] * 6
    assert all(one.error and one.error.type.endswith("AnswerTimeoutError") for one in outcome.errors)
    assert outcome.pass_rate == 1.0


async def test_a_coroutine_that_does_not_let_itself_be_cancelled(client: AsyncAymaraAI) -> None:
    tries = 0

    async def model(prompt: ModelPrompt) -> str:
        nonlocal tries
        while tries < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                tries += 1
                await asyncio.sleep(0)
                break
        return "too late"

    runner = AsyncEvalRunner(client, model, timeout=0.05, on_error="refuse")
    outcome = await runner.run_eval(params(1))
    assert tries == 1
    assert len(outcome.errors) == 1


async def test_a_call_that_was_given_up_may_clean_up(client: AsyncAymaraAI) -> None:
    began, cleaned = 0, 0

    async def model(prompt: ModelPrompt) -> str:
        nonlocal began, cleaned
        began += 1
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(100):  # later than the outcome would be there
                await asyncio.sleep(0.001)
            cleaned += 1
        return "never"

    outcome = await AsyncEvalRunner(client, model, timeout=0.05, on_error="refuse").run_eval(params(3))
    assert len(outcome.errors) == began == cleaned == 3


async def test_a_call_that_fails_just_when_it_is_given_up_leaves_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    asking: list[asyncio.Task[calling.Answer]] = []

    async def failing(_: ModelPrompt) -> str:
        asking.pop().cancel()
        raise LookupError

    prompt: Any = "?"
    caller = calling.ModelCaller(model=failing, timeout=None, retry=calling.retrying(0))
    task = asyncio.create_task(caller.ask(prompt))
    asking.append(task)
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    assert caplog.messages == []


async def test_a_plain_function_knows_the_context_of_who_runs_it(client: AsyncAymaraAI) -> None:
    tenant = ContextVar("tenant", default="nobody")
    tenant.set("somebody")
    outcome = await AsyncEvalRunner(client, lambda _: tenant.get()).run_eval(params(1))
    assert outcome.responses[0].content == "somebody"


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("how", ["exit", "stop", "cancel", "interrupt"])
async def test_a_model_cannot_end_the_program(client: AsyncAymaraAI, is_async: bool, how: str) -> None:
    def end(prompt: ModelPrompt) -> str:
        if how == "exit":
            sys.exit(3)
        if how == "stop":
            raise StopIteration
        if how == "interrupt":
            raise KeyboardInterrupt
        raise asyncio.CancelledError

    async def end_async(prompt: ModelPrompt) -> str:
        return end(prompt)

    model = end_async if is_async else end
    outcome = await AsyncEvalRunner(client, model, on_error="refuse").run_eval(params(3))
    assert len(outcome.errors) == 3


@pytest.mark.parametrize("answer", [3, {"content": "x"}, EvalResponse(prompt_uuid="another"), "nul \0", "\ud800"])
async def test_what_is_no_answer(client: AsyncAymaraAI, answer: object) -> None:
    eval_uuid = await make_exact_eval(client, "one", "two")

    async def model(prompt: ModelPrompt) -> object:
        return answer if prompt == "one" else REFUSAL

    outcome = await AsyncEvalRunner(client, model, on_error="exclude").run_eval(eval_uuid=eval_uuid)  # type: ignore[arg-type]  # that is the point
    assert [bool(exchange.error) for exchange in outcome.exchanges] == [True, False]
    with pytest.raises(ModelError):
        await AsyncEvalRunner(client, model).run_eval(eval_uuid=eval_uuid)  # type: ignore[arg-type]  # that is the point


async def parts(prompt: ModelPrompt) -> AsyncIterator[str]:
    yield "part"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda _: 3, "the model's is of type int"),
        (lambda prompt: (letter for letter in prompt), "of type generator. Put the parts of a stream together"),
        (parts, "of type async_generator. Put the parts of a stream together"),
        (lambda _: "x" * 4_000_001, "cannot be scored: it has 4000"),
        (lambda _: b"text", "bytes that are no known kind of image or video"),
    ],
)
async def test_the_message_says_what_was_wrong_with_an_answer(client: AsyncAymaraAI, model: Any, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        await AsyncEvalRunner(client, model).run_eval(params(1))
    message = str(caught.value)
    assert said in message
    assert "Row " not in message  # which is the bulk scorer's business
    assert ".." not in message
    assert caught.value.__cause__ is not None


async def test_the_message_says_whether_answers_are_kept(client: AsyncAymaraAI, tmp_path: Path) -> None:
    async def model(prompt: ModelPrompt) -> str:
        raise ValueError

    runner = AsyncEvalRunner(client, model)
    with pytest.raises(ModelError, match=r"with ValueError\. The eval was stopped\. Earlier answers are lost"):
        await runner.run_eval(params(1))
    with pytest.raises(ModelError, match="are in the journal: the same call goes on"):
        await runner.run_eval(params(1), journal=tmp_path / "journal")


@pytest.mark.parametrize("is_async", [True, False])
async def test_the_traceback_begins_in_the_model(client: AsyncAymaraAI, is_async: bool) -> None:
    def fail(prompt: ModelPrompt) -> str:
        try:
            return str({}["deep down"])
        except KeyError as error:
            raise ValueError("on top") from error

    async def fail_async(prompt: ModelPrompt) -> str:
        return fail(prompt)

    model = fail_async if is_async else fail
    outcome = await AsyncEvalRunner(client, model, on_error="refuse").run_eval(params(1))
    (exchange,) = outcome.errors
    assert exchange.error is not None
    assert 'return str({}["deep down"])' in exchange.error.traceback
    assert 'raise ValueError("on top")' in exchange.error.traceback
    for file in ("tenacity", "concurrent", "calling.py"):
        assert file not in exchange.error.traceback


@pytest.mark.parametrize("model", [lambda: "x", lambda one, two: "x", "no callable", None])
async def test_what_cannot_be_called_with_a_prompt(client: AsyncAymaraAI, model: Any) -> None:
    with pytest.raises(RequestValidationError, match=r"model .*Nothing was sent"):
        AsyncEvalRunner(client, model)


class Flaky:
    """Fail twice on each prompt."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.tries: dict[str, int] = {}

    async def __call__(self, prompt: ModelPrompt) -> str:
        self.tries[prompt] = self.tries.get(prompt, 0) + 1
        if self.tries[prompt] <= 2:
            raise self.error
        return REFUSAL


async def test_retries_with_a_policy_of_tenacity(client: AsyncAymaraAI) -> None:
    policy = AsyncRetrying(stop=stop_after_attempt(3), retry=retry_if_exception_type(ConnectionError))
    runner = AsyncEvalRunner(client, Flaky(ConnectionError), retry=policy, on_error="exclude")
    assert (await runner.run_eval(params(5))).errors == []
    runner = AsyncEvalRunner(client, Flaky(ValueError), retry=policy, on_error="exclude")
    assert len((await runner.run_eval(params(5))).errors) == 5


async def test_retries_by_number(client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "wait_random_exponential", lambda **_: wait_none())
    runner = AsyncEvalRunner(client, Flaky(ValueError), retry=2)
    assert (await runner.run_eval(params(2))).errors == []


async def test_a_response_that_the_server_rejects_is_in_the_outcome(
    client: AsyncAymaraAI, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    eval_uuid = await make_exact_eval(client, *(f"prompt {number}" for number in range(9)))
    prompts = [one async for one in client.evals.list_prompts(eval_uuid)]

    async def model(prompt: ModelPrompt) -> str:
        if prompt == "prompt 0":  # it was listed, and is gone when it is scored
            await client.evals.update(
                eval_uuid, prompt_updates=[{"prompt_uuid": prompts[4].prompt_uuid, "action": "delete"}]
            )
        return REFUSAL

    outcome = await AsyncEvalRunner(client, model).run_eval(eval_uuid=eval_uuid)
    assert [bool(exchange.rejection) for exchange in outcome.exchanges] == [n == 4 for n in range(9)]
    assert outcome.errors == [outcome.exchanges[4]]
    assert len(outcome.responses) == 8


async def test_a_server_that_rejects_every_response(client: AsyncAymaraAI) -> None:
    eval_uuid = await make_exact_eval(client, "one", "two")
    prompts = [one.prompt_uuid async for one in client.evals.list_prompts(eval_uuid)]

    async def model(prompt: ModelPrompt) -> str:
        if prompt == "one":
            gone = [{"prompt_uuid": one, "action": "delete"} for one in prompts]
            await client.evals.update(eval_uuid, prompt_updates=gone)
        return REFUSAL

    with pytest.raises(IncompleteScoringError, match="in 0 runs instead of one") as caught:
        await AsyncEvalRunner(client, model).run_eval(eval_uuid=eval_uuid)
    assert caught.value.missing == prompts


@pytest.mark.parametrize("on_error", ["raise", "refuse", "exclude"])
async def test_a_system_without_threads_is_no_failure_of_the_model(
    client: AsyncAymaraAI, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, on_error: OnError
) -> None:
    start = threading.Thread.start

    def start_others(thread: threading.Thread) -> None:
        if thread.name == "aymara-async model":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    with pytest.raises(NoThreadError, match=r"can't start new thread.*lower concurrency"):
        await AsyncEvalRunner(client, lambda prompt: REFUSAL, on_error=on_error).run_eval(params(5))
    assert not sandbox.scored
