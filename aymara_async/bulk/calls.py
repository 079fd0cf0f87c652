"""The calls that a bulk job makes, each attempt of which waits for its turn at the client's limiter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import attrs

from aymara_async.bulk.limiter import Limiter, Pace, limiter_of
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIError, APIStatusError
from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse
from aymara_async.transport.pager import Page

PREFETCH = 4
PART = 100


@attrs.frozen
class Listed:
    """A part of a run's list of responses."""

    offset: int
    responses: list[ScoredResponse]
    count: int
    """How many the whole list had."""


class Calls:
    """Send batches, and read what the server has."""

    def __init__(
        self,
        client: AsyncAymaraAI,
        *,
        eval_uuid: str,
        workspace_uuid: str | None,
        is_sandbox: bool | None,
        fields: Mapping[str, object],
        patience: float,
        tell: Callable[[str | None], None],
    ) -> None:
        """``fields`` are those of the request that all batches have in common; ``tell`` is as for ``Pace``."""
        policy = client._settings.call.retry
        self.limiter: Limiter = limiter_of(client._session, policy)
        self._eval_uuid = eval_uuid
        self._scope: dict[str, Any] = {} if workspace_uuid is None else {"workspace_uuid": workspace_uuid}
        self._fields: dict[str, Any] = {**fields, **self._scope, "eval_uuid": eval_uuid, "is_sandbox": is_sandbox}
        # No deadline, which would count the time in the limiter's queue.
        pace = Pace(limiter=self.limiter, patience=patience, tell=tell)
        self._reader = _paced(client.with_options(deadline=None), pace)
        self._sender = _paced(client.with_options(deadline=None, max_retries=0), pace)

    async def score(
        self, responses: Sequence[Mapping[str, object]], run_name: str, eval_run_uuid: str | None
    ) -> EvalRunResult:
        """Send a batch once, to a run or to a new one of that name; raises ``APIError``."""
        where: dict[str, Any] = {"name": run_name} if eval_run_uuid is None else {"eval_run_uuid": eval_run_uuid}
        return await self._sender.evals.runs.score_responses(responses=responses, **where, **self._fields)

    async def runs(self) -> AsyncGenerator[EvalRunResult, None]:
        """List the eval's runs."""
        pager = self._reader.evals.runs.list(eval_uuid=self._eval_uuid, prefetch=PREFETCH, **self._scope)
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                for run in page.items:
                    yield run

    async def run(self, eval_run_uuid: str) -> EvalRunResult:
        """Look at a run."""
        return await self._reader.evals.runs.get(eval_run_uuid, **self._scope)

    async def listed(self, eval_run_uuid: str, *, offset: int = 0) -> AsyncGenerator[Listed, None]:
        """List a run's responses from an offset on, part after part, fetched ahead.

        The list may grow meanwhile, at any place, so that what was in a part may come again in the next.
        """
        at, count = offset, 0
        ahead: deque[asyncio.Task[Listed]] = deque()
        try:
            while True:
                # At least one more, wherever the server counts the end to be, if the last part was full.
                while not ahead or (len(ahead) < PREFETCH and at < count):
                    ahead.append(asyncio.create_task(self._part(eval_run_uuid, at)))
                    at += PART
                part = await ahead[0]
                _ = ahead.popleft()
                count = max(count, part.count)
                if part.responses:
                    yield part
                if not part.responses or (len(part.responses) < PART and not ahead and at >= count):
                    return
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _part(self, eval_run_uuid: str, offset: int) -> Listed:
        """List a whole part, of which the server may give less at a time."""
        part = Listed(offset, [], 0)
        while len(part.responses) < PART:
            at = offset + len(part.responses)
            page = await self._page(eval_run_uuid, offset=at, limit=PART - len(part.responses))
            part = Listed(offset, part.responses + page.items, page.count)
            if not page.items or offset + len(part.responses) >= page.count:
                break
        return part

    async def count_listed(self, eval_run_uuid: str) -> int:
        """Tell how many responses a run lists."""
        return (await self._page(eval_run_uuid, limit=1)).count

    async def _page(self, eval_run_uuid: str, *, limit: int, offset: int = 0) -> Page[ScoredResponse]:
        return await self._reader.evals.runs.list_responses(eval_run_uuid, offset=offset, limit=limit, **self._scope)

    async def prompts(self) -> AsyncGenerator[list[EvalPrompt], None]:
        """List the eval's prompts, page after page."""
        pager = self._reader.evals.list_prompts(self._eval_uuid, prefetch=PREFETCH, **self._scope)
        async with aclosing(pager.pages()) as pages:
            async for page in pages:
                yield page.items


def may_answer_within(patience: float, error: APIError) -> bool:
    """Tell whether it makes sense to ask again: the failure passes, and the server asks for no longer wait."""
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    return error.is_passing and (asked is None or asked <= patience)


def _paced(view: AsyncAymaraAI, pace: Pace) -> AsyncAymaraAI:
    """Let each attempt of a view's calls wait for its turn, and no longer than the patience."""
    settings = view._settings.call
    longest = min(settings.retry.max_retry_after, pace.patience)
    call = attrs.evolve(settings, pace=pace, retry=attrs.evolve(settings.retry, max_retry_after=longest))
    view._bind(attrs.evolve(view._settings, call=call), view._session)
    return view
