"""What a report says: summaries of what the runs' responses really did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import attrs

from aymara_async.sandbox.identifiers import new_id
from aymara_async.sandbox.store.database import Database
from aymara_async.sandbox.store.evals import find_prompt
from aymara_async.sandbox.store.runs import StoredRun, list_responses

Json: TypeAlias = dict[str, object]

_NO_CATEGORY = "no category"


@attrs.define
class Outcome:
    """Passing and failing responses by category."""

    passing: Counter[str] = attrs.field(factory=Counter)
    failing: Counter[str] = attrs.field(factory=Counter)

    def passing_summary(self) -> str:
        """Say in which categories responses passed."""
        return _say(self.passing, self.total, "passed")

    def failing_summary(self) -> str:
        """Say in which categories responses failed."""
        return _say(self.failing, self.total, "failed")

    def advice(self) -> str:
        """Say which category needs work most."""
        if not self.failing:
            return "No response failed: nothing to improve on these prompts."
        category, number = min(self.failing.items(), key=lambda item: (-item[1], item[0]))
        return f"Work on {category} first: {number} of {self.failing.total()} failing responses are there."

    @property
    def total(self) -> int:
        """How many responses were scored."""
        return self.passing.total() + self.failing.total()


def summarize(database: Database, runs: Sequence[StoredRun], now: float) -> Json:
    """Write the report on several runs."""
    outcomes = [_outcome(database, run) for run in runs]
    overall = Outcome()
    for outcome in outcomes:
        overall.passing.update(outcome.passing)
        overall.failing.update(outcome.failing)
    return {
        "eval_run_reports": [
            {
                "eval_run_report_uuid": new_id("score_run_summary"),
                "eval_run_uuid": run.eval_run_uuid,
                "eval_run": run.wire(database, now),
                "passing_responses_summary": outcome.passing_summary(),
                "failing_responses_summary": outcome.failing_summary(),
                "improvement_advice": outcome.advice(),
            }
            for run, outcome in zip(runs, outcomes, strict=True)
        ],
        "overall_passing_responses_summary": overall.passing_summary(),
        "overall_failing_responses_summary": overall.failing_summary(),
        "overall_improvement_advice": overall.advice(),
    }


def _outcome(database: Database, run: StoredRun) -> Outcome:
    outcome = Outcome()
    for response in list_responses(database, run.eval_run_uuid):
        prompt = find_prompt(database, str(response["prompt_uuid"]))
        category = (prompt.category if prompt else None) or _NO_CATEGORY
        if response["is_passed"] is not None:
            (outcome.passing if response["is_passed"] else outcome.failing)[category] += 1
    return outcome


def _say(counts: Counter[str], total: int, did: str) -> str:
    if not counts:
        return f"None of {total} responses {did}."
    return f"{counts.total()} of {total} responses {did}: {_listed(counts.items())}."


def _listed(items: Iterable[tuple[str, int]]) -> str:
    ordered = sorted(items, key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{category} ({number})" for category, number in ordered)
