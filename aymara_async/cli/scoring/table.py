"""The outcome of ``score`` for people: counts, categories, and each response that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from aymara_async.cli.output.blocks import labelled
from aymara_async.cli.output.table import page
from aymara_async.cli.output.texts import excerpt, rate
from aymara_async.cli.terminal import printable
from aymara_async.models import FileReference
from aymara_async.scoring.outcome import LeftOutRow, ScoredRow, ScoringOutcome

_PROMPT_LENGTH = 240
_ANSWER_LENGTH = 240
_EXPLANATION_LENGTH = 400
_MAX_LEFT_OUT = 10


def score_page(outcome: ScoringOutcome) -> str:
    """Lay out counts, a table of the categories, and the failing responses in excerpts."""
    return page(_parts(outcome))


def _parts(outcome: ScoringOutcome) -> Iterator[RenderableType]:
    yield _headline(outcome)
    yield ""
    yield _counts(outcome)
    if set(outcome.categories) != {None}:
        yield ""
        yield _categories(outcome)
    for what, rows in (("Skipped", outcome.skipped), ("Rejected by the server", outcome.rejected)):
        if rows:
            yield ""
            yield from _left_out(what, rows)
    if outcome.failing:
        yield ""
        yield Text(f"Failing responses ({outcome.tally.failed:,})", style="bold")
    for row in outcome.failing:
        yield ""
        yield _failing(row)
    if outcome.tally.failed > len(outcome.failing):
        yield ""
        yield Text(f"  … and {outcome.tally.failed - len(outcome.failing):,} more; --format jsonl has them all.")


def _headline(outcome: ScoringOutcome) -> Text:
    tally = outcome.tally
    if tally.pass_rate is None:
        why = "every response is excluded from scoring" if outcome.num_responses else "there was no usable response"
        return Text(f"Nothing was scored: {why}.", style="bold yellow")
    passed = f"{tally.passed:,} of {tally.scored:,} responses passed, {tally.failed:,} failed"
    text = f"Pass rate {rate(tally.pass_rate)}: {passed}"
    return Text(text, style="bold red" if tally.failed else "bold green")


def _counts(outcome: ScoringOutcome) -> RenderableType:
    num_prompts, num_not_answered = len(outcome.prompts), len(outcome.not_answered)
    answered = f"{num_prompts:,}: {num_prompts - num_not_answered:,} answered, {num_not_answered:,} not answered"
    scored = (
        f"{outcome.num_responses:,}: {outcome.tally.scored:,} scored, {outcome.num_excluded:,} excluded from scoring"
    )
    runs = [("Run", uuid) for uuid in outcome.eval_run_uuids]
    return labelled([("Prompts", answered), ("Responses", scored), ("Eval", outcome.eval_uuid), *runs])


def _categories(outcome: ScoringOutcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Category", overflow="fold")
    for header in ("Passed", "Failed", "Pass rate"):
        table.add_column(header, justify="right", no_wrap=True)
    for category, tally in outcome.categories.items():
        name = printable(category) if category else "(none)"
        table.add_row(Text(name), f"{tally.passed:,}", f"{tally.failed:,}", rate(tally.pass_rate))
    return table


def _left_out(what: str, rows: Sequence[LeftOutRow]) -> Iterator[RenderableType]:
    yield Text(f"{what} ({len(rows):,})", style="bold yellow")
    yield labelled(((row.where, row.reason) for row in rows[:_MAX_LEFT_OUT]), indent=2)
    if len(rows) > _MAX_LEFT_OUT:
        yield Text(f"  … and {len(rows) - _MAX_LEFT_OUT:,} more; --format json has them all.")


def _failing(row: ScoredRow) -> RenderableType:
    category = f"  [{row.prompt.category}]" if row.prompt.category else ""
    rows = (
        ("Prompt id", f"{row}{category}"),
        ("Prompt", excerpt(row.prompt.content, _PROMPT_LENGTH)),
        ("Answer", _answer(row)),
        ("Why", excerpt(row.score.explanation or "The server gave no explanation.", _EXPLANATION_LENGTH)),
    )
    return labelled(rows, indent=2)


def _answer(row: ScoredRow) -> str:
    content = row.score.content
    if content is None:
        return "(refused, without a text)"
    if isinstance(content, FileReference):
        return f"(file {content.remote_file_path or content.file_uuid})"
    return excerpt(content, _ANSWER_LENGTH) or "(empty)"
