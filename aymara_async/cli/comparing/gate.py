"""The gate on a comparison: whether the candidate may take the place of the baseline."""

from __future__ import annotations

from aymara_async.analysis import Decision, RunComparison


def decide(comparison: RunComparison, *, strict: bool) -> tuple[Decision, str]:
    """Decide, and say why; ``strict`` turns inconclusive into fail."""
    decision, reason = comparison.decision, comparison.reason
    if decision is Decision.INCONCLUSIVE and strict:
        return Decision.FAIL, f"{reason} Inconclusive counts as failed (strict)."
    return decision, reason
