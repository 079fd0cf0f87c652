"""What aiohttp's failures mean: which error to raise, and whether the request may have reached the server."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import attrs
from multidict import CIMultiDict, CIMultiDictProxy

from aymara_async.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    RequestValidationError,
)
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from aymara_async.transport.addresses import shown_url
from aymara_async.transport.payload import BytesPayload, FileFaultError, FilePayload
from aymara_async.transport.redaction import without_secrets
from aymara_async.transport.request import Request

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_BAD_TLS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)


class ConnectionBrokenError(Exception):
    """Carries a broken connection past aiohttp, which would send some methods again by itself."""


class Sending:
    """Watch one attempt, as its middleware: aiohttp shall not repeat it, and we want to know if it was sent."""

    is_begun: bool = False

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except _NEVER_SENT:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise ConnectionBrokenError(*error.args) from error
        finally:
            # aiohttp makes the response, still empty, as it writes the request onto the connection.
            self.is_begun = request.response is not None


@attrs.frozen
class Attempt:
    """What is known of an attempt that failed."""

    request: Request
    _url: str = attrs.field(repr=False)
    payload: BytesPayload | FilePayload | None
    sending: Sending | None
    timeout: float | None
    headers: Mapping[str, str] | None = attrs.field(repr=False)
    """Those of the client, with the key among them."""

    @property
    def method(self) -> str:
        """The request's method."""
        return self.request.method

    @property
    def url(self) -> str:
        """Where it went, without the query where that is secret."""
        return self.request.kept(self._url)

    @property
    def what(self) -> str:
        """The request, as messages name it."""
        return f"{self.method} {shown_url(self.url)}"

    def failed(self, error: Exception) -> APIError | RequestValidationError:
        """Say what broke, and whether the request may have reached the server."""
        cause = error.__cause__ if isinstance(error, ConnectionBrokenError) and error.__cause__ else error
        _drop_frames(error)
        if isinstance(cause, FileFaultError):
            return self._bad_file(cause)
        if isinstance(self.payload, FilePayload) and self.payload.fault is not None:
            return self._bad_file(self.payload.fault)
        if isinstance(cause, ValueError) and not isinstance(cause, aiohttp.ClientError | OSError):
            return RequestValidationError(f"The request cannot be sent: {self._said(cause)}. Nothing was sent.")
        is_sent = (
            not isinstance(cause, _NEVER_SENT)
            and (self.sending is None or self.sending.is_begun)
            and (not isinstance(self.payload, BytesPayload) or self.payload.is_begun)
        )
        if isinstance(cause, TimeoutError):
            return self._timed_out(is_sent=is_sent)
        if isinstance(cause, aiohttp.ClientResponseError):
            # It remembers the headers that were sent, the key among them.
            cause.request_info = cause.request_info._replace(headers=CIMultiDictProxy(CIMultiDict()))
            cause.args = ()
            if not isinstance(cause, aiohttp.ClientHttpProxyError):
                return self._unreadable(cause)
        return self._broken(cause, is_sent=is_sent)

    def _broken(self, cause: BaseException, *, is_sent: bool) -> APIConnectionError:
        is_retryable = True
        if isinstance(cause, _BAD_TLS):
            is_retryable = False
            text = f"no secure connection could be made: {cause}. Nothing was sent; check SSL_CERT_FILE or ssl_context."
        elif is_sent:
            text = f"the connection broke before the whole answer was here: {self._said(cause, repr(cause))}."
        else:
            said: object = cause
            if isinstance(cause, aiohttp.ClientHttpProxyError):
                said, is_retryable = f"{cause.status} {cause.message}", cause.status >= 500
            text = (
                f"the server could not be reached: {self._said(said)}. Nothing was sent; check base_url, network and "
                "proxy."
            )
        text = f"{self.what}: {text}"
        return APIConnectionError(text, method=self.method, url=self.url, is_sent=is_sent, is_retryable=is_retryable)

    def _timed_out(self, *, is_sent: bool) -> APITimeoutError:
        limit = "" if self.timeout is None else f" within {round(self.timeout, 3):g} s"
        stage = "could not be reached" if not is_sent else "did not answer in full"
        if is_sent and self.sending is None:
            stage = "could not be reached, or did not answer in full,"
        text = f"{self.what}: the server {stage}{limit}."
        return APITimeoutError(text, method=self.method, url=self.url, is_sent=is_sent)

    def _bad_file(self, fault: FileFaultError) -> RequestValidationError:
        return RequestValidationError(
            f"{self.what}: the file cannot be sent: {fault}. The upload was broken off, so that the server has no such "
            "file; mend the file, and upload it again.",
            path="file",
        )

    def _unreadable(self, cause: aiohttp.ClientResponseError) -> APIResponseValidationError:
        answer: APIResponse[object] = APIResponse(
            status_code=0, headers=CIMultiDict(), content=b"", method=self.method, url=self.url, decode=wire.content_of
        )
        return APIResponseValidationError(
            f"{self.what}: an answer came, but it cannot be read: {self._said(cause.message)}. The server may have "
            "done its work; only its answer is unreadable. See whether a proxy or another server answered instead.",
            response=answer,
            path=None,
            body=None,
        )

    def _said(self, cause: object, text: str | None = None) -> str:
        """Give the words of a cause without line ends, secrets, and what may be secret in the URL."""
        said = " ".join((str(cause) if text is None else text).split())
        return without_secrets(said, self.headers, self.request.headers)[:_SHOWN].rstrip(".")


_SHOWN = 400


def _drop_frames(error: BaseException | None) -> None:
    """Let go of aiohttp's frames, whose locals hold the headers that were sent."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def no_room_error(method: str, url: str, deadline: float, connections: int) -> APITimeoutError:
    """Say that a call's deadline came before its turn."""
    return APITimeoutError(
        f"{method} {shown_url(url)}: no connection became free within its deadline of {deadline:g} s, as other "
        f"calls used all of them (max_connections={connections}). Nothing was sent; make fewer calls at once, or raise "
        "max_connections or deadline.",
        method=method,
        url=url,
        is_sent=False,
    )
