"""The last step of a job: submitted = scored = listed, or an error that says what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import attrs

from aymara_async.bulk.calls import Calls, may_answer_within
from aymara_async.bulk.errors import ScoredTwiceError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run
from aymara_async.bulk.reading import RunReader
from aymara_async.bulk.reconcile import runs_named
from aymara_async.bulk.result import BulkResult
from aymara_async.errors import APIError, IncompleteScoringError
from aymara_async.models import ScoredResponse
from aymara_async.transport.clock import monotonic

PAUSE = 0.5


@attrs.define(kw_only=True)
class Verification:
    """Compare what was submitted, what was scored, and what the server lists, for which it has the patience."""

    calls: Calls
    journal: Journal
    reader: RunReader
    result: BulkResult
    grace: float
    patience: float
    tell: Callable[[str | None], None]

    async def run(self, never_scored: Sequence[ScoredResponse], resent_at: float | None) -> None:
        """Look once, and where something was sent again, once more a grace period after that.

        A server that cannot be asked is asked again, for as long as the patience lasts. Raises
        ``IncompleteScoringError``, ``ScoredTwiceError`` and ``APIError``.
        """
        await self._until_answered(never_scored, is_whole=False)
        if resent_at is not None:
            self.tell("what was taken for lost and sent again, and may yet show")
            await asyncio.sleep(max(0.0, resent_at + self.grace - monotonic()))
            await self._until_answered(never_scored, is_whole=True)

    async def _until_answered(self, never_scored: Sequence[ScoredResponse], *, is_whole: bool) -> None:
        end = monotonic() + self.patience
        while True:
            try:
                await self._verify(never_scored, is_whole=is_whole)
            except APIError as error:
                if not may_answer_within(self.patience, error) or monotonic() >= end:
                    raise
                self.tell(f"the server, which cannot tell what it has ({error.message.rstrip('.')})")
                await asyncio.sleep(min(PAUSE, self.patience))
            else:
                self.tell(None)
                return

    async def _verify(self, never_scored: Sequence[ScoredResponse], *, is_whole: bool) -> None:
        runs = await self.journal.runs()
        known, result = [run for run in runs if run.eval_run_uuid is not None], self.result
        used = [run for run in known if run.scored] or known
        result.eval_run_uuids[:] = [str(run.eval_run_uuid) for run in used]
        if result.submitted != result.scored + len(result.failed) + len(result.unscored):
            raise IncompleteScoringError(
                f"Of {result.submitted} responses {result.scored} were scored, {len(result.failed)} rejected and "
                f"{len(result.unscored)} left without a score, which leaves some unaccounted for. Run the job again "
                "with the same journal.",
                eval_run_uuids=result.eval_run_uuids,
                missing=[],
            )
        if not used:
            return
        counted = await self._count_by_run(runs)
        unscored = {scored.response_uuid for scored in never_scored}
        end = monotonic() + self.patience
        for run in await self.journal.runs():
            uuid = run.eval_run_uuid
            if uuid is None:
                continue  # nothing that was sent to it was done
            if len(runs) > 1 and not is_whole and counted.get(uuid) == run.scored:
                continue  # the server says so itself, with 100 runs in one request
            while is_whole or await self.calls.count_listed(uuid) != run.scored:
                missing, too_many = await self._compare(run, uuid)
                too_many = [(response, prompt) for response, prompt in too_many if response not in unscored]
                if too_many:
                    raise self._scored_twice([uuid], [prompt for _, prompt in too_many])
                if not missing:
                    break
                if monotonic() >= end:
                    raise _not_listed(run, uuid, missing)
                self.tell(f"run {uuid} to list what it has scored ({len(missing)} responses are missing)")
                await asyncio.sleep(min(PAUSE, self.grace))

    async def _count_by_run(self, runs: Sequence[Run]) -> dict[str, int | None]:
        """Ask which runs there are; one too many of a name is a batch that was done twice.

        One that was not heard of may hold what was taken for lost, and sent again in another.
        """
        uuids = {run.name: run.eval_run_uuid for run in runs}
        counted: dict[str, int | None] = {}
        for name, of_name in (await runs_named(self.calls, uuids)).items():
            known = uuids[name] or (await self.journal.learn_run(name, of_name[0].eval_run_uuid)).eval_run_uuid
            others = [run.eval_run_uuid for run in of_name if run.eval_run_uuid != known]
            if others:
                raise self._scored_twice([*others, str(known)], [])
            counted |= {run.eval_run_uuid: run.num_responses_scored for run in of_name}
        return counted

    async def _compare(self, run: Run, eval_run_uuid: str) -> tuple[list[str], list[tuple[str, str]]]:
        async for _ in self.reader.read(eval_run_uuid):
            pass
        return await self.journal.compare_listed(run)

    def _scored_twice(self, eval_run_uuids: list[str], prompt_uuids: list[str]) -> ScoredTwiceError:
        where = " and ".join(eval_run_uuids)
        what = f"{len(prompt_uuids)} responses too many" if prompt_uuids else "the same batch more than once"
        resent = {one.prompt_uuid for one in self.result.resent}
        if resent and resent.issuperset(prompt_uuids):
            why = (
                f"it showed what it had scored later than {self.grace:g} s after it was sent, when it had been sent "
                "again. With a longer grace_period that does not happen"
            )
        else:
            why = (
                "this job has sent none of them again in this session, so an earlier session or another job sent them "
                "too, or the server scored one request twice. Let no two jobs use one run"
            )
        return ScoredTwiceError(
            f"The server lists {what} in {where}: {why}. Every response has its result, but some were scored twice. "
            "Delete what is too many before you report on it.",
            eval_run_uuids=eval_run_uuids,
            prompt_uuids=prompt_uuids,
        )


def _not_listed(run: Run, eval_run_uuid: str, missing: list[str]) -> IncompleteScoringError:
    return IncompleteScoringError(
        f"Run {eval_run_uuid} does not list {len(missing)} of the {run.scored} responses that the server scored, "
        f"the first of them to prompt {missing[0]}. Their results were yielded; report it with the run.",
        eval_run_uuids=[eval_run_uuid],
        missing=missing,
    )
