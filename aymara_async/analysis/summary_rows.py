"""What a suite report says in words, cut into rows: by run, and by section where a summary has sections."""

from __future__ import annotations

import re
from typing import TypedDict

from aymara_async.models import EvalRunReport, EvalSuiteReport

_SECTION = re.compile(r"<(\w+)>(.*?)</\1>", re.DOTALL)


class SummaryRow(TypedDict):
    """The summaries of one run, of one section of them, or of all runs."""

    eval_name: str | None
    prompt_category: str | None
    passing_responses_summary: str | None
    failing_responses_summary: str | None
    improvement_advice: str | None
    eval_run_uuid: str | None


def summary_rows(suite_report: EvalSuiteReport) -> list[SummaryRow]:
    """Cut a suite report into rows, the one over all runs last and named ``"Overall"``."""
    rows = [row for report in suite_report.eval_run_reports for row in _run_rows(report)]
    if suite_report.overall_passing_responses_summary or suite_report.overall_failing_responses_summary:
        overall = SummaryRow(
            eval_name="Overall",
            prompt_category=None,
            passing_responses_summary=suite_report.overall_passing_responses_summary,
            failing_responses_summary=suite_report.overall_failing_responses_summary,
            improvement_advice=suite_report.overall_improvement_advice,
            eval_run_uuid=None,
        )
        rows.append(overall)
    return rows


def _run_rows(report: EvalRunReport) -> list[SummaryRow]:
    """Give a row for each section ``<category>…</category>`` of an accuracy eval's summaries, else one row."""
    evaluation = report.eval_run.evaluation
    whole = SummaryRow(
        eval_name=evaluation.name if evaluation else report.eval_run.name,
        prompt_category=None,
        passing_responses_summary=report.passing_responses_summary,
        failing_responses_summary=report.failing_responses_summary,
        improvement_advice=report.improvement_advice,
        eval_run_uuid=report.eval_run_uuid,
    )
    if evaluation is None or evaluation.eval_type != "accuracy":
        return [whole]
    passing = _sections(report.passing_responses_summary)
    failing = _sections(report.failing_responses_summary)
    advice = _sections(report.improvement_advice)
    return [
        SummaryRow(
            eval_name=whole["eval_name"],
            prompt_category=category,
            passing_responses_summary=passing.get(category, ""),
            failing_responses_summary=failing.get(category, ""),
            improvement_advice=advice.get(category, ""),
            eval_run_uuid=report.eval_run_uuid,
        )
        for category in {**passing, **failing, **advice}
    ] or [whole]


def _sections(text: str) -> dict[str, str]:
    return {match[1]: match[2].strip() for match in _SECTION.finditer(text)}
