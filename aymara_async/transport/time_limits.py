"""Time limits of the calls of one loop, all watched by one timer.

aiohttp sets a timer of its own for each call and takes it back again, at a tenth of the CPU time of a small call.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

_APART = 0.01
"""Seconds between two looks at least: very many limits that end one after another are looked through together."""


class TimeLimits:
    """Watch the limits of a loop's tasks by a timer that lies in wait for the earliest of them, and is rarely moved."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._open: set[TimeLimit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def of(self, seconds: float | None) -> TimeLimit:
        """Return a limit for an ``async with`` block; None is none."""
        return TimeLimit(self, seconds)

    def watch(self, limit: TimeLimit) -> None:
        """Cancel the limit's task at its end."""
        self._open.add(limit)
        if self._timer is None or limit.end < self._timer.when():
            self._look_at(limit.end)

    def forget(self, limit: TimeLimit) -> None:
        """Leave the limit's task alone."""
        self._open.discard(limit)

    def now(self) -> float:
        """Return the loop's time."""
        return self._loop.time()

    def close(self) -> None:
        """Let go of the timer, unless something is still under way."""
        if not self._open:
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, moment: float) -> None:
        self._stop()
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self.now()
        for limit in [limit for limit in self._open if limit.end <= now]:
            self._open.discard(limit)
            limit.expire()
        if self._open:
            self._look_at(max(now + _APART, min(limit.end for limit in self._open)))


class TimeLimit:
    """Raise ``TimeoutError`` in its block when the time is up, as ``asyncio.timeout`` does."""

    __slots__ = ("_cancelling", "_is_up", "_limits", "_seconds", "_task", "end")

    def __init__(self, limits: TimeLimits, seconds: float | None) -> None:
        self._limits = limits
        self._seconds = seconds
        self._is_up = False

    async def __aenter__(self) -> None:
        if self._seconds is None:
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A call with a timeout must be made in a task")
        self._task: asyncio.Task[object] = task
        self._cancelling = task.cancelling()
        self.end: float = self._limits.now() + self._seconds
        self._limits.watch(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limits.forget(self)
        if not self._is_up or self._task.uncancel() > self._cancelling:
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error
        # The block ended just as the time was up; before Python 3.13 the next wait would still be cancelled for it.
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._task.cancelling() > self._cancelling:
                raise

    def expire(self) -> None:
        """Cancel the task, as the time is up."""
        self._is_up = True
        self._task.cancel()
