"""Samples of several ways to do the same work, taken in turn, and what they say: medians, spreads and ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

Sample = dict[str, float]

FEW = 4
"""Samples below which quartiles would be extremes in disguise."""


@dataclass(frozen=True)
class Spread:
    """The median of some values and how far they scatter."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the quartiles, of few values the extremes."""
        ordered, last = sorted(self.values), len(self.values) - 1
        share = 0.0 if last + 1 < FEW else 0.25
        return ordered[round(last * share)], ordered[round(last * (1 - share))]

    def written(self, write: Callable[[float], str]) -> str:
        """Write the median, with its bounds where there are several values."""
        if len(self.values) == 1:
            return write(self.median)
        low, high = self.bounds
        return f"{write(self.median)} ({write(low)} to {write(high)})"

    def __str__(self) -> str:
        return self.written(number)


@dataclass
class Comparison:
    """Samples by the way they were taken; those of the same round stand at the same index."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, way: str, sample: Sample) -> None:
        self.samples.setdefault(way, []).append(sample)

    def of(self, way: str, key: str) -> Spread:
        return Spread(tuple(sample[key] for sample in self.samples[way]))

    def ratio(self, key: str, above: str, below: str) -> Spread:
        """Return the ratios of each round, which a slow spell of the machine moves least."""
        pairs = zip(self.of(above, key).values, self.of(below, key).values, strict=True)
        return Spread(tuple(one / other for one, other in pairs))

    @property
    def rounds(self) -> str:
        """Say how often each way was measured."""
        numbers = sorted({len(samples) for samples in self.samples.values()})
        if numbers == [1]:
            return "One run."
        bounds = "extremes" if numbers[-1] < FEW else "quartiles"
        if numbers[0] < FEW <= numbers[-1]:
            bounds = "quartiles (of the fewer: extremes)"
        return f"Medians of {' or '.join(map(str, numbers))} rounds, with their {bounds} in brackets."


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1g}"


def times(value: float) -> str:
    """Write a ratio."""
    return f"{value:.2f}x" if value < 10 else f"{value:.1f}x"
