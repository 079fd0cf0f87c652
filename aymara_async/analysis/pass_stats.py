"""Pass rates as pandas data frames: by run, and by category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from aymara_async.analysis.categories import rates_by_category
from aymara_async.analysis.frames import typed_frame
from aymara_async.analysis.intervals import wilson_interval
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse

_COUNTS = {"pass_rate": "Float64", "pass_total": "int64", "num_responses_scored": "int64"}
_INTERVAL = {"interval_low": "float64", "interval_high": "float64"}
_RUNS = {"name": "string", **_COUNTS, **_INTERVAL}
_CATEGORIES = {"prompt_category": "string", **_COUNTS, "num_excluded": "int64", "num_unscored": "int64", **_INTERVAL}


def eval_pass_stats(
    eval_runs: EvalRunResult | Iterable[EvalRunResult], *, confidence_level: float = 0.95
) -> pd.DataFrame:
    """Make a data frame of the pass rates of runs, as the server counts them; its index is ``eval_run_uuid``.

    Columns: ``name``, ``pass_rate`` (missing where nothing was scored), ``pass_total``, ``num_responses_scored``,
    ``interval_low``, ``interval_high`` (Wilson).
    """
    runs = [eval_runs] if isinstance(eval_runs, EvalRunResult) else list(eval_runs)
    rows = [_run_row(run, confidence_level) for run in runs]
    return typed_frame(rows, {"eval_run_uuid": "object", **_RUNS}).set_index("eval_run_uuid")


def _run_row(run: EvalRunResult, confidence_level: float) -> dict[str, object]:
    scored = run.num_responses_scored or 0
    rate = run.pass_rate if scored else None
    passed = round((rate or 0.0) * scored)
    interval = wilson_interval(passed, scored, confidence_level=confidence_level)
    return {
        "eval_run_uuid": run.eval_run_uuid,
        "name": run.name or (run.evaluation.name if run.evaluation else None),
        "pass_rate": rate,
        "pass_total": passed,
        "num_responses_scored": scored,
        "interval_low": interval.low,
        "interval_high": interval.high,
    }


def eval_pass_stats_by_category(
    eval_run: EvalRunResult,
    prompts: Sequence[EvalPrompt],
    responses: Sequence[ScoredResponse],
    *,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Make a data frame of the pass rates of a run's categories, in the order of the prompts.

    Columns: ``prompt_category``, ``pass_rate`` (missing where nothing was scored), ``pass_total``,
    ``num_responses_scored``, ``num_excluded``, ``num_unscored``, ``interval_low``, ``interval_high`` (Wilson).
    """
    run = ScoredRun(run=eval_run, prompts=prompts, responses=responses)
    rates = rates_by_category(run, confidence_level=confidence_level)
    rows = [
        {
            "prompt_category": rate.category,
            "pass_rate": rate.tally.pass_rate,
            "pass_total": rate.tally.passed,
            "num_responses_scored": rate.tally.scored,
            "num_excluded": rate.tally.excluded,
            "num_unscored": rate.tally.unscored,
            "interval_low": rate.interval.low,
            "interval_high": rate.interval.high,
        }
        for rate in rates
    ]
    return typed_frame(rows, _CATEGORIES)
