"""The eval is created once, whatever happens to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI, BadRequestError, OutcomeUnknownError, UnprocessableEntityError, WaitTimeoutError
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Error, Fail, NeverFinish, Reset
from aymara_async.sandbox.shape import Shape
from tests.runner.conftest import params


async def refuse(prompt: ModelPrompt) -> str:
    return "No."


async def count_evals(client: AsyncAymaraAI) -> int:
    return len([one async for one in client.evals.list()])


@pytest.mark.parametrize("name", [None, "Mine"])
async def test_a_lost_answer(client: AsyncAymaraAI, sandbox: Sandbox, name: str | None) -> None:
    sandbox.add_fault(Reset("evals.create", calls=1, processed=True))
    outcome = await AsyncEvalRunner(client, refuse).run_eval(params(3, name=name))
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


async def test_a_request_that_did_not_arrive_is_made_again(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Reset("evals.create", calls=1, processed=False))
    outcome = await AsyncEvalRunner(client, refuse, grace_period=0).run_eval(params(3))
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


async def test_none_arrives(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Reset("evals.create", processed=False))
    with pytest.raises(OutcomeUnknownError):
        await AsyncEvalRunner(client, refuse, grace_period=0).run_eval(params(3))
    assert await count_evals(client) == 0


@pytest.mark.parametrize("status", [500, 501, 507, 520, 529])
async def test_an_error_after_the_work(client: AsyncAymaraAI, sandbox: Sandbox, status: int) -> None:
    sandbox.add_fault(Error("evals.create", calls=1, status=status, processed=True))
    outcome = await AsyncEvalRunner(client, refuse).run_eval(params(3))
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


SERVERS = {
    "shows it late": Shape(lag=0.5),
    "takes its time": Shape(work=0.5),
    "has a slow clock": Shape(clock_offset=-600),
    "has a fast clock": Shape(clock_offset=600, lag=0.3, order="shuffled"),
}


@pytest.mark.parametrize("shape", SERVERS.values(), ids=SERVERS)
async def test_a_lost_answer_of_a_server_that(client: AsyncAymaraAI, sandbox: Sandbox, shape: Shape) -> None:
    sandbox.shape = shape
    sandbox.add_fault(Reset("evals.create", calls=1, processed=True))
    runner = AsyncEvalRunner(client, refuse)
    handle = await runner.start(params(3, name="Mine"))
    sandbox.shape = Shape()
    assert await count_evals(client) == 1
    assert (await client.evals.get(handle.eval_uuid)).name is not None


@pytest.mark.parametrize("shape", SERVERS.values(), ids=SERVERS)
async def test_a_session_that_ended_while_it_was_made(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path, shape: Shape
) -> None:
    sandbox.shape = shape
    starting = asyncio.create_task(AsyncEvalRunner(client, refuse).start(params(3), journal=tmp_path / "journal"))
    while not any(one.operation == "evals.create" for one in sandbox.requests):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    outcome = await AsyncEvalRunner(client, refuse, grace_period=5).run_eval(params(3), journal=tmp_path / "journal")
    sandbox.shape = Shape()
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


async def test_a_crash_before_the_answer_was_noted(
    client: AsyncAymaraAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = AnswerJournal.note

    async def crash(self: AnswerJournal, facts: Mapping[str, object]) -> None:
        if "eval_uuid" in facts:
            raise KeyboardInterrupt
        await note(self, facts)

    runner = AsyncEvalRunner(client, refuse)
    monkeypatch.setattr(AnswerJournal, "note", crash)
    with pytest.raises(KeyboardInterrupt):
        await runner.start(params(3), journal=tmp_path / "journal")
    monkeypatch.setattr(AnswerJournal, "note", note)
    outcome = await runner.run_eval(params(3), journal=tmp_path / "journal")
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


async def test_a_look_that_fails_does_not_make_another_eval(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_fault(Reset("evals.create", calls=1, processed=True))
    sandbox.add_fault(Error("evals.list", calls=1, status=403))
    runner = AsyncEvalRunner(client, refuse)
    with pytest.raises(OutcomeUnknownError):
        await runner.run_eval(params(3), journal=tmp_path / "journal")
    outcome = await runner.run_eval(params(3), journal=tmp_path / "journal")
    assert len(outcome.responses) == 3
    assert await count_evals(client) == 1


async def test_evals_that_cannot_be_told_apart(client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault(Reset("evals.create", calls=1, processed=True))
    sandbox.add_fault(Error("evals.list", calls=1, status=403))
    runner = AsyncEvalRunner(client, refuse)
    with pytest.raises(OutcomeUnknownError):
        await runner.run_eval(params(3, name="Mine"), journal=tmp_path / "journal")
    (made,) = [one async for one in client.evals.list()]
    twin = await client.evals.create(**params(3, name=made.name))
    with pytest.raises(OutcomeUnknownError, match="There are 2 evals named") as caught:
        await runner.run_eval(params(3, name="Mine"), journal=tmp_path / "journal")
    assert str(made.eval_uuid) in str(caught.value)
    assert str(twin.eval_uuid) in str(caught.value)


async def test_an_eval_of_the_same_name_is_another(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    fields = params(3, name="Mine")
    earlier = await client.evals.create(**fields)
    sandbox.add_fault(Reset("evals.create", calls=1, processed=True))
    handle = await AsyncEvalRunner(client, refuse).start(fields)
    assert handle.eval_uuid != earlier.eval_uuid
    assert await count_evals(client) == 2


async def test_the_api_refuses_the_eval(client: AsyncAymaraAI) -> None:
    with pytest.raises((BadRequestError, UnprocessableEntityError)):
        await AsyncEvalRunner(client, refuse).run_eval(params(-1))


async def test_an_eval_that_does_not_get_ready(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(NeverFinish("evals.create"))
    with pytest.raises(WaitTimeoutError):
        await AsyncEvalRunner(client, refuse, wait_timeout=0.05).run_eval(params(3))
    sandbox.clear_faults()
    sandbox.add_fault(Fail("evals.create"))
    with pytest.raises(Exception, match="failed"):
        await AsyncEvalRunner(client, refuse).run_eval(params(3))
