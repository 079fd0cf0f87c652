"""evals.analyze: evals with statistics over their runs, filtered and sorted."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import attrs

from aymara_async.sandbox.bodies import AnalysisBody
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.lifecycle import timestamp
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.store.database import Database
from aymara_async.sandbox.store.evals import StoredEval, list_evals
from aymara_async.sandbox.store.runs import StoredRun, list_runs

Json: TypeAlias = dict[str, object]


@attrs.frozen
class AnalyzedEval:
    """An eval with what its runs gave."""

    stored: StoredEval
    runs: tuple[StoredRun, ...]
    pass_rates: tuple[float, ...]
    """Of the finished runs."""
    num_scored: int

    @property
    def average(self) -> float | None:
        """Mean pass rate of the finished runs."""
        return sum(self.pass_rates) / len(self.pass_rates) if self.pass_rates else None

    @property
    def last_run_at(self) -> float | None:
        """When the youngest run was created."""
        return max((run.job.created_at for run in self.runs), default=None)

    def wire(self, now: float) -> Json:
        """Give the JSON of the API."""
        return {
            "eval": self.stored.wire(now),
            "stats": {
                "total_score_runs": len(self.runs),
                "total_responses_scored": self.num_scored,
                "avg_pass_rate": self.average,
                "best_pass_rate": max(self.pass_rates, default=None),
                "worst_pass_rate": min(self.pass_rates, default=None),
                "last_run_date": None if self.last_run_at is None else timestamp(self.last_run_at),
            },
        }


def analyze(call: Call) -> Answer:
    body = call.decode(AnalysisBody)
    workspace_uuid = body.workspace_uuid or call.workspace_uuid
    found = [
        analyzed
        for stored in list_evals(call.state.database, workspace_uuid)
        if _eval_matches(stored, body, call.now)
        for analyzed in [_analyze(call.state.database, stored, body, call.now)]
        if _stats_match(analyzed, body)
    ]
    # Evals without a value (never run, no name) come last, whichever the order.
    keyed = [(_sort_key(analyzed, body, call.now), analyzed) for analyzed in found]
    present = sorted((pair for pair in keyed if pair[0] is not None), key=_first, reverse=body.sort_order == "desc")
    ordered = [analyzed for _, analyzed in present] + [analyzed for key, analyzed in keyed if key is None]
    page = ordered[body.offset : body.offset + body.limit]
    return Answer(
        {
            "results": [analyzed.wire(call.now) for analyzed in page],
            "total_count": len(ordered),
            "has_more": body.offset + len(page) < len(ordered),
        }
    )


def _eval_matches(stored: StoredEval, body: AnalysisBody, now: float) -> bool:
    document = stored.document
    exact = {
        "created_by": body.created_by,
        "eval_type": body.eval_type,
        "is_jailbreak": body.is_jailbreak,
        "is_sandbox": body.is_sandbox,
        "language": body.language,
        "modality": body.modality,
    }
    return (
        all(wanted is None or document[name] == wanted for name, wanted in exact.items())
        and (body.name is None or body.name.lower() in str(document["name"] or "").lower())
        and (body.status is None or stored.job.status(now) == body.status)
        and _is_between(stored.job.created_at, body.created_after, body.created_before)
    )


def _analyze(database: Database, stored: StoredEval, body: AnalysisBody, now: float) -> AnalyzedEval:
    runs = [
        run
        for run in list_runs(database, stored.eval_uuid, None)
        if _is_between(run.job.created_at, body.run_created_after, body.run_created_before)
        and (body.score_run_status is None or run.job.status(now) == body.score_run_status)
    ]
    results = [run.results for run in runs if run.job.status(now) == "finished"]
    pass_rates = tuple(result.passed / result.scored for result in results if result.scored)
    return AnalyzedEval(stored, tuple(runs), pass_rates, sum(result.scored for result in results))


def _stats_match(analyzed: AnalyzedEval, body: AnalysisBody) -> bool:
    asks_for_runs = body.run_created_after or body.run_created_before or body.score_run_status
    if asks_for_runs and not analyzed.runs:
        return False
    if body.has_score_runs is not None and bool(analyzed.runs) != body.has_score_runs:
        return False
    if body.min_pass_rate is None and body.max_pass_rate is None:
        return True
    low = 0.0 if body.min_pass_rate is None else body.min_pass_rate
    high = 1.0 if body.max_pass_rate is None else body.max_pass_rate
    return analyzed.average is not None and low <= analyzed.average <= high


def _sort_key(analyzed: AnalyzedEval, body: AnalysisBody, now: float) -> tuple[float, str] | None:
    if body.sort_by == "name":
        name = analyzed.stored.document["name"]
        return None if name is None else (0.0, str(name).lower())
    number = {
        "created_at": analyzed.stored.job.created_at,
        "updated_at": analyzed.stored.job.updated_at(now),
        "pass_rate": analyzed.average,
        "num_score_runs": float(len(analyzed.runs)),
        "last_run_date": analyzed.last_run_at,
    }[body.sort_by]
    return None if number is None else (number, "")


def _first(pair: tuple[tuple[float, str] | None, AnalyzedEval]) -> tuple[float, str]:
    return pair[0] or (0.0, "")


def _is_between(seconds: float, after: datetime | None, before: datetime | None) -> bool:
    moment = timestamp(seconds)
    return (after is None or moment >= after) and (before is None or moment <= before)


ROUTES = (Route("evals.analyze", "POST", "/v2/eval-analysis", analyze),)
