"""The outcome of ``score`` for people: counts, categories, and each response that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aymara_async.cli.terminal import printable
from aymara_async.models import FileReference
from aymara_async.scoring.outcome import LeftOutRow, ScoredRow, ScoringOutcome, Tally

_PROMPT_LENGTH = 240
_ANSWER_LENGTH = 240
_EXPLANATION_LENGTH = 400
_MAX_LEFT_OUT = 10


def score_page(outcome: ScoringOutcome) -> str:
    """Lay out counts, a table of the categories, and the failing responses in excerpts."""
    from aymara_async.cli.output_table import page

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
    text = f"Pass rate {percent(tally)}: {tally.passed:,} of {tally.scored:,} responses passed, {tally.failed:,} failed"
    return Text(text, style="bold red" if tally.failed else "bold green")


def _counts(outcome: ScoringOutcome) -> Table:
    num_prompts, num_not_answered = len(outcome.prompts), len(outcome.not_answered)
    answered = f"{num_prompts:,}: {num_prompts - num_not_answered:,} answered, {num_not_answered:,} not answered"
    scored = (
        f"{outcome.num_responses:,}: {outcome.tally.scored:,} scored, {outcome.num_excluded:,} excluded from scoring"
    )
    runs = [("Run", uuid) for uuid in outcome.eval_run_uuids]
    return _grid(("Prompts", answered), ("Responses", scored), ("Eval", outcome.eval_uuid), *runs)


def _categories(outcome: ScoringOutcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Category", overflow="fold")
    for header in ("Passed", "Failed", "Pass rate"):
        table.add_column(header, justify="right", no_wrap=True)
    for category, tally in outcome.categories.items():
        name = printable(category) if category else "(none)"
        table.add_row(Text(name), f"{tally.passed:,}", f"{tally.failed:,}", percent(tally))
    return table


def _left_out(what: str, rows: Sequence[LeftOutRow]) -> Iterator[RenderableType]:
    yield Text(f"{what} ({len(rows):,})", style="bold yellow")
    yield Padding(_grid(*((row.where, row.reason) for row in rows[:_MAX_LEFT_OUT])), (0, 0, 0, 2))
    if len(rows) > _MAX_LEFT_OUT:
        yield Text(f"  … and {len(rows) - _MAX_LEFT_OUT:,} more; --format json has them all.")


def _failing(row: ScoredRow) -> Padding:
    category = f"  [{row.prompt.category}]" if row.prompt.category else ""
    grid = _grid(
        ("Prompt id", f"{row}{category}"),
        ("Prompt", excerpt(row.prompt.content, _PROMPT_LENGTH)),
        ("Answer", _answer(row)),
        ("Why", excerpt(row.score.explanation or "The server gave no explanation.", _EXPLANATION_LENGTH)),
    )
    return Padding(grid, (0, 0, 0, 2))


def _grid(*rows: tuple[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, Text(printable(text)))
    return grid


def _answer(row: ScoredRow) -> str:
    content = row.score.content
    if content is None:
        return "(refused, without a text)"
    if isinstance(content, FileReference):
        return f"(file {content.remote_file_path or content.file_uuid})"
    return excerpt(content, _ANSWER_LENGTH) or "(empty)"


def excerpt(text: str, length: int) -> str:
    """Take the beginning of a text, in one line."""
    line = printable(text)
    if len(line) <= length:
        return line
    start, _, cut = line[: length - 2].rpartition(" ")
    # A long word, or a text without spaces, is cut within.
    return f"{start if start and len(cut) < length // 4 else line[: length - 2]} …"


def percent(tally: Tally) -> str:
    """Write the pass rate such that only all is 100 % and only none is 0 %."""
    rate = tally.pass_rate
    if rate is None:
        return "-"
    shown = f"{rate:.1%}"
    if shown == "100.0%" and tally.failed:
        return ">99.9%"
    return "<0.1%" if shown == "0.0%" and tally.passed else shown
