"""The last step of a job: submitted = scored = listed, or an error that says what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from time import monotonic

from aymara_async.bulk.calls import Calls
from aymara_async.bulk.errors import ScoredTwiceError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run
from aymara_async.bulk.outcomes import is_passing
from aymara_async.bulk.result import BulkResult
from aymara_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    IncompleteScoringError,
    PaginationError,
)

PAUSE = 0.5


async def verify(calls: Calls, journal: Journal, result: BulkResult, *, grace: float, patience: float) -> None:
    """Compare what was submitted, what was scored, and what the server lists; it may take the grace period to list it.

    A server that cannot be asked is asked again, for as long as the patience lasts. Raises ``IncompleteScoringError``,
    ``ScoredTwiceError`` and ``APIError``.
    """
    end = monotonic() + patience
    while True:
        try:
            await _verify(calls, journal, result, grace=grace)
        except (APIConnectionError, APIStatusError, APIResponseValidationError, PaginationError) as error:
            if not is_passing(error) or monotonic() >= end:
                raise
            await asyncio.sleep(min(PAUSE, patience))
        else:
            return


async def _verify(calls: Calls, journal: Journal, result: BulkResult, *, grace: float) -> None:
    runs = await journal.runs()
    uuids = [run.eval_run_uuid for run in runs if run.eval_run_uuid is not None]
    result.eval_run_uuids[:] = uuids
    if result.submitted != result.scored + len(result.failed):
        raise IncompleteScoringError(
            f"Of {result.submitted} responses {result.scored} were scored and {len(result.failed)} rejected, which "
            "leaves some unaccounted for. Run the job again with the same journal.",
            eval_run_uuids=uuids,
            missing=[],
        )
    if not runs:
        return
    scored = await _scored_by_run(calls, runs)
    end = monotonic() + grace
    for run, uuid in zip(runs, uuids, strict=True):
        if len(runs) > 1 and scored.get(uuid) == run.scored:
            continue  # the server says so itself, with 100 runs in one request
        while await calls.count_listed(uuid) != run.scored:
            missing, too_many = await _compare(calls, journal, run, uuid)
            if too_many:
                raise _scored_twice([uuid], too_many)
            if not missing:
                break
            if monotonic() >= end:
                raise IncompleteScoringError(
                    f"Run {uuid} does not list {len(missing)} of the {run.scored} responses that the server scored, "
                    f"the first of them to prompt {missing[0]}. Their results were yielded; report it with the run.",
                    eval_run_uuids=[uuid],
                    missing=missing,
                )
            await asyncio.sleep(min(PAUSE, grace))


async def _scored_by_run(calls: Calls, runs: Sequence[Run]) -> dict[str, int | None]:
    """Ask which runs there are; one too many of a name is a batch that was done twice."""
    uuids = {run.name: run.eval_run_uuid for run in runs}
    scored: dict[str, int | None] = {}
    async with aclosing(calls.runs()) as listed:
        async for run in listed:
            if run.name in uuids:
                scored[run.eval_run_uuid] = run.num_responses_scored
                if run.eval_run_uuid != uuids[run.name]:
                    raise _scored_twice([run.eval_run_uuid, str(uuids[run.name])], [])
    return scored


async def _compare(calls: Calls, journal: Journal, run: Run, eval_run_uuid: str) -> tuple[list[str], list[str]]:
    try:
        async with aclosing(calls.listed(eval_run_uuid)) as pages:
            async for page in pages:
                await journal.add_listed(page)
    except PaginationError:
        return (await journal.compare_listed(run))[0], []
    return await journal.compare_listed(run)


def _scored_twice(eval_run_uuids: list[str], prompt_uuids: list[str]) -> ScoredTwiceError:
    where = " and ".join(eval_run_uuids)
    what = f"{len(prompt_uuids)} responses too many" if prompt_uuids else "the same batch more than once"
    return ScoredTwiceError(
        f"The server lists {what} in {where}: it still worked on a batch that it had not listed within the "
        "grace period, and that was sent again. Every response has its result, but some were scored twice. Delete "
        "what is too many before you report on it; with a longer grace_period it will not happen again.",
        eval_run_uuids=eval_run_uuids,
        prompt_uuids=prompt_uuids,
    )
