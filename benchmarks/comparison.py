"""Samples of several contestants, taken in turn, and what they say: medians, spreads and ratios."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

Sample = dict[str, float]

NAMES = {
    "ours": "aymara-async",
    "official": "official",
    "official_aiohttp": "official, aiohttp backend",
    "limit": "limit: raw aiohttp, orjson",
    "limit_models": "raw aiohttp, our models",
}


@dataclass
class Comparison:
    """Samples by contestant; those of the same round stand at the same index."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, contestant: str, sample: Sample) -> None:
        self.samples.setdefault(contestant, []).append(sample)

    def median(self, contestant: str, key: str) -> float:
        return median(self._values(contestant, key))

    def spread(self, contestant: str, key: str) -> tuple[float, float]:
        """Return the quartiles."""
        values = sorted(self._values(contestant, key))
        last = len(values) - 1
        return values[round(last * 0.25)], values[round(last * 0.75)]

    def ratio(self, key: str, above: str, below: str) -> float:
        """Return the median of the ratios of each round, which a slow spell of the machine moves least."""
        pairs = zip(self._values(above, key), self._values(below, key), strict=True)
        return median(one / other for one, other in pairs if other)

    def _values(self, contestant: str, key: str) -> list[float]:
        return [sample[key] for sample in self.samples[contestant]]


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"


def shown(comparison: Comparison, contestant: str, key: str) -> str:
    """Write a median with its quartiles."""
    low, high = comparison.spread(contestant, key)
    return f"{number(comparison.median(contestant, key))} ({number(low)} to {number(high)})"
