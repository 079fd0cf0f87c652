"""The outcome of ``score`` for people: counts, categories, and each response that failed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aymara_async.cli import stdout
from aymara_async.cli.terminal import printable
from aymara_async.scoring.outcome import ScoredRow, ScoringOutcome, Tally

_PROMPT_LENGTH = 240
_ANSWER_LENGTH = 240
_EXPLANATION_LENGTH = 400


def write_table(outcome: ScoringOutcome) -> None:
    """Write counts, a table of the categories, and the failing responses in excerpts."""
    page = TextIOWrapper(BytesIO(), encoding=sys.stdout.encoding, errors="backslashreplace", write_through=True)
    is_terminal = sys.stdout.isatty() or None
    console = Console(file=page, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
    for number, part in enumerate(_parts(outcome)):
        if number:
            console.print()
        console.print(part)
    page.seek(0)
    # A table fills its last column with spaces.
    stdout.write("".join(f"{line.rstrip()}\n" for line in page))


def _parts(outcome: ScoringOutcome) -> Iterator[RenderableType]:
    yield _headline(outcome)
    yield _counts(outcome)
    if set(outcome.categories) != {None}:
        yield _categories(outcome)
    if outcome.failing:
        yield Text(f"Failing responses ({len(outcome.failing)})", style="bold")
    for row in outcome.failing:
        yield _failing(row)


def _headline(outcome: ScoringOutcome) -> Text:
    tally = outcome.tally
    if tally.pass_rate is None:
        return Text("Nothing was scored: every response is excluded from scoring.", style="bold yellow")
    text = f"Pass rate {percent(tally)}: {tally.passed} of {tally.scored} responses passed, {tally.failed} failed"
    return Text(text, style="bold red" if tally.failed else "bold green")


def _counts(outcome: ScoringOutcome) -> Table:
    num_prompts, num_not_answered = len(outcome.prompts), len(outcome.not_answered)
    answered = f"{num_prompts}: {num_prompts - num_not_answered} answered, {num_not_answered} not answered"
    scored = f"{len(outcome.rows)}: {outcome.tally.scored} scored, {len(outcome.excluded)} excluded from scoring"
    return _grid(
        ("Prompts", answered), ("Responses", scored), ("Eval", outcome.eval_uuid), ("Run", outcome.eval_run_uuid)
    )


def _categories(outcome: ScoringOutcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Category", overflow="fold")
    for header in ("Passed", "Failed", "Pass rate"):
        table.add_column(header, justify="right", no_wrap=True)
    for category, tally in outcome.categories.items():
        name = printable(category) if category else "(none)"
        table.add_row(Text(name), str(tally.passed), str(tally.failed), percent(tally))
    return table


def _failing(row: ScoredRow) -> Padding:
    category = f"  [{row.prompt.category}]" if row.prompt.category else ""
    grid = _grid(
        ("Prompt id", f"{row.response}{category}"),
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
    if row.response.content is None:
        return "(refused, without a text)"
    return excerpt(row.response.content, _ANSWER_LENGTH) or "(empty)"


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
