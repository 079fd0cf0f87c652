"""From an HTTP request to its answer: route, faults, key, rate limit, body, handler, errors, record."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Sequence

import attrs
from aiohttp import web

from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.control import PREFIX, Control
from aymara_async.sandbox.delivery import Delivery, compose, damage
from aymara_async.sandbox.faults import (
    ChangeCount,
    Error,
    Fail,
    NeverFinish,
    Redirect,
    RepeatPage,
    Reset,
    ShortPage,
    Stall,
)
from aymara_async.sandbox.keys import Keys
from aymara_async.sandbox.plan import Drawn, FaultPlan, RateWindow
from aymara_async.sandbox.record import Record, RecordedRequest
from aymara_async.sandbox.rejection import CODES, RejectedError, code_of, malformed, retry_after
from aymara_async.sandbox.routes import analysis, eval_types, evals, files, health, reports, responses, runs
from aymara_async.sandbox.routing import Route, RouteTable
from aymara_async.sandbox.shape import LISTS, SLOW
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
    plan: FaultPlan
    rate: RateWindow | None
    control: Control
    delivery: Delivery
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
            received_at=self.state.now(),
        )
        drawn: list[Drawn] = []
        try:
            if recorded.path.startswith(PREFIX):
                answer = await self._steer(request, recorded)
            else:
                self.record.add(recorded)
                answer = await self._answer(request, recorded, drawn)
        except RejectedError as rejection:
            answer = _refusal(rejection, recorded.request_id)
        except ConnectionError:
            # The client went away before its request was complete.
            return web.Response(status=400)
        except Exception:
            _logger.exception("The sandbox failed at %s %s", recorded.method, recorded.path)
            failure = RejectedError(500, CODES[500], "The sandbox failed; its log says why")
            answer = _refusal(failure, recorded.request_id)
        message = damage(compose(answer, recorded.request_id), drawn)
        recorded.status = message.status
        return await self.delivery.send(request, message, drawn)

    async def _steer(self, request: web.BaseRequest, recorded: RecordedRequest) -> Answer:
        self.keys.check(request.method, request.headers)
        return self.control.handle(request.method, recorded.path, await _read_body(request))

    async def _answer(self, request: web.BaseRequest, recorded: RecordedRequest, drawn: list[Drawn]) -> Answer:
        route, path = self.table.find(request.method, recorded.path)
        recorded.operation = route.operation
        drawn += self.plan.draw(route.operation)
        recorded.faults = tuple(one.fault.kind for one in drawn)
        if route.reads_body:
            self.record.add_body(recorded, await _read_body(request))
        before = self._misbehave_before(request, recorded, drawn) if drawn else None
        if before is not None:
            return before
        if route.operation not in _OPEN:
            self.keys.check(request.method, request.headers)
        self._limit_rate(recorded)
        call = Call(
            operation=route.operation,
            state=self.state,
            request=request,
            path=path,
            query=request.query,
            request_id=recorded.request_id,
            now=self.state.now(),
            body=recorded.body,
        )
        if drawn:
            _instruct(call, drawn)
        answer = await self._shaped(route, call)
        return _misbehave_after(answer, call, drawn) if drawn else answer

    async def _shaped(self, route: Route, call: Call) -> Answer:
        """Let the handler answer as the shape of this server wants it."""
        shaping = self.state.shaping
        if shaping.shape.work and route.operation in SLOW:
            await self.delivery.pause(shaping.shape.work)
            call.now = self.state.now()
        is_list = route.operation in LISTS and not shaping.shape.is_plain
        page = call.take_page() if is_list else None
        answer = route.handler(call)
        if inspect.isawaitable(answer):
            answer = await answer
        content = answer.content
        if page is not None and isinstance(content, dict):
            answer.content = shaping.page(content["items"], *page, call.now)
        elif isinstance(content, dict) and isinstance(content.get("responses"), list):
            content["responses"] = [shaping.shape.echo(one) for one in content["responses"]]
        return answer

    def _limit_rate(self, recorded: RecordedRequest) -> None:
        wait = 0.0 if self.rate is None else self.rate.wait(recorded.received_at)
        if self.rate is not None and wait > 0:
            recorded.faults += ("rate_limit",)
            headers = retry_after(math.ceil(wait), self.rate.limit.retry_after, recorded.received_at)
            raise RejectedError(429, CODES[429], "Too many requests", {"retry_after_seconds": wait}, headers)

    def _misbehave_before(
        self, request: web.BaseRequest, recorded: RecordedRequest, drawn: Sequence[Drawn]
    ) -> Answer | None:
        """Do what happens before a request is processed; an answer means that it never is."""
        for one in drawn:
            fault = one.fault
            if isinstance(fault, Error) and not fault.processed:
                raise _error(fault, recorded.received_at)
            if isinstance(fault, Redirect):
                return Answer({}, fault.status, {"Location": f"{self.state.storage_url}{request.rel_url}"})
            if isinstance(fault, (Reset, Stall)) and not fault.processed:
                return Answer({}, 503)
        return None


def _instruct(call: Call, drawn: Sequence[Drawn]) -> None:
    for one in drawn:
        if isinstance(one.fault, Fail):
            call.fate = "failed"
        elif isinstance(one.fault, NeverFinish):
            call.fate = "never"
        elif isinstance(one.fault, RepeatPage):
            call.paging = "repeat"
        elif isinstance(one.fault, ShortPage):
            call.paging = "short"


def _misbehave_after(answer: Answer, call: Call, drawn: Sequence[Drawn]) -> Answer:
    for one in drawn:
        fault = one.fault
        if isinstance(fault, Error):
            raise _error(fault, call.now)
        content = answer.content
        if isinstance(fault, ChangeCount) and isinstance(content, dict) and isinstance(content.get("count"), int):
            content["count"] = max(0, content["count"] + fault.by)
    return answer


def _error(fault: Error, now: float) -> RejectedError:
    form = "none" if fault.retry_after is None else fault.retry_after_form
    headers = retry_after(fault.retry_after or 0.0, form, now)
    return RejectedError(fault.status, fault.code or code_of(fault.status), fault.message, headers=headers)


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
