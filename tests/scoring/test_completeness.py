"""Matching scores with what was submitted: everything once, or an error that names what is missing."""

from __future__ import annotations

import pytest

from aymara_async.errors import IncompleteScoringError
from aymara_async.models import EvalResponse, ScoredResponse
from aymara_async.scoring.completeness import match_scores

SUBMITTED = [
    EvalResponse(prompt_uuid="q1"),
    EvalResponse(prompt_uuid="q2", thread_uuid="t1", turn_number=1),
    EvalResponse(prompt_uuid="q2", thread_uuid="t1", turn_number=2),
    EvalResponse(prompt_uuid="q3", exclude_from_scoring=True),
]
NAMES = ["a", "b (thread t1)", "b (thread t1, turn 2)", "c"]


def listed() -> list[ScoredResponse]:
    return [
        ScoredResponse(prompt_uuid="q3", thread_uuid="own", exclude_from_scoring=True),
        ScoredResponse(prompt_uuid="q2", thread_uuid="t1", turn_number=2, is_passed=True),
        ScoredResponse(prompt_uuid="q2", thread_uuid="t1", turn_number=1, is_passed=False),
        ScoredResponse(prompt_uuid="q1", thread_uuid="own", is_passed=True),
    ]


def test_scores_come_in_the_order_of_submission() -> None:
    scores = match_scores("run", SUBMITTED, NAMES, listed())
    assert scores == list(reversed(listed()))


def fail(rows: list[ScoredResponse]) -> IncompleteScoringError:
    with pytest.raises(IncompleteScoringError) as caught:
        match_scores("score_run.1", SUBMITTED, NAMES, rows)
    assert caught.value.eval_run_uuids == ["score_run.1"]
    return caught.value


def test_one_that_is_not_listed_is_named() -> None:
    error = fail(listed()[:1] + listed()[2:])
    assert error.missing == ["b (thread t1, turn 2)"]
    assert "given 4 responses and lists 3" in error.message
    assert "1 not listed (b (thread t1, turn 2))." in error.message


def test_one_without_a_score_is_named() -> None:
    rows = listed()
    rows[3].is_passed = None
    error = fail(rows)
    assert error.missing == ["a"]
    assert "1 listed without a score (a)" in error.message


def test_one_that_is_listed_twice_is_named() -> None:
    error = fail([*listed(), listed()[3]])
    assert error.missing == []
    assert "1 listed more than once (a)" in error.message


def test_one_that_was_not_submitted_is_named() -> None:
    error = fail([*listed(), ScoredResponse(prompt_uuid="q9", is_passed=True)])
    assert "1 listed but not submitted (q9)" in error.message


def test_another_turn_is_not_taken_for_the_one_submitted() -> None:
    rows = listed()
    rows[3].turn_number = 2
    error = fail(rows)
    assert error.missing == ["a"]
    assert "1 not listed (a); 1 listed but not submitted (q1)" in error.message


def test_many_are_counted() -> None:
    submitted = [EvalResponse(prompt_uuid=f"q{number}") for number in range(9)]
    with pytest.raises(IncompleteScoringError) as caught:
        match_scores("run", submitted, [f"p{number}" for number in range(9)], [])
    assert "9 not listed (p0, p1, p2, p3, p4 and 4 more)" in caught.value.message
    assert len(caught.value.missing) == 9
