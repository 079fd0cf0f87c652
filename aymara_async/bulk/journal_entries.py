"""What the journal tells of runs, batches and responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from aymara_async.bulk.turns import Turn
from aymara_async.models import ScoredResponse


@attrs.frozen
class Run:
    """A run of this job."""

    id: int
    name: str
    eval_run_uuid: str | None
    """None until the server has said it."""
    scored: int = 0
    """How many responses of it the journal holds."""


@attrs.frozen
class SentBatch:
    """A batch that may be at the server."""

    id: int
    run: Run
    turns: Sequence[Turn]


class Registered(NamedTuple):
    """What the journal knows of a response that came from the input."""

    turn: Turn
    duplicate_of: int | None = None
    """Number of the response in this input that answers the same turn."""
    is_changed: bool = False
    """Whether an earlier session has sent another response to this turn."""
    is_known_prompt: bool = True
    is_sent: bool = False
    """Whether an earlier session has sent it, and the server has not scored it yet."""
    scored: ScoredResponse | None = None
    """Its result, if an earlier session got it."""

    @property
    def is_new(self) -> bool:
        """Whether it is to be sent, as far as the journal knows."""
        is_sound = self.duplicate_of is None and not self.is_changed and self.is_known_prompt
        return is_sound and not self.is_sent and self.scored is None
