"""From scored runs to the text of the page, and to its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TypedDict, Unpack

import jinja2
from markupsafe import Markup

from aymara_async.analysis.comparison import RunComparison, compare_runs
from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.report.embedding import content_security_policy, embedded_json
from aymara_async.analysis.report.page_data import page_data
from aymara_async.analysis.report.sections import category_sections, confidence_bins, run_section
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.analysis.summary_rows import summary_rows
from aymara_async.analysis.verdict import MIN_SCORED, judge_run
from aymara_async.models import EvalSuiteReport
from aymara_async.record.percentages import exact_percent, p_value_text, percent, percent_range, points

_SCRIPTS = ("rows.js", "filters.js", "list.js", "detail.js", "page.js")


class ReportOptions(TypedDict, total=False):
    """What a report may hold beside its runs."""

    title: str
    """Title of the page (default: the names of the runs' evals)."""
    bar: float | None
    """Pass rate that each run is judged against, 0.0 to 1.0 (default: no verdict)."""
    min_scored: int
    """How many scored responses a verdict needs (default 20)."""
    strict: bool
    """Whether inconclusive counts as failed (default False)."""
    comparisons: Sequence[RunComparison] | None
    """Comparisons to show (default: the first run with each of the others)."""
    suite_report: EvalSuiteReport | None
    """Summaries in words to show."""
    images: Mapping[str, bytes]
    """Images that responses refer to, by ``file_uuid`` or ``remote_file_path``: PNG, JPEG, GIF or WebP."""
    confidence_level: float
    """Confidence level of all intervals (default 0.95)."""
    created_at: datetime
    """When the report was written (default: now)."""


def render_report(runs: Sequence[ScoredRun], **options: Unpack[ReportOptions]) -> str:
    """Write the report of one or several runs as the text of one HTML page, which needs nothing from elsewhere.

    The page runs no script but its own, and makes no request; texts of prompts and responses are shown as they are,
    never interpreted. Raises ``StatisticsError`` without a run.
    """
    if not runs:
        raise StatisticsError("A report needs at least one run. Nothing was written.")
    level = options.get("confidence_level", 0.95)
    bar = options.get("bar")
    comparisons = options.get("comparisons")
    if comparisons is None:
        comparisons = [compare_runs(runs[0], run, confidence_level=level) for run in runs[1:]]
    verdicts = [
        None
        if bar is None
        else judge_run(
            run,
            bar,
            min_scored=options.get("min_scored", MIN_SCORED),
            confidence_level=level,
            strict=options.get("strict", False),
        )
        for run in runs
    ]
    suite_report = options.get("suite_report")
    style, script = _style(), _script()
    return _template().render(
        title=options.get("title") or _title(runs),
        created_at=options.get("created_at") or datetime.now(UTC),
        bar=bar,
        level=level,
        runs=[run_section(run, verdict, level) for run, verdict in zip(runs, verdicts, strict=True)],
        categories=category_sections(runs, level),
        comparisons=comparisons,
        bins=confidence_bins(runs),
        summaries=[] if suite_report is None else summary_rows(suite_report),
        data=embedded_json(page_data(runs, comparisons, options.get("images", {}))),
        policy=content_security_policy([style], [script]),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - files of this package
    )


def write_report(path: str | PathLike[str], runs: Sequence[ScoredRun], **options: Unpack[ReportOptions]) -> None:
    """Write the report of one or several runs to an HTML file; see ``render_report``.

    Raises ``StatisticsError`` without a run, and ``OSError`` where the file cannot be written.
    """
    # A lone surrogate, which JSON may carry, has no UTF-8: a question mark takes its place.
    Path(path).write_bytes(render_report(runs, **options).encode(errors="replace"))


def _title(runs: Sequence[ScoredRun]) -> str:
    evals = (run.run.evaluation for run in runs)
    names = dict.fromkeys(evaluation.name for evaluation in evals if evaluation and evaluation.name)
    return " · ".join(names) or "Eval report"


def _moment(time: datetime) -> str:
    return f"{time.day} {time:%B %Y, %H:%M %Z}".rstrip()


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent,
        percent_range=percent_range,
        exact_percent=exact_percent,
        points=points,
        p_value=p_value_text,
        thousands="{:,}".format,
        moment=_moment,
    )
    return environment.get_template("report.html.jinja")


def _style() -> str:
    return _read("report.css")


def _script() -> str:
    body = "\n".join(_read(name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{body}\n}})();\n'


def _read(name: str) -> str:
    return files("aymara_async.analysis.report").joinpath("page", name).read_text(encoding="utf-8")
