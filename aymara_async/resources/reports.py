"""Reports over several runs."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final, Unpack

from aymara_async.models import EvalSuiteReport, EvalSuiteReportRequest
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import DEFAULT_LIMIT, DEFAULT_PREFETCH, DEFAULT_WAIT, AsyncResource
from aymara_async.resources.waiting import Job
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager
from aymara_async.transport.wire import segment

_key = attrgetter("eval_suite_report_uuid")


class AsyncReports(AsyncResource):
    """Suite reports: what several eval runs say together."""

    @property
    def with_raw_response(self) -> AsyncReportsWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncReportsWithRawResponse(self)

    async def create(
        self,
        *,
        eval_run_uuids: Iterable[str],
        is_sandbox: bool | None = None,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> EvalSuiteReport:
        """Start a report over finished runs (``reports.create``); ``wait`` for it.

        Raises ``OutcomeUnknownError`` if the answer is lost: the report may be there, see ``list``.
        """
        query = {
            "workspace_uuid": self._workspace(workspace_uuid),
            "is_sandbox": self._sandboxed(is_sandbox=is_sandbox),
        }
        body = (EvalSuiteReportRequest, {"eval_run_uuids": eval_run_uuids})
        return await self._call("POST", "/v2/eval-reports", EvalSuiteReport, options, query=query, body=body)

    async def get(
        self, report_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> EvalSuiteReport:
        """Get one report (``reports.get``)."""
        return await self._call("GET", _path(report_uuid), EvalSuiteReport, options, query=self._scope(workspace_uuid))

    async def delete(
        self, report_uuid: str, *, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> None:
        """Delete a report (``reports.delete``)."""
        return await self._call("DELETE", _path(report_uuid), type(None), options, query=self._scope(workspace_uuid))

    async def wait(
        self,
        report_uuid: str,
        *,
        timeout: float | None = DEFAULT_WAIT,
        poll_interval: float | None = None,
        workspace_uuid: str | None = None,
    ) -> EvalSuiteReport:
        """Wait until the report is finished, and return it (``reports.get``, again and again).

        ``timeout`` and ``poll_interval`` are seconds; without the latter the pauses grow from 0.25 to 10 s. Raises
        ``JobFailedError``, and ``WaitTimeoutError`` while the job goes on.
        """
        job = Job(
            get=lambda: self.get(report_uuid, workspace_uuid=workspace_uuid),
            status=lambda report: report.status,
            name="Report",
            uuid=report_uuid,
            again="reports.wait",
        )
        return await job.wait(timeout, poll_interval)

    def list(
        self,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[EvalSuiteReport]:
        """List the reports (``reports.list``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        query = {"workspace_uuid": self._workspace(workspace_uuid)}
        return self._list(
            "/v2/eval-reports", EvalSuiteReport, _key, query, options, limit=limit, offset=offset, prefetch=prefetch
        )


class AsyncReportsWithRawResponse(WithRawResponse):
    """``reports``, with whole responses."""

    create: Final = raw(AsyncReports.create)
    get: Final = raw(AsyncReports.get)
    delete: Final = raw(AsyncReports.delete)
    list: Final = raw(AsyncReports.list)


def _path(report_uuid: str) -> str:
    return f"/v2/eval-reports/{segment('report_uuid', report_uuid)}"
