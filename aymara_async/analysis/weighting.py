"""A pass rate in which sure verdicts count for more than doubtful ones."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from aymara_async.analysis.errors import check_share
from aymara_async.analysis.intervals import Interval, normal_quantile
from aymara_async.models import ScoredResponse
from aymara_async.record.tally import Standing, standing_of


@attrs.frozen(kw_only=True)
class WeightedRate:
    """A pass rate weighted by the confidence of each verdict."""

    pass_rate: float | None
    """Sum of the confidences of the passes over the sum of all confidences; None where there is none."""
    interval: Interval
    """Its Wilson interval at the effective sample size."""
    effective_size: float
    """How many equally sure verdicts would tell as much (Kish)."""
    num_weighted: int
    """Number of verdicts with a confidence."""
    num_without_confidence: int
    """Number of verdicts without one, which are left out."""


def confidence_weighted_rate(responses: Iterable[ScoredResponse], *, confidence_level: float = 0.95) -> WeightedRate:
    """Compute the pass rate weighted by confidence, over the scored responses that have one.

    Raises ``StatisticsError`` for a confidence outside 0.0 to 1.0.
    """
    scored = [response for response in responses if standing_of(response) in {Standing.PASSED, Standing.FAILED}]
    verdicts = [(r.confidence, r.is_passed is True) for r in scored if r.confidence is not None]
    for confidence, _ in verdicts:
        check_share("confidence", confidence)
    weight = math.fsum(confidence for confidence, _ in verdicts)
    squares = math.fsum(confidence**2 for confidence, _ in verdicts)
    z = normal_quantile(confidence_level)
    rate = math.fsum(confidence for confidence, is_passed in verdicts if is_passed) / weight if weight else None
    size = weight**2 / squares if squares else 0.0
    return WeightedRate(
        pass_rate=rate,
        interval=Interval(0.0, 1.0) if rate is None else _wilson_of_share(rate, size, z),
        effective_size=size,
        num_weighted=len(verdicts),
        num_without_confidence=len(scored) - len(verdicts),
    )


def _wilson_of_share(share: float, size: float, z: float) -> Interval:
    """Compute the Wilson interval at a sample size that need not be whole, which scipy does not take."""
    centre = (share + z**2 / (2.0 * size)) / (1.0 + z**2 / size)
    reach = z / (1.0 + z**2 / size) * math.sqrt(share * (1.0 - share) / size + z**2 / (4.0 * size**2))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))
