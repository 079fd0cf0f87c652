"""Finding out what became of batches that were sent without an answer, before anything is sent again.

What the server is asked, and what follows:

===================================================  ===========================================================
what it says                                         then
===================================================  ===========================================================
no run of the batch's name, or the run does not      asked again, until the grace period after the loss is over;
list the response                                    then the response is missing: sent again, or an error
the run lists the response without a score, or one   asked again, as long as there is patience
that may be another batch's that is under way
the run lists the response with its score            its result, as if the answer had come
two runs have the name; a listed response fits two   ``BatchOutcomeUnknownError``
that were sent; nothing can be asked any more
===================================================  ===========================================================

A look serves every batch that is in doubt at the time. It reads a run from where the batches can be at the earliest, if
the run is listed in the order of scoring, else from its beginning.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from time import monotonic

import attrs

from aymara_async.bulk.calls import Calls
from aymara_async.bulk.doubt import Doubt, unknown
from aymara_async.bulk.errors import BatchOutcomeUnknownError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run, SentBatch
from aymara_async.bulk.matching import Claims, UndecidableError, is_scored
from aymara_async.bulk.outcomes import is_passing
from aymara_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    PaginationError,
)
from aymara_async.models import ScoredResponse

SHORTEST_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.2, 5.0
ENOUGH = 5
"""So many responses show in which order a run is listed."""


@attrs.define(kw_only=True)
class Reconciler:
    """Look for batches at the server."""

    calls: Calls
    journal: Journal
    grace: float
    patience: float
    _doubts: list[Doubt] = attrs.field(factory=list)
    _looking: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _is_in_order: dict[str, bool] = attrs.field(factory=dict)
    """By run: whether it is listed in the order of scoring."""

    @property
    def in_doubt(self) -> int:
        """How many responses are being looked for."""
        return sum(len(doubt.missing) for doubt in self._doubts)

    async def settle(self, batch: SentBatch, eval_run_uuid: str | None) -> Doubt:
        """Look until each response of the batch is found or missing; what is found is in the journal then.

        Raises ``BatchOutcomeUnknownError`` and ``APIError``.
        """
        doubt = Doubt(batch, monotonic(), eval_run_uuid, batch.turns)
        self._doubts.append(doubt)
        pause = max(SHORTEST_PAUSE, min(FIRST_PAUSE, self.grace / 8))
        try:
            while True:
                asked = monotonic()
                async with self._looking:
                    if doubt.looked_at < asked:
                        await self._look_in_vain()
                if not doubt.missing:
                    return doubt
                end = doubt.since + (self.patience if doubt.open else self.grace)
                if doubt.looked_at >= end:
                    if doubt.open:
                        raise unknown(doubt, f"the server has it, but did not score it within {self.patience:g} s")
                    return doubt
                left = end - monotonic()
                await asyncio.sleep(pause if left <= 0 else min(pause, left))
                pause = min(pause * 1.6, LONGEST_PAUSE)
        finally:
            self._doubts.remove(doubt)

    async def _look_in_vain(self) -> None:
        """Look, or find that the server cannot be asked at the moment; raises where it cannot be asked at all."""
        began = monotonic()
        try:
            await self._look(began)
        except (APIConnectionError, APIStatusError, APIResponseValidationError, PaginationError) as error:
            if isinstance(error, BatchOutcomeUnknownError):
                raise
            oldest = min(self._doubts, key=lambda doubt: doubt.since)
            if not is_passing(error) or began - oldest.since > self.patience:
                raise unknown(oldest, f"the server cannot be asked ({error.message.rstrip('.')})") from error

    async def _look(self, began: float) -> None:
        doubts = list(self._doubts)
        await self._find_runs([doubt for doubt in doubts if doubt.eval_run_uuid is None])
        by_run = defaultdict[str, list[Doubt]](list)
        for doubt in doubts:
            if doubt.eval_run_uuid is None:
                doubt.looked_at = began
            else:
                by_run[doubt.eval_run_uuid].append(doubt)
        for eval_run_uuid, of_run in by_run.items():
            await self._look_into(eval_run_uuid, of_run)
            for doubt in of_run:
                doubt.looked_at = began

    async def _find_runs(self, doubts: Sequence[Doubt]) -> None:
        if not doubts:
            return
        wanted = {doubt.batch.run.name for doubt in doubts}
        named = defaultdict[str, list[str]](list)
        async with aclosing(self.calls.runs()) as runs:
            async for run in runs:
                if run.name in wanted:
                    named[run.name].append(run.eval_run_uuid)
        for doubt in doubts:
            uuids = named[doubt.batch.run.name]
            if len(uuids) > 1:
                raise unknown(
                    doubt,
                    f"the server has {len(uuids)} runs of its name, so it was scored more than once; keep one of them",
                    uuids,
                )
            doubt.eval_run_uuid = uuids[0] if uuids else None

    async def _look_into(self, eval_run_uuid: str, doubts: Sequence[Doubt]) -> None:
        """Give what the run lists to the batches that it belongs to, and note it in the journal."""
        claims = Claims(turn for doubt in doubts for turn in doubt.missing)
        offset = await self.journal.already([doubt.batch for doubt in doubts])
        if offset and not await self._lists_in_order(eval_run_uuid, doubts[0].batch):
            offset = 0
        try:
            async with aclosing(self.calls.listed(eval_run_uuid, offset=offset)) as pages:
                async for page in pages:
                    await self.claim(page, claims, doubts[0].batch.run)
        except UndecidableError as error:
            raise unknown(doubts[0], str(error), [eval_run_uuid]) from error
        still_open = claims.contested | {turn for turn, scored in claims.found if not is_scored(scored)}
        found = {turn: scored for turn, scored in claims.found if is_scored(scored)}
        for doubt in doubts:
            mine = [(turn, found[turn]) for turn in doubt.missing if turn in found]
            if mine:
                await self.journal.record(doubt.batch, eval_run_uuid, mine)
            doubt.found += mine
            doubt.missing = [turn for turn in doubt.missing if turn not in found]
            doubt.open = sum(turn in still_open for turn in doubt.missing)

    async def claim(self, page: Sequence[ScoredResponse], claims: Claims, run: Run) -> None:
        """Give those on the page that the journal does not have yet to whom they belong."""
        fitting = [scored for scored in page if claims.wants(scored)]
        if not fitting:
            return
        prompt_uuids = [scored.prompt_uuid for scored in fitting]
        # In this order: what is answered in between is still under way, or already taken.
        under_way = await self.journal.under_way(prompt_uuids, run)
        taken = await self.journal.taken(prompt_uuids)
        for scored in fitting:
            if scored.response_uuid not in taken and not claims.contest(scored, under_way):
                claims.take(scored)

    async def _lists_in_order(self, eval_run_uuid: str, batch: SentBatch) -> bool:
        """Tell whether the run's first responses are those that were scored first."""
        if eval_run_uuid not in self._is_in_order:
            first = await self.journal.first_scored(batch.run)
            listed = await self.calls.first_listed(eval_run_uuid)
            begins = {scored.response_uuid for scored in listed[: len(first)]}
            # A handful may stand in front by chance.
            self._is_in_order[eval_run_uuid] = len(begins) >= ENOUGH and begins <= first
        return self._is_in_order[eval_run_uuid]
