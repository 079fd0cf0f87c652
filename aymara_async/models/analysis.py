"""Search over evals, with statistics on their runs."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from aymara_async.models.evals import Eval
from aymara_async.models.model import Model, Timestamp, model

# Sent, never received: closed, so that a typing mistake is caught before anything is sent.
SortKey: TypeAlias = Literal["created_at", "updated_at", "name", "pass_rate", "num_score_runs", "last_run_date"]
SortOrder: TypeAlias = Literal["asc", "desc"]


@model
class EvalAnalysisRequest(Model):
    """Which evals to find, and in which order (``evals.analyze``). A field left out does not narrow the search."""

    created_after: Timestamp | UnsetType | None = UNSET
    """Evals created after this time."""
    created_before: Timestamp | UnsetType | None = UNSET
    """Evals created before this time."""
    created_by: str | UnsetType | None = UNSET
    """Evals created by the user with this e-mail address."""
    eval_type: str | UnsetType | None = UNSET
    """Evals of this type: safety, accuracy, etc."""
    has_score_runs: bool | UnsetType | None = UNSET
    """Evals that have runs."""
    is_jailbreak: bool | UnsetType | None = UNSET
    """Evals that are jailbreak tests."""
    is_sandbox: bool | UnsetType | None = UNSET
    """Evals in the API's sandbox."""
    language: str | UnsetType | None = UNSET
    """Evals in the language with this code, e.g. ``"en"``."""
    limit: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    """Number of results wanted, 1 to 100."""
    max_pass_rate: float | UnsetType | None = UNSET
    """Evals whose average pass rate is at most this, 0.0 to 1.0."""
    min_pass_rate: float | UnsetType | None = UNSET
    """Evals whose average pass rate is at least this, 0.0 to 1.0."""
    modality: str | UnsetType | None = UNSET
    """Evals with responses of this content type: text, image or video."""
    name: str | UnsetType | None = UNSET
    """Evals whose name contains this text, in upper or lower case."""
    offset: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    """Number of results to skip."""
    run_created_after: Timestamp | UnsetType | None = UNSET
    """Evals with a run created after this time."""
    run_created_before: Timestamp | UnsetType | None = UNSET
    """Evals with a run created before this time."""
    score_run_status: str | UnsetType | None = UNSET
    """Evals with a run in this status: created, processing, finished or failed."""
    sort_by: SortKey | UnsetType = UNSET
    """What to sort by."""
    sort_order: SortOrder | UnsetType = UNSET
    """``"asc"`` or ``"desc"``."""
    status: str | UnsetType | None = UNSET
    """Evals in this status: created, processing, finished or failed."""
    workspace_uuid: str | UnsetType | None = UNSET
    """Evals of this workspace."""


@model
class EvalStatistics(Model):
    """Figures on all runs of one eval."""

    total_score_runs: int
    """Number of runs."""
    total_responses_scored: int
    """Number of responses scored, over all runs."""
    avg_pass_rate: float | None = None
    """Average pass rate of the runs, 0.0 to 1.0."""
    best_pass_rate: float | None = None
    """Highest pass rate of a run, 0.0 to 1.0."""
    worst_pass_rate: float | None = None
    """Lowest pass rate of a run, 0.0 to 1.0."""
    last_run_date: Timestamp | None = None
    """When the last run was."""


@model
class EvalAnalysisResult(Model):
    """One eval with the statistics of its runs."""

    eval: Eval
    """The eval."""
    stats: EvalStatistics
    """Figures on all its runs."""


@model
class EvalAnalyzeResponse(Model):
    """The evals that were found."""

    total_count: int
    """Number of evals that match, on this page and beyond."""
    has_more: bool
    """Whether there are more than these results."""
    results: list[EvalAnalysisResult]
    """The evals of this page."""
