"""Cutting the input into batches: by count and by bytes, and hardly ahead of what can be sent."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Literal, NamedTuple

import attrs

from aymara_async.bulk.adoption import adopt
from aymara_async.bulk.checks import check, check_registered
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import SentBatch
from aymara_async.bulk.result import BulkResult, UnscoredResponse
from aymara_async.bulk.source import Source
from aymara_async.bulk.turns import Item, Turn
from aymara_async.models import ScoredResponse

AT_ONCE = 4
"""So many batches are read and registered at once, where the rows are there already and together fit into one."""


class Sendable(NamedTuple):
    """A response that is to be sent."""

    turn: Turn
    body: dict[str, object]
    size: int


@attrs.define
class Portion:
    """What one look at the input brought."""

    batch: list[Sendable] = attrs.field(factory=list)
    resumed: list[ScoredResponse] = attrs.field(factory=list)
    """Results that the journal already had."""
    adopted: list[ScoredResponse] = attrs.field(factory=list)
    """Results of an earlier job that the journal did not know."""
    sent: list[Turn] = attrs.field(factory=list)
    """Turns that an earlier session has sent, and that are still without a score."""
    unscored: list[SentBatch] = attrs.field(factory=list)
    """The same, of an earlier job that the journal did not know."""

    @property
    def is_empty(self) -> bool:
        """Whether it brought nothing."""
        return not (self.batch or self.has_news)

    @property
    def has_news(self) -> bool:
        """Whether it brought something of earlier jobs."""
        return bool(self.resumed or self.adopted or self.sent or self.unscored)


@attrs.define(kw_only=True)
class Batches:
    """Read, check and register rows until there is enough for a batch."""

    source: Source
    journal: Journal
    result: BulkResult
    batch_size: int
    max_bytes: int
    on_invalid: Literal["raise", "skip"]
    knows_prompts: bool
    _held: deque[Sendable] = attrs.field(factory=deque[Sendable])
    _error: Exception | None = None
    _is_at_end: bool = False
    _bytes_per_row: float = math.inf

    async def next(self) -> Portion | None:
        """Return the next batch, or results of an earlier session; None at the end.

        An error of the input is raised only after the batches before it.
        """
        portion = Portion()
        enough = 1 if self.source.is_live else self.batch_size
        while len(self._held) < enough and not portion.has_news and not self._is_at_end:
            try:
                await self._read(self._enough_at_once() - len(self._held), portion)
            except Exception as error:  # noqa: BLE001 - raised below, when what came before it has been sent
                self._error, self._is_at_end = error, True
        if not portion.has_news:
            portion.batch = self._cut()
        if not portion.is_empty:
            return portion
        if self._error is not None:
            raise self._error
        return None

    def _enough_at_once(self) -> int:
        rows = self.batch_size * AT_ONCE
        is_handy = self.source.is_at_hand and rows * self._bytes_per_row <= self.max_bytes
        return rows if is_handy else self.batch_size

    async def _read(self, room: int, portion: Portion) -> None:
        count = await self.source.ready(room)
        rows = await self.source.take(count) if count else []
        self._is_at_end = not count or len(rows) < count
        items: list[Item] = []
        failure: Exception | None = None
        for place, (number, response) in enumerate(rows):
            if place % self.batch_size == 0:
                await asyncio.sleep(0)  # other tasks of the loop shall not wait for more than a batch
            try:
                items.append(check(number, response, max_bytes=self.max_bytes))
            except InvalidResponseError as error:
                failure = self._skip(error, None)
            if failure is not None:
                break
        self._bytes_per_row = sum(item.size for item in items) / len(items) if items else math.inf
        await self._register(items, portion)
        failure = failure or self.source.failure
        if failure is not None:
            raise failure

    async def _register(self, items: list[Item], portion: Portion) -> None:
        """Put each row where it belongs, by what is known of it."""
        known = await self.journal.register(items, knows_prompts=self.knows_prompts)
        new = [one.turn for one in known if one.is_new]
        adopted = await adopt(new, self.journal)
        for item, one in zip(items, known, strict=True):
            try:
                check_registered(item, one, is_other_listed=one.turn.id in adopted.changed)
            except InvalidResponseError as error:
                if self._skip(error, item.prompt_uuid):
                    raise
                continue
            self.result.submitted += 1
            if one.scored is not None:
                portion.resumed.append(one.scored)
            elif one.is_sent:
                portion.sent.append(one.turn)
            elif one.turn.id not in adopted.ids:
                self._held.append(Sendable(one.turn, item.body, item.size))
        portion.adopted += adopted.scored.values()
        portion.unscored += adopted.unscored

    def _skip(self, error: InvalidResponseError, prompt_uuid: str | None) -> InvalidResponseError | None:
        """Note the row, or return the error where it is to be raised."""
        if self.on_invalid == "raise":
            return error
        self.result.skipped.append(UnscoredResponse(row=error.row, prompt_uuid=prompt_uuid, reason=error.reason))
        return None

    def _cut(self) -> list[Sendable]:
        batch: list[Sendable] = []
        room = self.max_bytes
        while self._held and len(batch) < self.batch_size and (not batch or self._held[0].size <= room):
            batch.append(self._held.popleft())
            room -= batch[-1].size + 1
        return batch
