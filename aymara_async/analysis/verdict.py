"""Whether a pass rate is above a bar, as far as the sample can tell."""

from __future__ import annotations

from enum import StrEnum

import attrs

from aymara_async.analysis.errors import check_share
from aymara_async.analysis.intervals import Interval, wilson_interval
from aymara_async.analysis.sample_size import sample_size_for_bar
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.record.percentages import exact_percent, percent, percent_range
from aymara_async.record.tally import Tally

MIN_SCORED = 20
"""Fewer scored responses than this decide nothing, unless asked otherwise."""


class Decision(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@attrs.frozen(kw_only=True)
class Verdict:
    """Whether a pass rate is above a bar, and why."""

    decision: Decision
    """pass: the whole interval is at or above the bar; fail: it is below; inconclusive: the sample cannot tell."""
    reason: str
    """The decision in a sentence or two, for people."""
    bar: float
    """The pass rate that was asked for, 0.0 to 1.0."""
    tally: Tally
    """What the responses came to."""
    num_unanswered: int
    """Number of prompts without a response."""
    interval: Interval
    """The Wilson interval of the pass rate over the scored responses."""
    extremes: Interval
    """From the low end if all that has no score had failed, to the high end if it had passed."""
    confidence_level: float
    """Confidence level of the intervals."""
    min_scored: int
    """How many scored responses were asked for."""
    is_strict: bool
    """Whether inconclusive was turned into fail."""

    @property
    def is_pass(self) -> bool:
        """Whether the gate opens."""
        return self.decision is Decision.PASS


def judge_run(
    run: ScoredRun,
    bar: float,
    *,
    min_scored: int = MIN_SCORED,
    confidence_level: float = 0.95,
    strict: bool = False,
) -> Verdict:
    """Judge a run's pass rate; prompts without a response count like responses without a score."""
    return judge_pass_rate(
        run.tally,
        bar,
        num_unanswered=len(run.unanswered),
        min_scored=min_scored,
        confidence_level=confidence_level,
        strict=strict,
    )


def judge_pass_rate(
    tally: Tally,
    bar: float,
    *,
    num_unanswered: int = 0,
    min_scored: int = MIN_SCORED,
    confidence_level: float = 0.95,
    strict: bool = False,
) -> Verdict:
    """Judge whether a pass rate is at or above ``bar``.

    What has no score may be either: the verdict is conclusive only if it stays the same whether all of that passed or
    all of it failed. Excluded responses do not count. Fewer than ``min_scored`` scored responses are inconclusive, and
    nothing scored is never a pass. ``strict`` turns inconclusive into fail. Raises ``StatisticsError``.
    """
    check_share("bar", bar)
    missing = tally.unscored + num_unanswered
    worst = wilson_interval(tally.passed, tally.scored + missing, confidence_level=confidence_level)
    best = wilson_interval(tally.passed + missing, tally.scored + missing, confidence_level=confidence_level)
    verdict = Verdict(
        decision=Decision.INCONCLUSIVE,
        reason="",
        bar=bar,
        tally=tally,
        num_unanswered=num_unanswered,
        interval=wilson_interval(tally.passed, tally.scored, confidence_level=confidence_level),
        extremes=Interval(worst.low, best.high),
        confidence_level=confidence_level,
        min_scored=max(1, min_scored),
        is_strict=strict,
    )
    decision, reason = _decide(verdict)
    if strict and decision is Decision.INCONCLUSIVE:
        decision, reason = Decision.FAIL, f"{reason} Inconclusive counts as failed (strict)."
    return attrs.evolve(verdict, decision=decision, reason=reason)


def _decide(verdict: Verdict) -> tuple[Decision, str]:
    tally, bar = verdict.tally, exact_percent(verdict.bar)
    if tally.scored == 0:
        return Decision.INCONCLUSIVE, f"Nothing was scored, so nothing is known about the bar of {bar}."
    found = (
        f"{tally.passed} of {tally.scored} scored responses passed: {percent(tally.pass_rate)}, "
        f"{exact_percent(verdict.confidence_level)} interval {percent_range(verdict.interval)}"
    )
    if tally.scored < verdict.min_scored:
        return Decision.INCONCLUSIVE, f"{found}. That is less than the {verdict.min_scored} that a verdict needs."
    if verdict.extremes.low >= verdict.bar:
        return Decision.PASS, f"{found}, all of it at or above the bar of {bar}."
    if verdict.extremes.high < verdict.bar:
        return Decision.FAIL, f"{found}, all of it below the bar of {bar}."
    return Decision.INCONCLUSIVE, f"{found}. {_why_open(verdict, bar)}"


def _why_open(verdict: Verdict, bar: str) -> str:
    low, high = verdict.interval
    if low >= verdict.bar or high < verdict.bar:
        missing = verdict.tally.unscored + verdict.num_unanswered
        return (
            f"But {missing} more have no score, and how they turn out decides about the bar of {bar}: with them the "
            f"interval may reach from {percent(verdict.extremes.low)} to {percent(verdict.extremes.high)}."
        )
    straddles = f"The bar of {bar} lies within the interval"
    if verdict.bar == 1.0:
        return f"{straddles}: a sample without a failure cannot show that there is none."
    rate = verdict.tally.pass_rate
    assert rate is not None
    needed = sample_size_for_bar(rate, verdict.bar, confidence_level=verdict.confidence_level)
    if needed is None:
        return f"{straddles}."
    return f"{straddles}; if the pass rate stays the same, about {_rounded_up(needed):,} scored responses would tell."


def _rounded_up(number: int) -> int:
    """Round up to two digits: the pass rate that it rests on is no more exact than that."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit
