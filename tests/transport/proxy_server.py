"""A forward and CONNECT proxy on loopback that remembers what it was shown."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class ProxyServer:
    """Pass requests on; ask for a login first if one is given."""

    def __init__(self, login: str | None = None) -> None:
        self.heads: list[str] = []
        """The head of each request that the proxy could read."""
        self._expected = None if login is None else f"basic {b64encode(login.encode()).decode()}".lower()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heads.append(head)
        if self._expected is not None and f"proxy-authorization: {self._expected}\r\n" not in head.lower():
            writer.write(b"HTTP/1.1 407 Login needed\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return True
        first, _, rest = head.partition("\r\n")
        method, target, version = first.split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            upstream = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(_pump(reader, upstream[1]), _pump(upstream[0], writer))
            return False
        parts = urlsplit(target)
        upstream = await asyncio.open_connection(parts.hostname, parts.port)
        path = target.partition(parts.netloc)[2] or "/"
        upstream[1].write(f"{method} {path} {version}\r\nConnection: close\r\n{rest}".encode("latin-1"))
        length = next((line for line in rest.lower().split("\r\n") if line.startswith("content-length:")), "x:0")
        upstream[1].write(await reader.readexactly(int(length.partition(":")[2])))
        answer = await upstream[0].readuntil(b"\r\n\r\n")
        size = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer += await upstream[0].readexactly(int(size.partition(b":")[2]))
        upstream[1].close()
        writer.write(answer)
        await writer.drain()
        return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
