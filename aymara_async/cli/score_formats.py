"""How ``score`` writes its outcome to stdout."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from aymara_async.cli import stdout
from aymara_async.cli.gates import Gated
from aymara_async.cli.score_table import write_table
from aymara_async.scoring.outcome import ScoredRow, ScoringOutcome, Tally


def write_json(outcome: ScoringOutcome, gated: Gated) -> None:
    """Write everything as one JSON object."""
    document = {
        "eval_uuid": outcome.eval_uuid,
        "eval_run_uuid": outcome.eval_run_uuid,
        "name": outcome.name,
        **_tally(outcome.tally),
        "num_prompts": len(outcome.prompts),
        "num_responses": len(outcome.rows),
        "num_excluded": len(outcome.excluded),
        "num_not_answered": len(outcome.not_answered),
        "categories": [{"category": name, **_tally(tally)} for name, tally in outcome.categories.items()],
        "gates": gated.to_rows(),
        "not_answered": [prompt.prompt_uuid for prompt in outcome.not_answered],
        "responses": [_response(row) for row in outcome.rows],
    }
    stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _tally(tally: Tally) -> dict[str, object]:
    return {
        "pass_rate": tally.pass_rate,
        "num_scored": tally.scored,
        "num_passed": tally.passed,
        "num_failed": tally.failed,
    }


def _response(row: ScoredRow) -> dict[str, object]:
    return {
        "prompt_uuid": row.prompt.prompt_uuid,
        "server_prompt_uuid": row.score.prompt_uuid,
        "response_uuid": row.score.response_uuid,
        "thread_uuid": row.response.thread_uuid,
        "turn_number": row.response.turn_number,
        "category": row.prompt.category,
        "prompt": row.prompt.content,
        "content": row.response.content,
        "ai_refused": row.response.ai_refused,
        "exclude_from_scoring": row.response.exclude_from_scoring,
        "is_passed": row.is_passed,
        "confidence": row.score.confidence,
        "explanation": row.score.explanation,
    }


FORMATS: dict[str, Callable[[ScoringOutcome, Gated], None]] = {
    "table": lambda outcome, _: write_table(outcome),
    "json": write_json,
}
"""Name of each format, and what writes it."""
