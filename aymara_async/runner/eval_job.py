"""One eval, from when it is known which it is to its outcome."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import attrs
from msgspec import UNSET

from aymara_async.bulk.limiter import limiter_of
from aymara_async.bulk.progress import BulkProgress
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.client import AsyncAymaraAI
from aymara_async.display import make_display
from aymara_async.errors import IncompleteScoringError
from aymara_async.models import Eval
from aymara_async.record.tally import Standing
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.answers import Answering
from aymara_async.runner.calling import Model, ModelCaller, retrying
from aymara_async.runner.earlier_answers import EarlierAnswers
from aymara_async.runner.errors import NoPromptsError
from aymara_async.runner.eval_ready import PROMPT_UUIDS
from aymara_async.runner.outcome import EvalOutcome, in_order
from aymara_async.runner.pipeline import Pipeline, Thread
from aymara_async.runner.progress import Counts, EvalProgress, show
from aymara_async.runner.settings import RunnerSettings

EARLIER_READ = "earlier_read"
"""In the journal, once what other processes of the ``run_key`` had done was waited for."""


@attrs.frozen(kw_only=True)
class EvalJob:
    """Put an eval to a model and score the answers; to be used once."""

    client: AsyncAymaraAI
    model: Model
    settings: RunnerSettings
    slots: asyncio.Semaphore
    """Places for calls of the model, which other jobs may share."""
    eval_uuid: str
    answers: AnswerJournal
    path: Path | None
    """Of the journal."""
    run_name: str | None
    began: float
    """When this process began, in ``monotonic``: others of its ``run_key`` have sent nothing since."""

    async def run(self) -> EvalOutcome:
        """Return the outcome; raises what ``AsyncEvalRunner.run_eval`` tells."""
        wait_timeout, workspace_uuid = self.settings.wait_timeout, self.settings.workspace_uuid
        ready = await self.client.evals.wait(self.eval_uuid, timeout=wait_timeout, workspace_uuid=workspace_uuid)
        earlier, run_key = EarlierAnswers(), self.settings.run_key
        if run_key is not None:
            is_known = await self.answers.recall(EARLIER_READ) is not None
            at = self.began + (0.0 if is_known else self.settings.grace_period)
            await earlier.read(self.client, self.eval_uuid, run_key, workspace_uuid=workspace_uuid, at=at)
            await self.answers.note({EARLIER_READ: True})
        threads, uuids = await self._answer_and_score(ready, earlier)
        if not threads:
            raise NoPromptsError(
                f"Eval {self.eval_uuid} holds no prompts, so nothing was asked.", eval_uuid=self.eval_uuid
            )
        if len(uuids) != 1:
            raise IncompleteScoringError(
                f"The answers to eval {self.eval_uuid} are in {len(uuids)} runs instead of one: the server rejected "
                "every response, or put some where they were not sent.",
                eval_run_uuids=uuids,
                missing=[thread[-1].prompt.prompt_uuid for thread in threads if thread[-1].score is None],
            )
        if any(turn.standing is Standing.UNSCORED for thread in threads for turn in thread):
            # It may never finish.
            run = await self.client.evals.runs.get(uuids[0], workspace_uuid=workspace_uuid)
        else:
            run = await self.client.evals.runs.wait(uuids[0], timeout=wait_timeout, workspace_uuid=workspace_uuid)
        order = cast(list[str] | None, await self.answers.recall(PROMPT_UUIDS))
        return EvalOutcome(eval=ready, run=run, threads=threads if order is None else in_order(threads, order))

    async def _answer_and_score(self, ready: Eval, earlier: EarlierAnswers) -> tuple[list[Thread], list[str]]:
        settings = self.settings
        caller = ModelCaller(model=self.model, timeout=settings.timeout, retry=retrying(settings.retry))
        display = make_display() if settings.progress is True else None
        callback = settings.progress if callable(settings.progress) else partial(show, display) if display else None
        pipeline = self._pipeline(ready, earlier, caller, callback)
        try:
            await pipeline.run()
        finally:
            await caller.close()
            if display is not None:
                display.close()
        return pipeline.threads, pipeline.eval_run_uuids

    def _pipeline(
        self,
        ready: Eval,
        earlier: EarlierAnswers,
        caller: ModelCaller,
        callback: Callable[[EvalProgress], None] | None,
    ) -> Pipeline:
        client, settings = self.client, self.settings
        limiter = limiter_of(client._session, client._settings.call.retry)
        name = settings.run_key or self.run_name or ready.name
        return Pipeline(
            client=client,
            eval=ready,
            eval_uuid=self.eval_uuid,
            workspace_uuid=settings.workspace_uuid,
            answering=Answering(
                client=client,
                eval=ready,
                caller=caller,
                on_error=settings.on_error,
                is_kept=self.path is not None,
                workspace_uuid=settings.workspace_uuid,
            ),
            journal=self.answers,
            earlier=earlier,
            make_scorer=partial(self._scorer, name or "Eval run"),
            turns=settings.turns,
            concurrency=settings.concurrency,
            room_for=settings.concurrency + settings.batch_size * (settings.scoring_concurrency + 1),
            slots=self.slots,
            counts=Counts(
                eval_name=name or self.eval_uuid,
                total=ready.num_prompts,
                callback=callback,
                rate=lambda: limiter.rate.value,
            ),
        )

    def _scorer(self, run_name: str, tell: Callable[[BulkProgress], None]) -> AsyncBulkScorer:
        settings = self.settings
        return AsyncBulkScorer(
            self.client,
            eval_uuid=self.eval_uuid,
            journal=self.answers.file,
            batch_size=settings.batch_size,
            concurrency=settings.scoring_concurrency,
            run_key=settings.run_key,
            run_name=run_name if settings.run_key is None else None,
            is_sandbox=settings.is_sandbox,
            workspace_uuid=settings.workspace_uuid,
            grace_period=settings.grace_period,
            patience=math.inf if settings.wait_timeout is None else settings.wait_timeout,
            progress=tell,
            ai_description=UNSET if settings.ai_description is None else settings.ai_description,
        )
