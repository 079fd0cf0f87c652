"""AsyncEvalRunner: from an eval to its outcome in one call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from tenacity import AsyncRetrying

from aymara_async.client import AsyncAymaraAI, check_client
from aymara_async.errors import RequestValidationError
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.calling import Model, check_signature
from aymara_async.runner.eval_job import EvalJob
from aymara_async.runner.eval_ready import EvalParams, NewEval
from aymara_async.runner.handle import EvalHandle
from aymara_async.runner.outcome import EvalOutcome
from aymara_async.runner.own_prompts import Prompts
from aymara_async.runner.progress import EvalProgress
from aymara_async.runner.settings import OnError, RunnerSettings


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
        wait_timeout: Seconds to wait for the eval's prompts, and for scores, of a server that gives none; None for no
            limit.
        batch_size: Responses per scoring request.
        scoring_concurrency: Scoring requests under way at once.
        workspace_uuid: The workspace; else as the client says.
        is_sandbox: Ask for made-up prompts and scores; else as the client says.
        ai_description: Description of the AI in the run, if it differs from the eval's.
        grace_period: Seconds after which a batch whose answer was lost counts as not arrived, see ``AsyncBulkScorer``.
        run_key: The whole name of the run, and of an eval that is made, whatever ``name`` says; by it another process
            finds both and goes on with them, with a journal or without: what the run holds is neither asked nor scored
            again. First it waits ``grace_period`` for what may come late. No two processes may use it at the same time.
        progress: A callable that gets an ``EvalProgress``; True for a bar of rich or tqdm on a terminal, or
            of tqdm in a notebook.

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
        on_error: OnError = "raise",
        timeout: float | None = None,
        retry: int | AsyncRetrying = 0,
        wait_timeout: float | None = 600.0,
        batch_size: int = 50,
        scoring_concurrency: int = 8,
        workspace_uuid: str | None = None,
        is_sandbox: bool | None = None,
        ai_description: str | None = None,
        grace_period: float = 30.0,
        run_key: str | None = None,
        progress: bool | Callable[[EvalProgress], None] = False,
    ) -> None:
        check_client(client, "EvalRunner")
        check_signature(model)
        self._client = client
        self._model = model
        self._settings = RunnerSettings(
            concurrency=concurrency,
            turns=turns,
            on_error=on_error,
            timeout=timeout,
            retry=retry,
            wait_timeout=wait_timeout,
            batch_size=batch_size,
            scoring_concurrency=scoring_concurrency,
            workspace_uuid=client._settings.call.workspace_uuid if workspace_uuid is None else workspace_uuid,
            is_sandbox=is_sandbox,
            ai_description=ai_description,
            grace_period=grace_period,
            run_key=run_key,
            progress=progress,
        )
        self._slots: asyncio.Semaphore | None = None
        """Places for calls of the model that a suite shares."""

    async def run_eval(
        self,
        eval_params: EvalParams | None = None,
        *,
        eval_uuid: str | None = None,
        prompts: Prompts | None = None,
        run_name: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> EvalOutcome:
        """Create the eval, or take the one with ``eval_uuid``; put every prompt to the model; score every answer.

        ``eval_params`` are the arguments of ``evals.create``. With ``prompts``, texts or ``PromptCreate`` or mappings
        of that, the new eval holds these and no others, and the outcome has their order. ``journal`` is a file that
        keeps what was answered and scored: after a crash the same call goes on where it was.

        Raises ``ModelError``, ``NoThreadError``, ``NoPromptsError``, ``ExactEvalError``, ``JournalError``,
        ``WaitError``, ``IncompleteScoringError`` and ``APIError``. In the outcome every prompt is accounted for.
        """
        began = monotonic()
        path = _absolute(journal)  # the model may change folders
        run_name = self._run_name(run_name)
        new = self._new_eval(eval_params, eval_uuid, prompts)
        async with self._opened(path, new, eval_uuid) as (answers, uuid):
            job = EvalJob(
                client=self._client,
                model=self._model,
                settings=self._settings,
                slots=self._slots or asyncio.Semaphore(self._settings.concurrency),
                eval_uuid=uuid,
                answers=answers,
                path=path,
                began=began,
                run_name=run_name or (new.name if new else None),
            )
            return await job.run()

    async def start(
        self,
        eval_params: EvalParams | None = None,
        *,
        eval_uuid: str | None = None,
        prompts: Prompts | None = None,
        run_name: str | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> EvalHandle:
        """Create the eval, or take the one with ``eval_uuid``, and return a handle for ``resume`` without waiting.

        Arguments are those of ``run_eval``; with ``prompts`` it returns when the eval holds them. The handle can be
        saved and picked up by another process.
        """
        path = _absolute(journal)
        run_name = self._run_name(run_name)
        new = self._new_eval(eval_params, eval_uuid, prompts)
        async with self._opened(path, new, eval_uuid) as (_, uuid):
            return EvalHandle(
                eval_uuid=uuid,
                base_url=self._client.base_url,
                workspace_uuid=self._settings.workspace_uuid,
                journal=None if path is None else str(path),
                turns=self._settings.turns,
                run_name=run_name or (new.name if new else None),
            )

    async def resume(self, handle: EvalHandle) -> EvalOutcome:
        """Bring an eval in progress to its end, from wherever it is; raises what ``run_eval`` raises.

        The runner has to have the API, the workspace and the number of turns of the one that made the handle.
        """
        mine = (self._client.base_url, self._settings.workspace_uuid, self._settings.turns)
        if mine != (handle.base_url, handle.workspace_uuid, handle.turns):
            raise RequestValidationError(
                f"The handle of eval {handle.eval_uuid} is for {handle.base_url}, workspace {handle.workspace_uuid}, "
                f"{handle.turns} turns; this runner for {mine[0]}, workspace {mine[1]}, {mine[2]}. Nothing was sent.",
                path="handle",
            )
        run_name = None if self._settings.run_key is not None else handle.run_name
        return await self.run_eval(eval_uuid=handle.eval_uuid, run_name=run_name, journal=handle.journal)

    def _run_name(self, run_name: str | None) -> str | None:
        if run_name is not None and self._settings.run_key is not None:
            raise RequestValidationError(
                "run_key is the whole name of the run, so that run_name makes no sense beside it. Nothing was sent.",
                path="run_name",
            )
        return run_name

    @asynccontextmanager
    async def _opened(
        self, path: Path | None, new: NewEval | None, eval_uuid: str | None
    ) -> AsyncGenerator[tuple[AnswerJournal, str], None]:
        """Open the journal, see that it is this job's, and tell which eval it is."""
        answers = await AnswerJournal.open(path)
        try:
            await answers.settle("base_url", self._client.base_url)
            await answers.settle("workspace_uuid", self._settings.workspace_uuid or "")
            await answers.settle("turns", self._settings.turns)
            if new is not None:
                settings = self._settings
                eval_uuid = await new.make(
                    self._client, answers, timeout=settings.wait_timeout, grace=settings.grace_period
                )
            assert eval_uuid is not None
            await answers.settle("eval_uuid", eval_uuid)
            yield answers, eval_uuid
        finally:
            await answers.close()

    def _new_eval(
        self, eval_params: EvalParams | None, eval_uuid: str | None, prompts: Prompts | None
    ) -> NewEval | None:
        if (eval_params is None) == (eval_uuid is None):
            raise RequestValidationError(
                "Give either eval_params, for a new eval, or eval_uuid. Nothing was sent.", path="eval_params"
            )
        if eval_params is not None:
            settings = self._settings
            return NewEval.read(
                eval_params,
                prompts,
                workspace_uuid=settings.workspace_uuid,
                is_sandbox=settings.is_sandbox,
                run_key=settings.run_key,
            )
        if prompts is not None:
            raise RequestValidationError(
                "prompts are for a new eval: give eval_params with them, not eval_uuid. Nothing was sent.",
                path="prompts",
            )
        return None


def _absolute(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path).absolute()
