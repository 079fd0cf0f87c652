"""What came of scoring: counts, categories, and which responses failed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from aymara_async.models import ScoredResponse
from aymara_async.scoring.rows import PromptRow, ResponseRow


@attrs.frozen(kw_only=True)
class ScoredRow:
    """A response of the file with its prompt and its score."""

    prompt: PromptRow
    response: ResponseRow
    score: ScoredResponse

    @property
    def is_passed(self) -> bool | None:
        """The verdict; None where the file asked not to score the response."""
        return None if self.response.exclude_from_scoring else self.score.is_passed


@attrs.frozen(kw_only=True)
class Tally:
    """How many responses were scored, and how many of them passed."""

    scored: int
    passed: int

    @property
    def failed(self) -> int:
        """How many did not pass."""
        return self.scored - self.passed

    @property
    def pass_rate(self) -> float | None:
        """Share of the scored responses that passed, 0.0 to 1.0; None where none was scored."""
        return self.passed / self.scored if self.scored else None


@attrs.frozen(kw_only=True)
class ScoringOutcome:
    """Every response of the file, scored."""

    eval_uuid: str
    eval_run_uuid: str
    name: str | None
    """Name of the run."""
    prompts: Sequence[PromptRow]
    rows: Sequence[ScoredRow]
    """In the order of the responses file."""

    @property
    def tally(self) -> Tally:
        """Count over all responses."""
        return _count(self.rows)

    @property
    def categories(self) -> dict[str | None, Tally]:
        """Count by category, in the order of the prompts file; categories without a response are there too."""
        rows: dict[str | None, list[ScoredRow]] = {prompt.category: [] for prompt in self.prompts}
        for row in self.rows:
            rows[row.prompt.category].append(row)
        return {category: _count(those) for category, those in rows.items()}

    @property
    def failing(self) -> list[ScoredRow]:
        """The responses that did not pass."""
        return [row for row in self.rows if row.is_passed is False]

    @property
    def excluded(self) -> list[ScoredRow]:
        """The responses that the file asked not to score."""
        return [row for row in self.rows if row.response.exclude_from_scoring]

    @property
    def not_answered(self) -> list[PromptRow]:
        """The prompts that no response answers."""
        answered = {row.prompt.prompt_uuid for row in self.rows}
        return [prompt for prompt in self.prompts if prompt.prompt_uuid not in answered]


def _count(rows: Sequence[ScoredRow]) -> Tally:
    verdicts = [row.is_passed for row in rows if row.is_passed is not None]
    return Tally(scored=len(verdicts), passed=sum(verdicts))
