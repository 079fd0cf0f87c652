"""Responses that the server has, but has not scored yet: waited for while the job goes on, and named at last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import attrs

from aymara_async.bulk.doubt import Doubt
from aymara_async.bulk.reconcile import Reconciler
from aymara_async.bulk.result import BulkResult, UnscoredResponse
from aymara_async.bulk.turns import Turn
from aymara_async.models import ScoredResponse


@attrs.define(kw_only=True)
class LateScores:
    """Wait for scores, and bring them to the rows that they belong to.

    Those of an earlier session may come before or after the row that they belong to.
    """

    reconciler: Reconciler
    result: BulkResult
    give: Callable[[list[ScoredResponse]], Awaitable[None]]
    never_scored: list[ScoredResponse] = attrs.field(factory=list[ScoredResponse])
    """What the server lists of those that it gave no score."""
    _expected: dict[int, Turn] = attrs.field(factory=dict[int, Turn])
    _arrived: dict[int, ScoredResponse | None] = attrs.field(factory=dict[int, ScoredResponse | None])
    """What came before its row; None for no score at all."""

    def expect(self, turns: Iterable[Turn]) -> None:
        """Take note of turns whose row of the input has been read."""
        self._expected |= {turn.id: turn for turn in turns}

    async def meet(self, turns: Sequence[Turn]) -> None:
        """Take note of rows that an earlier session has sent, and give what came before them."""
        self.expect(turns)
        known = [(turn, self._arrived.pop(turn.id)) for turn in turns if turn.id in self._arrived]
        await self._arrive(known)

    async def follow(self, doubt: Doubt, patience: float) -> None:
        """Give the scores of a batch as they come, for as long as there is patience."""
        is_over = not doubt.unscored
        while not is_over:
            before = len(doubt.found)
            is_over = await self.reconciler.await_scores(doubt, patience)
            found = doubt.found[before:]
            self.result.reconciled += len(found)
            await self._arrive(found)

    async def give_up(self, doubt: Doubt) -> None:
        """Name what was waited for in vain."""
        self.never_scored += doubt.unscored.values()
        await self._arrive([(turn, None) for turn in doubt.unscored])

    async def _arrive(self, scores: Iterable[tuple[Turn, ScoredResponse | None]]) -> None:
        given: list[ScoredResponse] = []
        for turn, scored in scores:
            row = self._expected.pop(turn.id, None)
            if row is None:
                self._arrived[turn.id] = scored
            elif scored is not None:
                given.append(scored)
            else:
                reason = f"the server did not score it within {self.reconciler.patience:g} s"
                unscored = UnscoredResponse(row=row.number, prompt_uuid=row.prompt_uuid, reason=reason)
                self.result.unscored.append(unscored)
        await self.give(given)
