"""What is known of a run so far: counts, categories, and the first conversations that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from aymara_async.models import EvalPrompt
from aymara_async.record.tally import Standing, Tally
from aymara_async.runner.outcome import Exchange

MAX_FAILING = 100
"""Conversations that failed and are kept; the formats for programs have all."""


@attrs.frozen(kw_only=True)
class LeftOut:
    """A response that was not scored."""

    where: str
    """Where it is in the file, or which prompt it answers, for people."""
    reason: str


@attrs.define(kw_only=True)
class Results:
    """What a run comes to; it does not grow with the number of responses that passed."""

    eval_uuid: str
    prompts: Mapping[str, EvalPrompt]
    """First prompts by the server's id, in their order."""
    names: Mapping[str, str]
    """The caller's own ids of the prompts, by the server's; none where the caller has none."""
    eval_run_uuids: Sequence[str] = ()
    run_name: str | None = None
    skipped: list[LeftOut] = attrs.field(factory=list)
    """Rows that were at fault."""
    rejected: list[LeftOut] = attrs.field(factory=list)
    """Responses that the server would not score."""
    unscored: list[LeftOut] = attrs.field(factory=list)
    """Responses that the server took, and gave no score."""
    failing: list[Sequence[Exchange]] = attrs.field(factory=list)
    """The first conversations in which a response failed."""
    num_failing: int = 0
    """How many conversations failed."""
    num_errors: int = 0
    """How often the model failed."""
    seconds: list[float] = attrs.field(factory=list)
    """How long the model took for each answer."""
    has_conversations: bool = False
    """Whether any conversation has more than one turn."""
    _standings: Counter[tuple[str | None, Standing]] = attrs.field(factory=Counter)
    _answered: set[str] = attrs.field(factory=set)

    def add(self, conversation: Sequence[Exchange]) -> None:
        """Count the turns of a conversation."""
        first = conversation[0].prompt
        self.has_conversations |= len(conversation) > 1
        for turn in conversation:
            if turn.standing is not None:
                self._answered.add(first.prompt_uuid)
                self._standings[turn.prompt.category, turn.standing] += 1
            self.num_errors += turn.error is not None
            if turn.seconds is not None:
                self.seconds.append(turn.seconds)
            if turn.rejection is not None:
                self.rejected.append(LeftOut(where=f"prompt {self.name_of(first)}", reason=turn.rejection))
        if any(turn.is_passed is False for turn in conversation):
            self.num_failing += 1
            if len(self.failing) < MAX_FAILING:
                self.failing.append(conversation)

    def name_of(self, prompt: EvalPrompt) -> str:
        """Name a prompt as the caller does."""
        return self.names.get(prompt.prompt_uuid, prompt.prompt_uuid)

    @property
    def tally(self) -> Tally:
        """Count how all responses stand."""
        counts = Counter[Standing]()
        for (_, standing), count in self._standings.items():
            counts[standing] += count
        return Tally.of(counts.elements(), unanswered=len(self.unanswered))

    @property
    def categories(self) -> dict[str | None, Tally]:
        """Count by category, in the order of the prompts; categories without a response are there too."""
        missing = Counter(prompt.category for prompt in self.unanswered)
        names = [*(prompt.category for prompt in self.prompts.values()), *(name for name, _ in self._standings)]
        return {
            name: Tally(
                **{standing.value: self._standings[name, standing] for standing in Standing}, unanswered=missing[name]
            )
            for name in names
        }

    @property
    def unanswered(self) -> list[EvalPrompt]:
        """The prompts that no response answers."""
        return [prompt for uuid, prompt in self.prompts.items() if uuid not in self._answered]
