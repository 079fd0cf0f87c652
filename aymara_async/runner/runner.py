"""AsyncEvalRunner: from an eval to its outcome in one call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from msgspec import UNSET
from tenacity import AsyncRetrying

from aymara_async.bulk.limiter import limiter_of
from aymara_async.bulk.progress import BulkProgress
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import IncompleteScoringError, RequestValidationError
from aymara_async.models import Eval
from aymara_async.runner.answer_journal import AnswerJournal, scores_path
from aymara_async.runner.answers import MAX_BYTES, Answering
from aymara_async.runner.calling import Model, ModelCaller, retrying
from aymara_async.runner.errors import NoPromptsError
from aymara_async.runner.eval_ready import EvalParams, creation_fields, digest_fields, make_eval
from aymara_async.runner.feed import FedScorer
from aymara_async.runner.handle import EvalHandle
from aymara_async.runner.outcome import EvalOutcome
from aymara_async.runner.pipeline import Pipeline
from aymara_async.runner.progress import Counts, EvalProgress, make_display


class AsyncEvalRunner:
    """Run whole evals against a model.

    Args:
        client: Whose connections, workspace and limiter to use.
        model: The AI under evaluation: a coroutine function, or a plain one, which runs in threads. It takes a
            ``ModelPrompt``, which is a ``str``, and returns text; bytes or a path (an image or a video, which is
            uploaded); a ``FileReference``; a ready ``EvalResponse``; or None for a refusal.
        concurrency: Calls of the model under way at once.
        turns: How long a conversation may get; the API says after each turn whether it goes on.
        on_error: What a call that raises, or takes too long, means: ``"raise"`` stops the eval with ``ModelError``,
            ``"refuse"`` counts it as a refusal, ``"exclude"`` keeps it out of the score. It is in ``outcome.errors``.
        timeout: Seconds that the model has for an answer; None for no limit. A plain function cannot be stopped: its
            thread goes on, but nobody waits for it.
        retry: How often a failing call is made again, with growing pauses; or a tenacity ``AsyncRetrying``.
        wait_timeout: Seconds to wait for the eval's prompts; None for no limit.
        batch_size: Responses per scoring request.
        scoring_concurrency: Scoring requests under way at once.
        workspace_uuid: The workspace; else as the client says.
        is_sandbox: Ask for made-up scores; else as the client says.
        ai_description: Description of the AI in the run, if it differs from the eval's.
        grace_period: Seconds after which a batch whose answer was lost counts as not arrived, see ``AsyncBulkScorer``.
        progress: A callable that gets an ``EvalProgress``; True for a bar in notebooks and, with rich, on terminals.

    Raises:
        RequestValidationError: An argument makes no sense.
    """

    def __init__(
        self,
        client: AsyncAymaraAI,
        model: Model,
        *,
        concurrency: int = 32,
        turns: int = 1,
        on_error: Literal["raise", "refuse", "exclude"] = "raise",
        timeout: float | None = None,
        retry: int | AsyncRetrying = 0,
        wait_timeout: float | None = 300.0,
        batch_size: int = 50,
        scoring_concurrency: int = 8,
        workspace_uuid: str | None = None,
        is_sandbox: bool | None = None,
        ai_description: str | None = None,
        grace_period: float = 30.0,
        progress: bool | Callable[[EvalProgress], None] = False,
    ) -> None:
        _require(callable(model), "model", "a callable", model)
        for name, number in (
            ("concurrency", concurrency),
            ("turns", turns),
            ("batch_size", batch_size),
            ("scoring_concurrency", scoring_concurrency),
        ):
            _require(_is_count(number, 1), name, "a whole number of at least 1", number)
        _require(on_error in ("raise", "refuse", "exclude"), "on_error", '"raise", "refuse" or "exclude"', on_error)
        for name, seconds in (("timeout", timeout), ("wait_timeout", wait_timeout)):
            _require(seconds is None or _is_duration(seconds), name, "seconds above 0, or None", seconds)
        is_retry = isinstance(retry, AsyncRetrying) or _is_count(retry, 0)
        _require(is_retry, "retry", "a whole number of at least 0, or a tenacity.AsyncRetrying", retry)
        self._client = client
        self._model = model
        self._concurrency, self._turns = concurrency, turns
        self._on_error: Literal["raise", "refuse", "exclude"] = on_error
        self._timeout, self._retry, self._wait_timeout = timeout, retrying(retry), wait_timeout
        self._batch_size, self._scoring_concurrency = batch_size, scoring_concurrency
        defaults = client._settings.call
        self._workspace_uuid = defaults.workspace_uuid if workspace_uuid is None else workspace_uuid
        self._is_sandbox, self._ai_description = is_sandbox, ai_description
        self._grace, self._progress = grace_period, progress
        self._slots: asyncio.Semaphore | None = None
        """Places for calls of the model that a suite shares."""

    async def run_eval(
        self,
        eval_params: EvalParams | None = None,
        *,
        eval_uuid: str | None = None,
        run_name: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> EvalOutcome:
        """Create the eval, or take the one with ``eval_uuid``; put every prompt to the model; score every answer.

        ``eval_params`` are the arguments of ``evals.create``. ``journal`` is a file that keeps what was answered and
        scored (a second one, ``….scores``, appears beside it): after a crash the same call goes on where it was.

        Raises ``ModelError``, ``NoPromptsError``, ``JournalError``, ``WaitError``, ``IncompleteScoringError`` and
        ``APIError``. In the outcome every prompt is accounted for.
        """
        path = None if journal is None else Path(journal)
        async with self._opened(path, eval_params, eval_uuid) as (answers, uuid):
            return await self._run(uuid, answers, path, run_name)

    async def start(
        self,
        eval_params: EvalParams | None = None,
        *,
        eval_uuid: str | None = None,
        run_name: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> EvalHandle:
        """Create the eval, or take the one with ``eval_uuid``, and return a handle for ``resume`` without waiting.

        Arguments are those of ``run_eval``. The handle can be saved and picked up by another process.
        """
        path = _absolute(journal)
        async with self._opened(path, eval_params, eval_uuid) as (_, uuid):
            return EvalHandle(
                eval_uuid=uuid,
                base_url=self._client.base_url,
                workspace_uuid=self._workspace_uuid,
                journal=None if path is None else str(path),
                turns=self._turns,
                run_name=run_name,
            )

    async def resume(self, handle: EvalHandle) -> EvalOutcome:
        """Bring an eval in progress to its end, from wherever it is; raises what ``run_eval`` raises.

        The runner has to have the API, the workspace and the number of turns of the one that made the handle.
        """
        mine = (self._client.base_url, self._workspace_uuid, self._turns)
        if mine != (handle.base_url, handle.workspace_uuid, handle.turns):
            raise RequestValidationError(
                f"The handle of eval {handle.eval_uuid} is for {handle.base_url}, workspace {handle.workspace_uuid}, "
                f"{handle.turns} turns; this runner for {mine[0]}, workspace {mine[1]}, {mine[2]}. Nothing was sent.",
                path="handle",
            )
        return await self.run_eval(eval_uuid=handle.eval_uuid, run_name=handle.run_name, journal=handle.journal)

    @asynccontextmanager
    async def _opened(
        self, path: Path | None, eval_params: EvalParams | None, eval_uuid: str | None
    ) -> AsyncGenerator[tuple[AnswerJournal, str], None]:
        """Open the journal, see that it is this job's, and tell which eval it is."""
        if (eval_params is None) == (eval_uuid is None):
            raise RequestValidationError(
                "Give either eval_params, for a new eval, or eval_uuid. Nothing was sent.", path="eval_params"
            )
        answers = await AnswerJournal.open(path)
        try:
            await answers.settle("base_url", self._client.base_url)
            await answers.settle("workspace_uuid", self._workspace_uuid or "")
            await answers.settle("turns", self._turns)
            if eval_params is not None:
                fields = creation_fields(eval_params)
                if self._workspace_uuid is not None:
                    fields.setdefault("workspace_uuid", self._workspace_uuid)
                await answers.settle("eval_params", digest_fields(eval_params))
                eval_uuid = await make_eval(self._client, fields, answers)
            assert eval_uuid is not None
            await answers.settle("eval_uuid", eval_uuid)
            yield answers, eval_uuid
        finally:
            await answers.close()

    async def _run(
        self, eval_uuid: str, answers: AnswerJournal, path: Path | None, run_name: str | None
    ) -> EvalOutcome:
        evals = self._client.evals
        ready = await evals.wait(eval_uuid, timeout=self._wait_timeout, workspace_uuid=self._workspace_uuid)
        caller = ModelCaller(model=self._model, timeout=self._timeout, retry=self._retry)
        display = make_display() if self._progress is True else None
        callback = self._progress if callable(self._progress) else display.update if display else None
        pipeline = self._pipeline(ready, eval_uuid, caller, answers, path, run_name or ready.name, callback)
        try:
            await pipeline.run()
        finally:
            await caller.close()
            if display is not None:
                display.close()
        if not pipeline.threads:
            raise NoPromptsError(f"Eval {eval_uuid} holds no prompts, so nothing was asked.", eval_uuid=eval_uuid)
        uuids = pipeline.eval_run_uuids
        if len(uuids) != 1:
            raise IncompleteScoringError(
                f"The answers to eval {eval_uuid} are in {len(uuids)} runs instead of one: the server rejected every "
                "response, or put some where they were not sent.",
                eval_run_uuids=uuids,
                missing=[thread[-1].prompt.prompt_uuid for thread in pipeline.threads if thread[-1].score is None],
            )
        run = await evals.runs.wait(uuids[0], timeout=self._wait_timeout, workspace_uuid=self._workspace_uuid)
        return EvalOutcome(eval=ready, run=run, threads=pipeline.threads)

    def _pipeline(
        self,
        ready: Eval,
        eval_uuid: str,
        caller: ModelCaller,
        answers: AnswerJournal,
        path: Path | None,
        run_name: str | None,
        callback: Callable[[EvalProgress], None] | None,
    ) -> Pipeline:
        client = self._client

        def make_scorer(tell: Callable[[BulkProgress], None]) -> FedScorer:
            return FedScorer(
                client,
                eval_uuid=eval_uuid,
                journal=scores_path(path),
                batch_size=self._batch_size,
                max_batch_bytes=MAX_BYTES,
                concurrency=self._scoring_concurrency,
                run_name=run_name or "Eval run",
                is_sandbox=self._is_sandbox,
                workspace_uuid=self._workspace_uuid,
                grace_period=self._grace,
                progress=tell,
                ai_description=UNSET if self._ai_description is None else self._ai_description,
            )

        limiter = limiter_of(client._session, client._settings.call.retry)
        return Pipeline(
            client=client,
            eval=ready,
            eval_uuid=eval_uuid,
            workspace_uuid=self._workspace_uuid,
            answering=Answering(
                client=client,
                eval=ready,
                caller=caller,
                on_error=self._on_error,
                workspace_uuid=self._workspace_uuid,
            ),
            journal=answers,
            make_scorer=make_scorer,
            turns=self._turns,
            concurrency=self._concurrency,
            room_for=self._concurrency + self._batch_size * (self._scoring_concurrency + 1),
            slots=self._slots or asyncio.Semaphore(self._concurrency),
            counts=Counts(
                eval_name=run_name or eval_uuid,
                total=ready.num_prompts,
                callback=callback,
                rate=lambda: limiter.rate.value,
            ),
        )


def _absolute(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path).absolute()


def _is_count(value: object, at_least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= at_least


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _require(is_met: bool, name: str, what: str, value: object) -> None:
    if not is_met:
        raise RequestValidationError(f"{name} must be {what}, not {value!r}. Nothing was sent.", path=name)
