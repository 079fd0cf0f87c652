"""How a response stands: passed, failed, excluded from scoring, or without a score; and how many stand how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

import attrs

from aymara_async.models import ScoredResponse


class Standing(StrEnum):
    """How a response stands."""

    PASSED = "passed"
    FAILED = "failed"
    EXCLUDED = "excluded"
    """It was submitted with ``exclude_from_scoring``: it counts nowhere, whatever score it may carry."""
    UNSCORED = "unscored"
    """It should have a score but has none."""


def standing_of(response: ScoredResponse) -> Standing:
    """Tell how a response stands."""
    if response.exclude_from_scoring:
        return Standing.EXCLUDED
    if response.is_passed is None:
        return Standing.UNSCORED
    return Standing.PASSED if response.is_passed else Standing.FAILED


@attrs.frozen(kw_only=True)
class Tally:
    """How many responses stand how, and how many prompts no response answers."""

    passed: int = 0
    failed: int = 0
    excluded: int = 0
    unscored: int = 0
    unanswered: int = 0

    @classmethod
    def of(cls, standings: Iterable[Standing], *, unanswered: int = 0) -> Self:
        """Count standings."""
        counts = Counter(standings)
        return cls(**{standing.value: counts[standing] for standing in Standing}, unanswered=unanswered)

    @property
    def scored(self) -> int:
        """How many have a score that counts."""
        return self.passed + self.failed

    @property
    def total(self) -> int:
        """How many responses there are, however they stand."""
        return self.scored + self.excluded + self.unscored

    @property
    def pass_rate(self) -> float | None:
        """Share of the scored responses that passed, 0.0 to 1.0; None where none was scored."""
        return self.passed / self.scored if self.scored else None


def tally(responses: Iterable[ScoredResponse], *, unanswered: int = 0) -> Tally:
    """Count how responses stand."""
    return Tally.of(map(standing_of, responses), unanswered=unanswered)
