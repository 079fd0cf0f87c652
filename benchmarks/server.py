"""The canned server: prebuilt bytes, no parsing beyond the request line, so that it is faster than every client.

Routes: ``GET /v2/evals/…`` is an eval; ``GET /v2/eval-runs/list-N-MS/responses`` is a page of a list of N scored
responses, given after MS milliseconds. It runs in a process of its own, with ``python -m benchmarks.server``, until its
input ends.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import cast

from benchmarks.answers import PAGE_MARK, a_scored_response, an_eval, encoded

_LIST = re.compile(rb"GET /v2/eval-runs/list-(\d+)-(\d+)/responses")
_LIMIT = re.compile(rb"[?&]limit=(\d+)")
_OFFSET = re.compile(rb"[?&]offset=(\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def response(body: bytes) -> bytes:
    """Put the head before a body."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nx-request-id: req.1\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


EVAL = response(encoded(an_eval()))


@cache
def _page(length: int, count: int) -> bytes:
    mark = PAGE_MARK.decode()
    return response(encoded({"items": [a_scored_response(one, mark) for one in range(length)], "count": count}))


def range_of(head: bytes, count: int) -> range:
    """Tell which items of a list of so many the request line asks for."""
    limit, offset = _LIMIT.search(head), _OFFSET.search(head)
    start = int(offset[1]) if offset else 0
    return range(start, max(start, min(start + (int(limit[1]) if limit else 100), count)))


def page(head: bytes, count: int) -> bytes:
    """Make the page of a list that the request line asks for."""
    asked = range_of(head, count)
    return _page(len(asked), count).replace(PAGE_MARK, b"%08d" % asked.start)


class Answering(asyncio.Protocol):
    """Answer what comes in over one connection."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received = data = self.received + data if self.received else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        length = None if data.startswith(b"GET") else _LENGTH.search(data, 0, end)
        end += 4 + (int(length[1]) if length else 0)
        if len(data) < end:
            return
        self.received = data[end:]
        self.answer(data)

    def answer(self, head: bytes) -> None:
        """Answer the request that this begins with."""
        listed = _LIST.match(head)
        if listed is None:
            self.transport.write(EVAL)
        elif delay := int(listed[2]):
            asyncio.get_running_loop().call_later(delay / 1000, self.give, page(head, int(listed[1])))
        else:
            self.transport.write(page(head, int(listed[1])))

    def give(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def listen(protocol: Callable[[], Answering]) -> tuple[str, asyncio.Server]:
    """Serve on a free port of the loopback; return where."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=4096)
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", server


async def serve() -> None:
    """Serve until the input ends; where is the first line of the output."""
    url, server = await listen(Answering)
    print(url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
