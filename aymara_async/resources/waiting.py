"""Waiting for a job at the server, asked about less and less often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

import attrs

from aymara_async.errors import JobFailedError, RequestValidationError, WaitTimeoutError
from aymara_async.transport.clock import monotonic

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
LAST_LOOK = 10.0
"""Seconds that an answer may come after the time is over, so that a last question makes sense."""


@attrs.frozen(kw_only=True)
class Job(Generic[T]):
    """Something that the server works on, and how to ask after it."""

    name: str
    uuid: str
    get: Callable[[], Awaitable[T]]
    status: Callable[[T], str | None]
    again: str
    """The method that takes the wait up again."""
    finished: str = "finished"
    """The status that the work ends with."""
    reason: Callable[[T], str | None] = lambda _: None
    """What the server says of a failure."""

    async def wait(self, timeout: float | None, poll_interval: float | None) -> T:
        """Ask until the job is done.

        The pauses begin at a quarter of a second and grow by half to ten seconds, or are ``poll_interval`` seconds
        long. A server that does not answer cannot hold up the wait by more than ten seconds. Raises ``JobFailedError``
        and ``WaitTimeoutError``.
        """
        _check_seconds("timeout", timeout)
        _check_seconds("poll_interval", poll_interval)
        start = monotonic()
        left, seen = timeout, None
        pauses = _pauses(poll_interval)
        while True:
            seen = await self._look(left) or seen
            if seen is not None and self.status(seen) == self.finished:
                return seen
            if seen is not None and self.status(seen) == "failed":
                raise self._failed(seen)
            if timeout is not None:
                left = max(0.0, timeout - (monotonic() - start))
                if not left:
                    raise self._timed_out(timeout, seen)
            pause = next(pauses)
            await asyncio.sleep(pause if left is None else min(pause, left))

    async def _look(self, left: float | None) -> T | None:
        """Ask once; None where no answer came in the time that is left."""
        limit = asyncio.timeout(None if left is None else left + LAST_LOOK)
        try:
            async with limit:
                return await self.get()
        except TimeoutError:
            if not limit.expired():
                raise
            return None

    def _failed(self, seen: T) -> JobFailedError:
        said = self.reason(seen)
        return JobFailedError(
            f"The server reports {self.name} {self.uuid} as failed{f': {said}' if said else ', without a reason'}. It "
            "will not go on by itself; correct the cause and start it anew.",
            uuid=self.uuid,
            status="failed",
            resource=seen,
        )

    def _timed_out(self, timeout: float, seen: T | None) -> WaitTimeoutError:
        status = "unknown" if seen is None else self.status(seen)
        return WaitTimeoutError(
            f"{self.name} {self.uuid} is still {status!r} after {timeout:g} s. It goes on at the server and nothing is "
            f"lost; wait again with {self.again}({self.uuid!r}).",
            uuid=self.uuid,
            status=str(status),
            resource=seen,
        )


def _pauses(poll_interval: float | None) -> Iterator[float]:
    pause = FIRST_PAUSE if poll_interval is None else poll_interval
    while True:
        yield pause
        if poll_interval is None:
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _check_seconds(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
        raise RequestValidationError(f"{name} must be a number of seconds, not {value!r}. Nothing was sent.", path=name)
