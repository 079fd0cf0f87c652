"""Responses on their way from the model to the scorer, handed on as soon as waiting for more makes no sense."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from aymara_async.bulk.source import LiveResponses
from aymara_async.models import EvalResponse
from aymara_async.transport.clock import monotonic

LINGER = 0.5
"""Seconds that a response waits for others to make up a batch, while the model is still answering."""


class Feed(LiveResponses):
    """A queue of responses, which the scorer iterates over; the order is that of ``put``."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        """``is_idle`` tells that no response will come before one of those that wait is scored."""
        self._is_idle = is_idle
        self._waiting = deque[EvalResponse]()
        self._since = 0.0
        self._changed = asyncio.Event()
        self._is_closed = False
        self._failure: Exception | None = None

    def put(self, response: EvalResponse) -> None:
        """Add a response."""
        if not self._waiting:
            self._since = monotonic()
        self._waiting.append(response)
        self._changed.set()

    def look_again(self) -> None:
        """Say that ``is_idle`` may have changed."""
        self._changed.set()

    def close(self) -> None:
        """Say that no more will come."""
        self._is_closed = True
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Say that no more will come, and why; raised after what is there."""
        self._failure = self._failure or error
        self.close()

    async def ready(self, count: int) -> int:
        """Wait until a batch of up to so many makes sense, and return how many it has; 0 at the end."""
        while True:
            there = min(len(self._waiting), count)
            if self._failure is not None and not there:
                raise self._failure
            if there == count or self._is_closed or (there and self._is_idle()):
                return there
            left = self._since + LINGER - monotonic() if there else None
            if left is not None and left <= 0:
                return there
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> EvalResponse:
        if not await self.ready(1):
            raise StopAsyncIteration
        response = self._waiting.popleft()
        self._since = monotonic()
        return response
