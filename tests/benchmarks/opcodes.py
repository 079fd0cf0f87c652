"""Counting the bytecode that a piece of work executes, which neither the machine nor its load changes."""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Self

from benchmarks import server

WAITING = {
    asyncio.base_events.__file__,
    asyncio.events.__file__,
    asyncio.selector_events.__file__,
    selectors.__file__,
    server.__file__,
}
"""Files that run as often as there is something to wait for, and the server's."""


class OpcodeCount:
    """Count the opcodes of the frames that begin inside of ``with``."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename in WAITING:
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.number += 1
        return self._trace


def opcodes(work: Callable[[], object], *, tries: int = 10) -> int:
    """Count what a call executes at least: the first fills caches, and the garbage collector may come in between."""
    counts: list[int] = []
    for _ in range(tries):
        with OpcodeCount() as count:
            work()
        counts.append(count.number)
    return min(counts)


async def opcodes_awaited(work: Callable[[], Awaitable[object]], *, tries: int = 10) -> int:
    """Count what an awaited call executes at least: an answer in two parts takes more."""
    counts: list[int] = []
    for _ in range(tries + 2):
        with OpcodeCount() as count:
            await asyncio.create_task(_awaited(work))
        counts.append(count.number)
    return min(counts[2:])


async def _awaited(work: Callable[[], Awaitable[object]]) -> None:
    await work()
