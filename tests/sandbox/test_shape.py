"""The sandbox as other servers that the contract allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI, OutcomeUnknownError, UnprocessableEntityError
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.shape import Shape, read_shape

PARAMS: dict[str, Any] = {"ai_description": "A shop", "eval_type": "safety"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def client_of(sandbox: Sandbox) -> AsyncAymaraAI:
    return AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key)


async def scored_run(client: AsyncAymaraAI, number: int = 130) -> tuple[str, list[str]]:
    """Score a response to each prompt; return the run and the prompts in the order of their scoring."""
    created = await client.evals.create(**PARAMS, num_prompts=number)
    prompts = [one.prompt_uuid async for one in client.evals.list_prompts(str(created.eval_uuid))]
    run = await client.evals.runs.score_responses(
        eval_uuid=str(created.eval_uuid),
        responses=[{"prompt_uuid": uuid, "content": "I cannot help.", "content_type": "text"} for uuid in prompts],
    )
    return run.eval_run_uuid, prompts


@pytest.mark.parametrize("order", ["reversed", "prompt", "shuffled", "drawn"])
async def test_lists_are_whole_in_another_order(order: str) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        run, prompts = await scored_run(client)
        sandbox.shape = {"order": order}
        listed = [one.prompt_uuid async for one in client.evals.runs.list_responses(run)]
        again = [one.prompt_uuid async for one in client.evals.runs.list_responses(run)]
    assert listed != prompts
    assert sorted(listed) == sorted(prompts)
    assert again == listed
    assert listed == {"reversed": prompts[::-1], "prompt": sorted(prompts)}.get(order, listed)


async def test_what_is_new_shows_later() -> None:
    clock = Clock()
    async with Sandbox(shape="lag=5", clock=clock) as sandbox, client_of(sandbox) as client:
        created = await client.evals.create(**PARAMS, num_prompts=2)
        assert (await client.evals.list()).items == []
        assert (await client.evals.get(str(created.eval_uuid))).eval_uuid == created.eval_uuid
        clock.now += 5
        await client.evals.update(str(created.eval_uuid), prompt_creates=[{"content": "another"}])
        assert len([one async for one in client.evals.list_prompts(str(created.eval_uuid))]) == 2
        clock.now += 5
        assert len([one async for one in client.evals.list_prompts(str(created.eval_uuid))]) == 3
        assert [one.eval_uuid async for one in client.evals.list()] == [created.eval_uuid]
        run, _ = await scored_run(client, 2)
        assert [one async for one in client.evals.runs.list_responses(run)] == []
        assert [one async for one in client.evals.runs.list()] == []
        clock.now += 5
        assert len([one async for one in client.evals.runs.list_responses(run)]) == 2
        assert [one.eval_run_uuid async for one in client.evals.runs.list()] == [run]


async def test_work_goes_on_when_the_client_has_gone_away() -> None:
    async with Sandbox(shape=Shape(work=0.2)) as sandbox, client_of(sandbox) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.evals.create(**PARAMS, timeout=0.05)
        assert (await client.evals.list()).items == []
        async with asyncio.timeout(20):
            while not (await client.evals.list()).items:
                await asyncio.sleep(0)


@pytest.mark.parametrize("field", ["content", "content_type", "exclude_from_scoring", "ai_refused", "thread_uuid"])
async def test_what_is_not_echoed(field: str) -> None:
    async with Sandbox(shape={"omits": [field]}) as sandbox, client_of(sandbox) as client:
        created = await client.evals.create(**PARAMS, num_prompts=1)
        (prompt,) = (await client.evals.list_prompts(str(created.eval_uuid))).items
        sent = {"prompt_uuid": prompt.prompt_uuid, "content": "x", "exclude_from_scoring": True, "ai_refused": True}
        run = await client.evals.runs.with_raw_response.score_responses(
            eval_uuid=str(created.eval_uuid), responses=[sent]
        )
        listed = await client.evals.runs.with_raw_response.list_responses(run.parse().eval_run_uuid)
    assert field not in run.json()["responses"][0]
    assert field not in listed.json()["items"][0]


async def test_some_are_never_scored() -> None:
    async with Sandbox(shape={"unscored": 0.3, "seed": 3}) as sandbox, client_of(sandbox) as client:
        run, _ = await scored_run(client)
        listed = [one async for one in client.evals.runs.list_responses(run)]
        unscored = {one.prompt_uuid for one in listed if one.is_passed is None}
        assert 20 < len(unscored) < 60
        assert all(one.explanation is None for one in listed if one.prompt_uuid in unscored)
        assert (await client.evals.runs.get(run)).num_responses_scored == len(listed) - len(unscored)


async def test_a_clock_that_is_off() -> None:
    clock = Clock()
    async with Sandbox(shape={"clock_offset": -600}, clock=clock) as sandbox, client_of(sandbox) as client:
        created = await client.evals.create(**PARAMS)
    assert created.created_at is not None
    assert created.created_at.timestamp() == clock.now - 600


async def test_shape_at_run_time() -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        await client.put("/sandbox/shape", cast_to=dict, body={"order": "prompt", "omits": ["content"]})
        assert sandbox.shape == Shape(order="prompt", omits=("content",))
        told = await client.get("/sandbox/shape", cast_to=dict)
        assert (told["order"], told["omits"], told["lag"]) == ("prompt", ["content"], 0.0)
        with pytest.raises(UnprocessableEntityError, match="order"):
            await client.put("/sandbox/shape", cast_to=dict, body={"order": "odd"})


@pytest.mark.parametrize("text", ["order=odd", "lag=-1", "lag", "omits=nothing", "unscored=2", "colour=red"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(ValueError, match="Not a shape"):
        read_shape(text)


def test_shape_as_text() -> None:
    assert read_shape("order=drawn,lag=2,omits=content+thread_uuid,seed=4") == Shape(
        order="drawn", lag=2.0, omits=("content", "thread_uuid"), seed=4
    )
    assert read_shape(None) == read_shape("") == Shape()
