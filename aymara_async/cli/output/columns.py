"""What tables show of the API's objects. Loads rich: for commands that are about to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from aymara_async.analysis.response_text import excerpt
from aymara_async.cli.output.table import Column, moment
from aymara_async.models import Eval, EvalPrompt, EvalRunResult, EvalSuiteReport, FileDetail, FileUpload, ScoredResponse
from aymara_async.record.percentages import percent

_TEXT = 240
_NAMES = 120
_STYLES = {"finished": "green", "completed": "green", "failed": "bold red"}


def fields_of(model: type) -> Sequence[str]:
    """Name the fields of a model, in its order."""
    return [field.name for field in attrs.fields(model)]


def _style(status: str | None) -> str:
    return _STYLES.get(status or "", "yellow")


def _verdict(response: ScoredResponse) -> str:
    if response.exclude_from_scoring:
        return "excluded"
    return {True: "passed", False: "failed", None: "not scored"}[response.is_passed]


def _verdict_style(response: ScoredResponse) -> str:
    return {"passed": "green", "failed": "bold red"}.get(_verdict(response), "yellow")


def _answer(response: ScoredResponse) -> str:
    content = response.content
    if content is None:
        return "(refused, without a text)" if response.ai_refused else "(no content)"
    if not isinstance(content, str):
        return f"(file {content.file_uuid or content.remote_file_path})"
    return excerpt(content, _TEXT) or "(empty)"


def _response(response: ScoredResponse) -> str:
    return "\n".join(filter(None, (_answer(response), excerpt(response.explanation or "", _TEXT))))


def _place(response: ScoredResponse | EvalPrompt) -> str:
    turn = f" turn {response.turn_number}" if response.turn_number > 1 else ""
    return f"{response.prompt_uuid}{turn}"


def _runs(report: EvalSuiteReport) -> str:
    names = [one.eval_run.name or one.eval_run_uuid for one in report.eval_run_reports]
    return excerpt(", ".join(names), _NAMES) or "(no runs yet)"


def _size(size: int | None) -> str:
    if size is None:
        return "-"
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):  # noqa: B007 - the unit that fits is used below
        if amount < 999.5:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"


EVALS: Final[Sequence[Column[Eval]]] = (
    Column(
        header="Eval",
        cell=lambda one: excerpt(one.name or "(no name)", _NAMES),
        below=lambda one: one.eval_uuid,
        is_text=True,
    ),
    Column(header="Type, UTC time", cell=lambda one: f"{one.eval_type}\n{moment(one.created_at)}", is_text=True),
    Column(header="Status", cell=lambda one: one.status or "-", style=lambda one: _style(one.status)),
    Column(header="Prompts", cell=lambda one: "-" if one.num_prompts is None else str(one.num_prompts), is_number=True),
)
PROMPTS: Final[Sequence[Column[EvalPrompt]]] = (
    Column(header="Prompt", cell=lambda one: excerpt(one.content, _TEXT), below=_place, is_text=True),
    Column(header="Category", cell=lambda one: one.category or "-", is_text=True),
)
RUNS: Final[Sequence[Column[EvalRunResult]]] = (
    Column(
        header="Run",
        cell=lambda one: excerpt(one.name or "(no name)", _NAMES),
        below=lambda one: one.eval_run_uuid,
        is_text=True,
    ),
    Column(
        header="Status, UTC time",
        cell=lambda one: f"{one.status}\n{moment(one.created_at)}",
        style=lambda one: _style(one.status),
    ),
    Column(
        header="Passed",
        cell=lambda one: f"{percent(one.pass_rate)}\nof {one.num_responses_scored or 0}",
        is_number=True,
    ),
)
RESPONSES: Final[Sequence[Column[ScoredResponse]]] = (
    Column(
        header="Verdict",
        cell=lambda one: f"{_verdict(one)}\n{'' if one.confidence is None else f'{one.confidence:.0%} sure'}",
        style=_verdict_style,
        width=10,
    ),
    Column(header="Response", cell=_response, below=_place, is_text=True),
)
REPORTS: Final[Sequence[Column[EvalSuiteReport]]] = (
    Column(header="Report", cell=_runs, below=lambda one: one.eval_suite_report_uuid, is_text=True),
    Column(
        header="Status, UTC time",
        cell=lambda one: f"{one.status}\n{moment(one.created_at)}",
        style=lambda one: _style(one.status),
    ),
)
FILES: Final[Sequence[Column[FileDetail]]] = (
    Column(header="File", cell=lambda one: one.remote_file_path, below=lambda one: one.file_uuid, is_text=True),
    Column(header="Type, UTC time", cell=lambda one: f"{one.content_type}\n{moment(one.created_at)}", is_text=True),
    Column(header="Size", cell=lambda one: _size(one.file_size_bytes), is_number=True),
)
UPLOADS: Final[Sequence[Column[FileUpload]]] = (
    Column(
        header="File",
        cell=lambda one: one.local_file_path or one.remote_file_path or "-",
        below=lambda one: one.file_uuid,
        is_text=True,
    ),
    Column(header="Type", cell=lambda one: one.content_type or "-", is_text=True, width=24),
    Column(
        header="Status", cell=lambda one: one.processing_status or "-", style=lambda one: _style(one.processing_status)
    ),
)
