"""From the input to the results."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aymara_async import EvalResponse, ScoredResponse
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.progress import BulkProgress
from aymara_async.bulk.result import BulkResult
from aymara_async.bulk.source import LiveResponses
from aymara_async.transport.session import SessionManager


async def test_everything_is_scored_once_in_one_run(bench: Any) -> None:
    b = await bench(101)
    result = await b.scorer(batch_size=10).run(b.rows)
    assert (result.submitted, result.scored, result.failed, result.skipped) == (101, 101, [], [])
    assert result.pass_rate == 1.0
    assert len(result.eval_run_uuids) == 1
    b.check_each_once()
    listed = [one async for one in b.client.evals.runs.list_responses(result.eval_run_uuids[0])]
    assert len(listed) == 101


async def test_results_are_yielded_as_they_come(bench: Any) -> None:
    b = await bench(25)
    rows = [{**row, "content": "wrong!" if number % 5 == 0 else "good"} for number, row in enumerate(b.rows)]
    stream = b.scorer(batch_size=10).score(rows)
    scored = [one async for one in stream]
    assert all(isinstance(one, ScoredResponse) for one in scored)
    assert sorted(one.prompt_uuid for one in scored) == sorted(b.prompts)
    assert sum(one.is_passed is False for one in scored) == 5
    assert stream.result.pass_rate == pytest.approx(0.8)


async def test_a_run_of_each_batch(bench: Any) -> None:
    b = await bench(25)
    result = await b.scorer(batch_size=10, run_per_batch=True, run_name="nightly").run(b.rows)
    assert len(result.eval_run_uuids) == 3
    names = [run.name async for run in b.client.evals.runs.list(eval_uuid=b.eval_uuid)]
    assert len(set(names)) == 3
    assert all(name.startswith("nightly ") for name in names)
    b.check_each_once()


async def test_fields_of_the_job_are_sent_with_each_batch(bench: Any) -> None:
    b = await bench(4)
    example = {"type": "pass", "prompt": "p", "response": "r"}
    scorer = b.scorer(batch_size=2, ai_description="A bot", eval_run_examples=iter([example]), is_sandbox=True)
    await scorer.run(b.rows)
    for request in b.sent():
        assert request.json()["ai_description"] == "A bot"
        assert request.json()["eval_run_examples"] == [example]
        assert request.query["is_sandbox"] == "true"


async def test_workspace_of_the_client_and_of_the_job(bench: Any) -> None:
    b = await bench(2)
    created = await b.client.evals.create(ai_description="x", eval_type="safety", num_prompts=2, workspace_uuid="w.1")
    prompts = [one.prompt_uuid async for one in b.client.evals.list_prompts(created.eval_uuid, workspace_uuid="w.1")]
    rows = [{"prompt_uuid": prompt, "content": "x"} for prompt in prompts]
    view = b.client.with_options(workspace_uuid="w.1")
    first = await b.scorer(client=view, eval_uuid=created.eval_uuid).run(rows)
    second = await b.scorer(eval_uuid=created.eval_uuid, workspace_uuid="w.1").run(rows)
    assert (first.scored, second.scored) == (2, 2)


async def test_instances_and_files_and_refusals(bench: Any) -> None:
    b = await bench(4)
    responses = [
        EvalResponse(prompt_uuid=b.prompts[0], content="x"),
        EvalResponse(prompt_uuid=b.prompts[1], ai_refused=True),
        EvalResponse(prompt_uuid=b.prompts[2], content="x", exclude_from_scoring=True),
        {"prompt_uuid": b.prompts[3], "content": {"file_uuid": "file.1"}, "content_type": "image"},
    ]
    result = await b.scorer().run(responses)
    assert (result.submitted, result.scored, result.judged) == (4, 4, 3)
    b.check_each_once()


async def test_threads_and_turns(bench: Any) -> None:
    b = await bench(1)
    rows = [
        {"prompt_uuid": b.prompts[0], "thread_uuid": "t", "turn_number": turn, "content": "x"} for turn in (1, 2, 3)
    ]
    rows.append({"prompt_uuid": b.prompts[0], "content": "without a thread"})
    result = await b.scorer().run(rows)
    assert result.scored == 4
    assert set(b.sandbox.scored.values()) == {1}
    assert len(b.sandbox.scored) == 4


@pytest.mark.parametrize("kind", ["list", "tuple", "generator", "iterator", "async generator", "path", "string"])
async def test_any_source(bench: Any, kind: str, tmp_path: Path) -> None:
    b = await bench(23)

    async def rows() -> AsyncIterator[Any]:
        for row in b.rows:
            await asyncio.sleep(0)
            yield row

    file = tmp_path / "responses.jsonl"
    lines = [json.dumps(row) for row in b.rows]
    file.write_text("\ufeff" + "\n\n".join(lines) + "\n", encoding="utf-8")
    sources: dict[str, Any] = {
        "list": b.rows,
        "tuple": tuple(b.rows),
        "generator": (row for row in b.rows),
        "iterator": iter(b.rows),
        "async generator": rows(),
        "path": file,
        "string": str(file),
    }
    result = await b.scorer(batch_size=5).run(sources[kind])
    assert result.scored == 23
    b.check_each_once()


class Dictated(LiveResponses):
    """A producer that says how many make a batch, and makes no more before these are scored."""

    def __init__(self, rows: list[Any], sizes: list[int], scored: Callable[[], int]) -> None:
        self._rows, self._sizes, self._scored = iter(rows), iter(sizes), scored
        self._given = 0

    async def ready(self, count: int) -> int:
        while self._scored() < self._given:
            await asyncio.sleep(0)
        return min(count, next(self._sizes, 0))

    async def __anext__(self) -> Any:
        self._given += 1
        return next(self._rows)


async def test_a_live_source_says_what_makes_a_batch(bench: Any) -> None:
    b = await bench(11)
    stream: Any = None
    source = Dictated(b.rows, [3, 1, 5, 2], lambda: stream.result.scored)
    stream = b.scorer(batch_size=4).score(source)
    assert len([one async for one in stream]) == 10  # of five, four fit into a batch
    assert [len(request.json()["responses"]) for request in b.sent()] == [3, 1, 4, 2]


async def test_an_empty_input_sends_nothing(bench: Any) -> None:
    b = await bench(0)
    result = await b.scorer().run([])
    assert result == BulkResult()
    assert result.pass_rate is None
    assert not b.sent()


async def test_batches_keep_to_bytes_and_count(bench: Any) -> None:
    b = await bench(30)
    rows = [{**row, "content": "x" * 1000} for row in b.rows]
    await b.scorer(batch_size=10, max_batch_bytes=5000).run(rows)
    batches = [len(request.json()["responses"]) for request in b.sent()]
    assert max(batches) == 4
    assert sum(batches) == 30
    b.check_each_once()


async def test_input_is_not_read_ahead_of_what_is_sent(bench: Any) -> None:
    b = await bench(200)
    read = 0

    def rows() -> Iterator[Any]:
        nonlocal read
        for row in b.rows:
            read += 1
            yield row

    async with b.scorer(batch_size=5, concurrency=2).score(rows()) as stream:
        ahead = []
        async for _ in stream:
            await asyncio.sleep(0.001)
            ahead.append(read - stream.result.scored)
        # Two batches with the server, two with the journal, and one that is being read.
        assert max(ahead) <= 25
    assert read == 200


@pytest.mark.parametrize(("max_bytes", "most"), [(4_000_000, 20), (1_000, 5)])
@pytest.mark.parametrize("is_file", [True, False])
async def test_what_is_there_already_is_registered_several_batches_at_a_time_if_small(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, max_bytes: int, most: int, is_file: bool
) -> None:
    b = await bench(100)
    register, sizes = Journal.register, list[int]()

    async def counted(self: Journal, items: Any, **options: Any) -> Any:
        sizes.append(len(items))
        return await register(self, items, **options)

    monkeypatch.setattr(Journal, "register", counted)
    rows: Any = b.rows
    if is_file:
        rows = tmp_path / "responses.jsonl"
        await asyncio.to_thread(rows.write_text, "".join(json.dumps(row) + "\n" for row in b.rows))
    await b.scorer(batch_size=5, max_batch_bytes=max_bytes).run(rows)
    assert (sizes[0], max(sizes)) == (5, most), "the first batch shows how large they are, and is not kept waiting"
    assert {len(request.json()["responses"]) for request in b.sent()} == {5}
    b.check_each_once()


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_requests_are_under_way_than_asked(
    bench: Any, concurrency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = await bench(60, faults=["latency@evals.runs.score_responses:seconds=0.005"])
    attempt, under_way, most = SessionManager._attempt, 0, 0

    async def counted(self: SessionManager, *args: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await attempt(self, *args)
        finally:
            under_way -= 1

    monkeypatch.setattr(SessionManager, "_attempt", counted)
    await b.scorer(batch_size=3, concurrency=concurrency).run(b.rows)
    assert most == concurrency


async def test_a_slow_consumer_slows_the_sending(bench: Any) -> None:
    b = await bench(200)
    async with b.scorer(batch_size=5, concurrency=2).score(b.rows) as stream:
        await anext(stream)
        held = [len(b.sent())]
        for _ in range(10):
            await b.client.evals.get(b.eval_uuid)
            held.append(len(b.sent()))
        # One is taken, two wait to be taken, four wait for room, and nothing more is sent.
        assert held[-1] <= 7
        assert sum([1 async for _ in stream]) == 199
    b.check_each_once()


async def test_a_blocking_source_does_not_block_the_loop(bench: Any) -> None:
    b = await bench(3)
    may_go_on = threading.Event()

    def rows() -> Iterator[Any]:
        yield b.rows[0]
        assert may_go_on.wait(30)
        yield from b.rows[1:]

    running = asyncio.create_task(b.scorer(batch_size=1).run(rows()))
    while not b.sent():
        await b.client.evals.get(b.eval_uuid)  # the loop goes on while the source waits
    may_go_on.set()
    assert (await running).scored == 3


async def test_an_error_of_the_source_comes_after_what_was_before_it(bench: Any) -> None:
    b = await bench(10)

    def rows() -> Iterator[Any]:
        yield from b.rows[:7]
        raise OSError("the disk is gone")

    scored = []
    with pytest.raises(OSError, match="the disk is gone"):
        async for one in b.scorer(batch_size=7).score(rows()):
            scored.append(one)  # noqa: PERF401 - it is to keep what came before the error
    assert len(scored) == 7


@pytest.mark.parametrize("kind", ["iterator", "async iterator"])
async def test_no_row_before_an_error_of_the_source_is_left_behind(bench: Any, kind: str) -> None:
    b = await bench(10)

    def rows() -> Iterator[Any]:
        yield from b.rows[:7]
        raise OSError("the disk is gone")

    async def rows_of_loop() -> AsyncIterator[Any]:
        for row in rows():
            yield row

    scored = []
    with pytest.raises(OSError, match="the disk is gone"):
        async for one in b.scorer(batch_size=5).score(rows() if kind == "iterator" else rows_of_loop()):
            scored.append(one)  # noqa: PERF401 - it is to keep what came before the error
    assert len(scored) == 7


async def test_progress_is_told_after_each_batch(bench: Any) -> None:
    b = await bench(30)
    told: list[BulkProgress] = []
    await b.scorer(batch_size=10, progress=told.append).run(b.rows)
    assert [one.scored for one in told] == [10, 20, 30]
    assert [one.done for one in told] == [10, 20, 30]
    assert {one.total for one in told} == {30}
    assert all(one.in_doubt == 0 and one.seconds >= 0 for one in told)
    await b.scorer(batch_size=10, progress=told.append).run(iter(b.rows))
    assert told[-1].total is None


async def test_an_error_of_the_callback_ends_the_job(bench: Any) -> None:
    b = await bench(30)

    def fail(progress: BulkProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await b.scorer(batch_size=10, progress=fail).run(b.rows)


async def test_no_bar_where_there_is_no_terminal(bench: Any, capfd: pytest.CaptureFixture[str]) -> None:
    b = await bench(3)
    await b.scorer(progress=True).run(b.rows)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["break", "aclose", "forgotten", "never begun"])
async def test_who_leaves_early_leaves_nothing_running(bench: Any, how: str, tmp_path: Path) -> None:
    b = await bench(100)
    scorer = b.scorer(batch_size=5, journal=tmp_path / "j")
    stream: Any = scorer.score(iter(b.rows))
    if how == "break":
        async for _ in stream:
            break
    elif how != "never begun":
        await anext(stream)
    if how == "aclose":
        await stream.aclose()
    del stream
    gc.collect()
    while any(thread.name == "aymara-async journal" for thread in threading.enumerate()):
        await asyncio.sleep(0)  # a forgotten one is closed by the loop
    result = await scorer.run(b.rows)
    assert result.scored == 100
    b.check_each_once()


async def test_cancellation_leaves_a_journal_that_resumes(bench: Any, tmp_path: Path) -> None:
    b = await bench(100, faults=["latency@evals.runs.score_responses:seconds=0.01"])
    scorer = b.scorer(batch_size=5, concurrency=2, journal=tmp_path / "j")
    for _ in range(3):
        seen = len(b.sent())
        running = asyncio.create_task(scorer.run(b.rows))
        while len(b.sent()) < seen + 4:
            assert not running.done()
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    result = await scorer.run(b.rows)
    assert result.scored == 100
    assert result.resumed > 0
    b.check_each_once()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eval_uuid", ""),
        ("batch_size", 0),
        ("batch_size", True),
        ("concurrency", 1.5),
        ("max_batch_bytes", -1),
        ("grace_period", -1),
        ("patience", "long"),
        ("on_invalid", "ignore"),
        ("on_unknown", "skip"),
    ],
)
async def test_a_senseless_argument_is_refused(bench: Any, name: str, value: object) -> None:
    b = await bench(0)
    with pytest.raises(ValueError, match=name):
        b.scorer(**{name: value})


@pytest.mark.parametrize("responses", [None, 7, {"prompt_uuid": "p"}, b"x"])
async def test_a_senseless_input_is_refused(bench: Any, responses: Any) -> None:
    b = await bench(0)
    with pytest.raises(ValueError, match="iterable of EvalResponse"):
        await b.scorer().run(responses)


async def test_a_missing_file_is_told(bench: Any, tmp_path: Path) -> None:
    b = await bench(0)
    with pytest.raises(FileNotFoundError):
        await b.scorer().run(tmp_path / "none.jsonl")


async def test_a_line_that_is_no_json_is_named(bench: Any, tmp_path: Path) -> None:
    b = await bench(2)
    file = tmp_path / "r.jsonl"
    file.write_text(f"{json.dumps(b.rows[0])}\n\n[1]\n{json.dumps(b.rows[1])}\n")
    with pytest.raises(InvalidResponseError) as caught:
        await b.scorer().run(file)
    assert caught.value.row == 3
    result = await b.scorer(on_invalid="skip").run(file)
    assert [skipped.row for skipped in result.skipped] == [3]
    assert result.scored == 2
