"""SessionManager: every call goes through it, and only it talks to aiohttp."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import attrs
from multidict import CIMultiDict
from yarl import URL

from aymara_async.errors import (
    APIError,
    APIResponseValidationError,
    ClientClosedError,
    NotFoundError,
)
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from aymara_async.transport.addresses import redirect_target, shown_url
from aymara_async.transport.body import Body
from aymara_async.transport.clock import monotonic
from aymara_async.transport.failure import Attempt, ConnectionBrokenError, Sending, no_room_error
from aymara_async.transport.loops import PerLoop
from aymara_async.transport.opener import ConnectionSettings, LoopSession, SessionOpener
from aymara_async.transport.options import CallOptions
from aymara_async.transport.payload import BytesPayload, FileFaultError, FilePayload, make_payload
from aymara_async.transport.proxy import Proxy, proxy_for
from aymara_async.transport.redaction import redact
from aymara_async.transport.request import Request
from aymara_async.transport.retry import RetryBudget, retrying
from aymara_async.transport.shared import Shared

logger: logging.Logger = logging.getLogger("aymara_async")

_MAX_REDIRECTS = 5


class SessionManager(Shared):
    """Send calls, each attempt within its time, and again where that is safe."""

    def __init__(self, settings: ConnectionSettings, restore: Callable[[bool], SessionManager] | None = None) -> None:
        """``restore`` makes the session again after pickling, told whether a call had a key of its own."""
        self.settings: ConnectionSettings = settings
        self.restore: Callable[[bool], SessionManager] | None = restore
        self.budget: RetryBudget = RetryBudget()
        self.is_closed: bool = False
        self.kept: object = None
        """What an upper floor keeps for all calls of this client."""
        self._limit = settings.max_response_bytes
        self._opener = SessionOpener(settings)
        self._sessions = PerLoop(self._opener.open, LoopSession.close, LoopSession.drop)
        self._foreign = PerLoop(self._opener.open_foreign, LoopSession.close, LoopSession.drop)

    async def request(self, request: Request, options: CallOptions) -> APIResponse[object]:
        """Send one call and return its successful response, undecoded; raises ``APIError``.

        It keeps its place among the connections to its end, also while it waits to be sent again: those who come after
        it would only be refused as well.
        """
        sessions = self._sessions_for(request)
        session = sessions.current() or await sessions.get()
        if options.deadline is None:
            deadline = None
            await session.room.acquire()
        else:
            deadline = monotonic() + options.deadline
            await self._take_place(session, request, options.deadline)
        try:
            if options.pace is not None:
                await options.pace.admit()
            response = await self._attempt(request, session, options, _time_left(request, deadline))
        except APIError as first:
            try:
                return await self._again(first, session, request, options, deadline)
            except APIError as error:
                raise error.with_traceback(None)  # noqa: B904 - the frames below tell the caller nothing
        finally:
            session.room.release()
        if self.budget.tokens < self.budget.capacity:
            self.budget.refund()
        return response

    async def _take_place(self, session: LoopSession, request: Request, seconds: float) -> None:
        try:
            async with session.limits.of(seconds):
                await session.room.acquire()
        except TimeoutError as error:
            raise no_room_error(
                request.method, request.kept(request.url), seconds, self.settings.max_connections
            ) from error

    async def close(self) -> None:
        """Close the sessions of every loop; further calls raise ``ClientClosedError``."""
        self.is_closed = True
        await self._sessions.aclose()
        await self._foreign.aclose()

    async def _again(
        self,
        first: APIError,
        session: LoopSession,
        request: Request,
        options: CallOptions,
        deadline: float | None,
    ) -> APIResponse[object]:
        has_acted = False

        async def send(attempt: int, previous: APIError) -> APIResponse[object]:
            nonlocal has_acted
            has_acted = has_acted or previous.may_have_acted
            if options.pace is not None:
                await options.pace.admit()
            if self.is_closed:
                raise ClientClosedError(
                    f"The client was closed before this call could be sent again. What came of it so far: {previous}"
                ) from previous
            try:
                response = await self._attempt(request, session, options, _time_left(request, deadline))
            except NotFoundError as error:
                # An earlier try deleted it, and only the answer was lost.
                if request.method != "DELETE" or not has_acted:
                    raise
                response = error.response
            response.attempts = attempt
            return response

        return await retrying(
            first,
            send,
            policy=options.retry if request.is_repeatable else attrs.evolve(options.retry, max_retries=0),
            budget=self.budget,
            is_idempotent=request.is_idempotent,
            deadline=deadline,
        )

    async def _attempt(
        self,
        request: Request,
        session: LoopSession,
        options: CallOptions,
        timeout: float | None,
        redirect: str | None = None,
        hops: int = 0,
    ) -> APIResponse[object]:
        """Send once, following redirects on the same origin, and read the whole response."""
        method, url = request.method, redirect or request.url
        data, payload = (None, None) if request.body is None else await self._payload(request, request.body)
        self._check_open()  # perhaps only since it got its place, or its body was begun
        sending = None if method == "GET" else Sending()
        how = self._how(request, url, data, sending)
        started = monotonic()
        try:
            async with session.limits.of(timeout):
                response = await session.http.request(method, URL(url, encoded=True), **how)
                try:
                    # A short body has come with its headers; only of a longer one is it worth asking how long.
                    body = response.content
                    content = body.read_nowait() if body.is_eof() else await self._read(session, response, request)
                except BaseException:
                    response.close()
                    raise
        except (aiohttp.ClientError, OSError, ConnectionBrokenError, ValueError) as error:
            how.clear()
            failure = Attempt(request, url, payload, sending, timeout, self.settings.headers).failed(error)
            # What aiohttp says may repeat the query of a presigned URL, or a key that the server has repeated.
            is_telling = request.is_foreign or isinstance(failure, APIResponseValidationError)
            raise failure from None if is_telling else error
        if len(content) > self._limit:
            raise self._too_large(response, request)
        answer = _answer(response, response.headers, content, method, request.kept(url))
        if options.pace is not None:
            options.pace.observe(answer, started)
        if logger.isEnabledFor(logging.DEBUG):
            _log(answer, monotonic() - started)
        if answer.status_code < 300:
            return answer
        target = None if request.is_foreign else redirect_target(method, url, answer.status_code, answer.headers)
        if target is not None and hops < _MAX_REDIRECTS and request.is_repeatable:
            left = None if timeout is None else max(0.001, timeout - (monotonic() - started))
            return await self._attempt(request, session, options, left, target, hops + 1)
        how.clear()
        redact(answer, self.settings.headers, request.headers)
        raise wire.status_error(answer, is_foreign=request.is_foreign)

    async def _payload(self, request: Request, body: Body) -> tuple[object, BytesPayload | FilePayload]:
        try:
            return await make_payload(body)
        except FileFaultError as fault:
            raise Attempt(request, request.url, None, None, None, None).failed(fault) from fault.__cause__

    def _sessions_for(self, request: Request) -> PerLoop[LoopSession]:
        self._check_open()
        return self._foreign if request.is_foreign else self._sessions

    def _check_open(self) -> None:
        if self.is_closed:
            raise ClientClosedError(
                "The client is closed, so nothing was sent. Make a new one, or close this one later."
            )

    async def _read(self, session: LoopSession, response: aiohttp.ClientResponse, request: Request) -> bytes:
        """Read a body that is still coming, unless the session is closed meanwhile."""
        session.reading.add(response.content)
        try:
            return await self._read_bounded(response, request)
        finally:
            session.reading.discard(response.content)

    async def _read_bounded(self, response: aiohttp.ClientResponse, request: Request) -> bytes:
        """Read a body of any size, but no more than a chunk beyond the bound, however well it was compressed."""
        limit, length = self._limit, response.content_length
        if length is not None and length > limit:
            raise self._too_large(response, request)
        if length is not None and "Content-Encoding" not in response.headers:
            return await response.read()
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > limit:
                break
        return bytes(content)

    def _too_large(self, response: aiohttp.ClientResponse, request: Request) -> APIResponseValidationError:
        response.close()
        return APIResponseValidationError(
            f"{request.method} {shown_url(request.url)} answered {response.status} with more than {self._limit} "
            "bytes, which was not read. The server did its work; only its answer is missing. Ask for smaller pages, or "
            "raise max_response_bytes.",
            response=_answer(response, CIMultiDict(response.headers), b"", request.method, request.kept(request.url)),
            path=None,
            body=None,
        )

    def _how(self, request: Request, url: str, payload: object, sending: Sending | None) -> dict[str, Any]:
        """Say how to send; each argument costs time on the way through aiohttp, so a plain GET passes few."""
        how: dict[str, Any] = {"allow_redirects": False}
        if request.headers is not None:
            how["headers"] = request.headers
        if sending is not None:
            how["data"], how["middlewares"] = payload, (sending,)
        proxy = proxy_for(url) if request.is_foreign else self._opener.proxy
        if proxy is not None:
            how |= self._by_proxy(proxy, request)
        return how

    def _by_proxy(self, proxy: Proxy, request: Request) -> dict[str, object]:
        """Say how to send through a proxy: a tunnel shows it the login alone, else it sees the request."""
        headers = CIMultiDict({} if request.is_foreign else self.settings.headers)
        headers.update(request.headers or {})
        if request.url.startswith("https:"):
            return {"proxy": proxy.url, "proxy_headers": proxy.headers, "headers": headers}
        headers.update(proxy.headers or {})
        return {"proxy": proxy.url, "headers": headers}


def _time_left(request: Request, deadline: float | None) -> float | None:
    """Return how many seconds the next attempt may take."""
    if deadline is None:
        return request.timeout
    left = max(0.001, deadline - monotonic())
    return left if request.timeout is None else min(request.timeout, left)


def _answer(
    response: aiohttp.ClientResponse, headers: Mapping[str, str], content: bytes, method: str, url: str
) -> APIResponse[object]:
    return APIResponse(
        status_code=response.status,
        headers=headers,
        content=content,
        method=method,
        url=url,
        decode=wire.content_of,
    )


def _log(answer: APIResponse[object], seconds: float) -> None:
    target, size = shown_url(answer.url), len(answer.content)
    logger.debug("%s %s -> %d, %d bytes in %.1f ms", answer.method, target, answer.status_code, size, seconds * 1000)
