"""Typical code of users: type-checked, never run."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

from aymara_async import (
    AnswerHistory,
    APIResponse,
    AsyncAymaraAI,
    AsyncPager,
    AymaraAI,
    Eval,
    EvalPrompt,
    EvalResponse,
    EvalRunResult,
    EvalSuiteReport,
    FileStatus,
    FileUpload,
    NotFoundError,
    Page,
    RateLimitError,
    ScoredResponse,
)
from aymara_async.portal.pager import BlockingPage, Pager
from aymara_async.runner import (
    AsyncEvalRunner,
    EvalHandle,
    EvalOutcome,
    EvalRunner,
    Model,
    ModelPrompt,
    SuiteOutcome,
    run_suite,
    run_suite_blocking,
)


async def asynchronous() -> None:
    async with AsyncAymaraAI(api_key="key", timeout=10.0, max_retries=2) as client:
        assert_type(client, AsyncAymaraAI)
        made = await client.evals.create(ai_description="An assistant", eval_type="safety", name=None, num_prompts=5)
        assert_type(made, Eval)
        assert_type(made.eval_uuid, str | None)
        assert made.eval_uuid is not None
        assert_type(await client.evals.wait(made.eval_uuid, timeout=300), Eval)

        pager = client.evals.list_prompts(made.eval_uuid, limit=50, prefetch=2)
        assert_type(pager, AsyncPager[EvalPrompt])
        page = await pager
        assert_type(page, Page[EvalPrompt])
        assert_type(page.items, list[EvalPrompt])
        assert_type(await page.get_next_page(), Page[EvalPrompt])
        async for prompt in pager:
            assert_type(prompt, EvalPrompt)
        async for prompts in pager.pages():
            assert_type(prompts, Page[EvalPrompt])

        responses = [EvalResponse(prompt_uuid=prompt.prompt_uuid, content="No.") for prompt in page]
        run = await client.evals.runs.score_responses(eval_uuid=made.eval_uuid, responses=responses)
        assert_type(run, EvalRunResult)
        assert_type(run.responses, list[ScoredResponse] | None)
        mappings = [{"prompt_uuid": "p", "content": "No.", "ai_refused": True}]
        await client.evals.runs.create(eval_uuid=made.eval_uuid, responses=mappings)
        await client.evals.runs.create(eval_uuid="e", responses=[{"prompt_uuid": "p", "content": "No."}])
        history = await client.evals.runs.get_response_history("r", eval_run_uuid="x", timeout=3)
        assert_type(history, list[AnswerHistory])
        assert_type(await client.files.wait("f"), FileStatus)

        raw = await client.evals.with_raw_response.get(made.eval_uuid)
        assert_type(raw, APIResponse[Eval])
        assert_type(raw.parse(), Eval)
        assert_type(await client.with_raw_response.evals.runs.list(), APIResponse[Page[EvalRunResult]])
        assert_type(client.with_options(timeout=None), AsyncAymaraAI)
        assert_type(await client.get("/v2/new", cast_to=dict[str, int]), dict[str, int])


def blocking() -> None:
    with AymaraAI(api_key="key", timeout=10.0, max_retries=2) as client:
        assert_type(client, AymaraAI)
        made = client.evals.create(ai_description="An assistant", eval_type="safety", name=None, num_prompts=5)
        assert_type(made, Eval)
        assert made.eval_uuid is not None
        assert_type(client.evals.wait(made.eval_uuid, timeout=300), Eval)

        pager = client.evals.list_prompts(made.eval_uuid, limit=50)
        assert_type(pager, Pager[EvalPrompt])
        assert_type(pager.items[0].content, str)
        assert_type(pager.get_next_page(), BlockingPage[EvalPrompt])
        for prompt in pager:
            assert_type(prompt, EvalPrompt)
        assert_type(list(client.evals.runs.list_responses("run")), list[ScoredResponse])

        assert_type(client.evals.runs.wait("run"), EvalRunResult)
        assert_type(client.reports.create(eval_run_uuids=["run"]), EvalSuiteReport)
        assert_type(client.files.upload(file=b"bytes"), FileUpload)
        assert_type(client.health.check(), None)
        raw = client.evals.with_raw_response.list()
        assert_type(raw, APIResponse[BlockingPage[Eval]])
        assert_type(client.with_raw_response.evals.runs.get("run").parse(), EvalRunResult)
        assert_type(client.with_options(timeout=3).evals.get("x"), Eval)
        assert_type(client.post("/v2/new", cast_to=Eval, body={"a": 1}), Eval)


async def whole_evals(client: AsyncAymaraAI, blocking_client: AymaraAI) -> None:
    async def text(prompt: ModelPrompt) -> str:
        return prompt.upper()

    def refusing(prompt: str) -> str | None:
        return None

    def painting(prompt: ModelPrompt) -> bytes | Path:
        return Path(prompt)

    params = {"ai_description": "x", "eval_type": "safety"}
    runner = AsyncEvalRunner(client, text, concurrency=3, on_error="refuse")
    assert_type(await runner.run_eval(params, prompts=["a", {"content": "b"}]), EvalOutcome)
    assert_type(await runner.start(params), EvalHandle)
    assert_type(EvalRunner(blocking_client, refusing, turns=2).run_eval(eval_uuid="x"), EvalOutcome)
    models: dict[str, Model] = {"text": text, "painting": painting}
    assert_type(await run_suite(client, evals={"a": params, "b": "id"}, models=models, turns=3), SuiteOutcome)
    assert_type(run_suite_blocking(blocking_client, evals={"a": params}, models=models, turns=3), SuiteOutcome)
    AsyncEvalRunner(client, 3)  # type: ignore[arg-type]
    await runner.run_eval(params, prompts=[3])  # type: ignore[list-item]
    EvalRunner(blocking_client, refusing, trns=2)  # type: ignore[call-arg]
    await run_suite(client, evals={}, models={}, trns=3)  # type: ignore[call-arg]
    run_suite_blocking(client, evals={}, models={})  # type: ignore[arg-type]


def failures(client: AymaraAI) -> float | None:
    try:
        client.evals.get("x")
    except NotFoundError as error:
        assert_type(error.request_id, str | None)
        assert_type(error.status_code, int)
    except RateLimitError as error:
        return error.retry_after
    return None


def mistakes(client: AymaraAI, async_client: AsyncAymaraAI) -> None:
    client.evals.get("x", foo=1)  # type: ignore[call-arg]
    client.evals.get(eval_uid="x")  # type: ignore[call-arg]
    client.evals.create(ai_description="x")  # type: ignore[call-arg]
    client.evals.get(1)  # type: ignore[arg-type]
    client.with_options(tmeout=3)  # type: ignore[call-arg]
    AymaraAI(api_keyy="x")  # type: ignore[call-arg]
    AsyncAymaraAI(timeout="3")  # type: ignore[arg-type]
    async_client.evals.list(limit="3")  # type: ignore[arg-type]


def annotated(prompts: AsyncIterator[EvalPrompt], responses: Iterator[ScoredResponse]) -> None: ...


def passed_on(client: AymaraAI, async_client: AsyncAymaraAI) -> None:
    annotated(aiter(async_client.evals.list_prompts("x")), iter(client.evals.runs.list_responses("x")))
