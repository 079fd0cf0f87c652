"""Evals of the caller's own prompts: these and no others, in the caller's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aymara_async import (
    AsyncAymaraAI,
    OutcomeUnknownError,
    PromptCreate,
    RequestValidationError,
    UnprocessableEntityError,
)
from aymara_async.journal.errors import JournalError
from aymara_async.resources.evals import AsyncEvals
from aymara_async.runner import AsyncEvalRunner, EvalHandle, ModelPrompt, run_suite
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Error, Reset
from aymara_async.scoring.errors import ExactEvalError
from tests.runner.conftest import PARAMS

GRACE = 0.2
MANY = [f"question {number}" for number in range(250)]


async def echo(prompt: ModelPrompt) -> str:
    return f"You asked: {prompt}"


async def contents(client: AsyncAymaraAI) -> list[str]:
    (only,) = [one async for one in client.evals.list()]
    return [prompt.content async for prompt in client.evals.list_prompts(str(only.eval_uuid))]


async def test_texts_mappings_and_instances(client: AsyncAymaraAI) -> None:
    prompts = ["plain", {"content": "with a category", "category": "c"}, PromptCreate(content="made"), "plain"]
    outcome = await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=prompts)
    assert [(one.content, one.category) for one in outcome.prompts] == [
        ("plain", None),
        ("with a category", "c"),
        ("made", None),
        ("plain", None),
    ]
    assert [one.content for one in outcome.responses] == [f"You asked: {one.content}" for one in outcome.prompts]
    assert len({one.prompt_uuid for one in outcome.prompts}) == 4
    assert outcome.eval.num_prompts == 4


async def test_an_iterable_that_can_be_read_once(client: AsyncAymaraAI) -> None:
    outcome = await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=(text for text in MANY))
    assert [one.content for one in outcome.prompts] == MANY == await contents(client)


@pytest.mark.parametrize("is_processed", [True, False])
async def test_lost_answers_add_nothing_twice_and_change_no_order(
    client: AsyncAymaraAI, sandbox: Sandbox, is_processed: bool
) -> None:
    sandbox.add_fault(Reset("evals.update", calls=[1, 3], processed=is_processed))
    outcome = await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=MANY)
    assert [one.content for one in outcome.prompts] == MANY
    listed = await contents(client)
    assert sorted(listed) == sorted(MANY)
    assert (listed == MANY) is is_processed


@pytest.mark.parametrize("shape", ["lag=0.6", "work=0.4", "order=shuffled", "order=drawn,lag=0.4"])
@pytest.mark.parametrize("is_processed", [True, False])
async def test_servers_that_list_late_or_in_another_order(
    client: AsyncAymaraAI, sandbox: Sandbox, shape: str, is_processed: bool
) -> None:
    sandbox.shape = shape
    sandbox.add_fault(Reset("evals.update", calls=2, processed=is_processed))
    runner = AsyncEvalRunner(client, echo, grace_period=1.5)
    handle = await runner.start(PARAMS, prompts=MANY)
    added = [request for request in sandbox.requests if request.operation == "evals.update"]
    assert len(added) == (3 if is_processed else 4)
    sandbox.shape = ""
    assert sorted(await contents(client)) == sorted(MANY)
    assert handle.eval_uuid


async def test_an_outage_while_prompts_are_added(client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add_fault(Reset("evals.update", processed=False))
    runner = AsyncEvalRunner(client, echo, grace_period=GRACE)
    with pytest.raises(OutcomeUnknownError):
        await runner.run_eval(PARAMS, prompts=MANY, journal=tmp_path / "journal")
    sandbox.clear_faults()
    outcome = await runner.run_eval(PARAMS, prompts=MANY, journal=tmp_path / "journal")
    assert [one.content for one in outcome.prompts] == MANY == await contents(client)


async def test_a_crash_while_prompts_are_added(
    client: AsyncAymaraAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    update = AsyncEvals.update

    async def crash(self: AsyncEvals, *args: Any, **fields: Any) -> Any:
        nonlocal calls
        calls += 1
        made = await update(self, *args, **fields)
        if calls == 2:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(AsyncEvals, "update", crash)
    runner, mine = AsyncEvalRunner(client, echo, grace_period=GRACE), PARAMS | {"name": "Mine"}
    with pytest.raises(KeyboardInterrupt):
        await runner.run_eval(mine, prompts=MANY, journal=tmp_path / "journal")
    twin = await client.evals.create(**mine, num_prompts=0)  # the journal knows which of the two it is
    outcome = await runner.run_eval(mine, prompts=MANY, journal=tmp_path / "journal")
    assert calls == 3
    await client.evals.delete(str(twin.eval_uuid))
    assert [one.content for one in outcome.prompts] == MANY == await contents(client)


async def test_a_server_that_makes_no_empty_eval(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Error("evals.create", calls=1, status=422))
    outcome = await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=["one", "two"])
    assert [one.content for one in outcome.prompts] == ["one", "two"] == await contents(client)


async def test_a_server_that_changes_prompts(client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch) -> None:
    update, calls = AsyncEvals.update, 0

    async def strip(self: AsyncEvals, *args: Any, prompt_creates: Any, **fields: Any) -> Any:
        nonlocal calls
        calls += 1
        if prompt_creates:
            prompt_creates = [PromptCreate(content=one.content.strip()) for one in prompt_creates]
        return await update(self, *args, prompt_creates=prompt_creates, **fields)

    monkeypatch.setattr(AsyncEvals, "update", strip)
    with pytest.raises(ExactEvalError, match=r"1 are \(first prompt 2\) not in it as they were sent"):
        await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=["one", " two "])
    assert calls == 3  # once more, without what came of the first time, and then it gives up


async def test_the_order_is_kept_where_the_eval_is_picked_up(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add_fault(Reset("evals.update", calls=1, processed=False))
    runner = AsyncEvalRunner(client, echo, grace_period=GRACE)
    handle = await runner.start(PARAMS, prompts=MANY, journal=tmp_path / "journal")
    outcome = await runner.resume(EvalHandle.from_json(handle.to_json()))
    assert [one.content for one in outcome.prompts] == MANY != await contents(client)


async def test_conversations_that_begin_with_own_prompts(client: AsyncAymaraAI) -> None:
    outcome = await AsyncEvalRunner(client, echo, turns=2).run_eval(PARAMS, prompts=["one", "two"])
    assert [[one.prompt.turn_number for one in thread] for thread in outcome.threads] == [[1, 2], [1, 2]]
    assert [thread[0].prompt.content for thread in outcome.threads] == ["one", "two"]


async def test_a_journal_of_other_prompts_is_refused(client: AsyncAymaraAI, tmp_path: Path) -> None:
    runner = AsyncEvalRunner(client, echo, grace_period=GRACE)
    await runner.run_eval(PARAMS, prompts=["one"], journal=tmp_path / "journal")
    for prompts in (["two"], None):
        with pytest.raises(JournalError, match="its prompts is '1 of the caller"):
            await runner.run_eval(PARAMS, prompts=prompts, journal=tmp_path / "journal")


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ([], "empty, so there is nothing to run"),
        ("one", "iterable of texts, mappings or PromptCreate, not a str"),
        (7, "not a int"),
        (["one", ""], "Prompt 2 is empty"),
        (["one", 7], "Prompt 2 is a int"),
        ([{"text": "one"}], "Prompt 1 cannot be sent.*text"),
        ([{"content": "one", "category": 3}], "Prompt 1 cannot be sent.*category"),
        (["\ud800"], "Prompt 1 cannot be sent"),
    ],
)
async def test_prompts_that_make_no_sense(client: AsyncAymaraAI, sandbox: Sandbox, prompts: Any, said: str) -> None:
    with pytest.raises(RequestValidationError, match=said) as caught:
        await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS, prompts=prompts)
    assert str(caught.value).endswith("Nothing was sent.")
    assert sandbox.requests == []


async def test_prompts_beside_what_excludes_them(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    runner = AsyncEvalRunner(client, echo, grace_period=GRACE)
    with pytest.raises(RequestValidationError, match="either prompts or num_prompts"):
        await runner.run_eval(PARAMS | {"num_prompts": 1}, prompts=["one"])
    with pytest.raises(RequestValidationError, match="prompts are for a new eval"):
        await runner.run_eval(eval_uuid="x", prompts=["one"])
    for evals in ({"a": PARAMS}, {"a": PARAMS, "b": "an id"}):
        with pytest.raises(RequestValidationError, match="no new eval of that name"):
            await run_suite(client, evals=evals, models={"m": echo}, prompts={"b": ["one"]})
    assert sandbox.requests == []


async def test_a_suite(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Reset("evals.update", calls=1, processed=False))
    suite = await run_suite(
        client,
        evals={"mine": PARAMS, "theirs": PARAMS | {"num_prompts": 3}},
        models={"a": echo, "b": echo},
        prompts={"mine": iter(MANY)},
        report=False,
        grace_period=GRACE,
    )
    for model in ("a", "b"):
        assert [one.content for one in suite.outcomes["mine", model].prompts] == MANY
        assert len(suite.outcomes["theirs", model].prompts) == 3


@pytest.mark.parametrize("prompts", [["one"], None])
async def test_what_the_api_refuses_leaves_the_journal_free(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path, prompts: list[str] | None
) -> None:
    runner = AsyncEvalRunner(client, echo, grace_period=GRACE)
    sandbox.add_fault(Error("evals.create", calls=[1, 2] if prompts else 1, status=422))
    with pytest.raises(UnprocessableEntityError):
        await runner.run_eval(PARAMS, prompts=prompts, journal=tmp_path / "journal")
    better = PARAMS | {"ai_description": "Another"}
    outcome = await runner.run_eval(better, prompts=prompts, journal=tmp_path / "journal")
    assert outcome.eval.ai_description == "Another"


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_promts": 3},
        {"extra_headers": {"X-Y": "z"}},
        {"ai_description": 3},
        {"prompt_examples": iter([{"content": 3}])},
        {"eval_type": None},
    ],
)
async def test_params_that_make_no_sense_leave_no_trace(
    client: AsyncAymaraAI, sandbox: Sandbox, tmp_path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(RequestValidationError, match=next(iter(wrong))):
        await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS | wrong, journal=tmp_path / "journal")
    assert sandbox.requests == []
    assert not (tmp_path / "journal").exists()


async def test_params_for_another_workspace_than_the_runners(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    with pytest.raises(RequestValidationError, match="Give workspace_uuid to the runner"):
        await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(PARAMS | {"workspace_uuid": "w"})
    assert sandbox.requests == []


async def test_examples_that_can_be_read_once_are_sent(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    examples = iter([{"content": "like this"}])
    outcome = await AsyncEvalRunner(client, echo, grace_period=GRACE).run_eval(
        PARAMS | {"num_prompts": 1, "prompt_examples": examples}
    )
    assert [one.content for one in outcome.eval.prompt_examples or []] == ["like this"]
