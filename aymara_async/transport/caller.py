"""From the arguments of an endpoint method to its typed result: the part that every method shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs
from multidict import CIMultiDict

from aymara_async.errors import APIResponseValidationError, RequestValidationError
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from aymara_async.transport.addresses import foreign_url
from aymara_async.transport.body import Body, FileBody, JSONBody
from aymara_async.transport.codec import encode, encode_request
from aymara_async.transport.options import CallOptions, RequestOptions, check_options, duration_fault
from aymara_async.transport.redaction import redact
from aymara_async.transport.request import Request
from aymara_async.transport.session import SessionManager
from aymara_async.transport.shared import Shared

T = TypeVar("T")


@attrs.frozen
class Caller(Shared):
    """Make calls through a session, with the options of one client or of a view of it."""

    session: SessionManager
    options: CallOptions

    async def call(
        self,
        method: str,
        path: str,
        returns: type[T],
        options: RequestOptions,
        *,
        query: Mapping[str, object] | None = None,
        body: tuple[type, Mapping[str, object]] | FileBody | None = None,
        json: object = None,
        is_idempotent: bool | None = None,
    ) -> T:
        """Send a call and decode its answer; raises ``APIError`` or ``RequestValidationError``.

        ``body`` is checked against its request class, ``json`` is sent as it is.
        """
        # Most calls have neither body nor options, and need not pay for a look at them.
        sent = _body(body, json, options.get("extra_body")) if options or body or json is not None else None
        request = self._request(method, path, options, query, sent, is_idempotent)
        response = await self.session.request(request, self.options)
        return cast(T, _decode(response, returns, self.session.settings.headers, request.headers))

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.session.restore, self.options.has_key, self.options.without_secrets())

    async def put_presigned(self, url: str, body: FileBody, timeout: float | None) -> None:
        """Send a file to a URL of another host, without the client's headers; raises ``APIError``."""
        url = foreign_url(url)
        if fault := duration_fault(timeout):
            raise RequestValidationError(f"timeout {fault}. Nothing was sent.", path="timeout")
        headers = {"Content-Type": body.content_type}
        request = Request(method="PUT", url=url, headers=headers, body=body, timeout=timeout, is_foreign=True)
        await self.session.request(request, self.options)

    def _request(
        self,
        method: str,
        path: str,
        options: RequestOptions,
        query: Mapping[str, object] | None,
        body: Body | None,
        is_idempotent: bool | None,
    ) -> Request:
        defaults = self.options
        url = self.session.settings.base_url + path
        headers: Mapping[str, str] | None = defaults.headers or None
        timeout = defaults.timeout
        if options:
            check_options(options)
            if extra := options.get("extra_headers"):
                headers = CIMultiDict(headers or {})
                headers.update(extra)
            timeout = options.get("timeout", timeout)
        if query or defaults.query or options:
            text = wire.query(defaults.query, query, options.get("extra_query"))
            if text:
                url += ("&" if "?" in path else "?") + text
        return Request(
            method=method,
            url=url,
            headers=headers,
            body=body,
            timeout=timeout,
            is_idempotent=method != "POST" if is_idempotent is None else is_idempotent,
        )


def _restored(
    cls: type[Caller], restore: Callable[[bool], SessionManager], has_key: bool, options: CallOptions
) -> Caller:
    return cls(restore(has_key), options)


@attrs.frozen
class RawCaller(Caller):
    """A caller that returns the whole response, its result still to be decoded by ``parse()``."""

    async def call(self, method: str, path: str, returns: type[T], options: RequestOptions, **rest: Any) -> T:
        """Send a call; the static type is that of the result, which ``raw`` turns into ``APIResponse[T]``."""
        body = _body(rest.get("body"), rest.get("json"), options.get("extra_body"))
        request = self._request(method, path, options, rest.get("query"), body, rest.get("is_idempotent"))
        response = await self.session.request(request, self.options)
        response.headers = CIMultiDict(response.headers)
        response.decode = _Decode(returns, (self.session.settings.headers, request.headers))
        return cast(T, response)


@attrs.frozen
class _Decode:
    """Make the result of a raw response; what is pickled with it holds no key."""

    returns: type
    sent: tuple[Mapping[str, str] | None, ...] = attrs.field(repr=False)

    def __call__(self, response: APIResponse[object]) -> Any:
        return _decode(response, self.returns, *self.sent)

    def __reduce__(self) -> tuple[type[_Decode], tuple[object, ...]]:
        return _Decode, (self.returns, ())


def _decode(response: APIResponse[object], returns: type, *sent: Mapping[str, str] | None) -> object:
    try:
        return wire.decode(response, returns)
    except APIResponseValidationError:
        pass
    # Raised a second time, as the first error may hold a key that the server repeated.
    redact(response, *sent)
    return wire.decode(response, returns)


def _body(
    body: tuple[type, Mapping[str, object]] | FileBody | None, json: object, extra: Mapping[str, object] | None
) -> Body | None:
    if not isinstance(extra, Mapping | None):
        raise RequestValidationError("extra_body must be a mapping. Nothing was sent.", path="extra_body")
    if isinstance(body, tuple):
        return JSONBody(encode_request(*body, extra))
    if not extra:
        return body if json is None else JSONBody(encode(json))
    if body is not None or not isinstance(json, Mapping | None):
        raise RequestValidationError("extra_body goes with JSON objects only. Nothing was sent.", path="extra_body")
    return JSONBody(encode({**(json or {}), **extra}))
