"""From an HTTP request to its answer: key, route, body, faults, errors, record."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping

import attrs
import msgspec
from aiohttp import web

from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.keys import Keys
from aymara_async.sandbox.record import Record, RecordedRequest
from aymara_async.sandbox.rejection import CODES, RejectedError, malformed
from aymara_async.sandbox.routes import analysis, eval_types, evals, files, health, reports, responses, runs
from aymara_async.sandbox.routing import Route, RouteTable
from aymara_async.sandbox.state import State

_logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024 * 1024
"""The largest JSON body that is read; uploads have a limit of their own."""

_OPEN = frozenset({"health.check"})
_FAMILIES = (health, evals, analysis, runs, responses, eval_types, reports, files)


def all_routes() -> list[Route]:
    """List the 31 operations."""
    return [route for family in _FAMILIES for route in family.ROUTES]


@attrs.define
class Api:
    """The API's origin."""

    state: State
    keys: Keys
    record: Record
    table: RouteTable = attrs.field(factory=lambda: RouteTable(all_routes()))
    _number: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self._number += 1
        recorded = RecordedRequest(
            request_id=f"req_{self._number:08x}",
            origin="api",
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.query,
            operation=None,
            raw_headers=request.headers,
            received_at=self.state.clock(),
        )
        self.record.add(recorded)
        answer = await self._answer(request, recorded)
        recorded.status = answer.status
        return _respond(answer, recorded.request_id)

    async def _answer(self, request: web.BaseRequest, recorded: RecordedRequest) -> Answer:
        try:
            route, path = self.table.find(request.method, recorded.path)
            recorded.operation = route.operation
            if route.operation not in _OPEN:
                self.keys.check(request.method, request.headers)
            call = self._call(request, recorded, route, path)
            if route.reads_body:
                recorded.body = call.body = await _read_body(request)
            answer = route.handler(call)
            return await answer if inspect.isawaitable(answer) else answer
        except RejectedError as rejection:
            return _refusal(rejection, recorded.request_id)
        except Exception:
            _logger.exception("The sandbox failed at %s %s", recorded.method, recorded.path)
            failure = RejectedError(500, CODES[500], "The sandbox failed; its log says why")
            return _refusal(failure, recorded.request_id)

    def _call(self, request: web.BaseRequest, recorded: RecordedRequest, route: Route, path: Mapping[str, str]) -> Call:
        return Call(
            operation=route.operation,
            state=self.state,
            request=request,
            path=path,
            query=request.query,
            request_id=recorded.request_id,
            now=recorded.received_at,
        )


async def _read_body(request: web.BaseRequest) -> bytes:
    if not request.body_exists:
        return b""
    too_large = RejectedError(413, CODES[413], f"The body is larger than {MAX_BODY_BYTES} bytes")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise too_large
    except web.RequestPayloadError as error:
        raise malformed(f"The body cannot be read: {error}") from None
    return bytes(body)


def _refusal(rejection: RejectedError, request_id: str) -> Answer:
    return Answer(rejection.body(request_id), rejection.status, rejection.headers)


def _respond(answer: Answer, request_id: str) -> web.Response:
    headers = {"x-request-id": request_id, **answer.headers}
    if answer.status == 204:
        return web.Response(status=204, headers=headers)
    body = msgspec.json.encode(answer.content)
    return web.Response(status=answer.status, body=body, headers=headers, content_type="application/json")
