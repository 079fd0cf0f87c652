"""Connections that are looked at before they are used, and the sockets under them."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Coroutine
from typing import Any, TypeAlias

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.connector import Connection

_BLOCK = 120 * 1024
"""Bytes to receive at once. From 128 KiB on, malloc maps and unmaps a block each time, and asyncio asks for 256."""
_TURNS = 3
"""Turns of the loop after which it has read what was there to be read."""

_Address: TypeAlias = "tuple[int, int, int, str, tuple[object, ...]]"


class FrugalSocket(socket.socket):
    """A socket that receives in blocks which the allocator has at hand: seven eighths of the CPU time of a call."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive up to ``bufsize`` bytes, or as many as a block has room for."""
        return super().recv(min(bufsize, _BLOCK), flags)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; where the other side no longer listens, lose it, so that what it said before is read first."""
        try:
            return super().send(data, flags)
        except (BrokenPipeError, ConnectionResetError):
            return len(data)


class Sockets:
    """Make the sockets of a session, and count them."""

    def __init__(self) -> None:
        self.opened: int = 0

    def __call__(self, address: _Address) -> socket.socket:
        """Make a socket; of another class where the program has replaced Python's own, to forbid or to watch it."""
        self.opened += 1
        family, kind, protocol, *_ = address
        cls = FrugalSocket if FrugalSocket.__base__ is socket.socket else socket.socket
        return cls(family, kind, protocol)


class Resolver(aiohttp.ThreadedResolver):
    """Look names up in the loop's threads; where it has none left, fail as other look-ups fail."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raises ``OSError``."""
        try:
            return await super().resolve(host, port, family)
        except RuntimeError as error:
            raise socket.gaierror(
                socket.EAI_AGAIN,
                f"{host} was not looked up ({error}): the program is ending, and asyncio starts no threads any more; "
                "make the call before the main thread ends, or use AymaraAI, which can make it still",
            ) from error


class LiveConnector(aiohttp.TCPConnector):
    """A connector that looks at a kept connection before anything but a GET is sent on it.

    While the loop was busy, the server may have closed it; a request that may not be repeated would be lost there.
    """

    def __init__(self, **options: Any) -> None:
        self._sockets = Sockets()
        resolver = Resolver() if issubclass(aiohttp.DefaultResolver, aiohttp.ThreadedResolver) else None
        super().__init__(socket_factory=self._sockets, resolver=resolver, **options)

    def connect(  # pyright: ignore[reportIncompatibleMethodOverride] - awaited all the same
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Coroutine[Any, Any, Connection]:
        """Get a connection from the pool, or make one."""
        connecting = super().connect(req, traces, timeout)
        return connecting if req.method == "GET" else self._connect_live(connecting, req, traces, timeout)

    async def _connect_live(
        self,
        connecting: Coroutine[Any, Any, Connection],
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        while True:
            opened = self._sockets.opened
            connection = await connecting
            if self._sockets.opened != opened or await _is_live(connection):
                return connection
            connection.close()
            connecting = super().connect(req, traces, timeout)


async def _is_live(connection: Connection) -> bool:
    """Let the loop read what has come on an idle connection: its end, or what TLS says to itself."""
    for _ in range(_TURNS):
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.is_closing() or protocol.should_close:
            return False
        if not _is_readable(transport):
            return True
        await asyncio.sleep(0)
    return False


def _is_readable(transport: asyncio.Transport) -> bool:
    plain = transport.get_extra_info("socket")
    if plain is None:
        return False
    if not hasattr(select, "poll"):
        return bool(select.select([plain], [], [], 0)[0])
    watch = select.poll()
    watch.register(plain.fileno(), select.POLLIN)
    return bool(watch.poll(0))
