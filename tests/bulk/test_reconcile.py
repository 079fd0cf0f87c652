"""What was sent without an answer is looked for before anything is sent again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from aymara_async import (
    APIError,
    APIResponseValidationError,
    AsyncAymaraAI,
    AuthenticationError,
    ClientClosedError,
    IncompleteScoringError,
    JobFailedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RetryPolicy,
)
from aymara_async.bulk.calls import Calls
from aymara_async.bulk.doubt import with_those_under_way
from aymara_async.bulk.errors import BatchOutcomeUnknownError, ScoredTwiceError
from aymara_async.bulk.journal_entries import Run, SentBatch
from aymara_async.bulk.turns import Turn
from aymara_async.sandbox import Verdict
from aymara_async.sandbox.shape import Shape
from aymara_async.transport.body import JSONBody
from aymara_async.transport.request import Request
from aymara_async.transport.session import SessionManager

SCORE, LIST, RESPONSES = "evals.runs.score_responses", "evals.runs.list", "evals.runs.list_responses"
LOST = {
    "reset after": {"kind": "reset", "processed": True},
    "reset before": {"kind": "reset", "processed": False},
    "500 after": {"kind": "error", "status": 500, "processed": True},
    "500 before": {"kind": "error", "status": 500},
    "502 after": {"kind": "error", "status": 502, "processed": True},
    "504 before": {"kind": "error", "status": 504},
    "408 after": {"kind": "error", "status": 408, "processed": True},
    "truncated": {"kind": "truncate"},
    "html": {"kind": "content_type"},
    "corrupt": {"kind": "corrupt"},
    "stall": {"kind": "stall", "at": "body"},
}
DONE = {"reset after", "500 after", "502 after", "408 after", "truncated", "html", "corrupt", "stall"}


async def body_of_first(b: Any) -> dict[str, Any]:
    """Wait until the server has read the first batch, and return what it was."""
    while not b.sent() or b.sent()[0].status is None:
        await asyncio.sleep(0)
    body: dict[str, Any] = b.sent()[0].json()
    return body


@pytest.mark.parametrize("call", [1, 2, 5], ids=["first batch", "second batch", "last batch"])
@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
@pytest.mark.parametrize("loss", LOST)
async def test_a_lost_answer(bench: Any, loss: str, run_per_batch: bool, call: int) -> None:
    b = await bench(50, faults=[{**LOST[loss], "operation": SCORE, "calls": call}])
    client = b.client.with_options(timeout=0.5)
    result = await b.scorer(client=client, batch_size=10, run_per_batch=run_per_batch).run(b.rows)
    assert (result.scored, result.reconciled) == (50, 10 if loss in DONE else 0)
    assert len(result.eval_run_uuids) == (5 if run_per_batch else 1)
    assert len(b.sent()) == (5 if loss in DONE else 6)
    b.check_each_once()


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_20_percent_of_all_requests_fail_at_random(bench: Any, run_per_batch: bool) -> None:
    kinds = [{"kind": "reset", "processed": True}, {"kind": "reset"}, {"kind": "error", "status": 500}]
    kinds += [{"kind": "error", "status": 503}]
    faults = [{**kind, "operation": operation, "probability": 0.05} for kind in kinds for operation in ("*",)]
    b = await bench(600)
    for fault in faults:
        b.sandbox.add_fault(fault)
    result = await b.scorer(batch_size=5, run_per_batch=run_per_batch).run(b.rows)
    assert (result.submitted, result.scored, result.failed) == (600, 600, [])
    assert sum(bool(request.faults) for request in b.sandbox.requests) > 20
    b.check_each_once()


@pytest.mark.parametrize(
    "fault",
    [
        "error@{}:status=500",
        "reset@{}",
        pytest.param("content_type@{}", marks=pytest.mark.slow),  # each takes seconds of patience
        pytest.param("error@{}:status=429", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("operation", [LIST, RESPONSES])
async def test_a_look_that_fails_is_repeated(bench: Any, operation: str, fault: str) -> None:
    b = await bench(
        30,
        faults=[
            f"reset@{SCORE}:calls=1,processed=true",
            f"{fault.format(operation)},times=9" if ":" in fault else f"{fault.format(operation)}:times=9",
        ],
    )
    client = b.client.with_options(retry=RetryPolicy(max_retries=1, initial_wait=0))
    result = await b.scorer(client=client, batch_size=10).run(b.rows)
    assert (result.scored, result.reconciled) == (30, 10)
    b.check_each_once()


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_of_a_batch_that_is_there_in_part_only_the_rest_is_sent(bench: Any, run_per_batch: bool) -> None:
    b = await bench(20, faults=[f"reset@{SCORE}:calls=1"])
    running = asyncio.create_task(b.scorer(batch_size=10, run_per_batch=run_per_batch, concurrency=1).run(b.rows))
    lost = await body_of_first(b)
    # What a server does that breaks down in the middle of a batch.
    await b.client.evals.runs.score_responses(eval_uuid=b.eval_uuid, name=lost["name"], responses=lost["responses"][:4])
    result = await running
    assert (result.scored, result.reconciled) == (20, 4)
    b.check_each_once()
    sizes = [len(request.json()["responses"]) for request in b.sent()]
    assert sorted(sizes) == [4, 6, 10, 10]


async def test_what_is_not_listed_within_the_grace_period_is_an_error_if_asked(bench: Any) -> None:
    b = await bench(30, faults=[f"reset@{SCORE}:calls=2"])
    scored = []
    with pytest.raises(BatchOutcomeUnknownError, match="batch 2 ") as caught:
        async for one in b.scorer(batch_size=10, concurrency=1, on_unknown="raise").score(b.rows):
            scored.append(one)  # noqa: PERF401 - it is to keep what came before the error
    assert isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.prompt_uuids == b.prompts[10:20]
    assert caught.value.eval_run_uuids
    assert "rows 11 to 20" in caught.value.batch
    assert set(b.scored().values()) == {1}
    assert len(b.sent()) <= 3


async def test_a_server_that_cannot_be_asked_leaves_the_batch_in_doubt(bench: Any, tmp_path: Path) -> None:
    b = await bench(10, faults=[f"reset@{SCORE}:calls=1,processed=true", f"error@{LIST}:status=500"])
    scorer = b.scorer(journal=tmp_path / "j", patience=0.1, client=b.client.with_options(max_retries=0))
    with pytest.raises(BatchOutcomeUnknownError, match="cannot be asked"):
        await scorer.run(b.rows)
    b.sandbox.clear_faults()
    result = await b.scorer(journal=tmp_path / "j").run(b.rows)
    assert (result.scored, len(b.sent())) == (10, 1)
    b.check_each_once()


async def test_a_run_that_was_deleted_leaves_the_batch_in_doubt(bench: Any) -> None:
    b = await bench(20, faults=[f"reset@{SCORE}:calls=2,processed=true"])
    with pytest.raises(BatchOutcomeUnknownError, match="Eval run not found"):
        async for _ in b.scorer(batch_size=10, concurrency=1).score(b.rows):
            runs = await b.client.evals.runs.list(eval_uuid=b.eval_uuid)
            for run in runs.items:
                await b.client.evals.runs.delete(run.eval_run_uuid)


async def test_two_runs_of_a_name_are_not_chosen_from(bench: Any) -> None:
    b = await bench(10, faults=[f"reset@{SCORE}:calls=1"])
    running = asyncio.create_task(b.scorer().run(b.rows))
    lost = await body_of_first(b)
    for _ in range(2):
        await b.client.evals.runs.score_responses(eval_uuid=b.eval_uuid, name=lost["name"], responses=lost["responses"])
    with pytest.raises((BatchOutcomeUnknownError, ScoredTwiceError)) as caught:
        await running
    assert len(caught.value.eval_run_uuids) == 2 or len(b.sent()) == 3


async def test_a_batch_that_arrives_after_the_grace_period_is_told(bench: Any) -> None:
    b = await bench(30, faults=[f"reset@{SCORE}:calls=2"])
    stream = b.scorer(batch_size=10, concurrency=1, grace_period=0.05).score(b.rows)
    with pytest.raises(ScoredTwiceError) as caught:
        async for _ in stream:
            if stream.result.scored == 30 and len(b.sent()) < 5:
                await b.client.evals.runs.score_responses(**b.sent()[1].json())
    assert sorted(caught.value.prompt_uuids) == sorted(b.prompts[10:20])
    assert stream.result.scored == 30


async def test_a_run_that_is_made_twice_is_told(bench: Any) -> None:
    b = await bench(30)
    stream = b.scorer(batch_size=10, concurrency=1, run_per_batch=True).score(b.rows)
    with pytest.raises(ScoredTwiceError, match="the same batch more than once"):
        async for _ in stream:
            if stream.result.scored == 30 and len(b.sent()) < 4:
                await b.client.evals.runs.score_responses(**b.sent()[1].json())


Change = Callable[[dict[str, Any]], None]


def changing_answers(monkeypatch: pytest.MonkeyPatch, change: Change, *, path: str = "score-responses") -> None:
    """Let the server answer something else than it did."""
    import msgspec

    attempt = SessionManager._attempt

    async def changed(self: SessionManager, request: Request, *args: Any) -> Any:
        answer = await attempt(self, request, *args)
        if path in request.url and answer.content.startswith(b"{"):
            body = answer.json()
            change(body)
            answer.content = msgspec.json.encode(body)
        return answer

    monkeypatch.setattr(SessionManager, "_attempt", changed)


async def test_an_answer_without_responses_is_read_back(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(30)
    changing_answers(monkeypatch, lambda body: body.update(responses=None))
    result = await b.scorer(batch_size=10).run(b.rows)
    assert (result.scored, result.reconciled, len(b.sent())) == (30, 30, 3)
    b.check_each_once()


async def test_an_answer_with_all_of_the_run_is_not_confused(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(1)
    whole: list[Any] = []

    def answer_with_the_whole_run(body: dict[str, Any]) -> None:
        whole.extend(body["responses"])
        body["responses"] = list(whole)

    changing_answers(monkeypatch, answer_with_the_whole_run)
    rows = [{"prompt_uuid": b.prompts[0], "thread_uuid": thread, "content": "x"} for thread in ("t", "u")]
    rows.append({"prompt_uuid": b.prompts[0], "content": "x"})
    scored = [one async for one in b.scorer(batch_size=1, concurrency=1).score(rows)]
    assert len({one.response_uuid for one in scored}) == 3
    assert len(b.sent()) == 3
    assert set(b.sandbox.scored.values()) == {1}


async def test_an_answer_with_some_responses_is_completed(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(30)
    changing_answers(monkeypatch, lambda body: body["responses"].pop())
    result = await b.scorer(batch_size=10).run(b.rows)
    assert (result.scored, result.reconciled, len(b.sent())) == (30, 3, 3)
    b.check_each_once()


async def test_responses_that_the_server_never_takes_are_named(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(30)
    attempt = SessionManager._attempt
    last: dict[str, Any] = {}

    async def without_the_third(self: SessionManager, request: Request, *args: Any) -> Any:
        """Play a server that takes everything but one response."""
        import msgspec

        if "score-responses" not in request.url:
            return await attempt(self, request, *args)
        assert isinstance(request.body, JSONBody)
        body = msgspec.json.decode(request.body.content)
        kept = [one for one in body["responses"] if one["prompt_uuid"] != b.prompts[2]]
        request.body = JSONBody(msgspec.json.encode({**body, "responses": kept}))
        if kept:
            last["answer"] = await attempt(self, request, *args)
        else:
            last["answer"].content = msgspec.json.encode({**last["answer"].json(), "responses": []})
        return last["answer"]

    monkeypatch.setattr(SessionManager, "_attempt", without_the_third)
    with pytest.raises(IncompleteScoringError) as caught:
        await b.scorer(batch_size=10, concurrency=1, grace_period=0.05).run(b.rows)
    assert caught.value.missing == [b.prompts[2]]
    assert not hasattr(caught.value, "__notes__")  # it names them itself


async def test_responses_that_are_not_scored_in_time_are_named(bench: Any, tmp_path: Path) -> None:
    b = await bench(40)
    # The run that the lost batch went to is still processing when it is looked for.
    b.sandbox.add_fault(f"reset@{SCORE}:calls=1")
    b.sandbox.add_fault("never_finish@evals.runs.create:calls=1")
    arguments = {"batch_size": 10, "concurrency": 1, "patience": 0.3, "journal": tmp_path / "j"}
    running = asyncio.create_task(b.scorer(**arguments).run(b.rows))
    lost = await body_of_first(b)
    await b.client.evals.runs.create(eval_uuid=b.eval_uuid, name=lost["name"], responses=lost["responses"])
    for result in (await running, await b.scorer(**arguments).run(b.rows)):
        assert (result.submitted, result.scored, result.failed, result.resent) == (40, 30, [], [])
        assert [one.row for one in result.unscored] == list(range(1, 11))
        assert "did not score it within 0.3 s" in result.unscored[0].reason
    assert set(b.scored().values()) == {1}
    assert len(b.sent()) == 4


async def test_a_run_that_fails_ends_the_job(bench: Any) -> None:
    b = await bench(20, faults=[f"fail@{SCORE}:calls=1"])
    with pytest.raises(Exception, match="as failed"):
        await b.scorer(batch_size=10).run(b.rows)


async def test_what_the_server_forgets_is_named(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(30)
    scored = []
    changing_answers(
        monkeypatch,
        lambda body: body.update(
            items=[one for one in body["items"] if one["prompt_uuid"] != b.prompts[7]], count=body["count"] - 1
        ),
        path="/responses?",
    )
    with pytest.raises(IncompleteScoringError, match="does not list 1 of the 30") as caught:
        async for one in b.scorer(batch_size=10, patience=0.2).score(b.rows):
            scored.append(one)  # noqa: PERF401 - it is to keep what came before the error
    assert len(scored) == 30
    assert caught.value.missing == [b.prompts[7]]


async def test_a_server_that_lists_later_than_the_grace_period_what_it_has_answered_is_waited_for(bench: Any) -> None:
    b = await bench(30)
    b.sandbox.shape = Shape(lag=1.0)
    told: list[str | None] = []
    scorer = b.scorer(batch_size=30, grace_period=0.1, patience=20, progress=lambda now: told.append(now.waits_for))
    assert (await scorer.run(b.rows)).scored == 30
    assert any("to list what it has scored (30 responses are missing)" in one for one in told if one)
    assert told[-1] is None
    b.check_each_once()


@pytest.mark.parametrize("operation", [LIST, RESPONSES])
async def test_a_server_that_cannot_be_asked_at_the_end_is_asked_again(bench: Any, operation: str) -> None:
    b = await bench(30, faults=[f"content_type@{operation}:times=2"])
    result = await b.scorer(batch_size=10).run(b.rows)
    assert result.scored == 30
    b.check_each_once()


@pytest.mark.parametrize("fault", [f"content_type@{LIST}", f"error@{LIST}:status=403"])
async def test_a_server_that_cannot_be_asked_for_long_ends_the_job(bench: Any, fault: str) -> None:
    b = await bench(30, faults=[fault])
    with pytest.raises(APIError) as caught:
        await b.scorer(batch_size=10, patience=0.2).run(b.rows)
    if "403" in fault:
        assert isinstance(caught.value, PermissionDeniedError)
        assert len(b.sent(LIST)) == 1, "to ask again would not help"
    else:
        assert isinstance(caught.value, APIResponseValidationError)
        assert len(b.sent(LIST)) > 1
    assert sum(b.scored().values()) == 30


async def test_a_list_that_broke_off_at_the_end_is_read_again(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(250)
    counts = 0

    def lie(body: Any) -> None:
        nonlocal counts
        if len(body["items"]) == 1:  # it is asked how many there are
            counts += 1
            body["count"] += 1

    changing_answers(monkeypatch, lie, path="/responses?")
    b.sandbox.add_fault(f"content_type@{RESPONSES}:calls=3")
    assert (await b.scorer(batch_size=50).run(b.rows)).scored == 250
    assert counts == 2


async def test_a_count_that_lies_is_checked_against_the_list(bench: Any) -> None:
    b = await bench(30, faults=[f"change_count@{RESPONSES}:calls=1,by=2"])
    assert (await b.scorer(batch_size=10).run(b.rows)).scored == 30


async def test_a_server_that_starts_another_run_loses_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(40)
    attempt = SessionManager._attempt

    async def appending_to_none(self: SessionManager, request: Request, *args: Any) -> Any:
        import msgspec

        if "score-responses" in request.url:
            assert isinstance(request.body, JSONBody)
            body = msgspec.json.decode(request.body.content)
            body.pop("eval_run_uuid", None)
            request.body = JSONBody(msgspec.json.encode(body))
        return await attempt(self, request, *args)

    monkeypatch.setattr(SessionManager, "_attempt", appending_to_none)
    result = await b.scorer(batch_size=10).run(b.rows)
    assert (result.scored, len(result.eval_run_uuids)) == (40, 4)
    b.check_each_once()


async def test_only_the_end_of_a_long_run_is_read(bench: Any) -> None:
    b = await bench(1000, faults=[f"reset@{SCORE}:calls=20,processed=true"])
    result = await b.scorer(batch_size=50, concurrency=1).run(b.rows)
    assert (result.scored, result.reconciled) == (1000, 50)
    offsets = [int(request.query["offset"]) for request in b.sent(RESPONSES)]
    # The batch is found at the end, and at last they are counted. The end begins where the journal knows of results,
    # which may be as many batches behind as there are slots; a full page may be followed by an empty one.
    assert offsets[-1] == 0
    assert offsets[:-1], "the end is read"
    assert all(800 <= offset <= 1000 for offset in offsets[:-1])


async def test_a_run_that_is_listed_in_another_order_is_read_from_its_beginning(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(60, faults=[f"reset@{SCORE}:calls=6,processed=true"])
    changing_answers(monkeypatch, lambda body: body["items"].reverse(), path="/responses?")
    result = await b.scorer(batch_size=10, concurrency=1).run(b.rows)
    assert (result.scored, result.reconciled) == (60, 10)
    b.check_each_once()


async def test_turns_that_the_server_may_confuse_are_told_apart_by_what_they_say(bench: Any) -> None:
    b = await bench(1, faults=[f"reset@{SCORE}:calls=1,processed=true"])
    thread = (await b.client.evals.list_prompts(b.eval_uuid)).items[0].thread_uuid
    rows = [
        {"prompt_uuid": b.prompts[0], "content": "one"},
        {"prompt_uuid": b.prompts[0], "thread_uuid": thread, "content": "two"},
    ]
    result = await b.scorer().run(rows)
    assert (result.scored, result.reconciled) == (2, 2)


@pytest.mark.parametrize("contents", [("one", "two"), ("same", "same")], ids=["told apart", "alike"])
async def test_the_response_of_a_batch_under_way_is_not_given_to_one_in_doubt(
    bench: Any, contents: tuple[str, str]
) -> None:
    # The second call does not arrive, the third is scored, but its answer takes longer than the grace period.
    late = f"stall@{SCORE}:calls=3,at=headers,seconds=0.6"
    b = await bench(2, faults=[f"reset@{SCORE}:calls=2", late])
    rows = [
        b.rows[0],
        {"prompt_uuid": b.prompts[1], "content": contents[0]},
        {"prompt_uuid": b.prompts[1], "thread_uuid": "another", "content": contents[1]},
    ]
    result = await b.scorer(batch_size=1, concurrency=2).run(rows)
    assert result.scored == 3
    assert len(b.sandbox.scored) == 3
    assert set(b.sandbox.scored.values()) == {1}


@pytest.mark.parametrize("status", [401, 403, 404, 409])
async def test_what_cannot_succeed_ends_the_job_and_resumes(bench: Any, status: int, tmp_path: Path) -> None:
    b = await bench(30, faults=[f"error@{SCORE}:calls=2,status={status}"])
    scorer = b.scorer(batch_size=10, concurrency=1, journal=tmp_path / "j")
    with pytest.raises(Exception, match=str(status)):
        await scorer.run(b.rows)
    looks = len(b.sent(RESPONSES))
    result = await scorer.run(b.rows)
    assert (result.scored, result.resumed) == (30, 10)
    # The server said that it had not scored it: nothing to look for, but to count what is there, first and last.
    assert [request.query["limit"] for request in b.sent(RESPONSES)[looks:]] == ["1", "1"]
    b.check_each_once()


async def test_an_outage_longer_than_the_patience_ends_the_job(bench: Any, tmp_path: Path) -> None:
    b = await bench(20, faults=[f"error@{SCORE}:status=503"])
    with pytest.raises(Exception, match="503"):
        await b.scorer(patience=0.1, journal=tmp_path / "j").run(b.rows)
    b.sandbox.clear_faults()
    assert (await b.scorer(journal=tmp_path / "j").run(b.rows)).scored == 20
    b.check_each_once()


async def test_time_in_which_there_is_nothing_to_send_asks_for_no_patience(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(20, faults=[f"error@{SCORE}:calls=2,status=503"])
    passed = 0.0
    monkeypatch.setattr("aymara_async.bulk.job.monotonic", lambda: monotonic() + passed)

    async def rows() -> AsyncIterator[Any]:
        nonlocal passed
        for row in b.rows[:10]:
            yield row
        passed = 700.0
        for row in b.rows[10:]:
            yield row

    assert (await b.scorer(batch_size=10).run(rows())).scored == 20
    b.check_each_once()


async def test_a_server_that_wants_a_longer_pause_than_the_patience_ends_the_job(bench: Any) -> None:
    b = await bench(20, faults=[f"error@{SCORE}:status=429,retry_after=3600"])
    with pytest.raises(Exception, match="asks to wait 3600 s"):
        await b.scorer().run(b.rows)


async def test_a_server_that_cannot_be_reached_yet_is_waited_for(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    b = await bench(20)
    from aymara_async.errors import APIConnectionError

    attempt, failures = SessionManager._attempt, 5

    async def unreachable(self: SessionManager, *args: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise APIConnectionError("not there", is_sent=False)
        return await attempt(self, *args)

    monkeypatch.setattr(SessionManager, "_attempt", unreachable)
    assert (await b.scorer(batch_size=10).run(b.rows)).scored == 20
    b.check_each_once()


async def test_a_judge_that_goes_on_after_the_connection_broke_is_given_its_grace(bench: Any) -> None:
    async def slow_judge(prompt: Any, response: Any, eval: Any) -> Verdict:
        # Shielded, as the sandbox would otherwise drop the request together with its connection.
        await asyncio.shield(asyncio.sleep(0.001))
        return Verdict(True, 1.0, "x")

    b = await bench(20, judge=slow_judge, faults=[f"reset@{SCORE}:calls=1,processed=true"])
    assert (await b.scorer(batch_size=10).run(b.rows)).scored == 20
    b.check_each_once()


def test_calls_leave_the_options_of_the_client_alone() -> None:
    async def main() -> None:
        async with AsyncAymaraAI(api_key="k", base_url="http://127.0.0.1:1", deadline=7) as client:
            Calls(client, eval_uuid="e", workspace_uuid=None, is_sandbox=None, fields={}, patience=9, tell=print)
            assert client._settings.call.deadline == 7
            assert client._settings.call.retry.max_retries == 4

    main_coroutine: Coroutine[Any, Any, None] = main()
    asyncio.run(main_coroutine)


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_a_client_that_is_closed_names_the_batches_under_way(
    bench: Any, run_per_batch: bool, tmp_path: Path
) -> None:
    b = await bench(50)
    b.sandbox.add_fault({"kind": "latency", "seconds": 60, "operation": SCORE, "calls": [2, 3]})
    arguments = {"batch_size": 10, "run_per_batch": run_per_batch, "journal": tmp_path / "j"}
    client = b.client.with_options(timeout=60)
    running = asyncio.create_task(b.scorer(client=client, concurrency=2, **arguments).run(b.rows))
    while b.scored().total() < 30:
        await asyncio.sleep(0)
    await b.client.close()
    with pytest.raises(BatchOutcomeUnknownError, match="the client was closed before the answer came") as caught:
        await running
    assert isinstance(caught.value.__cause__, ClientClosedError)
    assert set(caught.value.prompt_uuids) == set(b.prompts[10:30])
    assert "those of 1 batches after it" in str(caught.value)
    b.sandbox.clear_faults()
    async with AsyncAymaraAI(api_key=b.sandbox.api_key, base_url=b.sandbox.url) as anew:
        result = await b.scorer(client=anew, **arguments).run(b.rows)
    assert result.scored == 50
    b.check_each_once()


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_what_ends_the_job_names_what_else_was_under_way(bench: Any, run_per_batch: bool, tmp_path: Path) -> None:
    b = await bench(50)
    b.sandbox.add_fault({"kind": "latency", "seconds": 60, "operation": SCORE, "calls": [2]})
    b.sandbox.add_fault({"kind": "error", "status": 401, "operation": SCORE, "calls": [3]})
    arguments = {"batch_size": 10, "run_per_batch": run_per_batch, "journal": tmp_path / "j"}
    with pytest.raises(AuthenticationError) as caught:
        await b.scorer(client=b.client.with_options(timeout=60), concurrency=2, **arguments).run(b.rows)
    (note,) = caught.value.__notes__
    assert re.search(r"job: batch \d \(rows \d+ to \d+\) of run '[^']+'\. The server may have scored", note)
    b.sandbox.clear_faults()
    assert (await b.scorer(**arguments).run(b.rows)).scored == 50
    b.check_each_once()


async def test_what_ends_a_job_of_one_batch_at_a_time_has_nothing_to_add(bench: Any) -> None:
    b = await bench(30, faults=[f"error@{SCORE}:calls=2,status=401"])
    with pytest.raises(AuthenticationError) as caught:
        await b.scorer(batch_size=10, concurrency=1).run(b.rows)
    assert not hasattr(caught.value, "__notes__")


async def test_two_batches_in_doubt_are_both_named(bench: Any) -> None:
    b = await bench(50)
    for call in (2, 3):
        b.sandbox.add_fault({"kind": "latency", "seconds": 60, "operation": SCORE, "calls": [call]})
    b.sandbox.add_fault(f"reset@{SCORE}:calls=4")
    scorer = b.scorer(client=b.client.with_options(timeout=60), batch_size=10, concurrency=3, on_unknown="raise")
    with pytest.raises(BatchOutcomeUnknownError) as caught:
        await scorer.run(b.rows)
    (note,) = caught.value.__notes__
    named = re.findall(r"batch \d \(rows (\d+) to \d+\)", f"{caught.value} {note}")
    assert sorted(named) == ["11", "21", "31"]
    assert note.count("(rows ") == 2


async def test_turns_of_one_prompt_in_two_batches_are_both_named(bench: Any) -> None:
    b = await bench(2)
    first, prompt = b.rows[0], b.prompts[1]
    turns = [{"prompt_uuid": prompt, "content": f"turn {turn}", "turn_number": turn} for turn in (1, 2)]
    b.sandbox.add_fault({"kind": "latency", "seconds": 60, "operation": SCORE, "calls": [3]})
    b.sandbox.add_fault(f"reset@{SCORE}:calls=2")
    options = {"batch_size": 1, "concurrency": 2, "on_unknown": "raise", "patience": 1}
    with pytest.raises(BatchOutcomeUnknownError) as caught:
        await b.scorer(client=b.client.with_options(timeout=60), **options).run([first, *turns])
    assert sorted(re.findall(r"\(row \d\)", f"{caught.value} {caught.value.__notes__}")) == ["(row 2)", "(row 3)"]


def test_of_very_many_batches_in_doubt_the_rest_is_counted() -> None:
    turns = [Turn(id=1, number=7, prompt_uuid="p", thread_uuid=None, turn_number=1, digest="::")]
    batches = [SentBatch(number, Run(1, "r", None), turns) for number in range(1, 13)]
    (note,) = with_those_under_way(ValueError(), batches).__notes__
    assert "batch 1 (row 7) of run 'r', " in note
    assert "batch 10 (row 7) of run 'r', and 2 more. The server" in note
    assert "batch 11" not in note


async def test_a_run_that_failed_leaves_its_own_batch_not_in_doubt(bench: Any) -> None:
    b = await bench(20, faults=[f"fail@{SCORE}:calls=1"])
    with pytest.raises(JobFailedError) as caught:
        await b.scorer(batch_size=10).run(b.rows)
    assert not hasattr(caught.value, "__notes__")


async def test_a_client_that_was_closed_before_anything_was_sent_leaves_nothing_in_doubt(bench: Any) -> None:
    b = await bench(50)
    await b.client.close()
    with pytest.raises(ClientClosedError, match="nothing was sent"):
        await b.scorer(batch_size=5, run_per_batch=True, concurrency=2).run(b.rows)
