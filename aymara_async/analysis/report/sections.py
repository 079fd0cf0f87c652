"""What the page says without a script: verdicts, pass rates, categories, changes and confidences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from aymara_async.analysis.categories import CategoryRate, rates_by_category
from aymara_async.analysis.intervals import Interval, wilson_interval
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.analysis.verdict import Verdict
from aymara_async.record.tally import Standing, standing_of

BINS = 20


@attrs.frozen(kw_only=True)
class RunSection:
    """One run, as the page introduces it."""

    run: ScoredRun
    verdict: Verdict | None
    interval: Interval

    @property
    def num_missing(self) -> int:
        """How many responses and prompts should have a score but have none."""
        return self.run.tally.unscored + len(self.run.unanswered)


@attrs.frozen(kw_only=True)
class CategorySection:
    """One category, in every run that knows it."""

    category: str | None
    rates: Sequence[tuple[int, CategoryRate]]
    """The number of the run, and its rate."""


@attrs.frozen(kw_only=True)
class ConfidenceBin:
    """How many verdicts have a confidence within this part of 0.0 to 1.0."""

    low: float
    passed: int
    failed: int


def run_section(run: ScoredRun, verdict: Verdict | None, confidence_level: float) -> RunSection:
    """Compute what the page says of a run."""
    return RunSection(
        run=run,
        verdict=verdict,
        interval=wilson_interval(run.tally.passed, run.tally.scored, confidence_level=confidence_level),
    )


def category_sections(runs: Sequence[ScoredRun], confidence_level: float) -> Sequence[CategorySection]:
    """Compute the pass rates by category, the lowest first; none where no prompt has a category."""
    found: dict[str | None, list[tuple[int, CategoryRate]]] = {}
    for number, run in enumerate(runs):
        for rate in rates_by_category(run, confidence_level=confidence_level):
            found.setdefault(rate.category, []).append((number, rate))
    if not any(found):
        return []
    sections = [CategorySection(category=category, rates=rates) for category, rates in found.items()]
    return sorted(sections, key=_lowest_rate)


def _lowest_rate(section: CategorySection) -> float:
    return min((rate.tally.pass_rate for _, rate in section.rates if rate.tally.pass_rate is not None), default=2.0)


def confidence_bins(runs: Sequence[ScoredRun]) -> Sequence[ConfidenceBin]:
    """Count the verdicts of all runs by confidence, in 20 bins over 0.0 to 1.0; none where no verdict has one."""
    counts: Mapping[Standing, list[int]] = {Standing.PASSED: [0] * BINS, Standing.FAILED: [0] * BINS}
    for run in runs:
        for response in run.responses:
            outcome = standing_of(response)
            if outcome in counts and response.confidence is not None:
                counts[outcome][min(BINS - 1, int(response.confidence * BINS + 1e-9))] += 1
    bins = [
        ConfidenceBin(low=number / BINS, passed=passed, failed=failed)
        for number, (passed, failed) in enumerate(zip(*counts.values(), strict=True))
    ]
    return bins if any(one.passed or one.failed for one in bins) else []
