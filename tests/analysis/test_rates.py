"""Counts, categories and agreement say what became of every response."""

from __future__ import annotations

import pytest

from aymara_async.analysis import (
    Interval,
    ScoredRun,
    Standing,
    StatisticsError,
    Tally,
    cohen_kappa,
    rates_by_category,
    standing_of,
    tally,
    wilson_interval,
)
from aymara_async.record.percentages import p_value_text, percent, points
from tests.analysis.fabricated import a_prompt, a_response, a_run


def test_every_response_has_one_outcome() -> None:
    responses = [
        a_response(0, True),
        a_response(1, False),
        a_response(2, None),
        a_response(3, True, exclude_from_scoring=True),
        a_response(4, None, exclude_from_scoring=True),
    ]
    assert [standing_of(response) for response in responses] == [
        Standing.PASSED, Standing.FAILED, Standing.UNSCORED, Standing.EXCLUDED, Standing.EXCLUDED,
    ]  # fmt: skip
    counts = tally(responses)
    assert counts == Tally(passed=1, failed=1, unscored=1, excluded=2)
    assert (counts.scored, counts.total, counts.pass_rate) == (2, 5, 0.5)
    assert tally([]).pass_rate is None


def test_of_nothing_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)
    with pytest.raises(StatisticsError):
        wilson_interval(3, 2)
    with pytest.raises(StatisticsError, match="confidence_level"):
        wilson_interval(1, 2, confidence_level=95)


def test_categories_keep_the_order_of_the_prompts_and_forget_nobody() -> None:
    run = ScoredRun(
        run=a_run(),
        prompts=[a_prompt(0, "theft"), a_prompt(1, "arson"), a_prompt(2, "theft"), a_prompt(3, "fraud")],
        responses=[a_response(0, False), a_response(1, None), a_response(2, True), a_response(9, True)],
    )
    found = {rate.category: rate for rate in rates_by_category(run)}
    assert list(found) == ["theft", "arson", "fraud", None]
    assert found["theft"].tally == Tally(passed=1, failed=1)
    assert found["theft"].interval == wilson_interval(1, 2)
    assert found["arson"].tally == Tally(unscored=1)
    assert found["fraud"].tally == Tally()
    assert found[None].tally == Tally(passed=1)


def test_a_later_turn_belongs_to_the_prompt_that_led_to_it() -> None:
    second = a_prompt(1, "theft", turn_number=2, content="And then?")
    run = ScoredRun(
        run=a_run(),
        prompts=[a_prompt(0, "theft")],
        responses=[
            a_response(1, False, thread_uuid="t", turn_number=2),
            a_response(0, True, thread_uuid="t", next_prompt=second),
        ],
    )
    assert run.prompt_of(run.responses[0]) is second
    assert [rate.tally for rate in rates_by_category(run)] == [Tally(passed=1, failed=1)]
    assert [response.turn_number for response in run.threads["t"]] == [1, 2]
    assert not run.unanswered


def test_kappa_leaves_out_what_one_judge_did_not_judge() -> None:
    """The example of 50 grants that everybody knows: 20, 5, 10 and 15 give 0.4."""
    first = [True] * 25 + [False] * 25 + [None, True]
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15 + [True, None]
    found = cohen_kappa(first, second)
    assert found.kappa == pytest.approx(0.4)
    assert (found.num_compared, found.num_left_out) == (50, 2)
    assert found.interval is not None
    assert found.interval.low < 0.4 < found.interval.high


def test_kappa_at_its_ends() -> None:
    assert cohen_kappa([True, False], [True, False]).kappa == 1.0
    assert cohen_kappa([True, False], [False, True]).kappa == -1.0
    assert cohen_kappa([True, True], [True, True]).kappa is None
    assert cohen_kappa([True, True], [False, False]).kappa == 0.0
    assert cohen_kappa([None], [True]).observed is None
    with pytest.raises(StatisticsError, match="1 and 2 judgements"):
        cohen_kappa([True], [True, False])


def test_numbers_are_not_rounded_to_certainty() -> None:
    assert [percent(share) for share in (1.0, 0.9999, 0.953, 0.0001, 0.0, None)] == [
        "100%", ">99.9%", "95.3%", "<0.1%", "0%", "–",
    ]  # fmt: skip
    assert [points(difference) for difference in (0.013, -0.004, 0.0, -0.0001)] == ["+1.3", "−0.4", "0.0", "0.0"]
    assert [p_value_text(p) for p in (0.0003, 0.012, 1.0)] == ["p < 0.001", "p = 0.012", "p = 1"]
