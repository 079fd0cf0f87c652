"""What became of the responses."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class UnscoredResponse:
    """A response that was not scored, and why."""

    row: int
    """Its place in the input, counted from 1; in a JSON Lines file, the line."""
    prompt_uuid: str | None = None
    """The prompt that it answers, as far as that could be read."""
    reason: str
    """What is wrong with it."""


@attrs.frozen(kw_only=True)
class ResentResponse:
    """A response that was sent again."""

    row: int
    """Its place in the input, counted from 1; in a JSON Lines file, the line."""
    prompt_uuid: str
    """The prompt that it answers."""


@attrs.define(kw_only=True)
class BulkResult:
    """How far a bulk job is, and at the end what became of every response.

    At the end, submitted = scored + failed + unscored.
    """

    submitted: int = 0
    """Responses of the input that passed the checks."""
    scored: int = 0
    """Responses that have a result, those from the journal included."""
    passed: int = 0
    """Scored responses that passed."""
    judged: int = 0
    """Scored responses with a verdict; those excluded from scoring have none."""
    resumed: int = 0
    """Scored responses whose result the journal of an earlier session had."""
    reconciled: int = 0
    """Responses whose result was found at the server after its answer had been lost."""
    failed: list[UnscoredResponse] = attrs.field(factory=list)
    """Responses that the server rejected, one by one."""
    unscored: list[UnscoredResponse] = attrs.field(factory=list)
    """Responses that the server has, but gave no score within the job's ``patience``; a resumed job looks again."""
    resent: list[ResentResponse] = attrs.field(factory=list)
    """Responses that were sent again, since the server did not list them within the grace period."""
    skipped: list[UnscoredResponse] = attrs.field(factory=list)
    """Rows that did not pass the checks; with ``on_invalid="skip"`` only."""
    eval_run_uuids: list[str] = attrs.field(factory=list)
    """The runs that hold the results."""

    @property
    def pass_rate(self) -> float | None:
        """Share of the verdicts that are "passed", 0.0 to 1.0; None where there is none."""
        return self.passed / self.judged if self.judged else None
