"""Telling how far an eval is: to a callback, or to the person at the terminal or in the notebook."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs

from aymara_async.display import Display
from aymara_async.record.percentages import percent
from aymara_async.transport.clock import monotonic


@attrs.frozen(kw_only=True)
class EvalProgress:
    """How far an eval is."""

    eval_name: str
    total: int | None
    """Prompts that the eval has, first turns only, where the server says it."""
    prompts: int
    """Prompts read so far, those of later turns included."""
    answered: int
    """Prompts that the model has answered, or failed on."""
    failed: int
    """Prompts that the model failed on."""
    scored: int
    """Responses that have a result."""
    passed: int
    """Verdicts that are "passed"."""
    judged: int
    """Results with a verdict; those excluded from scoring have none."""
    rate_limit: float | None
    """Requests per second that the server allows, once it has refused one."""
    seconds: float
    """Time since the first prompt."""

    @property
    def expected(self) -> int:
        """Prompts that there are at least."""
        return max(self.total or 0, self.prompts)

    @property
    def pass_rate(self) -> float | None:
        """Share of the verdicts so far that are "passed", 0.0 to 1.0; None where there is none."""
        return self.passed / self.judged if self.judged else None

    def __str__(self) -> str:
        """Say it in a line."""
        parts = [f"answers {self.answered}/{self.expected}", f"scored {self.scored}"]
        if self.pass_rate is not None:
            parts.append(f"pass rate {percent(self.pass_rate)}")
        if self.failed:
            parts.append(f"model failed {self.failed}")
        if self.rate_limit is not None:
            parts.append(f"limit {self.rate_limit:.3g}/s")
        return ", ".join(parts)


@attrs.define(kw_only=True)
class Counts:
    """How far a pipeline is, for whoever wants to know; what the callback raises ends the run."""

    eval_name: str
    total: int | None
    callback: Callable[[EvalProgress], None] | None
    rate: Callable[[], float]
    prompts: int = 0
    answered: int = 0
    failed: int = 0
    scored: int = 0
    passed: int = 0
    judged: int = 0
    _began: float = attrs.field(factory=monotonic)

    def score(self, is_passed: bool | None) -> None:
        """Count a result."""
        self.scored += 1
        self.judged += is_passed is not None
        self.passed += is_passed is True
        self.tell()

    def tell(self) -> None:
        """Tell the state."""
        if self.callback is None:
            return
        rate = self.rate()
        self.callback(
            EvalProgress(
                eval_name=self.eval_name,
                total=self.total,
                prompts=self.prompts,
                answered=self.answered,
                failed=self.failed,
                scored=self.scored,
                passed=self.passed,
                judged=self.judged,
                rate_limit=None if math.isinf(rate) else rate,
                seconds=monotonic() - self._began,
            )
        )


def show(display: Display, progress: EvalProgress) -> None:
    """Draw how far an eval is."""
    display.show(progress.eval_name, done=progress.scored, total=progress.expected, state=str(progress))
