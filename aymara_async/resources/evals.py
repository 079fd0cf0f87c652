"""Evals: what is tested, and with which prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Final, Unpack

from msgspec import UNSET, UnsetType

from aymara_async.models import (
    AIInstructions,
    ContentType,
    Eval,
    EvalAnalysisRequest,
    EvalAnalyzeResponse,
    EvalCreate,
    EvalPrompt,
    EvalUpdate,
    FileReference,
    PromptCreate,
    PromptExample,
    PromptUpdate,
    SortKey,
    SortOrder,
    Status,
)
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import DEFAULT_LIMIT, DEFAULT_PREFETCH, DEFAULT_WAIT, AsyncResource
from aymara_async.resources.runs import AsyncRuns, AsyncRunsWithRawResponse
from aymara_async.resources.waiting import Job
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager
from aymara_async.transport.wire import segment

_eval_key = attrgetter("eval_uuid")
_prompt_key = attrgetter("prompt_uuid", "thread_uuid", "turn_number")


class AsyncEvals(AsyncResource):
    """Evals: what is tested, and with which prompts."""

    @cached_property
    def runs(self) -> AsyncRuns:
        """Eval runs: answers to the prompts of an eval, and their scores."""
        return AsyncRuns(self._caller)

    @property
    def with_raw_response(self) -> AsyncEvalsWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncEvalsWithRawResponse(self)

    async def create(
        self,
        *,
        ai_description: str,
        eval_type: str,
        ai_instructions: AIInstructions | Mapping[str, object] | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        eval_instructions: str | UnsetType | None = UNSET,
        ground_truth: str | FileReference | Mapping[str, object] | UnsetType | None = UNSET,
        language: str | UnsetType | None = UNSET,
        modality: ContentType | UnsetType = UNSET,
        num_prompts: int | UnsetType | None = UNSET,
        prompt_examples: Iterable[PromptExample | Mapping[str, object]] | UnsetType | None = UNSET,
        is_jailbreak: bool | UnsetType = UNSET,
        is_sandbox: bool | UnsetType = UNSET,
        eval_uuid: str | UnsetType | None = UNSET,
        created_at: datetime | str | UnsetType | None = UNSET,
        created_by: str | UnsetType | None = UNSET,
        status: Status | UnsetType | None = UNSET,
        updated_at: datetime | str | UnsetType | None = UNSET,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Eval:
        """Create an eval (``evals.create``); its prompts are ready once ``wait`` returns.

        ``eval_type`` is a slug such as ``"safety"``, see ``eval_types.list``. Raises ``OutcomeUnknownError`` if the
        answer is lost: the eval may be there, see ``list``.
        """
        workspace = self._workspace(workspace_uuid)
        if is_sandbox is UNSET and self._caller.options.use_sandbox is not None:
            is_sandbox = self._caller.options.use_sandbox
        fields = {
            "ai_description": ai_description,
            "eval_type": eval_type,
            "ai_instructions": ai_instructions,
            "name": name,
            "eval_instructions": eval_instructions,
            "ground_truth": ground_truth,
            "language": language,
            "modality": modality,
            "num_prompts": num_prompts,
            "prompt_examples": prompt_examples,
            "is_jailbreak": is_jailbreak,
            "is_sandbox": is_sandbox,
            "eval_uuid": eval_uuid,
            "created_at": created_at,
            "created_by": created_by,
            "status": status,
            "updated_at": updated_at,
            "workspace_uuid": UNSET if workspace is None else workspace,
        }
        return await self._call("POST", "/v2/evals", Eval, options, body=(EvalCreate, fields))

    async def get(
        self, eval_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> Eval:
        """Get one eval (``evals.get``)."""
        return await self._call("GET", _path(eval_uuid), Eval, options, query=self._scope(workspace_uuid))

    async def update(
        self,
        eval_uuid: str,
        *,
        name: str | UnsetType | None = UNSET,
        ai_description: str | UnsetType | None = UNSET,
        ai_instructions: AIInstructions | Mapping[str, object] | UnsetType | None = UNSET,
        eval_instructions: str | UnsetType | None = UNSET,
        ground_truth: str | FileReference | Mapping[str, object] | UnsetType | None = UNSET,
        prompt_creates: Iterable[PromptCreate | Mapping[str, object]] | UnsetType | None = UNSET,
        prompt_updates: Iterable[PromptUpdate | Mapping[str, object]] | UnsetType | None = UNSET,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Eval:
        """Change an eval, or add, change and delete its prompts (``evals.update``); what is left out stays.

        With ``prompt_creates`` it is not sent a second time when the answer is lost, and raises
        ``OutcomeUnknownError``: the prompts may be there, see ``list_prompts``.
        """
        creates_prompts = prompt_creates is not UNSET and prompt_creates is not None
        fields = {
            "name": name,
            "ai_description": ai_description,
            "ai_instructions": ai_instructions,
            "eval_instructions": eval_instructions,
            "ground_truth": ground_truth,
            "prompt_creates": prompt_creates,
            "prompt_updates": prompt_updates,
        }
        return await self._call(
            "PUT",
            _path(eval_uuid),
            Eval,
            options,
            query=self._scope(workspace_uuid),
            body=(EvalUpdate, fields),
            is_idempotent=not creates_prompts,
        )

    async def delete(
        self, eval_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> None:
        """Delete an eval (``evals.delete``)."""
        return await self._call("DELETE", _path(eval_uuid), type(None), options, query=self._scope(workspace_uuid))

    async def analyze(
        self,
        *,
        created_after: datetime | str | UnsetType | None = UNSET,
        created_before: datetime | str | UnsetType | None = UNSET,
        created_by: str | UnsetType | None = UNSET,
        eval_type: str | UnsetType | None = UNSET,
        has_score_runs: bool | UnsetType | None = UNSET,
        is_jailbreak: bool | UnsetType | None = UNSET,
        is_sandbox: bool | UnsetType | None = UNSET,
        language: str | UnsetType | None = UNSET,
        limit: int | UnsetType = UNSET,
        max_pass_rate: float | UnsetType | None = UNSET,
        min_pass_rate: float | UnsetType | None = UNSET,
        modality: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        offset: int | UnsetType = UNSET,
        run_created_after: datetime | str | UnsetType | None = UNSET,
        run_created_before: datetime | str | UnsetType | None = UNSET,
        score_run_status: str | UnsetType | None = UNSET,
        sort_by: SortKey | UnsetType = UNSET,
        sort_order: SortOrder | UnsetType = UNSET,
        status: str | UnsetType | None = UNSET,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> EvalAnalyzeResponse:
        """Find evals by their properties and those of their runs, with statistics (``evals.analyze``).

        Times need a time zone; pass rates are 0.0 to 1.0; ``name`` matches any part, in upper or lower case; ``limit``
        is at most 100.
        """
        workspace = self._workspace(workspace_uuid)
        fields = {
            "created_after": created_after,
            "created_before": created_before,
            "created_by": created_by,
            "eval_type": eval_type,
            "has_score_runs": has_score_runs,
            "is_jailbreak": is_jailbreak,
            "is_sandbox": is_sandbox,
            "language": language,
            "limit": limit,
            "max_pass_rate": max_pass_rate,
            "min_pass_rate": min_pass_rate,
            "modality": modality,
            "name": name,
            "offset": offset,
            "run_created_after": run_created_after,
            "run_created_before": run_created_before,
            "score_run_status": score_run_status,
            "sort_by": sort_by,
            "sort_order": sort_order,
            "status": status,
            "workspace_uuid": UNSET if workspace is None else workspace,
        }
        body = (EvalAnalysisRequest, fields)
        return await self._call(
            "POST", "/v2/eval-analysis", EvalAnalyzeResponse, options, body=body, is_idempotent=True
        )

    async def wait(
        self,
        eval_uuid: str,
        *,
        timeout: float | None = DEFAULT_WAIT,
        poll_interval: float | None = None,
        workspace_uuid: str | None = None,
    ) -> Eval:
        """Wait until the eval's prompts are ready, and return it (``evals.get``, again and again).

        ``timeout`` and ``poll_interval`` are seconds; without the latter the pauses grow from 0.25 to 10 s. Raises
        ``JobFailedError``, and ``WaitTimeoutError`` while the job goes on.
        """
        job = Job(
            get=lambda: self.get(eval_uuid, workspace_uuid=workspace_uuid),
            status=lambda found: found.status,
            name="Eval",
            uuid=eval_uuid,
            again="evals.wait",
        )
        return await job.wait(timeout, poll_interval)

    def list_prompts(
        self,
        eval_uuid: str,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[EvalPrompt]:
        """List the prompts of an eval (``evals.list_prompts``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        path, query = f"{_path(eval_uuid)}/prompts", {"workspace_uuid": self._workspace(workspace_uuid)}
        return self._list(path, EvalPrompt, _prompt_key, query, options, limit=limit, offset=offset, prefetch=prefetch)

    def list(
        self,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[Eval]:
        """List the evals (``evals.list``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        query = {"workspace_uuid": self._workspace(workspace_uuid)}
        return self._list("/v2/evals", Eval, _eval_key, query, options, limit=limit, offset=offset, prefetch=prefetch)


class AsyncEvalsWithRawResponse(WithRawResponse):
    """``evals``, with whole responses."""

    create: Final = raw(AsyncEvals.create)
    get: Final = raw(AsyncEvals.get)
    update: Final = raw(AsyncEvals.update)
    delete: Final = raw(AsyncEvals.delete)
    analyze: Final = raw(AsyncEvals.analyze)
    list_prompts: Final = raw(AsyncEvals.list_prompts)
    list: Final = raw(AsyncEvals.list)

    @property
    def runs(self) -> AsyncRunsWithRawResponse:
        """``evals.runs``, with whole responses."""
        return AsyncRunsWithRawResponse(AsyncRuns(self._resource._caller))


def _path(eval_uuid: str) -> str:
    return f"/v2/evals/{segment('eval_uuid', eval_uuid)}"
