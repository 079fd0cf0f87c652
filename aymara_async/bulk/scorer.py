"""AsyncBulkScorer: score very many responses, each exactly once."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from msgspec import UNSET, UnsetType

from aymara_async.bulk.batches import Batches
from aymara_async.bulk.calls import Calls
from aymara_async.bulk.checks import MAX_BATCH_BYTES
from aymara_async.bulk.job import Job
from aymara_async.bulk.journal import Journal
from aymara_async.bulk.opening import Opening
from aymara_async.bulk.progress import BulkProgress, Reporter
from aymara_async.bulk.reconcile import Reconciler
from aymara_async.bulk.result import BulkResult
from aymara_async.bulk.source import Responses, Source
from aymara_async.bulk.verify import Verification
from aymara_async.client import AsyncAymaraAI, check_client
from aymara_async.errors import RequestValidationError
from aymara_async.journal.file import JournalFile
from aymara_async.models import EvalRunExample, ScoredResponse


class AsyncBulkScorer:
    """Score very many responses to the prompts of one eval, each exactly once.

    Args:
        client: Whose connections, time limits and retry policy to use. All bulk jobs of a client share one limiter,
            which finds out how fast the server lets them go; its other calls do not wait for them.
        eval_uuid: The eval whose prompts were answered.
        journal: File that keeps what was sent and scored, made if there is none. With it, a job that was interrupted
            goes on where it was: call ``score`` or ``run`` again with the same input.
        batch_size: Responses per request.
        max_batch_bytes: Bytes of JSON per request; a response beyond that is invalid.
        concurrency: Requests under way at once.
        run_key: The whole name of the run, by which another process finds it and goes on with it, with a journal or
            without: what the run lists is taken, the rest is sent. The first look at the server takes ``grace_period``
            then. No two processes may use it at the same time.
        run_name: Name of the run; something unique is added.
        run_per_batch: Make a run of each batch, instead of one for all.
        ai_description: Description of the AI, if it differs from the eval's.
        eval_run_examples: Examples that show the scorer what passes and what fails.
        is_sandbox: Ask for made-up results; else as the client says.
        workspace_uuid: The workspace; else as the client says.
        on_invalid: What to do with rows that cannot be sent: ``"raise"``, once what comes before them is scored, or
            ``"skip"`` and list them in the result.
        check_prompts: Look up which prompts the eval has, and treat responses to others as invalid (first turns only).
        grace_period: Seconds after which a batch whose answer was lost, and which the server does not list, counts as
            not arrived. It must be longer than the server goes on working on a request whose connection has broken.
        on_unknown: What to do then: ``"resend"``, or ``"raise"`` ``BatchOutcomeUnknownError``.
        patience: Seconds without any success after which the job gives up.
        progress: A callable that gets a ``BulkProgress`` after each batch; True for a bar of rich or tqdm on a
            terminal, or of tqdm in a notebook.

    Raises:
        RequestValidationError: An argument makes no sense.
    """

    def __init__(
        self,
        client: AsyncAymaraAI,
        *,
        eval_uuid: str,
        journal: str | os.PathLike[str] | JournalFile | None = None,
        run_key: str | None = None,
        batch_size: int = 50,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        concurrency: int = 8,
        run_name: str | None = None,
        run_per_batch: bool = False,
        ai_description: str | UnsetType | None = UNSET,
        eval_run_examples: Iterable[EvalRunExample | Mapping[str, object]] | UnsetType | None = UNSET,
        is_sandbox: bool | None = None,
        workspace_uuid: str | None = None,
        on_invalid: Literal["raise", "skip"] = "raise",
        check_prompts: bool = False,
        grace_period: float = 30.0,
        on_unknown: Literal["resend", "raise"] = "resend",
        patience: float = 600.0,
        progress: bool | Callable[[BulkProgress], None] = False,
    ) -> None:
        check_client(client, "BulkScorer")
        _require(_is_text(eval_uuid), "eval_uuid", "a non-empty string", eval_uuid)
        for name, number in (
            ("batch_size", batch_size),
            ("max_batch_bytes", max_batch_bytes),
            ("concurrency", concurrency),
        ):
            _require(_is_count(number), name, "a whole number of at least 1", number)
        for name, seconds in (("grace_period", grace_period), ("patience", patience)):
            _require(_is_duration(seconds), name, "seconds, at least 0", seconds)
        _require(run_key is None or _is_text(run_key), "run_key", "a non-empty string", run_key)
        if run_key is not None and (run_per_batch or run_name is not None):
            other = "run_per_batch" if run_per_batch else "run_name"
            raise RequestValidationError(
                f"run_key is the whole name of one run, so that {other} makes no sense beside it. Nothing was sent.",
                path=other,
            )
        _require(on_invalid in ("raise", "skip"), "on_invalid", '"raise" or "skip"', on_invalid)
        _require(on_unknown in ("resend", "raise"), "on_unknown", '"resend" or "raise"', on_unknown)
        self._client = client
        self._eval_uuid = eval_uuid
        self._journal: Path | JournalFile | None
        if journal is None or isinstance(journal, JournalFile):
            self._journal = journal
        else:
            self._journal = Path(journal).absolute()  # the input may change folders
        self._batch_size, self._max_bytes, self._concurrency = batch_size, max_batch_bytes, concurrency
        self._run_key, self._run_per_batch = run_key, run_per_batch
        self._run_name = run_name or "Bulk scoring"
        examples = eval_run_examples
        self._fields: dict[str, object] = {
            "ai_description": ai_description,
            "eval_run_examples": examples if isinstance(examples, UnsetType | None) else list(examples),
        }
        defaults = client._settings.call
        self._is_sandbox = defaults.use_sandbox if is_sandbox is None else is_sandbox
        self._workspace_uuid = defaults.workspace_uuid if workspace_uuid is None else workspace_uuid
        self._on_invalid: Literal["raise", "skip"] = on_invalid
        self._on_unknown: Literal["resend", "raise"] = on_unknown
        self._check_prompts, self._grace, self._patience = check_prompts, grace_period, patience
        self._progress = progress

    def score(self, responses: Responses) -> ScoringStream:
        """Score responses and iterate over the results, each as soon as it is there (``evals.runs.score_responses``).

        ``responses`` are instances or mappings from any iterable or async iterable, read only as fast as they are sent,
        or the path of a JSON Lines file. The order is that of the server's answers. At the end all are scored and
        listed by the server, or named in ``result``: rejected ones as ``failed``, others as ``unscored``.

        Raises ``InvalidResponseError``, ``JournalError``, ``BatchOutcomeUnknownError``, ``AmbiguousRunError``,
        ``IncompleteScoringError``, ``ScoredTwiceError`` and ``APIError``; what was yielded before is scored.
        """
        result = BulkResult()
        return ScoringStream(self._chunks(responses, result), result)

    async def run(self, responses: Responses) -> BulkResult:
        """Score responses like ``score``, and return how many were scored and passed, and which failed.

        The results themselves are at the server (``evals.runs.list_responses``).
        """
        async with self.score(responses) as stream:
            async for _ in stream.chunks():
                pass
        return stream.result

    async def _chunks(self, responses: Responses, result: BulkResult) -> AsyncGenerator[list[ScoredResponse], None]:
        source = Source(responses)
        reporter = Reporter(self._progress, source.total)
        try:
            run_name = self._run_key or f"{self._run_name} {secrets.token_hex(6)}"
            journal = await Journal.open(self._journal, self._identity(), run_name)
            try:
                job = self._job(journal, source, reporter, result)
                working = asyncio.create_task(job.run())
                try:
                    while (chunk := await job.out.get()) is not None:
                        yield chunk
                finally:
                    while not working.done():  # one cancellation may come just as an error is being stored
                        working.cancel()
                        await asyncio.wait([working], timeout=1)
                if job.error is not None:
                    raise job.error
            finally:
                await journal.close()
        finally:
            source.close()
            reporter.close()

    def _identity(self) -> dict[str, object]:
        return {
            "base_url": self._client.base_url,
            "eval_uuid": self._eval_uuid,
            "workspace_uuid": self._workspace_uuid,
            "is_sandbox": self._is_sandbox,
            "run_key": self._run_key,
        }

    def _job(self, journal: Journal, source: Source, reporter: Reporter, result: BulkResult) -> Job:
        tell = partial(reporter.wait, result)
        calls = Calls(
            self._client,
            eval_uuid=self._eval_uuid,
            workspace_uuid=self._workspace_uuid,
            is_sandbox=self._is_sandbox,
            fields=self._fields,
            patience=self._patience,
            tell=tell,
        )
        batches = Batches(
            source=source,
            journal=journal,
            result=result,
            batch_size=self._batch_size,
            max_bytes=self._max_bytes,
            on_invalid=self._on_invalid,
            knows_prompts=self._check_prompts,
        )
        reconciler = Reconciler(calls=calls, journal=journal, grace=self._grace, patience=self._patience, tell=tell)
        return Job(
            calls=calls,
            journal=journal,
            batches=batches,
            opening=Opening(
                calls=calls,
                journal=journal,
                reconciler=reconciler,
                run_key=self._run_key,
                has_one_run=not self._run_per_batch,
                path=journal.path,
            ),
            reconciler=reconciler,
            verification=Verification(
                calls=calls,
                journal=journal,
                reader=reconciler.reader,
                result=result,
                grace=self._grace,
                patience=self._patience,
                tell=tell,
            ),
            reporter=reporter,
            result=result,
            concurrency=self._concurrency,
            has_one_run=not self._run_per_batch,
            on_unknown=self._on_unknown,
            checks_prompts=self._check_prompts,
            patience=self._patience,
            initial_wait=self._client._settings.call.retry.initial_wait,
        )


class ScoringStream:
    """Scored responses as they come; an async iterator, and an async context manager for who may leave it early."""

    def __init__(self, chunks: AsyncGenerator[list[ScoredResponse], None], result: BulkResult) -> None:
        self._chunks = chunks
        self._ready = deque[ScoredResponse]()
        self.result = result
        """How far it is; complete when the iteration has ended."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ScoredResponse:
        while not self._ready:
            self._ready.extend(await anext(self._chunks))
        return self._ready.popleft()

    def chunks(self) -> AsyncGenerator[list[ScoredResponse], None]:
        """Iterate over lists of results, as they came from the server."""
        return self._chunks

    async def aclose(self) -> None:
        """Stop; what is under way is looked for when the job resumes."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _require(is_met: bool, name: str, what: str, value: object) -> None:
    if not is_met:
        raise RequestValidationError(f"{name} must be {what}, not {value!r}. Nothing was sent.", path=name)
