"""Runs are compared on the prompts that both have scores for, and on nothing else."""

from __future__ import annotations

import pytest

from aymara_async.analysis import (
    Decision,
    ScoredRun,
    StatisticsError,
    compare_runs,
    mcnemar_p_value,
    pair_responses,
    paired_difference_interval,
)
from tests.analysis.fabricated import a_prompt, a_response, a_run, a_scored_run


def uuids(pairs: object) -> list[str]:
    return [pair.candidate.prompt_uuid for pair in pairs]  # type: ignore[attr-defined]  # pairs they are


def test_pairs_are_counted_by_both_verdicts() -> None:
    found = compare_runs(
        a_scored_run([True, True, False, False, True]), a_scored_run([True, False, True, False, False], "second")
    )
    assert uuids(found.both_passed) == ["p0"]
    assert uuids(found.regressions) == ["p1", "p4"]
    assert uuids(found.improvements) == ["p2"]
    assert uuids(found.both_failed) == ["p3"]
    assert found.num_pairs == 5
    assert found.difference == pytest.approx(-0.2)
    assert found.p_value == 1.0
    assert found.regressions[0].prompt == a_prompt(1, "B")


def test_what_has_no_score_or_no_counterpart_does_not_count() -> None:
    baseline = a_scored_run([True, True, None, True])
    candidate = a_scored_run([False, None, True], "second")
    excluded = a_response(0, False, exclude_from_scoring=True)
    candidate = ScoredRun(
        run=candidate.run, prompts=baseline.prompts, responses=[excluded, *candidate.responses[1:], a_response(9)]
    )
    found = compare_runs(baseline, candidate)
    assert found.num_pairs == 0
    assert uuids(found.not_scored) == ["p0", "p1", "p2"]
    assert [response.prompt_uuid for response in found.only_in_baseline] == ["p3"]
    assert [response.prompt_uuid for response in found.only_in_candidate] == ["p9"]
    assert found.difference is None
    assert found.decision is Decision.INCONCLUSIVE
    assert found.reason == "No prompt has a score in both runs, so nothing can be compared."


def test_across_evals_prompts_are_paired_by_content() -> None:
    baseline = a_scored_run([True, False])
    prompts = [a_prompt(7, content="Question 1?"), a_prompt(8, content="Question 0?")]
    candidate = ScoredRun(
        run=a_run("second", eval_uuid="another"), prompts=prompts, responses=[a_response(7, True), a_response(8, False)]
    )
    found = compare_runs(baseline, candidate)
    assert [(pair.baseline.prompt_uuid, pair.candidate.prompt_uuid) for pair in found.improvements] == [("p1", "p7")]
    assert [(pair.baseline.prompt_uuid, pair.candidate.prompt_uuid) for pair in found.regressions] == [("p0", "p8")]
    assert compare_runs(baseline, candidate, by="prompt_uuid").num_pairs == 0


def test_turns_are_paired_with_turns_and_threads_with_threads() -> None:
    def run(name: str, *responses: tuple[str | None, int]) -> ScoredRun:
        return ScoredRun(
            run=a_run(name),
            prompts=[a_prompt(0)],
            responses=[
                a_response(0, True, thread_uuid=thread, turn_number=turn, response_uuid=f"{name}-{number}")
                for number, (thread, turn) in enumerate(responses)
            ],
        )

    found = pair_responses(
        run("old", ("t1", 1), ("t2", 1), ("t2", 2), ("t4", 1)), run("new", ("t2", 1), ("t9", 2), ("t8", 1))
    )
    paired = [(pair.baseline.response_uuid, pair.candidate.response_uuid) for pair in found.pairs]
    assert paired == [("old-1", "new-0"), ("old-2", "new-1"), ("old-0", "new-2")]
    assert [response.response_uuid for response in found.only_in_baseline] == ["old-3"]
    assert not found.only_in_candidate


@pytest.mark.parametrize(
    ("worse", "better", "same", "decision"),
    [
        (12, 1, 50, Decision.FAIL),
        (1, 12, 50, Decision.PASS),
        (3, 0, 50, Decision.INCONCLUSIVE),
        (6, 0, 50, Decision.FAIL),
        (5, 4, 50, Decision.PASS),
        (0, 0, 50, Decision.PASS),
        (0, 0, 0, Decision.INCONCLUSIVE),
    ],
)
def test_decision(worse: int, better: int, same: int, decision: Decision) -> None:
    found = compare_runs(
        a_scored_run([True] * worse + [False] * better + [True] * same),
        a_scored_run([False] * worse + [True] * better + [True] * same, "second"),
    )
    assert found.decision is decision
    assert found.interval == paired_difference_interval(worse, better, worse + better + same)
    assert found.p_value == mcnemar_p_value(worse, better)


@pytest.mark.parametrize(
    ("passed", "lost", "better", "decision"),
    [
        (10, 6, 0, Decision.INCONCLUSIVE),
        (10, 5, 0, Decision.PASS),
        (10, 6, 3, Decision.PASS),
        (10, 0, 0, Decision.PASS),
    ],
)
def test_what_has_no_score_may_have_failed(passed: int, lost: int, better: int, decision: Decision) -> None:
    found = compare_runs(
        a_scored_run([True] * (passed + lost) + [False] * better),
        a_scored_run([True] * passed + [None] * lost + [True] * better, "second"),
    )
    assert found.num_lost == lost
    assert found.decision is decision
    told = f"But {lost} that passed before have no score now: had they failed, it would be worse."
    assert (told in found.reason) == (decision is Decision.INCONCLUSIVE)


def test_prompts_that_were_answered_before_and_are_not_now_are_lost() -> None:
    baseline = a_scored_run([True] * 12 + [False])
    answered = ScoredRun(
        run=a_run("second"), prompts=baseline.prompts, responses=[a_response(number, True) for number in range(6)]
    )
    found = compare_runs(baseline, answered)
    assert (found.num_lost, found.decision) == (6, Decision.INCONCLUSIVE)
    not_asked = ScoredRun(run=answered.run, prompts=baseline.prompts[:6], responses=answered.responses)
    assert compare_runs(baseline, not_asked).decision is Decision.PASS


@pytest.mark.parametrize(("num_pairs", "decision"), [(1, "inconclusive"), (5, "inconclusive"), (6, "pass")])
def test_pairs_too_few_to_be_worse_are_no_pass(num_pairs: int, decision: str) -> None:
    baseline = a_scored_run([True] * 450)
    candidate = a_scored_run([True] * num_pairs, "second")
    found = compare_runs(baseline, candidate)
    assert (found.num_pairs, found.decision.value) == (num_pairs, decision)
    assert found.reason.endswith("So few prompts cannot tell better from worse.") == (decision != "pass")


def test_strict_fails_what_is_inconclusive_and_nothing_else() -> None:
    old, new = a_scored_run([True] * 53), a_scored_run([False] * 3 + [True] * 50, "second")
    assert compare_runs(old, new).decision is Decision.INCONCLUSIVE
    strict = compare_runs(old, new, strict=True)
    assert strict.decision is Decision.FAIL
    assert strict.reason.endswith(
        "So few changes cannot tell better from worse. Inconclusive counts as failed (strict)."
    )
    assert compare_runs(old, old, strict=True).decision is Decision.PASS


def test_reason_names_counts_and_chance() -> None:
    found = compare_runs(a_scored_run([True] * 20), a_scored_run([False] * 8 + [True] * 12, "second"))
    assert found.reason.startswith(
        "On 20 prompts with a score in both runs, 8 turned from pass to fail and 0 from fail to pass: −40.0 points"
    )
    assert found.reason.endswith("p = 0.008. Worse than chance would explain.")


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(StatisticsError):
        mcnemar_p_value(-1, 2)
    with pytest.raises(StatisticsError):
        paired_difference_interval(3, 3, 5)
    with pytest.raises(StatisticsError, match="by is 'name'"):
        pair_responses(a_scored_run([True]), a_scored_run([True]), by="name")  # type: ignore[arg-type]  # wrong on purpose
