"""Eval runs: answers, and their scores."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Final, Unpack

from msgspec import UNSET, UnsetType

from aymara_async.models import (
    AnswerHistory,
    AnswerUpdateRequest,
    EvalResponse,
    EvalRunExample,
    EvalRunRequest,
    EvalRunResult,
    ScoredResponse,
)
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import DEFAULT_LIMIT, DEFAULT_PREFETCH, DEFAULT_WAIT, AsyncResource
from aymara_async.resources.waiting import Job
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager
from aymara_async.transport.wire import segment

_run_key = attrgetter("eval_run_uuid")


class AsyncRuns(AsyncResource):
    """Eval runs: answers to the prompts of an eval, and their scores."""

    @property
    def with_raw_response(self) -> AsyncRunsWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncRunsWithRawResponse(self)

    async def create(
        self,
        *,
        eval_uuid: str,
        responses: Iterable[EvalResponse | Mapping[str, object]],
        eval_run_uuid: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        ai_description: str | UnsetType | None = UNSET,
        continue_thread: bool | UnsetType | None = UNSET,
        eval_run_examples: Iterable[EvalRunExample | Mapping[str, object]] | UnsetType | None = UNSET,
        is_sandbox: bool | None = None,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> EvalRunResult:
        """Submit responses and return at once (``evals.runs.create``); ``wait`` for the run.

        With ``eval_run_uuid`` they are added to that run. Raises ``OutcomeUnknownError`` if the answer is lost: the run
        may be there, see ``list``.
        """
        fields = {
            "eval_uuid": eval_uuid,
            "responses": responses,
            "eval_run_uuid": eval_run_uuid,
            "name": name,
            "ai_description": ai_description,
            "continue_thread": continue_thread,
            "eval_run_examples": eval_run_examples,
        }
        query = {
            "workspace_uuid": self._workspace(workspace_uuid),
            "is_sandbox": self._sandboxed(is_sandbox=is_sandbox),
        }
        return await self._call(
            "POST", "/v2/eval-runs", EvalRunResult, options, query=query, body=(EvalRunRequest, fields)
        )

    async def score_responses(
        self,
        *,
        eval_uuid: str,
        responses: Iterable[EvalResponse | Mapping[str, object]],
        eval_run_uuid: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        ai_description: str | UnsetType | None = UNSET,
        continue_thread: bool | UnsetType | None = UNSET,
        eval_run_examples: Iterable[EvalRunExample | Mapping[str, object]] | UnsetType | None = UNSET,
        is_sandbox: bool | None = None,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> EvalRunResult:
        """Score responses and return them scored, in ``responses`` (``evals.runs.score_responses``).

        With ``eval_run_uuid`` they are added to that run. With ``continue_thread`` a scored response may carry a
        ``next_prompt``: answer it, and call again for the same run. Raises ``OutcomeUnknownError`` if the answer is
        lost: the responses may be scored, see ``list_responses``.
        """
        fields = {
            "eval_uuid": eval_uuid,
            "responses": responses,
            "eval_run_uuid": eval_run_uuid,
            "name": name,
            "ai_description": ai_description,
            "continue_thread": continue_thread,
            "eval_run_examples": eval_run_examples,
        }
        query = {
            "workspace_uuid": self._workspace(workspace_uuid),
            "is_sandbox": self._sandboxed(is_sandbox=is_sandbox),
        }
        path = "/v2/eval-runs/-/score-responses"
        return await self._call("POST", path, EvalRunResult, options, query=query, body=(EvalRunRequest, fields))

    async def get(
        self, eval_run_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> EvalRunResult:
        """Get one run (``evals.runs.get``)."""
        return await self._call("GET", _path(eval_run_uuid), EvalRunResult, options, query=self._scope(workspace_uuid))

    async def delete(
        self, eval_run_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> None:
        """Delete a run with its responses (``evals.runs.delete``)."""
        return await self._call("DELETE", _path(eval_run_uuid), type(None), options, query=self._scope(workspace_uuid))

    async def update_response(
        self,
        response_uuid: str,
        *,
        eval_run_uuid: str,
        is_passed: bool | UnsetType | None = UNSET,
        confidence: float | UnsetType | None = UNSET,
        explanation: str | UnsetType | None = UNSET,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> ScoredResponse:
        """Correct the score of a response by hand (``evals.runs.update_response``); what is left out stays."""
        path = f"{_path(eval_run_uuid)}/responses/{segment('response_uuid', response_uuid)}"
        fields = {"is_passed": is_passed, "confidence": confidence, "explanation": explanation}
        return await self._call(
            "PATCH",
            path,
            ScoredResponse,
            options,
            query=self._scope(workspace_uuid),
            body=(AnswerUpdateRequest, fields),
        )

    async def wait(
        self,
        eval_run_uuid: str,
        *,
        timeout: float | None = DEFAULT_WAIT,
        poll_interval: float | None = None,
        workspace_uuid: str | None = None,
    ) -> EvalRunResult:
        """Wait until every response is scored, and return the run (``evals.runs.get``, again and again).

        ``timeout`` and ``poll_interval`` are seconds; without the latter the pauses grow from 0.25 to 10 s. Raises
        ``JobFailedError``, and ``WaitTimeoutError`` while the job goes on.
        """
        job = Job(
            get=lambda: self.get(eval_run_uuid, workspace_uuid=workspace_uuid),
            status=lambda run: run.status,
            name="Eval run",
            uuid=eval_run_uuid,
            again="evals.runs.wait",
        )
        return await job.wait(timeout, poll_interval)

    def list_responses(
        self,
        eval_run_uuid: str,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[ScoredResponse]:
        """List the scored responses of a run (``evals.runs.list_responses``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        path, query = f"{_path(eval_run_uuid)}/responses", {"workspace_uuid": self._workspace(workspace_uuid)}
        return self._list(
            path, ScoredResponse, _response_key, query, options, limit=limit, offset=offset, prefetch=prefetch
        )

    async def get_response_history(
        self,
        response_uuid: str,
        *,
        eval_run_uuid: str,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> list[AnswerHistory]:
        """Get the corrections of a response's score, one entry each (``evals.runs.get_response_history``)."""
        path = f"{_path(eval_run_uuid)}/responses/{segment('response_uuid', response_uuid)}/history"
        return await self._call("GET", path, list[AnswerHistory], options, query=self._scope(workspace_uuid))

    def list(
        self,
        *,
        eval_uuid: str | None = None,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[EvalRunResult]:
        """List the runs, all or of one eval (``evals.runs.list``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        query = {"eval_uuid": eval_uuid, "workspace_uuid": self._workspace(workspace_uuid)}
        return self._list(
            "/v2/eval-runs", EvalRunResult, _run_key, query, options, limit=limit, offset=offset, prefetch=prefetch
        )


class AsyncRunsWithRawResponse(WithRawResponse):
    """``evals.runs``, with whole responses."""

    create: Final = raw(AsyncRuns.create)
    score_responses: Final = raw(AsyncRuns.score_responses)
    get: Final = raw(AsyncRuns.get)
    delete: Final = raw(AsyncRuns.delete)
    update_response: Final = raw(AsyncRuns.update_response)
    get_response_history: Final = raw(AsyncRuns.get_response_history)
    list_responses: Final = raw(AsyncRuns.list_responses)
    list: Final = raw(AsyncRuns.list)


def _path(eval_run_uuid: str) -> str:
    return f"/v2/eval-runs/{segment('eval_run_uuid', eval_run_uuid)}"


def _response_key(response: ScoredResponse) -> Hashable:
    return response.response_uuid or (response.prompt_uuid, response.thread_uuid, response.turn_number)
