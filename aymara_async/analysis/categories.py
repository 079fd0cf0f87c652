"""Pass rates by category of prompt."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from aymara_async.analysis.intervals import Interval, wilson_interval
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.models import ScoredResponse
from aymara_async.record.tally import Tally, tally


@attrs.frozen(kw_only=True)
class CategoryRate:
    """The pass rate of one category."""

    category: str | None
    """The category; None for prompts without one, and for responses whose prompt is not known."""
    tally: Tally
    """What its responses came to."""
    interval: Interval
    """The Wilson interval of its pass rate."""


def rates_by_category(run: ScoredRun, *, confidence_level: float = 0.95) -> Sequence[CategoryRate]:
    """Compute the pass rate of each category, in the order of the prompts; categories without a response are there too.

    Each interval is right for its category alone: of twenty categories, one may well lie outside its 95% interval.
    """
    grouped: dict[str | None, list[ScoredResponse]] = {prompt.category: [] for prompt in run.prompts}
    for response in run.responses:
        prompt = run.prompt_of(response)
        grouped.setdefault(prompt.category if prompt else None, []).append(response)
    rates: list[CategoryRate] = []
    for category, responses in grouped.items():
        counts = tally(responses)
        interval = wilson_interval(counts.passed, counts.scored, confidence_level=confidence_level)
        rates.append(CategoryRate(category=category, tally=counts, interval=interval))
    return rates
