"""What came of scoring: counts, categories, and which responses failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from aymara_async.models import ScoredResponse
from aymara_async.scoring.rows import PromptRow, turn_name


@attrs.frozen(kw_only=True)
class ScoredRow:
    """A scored response with its prompt."""

    prompt: PromptRow
    score: ScoredResponse

    @property
    def is_passed(self) -> bool | None:
        """The verdict; None where the file asked not to score the response."""
        return None if self.score.exclude_from_scoring else self.score.is_passed

    def __str__(self) -> str:
        """Name the response as people find it in the file."""
        thread = self.score.thread_uuid if self.score.turn_number != 1 else None
        return turn_name(self.prompt.prompt_uuid, thread, self.score.turn_number)


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
class LeftOutRow:
    """A row of the file that was not scored."""

    where: str
    """Where it is in the file, for people."""
    reason: str


@attrs.define(kw_only=True)
class ScoringOutcome:
    """What is known of the responses that were scored so far; it does not grow with their number."""

    eval_uuid: str
    prompts: Mapping[str, PromptRow]
    """By the server's id, in their order."""
    max_failing: int
    """How many failing responses to keep."""
    eval_run_uuids: Sequence[str] = ()
    skipped: list[LeftOutRow] = attrs.field(factory=list)
    """Rows that were at fault."""
    rejected: list[LeftOutRow] = attrs.field(factory=list)
    """Rows that the server would not score."""
    failing: list[ScoredRow] = attrs.field(factory=list)
    """The first responses that did not pass."""
    num_responses: int = 0
    num_excluded: int = 0
    """Responses that the file asked not to score."""
    _verdicts: Counter[tuple[str | None, bool]] = attrs.field(factory=Counter)
    _answered: set[str] = attrs.field(factory=set)

    def add(self, score: ScoredResponse) -> ScoredRow:
        """Count a response, and bring it together with its prompt."""
        prompt = self.prompts.get(score.prompt_uuid)
        if prompt is None:  # what the server asks in later turns
            said = score.next_prompt.content if score.next_prompt is not None else ""
            prompt = PromptRow(prompt_uuid=score.prompt_uuid, content=said)
        row = ScoredRow(prompt=prompt, score=score)
        self.num_responses += 1
        self._answered.add(score.prompt_uuid)
        if row.is_passed is None:
            self.num_excluded += 1
        else:
            self._verdicts[prompt.category, row.is_passed] += 1
            if not row.is_passed and len(self.failing) < self.max_failing:
                self.failing.append(row)
        return row

    @property
    def tally(self) -> Tally:
        """Count over all responses."""
        passed = sum(count for (_, is_passed), count in self._verdicts.items() if is_passed)
        return Tally(scored=self._verdicts.total(), passed=passed)

    @property
    def categories(self) -> dict[str | None, Tally]:
        """Count by category, in the order of the prompts; categories without a response are there too."""
        names = [*(prompt.category for prompt in self.prompts.values()), *(name for name, _ in self._verdicts)]
        counts = {name: (self._verdicts[name, True], self._verdicts[name, False]) for name in names}
        return {name: Tally(scored=passed + failed, passed=passed) for name, (passed, failed) in counts.items()}

    @property
    def not_answered(self) -> list[PromptRow]:
        """The prompts that no response answers."""
        return [prompt for uuid, prompt in self.prompts.items() if uuid not in self._answered]
