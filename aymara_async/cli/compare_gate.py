"""The gate of ``compare``: whether the candidate may take the place of the baseline."""

from __future__ import annotations

from aymara_async.analysis import Decision, Outcome, RunComparison, mcnemar_p_value, outcome_of


def decide(
    comparison: RunComparison, *, alpha: float, strict: bool, names: tuple[str, str] = ("A", "B")
) -> tuple[Decision, str]:
    """Decide with all that is known, and say why.

    Beside what ``RunComparison.decision`` says, it is inconclusive where what has no score in the candidate could make
    it significantly worse. ``strict`` turns inconclusive into fail; ``names`` are what people call the two runs.
    """
    baseline, candidate = names
    decision, reason = comparison.decision, comparison.reason
    unknown = _num_unknown(comparison)
    worse, better = len(comparison.regressions) + unknown, len(comparison.improvements)
    if decision is Decision.PASS and worse > better and unknown and mcnemar_p_value(worse, better) < alpha:
        decision = Decision.INCONCLUSIVE
        reason = (
            f"{reason} But {unknown:,} that passed in {baseline} have no score in {candidate}: had they failed, "
            f"{candidate} would be worse."
        )
    if decision is Decision.INCONCLUSIVE and strict:
        return Decision.FAIL, f"{reason} Inconclusive counts as failed (strict)."
    return decision, reason


def _num_unknown(comparison: RunComparison) -> int:
    """Count what passed in the baseline, while the candidate should have a score but has none."""
    unscored = sum(
        outcome_of(pair.baseline) is Outcome.PASSED and outcome_of(pair.candidate) is Outcome.UNSCORED
        for pair in comparison.not_scored
    )
    unanswered = {prompt.content for prompt in comparison.candidate.unanswered}
    passed = (one for one in comparison.only_in_baseline if outcome_of(one) is Outcome.PASSED)
    prompts = map(comparison.baseline.prompt_of, passed)
    return unscored + sum(prompt is not None and prompt.content in unanswered for prompt in prompts)
