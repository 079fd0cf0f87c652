"""How far a pass rate may be from what a larger sample would show."""

from __future__ import annotations

from typing import NamedTuple

from scipy import stats

from aymara_async.analysis.errors import StatisticsError, check_share


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


def normal_quantile(confidence_level: float) -> float:
    """Give the two-sided quantile of the standard normal distribution: 1.96 for 0.95."""
    check_share("confidence_level", confidence_level, is_open=True)
    return float(stats.norm.isf((1.0 - confidence_level) / 2.0))


def wilson_interval(passed: int, scored: int, *, confidence_level: float = 0.95) -> Interval:
    """Compute the Wilson score interval of a pass rate.

    It treats the responses as independent of each other. Of nothing scored nothing is known: 0.0 to 1.0. Raises
    ``StatisticsError`` for counts that cannot be.
    """
    check_share("confidence_level", confidence_level, is_open=True)
    if not 0 <= passed <= scored:
        raise StatisticsError(f"{passed} of {scored} responses cannot have passed. Nothing was computed.")
    if scored == 0:
        return Interval(0.0, 1.0)
    found = stats.binomtest(passed, scored).proportion_ci(confidence_level, method="wilson")
    return Interval(float(found.low), float(found.high))
