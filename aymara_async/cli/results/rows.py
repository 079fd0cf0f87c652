"""What a run comes to, as what JSON and CSV can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from aymara_async.cli.gates import Gated
from aymara_async.cli.results.counted import LeftOut, Results
from aymara_async.record.tally import Tally
from aymara_async.runner.outcome import AnswerError, Exchange

Json = dict[str, object]

FIELDS = (
    "prompt_uuid",
    "server_prompt_uuid",
    "response_uuid",
    "thread_uuid",
    "turn_number",
    "category",
    "prompt",
    "content",
    "ai_refused",
    "exclude_from_scoring",
    "is_passed",
    "confidence",
    "explanation",
    "seconds",
    "error",
    "rejection",
)
"""What is told of each turn of each conversation."""


def turn_rows(conversation: Sequence[Exchange], names: Mapping[str, str]) -> list[Json]:
    """Give a row for each turn; ``names`` are the caller's own ids of the prompts, by the server's."""
    first = conversation[0].prompt.prompt_uuid
    return [_row(turn, names.get(first, turn.prompt.prompt_uuid)) for turn in conversation]


def document(results: Results, gated: Gated, rows: Sequence[Json]) -> Json:
    """Give everything as one object."""
    return {
        "eval_uuid": results.eval_uuid,
        "eval_run_uuid": results.eval_run_uuids[0] if results.eval_run_uuids else None,
        "name": results.run_name,
        **tally_row(results.tally),
        "num_prompts": len(results.prompts),
        "num_responses": results.tally.total,
        "num_model_errors": results.num_errors,
        "num_skipped": len(results.skipped),
        "num_rejected": len(results.rejected),
        "gates": gated.to_rows(),
        "categories": [{"category": name, **tally_row(tally)} for name, tally in results.categories.items()],
        "not_answered": [results.name_of(prompt) for prompt in results.unanswered],
        "skipped": _left_out(results.skipped),
        "rejected": _left_out(results.rejected),
        "unscored": _left_out(results.unscored),
        "responses": rows,
    }


def tally_row(tally: Tally) -> Json:
    """Give a tally's numbers by their names."""
    return {
        "pass_rate": tally.pass_rate,
        "num_scored": tally.scored,
        "num_passed": tally.passed,
        "num_failed": tally.failed,
        "num_excluded": tally.excluded,
        "num_unscored": tally.unscored,
        "num_not_answered": tally.unanswered,
    }


def error_line(error: AnswerError) -> str:
    """Say why the model gave no answer."""
    module, _, name = error.type.rpartition(".")
    kind = name if module.partition(".")[0] in {"builtins", "aymara_async"} else error.type
    return f"{kind}: {error.message}" if error.message else kind


def _row(turn: Exchange, name: str) -> Json:
    prompt, response, score = turn.prompt, turn.response, turn.score
    said = score or response
    return {
        "prompt_uuid": name,
        "server_prompt_uuid": prompt.prompt_uuid,
        "response_uuid": score.response_uuid if score else None,
        "thread_uuid": score.thread_uuid if score else prompt.thread_uuid,
        "turn_number": prompt.turn_number,
        "category": prompt.category,
        "prompt": prompt.content,
        "content": said.content if said and said.content is not UNSET else None,
        "ai_refused": bool(said and said.ai_refused is True),
        "exclude_from_scoring": bool(said and said.exclude_from_scoring is True),
        "is_passed": turn.is_passed,
        "confidence": score.confidence if score else None,
        "explanation": score.explanation if score else None,
        "seconds": turn.seconds,
        "error": None if turn.error is None else error_line(turn.error),
        "rejection": turn.rejection,
    }


def _left_out(those: Sequence[LeftOut]) -> list[Json]:
    return [{"where": one.where, "reason": one.reason} for one in those]
