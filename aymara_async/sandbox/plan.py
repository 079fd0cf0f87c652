"""Which faults meet a call: decided from a seed and from how many calls came before, from nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

import attrs

from aymara_async.sandbox.faults import AnyFault, RateLimit


@attrs.frozen
class Drawn:
    """A fault that meets a call, with the random numbers it may use."""

    fault: AnyFault
    random: random.Random


@attrs.define
class _Rule:
    fault: AnyFault
    number: int
    matched: int = 0
    happened: int = 0

    def draw(self, seed: int) -> Drawn | None:
        self.matched += 1
        fault = self.fault
        calls = [fault.calls] if isinstance(fault.calls, int) else fault.calls
        if calls is not None and self.matched not in calls:
            return None
        if fault.times is not None and self.happened >= fault.times:
            return None
        # Numbers of its own for every call of every rule: what else is called in between changes nothing.
        numbers = random.Random(f"{seed}/{self.number}/{self.matched}")  # noqa: S311  # it shall be foreseeable
        if fault.probability < 1 and numbers.random() >= fault.probability:
            return None
        self.happened += 1
        return Drawn(fault, numbers)


class FaultPlan:
    """The faults of one server, in the order in which they were added.

    Raises:
        ValueError: A fault could never meet one of the operations.
    """

    def __init__(self, seed: int, operations: Collection[str], faults: Iterable[AnyFault] = ()) -> None:
        self._seed = seed
        self._operations = operations
        self._rules: list[_Rule] = []
        self._number = 0
        self.add(*faults)

    def add(self, *faults: AnyFault) -> None:
        """Add faults; their calls are counted from now on.

        Raises:
            ValueError: One of them could never meet one of the operations; none is added.
        """
        for fault in faults:
            if not any(fnmatchcase(operation, fault.operation) for operation in self._operations):
                known = ", ".join(self._operations)
                raise ValueError(f"No operation is called {fault.operation!r}; there are {known}")
        for fault in faults:
            self._number += 1
            self._rules.append(_Rule(fault, self._number))

    def clear(self) -> None:
        """Remove all faults and start counting anew."""
        self._rules.clear()
        self._number = 0

    def all(self) -> list[AnyFault]:
        """List the faults."""
        return [rule.fault for rule in self._rules]

    def draw(self, operation: str) -> list[Drawn]:
        """Decide which faults meet this call."""
        if not self._rules:
            return []
        matching = [rule for rule in self._rules if fnmatchcase(operation, rule.fault.operation)]
        return [drawn for rule in matching if (drawn := rule.draw(self._seed)) is not None]


class RateWindow:
    """Count requests in windows of time, the first of which begins with the first request."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._ends_at = -math.inf
        self._count = 0

    def wait(self, now: float) -> float:
        """Count a request: 0 if it may pass, else the seconds until the window ends."""
        if now >= self._ends_at or now < self._ends_at - self.limit.seconds:
            self._ends_at, self._count = now + self.limit.seconds, 0
        self._count += 1
        return 0.0 if self._count <= self.limit.requests else self._ends_at - now
