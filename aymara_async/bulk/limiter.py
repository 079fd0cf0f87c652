"""One limiter per client and event loop: it lets the requests of all bulk jobs go one by one, in turn.

It hears of the answers to these requests alone: what another call of the client meets, or another host says, is no word
on how fast they may go. Ordinary calls do not wait. How fast it goes, ``rate`` decides.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

import attrs

from aymara_async.bulk.errors import ServerBusyError
from aymara_async.bulk.rate import Rate, Refusal
from aymara_async.response import APIResponse
from aymara_async.transport.clock import monotonic
from aymara_async.transport.retry import RetryPolicy
from aymara_async.transport.session import SessionManager
from aymara_async.transport.wire import retry_after

logger: logging.Logger = logging.getLogger("aymara_async")

CATCH_UP = 0.02
"""Seconds of slots that are made up for when the loop was late."""
LEFT_TO_OTHERS = 0.25
"""Share of the client's connections that bulk jobs do not take, so that no other call waits for one."""
TOLD = 1.0
"""Seconds of a pause from which on it is told."""
_LIMIT, _UNAVAILABLE = 429, 503


class Limiter:
    """Let requests go at the rate, in the order in which they came; belongs to one event loop."""

    def __init__(self, backoff: RetryPolicy, connections: int = 100) -> None:
        self.rate: Rate = Rate(first_wait=backoff.initial_wait, longest_wait=backoff.max_wait)
        self.room: asyncio.Semaphore = asyncio.Semaphore(max(1, connections - math.ceil(LEFT_TO_OTHERS * connections)))
        """Room for batches under way, of all jobs together."""
        self._queue = deque[asyncio.Future[None]]()
        self._next = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self.refused_with: int | None = None
        """Status of the latest refusal."""

    async def admit(self) -> None:
        """Wait for one's turn."""
        if not self._queue and self._next <= monotonic():
            self._take_slot()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._set_timer()
        await turn

    def observe(self, answer: APIResponse[object], started: float) -> None:
        """Learn from the answer to a request that was admitted."""
        now, status = monotonic(), answer.status_code
        if status not in (_LIMIT, _UNAVAILABLE):
            self.rate.accept(now)
            return
        self.refused_with = status
        refusal = Refusal(is_limit=status == _LIMIT, started=started, wait=retry_after(answer.headers))
        pause = self.rate.refuse(now, refusal)
        if pause <= 0:
            self._set_timer()
            return
        if pause > max(TOLD, self.pause):
            logger.info("bulk jobs wait %.0f s, as the server answered %d", pause, status)
        jitter = random.uniform(0, min(pause, 1.0) * 0.05)  # noqa: S311 - spreading load needs no secrecy
        self._next = max(self._next, now + pause + jitter)
        self._set_timer()

    @property
    def pause(self) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._next - monotonic())

    def _take_slot(self) -> None:
        self._next = max(self._next, monotonic() - CATCH_UP) + 1 / self.rate.value

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(self.pause, self._let_go)

    def _let_go(self) -> None:
        self._timer = None
        while self._queue and self._next <= monotonic():
            turn = self._queue.popleft()
            if not turn.done():  # else its caller was cancelled
                self._take_slot()
                self.rate.grow()
                turn.set_result(None)
        self._set_timer()


@attrs.define(kw_only=True)
class Pace:
    """What the session asks and tells for each attempt of one job's calls."""

    limiter: Limiter
    patience: float
    """Seconds that the job waits for its turn, at most."""
    tell: Callable[[str | None], None]
    """Is told what the job waits for, and None when it goes on."""

    async def admit(self) -> None:
        """Wait for the turn of an attempt; raises ``ServerBusyError`` where that takes longer than the patience."""
        pause = self.limiter.pause
        if pause > self.patience:
            raise self._busy(pause)
        if pause < TOLD:
            await self._wait()
            return
        self.tell(f"the server, which wants to be asked again in {pause:.0f} s")
        try:
            await self._wait()
        finally:
            self.tell(None)

    def observe(self, answer: APIResponse[object], started: float) -> None:
        """Pass the answer to an attempt on, and when the attempt was sent."""
        self.limiter.observe(answer, started)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(None if math.isinf(self.patience) else self.patience):
                await self.limiter.admit()
        except TimeoutError:
            raise self._busy(self.limiter.pause) from None

    def _busy(self, pause: float) -> ServerBusyError:
        return ServerBusyError(
            f"The server, which answered {self.limiter.refused_with} last, wants no more requests for {pause:.0f} s, "
            f"and the job waits {self.patience:g} s at most (patience). Nothing more was sent; what was scored is kept "
            "in the journal, if there is one. Run the job again later, or with more patience.",
            retry_after=pause,
        )


class Limiters:
    """The limiters of a client, one for each event loop that it is used in."""

    def __init__(self, backoff: RetryPolicy, connections: int) -> None:
        self._backoff, self._connections = backoff, connections
        self._by_loop = WeakKeyDictionary[asyncio.AbstractEventLoop, Limiter]()

    def current(self) -> Limiter:
        """Return the limiter of the running loop."""
        loop = asyncio.get_running_loop()
        limiter = self._by_loop.get(loop)
        if limiter is None:
            limiter = self._by_loop[loop] = Limiter(self._backoff, self._connections)
        return limiter


def limiter_of(session: SessionManager, backoff: RetryPolicy) -> Limiter:
    """Return the one limiter of a client, its views included; the first job that asks makes it."""
    limiters = session.kept
    if not isinstance(limiters, Limiters):
        limiters = session.kept = Limiters(backoff, session.settings.max_connections)
    return limiters.current()
