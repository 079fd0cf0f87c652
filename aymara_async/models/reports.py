"""Suite reports: what several eval runs say together."""

from __future__ import annotations

from aymara_async.models.model import Model, Timestamp, model
from aymara_async.models.open_enums import Status
from aymara_async.models.runs import EvalRunResult


@model
class EvalRunReport(Model):
    """What one eval run says, in words."""

    eval_run_report_uuid: str
    """Identifier of this report."""
    eval_run_uuid: str
    """Identifier of the run."""
    eval_run: EvalRunResult
    """The run."""
    passing_responses_summary: str
    """Summary of the responses that passed."""
    failing_responses_summary: str
    """Summary of the responses that failed."""
    improvement_advice: str
    """How the AI can do better."""


@model
class EvalSuiteReport(Model):
    """What several eval runs say together, in words."""

    eval_suite_report_uuid: str
    """Identifier of the suite report."""
    status: Status
    """How far the report is: created, processing, finished or failed."""
    eval_run_reports: list[EvalRunReport]
    """One report for each run; the ones written so far while the suite report is not finished."""
    overall_improvement_advice: str | None = None
    """How the AI can do better, over all runs."""
    overall_failing_responses_summary: str | None = None
    """Summary of the responses that failed, over all runs."""
    overall_passing_responses_summary: str | None = None
    """Summary of the responses that passed, over all runs."""
    created_at: Timestamp
    """When the suite report was created."""
    updated_at: Timestamp
    """When the suite report was last changed."""
    remaining_reports: int | None = None
    """Number of reports still to be written."""


@model
class EvalSuiteReportRequest(Model):
    """Runs to report on (``reports.create``)."""

    eval_run_uuids: list[str]
    """Identifiers of the runs."""
