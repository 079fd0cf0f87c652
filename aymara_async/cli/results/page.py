"""What a run comes to, for people: counts, categories, and each conversation that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from aymara_async.analysis.response_text import excerpt
from aymara_async.cli.output.blocks import figures, labelled
from aymara_async.cli.results.counted import LeftOut, Results
from aymara_async.models import FileReference
from aymara_async.record.percentages import percent
from aymara_async.record.tally import Tally
from aymara_async.runner.outcome import Exchange

LENGTH = 240
EXPLANATION_LENGTH = 400
_MAX_LEFT_OUT = 10


def results_page(results: Results) -> Iterator[RenderableType]:
    """Lay out headline, counts, a table of the categories, what was left out, and what failed, in excerpts."""
    yield _headline(results)
    yield labelled(_counts(results))
    if set(results.categories) != {None}:
        yield _categories(results)
    left_out = (
        ("Skipped", results.skipped),
        ("Rejected by the server", results.rejected),
        ("Without a score", results.unscored),
    )
    for what, those in left_out:
        if those:
            yield Text(f"{what} ({len(those):,})", style="bold yellow")
            yield labelled(_left_out(those), indent=2)
    if results.failing:
        what = "conversations" if results.has_conversations else "responses"
        yield Text(f"Failing {what} ({results.num_failing:,})", style="bold")
    for conversation in results.failing:
        yield labelled(_conversation(conversation, results), indent=2)
    if results.num_failing > len(results.failing):
        more = results.num_failing - len(results.failing)
        yield Text(f"  … and {more:,} more; --format jsonl has them all.", style="dim")


def _headline(results: Results) -> Text:
    tally = results.tally
    if tally.pass_rate is None:
        why = _why_nothing(tally)
        return Text(f"Nothing was scored: {why}.", style="bold yellow")
    passed = f"{tally.passed:,} of {tally.scored:,} responses passed, {tally.failed:,} failed"
    style = "bold red" if tally.failed else "bold green"
    return Text(f"Pass rate {percent(tally.pass_rate)}: {passed}", style=style)


def _why_nothing(tally: Tally) -> str:
    if not tally.total:
        return "there was no usable response"
    return "no response has got a score" if tally.unscored else "every response is excluded from scoring"


def _counts(results: Results) -> Iterator[tuple[str, str]]:
    tally, num_prompts = results.tally, len(results.prompts)
    answered = num_prompts - tally.unanswered
    yield "Prompts", f"{num_prompts:,}: {answered:,} answered, {tally.unanswered:,} not answered"
    unscored = f", {tally.unscored:,} without a score" if tally.unscored else ""
    yield (
        "Responses",
        f"{tally.total:,}: {tally.scored:,} scored, {tally.excluded:,} excluded from scoring{unscored}",
    )
    if results.num_errors:
        yield "Model", f"failed on {results.num_errors:,} of {tally.total:,} prompts"
    seconds = sorted(results.seconds)
    if seconds:
        yield "Time", f"{seconds[len(seconds) // 2]:.2g} s an answer (median), {seconds[-1]:.2g} s at most"
    yield "Eval", results.eval_uuid
    for uuid in results.eval_run_uuids:
        yield "Run", uuid


def _categories(results: Results) -> str:
    return figures(
        ("Category", "Passed", "Failed", "Pass rate"),
        [
            (category or "(none)", f"{tally.passed:,}", f"{tally.failed:,}", percent(tally.pass_rate))
            for category, tally in results.categories.items()
        ],
    )


def _left_out(those: Sequence[LeftOut]) -> Iterator[tuple[str, str]]:
    for one in those[:_MAX_LEFT_OUT]:
        yield one.where, one.reason
    if len(those) > _MAX_LEFT_OUT:
        yield "…", f"and {len(those) - _MAX_LEFT_OUT:,} more; --format json has them all."


def _conversation(conversation: Sequence[Exchange], results: Results) -> Iterator[tuple[str, str]]:
    first = conversation[0].prompt
    category = f"  [{first.category}]" if first.category else ""
    yield "Prompt id", f"{_place(conversation[0], results)}{category}"
    for turn in conversation:
        number = f" {turn.prompt.turn_number}" if len(conversation) > 1 else ""
        yield f"Prompt{number}", excerpt(turn.prompt.content, LENGTH) or "(made by the server in the conversation)"
        yield f"Answer{number}", answer_text(turn)
        if turn.score is not None and turn.is_passed is False:
            why = turn.score.explanation or "The server gave no explanation."
            yield f"Failed{number}" if number else "Why", excerpt(why, EXPLANATION_LENGTH)


def _place(first: Exchange, results: Results) -> str:
    """Name the response as people find it in their file."""
    parts = [results.name_of(first.prompt)]
    if first.prompt.turn_number != 1:
        parts.append(f"turn {first.prompt.turn_number}")
        if first.score is not None and first.score.thread_uuid is not None:
            parts.insert(1, f"thread {first.score.thread_uuid}")
    return f"{parts[0]} ({', '.join(parts[1:])})" if parts[1:] else parts[0]


def answer_text(turn: Exchange) -> str:
    """Say in one line what the AI answered."""
    if turn.error is not None:
        return f"(none: {excerpt(turn.error.message or turn.error.type, LENGTH)})"
    content = turn.score.content if turn.score else None
    if isinstance(content, FileReference):
        return f"(file {content.remote_file_path or content.file_uuid})"
    if content is None:
        return "(refused, without a text)"
    return excerpt(content, LENGTH) or "(empty)"
