"""One bulk job: from the input through batches to results, with as many batches under way as asked.

The life of a batch:

====================  ==========================================================================================
step                  then
====================  ==========================================================================================
intention noted       sent; as long as it is refused, sent again
answered              results noted, yielded; responses that the answer leaves out are looked for like lost ones
lost                  its slot is free for others; looked for: what is found is noted and yielded, what is missing
                      sent again, what has no score yet waited for beside the rest of the job
rejected              noted as not sent; its halves begin at the first step, a single response is reported
fatal                 noted as not sent; the job ends
====================  ==========================================================================================

Until the one run of a job exists, its batches go one at a time, since the first to succeed makes the run.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import attrs

from aymara_async.bulk.batches import Batches, Portion, Sendable
from aymara_async.bulk.calls import Calls
from aymara_async.bulk.doubt import Doubt, never_taken, none_scored, unknown, with_those_under_way
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import Run, SentBatch
from aymara_async.bulk.late_scores import LateScores
from aymara_async.bulk.matching import match
from aymara_async.bulk.opening import Opening
from aymara_async.bulk.progress import Reporter
from aymara_async.bulk.reconcile import Reconciler, check_run
from aymara_async.bulk.result import BulkResult, ResentResponse, UnscoredResponse
from aymara_async.bulk.turns import Turn
from aymara_async.bulk.verify import Verification
from aymara_async.errors import APIError, APIStatusError, AymaraAIError, RateLimitError
from aymara_async.journal.errors import JournalError
from aymara_async.models import EvalRunResult, ScoredResponse
from aymara_async.transport.clock import monotonic

IN_DOUBT_PER_SLOT = 4
"""So many batches per slot may be under way, those in doubt included; beyond, nothing is read."""
ANSWERS_WITHOUT_RESULT = 3
"""So often the same responses are sent when the server answers, but has not taken them."""
ALL_REJECTED = 20
"""So many rejected responses, and none accepted, are taken for a fault of the job and not of the responses."""


@attrs.define(kw_only=True)
class Job:
    """Send everything, and put the results into ``out``; None ends them, and ``error`` says whether all went well."""

    calls: Calls
    journal: Journal
    batches: Batches
    opening: Opening
    reconciler: Reconciler
    verification: Verification
    reporter: Reporter
    result: BulkResult
    concurrency: int
    has_one_run: bool
    on_unknown: Literal["resend", "raise"]
    checks_prompts: bool
    patience: float
    initial_wait: float
    out: asyncio.Queue[list[ScoredResponse] | None] = attrs.field(init=False)
    error: Exception | None = None
    _run: Run | None = None
    _slots: asyncio.Semaphore = attrs.field(init=False)
    _requests: asyncio.Semaphore = attrs.field(init=False)
    _fatal: AymaraAIError | None = None
    _under_way: asyncio.Semaphore = attrs.field(init=False)
    _last_answer: float = attrs.field(factory=monotonic)
    late_scores: LateScores = attrs.field(init=False)
    _group: asyncio.TaskGroup = attrs.field(factory=asyncio.TaskGroup)
    _open: list[Doubt] = attrs.field(factory=list[Doubt])
    """Batches of earlier sessions that the server has, but has not scored."""
    _missing: set[int] = attrs.field(factory=set[int])
    """Turns that were sent, but not listed within the grace period."""
    _resent_at: float | None = None
    _never_taken: list[str] = attrs.field(factory=list[str])
    """Prompts whose responses the server did not take, however often it answered."""
    _unsettled: set[int] = attrs.field(factory=set[int])
    """Batches that the server may have, of those that the journal holds as sent."""

    def __attrs_post_init__(self) -> None:
        self.out = asyncio.Queue(self.concurrency)
        self.late_scores = LateScores(reconciler=self.reconciler, result=self.result, give=self._yield)
        # More slots than requests, so that some batches are with the journal while others are with the server.
        self._slots = asyncio.Semaphore(self.concurrency + max(2, self.concurrency // 2))
        self._requests = asyncio.Semaphore(self.concurrency)
        self._under_way = asyncio.Semaphore(self.concurrency * IN_DOUBT_PER_SLOT)

    async def run(self) -> None:
        """Do it all; an error is stored for who reads ``out``, a cancellation leaves the journal as it is."""
        try:
            await self._work()
        except BaseExceptionGroup as group:
            self.error = _first_error(group)
        except Exception as error:  # noqa: BLE001 - the reader of `out` raises it
            self.error = error
        if self.error is not None and self._unsettled:
            with suppress(JournalError):
                batches = [batch for batch in await self.journal.sent() if batch.id in self._unsettled]
                self.error = with_those_under_way(self.error, batches)
        await self.out.put(None)

    async def _work(self) -> None:
        if self.has_one_run:
            self._run = await self.journal.single_run()
        await self._settle_earlier_sessions()
        if self.has_one_run:
            self._run = await self.journal.single_run()
        if self.checks_prompts:
            await self._learn_prompts()
        async with self._group:
            for doubt in self._open:
                self._group.create_task(self._await_scores(doubt))
            await self._send_all()
        if self._never_taken:
            uuids = [run.eval_run_uuid for run in await self.journal.runs() if run.eval_run_uuid is not None]
            raise never_taken(self._never_taken, uuids, ANSWERS_WITHOUT_RESULT)
        await self.verification.run(self.late_scores.never_scored, self._resent_at)

    async def _settle_earlier_sessions(self) -> None:
        """Find out about every batch that was under way when an earlier session ended, before anything is sent."""
        doubts = await self.opening.open()
        self._unsettled.update(doubt.batch.id for doubt in doubts)
        async with asyncio.TaskGroup() as group:
            for doubt in doubts:
                group.create_task(self._settle_earlier(doubt))
        self.reconciler.keeps_strays = False
        self._open = [doubt for doubt in doubts if doubt.unscored]

    async def _settle_earlier(self, doubt: Doubt) -> None:
        await self.reconciler.settle(doubt)
        if doubt.missing:
            self._give_up_unless_resending(doubt)
            if doubt.unscored:  # those go on being in doubt, in a batch of their own
                rest = await self.journal.intend(list(doubt.unscored), doubt.batch.run)
                self._unsettled.add(rest.id)
            await self.journal.release(doubt.batch)

    async def _await_scores(self, doubt: Doubt) -> None:
        await self.late_scores.follow(doubt, self.patience)
        await self.late_scores.give_up(doubt)
        self.reporter.tell(self.result, self.reconciler.in_doubt)
        if not self.result.scored and len(self.result.unscored) >= ALL_REJECTED:
            raise none_scored(self.result.unscored, doubt, self.patience)

    async def _learn_prompts(self) -> None:
        async for prompts in self.calls.prompts():
            await self.journal.add_prompts(prompts)

    async def _send_all(self) -> None:
        """Read and send until the end of the input; what is under way then, or when the input fails, is awaited."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            while True:
                await self._under_way.acquire()
                await self._slots.acquire()
                portion = None
                try:
                    portion = await self.batches.next()
                except Exception as error:  # noqa: BLE001 - raised when what is under way has ended
                    failure = error
                if portion is None or portion.has_news:  # others may need the slot
                    self._slots.release()
                    self._under_way.release()
                if portion is None:
                    break
                if portion.has_news:
                    await self._take_news(portion)
                    continue
                bringing = self._bring(portion.batch)
                if self._run is not None and self._run.eval_run_uuid is None:
                    await bringing
                    await self.reconciler.attempt(self.opening.check_name, monotonic())
                else:
                    group.create_task(bringing)
        if failure is not None:
            raise failure

    async def _take_news(self, portion: Portion) -> None:
        """Yield what earlier jobs did for rows that have just been read."""
        self.result.resumed += len(portion.resumed)
        self.result.reconciled += len(portion.adopted)
        await self._yield([*portion.resumed, *portion.adopted])
        await self.late_scores.meet(portion.sent)
        for batch in portion.unscored:
            self.late_scores.expect(batch.turns)
            doubt = Doubt(batch, monotonic(), batch.run.eval_run_uuid, batch.turns)
            self._group.create_task(self._settle_adopted(doubt))

    async def _settle_adopted(self, doubt: Doubt) -> None:
        await self.reconciler.settle(doubt)
        await self._yield([scored for _, scored in doubt.found])
        await self._await_scores(doubt)

    async def _bring(self, batch: Sequence[Sendable]) -> None:
        try:
            await self._carry(batch, None)
        finally:
            self._under_way.release()

    async def _carry(self, batch: Sequence[Sendable], own_run: Run | None, unanswered: int = 0) -> None:
        """Bring a batch to its results; a slot is held at the beginning, and free at the end."""
        try:
            sent, outcome = await self._send(batch, own_run)
            if isinstance(outcome, EvalRunResult):
                unanswered += 1
                sent = await self._take_answer(sent, outcome)
        finally:
            self._slots.release()
        if isinstance(outcome, APIError) and outcome.is_rejection:
            await self.journal.release(sent)
            await self._split(batch, outcome)
        elif sent.turns:
            await self._recover(batch, sent, unanswered)
        self._unsettled.discard(sent.id)

    async def _recover(self, batch: Sequence[Sendable], sent: SentBatch, unanswered: int) -> None:
        """Find out about turns that no answer told of, and send again what the server does not have."""
        doubt = Doubt(sent, monotonic(), sent.run.eval_run_uuid, sent.turns)
        await self.reconciler.settle(doubt)
        self._learn_run(sent.run, doubt.eval_run_uuid)
        self.result.reconciled += len(doubt.found)
        await self._yield([scored for _, scored in doubt.found])
        if doubt.missing:
            self._give_up_unless_resending(doubt)
            await self._send_missing(batch, doubt, unanswered)
        if doubt.unscored:
            self.late_scores.expect(doubt.unscored)
            await self.late_scores.follow(doubt, self.reconciler.grace)  # before others are sent in its place
        if doubt.unscored:
            self._group.create_task(self._await_scores(doubt))

    async def _send_missing(self, batch: Sequence[Sendable], doubt: Doubt, unanswered: int) -> None:
        if unanswered >= ANSWERS_WITHOUT_RESULT:
            self._never_taken += [turn.prompt_uuid for turn in doubt.missing]
            if not self.result.scored and len(self._never_taken) >= ALL_REJECTED:
                raise never_taken(self._never_taken, self.result.eval_run_uuids, ANSWERS_WITHOUT_RESULT)
            return
        rest = {turn.id for turn in doubt.missing}
        run = attrs.evolve(doubt.batch.run, eval_run_uuid=doubt.eval_run_uuid)
        await self._slots.acquire()
        await self._carry([one for one in batch if one.turn.id in rest], run, unanswered)

    async def _send(self, batch: Sequence[Sendable], own_run: Run | None) -> tuple[SentBatch, EvalRunResult | APIError]:
        """Note the intention and send, until the server takes the batch, rejects it, or its answer is lost."""
        sent = await self.journal.intend([one.turn for one in batch], self._run or own_run)
        self._note_resent([one.turn for one in batch])
        bodies = [one.body for one in batch]
        refusals, refused_since = 0, math.inf
        while True:
            try:
                async with self._requests, self.calls.limiter.room:
                    if self._fatal is not None:  # what ended another batch would end this one too
                        raise self._fatal
                    self._unsettled.add(sent.id)
                    answer = await self.calls.score(bodies, sent.run.name, sent.run.eval_run_uuid)
            except AymaraAIError as error:
                failure = error if isinstance(error, APIError) else None
                if failure is not None and failure.may_have_acted:
                    return sent, failure
                self._unsettled.discard(sent.id)
                if failure is not None and failure.is_rejection:
                    return sent, failure
                refused_since = min(refused_since, monotonic())
                is_fatal = failure is None or not failure.is_refusal or self._fatal is not None
                if is_fatal or self._is_hopeless(error, refused_since):
                    self._fatal = error
                    await self.journal.release(sent)
                    raise
                refusals += 1
                await self._wait_alone(error, refusals)
                continue
            self._last_answer = monotonic()
            return sent, answer

    async def _wait_alone(self, error: AymaraAIError, refusals: int) -> None:
        """Wait before a refused batch is sent again, and leave its slot to others meanwhile.

        Where the server allows no more for now (429 with Retry-After), the limiter makes everybody wait instead.
        """
        asked = _wait_of(error)
        if asked is not None and isinstance(error, RateLimitError):
            return
        bound = min(20.0, self.initial_wait * 2.0 ** min(refusals, 60))
        self._slots.release()
        try:
            await asyncio.sleep((asked or 0.0) + random.uniform(0, bound))  # noqa: S311 - it spreads the load
        finally:
            await self._slots.acquire()

    def _note_resent(self, turns: Sequence[Turn]) -> None:
        again = [turn for turn in turns if turn.id in self._missing]
        if again:
            self._missing.difference_update(turn.id for turn in again)
            self.result.resent += [ResentResponse(row=turn.number, prompt_uuid=turn.prompt_uuid) for turn in again]
            self._resent_at = monotonic()

    def _is_hopeless(self, error: AymaraAIError, refused_since: float) -> bool:
        # Not since the last answer alone: the input may have had nothing to send for longer than the patience.
        in_vain = monotonic() - max(self._last_answer, refused_since)
        return (_wait_of(error) or 0.0) > self.patience or in_vain > self.patience

    async def _take_answer(self, sent: SentBatch, answer: EvalRunResult) -> SentBatch:
        """Note and yield what the answer holds; return the batch with what it leaves out."""
        if answer.status == "failed":
            self._unsettled.discard(sent.id)
        check_run(answer)
        self._learn_run(sent.run, answer.eval_run_uuid)
        matching = match(sent.turns, await self._unclaimed(sent, answer.responses or ()))
        done = [(turn, scored) for turn, scored in matching.found if turn.is_done(scored)]
        if done:
            await self.journal.record(sent, answer.eval_run_uuid, done)
            await self._yield([one for _, one in done])
        known = {turn.id for turn, _ in done}
        rest = [turn for turn in sent.turns if turn.id not in known]
        return attrs.evolve(sent, run=attrs.evolve(sent.run, eval_run_uuid=answer.eval_run_uuid), turns=rest)

    async def _unclaimed(self, sent: SentBatch, responses: Sequence[ScoredResponse]) -> Sequence[ScoredResponse]:
        """Leave out what belongs to other batches, where the answer tells of more than was sent."""
        if len(responses) <= len(sent.turns):
            return responses
        prompt_uuids = list({turn.prompt_uuid for turn in sent.turns})
        contenders, taken = await self.journal.contenders(prompt_uuids, sent.run)
        left = [one for one in responses if one.response_uuid not in taken]
        mine = {turn.id for turn in sent.turns}
        others = match((turn for turn in contenders), left)
        theirs = {id(scored) for turn, scored in others.found if turn.id not in mine}
        is_clear = not others.undecided
        return [one for one in left if id(one) not in theirs] if is_clear else ()

    def _learn_run(self, run: Run, eval_run_uuid: str | None) -> None:
        if self._run is not None and self._run.id == run.id and self._run.eval_run_uuid is None:
            self._run = attrs.evolve(self._run, eval_run_uuid=eval_run_uuid)

    def _give_up_unless_resending(self, doubt: Doubt) -> None:
        if self.on_unknown == "raise":
            raise unknown(doubt, f"they were not listed within {self.reconciler.grace:g} s")
        self._missing.update(turn.id for turn in doubt.missing)

    async def _split(self, batch: Sequence[Sendable], error: APIError) -> None:
        """Send the halves of a rejected batch, or report a rejected response."""
        if len(batch) > 1:
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                await self._slots.acquire()
                await self._carry(half, None)
            return
        turn = batch[0].turn
        self.result.failed.append(UnscoredResponse(row=turn.number, prompt_uuid=turn.prompt_uuid, reason=error.message))
        if not self.result.scored and len(self.result.failed) >= ALL_REJECTED:
            raise error
        self.reporter.tell(self.result, self.reconciler.in_doubt)

    async def _yield(self, scored: list[ScoredResponse]) -> None:
        if not scored:
            return
        self.result.scored += len(scored)
        self.result.judged += sum(one.is_passed is not None for one in scored)
        self.result.passed += sum(one.is_passed is True for one in scored)
        await self.out.put(scored)
        self.reporter.tell(self.result, self.reconciler.in_doubt)


def _wait_of(error: AymaraAIError) -> float | None:
    return error.retry_after if isinstance(error, APIStatusError) else None


def _first_error(group: BaseExceptionGroup[BaseException]) -> Exception:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(str(error))
