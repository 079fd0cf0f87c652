"""How sessions are opened and dropped: with which connector, sockets, certificates and headers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cached_property

import aiohttp
import attrs

from aymara_async.errors import ConfigurationError
from aymara_async.transport.proxy import Proxy, proxy_for
from aymara_async.transport.sockets import LiveConnector
from aymara_async.transport.time_limits import TimeLimits
from aymara_async.transport.tls import default_tls

_LONGEST_LINE = 64 * 1024
"""Bytes of a header line of an answer: policies and cookies grow beyond the 8 KiB that aiohttp takes."""


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """What all calls of a client share: where they go, as whom, and how wide the way is."""

    base_url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    """Sent with every call to ``base_url``, and nowhere else; they hold the key."""
    max_connections: int = 100
    max_response_bytes: int = 256 * 1024 * 1024
    ssl_context: ssl.SSLContext | None = None
    fault: str | None = None
    """Why nothing can be sent, which the first call says."""


@attrs.frozen
class LoopSession:
    """What one loop's calls share: aiohttp's session, room in it, and their time limits."""

    http: aiohttp.ClientSession
    room: asyncio.Semaphore
    """One place for each connection, given in turn; aiohttp by itself lets who comes last take a free one first."""
    limits: TimeLimits = attrs.field(factory=TimeLimits)
    reading: set[aiohttp.StreamReader] = attrs.field(factory=set[aiohttp.StreamReader])
    """Bodies that are still coming; aiohttp does not tell those who wait for them that their connection was closed."""

    async def close(self) -> None:
        """Close the connections."""
        for body in self.reading:
            body.set_exception(aiohttp.ClientConnectionError("the client was closed"))
        await self.http.close()
        self.limits.close()

    def drop(self) -> None:
        """Close the connections of a closed loop: nothing can be awaited there any more, and nothing needs to be."""
        connector = self.http.connector
        self.http.detach()
        if connector is not None:
            waiter = connector.close().__await__()
            next(waiter, None)


class SessionOpener:
    """Open sessions; it knows nothing of their owner, who would else be kept alive by them."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._tls = settings.ssl_context

    @cached_property
    def proxy(self) -> Proxy | None:
        """The proxy to the API, if there is one."""
        return proxy_for(self._settings.base_url)

    def open(self) -> LoopSession:
        """Open a session to the API; raises ``ConfigurationError``."""
        if self._settings.fault is not None:
            raise ConfigurationError(self._settings.fault)
        # aiohttp would show a session's own headers to the proxy as well.
        headers = None if self.proxy is not None else self._settings.headers
        return self._session(headers, is_tls=self._settings.base_url.startswith("https:"))

    def open_foreign(self) -> LoopSession:
        """Open a session to anywhere else, where the key must not go."""
        return self._session(None, is_tls=True)

    def _session(self, headers: Mapping[str, str] | None, *, is_tls: bool) -> LoopSession:
        if is_tls and self._tls is None:
            # aiohttp makes its own context at import, too early to see a SSL_CERT_FILE that is set later.
            self._tls = default_tls()
        width = self._settings.max_connections
        connector = LiveConnector(limit=width, ssl=self._tls or True)
        http = aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        return LoopSession(http, asyncio.Semaphore(width))
