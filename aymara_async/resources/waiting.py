"""Waiting for a job at the server, asked about less and less often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from aymara_async.errors import JobFailedError, WaitTimeoutError

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0


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
    ``again`` is the call that takes the wait up again. Raises ``JobFailedError`` and ``WaitTimeoutError``.
    """
    start = monotonic()
    pause = FIRST_PAUSE if poll_interval is None else poll_interval
    while True:
        resource = await get()
        state = status(resource)
        if state == finished:
            return resource
        if state == "failed":
            said = reason(resource)
            raise JobFailedError(
                f"The server reports {what} {uuid} as failed{f': {said}' if said else ', without a reason'}. It will not go "
                "on by itself; correct the cause and start it anew.",
                uuid=uuid,
                status=state,
                resource=resource,
            )
        left = None if timeout is None else timeout - (monotonic() - start)
        if left is not None and left <= 0:
            raise WaitTimeoutError(
                f"{what} {uuid} is still {state!r} after {timeout:g} s. It goes on at the server and nothing is lost; wait "
                f"again with {again}.",
                uuid=uuid,
                status=str(state),
                resource=resource,
            )
        await asyncio.sleep(pause if left is None else min(pause, left))
        if poll_interval is None:
            pause = min(pause * 1.5, LONGEST_PAUSE)
