"""Ways to do a work: who does it, with what arguments of its own, and how the tables name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.environments import OFFICIAL, OURS, Environment

ENVIRONMENTS: dict[str, Environment] = {
    "ours": OURS,
    "limit": OURS,
    "limit_models": OURS,
    "official": OFFICIAL,
    "official_aiohttp": OFFICIAL,
}
NAMES = {
    "ours": "aymara-async",
    "limit": "limit: raw aiohttp, orjson",
    "limit_models": "raw aiohttp, our models",
    "official": "official",
    "official_aiohttp": "official, aiohttp backend",
}


@dataclass(frozen=True)
class Way:
    """One way to do a work."""

    contestant: str
    own: Mapping[str, Any] = field(default_factory=dict)


def ways_of(contestants: Sequence[str] | Mapping[str, Way]) -> Mapping[str, Way]:
    """Let each contestant do the work in the one way there is, unless more is said."""
    return contestants if isinstance(contestants, Mapping) else {one: Way(one) for one in contestants}
