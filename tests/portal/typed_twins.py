"""Twins of async classes as a type checker sees them; checked, never run."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack, assert_type

from aymara_async.models.evals import Eval
from aymara_async.models.runs import EvalRunResult
from aymara_async.portal.blocking import blocking
from aymara_async.portal.pager import BlockingPage, Pager
from aymara_async.portal.portal import Portal
from aymara_async.portal.resource import BlockingResource, Nested
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import AsyncResource
from aymara_async.response import APIResponse
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager, Page


class AsyncRuns(AsyncResource):
    async def get(self, eval_run_uuid: str) -> EvalRunResult:
        raise NotImplementedError


class AsyncEvals(AsyncResource):
    runs: AsyncRuns

    async def get(
        self, eval_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> Eval:
        raise NotImplementedError

    async def delete(self, eval_uuid: str) -> None:
        raise NotImplementedError

    def list(self, *, limit: int = 100, **options: Unpack[RequestOptions]) -> AsyncPager[Eval]:
        raise NotImplementedError

    @property
    def with_raw_response(self) -> AsyncEvalsWithRawResponse:
        raise NotImplementedError


class AsyncEvalsWithRawResponse(WithRawResponse):
    get = raw(AsyncEvals.get)
    list = raw(AsyncEvals.list)


class Runs(BlockingResource[AsyncRuns]):
    get = blocking(AsyncRuns.get)


class EvalsWithRawResponse(BlockingResource[AsyncEvalsWithRawResponse]):
    get = blocking(AsyncEvalsWithRawResponse.get)
    list = blocking(AsyncEvalsWithRawResponse.list)


class Evals(BlockingResource[AsyncEvals]):
    runs = Nested(Runs)
    with_raw_response = Nested(EvalsWithRawResponse)
    get = blocking(AsyncEvals.get)
    delete = blocking(AsyncEvals.delete)
    list = blocking(AsyncEvals.list)


class Mistaken(BlockingResource[AsyncRuns]):
    get = blocking(AsyncEvals.get)


def results(evals: Evals) -> None:
    assert_type(evals.get("x"), Eval)
    assert_type(evals.get("x", workspace_uuid="w", timeout=3.0), Eval)
    assert_type(Evals.get(evals, "x"), Eval)
    assert_type(evals.runs, Runs)
    assert_type(evals.runs.get("x"), EvalRunResult)
    evals.delete("x")


def lists(evals: Evals) -> None:
    pager = evals.list(limit=3)
    assert_type(pager, Pager[Eval])
    for item in pager:
        assert_type(item, Eval)
    assert_type(pager.items[0], Eval)
    assert_type(pager.count, int)
    assert_type(pager.get_next_page(), BlockingPage[Eval])
    assert_type(pager.pages(), Iterator[BlockingPage[Eval]])


def responses(evals: Evals) -> None:
    response = evals.with_raw_response.get("x")
    assert_type(response, APIResponse[Eval])
    assert_type(response.parse(), Eval)
    assert_type(evals.with_raw_response.list(limit=3).parse(), BlockingPage[Eval])


def mistakes(evals: Evals, mistaken: Mistaken) -> None:
    evals.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    evals.get(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    evals.get("x", nothing=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    evals.get("x", timeout="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    evals.list(3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    evals.with_raw_response.get(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mistaken.get("x")  # type: ignore[arg-type]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def portal_results(portal: Portal, evals: AsyncEvals) -> None:
    assert_type(portal.call(evals.get("x")), Eval)
    assert_type(portal.iterate(evals.list().pages), Iterator[Page[Eval]])
