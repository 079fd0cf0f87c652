"""Finding out what became of batches that were sent without an answer, before anything is sent again.

What the server is asked, and what follows:

===================================================  ===========================================================
what it says                                         then
===================================================  ===========================================================
no run of the batch's name, or the run does not      asked again, until its list was read whole after the grace
list the response                                    period; then it is missing: sent again, or an error
the run lists the response, but it may be another's  asked again, until that batch has its answer
of a batch that is under way
the run lists the response without a score           asked again for as long as there is patience, while the job
                                                     goes on; then it is named as unscored
the run lists the response with its score            its result, as if the answer had come
two runs have the name; nothing tells which of two   ``BatchOutcomeUnknownError``
turns is listed; nothing can be asked any more
the run has failed, or is no more                    the job ends
===================================================  ===========================================================

A look serves every batch that is in doubt at the time. Most servers list last what they scored last: a look begins
where the journal knows of results, and only reads the whole list if not all was found there. Such readings take at most
a fifth of the time, but nothing is missing before one of them began after the grace period.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Container, Sequence
from contextlib import aclosing, suppress

import attrs

from aymara_async.bulk.calls import Calls, may_answer_within
from aymara_async.bulk.doubt import Doubt, unknown
from aymara_async.bulk.errors import BatchOutcomeUnknownError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run
from aymara_async.bulk.matching import Matching, match
from aymara_async.bulk.reading import RunReader
from aymara_async.errors import APIError, JobFailedError
from aymara_async.models import EvalRunResult, ScoredResponse
from aymara_async.transport.clock import monotonic

SHORTEST_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.2, 5.0
REST = 4
"""So many times as long as it took to read a whole run, nobody reads one again unless the grace period is over."""


@attrs.define(kw_only=True)
class Reconciler:
    """Look for batches at the server."""

    calls: Calls
    journal: Journal
    grace: float
    patience: float
    tell: Callable[[str | None], None]
    """Called with what is waited for, and with None when that is over."""
    reader: RunReader = attrs.field(init=False)
    keeps_strays: bool = False
    """Whether what a run lists, and the journal does not know, is kept for rows that are still to come."""
    _doubts: list[Doubt] = attrs.field(factory=list[Doubt])
    _looking: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _rests_until: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.reader = RunReader(calls=self.calls, journal=self.journal)

    @property
    def in_doubt(self) -> int:
        """How many responses are being looked for."""
        return sum(len(doubt.turns) for doubt in self._doubts)

    async def settle(self, doubt: Doubt) -> None:
        """Look until each response of the batch is found, missing or unscored; what is found is in the journal then.

        Raises ``BatchOutcomeUnknownError``, ``JobFailedError`` and ``APIError``.
        """
        await self._watch(doubt, lambda: self._is_settled(doubt))

    def _is_settled(self, doubt: Doubt) -> bool:
        if not doubt.missing:
            return True
        if doubt.read_at < doubt.since + self.grace:
            return False
        if doubt.ambiguity is not None:
            raise unknown(doubt, doubt.ambiguity)
        if doubt.contested and doubt.read_at >= doubt.since + self.patience:
            raise unknown(
                doubt, f"what is listed may be another batch's, which has no answer after {self.patience:g} s"
            )
        return not doubt.contested

    async def await_scores(self, doubt: Doubt, patience: float) -> bool:
        """Look until some that had no score have one, or none of them has for so long; tell whether that is over."""
        before = len(doubt.found)
        is_over = False

        def has_changed() -> bool:
            nonlocal is_over
            is_over = not doubt.unscored or doubt.looked_at >= doubt.since + patience
            return is_over or len(doubt.found) > before

        await self._watch(doubt, has_changed)
        return is_over

    async def _watch(self, doubt: Doubt, is_over: Callable[[], bool]) -> None:
        self._doubts.append(doubt)
        pause = max(SHORTEST_PAUSE, min(FIRST_PAUSE, self.grace / 8))
        try:
            while True:
                asked = monotonic()
                async with self._looking:  # what is over must not be part of a look any more
                    if doubt.looked_at >= 0 and is_over():
                        return
                    if doubt.looked_at < asked:
                        await self.attempt(self._look, min(one.since for one in self._doubts))
                    if is_over():
                        return
                left = doubt.since + self.grace - monotonic()
                await asyncio.sleep(pause if left <= 0 else min(pause, left))
                pause = min(pause * 1.6, LONGEST_PAUSE)
        finally:
            self._doubts.remove(doubt)

    async def attempt(self, look: Callable[[], Awaitable[None]], since: float) -> bool:
        """Look, or find that the server cannot be asked at the moment; raises where it cannot be asked at all."""
        try:
            await look()
        except APIError as error:
            if isinstance(error, BatchOutcomeUnknownError):
                raise
            if may_answer_within(self.patience, error) and monotonic() - since <= self.patience:
                self.tell(f"the server, which cannot tell what it has ({error.message.rstrip('.')})")
                return False
            if not self._doubts:
                raise
            oldest = min(self._doubts, key=lambda doubt: doubt.since)
            raise unknown(oldest, f"the server cannot be asked ({error.message.rstrip('.')})") from error
        self.tell(None)
        return True

    async def _look(self) -> None:
        began = monotonic()
        doubts = list(self._doubts)
        await self._find_runs([doubt for doubt in doubts if doubt.eval_run_uuid is None])
        by_run = defaultdict[str, list[Doubt]](list)
        for doubt in doubts:
            if doubt.eval_run_uuid is None:
                doubt.looked_at = doubt.read_at = began
            else:
                by_run[doubt.eval_run_uuid].append(doubt)
        for eval_run_uuid, of_run in by_run.items():
            await self._look_into(eval_run_uuid, of_run, began)

    async def _find_runs(self, doubts: Sequence[Doubt]) -> None:
        if not doubts:
            return
        named = await runs_named(self.calls, {doubt.batch.run.name for doubt in doubts})
        for doubt in doubts:
            uuids = [run.eval_run_uuid for run in named.get(doubt.batch.run.name, ())]
            if len(uuids) > 1:
                raise unknown(
                    doubt,
                    f"the server has {len(uuids)} runs of its name, so it was scored more than once; keep one of them",
                    uuids,
                )
            doubt.eval_run_uuid = uuids[0] if uuids else None

    async def _look_into(self, eval_run_uuid: str, doubts: Sequence[Doubt], began: float) -> None:
        offset = await self.journal.already([doubt.batch for doubt in doubts])
        if offset:
            await self.read(eval_run_uuid, doubts, offset=offset)
        is_due = any(doubt.read_at < doubt.since + self.grace <= began for doubt in doubts)
        if not offset or is_due or (began >= self._rests_until and any(doubt.turns for doubt in doubts)):
            await self.read(eval_run_uuid, doubts)
            self._rests_until = monotonic() + REST * (monotonic() - began)
            for doubt in doubts:
                doubt.read_at = began
        for doubt in doubts:
            doubt.looked_at = began
        if any(doubt.unscored for doubt in doubts):
            with suppress(APIError):  # the next look asks again
                check_run(await self.calls.run(eval_run_uuid))

    async def read(
        self, eval_run_uuid: str, doubts: Sequence[Doubt], *, offset: int = 0, run: Run | None = None
    ) -> int:
        """Give what the run lists to the batches that it belongs to, and note it; return how much is of none.

        From an offset on, where the list may not be whole, what is not there does not count.
        """
        run = run or doubts[0].batch.run
        turns = {turn.id: turn for doubt in doubts for turn in doubt.turns}
        wanted = {turn.prompt_uuid for turn in turns.values()}
        kept: list[ScoredResponse] = []
        strays = 0
        if self.keeps_strays:
            await self.journal.forget_strays(run)
        async with aclosing(self.reader.read(eval_run_uuid, offset=offset)) as parts:
            async for part in parts:
                kept += [scored for scored in part if scored.prompt_uuid in wanted]
                strays += await self._keep(run, [scored for scored in part if scored.prompt_uuid not in wanted])
        # At last, since what is answered meanwhile is still under way then, or taken.
        contenders, taken = await self.journal.contenders([scored.prompt_uuid for scored in kept], run)
        matching = match(
            (turns | {turn.id: turn for turn in contenders}).values(),
            [scored for scored in kept if scored.response_uuid not in taken],
        )
        strays += await self._keep(run, matching.rest)
        for doubt in doubts:
            await self._apply(matching, doubt, turns.keys(), eval_run_uuid, is_whole=not offset)
        return strays

    async def _keep(self, run: Run, strays: Sequence[ScoredResponse]) -> int:
        if self.keeps_strays and strays:
            await self.journal.keep_strays(run, strays)
        return len(strays)

    async def _apply(
        self, matching: Matching, doubt: Doubt, looked_for: Collection[int], eval_run_uuid: str, *, is_whole: bool
    ) -> None:
        mine = {turn.id for turn in doubt.turns}
        listed = [(turn, scored) for turn, scored in matching.found if turn.id in mine]
        done = [(turn, scored) for turn, scored in listed if turn.is_done(scored)]
        if done:
            await self.journal.record(doubt.batch, eval_run_uuid, done)
        doubt.found += done
        known = {turn.id for turn, _ in listed}
        left = {turn.id for turn in doubt.turns} - {turn.id for turn, _ in done}
        doubt.unscored = {turn: scored for turn, scored in doubt.unscored.items() if turn.id in left}
        doubt.unscored |= {turn: scored for turn, scored in listed if not turn.is_done(scored)}
        doubt.missing = [turn for turn in doubt.missing if turn.id not in known]
        if not is_whole:
            return
        undecided = [group for group in matching.undecided if any(turn.id in mine for turn in group)]
        # One of a batch under way is told from them when that is answered.
        hopeless = [group for group in undecided if all(turn.id in looked_for for turn in group)]
        doubt.contested = sum(turn.id in mine for group in undecided for turn in group)
        doubt.ambiguity = None
        if hopeless:
            prompt_uuid, turns = hopeless[0][0].prompt_uuid, len(hopeless[0])
            doubt.ambiguity = f"what is listed to prompt {prompt_uuid} may be one of {turns} that were sent"


async def runs_named(calls: Calls, names: Container[str | None]) -> dict[str, list[EvalRunResult]]:
    """List the eval's runs of these names."""
    named = defaultdict[str, list[EvalRunResult]](list)
    async with aclosing(calls.runs()) as runs:
        async for run in runs:
            if run.name is not None and run.name in names:
                named[run.name].append(run)
    return named


def check_run(run: EvalRunResult) -> None:
    """Raise ``JobFailedError`` where the server reports the run as failed."""
    if run.status == "failed":
        raise JobFailedError(
            f"The server reports run {run.eval_run_uuid} as failed. What was scored before is in the journal, "
            "if there is one; nothing more was sent. Start anew, in another run and with another journal.",
            uuid=run.eval_run_uuid,
            status=run.status,
            resource=run,
        )
