"""Statistics, data frames, plots and an HTML report of scored runs.

Needs the extra: ``pip install 'aymara-async[analysis]'``; names are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aymara_async.analysis.agreement import Agreement, cohen_kappa
    from aymara_async.analysis.arrow import to_arrow, write_parquet
    from aymara_async.analysis.categories import CategoryRate, rates_by_category
    from aymara_async.analysis.comparison import (
        RunComparison,
        compare_runs,
        mcnemar_p_value,
        paired_difference_interval,
    )
    from aymara_async.analysis.errors import MissingExtraError, StatisticsError
    from aymara_async.analysis.frames import to_df, to_prompts_df, to_reports_df, to_scores_df
    from aymara_async.analysis.intervals import Interval, wilson_interval
    from aymara_async.analysis.junit import junit_xml
    from aymara_async.analysis.pairing import Pair, Pairing, pair_responses
    from aymara_async.analysis.pass_stats import eval_pass_stats, eval_pass_stats_by_category
    from aymara_async.analysis.plots import graph_comparison, graph_confidence, graph_eval_by_category, graph_eval_stats
    from aymara_async.analysis.report import render_report, write_report
    from aymara_async.analysis.sample_size import sample_size_for_bar, sample_size_for_margin
    from aymara_async.analysis.scored_run import ScoredRun, read_run
    from aymara_async.analysis.step_summary import github_summary
    from aymara_async.analysis.verdict import Decision, Verdict, judge_pass_rate, judge_run
    from aymara_async.record.tally import Standing, Tally, standing_of, tally

_HOMES = {
    "agreement": ("Agreement", "cohen_kappa"),
    "arrow": ("to_arrow", "write_parquet"),
    "categories": ("CategoryRate", "rates_by_category"),
    "comparison": ("RunComparison", "compare_runs", "mcnemar_p_value", "paired_difference_interval"),
    "errors": ("MissingExtraError", "StatisticsError"),
    "frames": ("to_df", "to_prompts_df", "to_reports_df", "to_scores_df"),
    "intervals": ("Interval", "wilson_interval"),
    "junit": ("junit_xml",),
    ".record.tally": ("Standing", "Tally", "standing_of", "tally"),
    "pairing": ("Pair", "Pairing", "pair_responses"),
    "pass_stats": ("eval_pass_stats", "eval_pass_stats_by_category"),
    "plots": ("graph_comparison", "graph_confidence", "graph_eval_by_category", "graph_eval_stats"),
    "report": ("render_report", "write_report"),
    "sample_size": ("sample_size_for_bar", "sample_size_for_margin"),
    "scored_run": ("ScoredRun", "read_run"),
    "step_summary": ("github_summary",),
    "verdict": ("Decision", "Verdict", "judge_pass_rate", "judge_run"),
}
_HOME_OF = {name: f".{home}" for home, names in _HOMES.items() for name in names}
_EXTRAS = {
    "jinja2": "analysis",
    "matplotlib": "analysis",
    "numpy": "analysis",
    "pandas": "analysis",
    "scipy": "analysis",
    "pyarrow": "analysis,parquet",
}

__all__ = [
    "Agreement",
    "CategoryRate",
    "Decision",
    "Interval",
    "MissingExtraError",
    "Pair",
    "Pairing",
    "RunComparison",
    "ScoredRun",
    "Standing",
    "StatisticsError",
    "Tally",
    "Verdict",
    "cohen_kappa",
    "compare_runs",
    "eval_pass_stats",
    "eval_pass_stats_by_category",
    "github_summary",
    "graph_comparison",
    "graph_confidence",
    "graph_eval_by_category",
    "graph_eval_stats",
    "judge_pass_rate",
    "judge_run",
    "junit_xml",
    "mcnemar_p_value",
    "pair_responses",
    "paired_difference_interval",
    "rates_by_category",
    "read_run",
    "render_report",
    "sample_size_for_bar",
    "sample_size_for_margin",
    "standing_of",
    "tally",
    "to_arrow",
    "to_df",
    "to_prompts_df",
    "to_reports_df",
    "to_scores_df",
    "wilson_interval",
    "write_parquet",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(_HOME_OF[name], __name__), name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        from aymara_async.analysis.errors import MissingExtraError

        raise MissingExtraError(package, _EXTRAS[package]) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
