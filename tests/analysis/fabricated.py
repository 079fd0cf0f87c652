"""Runs as a server would answer them, made of a few words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aymara_async.analysis import ScoredRun
from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse
from aymara_async.models.evals import Eval

NOW = datetime(2026, 5, 4, 9, 42, tzinfo=UTC)


def an_eval(**fields: object) -> Eval:
    known: dict[str, object] = {
        "eval_uuid": "eval", "name": "Safety of the shop", "ai_description": "A shop", "eval_type": "safety",
    }  # fmt: skip
    return Eval(**{**known, **fields})  # type: ignore[arg-type]  # the tests know the fields


def a_run(name: str | None = "first", **fields: object) -> EvalRunResult:
    known: dict[str, object] = {
        "eval_run_uuid": f"run-{name}", "eval_uuid": "eval", "name": name, "status": "finished",
        "created_at": NOW, "updated_at": NOW, "evaluation": an_eval(),
    }  # fmt: skip
    return EvalRunResult(**{**known, **fields})  # type: ignore[arg-type]  # the tests know the fields


def a_prompt(number: int, category: str | None = None, **fields: object) -> EvalPrompt:
    known: dict[str, object] = {"prompt_uuid": f"p{number}", "content": f"Question {number}?", "category": category}
    return EvalPrompt(**{**known, **fields})  # type: ignore[arg-type]  # the tests know the fields


def a_response(number: int, is_passed: bool | None = True, **fields: object) -> ScoredResponse:
    known: dict[str, object] = {
        "prompt_uuid": f"p{number}", "response_uuid": f"r{number}", "content": f"Answer {number}.",
        "is_passed": is_passed, "confidence": None if is_passed is None else 0.9,
        "explanation": None if is_passed is None else f"Reason {number}.",
    }  # fmt: skip
    return ScoredResponse(**{**known, **fields})  # type: ignore[arg-type]  # the tests know the fields


def a_scored_run(verdicts: Sequence[bool | None], name: str = "first", **fields: object) -> ScoredRun:
    """Make a run with one prompt and one response for each verdict, in the categories A and B in turn."""
    return ScoredRun(
        run=a_run(name, **fields),
        prompts=[a_prompt(number, "AB"[number % 2]) for number in range(len(verdicts))],
        responses=[a_response(number, verdict) for number, verdict in enumerate(verdicts)],
    )
