"""One limiter per client and event loop: how fast its bulk jobs may send, learnt from what the server refuses.

It hears of every answer that the client gets, and lets the bulk jobs' requests go one by one, first come, first served;
ordinary calls do not wait. All numbers are requests per second:

========================  ==========================================================================================
phase                     rate
========================  ==========================================================================================
never refused             no limit
refused (429 or 503)      0.9 of the rate (at first: what the server has just accepted), once for a whole burst:
                          requests sent before the cut do not cut again; all wait as long as Retry-After says, or ever
                          longer where it says nothing
after that                up by 6% of the ceiling a second, to 0.96 of the ceiling, the rate that was refused
then                      up by 0.05% of the ceiling a second, to stay long just below what the server allows
beyond the ceiling        up by 5% a second: the server allows more than it did
========================  ==========================================================================================

A refusal without Retry-After says little by itself: it counts once more than a tenth of the latest were refused.
The rate grows only while requests have to wait for it, since otherwise it says nothing about the server.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from time import monotonic
from weakref import WeakKeyDictionary

from aymara_async.response import APIResponse
from aymara_async.transport.retry import RetryPolicy
from aymara_async.transport.session import SessionManager
from aymara_async.transport.wire import retry_after

CUT = 0.9
KNEE = 0.96
RECOVERY, PROBING, SEARCH = 0.06, 0.0005, 0.05
SLOWEST, LOWEST_SHARE, FIRST_GUESS = 0.5, 0.1, 10.0
"""Least rate, alone and as a share of the ceiling, and least first guess: pauses hold back more where it is needed."""
TOLERATED = 0.1
"""Share of refusals without Retry-After that is no sign of being too fast."""
CATCH_UP = 0.02
"""Seconds of slots that are made up for when the loop was late."""
LEFT_TO_OTHERS = 0.25
"""Share of the client's connections that bulk jobs do not take, so that no other call waits for one."""

_LIMITING = frozenset({429, 503})
"""Statuses with which servers say that they are asked too often."""


class Recent:
    """What became of the latest requests."""

    def __init__(self) -> None:
        self._start = -math.inf
        self._accepted = (0, 0)
        self._refusals = deque[bool](maxlen=20)

    def add(self, now: float, *, is_refused: bool) -> None:
        """Count one."""
        self._refusals.append(is_refused)
        if is_refused:
            return
        if now - self._start >= 1:
            self._accepted = (self._accepted[1] if now - self._start < 2 else 0, 0)
            self._start = now
        self._accepted = (self._accepted[0], self._accepted[1] + 1)

    @property
    def is_refused_often(self) -> bool:
        """Tell whether more than a few were refused."""
        return sum(self._refusals) > max(1, TOLERATED * len(self._refusals))

    def guess(self, now: float, wait: float | None) -> float:
        """Guess what the server allows a second, when after those of the last seconds it wants to wait."""
        before, latest = self._accepted
        seconds = now - self._start + (1 if before else 0)
        if wait is None:
            return max(FIRST_GUESS, (before + latest) / max(seconds, 0.05) / 2)
        return max(FIRST_GUESS, (before + latest) / max(seconds + wait, 1.0))


class Rate:
    """The rate by itself, without clock or loop: what refusals and sent requests do to it."""

    def __init__(self) -> None:
        self.value: float = math.inf
        self.ceiling: float = math.inf
        self._recent = Recent()
        self._has_accepted = False
        self._cut_at = -math.inf
        self._streak = 0

    def accept(self, now: float) -> None:
        """Take note of a request that was not refused."""
        self._has_accepted = True
        self._recent.add(now, is_refused=False)

    def refuse(self, now: float, started: float, wait: float | None, backoff: RetryPolicy) -> float:
        """Take note of a refusal of a request that began at ``started``; return how long everybody is to wait."""
        self._recent.add(now, is_refused=True)
        if started < self._cut_at or (wait is None and not self._recent.is_refused_often):
            return wait or 0.0
        self._streak = 0 if self._has_accepted else self._streak + 1
        self._cut(now, wait)
        return min(backoff.max_wait, backoff.initial_wait * 2.0 ** min(self._streak, 60)) if wait is None else wait

    def _cut(self, now: float, wait: float | None) -> None:
        if math.isinf(self.value):
            # A first guess, and no ceiling that was tried: it begins beyond that.
            self.value = self.ceiling = self._recent.guess(now, wait)
        else:
            if self._has_accepted:
                self.ceiling = self.value
            self.value = max(SLOWEST, LOWEST_SHARE * self.ceiling, self.value * CUT)
        self._cut_at, self._has_accepted = now, False

    def grow(self) -> None:
        """Take note of a request that had to wait for its slot."""
        if math.isinf(self.value):
            return
        if self.value < KNEE * self.ceiling:
            a_second = RECOVERY * self.ceiling
        elif self.value < self.ceiling:
            a_second = PROBING * self.ceiling
        else:
            a_second = SEARCH * self.value
        self.value += a_second / self.value


class Limiter:
    """Let requests go at the rate, in the order in which they came; belongs to one event loop."""

    def __init__(self, backoff: RetryPolicy, connections: int = 100) -> None:
        self.rate: Rate = Rate()
        self.room: asyncio.Semaphore = asyncio.Semaphore(max(1, connections - math.ceil(LEFT_TO_OTHERS * connections)))
        """Room for batches under way, of all jobs together."""
        self._backoff = backoff
        self._queue = deque[asyncio.Future[None]]()
        self._next = -math.inf
        self._timer: asyncio.TimerHandle | None = None

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
        """Learn from an answer, whoever asked."""
        now = monotonic()
        if answer.status_code not in _LIMITING:
            self.rate.accept(now)
            return
        pause = self.rate.refuse(now, started, retry_after(answer.headers), self._backoff)
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


class Limiters:
    """The limiters of a client, as its session's observer; one for each event loop that it is used in."""

    def __init__(self, backoff: RetryPolicy, connections: int) -> None:
        self._backoff, self._connections = backoff, connections
        self._by_loop = WeakKeyDictionary[asyncio.AbstractEventLoop, Limiter]()

    def __call__(self, answer: APIResponse[object], started: float) -> None:
        """Pass an answer on to the limiter of the running loop."""
        self.current().observe(answer, started)

    def current(self) -> Limiter:
        """Return the limiter of the running loop."""
        loop = asyncio.get_running_loop()
        limiter = self._by_loop.get(loop)
        if limiter is None:
            limiter = self._by_loop[loop] = Limiter(self._backoff, self._connections)
        return limiter


def limiter_of(session: SessionManager, backoff: RetryPolicy) -> Limiter:
    """Return the one limiter of a client, its views included; the first job that asks makes it."""
    if not isinstance(session.observer, Limiters):
        session.observer = Limiters(backoff, session.settings.max_connections)
    return session.observer.current()
