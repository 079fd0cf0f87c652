"""``aymara-async report``: one or several runs as one HTML file."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import attrs
import click

from aymara_async import analysis
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import MIN_SCORED, _share
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import connection_options, terminal_options
from aymara_async.cli.output import stdout
from aymara_async.cli.reading_runs import read_runs, require_analysis
from aymara_async.cli.response_images import fetch_images
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import RunComparison, ScoredRun, Verdict
    from aymara_async.models import EvalSuiteReport

_FILE = click.Path(dir_okay=False, path_type=Path)
_STDOUT = Path("-")
_DEFAULT = Path("aymara-report.html")

_EPILOG = f"""\b
Examples:
  aymara-async report score_run.1f0c
  aymara-async report $BEFORE $AFTER -o changes.html --open
  aymara-async report $RUN --fail-under 0.95 --junit tests.xml --force

{EXIT_CODES}"""


class _Settings(TypedDict):
    base_url: str | None
    workspace: str | None
    output: Path
    force: bool
    title: str | None
    fail_under: float | None
    min_scored: int | None
    strict: bool
    suite_report: str | None
    images: bool
    junit: Path | None
    opens: bool


@attrs.frozen(kw_only=True)
class _Read:
    """All that the report is made of."""

    runs: Sequence[ScoredRun]
    suite_report: EvalSuiteReport | None
    images: dict[str, bytes]


@click.command(cls=Command, epilog=_EPILOG)
@click.option(
    "-o",
    "--output",
    type=_FILE,
    metavar="FILE",
    default=_DEFAULT,
    show_default=True,
    help="Where to write it; - is stdout.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--title", metavar="TEXT", help="Title of the page.  [default: the names of the evals]")
@click.option(
    "--fail-under",
    callback=_share,
    metavar="RATE",
    help="Show whether each pass rate is at least RATE (0.95 or 95%); exit with 1 where one is not, with 5 where too "
    "little was scored to tell.",
)
@click.option(
    "--min-scored",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"How many scored responses --fail-under needs.  [default: {MIN_SCORED}]",
)
@click.option("--strict", is_flag=True, help="Exit with 1, not 5, where --fail-under is inconclusive.")
@click.option(
    "--suite-report", metavar="REPORT_UUID", help="Show the summaries of this suite report; waits until it is finished."
)
@click.option("--images", is_flag=True, help="Download the images that the AI answered with, and show them.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write responses and gates as JUnit XML, too.")
@click.option("--open", "opens", is_flag=True, help="Show it in a browser.")
@connection_options
@terminal_options
@click.argument("run_uuids", nargs=-1, required=True, metavar="RUN...")
@click.pass_obj
def report(terminal: Terminal, run_uuids: tuple[str, ...], **settings: Unpack[_Settings]) -> ExitCode:
    """Write a report on one or several RUNs: one HTML file that needs nothing else.

    It has pass rates with intervals, categories, every response with its explanation, search and filters. Of several
    runs the first is compared with each of the others.

    All prompts and answers are in the file: whoever has it can read them.
    """
    files = _check(run_uuids, settings)
    require_analysis("render_report", "judge_run", "compare_runs")
    check_writable(files)
    read = run_interruptibly(_read(terminal, run_uuids, settings))
    verdicts, comparisons = _judge(read.runs, settings), _compare(read.runs)
    if settings["junit"] is not None:
        write_whole(settings["junit"], analysis.junit_xml(read.runs, verdicts=verdicts, comparisons=comparisons))
        terminal.note(f"Wrote {settings['junit']}")
    _write(_page(read, comparisons, settings), len(read.runs), terminal, settings)
    return _gate(read.runs, verdicts, terminal)


def _check(run_uuids: Sequence[str], settings: _Settings) -> dict[str, Path]:
    """See that the arguments fit together, and tell which files will be written; raises ``click.UsageError``."""
    twice = {uuid for uuid in run_uuids if run_uuids.count(uuid) > 1}
    if twice:
        raise click.UsageError(f"Run {min(twice)} is named twice. Nothing was sent.")
    if settings["fail_under"] is None and (settings["min_scored"] is not None or settings["strict"]):
        raise click.UsageError("--min-scored and --strict are about --fail-under; give that too. Nothing was sent.")
    files = {} if settings["junit"] is None else {"--junit": settings["junit"]}
    output = settings["output"]
    if output == _STDOUT:
        if settings["opens"] or settings["force"]:
            raise click.UsageError("--open and --force need a file, but --output is stdout. Nothing was sent.")
        return files
    if output.is_file() and not settings["force"]:
        raise click.UsageError(
            f"{output} exists. Name another file with --output, or overwrite it with --force. Nothing was sent."
        )
    return files | {"--output": output}


async def _read(terminal: Terminal, run_uuids: Sequence[str], settings: _Settings) -> _Read:
    async with open_client(settings["base_url"], settings["workspace"]) as client:
        runs = await read_runs(client, run_uuids, terminal)
        suite_report = None
        if settings["suite_report"] is not None:
            terminal.note(f"Waiting for suite report {settings['suite_report']}")
            suite_report = await client.reports.wait(settings["suite_report"])
        images = await fetch_images(client, runs, terminal) if settings["images"] else {}
        return _Read(runs=runs, suite_report=suite_report, images=images)


def _judge(runs: Sequence[ScoredRun], settings: _Settings) -> list[Verdict]:
    bar = settings["fail_under"]
    if bar is None:
        return []
    min_scored = settings["min_scored"] or MIN_SCORED
    return [analysis.judge_run(run, bar, min_scored=min_scored, strict=settings["strict"]) for run in runs]


def _compare(runs: Sequence[ScoredRun]) -> list[RunComparison]:
    """Compare the first run with each other one that has prompts in common with it."""
    compared = (analysis.compare_runs(runs[0], run) for run in runs[1:])
    return [comparison for comparison in compared if comparison.num_pairs]


def _page(read: _Read, comparisons: Sequence[RunComparison], settings: _Settings) -> str:
    return analysis.render_report(
        read.runs,
        title=settings["title"] or "",
        bar=settings["fail_under"],
        min_scored=settings["min_scored"] or MIN_SCORED,
        strict=settings["strict"],
        comparisons=comparisons,
        suite_report=read.suite_report,
        images=read.images,
    )


def _write(page: str, num_runs: int, terminal: Terminal, settings: _Settings) -> None:
    output = settings["output"]
    if output == _STDOUT:
        stdout.write(page.encode(errors="replace"))
        return
    write_whole(output, page)
    size = output.stat().st_size if output.is_file() else len(page.encode(errors="replace"))
    terminal.note(f"Wrote {output}: {num_runs} {'run' if num_runs == 1 else 'runs'}, {_size(size)}")
    if settings["opens"] and not webbrowser.open(output.resolve().as_uri()):
        terminal.tell(f"There is no browser to show it in; open {output} yourself.")


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 100_000 else f"{num_bytes / 1e3:.0f} kB"


def _gate(runs: Sequence[ScoredRun], verdicts: Sequence[Verdict], terminal: Terminal) -> ExitCode:
    for run, verdict in zip(runs, verdicts, strict=False):
        tell = terminal.note if verdict.is_pass else terminal.tell
        tell(f"{verdict.decision.upper()} --fail-under {verdict.bar:g}: {run.name}: {verdict.reason}")
    decided = {verdict.decision.value for verdict in verdicts}
    if "fail" in decided:
        return ExitCode.GATE_FAILED
    return ExitCode.GATE_INCONCLUSIVE if "inconclusive" in decided else ExitCode.OK
