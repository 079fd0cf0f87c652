"""A part of the results: what was measured, the numbers, and which targets they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.comparison import Spread, number


@dataclass
class Target:
    """A number to reach; a spread is judged by its median."""

    text: str
    found: float | Spread
    at_most: float | None = None
    at_least: float | None = None
    of_limit: float | None = None
    """What raw aiohttp or ``orjson.loads`` by itself reaches, where that says what can be reached at all."""

    @property
    def is_met(self) -> bool:
        value = self.found.median if isinstance(self.found, Spread) else self.found
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def written(self, *, is_judged: bool) -> str:
        found = str(self.found) if isinstance(self.found, Spread) else number(self.found)
        bounds = (("at most", self.at_most), ("at least", self.at_least))
        wanted = ", ".join(f"{side} {number(bound)}" for side, bound in bounds if bound is not None)
        verdict = "" if not is_judged else ": met" if self.is_met else ": MISSED"
        beside = "" if self.of_limit is None else f"; the limit itself: {number(self.of_limit)}"
        return f"{self.text}: {found} – {wanted}{verdict}{beside}"


@dataclass
class Section:
    """One table of the results."""

    title: str
    text: str
    head: Sequence[str]
    lines: list[list[str]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def written(self, *, is_judged: bool) -> str:
        """Write the table and its targets; a quick run is not to be judged by them."""
        table = [self.head, ["---", *["---:"] * (len(self.head) - 1)], *self.lines]
        rows = "\n".join(f"| {' | '.join(line)} |" for line in table)
        targets = "".join(f"\n- {target.written(is_judged=is_judged)}" for target in self.targets)
        return f"## {self.title}\n\n{self.text}\n\n{rows}\n" + (f"{targets}\n" if targets else "")
