"""How fast a server is: ``python -m benchmarks.measuring.load URL PATH CONNECTIONS NUMBER`` prints answers a second.

The client does no more than count the bytes that come, so that it is the server that is measured. All answers have the
same length.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit


class Asking(asyncio.Protocol):
    """Ask over one connection, again and again, until its share of the answers is here."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, number: int) -> None:
        self.request, self.left = request, number
        self.received = self.length = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.length:
            head, _, _ = data.partition(b"\r\n\r\n")
            self.length = len(head) + 4 + int(head.rpartition(b"Content-Length: ")[2])
        self.received += len(data)
        if self.received == self.length:
            self.received, self.left = 0, self.left - 1
            if self.left:
                self.transport.write(self.request)
            else:
                self.transport.close()
                self.done.set_result(None)


async def load(url: str, path: str, connections: int, number: int) -> float:
    """Return how many answers a second came."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nx-api-key: key\r\n\r\n".encode()
    began = perf_counter()
    made = [
        await asyncio.get_running_loop().create_connection(lambda: Asking(request, number), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*[asking.done for _, asking in made])
    return connections * number / (perf_counter() - began)


if __name__ == "__main__":
    import uvloop

    url, path, connections, number = sys.argv[1:]
    print(uvloop.run(load(url, path, int(connections), int(number))))
