"""Data frames have the official columns first, their types, and every response."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from aymara_async.analysis import (
    eval_pass_stats,
    eval_pass_stats_by_category,
    to_arrow,
    to_df,
    to_prompts_df,
    to_reports_df,
    to_scores_df,
    wilson_interval,
    write_parquet,
)
from aymara_async.models import EvalRunReport, EvalSuiteReport, FileReference
from tests.analysis.fabricated import a_prompt, a_response, a_run, an_eval

NOW = datetime(2026, 5, 4, tzinfo=UTC)
OFFICIAL_PROMPTS = ["eval_uuid", "eval_name", "prompt_uuid", "prompt_content", "prompt_category"]
OFFICIAL_SCORES = [
    "eval_run_uuid", "eval_uuid", "name", "prompt_uuid", "response_uuid", "is_passed", "prompt_content",
    "prompt_category", "response_content", "ai_refused", "exclude_from_scoring", "explanation", "confidence",
]  # fmt: skip
OFFICIAL_REPORTS = [
    "eval_name", "prompt_category", "passing_responses_summary", "failing_responses_summary", "improvement_advice",
]  # fmt: skip


def test_prompts() -> None:
    frame = to_prompts_df(an_eval(), [a_prompt(0, "theft"), a_prompt(1)])
    assert list(frame)[:5] == OFFICIAL_PROMPTS
    assert frame["prompt_content"].tolist() == ["Question 0?", "Question 1?"]
    assert frame["prompt_category"].isna().tolist() == [False, True]
    assert set(frame["eval_name"]) == {"Safety of the shop"}


def test_scores() -> None:
    responses = [
        a_response(0, True),
        a_response(1, False, content=FileReference(file_uuid="f1"), content_type="image"),
        a_response(2, None, ai_refused=True, content=None),
        a_response(9, True, exclude_from_scoring=True),
    ]
    frame = to_scores_df(a_run(), [a_prompt(number, "theft") for number in range(3)], responses)
    assert list(frame)[:13] == OFFICIAL_SCORES
    assert frame["is_passed"].mean() == pytest.approx(2 / 3)
    assert frame.loc[~frame["exclude_from_scoring"], "is_passed"].mean() == 0.5
    assert frame["is_passed"].isna().tolist() == [False, False, True, False]
    assert frame["response_content"].isna().tolist() == [False, True, True, False]
    assert frame["file_uuid"][1] == "f1"
    assert frame["prompt_content"].isna().tolist() == [False, False, False, True]
    assert set(frame["name"]) == {"Safety of the shop"}


def test_scores_of_a_later_turn_know_its_prompt() -> None:
    first = a_response(0, True, next_prompt=a_prompt(7, "theft", content="And then?", turn_number=2))
    frame = to_scores_df(a_run(), [a_prompt(0)], [first, a_response(7, False, turn_number=2)])
    assert frame["prompt_content"].tolist() == ["Question 0?", "And then?"]


def test_empty_frames_have_their_columns_and_types() -> None:
    full = to_scores_df(a_run(), [a_prompt(0, "theft")], [a_response(0)])
    empty = to_scores_df(a_run(), [], [])
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert list(to_prompts_df(an_eval(), []))[:5] == OFFICIAL_PROMPTS


def report(eval_type: str, passing: str = "fine", failing: str = "bad", advice: str = "do better") -> EvalRunReport:
    return EvalRunReport(
        eval_run_report_uuid="r", eval_run_uuid="run", eval_run=a_run(evaluation=an_eval(eval_type=eval_type)),
        passing_responses_summary=passing, failing_responses_summary=failing, improvement_advice=advice,
    )  # fmt: skip


def suite(*reports: EvalRunReport, **fields: str | None) -> EvalSuiteReport:
    return EvalSuiteReport(
        eval_suite_report_uuid="s", status="finished", eval_run_reports=list(reports), created_at=NOW, updated_at=NOW,
        **fields,  # type: ignore[arg-type]  # the tests know the fields
    )  # fmt: skip


def test_reports() -> None:
    frame = to_reports_df(
        suite(
            report("safety"),
            report("accuracy", "<easy> all </easy><hard>some</hard>", "<hard>others</hard>", "<hard>read</hard>"),
            report("accuracy", "no sections"),
            overall_passing_responses_summary="mostly",
        )
    )
    assert list(frame)[:5] == OFFICIAL_REPORTS
    assert frame["prompt_category"].fillna("-").tolist() == ["-", "easy", "hard", "-", "-"]
    assert frame["passing_responses_summary"].tolist() == ["fine", "all", "some", "no sections", "mostly"]
    assert frame["failing_responses_summary"].fillna("-").tolist() == ["bad", "", "others", "bad", "-"]
    assert frame["eval_name"].tolist() == [*["Safety of the shop"] * 4, "Overall"]


def test_a_report_without_a_summary_over_all_has_no_row_for_it() -> None:
    assert len(to_reports_df(suite(report("safety")))) == 1
    assert list(to_reports_df(suite()))[:5] == OFFICIAL_REPORTS


def test_any_models_and_mappings() -> None:
    assert to_df(a_prompt(3))["prompt_uuid"].tolist() == ["p3"]
    assert to_df({"a": 1})["a"].tolist() == [1]
    assert to_df([a_prompt(1), a_prompt(2)])["content"].tolist() == ["Question 1?", "Question 2?"]
    assert to_df([]).empty


def test_pass_stats_of_runs() -> None:
    runs = [
        a_run("good", pass_rate=0.9, num_responses_scored=100),
        a_run(None, pass_rate=None, num_responses_scored=0),
    ]
    frame = eval_pass_stats(runs)
    assert frame.index.name == "eval_run_uuid"
    assert list(frame)[:3] == ["name", "pass_rate", "pass_total"]
    assert frame["name"].tolist() == ["good", "Safety of the shop"]
    assert frame["pass_total"].tolist() == [90, 0]
    assert frame["pass_rate"].isna().tolist() == [False, True]
    assert tuple(frame.iloc[0][["interval_low", "interval_high"]]) == wilson_interval(90, 100)
    assert len(eval_pass_stats(runs[0])) == 1


def test_pass_stats_by_category() -> None:
    frame = eval_pass_stats_by_category(
        a_run(),
        [a_prompt(0, "theft"), a_prompt(1, "arson"), a_prompt(2, "arson")],
        [a_response(0, False), a_response(1, None), a_response(2, True, exclude_from_scoring=True)],
    )
    assert list(frame)[:3] == ["prompt_category", "pass_rate", "pass_total"]
    assert frame["pass_rate"].isna().tolist() == [False, True]
    assert frame["num_responses_scored"].tolist() == [1, 0]
    assert frame["num_unscored"].tolist() == [0, 1]
    assert frame["num_excluded"].tolist() == [0, 1]


def test_parquet_keeps_types_and_missing_values(tmp_path: Path) -> None:
    frame = to_scores_df(a_run(), [a_prompt(0)], [a_response(0), a_response(1, None)])
    path = tmp_path / "scores.parquet"
    write_parquet(frame, path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame)
    assert str(to_arrow(frame).schema.field("is_passed").type) == "bool"


def test_parquet_keeps_an_index_with_a_name(tmp_path: Path) -> None:
    write_parquet(eval_pass_stats([a_run("one")]), tmp_path / "stats.parquet")
    assert parquet.read_table(tmp_path / "stats.parquet").column("eval_run_uuid").to_pylist() == ["run-one"]
