"""What became of a response, and how often: passed, failed, excluded from scoring, or without a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import attrs

from aymara_async.models import ScoredResponse


class Outcome(StrEnum):
    """What became of a response."""

    PASSED = "passed"
    FAILED = "failed"
    EXCLUDED = "excluded"
    """It was submitted with ``exclude_from_scoring``: it counts nowhere, whatever verdict it may carry."""
    UNSCORED = "unscored"
    """It should have a score but has none."""


def outcome_of(response: ScoredResponse) -> Outcome:
    """Tell what became of a response."""
    if response.exclude_from_scoring:
        return Outcome.EXCLUDED
    if response.is_passed is None:
        return Outcome.UNSCORED
    return Outcome.PASSED if response.is_passed else Outcome.FAILED


@attrs.frozen(kw_only=True)
class Tally:
    """How many responses had which outcome."""

    passed: int = 0
    failed: int = 0
    excluded: int = 0
    unscored: int = 0

    @property
    def scored(self) -> int:
        """How many have a verdict that counts."""
        return self.passed + self.failed

    @property
    def total(self) -> int:
        """How many there are, whatever their outcome."""
        return self.scored + self.excluded + self.unscored

    @property
    def pass_rate(self) -> float | None:
        """Share of the scored responses that passed, 0.0 to 1.0; None where none was scored."""
        return self.passed / self.scored if self.scored else None


def tally(responses: Iterable[ScoredResponse]) -> Tally:
    """Count the outcomes of responses."""
    counts = Counter(outcome_of(response) for response in responses)
    return Tally(**{outcome.value: counts[outcome] for outcome in Outcome})
