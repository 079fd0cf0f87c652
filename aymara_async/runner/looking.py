"""Looking at the server again and again, until what may come late must be there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aymara_async.transport.clock import monotonic

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0


async def looks(grace: float) -> AsyncIterator[bool]:
    """Give a turn to look at once, and more with growing pauses; True marks the one when ``grace`` seconds are over."""
    end, pause = monotonic() + grace, FIRST_PAUSE
    while True:
        left = end - monotonic()
        yield left <= 0
        if left <= 0:
            return
        await asyncio.sleep(min(pause, max(0.0, end - monotonic())))
        pause = min(LONGEST_PAUSE, pause * 1.5)
