"""Asynchronous life cycles, computed from stored times: nothing runs in the background, so nothing must be stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, TypeAlias

import attrs

Status: TypeAlias = Literal["created", "processing", "finished", "failed"]
Fate: TypeAlias = Literal["finished", "failed", "never"]
"""How a job will end; ``never`` stays in processing for ever."""


@attrs.frozen
class Job:
    """When something was asked for, when it will be ready, and how it will end."""

    created_at: float
    ready_at: float
    fate: Fate
    touched_at: float
    """When a request last changed it."""

    def status(self, now: float) -> Status:
        """Tell the status: the first third of the delay is "created", the rest "processing"."""
        if self.fate != "never" and now >= self.ready_at:
            return "failed" if self.fate == "failed" else "finished"
        return "created" if now < self.created_at + (self.ready_at - self.created_at) / 3 else "processing"

    def updated_at(self, now: float) -> float:
        """Tell when it last changed, by a request or by getting ready."""
        has_ended = self.status(now) in ("finished", "failed")
        return max(self.touched_at, self.ready_at) if has_ended else self.touched_at


def begin(now: float, delay: float, fate: Fate) -> Job:
    """Start a job that is ready ``delay`` seconds from now."""
    return Job(created_at=now, ready_at=now + delay, fate=fate, touched_at=now)


def timestamp(seconds: float) -> datetime:
    """Turn seconds since the epoch into a datetime with its time zone."""
    return datetime.fromtimestamp(seconds, UTC)
