"""The statistics give what the literature prints for its own examples."""

from __future__ import annotations

import math

import pytest

from aymara_async.analysis import (
    cohen_kappa,
    mcnemar_p_value,
    paired_difference_interval,
    sample_size_for_bar,
    sample_size_for_margin,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("passed", "scored", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval(passed: int, scored: int, low: float, high: float) -> None:
    """Newcombe (1998), Two-sided confidence intervals for a proportion, Stat Med 17: 857, table I, method 3."""
    found = wilson_interval(passed, scored)
    assert found == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("regressions", "improvements", "p_value"), [(1, 7, 0.070), (6, 16, 0.053)])
def test_exact_mcnemar(regressions: int, improvements: int, p_value: float) -> None:
    """Fagerland, Lydersen and Laake (2013), The McNemar test for matched-pairs data, BMC Med Res Methodol 13: 91.

    Airway hyper-responsiveness (Bentur et al. 2009), and complete response (Cavo et al. 2012); they print 0.0703 as
    0.070 and 0.0525 as 0.053.
    """
    assert mcnemar_p_value(regressions, improvements) == pytest.approx(p_value, abs=6e-4)
    assert mcnemar_p_value(improvements, regressions) == mcnemar_p_value(regressions, improvements)


def test_paired_difference_interval() -> None:
    """Fagerland, Lydersen and Laake (2014), Recommended tests … for paired binomial proportions, Stat Med 33: 2850.

    Bentur et al.: 1 and 7 discordant of 21 pairs; Wald with Bonett and Price's adjustment: -0.508 to -0.013.
    """
    assert paired_difference_interval(7, 1, 21) == pytest.approx((-0.508, -0.013), abs=5e-4)
    assert paired_difference_interval(1, 7, 21) == pytest.approx((0.013, 0.508), abs=5e-4)


def test_cohen_kappa() -> None:
    """Agresti, Categorical Data Analysis, 2nd ed. (2002), section 10.5: two pathologists, 118 slides, 4 categories."""
    table = [[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]]
    cells = [(row, column) for row in range(4) for column in range(4) for _ in range(table[row][column])]
    found = cohen_kappa([row for row, _ in cells], [column for _, column in cells])
    assert found.kappa == pytest.approx(0.493, abs=5e-4)
    assert found.standard_error == pytest.approx(0.057, abs=5e-4)
    assert found.observed == pytest.approx(0.636, abs=5e-4)
    assert found.expected == pytest.approx(0.281, abs=5e-4)
    assert found.num_compared == 118


@pytest.mark.parametrize(
    ("margin", "level", "textbook"), [(0.05, 0.95, 384.15), (0.03, 0.95, 1067.07), (0.05, 0.99, 663.49)]
)
def test_sample_size_for_margin(margin: float, level: float, textbook: float) -> None:
    """Cochran, Sampling Techniques, 3rd ed. (1977), section 4.4: z²/4d², 385, 1068 and 664 for the worst case.

    The Wilson interval of a half is narrower than the normal one by exactly z² observations.
    """
    z2 = {0.95: 3.841459, 0.99: 6.634897}[level]
    assert sample_size_for_margin(margin, confidence_level=level) == math.ceil(textbook - z2)


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.2])
@pytest.mark.parametrize("pass_rate", [0.5, 0.9])
def test_sample_size_is_the_least_that_gives_the_margin(margin: float, pass_rate: float) -> None:
    size = sample_size_for_margin(margin, pass_rate=pass_rate)
    z2 = 1.959963984540054**2

    def half_width(number: int) -> float:
        spread = pass_rate * (1 - pass_rate) / number + z2 / (4 * number**2)
        return math.sqrt(z2 * spread) / (1 + z2 / number)

    assert half_width(size) <= margin < half_width(size - 1)


def test_sample_size_for_a_bar_is_where_the_interval_leaves_it() -> None:
    size = sample_size_for_bar(0.8, 0.75)
    assert size is not None
    enough = math.ceil(size / 5) * 5
    assert wilson_interval(enough * 4 // 5, enough).low >= 0.75
    assert wilson_interval((enough - 10) * 4 // 5, enough - 10).low < 0.75
    assert sample_size_for_bar(0.95, 0.95) is None
    assert sample_size_for_bar(0.95, 1.0) is None
