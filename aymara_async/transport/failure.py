"""What aiohttp's failures mean: which error to raise, and whether the request may have reached the server."""

from __future__ import annotations

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from aymara_async.errors import APIConnectionError, APITimeoutError
from aymara_async.transport import wire
from aymara_async.transport.payload import BytesPayload

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


def connection_error(
    error: Exception, method: str, url: str, payload: object, timeout: float | None, sending: Sending | None
) -> APIConnectionError:
    """Say what broke, and whether the request may have reached the server."""
    cause = error.__cause__ if isinstance(error, ConnectionBrokenError) and error.__cause__ else error
    what = f"{method} {wire.shown_url(url)}"
    is_sent = (
        not isinstance(cause, _NEVER_SENT)
        and (sending is None or sending.is_begun)
        and (not isinstance(payload, BytesPayload) or payload.is_begun)
    )
    if isinstance(cause, TimeoutError):
        limit = "" if timeout is None else f" within {round(timeout, 3):g} s"
        stage = "could not be reached" if not is_sent else "did not answer in full"
        if is_sent and sending is None:
            stage = "could not be reached, or did not answer in full,"
        return APITimeoutError(f"{what}: the server {stage}{limit}.", method=method, url=url, is_sent=is_sent)
    reason, is_retryable = repr(cause), True
    if isinstance(cause, aiohttp.ClientResponseError):
        # It remembers the headers that were sent, the key among them.
        cause.request_info = cause.request_info._replace(headers=CIMultiDictProxy(CIMultiDict()))
        cause.args = ()
        reason = f"{cause.status} {cause.message}"
        is_retryable = not (isinstance(cause, aiohttp.ClientHttpProxyError) and cause.status < 500)
    if isinstance(cause, _BAD_TLS):
        is_retryable = False
        text = (
            f"{what}: no secure connection could be made: {cause}. "
            "Nothing was sent; check SSL_CERT_FILE or ssl_context."
        )
    elif is_sent:
        text = f"{what}: the connection broke before the whole answer was here: {reason}."
    else:
        said = reason if isinstance(cause, aiohttp.ClientResponseError) else cause
        text = f"{what}: the server could not be reached: {said}. Nothing was sent; check base_url, network and proxy."
    return APIConnectionError(text, method=method, url=url, is_sent=is_sent, is_retryable=is_retryable)


def no_room_error(method: str, url: str, deadline: float, connections: int) -> APITimeoutError:
    """Say that a call's deadline came before its turn."""
    return APITimeoutError(
        f"{method} {wire.shown_url(url)}: no connection became free within its deadline of {deadline:g} s, as other "
        f"calls used all of them (max_connections={connections}). Nothing was sent; make fewer calls at once, or raise "
        "max_connections or deadline.",
        method=method,
        url=url,
        is_sent=False,
    )
