"""Servers that the contract allows, drawn at random: when and how they list, what they echo, what they lose."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs

from aymara_async.sandbox.shape import Shape

AFTER_THE_WORK = (500, 501, 507, *range(520, 530))
"""Statuses that say nothing of whether the work was done."""
ECHOED = ("content", "content_type", "exclude_from_scoring", "ai_refused", "thread_uuid")
MARGIN = 0.25
"""Seconds of the grace period beyond what the server needs: this machine has other work to do."""


@attrs.frozen
class RandomServer:
    """A shape, the faults that go with it, and how patient a client has to be with it."""

    shape: Shape
    faults: list[dict[str, Any]]
    grace: float
    is_late: bool
    """Whether it may show what it has scored later than the grace period."""


def draw_server(dice: random.Random, *, scoring: str, may_be_late: bool = True) -> RandomServer:
    """Draw a server; ``scoring`` names the operation whose answers get lost."""
    lag = dice.choice([0.0, 0.0, 0.05, 0.15])
    work = dice.choice([0.0, 0.0, 0.02, 0.1])
    grace, is_late = lag + work + MARGIN, may_be_late and dice.random() < 0.08
    if is_late:
        lag, grace = dice.uniform(0.4, 0.7), 0.2
    shape = Shape(
        order=dice.choice(["made", "reversed", "prompt", "shuffled", "drawn"]),
        lag=lag,
        work=work,
        omits=tuple(dice.sample(ECHOED, dice.choice([0, 1, 3, 5]))),
        unscored=dice.choice([0.0, 0.0, 0.0, 0.1]),
        clock_offset=dice.choice([0.0, -600.0, 600.0]),
        seed=dice.randrange(1000),
    )
    return RandomServer(shape, _faults(dice, scoring), grace, is_late)


def _faults(dice: random.Random, scoring: str) -> list[dict[str, Any]]:
    possible: Sequence[dict[str, Any]] = (
        {"kind": "error", "operation": "*", "status": 503, "probability": dice.uniform(0.01, 0.05)},
        {"kind": "reset", "operation": scoring, "processed": True, "probability": dice.uniform(0.05, 0.25)},
        {"kind": "reset", "operation": scoring, "probability": dice.uniform(0.05, 0.25)},
        {
            "kind": "error",
            "operation": scoring,
            "status": dice.choice(AFTER_THE_WORK),
            "processed": True,
            "probability": dice.uniform(0.05, 0.25),
        },
    )
    return dice.sample(possible, dice.randint(0, len(possible)))
