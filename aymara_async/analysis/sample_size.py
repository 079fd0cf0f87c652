"""How many responses a question needs."""

from __future__ import annotations

import math

from aymara_async.analysis.errors import StatisticsError, check_share
from aymara_async.analysis.intervals import normal_quantile


def sample_size_for_margin(margin: float, *, pass_rate: float = 0.5, confidence_level: float = 0.95) -> int:
    """Compute how many scored responses bring the Wilson interval to ``margin`` on either side of its centre.

    ``pass_rate`` is the one expected; 0.5 is the worst case. Raises ``StatisticsError`` unless ``margin`` is between
    0.0 and 0.5.
    """
    check_share("pass_rate", pass_rate)
    if not 0.0 < margin < 0.5:
        raise StatisticsError(
            f"margin is {margin!r}, but must be between 0.0 and 0.5, such as 0.03 for 3 points. Nothing was computed.",
            path="$.margin",
        )
    z2 = normal_quantile(confidence_level) ** 2
    # The half width squared, z²(n·p·q + z²/4) / (n + z²)², equals margin²: a quadratic in n.
    square = margin**2
    half_linear = square * z2 - z2 * pass_rate * (1.0 - pass_rate) / 2.0
    constant = square * z2**2 - z2**2 / 4.0
    root = (-half_linear + math.sqrt(half_linear**2 - square * constant)) / square
    return max(1, math.ceil(root - 1e-9))


def sample_size_for_bar(pass_rate: float, bar: float, *, confidence_level: float = 0.95) -> int | None:
    """Compute how many scored responses put the Wilson interval of ``pass_rate`` on one side of ``bar``.

    None where no number does: the pass rate is the bar, or the bar is 1.0, which no sample of passes can prove, or 0.0.
    """
    check_share("pass_rate", pass_rate)
    check_share("bar", bar)
    square = (pass_rate - bar) ** 2
    if not square or bar in {0.0, 1.0}:
        return None
    z2 = normal_quantile(confidence_level) ** 2
    # The interval holds the shares that a score test does not reject, so its end meets the bar at this n.
    needed = z2 * bar * (1.0 - bar) / square
    return max(1, math.ceil(needed)) if math.isfinite(needed) else None
