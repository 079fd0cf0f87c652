"""How fast to send, learnt from what the server refuses: no clock, no loop, no client. Rates are requests per second.

========================  ==========================================================================================
phase                     rate
========================  ==========================================================================================
never refused             no limit
refused (429)             0.9 of the rate (at first: what the server has just accepted), once for a whole burst:
                          requests sent before the cut do not cut again; all wait as long as Retry-After says, or ever
                          longer where it says nothing
unavailable (503)         nothing, as long as a few requests meet it: each of them waits by itself; once more than 25%
                          do, what the server has just accepted; in an outage all wait, ever longer
after that                up by 6% of the ceiling a second, to 0.96 of the ceiling, the rate that was refused
then                      up by 0.05% of the ceiling a second, to stay long just below what the server allows
beyond the ceiling        up by 5% a second: the server allows more than it did
========================  ==========================================================================================

The rate grows only while requests have to wait for it, since otherwise it says nothing about the server.
"""

from __future__ import annotations

import math
from collections import deque

import attrs

CUT = 0.9
KNEE = 0.96
RECOVERY, PROBING, SEARCH = 0.06, 0.0005, 0.05
SLOWEST, LOWEST_SHARE, FIRST_GUESS = 0.5, 0.1, 10.0
"""Least rate, alone and as a share of the ceiling, and least first guess: pauses hold back more where it is needed."""
LATEST = 100
"""So many answers tell what share of the requests meets a 503."""
OFTEN = 0.25
"""The share of 503 that is taken for a rate that is too high, or an outage; fewer come whatever the rate."""


@attrs.frozen(kw_only=True)
class Refusal:
    """How a server refused a request."""

    is_limit: bool
    """Whether it said that there are too many (429), not just that it is unavailable (503)."""
    started: float
    """When the request was sent."""
    wait: float | None = None
    """After how many seconds the server wants to be asked again."""


class Recent:
    """What became of the latest requests."""

    def __init__(self) -> None:
        self._start = -math.inf
        self._accepted = (0, 0)
        self._latest = deque[bool](maxlen=LATEST)
        """For each whether the server was unavailable."""

    def add(self, now: float, *, is_refused: bool, is_unavailable: bool = False) -> None:
        """Count one."""
        self._latest.append(is_unavailable)
        if is_refused:
            return
        if now - self._start >= 1:
            self._accepted = (self._accepted[1] if now - self._start < 2 else 0, 0)
            self._start = now
        self._accepted = (self._accepted[0], self._accepted[1] + 1)

    @property
    def unavailable(self) -> float:
        """Share of the latest that met a server which was unavailable; 0 of too few to tell."""
        met = sum(self._latest)
        is_telling = len(self._latest) == LATEST or (met >= 3 and met == len(self._latest))
        return met / len(self._latest) if is_telling else 0.0

    def forget(self) -> None:
        """Begin anew with the latest."""
        self._latest.clear()

    def accepted(self, now: float) -> float:
        """Tell how many a second were accepted in the last seconds."""
        before, latest = self._accepted
        seconds = now - self._start + (1 if before else 0)
        return (before + latest) / max(seconds, 0.25)

    def guess(self, now: float, wait: float | None) -> float:
        """Guess what the server allows a second, when after those of the last seconds it wants to wait."""
        before, latest = self._accepted
        seconds = now - self._start + (1 if before else 0)
        if wait is None:
            return max(FIRST_GUESS, (before + latest) / max(seconds, 0.05) / 2)
        return max(FIRST_GUESS, (before + latest) / max(seconds + wait, 1.0))


class Rate:
    """The rate, and what refusals and sent requests do to it.

    ``first_wait`` and ``longest_wait`` are the pauses in an outage, where the server does not say how long.
    """

    def __init__(self, *, first_wait: float = 0.5, longest_wait: float = 20.0) -> None:
        self.value: float = math.inf
        self.ceiling: float = math.inf
        self._first_wait, self._longest_wait = first_wait, longest_wait
        self._recent = Recent()
        self._has_accepted = False
        self._cut_at = -math.inf
        self._streak = 0

    def accept(self, now: float) -> None:
        """Take note of a request that was not refused."""
        self._has_accepted = True
        self._recent.add(now, is_refused=False)

    def refuse(self, now: float, refusal: Refusal) -> float:
        """Take note of a refusal; return how many seconds everybody is to wait."""
        self._recent.add(now, is_refused=True, is_unavailable=not refusal.is_limit)
        if refusal.started < self._cut_at:
            return (refusal.wait or 0.0) if refusal.is_limit else 0.0
        if refusal.is_limit:
            self._cut(now, refusal.wait)
            return self._pause() if refusal.wait is None else refusal.wait
        if self._recent.unavailable < OFTEN:
            return 0.0
        self._cut(now, None, accepted=self._recent.accepted(now))
        self._recent.forget()
        return self._pause()

    def _pause(self) -> float:
        """Tell how long all are to wait where the server does not say: not at all as long as some are accepted."""
        return min(self._longest_wait, self._first_wait * 2.0 ** min(self._streak - 1, 60)) if self._streak else 0.0

    def _cut(self, now: float, wait: float | None, accepted: float = math.inf) -> None:
        self._streak = 0 if self._has_accepted else self._streak + 1
        if math.isinf(self.value):
            # A first guess, and no ceiling that was tried: it begins beyond that.
            self.value = self.ceiling = self._recent.guess(now, wait)
        else:
            if self._has_accepted:
                self.ceiling = min(self.value, max(accepted / KNEE, SLOWEST))
            self.value = max(SLOWEST, LOWEST_SHARE * self.ceiling, min(self.value * CUT, accepted))
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
