"""What ``run`` brought, for people: counts, categories, and each conversation that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from aymara_async.cli.output.blocks import figures, labelled
from aymara_async.cli.output.texts import excerpt, rate
from aymara_async.models import FileReference
from aymara_async.runner.outcome import EvalOutcome, Exchange

MAX_SHOWN = 100
"""Conversations that failed; the other formats have all."""
_LENGTH = 240
_EXPLANATION_LENGTH = 400


def run_table(outcome: EvalOutcome, names: Mapping[str, str]) -> Iterator[RenderableType]:
    """Lay out the outcome; ``names`` are those of a prompts file, by the server's id of the prompt."""
    yield _headline(outcome)
    yield _counts(outcome)
    if set(outcome.categories) != {None}:
        yield _categories(outcome)
    failing = [thread for thread in outcome.threads if any(exchange.is_passed is False for exchange in thread)]
    if failing:
        what = "responses" if all(len(thread) == 1 for thread in outcome.threads) else "conversations"
        yield Text(f"Failing {what} ({len(failing):,})", style="bold")
    for thread in failing[:MAX_SHOWN]:
        yield labelled(_thread(thread, names), indent=2)
    if len(failing) > MAX_SHOWN:
        yield Text(f"  … and {len(failing) - MAX_SHOWN:,} more; --format jsonl has them all.", style="dim")


def _headline(outcome: EvalOutcome) -> Text:
    tally = outcome.tally
    if tally.pass_rate is None:
        return Text("Nothing was scored: every response is excluded from scoring.", style="bold yellow")
    passed = f"{tally.passed:,} of {tally.scored:,} responses passed, {tally.failed:,} failed"
    text = f"Pass rate {rate(tally.pass_rate)}: {passed}"
    return Text(text, style="bold red" if tally.failed else "bold green")


def _counts(outcome: EvalOutcome) -> RenderableType:
    responses = outcome.responses
    num_excluded = sum(response.exclude_from_scoring for response in responses)
    rows = [
        ("Prompts", f"{len(outcome.threads):,}"),
        ("Responses", f"{len(responses):,}: {outcome.tally.scored:,} scored, {num_excluded:,} excluded from scoring"),
    ]
    num_errors = sum(exchange.error is not None for exchange in outcome.exchanges)
    if num_errors:
        rows.append(("Model", f"failed on {num_errors:,} of {len(outcome.exchanges):,} prompts"))
    seconds = sorted(exchange.seconds for exchange in outcome.exchanges if exchange.seconds is not None)
    if seconds:
        rows.append(("Time", f"{seconds[len(seconds) // 2]:.2g} s an answer (median), {seconds[-1]:.2g} s at most"))
    return labelled([*rows, ("Eval", outcome.eval.eval_uuid or ""), ("Run", outcome.run.eval_run_uuid)])


def _categories(outcome: EvalOutcome) -> str:
    return figures(
        ("Category", "Passed", "Failed", "Pass rate"),
        [
            (category or "(none)", f"{tally.passed:,}", f"{tally.failed:,}", rate(tally.pass_rate))
            for category, tally in outcome.categories.items()
        ],
    )


def _thread(thread: Sequence[Exchange], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    first = thread[0].prompt
    category = f"  [{first.category}]" if first.category else ""
    yield "Prompt id", f"{names.get(first.prompt_uuid, first.prompt_uuid)}{category}"
    for exchange in thread:
        turn = f" {exchange.prompt.turn_number}" if len(thread) > 1 else ""
        yield f"Prompt{turn}", excerpt(exchange.prompt.content, _LENGTH)
        yield f"Answer{turn}", _answer(exchange)
        if exchange.score is not None and exchange.is_passed is False:
            why = exchange.score.explanation or "The server gave no explanation."
            yield f"Failed{turn}" if turn else "Why", excerpt(why, _EXPLANATION_LENGTH)


def _answer(exchange: Exchange) -> str:
    if exchange.error is not None:
        return f"(none: {excerpt(exchange.error.message or exchange.error.type, _LENGTH)})"
    content = exchange.score.content if exchange.score else None
    if isinstance(content, FileReference):
        return f"(file {content.remote_file_path or content.file_uuid})"
    if content is None:
        return "(refused, without a text)"
    return excerpt(content, _LENGTH) or "(empty)"
