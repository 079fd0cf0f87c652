"""What all requests of one server share."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from aymara_async.sandbox.judge import Judge
from aymara_async.sandbox.prompts import PromptSource
from aymara_async.sandbox.shape import Shaping
from aymara_async.sandbox.store.database import Database

ORGANIZATION_UUID = "5a4db0c5-0000-4000-8000-000000000001"
"""The one organization that a sandbox knows."""

USER_EMAIL = "sandbox@example.com"
"""The one user that a sandbox knows."""


@attrs.define
class State:
    """Database, clock, judge and prompts of one server."""

    database: Database
    clock: Callable[[], float]
    """Seconds since the epoch."""
    delay: float
    """Seconds until an eval, a run, a report or a file is ready."""
    judge: Judge
    prompts: PromptSource
    shaping: Shaping
    secret: bytes
    """Signs the presigned URLs."""
    storage_url: str = ""
    """The second origin, known once it listens."""

    def now(self) -> float:
        """Tell the time by this server's clock."""
        return self.clock() + self.shaping.shape.clock_offset
