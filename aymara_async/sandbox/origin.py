"""An HTTP server on a loopback port of its own."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

HOST = "127.0.0.1"

Handle: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_SHUTDOWN_TIMEOUT = 0.1
"""Seconds that a handler gets to end; faults that wait are woken before."""


class Origin:
    """Listen on one port until closed."""

    def __init__(self, handle: Handle, port: int) -> None:
        self._handle = handle
        self._port = port
        self._runner: web.ServerRunner | None = None

    async def open(self) -> str:
        """Listen, and give the URL.

        Raises:
            OSError: The port is taken.
        """
        listener = socket.create_server((HOST, self._port), backlog=1024)
        # A client that goes away does not undo what it asked for, so its handler is not cancelled.
        server = web.Server(self._answer, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=1024).start()
        return f"http://{HOST}:{listener.getsockname()[1]}"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # The answer itself has not begun.
            request.writer.output_size = 0
        return await self._handle(request)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
