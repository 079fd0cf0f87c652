"""What ``compare`` found, as what JSON and CSV can hold."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from aymara_async.analysis import Pair, RunComparison, ScoredRun, wilson_interval
from aymara_async.analysis.response_text import response_text
from aymara_async.models import FileReference, ScoredResponse

Json = dict[str, object]

FIELDS = (
    "change",
    "prompt_uuid",
    "baseline_prompt_uuid",
    "thread_uuid",
    "turn_number",
    "category",
    "prompt",
    "baseline_response_uuid",
    "baseline_content",
    "baseline_confidence",
    "baseline_explanation",
    "candidate_response_uuid",
    "candidate_content",
    "candidate_confidence",
    "candidate_explanation",
)
"""What a row of a changed prompt holds."""


@attrs.define
class CategoryChange:
    """How the prompts of one category changed."""

    category: str | None
    both_passed: int = 0
    regressions: int = 0
    improvements: int = 0
    both_failed: int = 0

    @property
    def num_pairs(self) -> int:
        """How many prompts have a score in both runs."""
        return self.both_passed + self.regressions + self.improvements + self.both_failed

    @property
    def rates(self) -> tuple[float, float]:
        """Pass rates of baseline and candidate over these prompts."""
        passed_before, passed_now = self.both_passed + self.regressions, self.both_passed + self.improvements
        return passed_before / self.num_pairs, passed_now / self.num_pairs

    @property
    def difference(self) -> float:
        """Pass rate of the candidate less that of the baseline."""
        return (self.improvements - self.regressions) / self.num_pairs


def category_changes(comparison: RunComparison) -> list[CategoryChange]:
    """Count the changes by category, the worst first; none where no prompt has a category."""
    found: dict[str | None, CategoryChange] = {}
    for kind in ("both_passed", "regressions", "improvements", "both_failed"):
        pairs: Sequence[Pair] = getattr(comparison, kind)
        for pair in pairs:
            category = pair.prompt.category if pair.prompt else None
            change = found.setdefault(category, CategoryChange(category))
            setattr(change, kind, getattr(change, kind) + 1)
    if not any(found):
        return []
    return sorted(found.values(), key=lambda change: (change.difference, change.category or ""))


def changed_rows(comparison: RunComparison) -> list[Json]:
    """Give a row for each prompt whose verdict changed, those that turned to fail first."""
    kinds = (("regression", comparison.regressions), ("improvement", comparison.improvements))
    return [_row(kind, pair) for kind, pairs in kinds for pair in pairs]


def document(comparison: RunComparison, alpha: float) -> Json:
    """Give everything as one object."""
    return {
        "decision": comparison.decision.value,
        "reason": comparison.reason,
        "p_value": comparison.p_value,
        "alpha": alpha,
        "is_significant": comparison.is_significant,
        "difference": comparison.difference,
        "difference_low": comparison.interval.low,
        "difference_high": comparison.interval.high,
        "num_pairs": comparison.num_pairs,
        "num_both_passed": len(comparison.both_passed),
        "num_regressions": len(comparison.regressions),
        "num_improvements": len(comparison.improvements),
        "num_both_failed": len(comparison.both_failed),
        "num_not_scored": len(comparison.not_scored),
        "num_only_in_baseline": len(comparison.only_in_baseline),
        "num_only_in_candidate": len(comparison.only_in_candidate),
        "baseline": run_row(comparison.baseline, comparison.confidence_level),
        "candidate": run_row(comparison.candidate, comparison.confidence_level),
        "categories": [_category(change) for change in category_changes(comparison)],
        "changes": changed_rows(comparison),
    }


def run_row(run: ScoredRun, confidence_level: float) -> Json:
    """Give a run's counts and its pass rate with the Wilson interval."""
    interval = wilson_interval(run.tally.passed, run.tally.scored, confidence_level=confidence_level)
    return {
        "eval_run_uuid": run.run.eval_run_uuid,
        "eval_uuid": run.run.eval_uuid,
        "name": run.name,
        "status": run.run.status,
        "pass_rate": run.tally.pass_rate,
        "interval_low": interval.low,
        "interval_high": interval.high,
        "num_scored": run.tally.scored,
        "num_passed": run.tally.passed,
        "num_failed": run.tally.failed,
        "num_excluded": run.tally.excluded,
        "num_unscored": run.tally.unscored,
        "num_not_answered": len(run.unanswered),
    }


def _category(change: CategoryChange) -> Json:
    before, now = change.rates
    return {
        "category": change.category,
        "num_pairs": change.num_pairs,
        "num_regressions": change.regressions,
        "num_improvements": change.improvements,
        "baseline_pass_rate": before,
        "candidate_pass_rate": now,
        "difference": change.difference,
    }


def _row(kind: str, pair: Pair) -> Json:
    return {
        "change": kind,
        "prompt_uuid": pair.candidate.prompt_uuid,
        "baseline_prompt_uuid": pair.baseline.prompt_uuid,
        "thread_uuid": pair.candidate.thread_uuid,
        "turn_number": pair.candidate.turn_number,
        "category": pair.prompt.category if pair.prompt else None,
        "prompt": pair.prompt.content if pair.prompt else None,
        "baseline_response_uuid": pair.baseline.response_uuid,
        "baseline_content": _content(pair.baseline),
        "baseline_confidence": pair.baseline.confidence,
        "baseline_explanation": pair.baseline.explanation,
        "candidate_response_uuid": pair.candidate.response_uuid,
        "candidate_content": _content(pair.candidate),
        "candidate_confidence": pair.candidate.confidence,
        "candidate_explanation": pair.candidate.explanation,
    }


def _content(response: ScoredResponse) -> str | None:
    return response_text(response) if isinstance(response.content, FileReference) else response.content
