"""Exactly once on servers that the contract allows and the plain sandbox is not."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aymara_async import AymaraAIError, IncompleteScoringError, JobFailedError, RetryPolicy
from aymara_async.bulk.errors import AmbiguousRunError, BatchOutcomeUnknownError, InvalidResponseError, ScoredTwiceError
from aymara_async.journal.errors import JournalError
from aymara_async.sandbox.shape import Shape
from aymara_async.transport.body import JSONBody
from aymara_async.transport.session import Request, SessionManager

SCORE, LIST, RESPONSES = "evals.runs.score_responses", "evals.runs.list", "evals.runs.list_responses"
LOSSES = [
    {"kind": "reset", "processed": True, "operation": SCORE, "probability": 0.15},
    {"kind": "reset", "operation": SCORE, "probability": 0.1},
    {"kind": "error", "status": 524, "processed": True, "operation": SCORE, "probability": 0.1},
]
NOTHING = ("content", "content_type", "exclude_from_scoring", "ai_refused", "thread_uuid")


async def unreliable(bench: Any, prompts: int, **shape: Any) -> Any:
    """Start a server of that shape that loses a third of its answers."""
    b = await bench(prompts, shape=shape, seed=shape.get("seed", 0))
    for loss in LOSSES:
        b.sandbox.add_fault(loss)
    return b


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("order", ["reversed", "prompt", "shuffled", "drawn"])
async def test_a_list_in_any_order(bench: Any, order: str, seed: int) -> None:
    b = await unreliable(bench, 400, order=order, seed=seed)
    result = await b.scorer(batch_size=10).run(b.rows)
    assert (result.submitted, result.scored, result.failed, result.unscored) == (400, 400, [], [])
    assert result.reconciled > 0
    b.check_each_once()


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_a_server_that_repeats_nothing_of_what_was_sent(bench: Any, run_per_batch: bool, tmp_path: Path) -> None:
    b = await unreliable(bench, 120, order="shuffled", omits=NOTHING)
    rows = [dict(row) for row in b.rows]
    for row in rows[::3]:
        row["exclude_from_scoring"] = True
    for row in rows[1::3]:
        row.update(content=None, ai_refused=True, content_type="image")
    scorer = b.scorer(batch_size=10, run_per_batch=run_per_batch, journal=tmp_path / "j")
    result = await scorer.run(rows)
    assert (result.scored, result.unscored) == (120, [])
    assert (await scorer.run(rows)).resumed == 120
    b.check_each_once()


async def test_threads_of_one_prompt_are_told_apart_by_any_one_thing(bench: Any) -> None:
    for omits in (("content", "content_type"), ("thread_uuid",)):
        b = await unreliable(bench, 3, omits=omits, order="drawn")
        rows = [
            {"prompt_uuid": prompt, "thread_uuid": f"t{thread}", "content": f"{prompt} {thread}"}
            for thread in range(12)
            for prompt in b.prompts
        ]
        scored = [one async for one in b.scorer(batch_size=4).score(rows)]
        assert len({one.response_uuid for one in scored}) == 36
        assert set(b.sandbox.scored.values()) == {1}


async def test_what_is_never_scored_is_named_and_all_others_are_scored(bench: Any, tmp_path: Path) -> None:
    b = await unreliable(bench, 200, unscored=0.1, order="shuffled")
    never = [row for row, prompt in enumerate(b.prompts, 1) if b.sandbox.shape.leaves_unscored(prompt)]
    assert 5 < len(never) < 40
    scorer = b.scorer(batch_size=10, patience=1.0, journal=tmp_path / "j")
    for resumed in (0, 200 - len(never)):
        result = await scorer.run(b.rows)
        assert result.resumed == resumed
        assert (result.submitted, result.scored) == (200, 200 - len(never))
        assert sorted(one.row for one in result.unscored) == never
        b.check_each_once()


async def test_what_is_scored_late_is_taken_when_it_comes(bench: Any) -> None:
    b = await bench(100, faults=LOSSES[:1])
    b.sandbox.shape = {"lag": 0.15, "work": 0.05}
    result = await b.scorer(batch_size=10, grace_period=0.4).run(b.rows)
    assert (result.scored, result.resent) == (100, [])
    b.check_each_once()


async def test_what_shows_later_than_the_grace_period_is_told_with_its_cause(bench: Any) -> None:
    b = await bench(40)
    b.sandbox.shape = {"lag": 0.45}
    b.sandbox.add_fault(f"reset@{SCORE}:calls=3,processed=true")
    stream = b.scorer(batch_size=10, concurrency=1, grace_period=0.3).score(b.rows)
    with pytest.raises(ScoredTwiceError, match=r"later than 0\.3 s after it was sent") as caught:
        async for _ in stream:
            pass
    result = stream.result
    twice = sorted(prompt for prompt, times in b.scored().items() if times == 2)
    assert sorted(caught.value.prompt_uuids) == sorted(one.prompt_uuid for one in result.resent) == twice
    assert [one.row for one in result.resent] == list(range(21, 31))
    assert result.scored == 40


@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_what_a_session_that_was_killed_has_sent_again_is_told_by_the_next(
    bench: Any, run_per_batch: bool, tmp_path: Path
) -> None:
    b = await bench(20)
    b.sandbox.shape = {"lag": 3600}
    b.sandbox.add_fault(f"reset@{SCORE}:calls=2,processed=true")
    arguments = {"journal": tmp_path / "j", "run_per_batch": run_per_batch, "batch_size": 10, "concurrency": 1}
    with pytest.raises(BatchOutcomeUnknownError):
        await b.scorer(**arguments, grace_period=0.05, on_unknown="raise").run(b.rows)
    async with b.scorer(**arguments, grace_period=0.05).score(b.rows) as stream:
        async for _ in stream:
            if stream.result.scored == 20:
                break  # before it looks once more
    b.sandbox.shape = {}
    with pytest.raises(ScoredTwiceError) as caught:
        await b.scorer(**arguments).run(b.rows)
    twice = {prompt for prompt, times in b.scored().items() if times > 1}
    assert (len(twice), set(caught.value.prompt_uuids)) == (10, twice)


Damage = Callable[[Path, Path], None]


def cut(journal: Path, backup: Path) -> None:
    log = journal.with_name(f"{journal.name}-wal")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 3])


def flip(journal: Path, backup: Path) -> None:
    log = journal.with_name(f"{journal.name}-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 4] ^= 0xFF
    log.write_bytes(bytes(content))


def lose(journal: Path, backup: Path) -> None:
    journal.with_name(f"{journal.name}-wal").unlink()


def restore(journal: Path, backup: Path) -> None:
    for file in backup.iterdir():
        shutil.copy(file, journal.parent)


@pytest.mark.parametrize("damage", [cut, flip, lose, restore])
@pytest.mark.parametrize("run_per_batch", [False, True], ids=["one run", "run per batch"])
async def test_a_journal_that_has_lost_its_latest_entries(
    bench: Any, damage: Damage, run_per_batch: bool, tmp_path: Path
) -> None:
    b = await bench(200)
    journal = tmp_path / "at work" / "j"
    copy, backup = tmp_path / "left behind", tmp_path / "backup"
    journal.parent.mkdir()
    backup.mkdir()
    arguments = {"batch_size": 10, "concurrency": 2, "run_per_batch": run_per_batch}
    async with b.scorer(journal=journal, **arguments).score(b.rows) as stream:
        async for _ in stream:
            if stream.result.scored >= 30 and not any(backup.iterdir()):
                for file in journal.parent.iterdir():
                    shutil.copy(file, backup)
            if stream.result.scored >= 150:
                shutil.copytree(journal.parent, copy)  # what a kill leaves behind
                break
    damage(copy / "j", backup)
    before = len(b.sent())
    result = await b.scorer(journal=copy / "j", **arguments).run(b.rows)
    assert (result.scored, result.resent) == (200, [])
    assert result.reconciled > 0, "the server had more than the journal knew"
    assert len(b.sent()) - before <= 7
    b.check_each_once()


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_a_journal_that_is_deleted_while_it_is_used_ends_the_job(bench: Any, suffix: str, tmp_path: Path) -> None:
    b = await bench(200)
    with pytest.raises(JournalError, match="was deleted or replaced") as caught:
        async with b.scorer(journal=tmp_path / "j", batch_size=10, concurrency=2).score(b.rows) as stream:
            async for _ in stream:
                (tmp_path / f"j{suffix}").unlink(missing_ok=True)
    (run,) = (await b.client.evals.runs.list(eval_uuid=b.eval_uuid)).items
    assert repr(run.name) in str(caught.value)
    result = await b.scorer(run_key=run.name).run(b.rows)
    assert (result.scored, len(result.eval_run_uuids)) == (200, 1)
    b.check_each_once()


async def stop_at(b: Any, count: int, **arguments: Any) -> None:
    """Begin a job, and leave it when so many are scored."""
    async with b.scorer(batch_size=10, **arguments).score(b.rows) as stream:
        async for _ in stream:
            if stream.result.scored >= count:
                break


@pytest.mark.parametrize("order", ["made", "drawn"])
async def test_another_process_goes_on_with_the_run_of_the_key(bench: Any, order: str) -> None:
    b = await unreliable(bench, 200, order=order)
    await stop_at(b, 100, run_key="nightly 2026-11-27")
    result = await b.scorer(batch_size=10, run_key="nightly 2026-11-27").run(b.rows)
    assert (result.submitted, result.scored) == (200, 200)
    assert result.reconciled >= 100
    b.check_each_once()
    (run,) = (await b.client.evals.runs.list(eval_uuid=b.eval_uuid)).items
    assert (run.name, [run.eval_run_uuid]) == ("nightly 2026-11-27", result.eval_run_uuids)
    again = await b.scorer(run_key="nightly 2026-11-27").run(b.rows)
    assert (again.scored, again.pass_rate) == (200, result.pass_rate)
    b.check_each_once()


async def test_a_run_that_shows_late_is_waited_for(bench: Any) -> None:
    b = await bench(60)
    b.sandbox.shape = {"lag": 0.3, "work": 0.1}
    first = asyncio.create_task(b.scorer(batch_size=10, run_key="k", grace_period=0.0).run(b.rows))
    while not b.sent():
        await asyncio.sleep(0)
    first.cancel()  # as a process is killed while the server works on its first batch
    await asyncio.gather(first, return_exceptions=True)
    result = await b.scorer(batch_size=10, run_key="k", grace_period=0.8).run(b.rows)
    assert (result.scored, len(result.eval_run_uuids)) == (60, 1)
    b.check_each_once()


async def test_two_runs_of_the_key_are_an_error_that_names_both(bench: Any) -> None:
    b = await bench(20)
    made = [
        await b.client.evals.runs.score_responses(eval_uuid=b.eval_uuid, name="k", responses=[row])
        for row in b.rows[:2]
    ]
    with pytest.raises(AmbiguousRunError) as caught:
        await b.scorer(run_key="k").run(b.rows)
    assert sorted(caught.value.eval_run_uuids) == sorted(run.eval_run_uuid for run in made)
    assert all(run.eval_run_uuid in str(caught.value) for run in made)
    assert len(b.sent()) == 2


async def test_two_processes_that_make_the_run_at_once_are_told_before_more_is_sent(bench: Any) -> None:
    b = await bench(40)
    b.sandbox.shape = Shape(work=1.0)  # so that both have looked before either run is there
    jobs = [b.scorer(batch_size=5, concurrency=1, run_key="k").run(b.rows) for _ in range(2)]
    errors = await asyncio.gather(*jobs, return_exceptions=True)
    assert any(isinstance(error, AmbiguousRunError) for error in errors)
    assert len(b.sent()) < 16


async def test_a_changed_answer_is_not_taken_for_the_one_that_was_scored(bench: Any) -> None:
    b = await bench(20)
    await b.scorer(run_key="k").run(b.rows)
    changed = [{**row, "content": "something else"} if n == 3 else row for n, row in enumerate(b.rows)]
    with pytest.raises(InvalidResponseError, match="says something else") as caught:
        await b.scorer(run_key="k").run(changed)
    assert (caught.value.row, caught.value.is_changed) == (4, True)
    b.check_each_once()


async def test_rows_of_one_prompt_are_adopted_by_what_they_say(bench: Any) -> None:
    b = await bench(2, shape={"omits": ("thread_uuid",), "order": "reversed"})
    rows = [
        {"prompt_uuid": prompt, "thread_uuid": f"t{thread}", "content": f"{prompt} {thread}"}
        for thread in range(5)
        for prompt in b.prompts
    ]
    await b.scorer(batch_size=2, run_key="k").run(rows[6:])
    result = await b.scorer(batch_size=1, run_key="k").run(iter(rows))
    assert (result.scored, result.reconciled) == (10, 4)
    assert set(b.sandbox.scored.values()) == {1}


async def test_a_key_leaves_no_room_for_other_names(bench: Any) -> None:
    b = await bench(1)
    for other in ({"run_per_batch": True}, {"run_name": "x"}):
        with pytest.raises(ValueError, match="makes no sense beside it"):
            b.scorer(run_key="k", **other)


async def test_a_deleted_run_is_told_with_a_word_on_the_journal(bench: Any, tmp_path: Path) -> None:
    b = await bench(60)
    await stop_at(b, 20, journal=tmp_path / "j", concurrency=1)
    (run,) = (await b.client.evals.runs.list(eval_uuid=b.eval_uuid)).items
    await b.client.evals.runs.delete(run.eval_run_uuid)
    before = len(b.sent())
    with pytest.raises(JournalError, match="is not at the server any more") as caught:
        await b.scorer(journal=tmp_path / "j").run(b.rows)
    assert run.eval_run_uuid in str(caught.value)
    assert str(tmp_path / "j") in str(caught.value)
    assert len(b.sent()) == before


async def test_a_run_that_failed_is_told_at_once(bench: Any, tmp_path: Path) -> None:
    b = await bench(60, faults=[f"fail@{SCORE}:calls=1"])
    for _ in range(2):
        with pytest.raises(JobFailedError, match="with another journal"):
            await b.scorer(journal=tmp_path / "j", batch_size=10, patience=60).run(b.rows)
    assert len(b.sent()) == 1


async def test_a_list_call_that_is_to_wait_longer_than_the_patience_ends_the_job(bench: Any) -> None:
    told = []
    b = await bench(60, faults=[f"reset@{SCORE}:calls=1,processed=true", f"error@{LIST}:status=429,retry_after=500"])
    with pytest.raises(AymaraAIError, match="500 s"):
        await b.scorer(batch_size=10, patience=5, progress=told.append).run(b.rows)
    assert not any(one.waits_for and "cannot tell" in one.waits_for for one in told), "it ends instead of waiting"
    assert len(b.sent(LIST)) == 1


async def test_what_the_server_never_takes_leaves_all_others_scored(bench: Any) -> None:
    b = await bench(60)
    never = b.prompts[7]
    attempt = SessionManager._attempt

    async def without_one(self: SessionManager, request: Request, *args: Any) -> Any:
        """Play a server that passes over one response."""
        if isinstance(request.body, JSONBody) and "score-responses" in request.url:
            body = msgspec.json.decode(request.body.content)
            others = [one for one in body["responses"] if one["prompt_uuid"] != never]
            request.body = JSONBody(msgspec.json.encode({**body, "responses": others or body["responses"][:0]}))
            if not others:
                run = (await b.client.evals.runs.list(eval_uuid=b.eval_uuid)).items[0]
                request.url = request.url.replace("-/score-responses", run.eval_run_uuid)
                request.method, request.body = "GET", None
        return await attempt(self, request, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SessionManager, "_attempt", without_one)
        stream = b.scorer(batch_size=10, concurrency=1, grace_period=0.05).score(b.rows)
        with pytest.raises(IncompleteScoringError, match="answered 3 times without taking 1 responses") as caught:
            async for _ in stream:
                pass
    assert caught.value.missing == [never]
    assert stream.result.scored == 59
    assert set(b.scored().values()) == {1}


async def test_a_corrected_response_is_no_surprise(bench: Any, tmp_path: Path) -> None:
    b = await bench(30)
    await b.scorer(journal=tmp_path / "j", batch_size=10).run(b.rows[:20])
    (run,) = (await b.client.evals.runs.list(eval_uuid=b.eval_uuid)).items
    first = (await b.client.evals.runs.list_responses(run.eval_run_uuid)).items[0]
    await b.client.evals.runs.update_response(
        first.response_uuid, eval_run_uuid=run.eval_run_uuid, is_passed=False, explanation="by hand"
    )
    result = await b.scorer(journal=tmp_path / "j", batch_size=10).run(b.rows)
    assert (result.scored, result.resumed) == (30, 20)
    b.check_each_once()


async def test_errors_of_proxies_are_lived_with(bench: Any) -> None:
    b = await bench(200)
    for status in (520, 524, 529, 507):
        b.sandbox.add_fault(
            {"kind": "error", "status": status, "operation": "*", "probability": 0.03, "processed": True}
        )
    client = b.client.with_options(retry=RetryPolicy(max_retries=1, initial_wait=0))
    result = await b.scorer(client=client, batch_size=5).run(b.rows)
    assert result.scored == 200
    assert Counter(b.scored().values()) == {1: 200}
