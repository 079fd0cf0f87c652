"""Waiting for a job at the server, asked about less and less often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from aymara_async.errors import JobFailedError, RequestValidationError, WaitTimeoutError

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
LAST_LOOK = 10.0
"""Seconds that an answer may come after the time is over, so that a last question makes sense."""


async def wait_for(
    get: Callable[[], Awaitable[T]],
    status: Callable[[T], str | None],
    *,
    what: str,
    uuid: str,
    again: str,
    timeout: float | None,
    poll_interval: float | None,
    finished: str = "finished",
    reason: Callable[[T], str | None] = lambda _: None,
) -> T:
    """Ask until the job is done.

    The pauses begin at a quarter of a second and grow by half to ten seconds, or are ``poll_interval`` seconds long.
    ``again`` is the call that takes the wait up again; a server that does not answer cannot hold up the wait. Raises
    ``JobFailedError`` and ``WaitTimeoutError``.
    """
    _check_seconds("timeout", timeout)
    _check_seconds("poll_interval", poll_interval)
    start = monotonic()
    pause = FIRST_PAUSE if poll_interval is None else poll_interval
    resource: T | None = None
    state: str | None = "unknown"
    left = timeout
    while True:
        limit = asyncio.timeout(None if left is None else left + LAST_LOOK)
        try:
            async with limit:
                resource = await get()
        except TimeoutError:
            if not limit.expired():
                raise
        else:
            state = status(resource)
            if state == finished:
                return resource
            if state == "failed":
                raise _failed(f"{what} {uuid}", reason(resource), uuid, resource)
        left = None if timeout is None else max(0.0, timeout - (monotonic() - start))
        if left == 0:
            raise WaitTimeoutError(
                f"{what} {uuid} is still {state!r} after {timeout:g} s. It goes on at the server and nothing is "
                "lost; wait "
                f"again with {again}.",
                uuid=uuid,
                status=str(state),
                resource=resource,
            )
        await asyncio.sleep(pause if left is None else min(pause, left))
        if poll_interval is None:
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _check_seconds(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
        raise RequestValidationError(f"{name} must be a number of seconds, not {value!r}. Nothing was sent.", path=name)


def _failed(job: str, said: str | None, uuid: str, resource: object) -> JobFailedError:
    return JobFailedError(
        f"The server reports {job} as failed{f': {said}' if said else ', without a reason'}. It will not go on by "
        "itself; "
        "correct the cause and start it anew.",
        uuid=uuid,
        status="failed",
        resource=resource,
    )
