"""What ``run`` brought, as what JSON and CSV can hold."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from aymara_async.cli.gates import Gated
from aymara_async.cli.scoring import formats
from aymara_async.runner.outcome import AnswerError, EvalOutcome, Exchange
from aymara_async.scoring.outcome import Tally

Json = dict[str, object]

FIELDS = (*formats.FIELDS, "seconds", "error", "rejection")
"""What is told of each turn of each conversation."""


def rows(outcome: EvalOutcome, names: Mapping[str, str]) -> list[Json]:
    """Give a row for each prompt that was put to the model; ``names`` are those of a prompts file, by server's id."""
    return [_row(exchange, thread[0].prompt.prompt_uuid, names) for thread in outcome.threads for exchange in thread]


def document(outcome: EvalOutcome, gated: Gated, names: Mapping[str, str]) -> Json:
    """Give everything as one object."""
    return {
        "eval_uuid": outcome.eval.eval_uuid,
        "eval_run_uuid": outcome.run.eval_run_uuid,
        "name": outcome.run.name,
        **_tally(outcome.tally),
        "num_prompts": len(outcome.threads),
        "num_responses": len(outcome.responses),
        "num_excluded": sum(response.exclude_from_scoring for response in outcome.responses),
        "num_model_errors": sum(exchange.error is not None for exchange in outcome.exchanges),
        "num_rejected": sum(exchange.rejection is not None for exchange in outcome.exchanges),
        "gates": gated.to_rows(),
        "categories": [{"category": name, **_tally(tally)} for name, tally in outcome.categories.items()],
        "responses": rows(outcome, names),
    }


def error_line(error: AnswerError) -> str:
    """Say why the model gave no answer."""
    module, _, name = error.type.rpartition(".")
    kind = name if module.partition(".")[0] in {"builtins", "aymara_async"} else error.type
    return f"{kind}: {error.message}" if error.message else kind


def _row(exchange: Exchange, first_uuid: str, names: Mapping[str, str]) -> Json:
    prompt, response, score = exchange.prompt, exchange.response, exchange.score
    answer = score or response
    return {
        "prompt_uuid": names.get(first_uuid, prompt.prompt_uuid),
        "server_prompt_uuid": prompt.prompt_uuid,
        "response_uuid": score.response_uuid if score else None,
        "thread_uuid": score.thread_uuid if score else prompt.thread_uuid,
        "turn_number": prompt.turn_number,
        "category": prompt.category,
        "prompt": prompt.content,
        "content": answer.content if answer and answer.content is not UNSET else None,
        "ai_refused": bool(response and response.ai_refused is True),
        "exclude_from_scoring": bool(response and response.exclude_from_scoring is True),
        "is_passed": exchange.is_passed,
        "confidence": score.confidence if score else None,
        "explanation": score.explanation if score else None,
        "seconds": exchange.seconds,
        "error": None if exchange.error is None else error_line(exchange.error),
        "rejection": exchange.rejection,
    }


def _tally(tally: Tally) -> Json:
    return {
        "pass_rate": tally.pass_rate,
        "num_scored": tally.scored,
        "num_passed": tally.passed,
        "num_failed": tally.failed,
    }
