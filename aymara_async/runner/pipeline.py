"""The stages of an eval, side by side: reading prompts, asking the model, scoring, and taking up the next turns.

What bounds the memory is the number of open conversations: no prompt is started beyond it, and one that is closed makes
room for the next. Conversations under way go before new ones.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any

import attrs

from aymara_async.bulk.progress import BulkProgress
from aymara_async.bulk.result import BulkResult
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import ClientClosedError
from aymara_async.models import Eval, ScoredResponse
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.answers import Answering
from aymara_async.runner.earlier_answers import EarlierAnswers
from aymara_async.runner.feed import Feed
from aymara_async.runner.model_prompt import ModelPrompt, Said
from aymara_async.runner.outcome import Exchange
from aymara_async.runner.progress import Counts

Thread = list[Exchange]


@attrs.define(kw_only=True)
class Pipeline:
    """Run all prompts of an eval that is ready; to be used once."""

    client: AsyncAymaraAI
    eval: Eval
    eval_uuid: str
    workspace_uuid: str | None
    answering: Answering
    journal: AnswerJournal
    earlier: EarlierAnswers
    make_scorer: Callable[[Callable[[BulkProgress], None]], AsyncBulkScorer]
    turns: int
    concurrency: int
    room_for: int
    """How many conversations may be open at once."""
    slots: asyncio.Semaphore
    """Places for calls of the model, which other pipelines may share."""
    counts: Counts
    threads: list[Thread] = attrs.field(factory=list[Thread])
    eval_run_uuids: list[str] = attrs.field(factory=list[str])
    _work: asyncio.PriorityQueue[tuple[float, int, Thread | None]] = attrs.field(init=False)
    _numbers: count[int] = attrs.field(factory=count)
    _room: asyncio.Semaphore = attrs.field(init=False)
    _feed: Feed = attrs.field(init=False)
    _submitted: list[Thread] = attrs.field(factory=list[Thread])
    """By the order of the feed, which is how the scorer numbers them."""
    _pending: defaultdict[str, list[Thread]] = attrs.field(factory=lambda: defaultdict[str, list[Thread]](list))
    """Conversations whose last response is being scored, by prompt."""
    _open: int = 0
    _asking: int = 0
    _is_read: bool = False
    _rejections: int = 0
    _unscored: int = 0

    def __attrs_post_init__(self) -> None:
        self._work = asyncio.PriorityQueue()
        self._room = asyncio.Semaphore(self.room_for)
        self._feed = Feed(self._is_idle)

    async def run(self) -> None:
        """Fill ``threads``; raises ``ModelError``, ``APIError`` and what the bulk scorer raises."""
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_closed(self._read_prompts()))
                for _ in range(self.concurrency):
                    group.create_task(self._until_closed(self._answer_all()))
                await self._score_all()
        except BaseExceptionGroup as errors:
            failure = _first(errors)
        if failure is not None:
            raise failure

    async def _until_closed(self, stage: Coroutine[Any, Any, None]) -> None:
        try:
            await stage
        except ClientClosedError as error:
            self._feed.fail(error)  # the scorer raises it, or names what is in doubt

    def _is_idle(self) -> bool:
        return not self._asking and self._work.empty() and (self._is_read or self._room.locked())

    async def _read_prompts(self) -> None:
        pager = self.client.evals.list_prompts(self.eval_uuid, workspace_uuid=self.workspace_uuid)
        async for prompt in pager:
            await self._room.acquire()
            thread = [Exchange(prompt=prompt)]
            self.threads.append(thread)
            self._open += 1
            self.counts.prompts += 1
            self._start(thread)
            self._feed.look_again()
        self._is_read = True
        self._end_if_done()
        self._feed.look_again()

    def _start(self, thread: Thread) -> None:
        """Put the last prompt of a conversation to the model; long conversations go first."""
        self._work.put_nowait((-len(thread), next(self._numbers), thread))

    async def _answer_all(self) -> None:
        while (thread := (await self._work.get())[2]) is not None:
            self._asking += 1
            try:
                await self._answer(thread)
            finally:
                self._asking -= 1
                self._feed.look_again()

    async def _answer(self, thread: Thread) -> None:
        exchange = thread[-1]
        answered = await self.journal.find(exchange.prompt) or self.earlier.find(exchange.prompt)
        if answered is None:
            said = [Said(prompt=one.prompt, response=one.response) for one in thread[:-1] if one.response is not None]
            async with self.slots:
                answered = await self.answering.answer(ModelPrompt(exchange.prompt, eval=self.eval, history=said))
            await self.journal.keep(exchange.prompt, answered)
        goes_on = len(thread) < self.turns and answered.error is None
        exchange.response = answered.response
        exchange.response.continue_thread = goes_on
        exchange.error, exchange.seconds = answered.error, answered.seconds
        self._submitted.append(thread)
        self._pending[exchange.prompt.prompt_uuid].append(thread)
        self.counts.answered += 1
        self.counts.failed += answered.error is not None
        self.counts.tell()
        self._feed.put(exchange.response)

    async def _score_all(self) -> None:
        result = BulkResult()

        def take_losses(_: BulkProgress) -> None:
            for failed in result.failed[self._rejections :]:
                self._rejections += 1
                thread = self._submitted[failed.row - 1]
                thread[-1].rejection = failed.reason
                self._pending[thread[-1].prompt.prompt_uuid].remove(thread)
                self._close()
            for unscored in result.unscored[self._unscored :]:
                self._unscored += 1
                thread = self._submitted[unscored.row - 1]
                self._pending[thread[-1].prompt.prompt_uuid].remove(thread)
                self._close()

        async with self.make_scorer(take_losses).score(self._feed) as stream:
            result = stream.result
            async for scored in stream:
                self._take(scored)
        self.eval_run_uuids[:] = result.eval_run_uuids

    def _take(self, scored: ScoredResponse) -> None:
        """Give a score to its turn, and go on with the conversation if the server does."""
        waiting = self._pending[scored.prompt_uuid]
        thread = pick(waiting, scored)
        waiting.remove(thread)
        if not waiting:
            del self._pending[scored.prompt_uuid]
        thread[-1].score = scored
        self.counts.score(scored.is_passed)
        if scored.next_prompt is not None and len(thread) < self.turns:
            thread.append(Exchange(prompt=scored.next_prompt))
            self.counts.prompts += 1
            self._start(thread)
        else:
            self._close()

    def _close(self) -> None:
        self._open -= 1
        self._room.release()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_read and not self._open:
            self._feed.close()
            for _ in range(self.concurrency):
                self._work.put_nowait((math.inf, next(self._numbers), None))


def pick(waiting: Sequence[Thread], scored: ScoredResponse) -> Thread:
    """Find the conversation that a score belongs to, among those whose last turn has the same prompt."""

    def misfit(thread: Thread) -> int:
        prompt = thread[-1].prompt
        return 2 * (prompt.turn_number != scored.turn_number) + (prompt.thread_uuid not in (None, scored.thread_uuid))

    return min(waiting, key=misfit)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
