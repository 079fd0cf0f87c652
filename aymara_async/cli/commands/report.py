"""``aymara-async report``: one or several runs as one HTML file."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from aymara_async import analysis
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import FILE, JUNIT, Bar, tell_decisions
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, option, options, terminal_options
from aymara_async.cli.output import stdout
from aymara_async.cli.reading_runs import read_runs, require_analysis
from aymara_async.cli.response_images import fetch_images
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import RunComparison, ScoredRun, Verdict
    from aymara_async.models import EvalSuiteReport

_STDOUT = Path("-")
_DEFAULT = Path("aymara-report.html")

_EPILOG = f"""\b
Examples:
  aymara-async report score_run.1f0c
  aymara-async report $BEFORE $AFTER -o changes.html --open
  aymara-async report $RUN --fail-under 0.95 --junit tests.xml --force

{EXIT_CODES}"""


@attrs.frozen(kw_only=True)
class Reporting:
    """What to write, and where."""

    output: Path = option(
        "-o",
        "--output",
        type=FILE,
        metavar="FILE",
        default=_DEFAULT,
        show_default=True,
        help="Where to write it; - is stdout.",
    )
    force: bool = option(is_flag=True, help="Overwrite the file.")
    title: str | None = option(metavar="TEXT", help="Title of the page.  [default: the names of the evals]")
    suite_report: str | None = option(
        metavar="REPORT_UUID", help="Show the summaries of this suite report; waits until it is finished."
    )
    images: bool = option(is_flag=True, help="Download the images that the AI answered with, and show them.")
    junit: Path | None = option(**JUNIT)
    opens: bool = option("--open", is_flag=True, help="Show it in a browser.")


@attrs.frozen(kw_only=True)
class _Read:
    """All that the report is made of."""

    runs: Sequence[ScoredRun]
    suite_report: EvalSuiteReport | None
    images: dict[str, bytes]


@click.command(cls=Command, epilog=_EPILOG)
@options(Bar)
@options(Reporting)
@options(Connection)
@terminal_options
@click.argument("run_uuids", nargs=-1, required=True, metavar="RUN...")
@click.pass_obj
def report(
    terminal: Terminal, run_uuids: tuple[str, ...], bar: Bar, reporting: Reporting, connection: Connection
) -> ExitCode:
    """Write a report on one or several RUNs: one HTML file that needs nothing else.

    It has pass rates with intervals, categories, every response with its explanation, search and filters. Of several
    runs the first is compared with each of the others.

    All prompts and answers are in the file: whoever has it can read them.
    """
    files = _check(run_uuids, bar, reporting)
    require_analysis("render_report", "judge_run", "compare_runs")
    check_writable(files)
    read = run_interruptibly(_read(terminal, run_uuids, reporting, connection))
    verdicts = [verdict for run in read.runs if (verdict := bar.judge(run)) is not None]
    comparisons = _compare(read.runs)
    if reporting.junit is not None:
        write_whole(reporting.junit, analysis.junit_xml(read.runs, verdicts=verdicts, comparisons=comparisons))
        terminal.note(f"Wrote {reporting.junit}")
    _write(_page(read, comparisons, bar, reporting), len(read.runs), terminal, reporting)
    return _gate(read.runs, verdicts, terminal)


def _check(run_uuids: Sequence[str], bar: Bar, reporting: Reporting) -> dict[str, Path]:
    """See that the arguments fit together, and tell which files will be written; raises ``click.UsageError``."""
    twice = {uuid for uuid in run_uuids if run_uuids.count(uuid) > 1}
    if twice:
        raise click.UsageError(f"Run {min(twice)} is named twice. Nothing was sent.")
    if bar.fail_under is None and (bar.min_scored is not None or bar.strict):
        raise click.UsageError("--min-scored and --strict are about --fail-under; give that too. Nothing was sent.")
    files = {} if reporting.junit is None else {"--junit": reporting.junit}
    output = reporting.output
    if output == _STDOUT:
        if reporting.opens or reporting.force:
            raise click.UsageError("--open and --force need a file, but --output is stdout. Nothing was sent.")
        return files
    if output.is_file() and not reporting.force:
        raise click.UsageError(
            f"{output} exists. Name another file with --output, or overwrite it with --force. Nothing was sent."
        )
    return files | {"--output": output}


async def _read(terminal: Terminal, run_uuids: Sequence[str], reporting: Reporting, connection: Connection) -> _Read:
    async with open_client(connection) as client:
        runs = await read_runs(client, run_uuids, terminal)
        suite_report = None
        if reporting.suite_report is not None:
            terminal.note(f"Waiting for suite report {reporting.suite_report}")
            suite_report = await client.reports.wait(reporting.suite_report)
        images = await fetch_images(client, runs, terminal) if reporting.images else {}
        return _Read(runs=runs, suite_report=suite_report, images=images)


def _compare(runs: Sequence[ScoredRun]) -> list[RunComparison]:
    """Compare the first run with each other one that has prompts in common with it."""
    compared = (analysis.compare_runs(runs[0], run) for run in runs[1:])
    return [comparison for comparison in compared if comparison.num_pairs]


def _page(read: _Read, comparisons: Sequence[RunComparison], bar: Bar, reporting: Reporting) -> str:
    return analysis.render_report(
        read.runs,
        title=reporting.title or "",
        bar=bar.fail_under,
        min_scored=bar.scored_needed,
        strict=bar.strict,
        comparisons=comparisons,
        suite_report=read.suite_report,
        images=read.images,
    )


def _write(page: str, num_runs: int, terminal: Terminal, reporting: Reporting) -> None:
    output = reporting.output
    if output == _STDOUT:
        stdout.write(page.encode(errors="replace"))
        return
    write_whole(output, page)
    size = output.stat().st_size if output.is_file() else len(page.encode(errors="replace"))
    terminal.note(f"Wrote {output}: {num_runs} {'run' if num_runs == 1 else 'runs'}, {_size(size)}")
    if reporting.opens and not webbrowser.open(output.resolve().as_uri()):
        terminal.tell(f"There is no browser to show it in; open {output} yourself.")


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 100_000 else f"{num_bytes / 1e3:.0f} kB"


def _gate(runs: Sequence[ScoredRun], verdicts: Sequence[Verdict], terminal: Terminal) -> ExitCode:
    decisions = [
        (f"--fail-under {verdict.bar:g}: {run.name}", verdict.decision, verdict.reason)
        for run, verdict in zip(runs, verdicts, strict=False)
    ]
    return tell_decisions(decisions, terminal)
