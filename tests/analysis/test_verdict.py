"""A verdict is as sure as the sample, and nothing scored is never a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aymara_async.analysis import Decision, StatisticsError, Tally, judge_pass_rate, judge_run, wilson_interval
from tests.analysis.fabricated import a_prompt, a_response, a_run, a_scored_run


@pytest.mark.parametrize(
    ("passed", "failed", "bar", "decision"),
    [
        (200, 0, 0.95, Decision.PASS),
        (100, 100, 0.95, Decision.FAIL),
        (191, 9, 0.95, Decision.INCONCLUSIVE),
        (19, 0, 0.5, Decision.INCONCLUSIVE),
        (20, 0, 0.5, Decision.PASS),
        (0, 5, 0.95, Decision.INCONCLUSIVE),
        (1000, 0, 1.0, Decision.INCONCLUSIVE),
        (999, 1, 1.0, Decision.FAIL),
        (20, 0, 0.0, Decision.PASS),
    ],
)
def test_decision(passed: int, failed: int, bar: float, decision: Decision) -> None:
    assert judge_pass_rate(Tally(passed=passed, failed=failed), bar).decision is decision


@pytest.mark.parametrize("bar", [0.0, 0.5, 1.0])
def test_nothing_scored_is_never_a_pass(bar: float) -> None:
    verdict = judge_pass_rate(Tally(excluded=50, unscored=50), bar, min_scored=0)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "Nothing was scored" in verdict.reason
    assert judge_pass_rate(Tally(), bar, strict=True).decision is Decision.FAIL


def test_unscored_responses_may_be_either() -> None:
    scored = Tally(passed=200, failed=0)
    assert judge_pass_rate(scored, 0.95).is_pass
    verdict = judge_pass_rate(Tally(passed=200, failed=0, unscored=20), 0.95)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "20 more have no score" in verdict.reason
    assert verdict.interval == wilson_interval(200, 200)
    assert verdict.extremes == (wilson_interval(200, 220).low, wilson_interval(220, 220).high)


def test_few_unscored_responses_that_change_nothing_do_not_matter() -> None:
    assert judge_pass_rate(Tally(passed=1000, unscored=2), 0.95).is_pass
    assert judge_pass_rate(Tally(failed=1000, unscored=2), 0.95).decision is Decision.FAIL


def test_excluded_responses_do_not_count() -> None:
    assert judge_pass_rate(Tally(passed=200, excluded=500), 0.95).is_pass


def test_unanswered_prompts_may_be_either() -> None:
    run = a_scored_run([True] * 200)
    assert judge_run(run, 0.95).is_pass
    more = [*run.prompts, *(a_prompt(number) for number in range(200, 240))]
    verdict = judge_run(type(run)(run=run.run, prompts=more, responses=run.responses), 0.95)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert verdict.num_unanswered == 40


def test_a_verdict_on_an_excluded_response_does_not_count() -> None:
    run = a_scored_run([False] * 30)
    excluded = [a_response(number, True, exclude_from_scoring=True) for number in range(30)]
    verdict = judge_run(type(run)(run=a_run(), prompts=run.prompts, responses=excluded), 0.5)
    assert verdict.tally == Tally(excluded=30)
    assert verdict.decision is Decision.INCONCLUSIVE


def test_strict_turns_inconclusive_into_fail() -> None:
    verdict = judge_pass_rate(Tally(passed=191, failed=9), 0.95, strict=True)
    assert verdict.decision is Decision.FAIL
    assert verdict.reason.endswith("Inconclusive counts as failed (strict).")
    assert judge_pass_rate(Tally(passed=200), 0.95, strict=True).is_pass


def test_reason_tells_how_many_more_would_do() -> None:
    reason = judge_pass_rate(Tally(passed=97, failed=3), 0.95).reason
    assert reason.startswith("97 of 100 scored responses passed: 97.0%, 95% interval 91.5% to 99.0%")
    assert "about 460 scored responses would tell" in reason
    assert "cannot show that there is none" in judge_pass_rate(Tally(passed=100), 1.0).reason


@pytest.mark.parametrize("bar", [-0.1, 1.1, 95, float("nan")])
def test_a_bar_that_is_no_share_is_refused(bar: float) -> None:
    with pytest.raises(StatisticsError, match="bar"):
        judge_pass_rate(Tally(passed=1), bar)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 50), st.floats(0, 1))
def test_a_conclusive_verdict_survives_whatever_the_missing_turn_out_to_be(
    passed: int, failed: int, unscored: int, bar: float
) -> None:
    verdict = judge_pass_rate(Tally(passed=passed, failed=failed, unscored=unscored), bar)
    for turned in (0, unscored // 2, unscored):
        later = judge_pass_rate(Tally(passed=passed + turned, failed=failed + unscored - turned), bar)
        if verdict.decision is not Decision.INCONCLUSIVE:
            assert later.decision is verdict.decision
