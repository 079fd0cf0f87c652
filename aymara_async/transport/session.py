"""SessionManager: every call goes through it, and only it talks to aiohttp."""

from __future__ import annotations

import asyncio
import io
import logging
import ssl
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import attrs
from aiohttp.payload import Payload
from multidict import CIMultiDict
from yarl import URL

from aymara_async.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    ClientClosedError,
    NotFoundError,
    RequestValidationError,
)
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from aymara_async.transport.body import Body, FileBody
from aymara_async.transport.loops import PerLoop
from aymara_async.transport.options import CallOptions
from aymara_async.transport.proxy import Proxy, proxy_for
from aymara_async.transport.retry import RetryBudget, may_have_acted, retrying

logger = logging.getLogger("aymara_async")

_MAX_REDIRECTS = 5
_CHUNK = 256 * 1024
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_BAD_TLS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)
_client_timeout = lru_cache(maxsize=64)(lambda total: aiohttp.ClientTimeout(total=total, connect=None))


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """What all calls of a client share: where they go, as whom, and how wide the way is."""

    base_url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    """Sent with every call to ``base_url``, and nowhere else; they hold the key."""
    max_connections: int = 100
    max_response_bytes: int = 256 * 1024 * 1024
    ssl_context: ssl.SSLContext | None = None


@attrs.frozen(kw_only=True)
class Request:
    """One call, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str] | None = None
    body: Body | None = None
    timeout: float | None = None
    """Seconds for each attempt."""
    is_idempotent: bool = True
    """Whether the server may be asked twice."""
    is_foreign: bool = False
    """Whether it goes to another host than the API's, without the client's headers."""


class SessionManager:
    """Send calls, each attempt within its time, and again where that is safe."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.budget = RetryBudget()
        self.is_closed = False
        self._tls = settings.ssl_context
        self._proxy: Proxy | None = None
        self._sessions = PerLoop(partial(self._open, is_foreign=False), aiohttp.ClientSession.close, _drop)
        self._foreign = PerLoop(partial(self._open, is_foreign=True), aiohttp.ClientSession.close, _drop)

    async def request(self, request: Request, options: CallOptions) -> APIResponse[object]:
        """Send one call and return its successful response, undecoded; raises ``APIError``."""
        if options.deadline is None:
            deadline, timeout = None, request.timeout
        else:
            deadline = monotonic() + options.deadline
            timeout = options.deadline if request.timeout is None else min(request.timeout, options.deadline)
        try:
            response = await self._attempt(request, timeout)
        except APIError as first:
            return await self._again(first, request, options, deadline)
        if self.budget.tokens < self.budget.capacity:
            self.budget.refund()
        return response

    async def close(self) -> None:
        """Close the sessions of every loop; further calls raise ``ClientClosedError``."""
        self.is_closed = True
        await self._sessions.aclose()
        await self._foreign.aclose()

    async def _again(
        self, first: APIError, request: Request, options: CallOptions, deadline: float | None
    ) -> APIResponse[object]:
        has_acted = False

        async def send(attempt: int, previous: APIError) -> APIResponse[object]:
            nonlocal has_acted
            has_acted = has_acted or may_have_acted(previous)
            timeout = request.timeout
            if deadline is not None:
                left = max(0.001, deadline - monotonic())
                timeout = left if timeout is None else min(timeout, left)
            try:
                response = await self._attempt(request, timeout)
            except NotFoundError as error:
                # An earlier try deleted it, and only the answer was lost.
                if request.method == "DELETE" and has_acted:
                    return error.response
                raise
            response.attempts = attempt
            return response

        is_repeatable = not isinstance(request.body, FileBody) or request.body.start is not None
        return await retrying(
            first,
            send,
            policy=options.retry if is_repeatable else attrs.evolve(options.retry, max_retries=0),
            budget=self.budget,
            is_idempotent=request.is_idempotent,
            deadline=deadline,
        )

    async def _attempt(self, request: Request, timeout: float | None) -> APIResponse[object]:
        """Send once, following redirects on the same origin."""
        response = await self._exchange(request, request.url, timeout)
        status = response.status_code
        if status < 300:
            return response
        url = request.url
        for _ in range(_MAX_REDIRECTS):
            target = wire.redirect_target(request.method, url, status, response.headers)
            if target is None or request.is_foreign:
                break
            url = target
            response = await self._exchange(request, url, timeout)
            status = response.status_code
        if status < 300:
            return response
        response.headers = CIMultiDict(response.headers)
        raise wire.status_error(response)

    async def _exchange(self, request: Request, url: str, timeout: float | None) -> APIResponse[object]:
        """Send one HTTP request and read its whole response, whatever its status."""
        sessions = self._foreign if request.is_foreign else self._sessions
        if self.is_closed:
            raise ClientClosedError(
                "The client is closed, so nothing was sent. Make a new one, or close this one later."
            )
        session = sessions.current() or await sessions.get()
        payload = await _payload(request.body)
        method = request.method
        arguments: dict[str, Any] = {"headers": request.headers, "data": payload, "allow_redirects": False}
        if method != "GET":
            arguments["middlewares"] = (_never_resend,)
        if request.is_foreign:
            proxy = proxy_for(url)
        else:
            proxy = self._proxy
        if proxy is not None:
            arguments["proxy"], arguments["proxy_headers"] = proxy.url, proxy.headers
        started = monotonic()
        try:
            response = await session.request(
                method, URL(url, encoded=True), timeout=_client_timeout(timeout), **arguments
            )
            try:
                content = await self._read(response, request)
            except BaseException:
                response.close()
                raise
        except (aiohttp.ClientError, OSError, _NotResent) as error:
            raise _connection_error(error, request, payload, timeout) from error
        except ValueError as error:
            raise RequestValidationError(f"The request cannot be sent: {error}. Nothing was sent.") from error
        if logger.isEnabledFor(logging.DEBUG):
            took = (monotonic() - started) * 1000
            logger.debug(
                "%s %s -> %d, %d bytes in %.1f ms", method, wire.shown_url(url), response.status, len(content), took
            )
        return APIResponse(
            status_code=response.status,
            headers=response.headers,
            content=content,
            method=method,
            url=url,
            decode=_as_bytes,
        )

    async def _read(self, response: aiohttp.ClientResponse, request: Request) -> bytes:
        """Read the body, but never more than the bound, however well it was compressed."""
        limit = self.settings.max_response_bytes
        length = response.content_length
        if length is not None and length <= limit and "Content-Encoding" not in response.headers:
            return await response.read()
        content = bytearray()
        if length is None or length <= limit:
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > limit:
                    break
            else:
                return bytes(content)
        raise APIResponseValidationError(
            f"{request.method} {wire.shown_url(request.url)} answered {response.status} with more than {limit} bytes, which "
            "was not read. The server did its work; only its answer is missing. Ask for smaller pages, or raise "
            "max_response_bytes.",
            response=APIResponse(
                status_code=response.status,
                headers=CIMultiDict(response.headers),
                content=b"",
                method=request.method,
                url=request.url,
                decode=_as_bytes,
            ),
            path=None,
            body=None,
        )

    def _open(self, *, is_foreign: bool) -> aiohttp.ClientSession:
        settings = self.settings
        if self._tls is None and (is_foreign or settings.base_url.startswith("https:")):
            # aiohttp makes its own context at import, too early to see a SSL_CERT_FILE that is set later.
            self._tls = ssl.create_default_context()
        if not is_foreign:
            self._proxy = proxy_for(settings.base_url)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.max_connections, ssl=self._tls or True),
            headers=None if is_foreign else settings.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )


class _NotResent(Exception):
    """Carries a broken connection past aiohttp, which would send some methods again by itself."""


async def _never_resend(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except _NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _NotResent(*error.args) from error


class _JSONPayload(Payload):
    """Bytes that know whether their sending has begun."""

    is_begun = False
    _value: bytes

    def __init__(self, content: bytes) -> None:
        super().__init__(content, content_type="application/json")
        self._size = len(content)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: Any) -> None:
        self.is_begun = True
        for start in range(0, len(self._value), _CHUNK):
            await writer.write(self._value[start : start + _CHUNK])


async def _payload(body: Body | None) -> object:
    """Make what aiohttp sends, anew for each attempt."""
    if body is None:
        return None
    if not isinstance(body, FileBody):
        return _JSONPayload(body.content)
    source = body.source
    if isinstance(source, Path):
        source = await asyncio.to_thread(source.open, "rb")
    elif isinstance(source, bytes):
        source = io.BytesIO(source)
    elif body.start is not None:
        await asyncio.to_thread(source.seek, body.start)
    if not body.is_form:
        return aiohttp.get_payload(source, content_type=body.content_type)
    form = aiohttp.FormData()
    form.add_field("file", source, filename=body.name, content_type=body.content_type)
    return form


def _connection_error(error: Exception, request: Request, payload: object, timeout: float | None) -> APIConnectionError:
    """Say what broke, and whether the request may have reached the server."""
    cause = error.__cause__ if isinstance(error, _NotResent) and error.__cause__ else error
    what = f"{request.method} {wire.shown_url(request.url)}"
    is_sent = not isinstance(cause, _NEVER_SENT) and (not isinstance(payload, _JSONPayload) or payload.is_begun)
    if isinstance(cause, TimeoutError):
        limit = "" if timeout is None else f" within {timeout:g} s"
        stage = "did not answer in full" if is_sent else "could not be reached"
        return APITimeoutError(
            f"{what}: the server {stage}{limit}.", method=request.method, url=request.url, is_sent=is_sent
        )
    is_tls = isinstance(cause, _BAD_TLS)
    if is_tls:
        text = f"{what}: no secure connection could be made: {cause}. Nothing was sent; check SSL_CERT_FILE or ssl_context."
    elif is_sent:
        text = f"{what}: the connection broke before the whole answer was here: {cause!r}."
    else:
        text = f"{what}: the server could not be reached: {cause}. Nothing was sent; check base_url, network and proxy."
    return APIConnectionError(text, method=request.method, url=request.url, is_sent=is_sent, is_retryable=not is_tls)


def _as_bytes(response: APIResponse[object]) -> object:
    return response.content


def _drop(session: aiohttp.ClientSession) -> None:
    """Close a session of a closed loop: nothing can be awaited there any more, and nothing needs to be."""
    connector = session.connector
    session.detach()
    if connector is not None:
        waiter = connector.close().__await__()
        next(waiter, None)
