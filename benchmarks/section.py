"""A part of the results: what was measured, the numbers, and which targets they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Target:
    """A number to reach."""

    text: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    of_limit: float | None = None
    """What raw aiohttp or ``orjson.loads`` by itself reaches, where that says what can be reached at all."""

    @property
    def is_met(self) -> bool:
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def __str__(self) -> str:
        wanted = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        found = "met" if self.is_met else "MISSED"
        beside = "" if self.of_limit is None else f"; the limit itself: {self.of_limit:.3g}"
        return f"{self.text}: {self.value:.3g} ({wanted}: {found}{beside})"


@dataclass
class Section:
    """One table of the results."""

    title: str
    text: str
    head: Sequence[str]
    lines: list[list[str]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def __str__(self) -> str:
        table = [self.head, ["---", *["---:"] * (len(self.head) - 1)], *self.lines]
        rows = "\n".join(f"| {' | '.join(line)} |" for line in table)
        targets = "".join(f"\n- {target}" for target in self.targets)
        return f"## {self.title}\n\n{self.text}\n\n{rows}\n" + (f"{targets}\n" if targets else "")
