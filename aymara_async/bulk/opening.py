"""Before anything is sent: what the server lists of the job's runs is compared with what the journal knows.

They differ where the process was killed, and where the journal is older than the run: it was restored from a copy, has
lost its latest entries, or is new, and the run is another process's, found by its ``run_key``. What the server lists
and the journal does not know is kept for the rows of the input that it belongs to; then what was sent last may still be
on its way, so that the grace period is waited for before the last look.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import attrs

from aymara_async.bulk.calls import Calls
from aymara_async.bulk.doubt import Doubt
from aymara_async.bulk.errors import AmbiguousRunError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run
from aymara_async.bulk.reconcile import FIRST_PAUSE, LONGEST_PAUSE, SHORTEST_PAUSE, Reconciler, check_run, runs_named
from aymara_async.errors import NotFoundError
from aymara_async.journal.errors import JournalError
from aymara_async.models import EvalRunResult
from aymara_async.transport.clock import monotonic


@attrs.define(kw_only=True)
class Opening:
    """Compare, and settle what earlier sessions left in doubt."""

    calls: Calls
    journal: Journal
    reconciler: Reconciler
    run_key: str | None
    has_one_run: bool
    path: Path | None
    """Of the journal."""
    _doubts: list[Doubt] = attrs.field(factory=list[Doubt])
    _strays: int = 0

    async def open(self) -> list[Doubt]:
        """Return the batches of earlier sessions, with what the server says of them.

        Raises ``AmbiguousRunError``, ``JournalError``, ``JobFailedError``, ``BatchOutcomeUnknownError``, ``APIError``.
        """
        if self.journal.is_new and self.run_key is None:
            return []
        began = monotonic()
        self._doubts = [Doubt(sent, began, sent.run.eval_run_uuid, sent.turns) for sent in await self.journal.sent()]
        runs = await self.journal.runs()
        is_unheard_of = self.run_key is not None and not self._doubts and not any(run.eval_run_uuid for run in runs)
        self.reconciler.keeps_strays = True
        grace = self.reconciler.grace
        pause = max(SHORTEST_PAUSE, min(FIRST_PAUSE, grace / 8))
        while True:
            looked_at = monotonic()
            if await self.reconciler.attempt(self._compare, began):
                if looked_at >= began + grace or not (self._strays or is_unheard_of):
                    return self._doubts
                self.reconciler.tell(f"what earlier jobs may have sent to run {self.journal.run_name!r}")
                pause = began + grace - monotonic()
            await asyncio.sleep(pause)
            pause = min(max(SHORTEST_PAUSE, pause) * 1.6, LONGEST_PAUSE)

    async def check_name(self) -> None:
        """See that no other process has just made a run of the same key; raises ``AmbiguousRunError``."""
        if self.run_key is None:
            return
        runs = (await runs_named(self.calls, {self.run_key})).get(self.run_key, [])
        if len(runs) > 1:
            raise _ambiguous(self.run_key, runs)

    async def _compare(self) -> None:
        looked_at = monotonic()
        self._strays = 0
        for run, listed in await self._find_runs():
            doubts = [doubt for doubt in self._doubts if doubt.batch.run.id == run.id]
            for doubt in doubts:
                doubt.eval_run_uuid = run.eval_run_uuid
            if not any(doubt.turns for doubt in doubts) and await self._count(listed) == run.scored:
                continue  # where as many are listed as are known, none is unknown
            self._strays += await self.reconciler.read(listed.eval_run_uuid, doubts, run=run)
        for doubt in self._doubts:
            doubt.looked_at = doubt.read_at = looked_at

    async def _find_runs(self) -> list[tuple[Run, EvalRunResult]]:
        """Pair the journal's runs with the server's."""
        runs = await self.journal.runs()
        uuids = {run.eval_run_uuid for run in runs} - {None}
        names = {run.name for run in runs}
        ours, named = dict[str, EvalRunResult](), defaultdict[str, list[EvalRunResult]](list)
        async with aclosing(self.calls.runs()) as listed:
            async for one in listed:
                name = one.name or ""
                if name in names or (not self.has_one_run and name.startswith(f"{self.journal.run_name} ")):
                    named[name].append(one)
                if one.eval_run_uuid in uuids:
                    ours[one.eval_run_uuid] = one
        pairs: list[tuple[Run, EvalRunResult]] = []
        for run in runs:
            of_name = named.pop(run.name, [])
            if len(of_name) > 1 and (self.run_key is not None or run.eval_run_uuid is None):
                raise _ambiguous(run.name, of_name)
            if run.eval_run_uuid is not None:
                pairs.append((run, ours.get(run.eval_run_uuid) or await self._get(run, run.eval_run_uuid)))
            elif of_name:
                pairs.append((await self.journal.learn_run(run.name, of_name[0].eval_run_uuid), of_name[0]))
        for name, of_name in named.items():  # of batches that the journal has lost
            pairs += [(await self.journal.learn_run(name, one.eval_run_uuid), one) for one in of_name[:1]]
        for _, one in pairs:
            check_run(one)
        return pairs

    async def _get(self, run: Run, eval_run_uuid: str) -> EvalRunResult:
        try:
            return await self.calls.run(eval_run_uuid)
        except NotFoundError as error:
            place = "the journal" if self.path is None else f"the journal {self.path}"
            raise JournalError(
                f"Run {eval_run_uuid}, of which {place} holds {run.scored} results, is not at the server any more: it "
                "was deleted, or belongs to another workspace. Nothing was sent. To score everything in a new run, "
                "name another journal.",
                path=str(self.path or ""),
            ) from error

    async def _count(self, listed: EvalRunResult) -> int:
        if not self.has_one_run and listed.num_responses_scored is not None:
            return listed.num_responses_scored  # instead of a request for each of very many runs
        return await self.calls.count_listed(listed.eval_run_uuid)


def _ambiguous(name: str, runs: Sequence[EvalRunResult]) -> AmbiguousRunError:
    uuids = [run.eval_run_uuid for run in runs]
    return AmbiguousRunError(
        f"The server has {len(runs)} runs named {name!r}: {' and '.join(uuids)}. Nothing more is sent, since it cannot "
        "be told which of them this job goes on with. Delete all but one with evals.runs.delete, or choose another "
        "name, and let no two processes use one at the same time.",
        run_name=name,
        eval_run_uuids=uuids,
    )
