"""``aymara-async compare``: whether one run is better or worse than another on the same prompts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import click

from aymara_async import analysis
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import JUNIT, REPORT, tell_decisions
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, option, options, terminal_options
from aymara_async.cli.output.formats import FORMAT, write_object, write_rows
from aymara_async.cli.reading_runs import read_runs, require_analysis
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import RunComparison

_EPILOG = f"""\b
Examples:
  aymara-async compare score_run.1f0c score_run.9be2
  aymara-async compare $BEFORE $AFTER --fail-on-worse --report changes.html
  aymara-async compare $BEFORE $AFTER --format jsonl | jq .prompt

{EXIT_CODES}"""


@attrs.frozen(kw_only=True)
class Comparing:
    """How to compare, and what to make of it."""

    pair_by: Literal["auto", "prompt_uuid", "content"] = option(
        type=click.Choice(["auto", "prompt_uuid", "content"]),
        default="auto",
        show_default=True,
        help="What makes two prompts the same; auto: prompt_uuid within one eval, content across evals.",
    )
    alpha: float = option(
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="SHARE",
        default=0.05,
        show_default=True,
        help="How likely chance may be, at most, where B is called worse or better. The intervals are at one less "
        "this.",
    )
    fail_on_worse: bool = option(is_flag=True, help="Exit with 1 where B is worse, with 5 where that cannot be told.")
    strict: bool = option(is_flag=True, help="With --fail-on-worse: exit with 1, not 5, where it cannot be told.")
    junit: Path | None = option(**JUNIT)
    report: Path | None = option(**REPORT)
    show: int = option(
        type=click.IntRange(min=0),
        metavar="N",
        default=20,
        show_default=True,
        help="How many prompts that changed either way the table shows.",
    )
    format: str = option(**FORMAT)

    @property
    def files(self) -> dict[str, Path]:
        """The files to write, by the option that names them."""
        named = {"--junit": self.junit, "--report": self.report}
        return {name: path for name, path in named.items() if path is not None}


@click.command(cls=Command, epilog=_EPILOG)
@options(Comparing)
@options(Connection)
@terminal_options
@click.argument("run_a")
@click.argument("run_b")
@click.pass_obj
def compare(terminal: Terminal, run_a: str, run_b: str, comparing: Comparing, connection: Connection) -> ExitCode:
    """Compare RUN_B with RUN_A, the baseline, on the prompts that both have scores for.

    Prints both pass rates with their Wilson intervals, how many prompts changed, the p-value of an exact McNemar test,
    the change of each category, and the prompts that changed, those that turned to fail first. With --format jsonl or
    csv only the latter, a line for each; with json everything.

    The runs may be of one eval or of different ones with prompts in common. What is excluded from scoring, has no
    score, or is in one run only is told apart and does not count.
    """
    if run_a == run_b:
        raise click.UsageError("RUN_A and RUN_B are the same run. Nothing was sent.")
    if comparing.strict and not comparing.fail_on_worse:
        raise click.UsageError("--strict says what --fail-on-worse does; give that too. Nothing was sent.")
    require_analysis("compare_runs", *(["render_report"] if comparing.report else []))
    check_writable(comparing.files)
    comparison = run_interruptibly(_read(terminal, run_a, run_b, comparing, connection))
    try:
        _write_files(comparison, comparing, terminal)
    finally:
        _show(comparison, comparing)
    return _gate(comparison, terminal) if comparing.fail_on_worse else ExitCode.OK


async def _read(
    terminal: Terminal, run_a: str, run_b: str, comparing: Comparing, connection: Connection
) -> RunComparison:
    async with open_client(connection) as client:
        baseline, candidate = await read_runs(client, [run_a, run_b], terminal)
    comparison = analysis.compare_runs(
        baseline,
        candidate,
        by=comparing.pair_by,
        confidence_level=1.0 - comparing.alpha,
        strict=comparing.strict,
    )
    if not comparison.num_pairs and not comparison.not_scored:
        num_a, num_b = len(baseline.responses), len(candidate.responses)
        raise analysis.StatisticsError(
            f"The runs have no prompt in common: {run_a} has {num_a} responses, {run_b} has {num_b}, and none of the "
            f"one answers a prompt of the other (--pair-by {comparing.pair_by}). Nothing was compared or written; "
            "give two runs with the same prompts."
        )
    return comparison


def _gate(comparison: RunComparison, terminal: Terminal) -> ExitCode:
    return tell_decisions([("--fail-on-worse", comparison.decision, comparison.reason)], terminal)


def _write_files(comparison: RunComparison, comparing: Comparing, terminal: Terminal) -> None:
    if comparing.junit is not None:
        write_whole(comparing.junit, analysis.junit_xml([comparison.candidate], comparisons=[comparison]))
        terminal.note(f"Wrote {comparing.junit}")
    if comparing.report is not None:
        runs = [comparison.baseline, comparison.candidate]
        level = comparison.confidence_level
        page = analysis.render_report(runs, comparisons=[comparison], confidence_level=level)
        write_whole(comparing.report, page)
        terminal.note(f"Wrote {comparing.report}")


def _show(comparison: RunComparison, comparing: Comparing) -> None:
    from aymara_async.cli.comparing.rows import FIELDS, changed_rows, document
    from aymara_async.cli.comparing.table import compare_table
    from aymara_async.cli.output.blocks import write_blocks

    if comparing.format == "table":
        write_blocks(compare_table(comparison, num_shown=comparing.show))
    elif comparing.format == "json":
        write_object(document(comparison, comparing.alpha), format="json", fields=())
    else:
        write_rows(changed_rows(comparison), format=comparing.format, fields=FIELDS, columns=())
