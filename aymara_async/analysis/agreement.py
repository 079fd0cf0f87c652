"""How far two judges agree, beyond what chance would bring."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import product

import attrs

from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.intervals import Interval, normal_quantile


@attrs.frozen(kw_only=True)
class Agreement:
    """How far two judges agree."""

    kappa: float | None
    """Cohen's kappa: 1.0 full agreement, 0.0 as by chance; None where both judges always say the same one thing."""
    standard_error: float | None
    """Its large-sample standard error (Fleiss, Cohen and Everitt 1969)."""
    interval: Interval | None
    """Its confidence interval, within -1.0 to 1.0."""
    observed: float | None
    """Share of the items on which they agree; None where no item has both judgements."""
    expected: float | None
    """Share on which they would agree by chance."""
    num_compared: int
    """Number of items with both judgements."""
    num_left_out: int
    """Number of items that one of them, or both, did not judge."""


def cohen_kappa(
    first: Sequence[Hashable | None], second: Sequence[Hashable | None], *, confidence_level: float = 0.95
) -> Agreement:
    """Compute Cohen's kappa of two judges, whose judgements stand in the same order; None: not judged.

    Judgements may be booleans or labels. Raises ``StatisticsError`` for sequences of different length.
    """
    if len(first) != len(second):
        raise StatisticsError(
            f"The judges have {len(first)} and {len(second)} judgements; they must stand in the same order, None where "
            "one has none. Nothing was computed."
        )
    z = normal_quantile(confidence_level)
    judged = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    size = len(judged)
    left_out = len(first) - size
    if not size:
        return Agreement(
            kappa=None, standard_error=None, interval=None, observed=None, expected=None,
            num_compared=0, num_left_out=left_out,
        )  # fmt: skip
    cells = {pair: count / size for pair, count in Counter(judged).items()}
    rows = {label: count / size for label, count in Counter(a for a, _ in judged).items()}
    columns = {label: count / size for label, count in Counter(b for _, b in judged).items()}
    observed = sum(a == b for a, b in judged) / size
    expected = math.fsum(share * columns.get(label, 0.0) for label, share in rows.items())
    if len(rows) == len(columns) == 1 and rows.keys() == columns.keys():
        kappa = error = interval = None
    else:
        kappa = (observed - expected) / (1.0 - expected)
        error = _standard_error(cells, rows, columns, kappa, expected) / math.sqrt(size)
        interval = Interval(max(-1.0, kappa - z * error), min(1.0, kappa + z * error))
    return Agreement(
        kappa=kappa, standard_error=error, interval=interval, observed=observed, expected=expected,
        num_compared=size, num_left_out=left_out,
    )  # fmt: skip


def _standard_error(
    cells: dict[tuple[Hashable, Hashable], float],
    rows: dict[Hashable, float],
    columns: dict[Hashable, float],
    kappa: float,
    expected: float,
) -> float:
    """Compute the standard error for one item; divided by the root of their number it is the one of all."""
    total = 0.0
    for row, column in product({*rows, *columns}, repeat=2):
        share = cells.get((row, column), 0.0)
        if row == column:
            both = rows.get(row, 0.0) + columns.get(row, 0.0)
            total += share * (1.0 - both * (1.0 - kappa)) ** 2
        else:
            total += (1.0 - kappa) ** 2 * share * (columns.get(row, 0.0) + rows.get(column, 0.0)) ** 2
    variance = total - (kappa - expected * (1.0 - kappa)) ** 2
    return math.sqrt(max(0.0, variance)) / (1.0 - expected)
