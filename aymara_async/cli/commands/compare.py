"""``aymara-async compare``: whether one run is better or worse than another on the same prompts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import click

from aymara_async import analysis
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import connection_options, terminal_options
from aymara_async.cli.output.formats import format_option, write_object, write_rows
from aymara_async.cli.reading_runs import read_runs, require_analysis
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import RunComparison

_FILE = click.Path(dir_okay=False, path_type=Path)

_EPILOG = f"""\b
Examples:
  aymara-async compare score_run.1f0c score_run.9be2
  aymara-async compare $BEFORE $AFTER --fail-on-worse --report changes.html
  aymara-async compare $BEFORE $AFTER --format jsonl | jq .prompt

{EXIT_CODES}"""


class _Settings(TypedDict):
    base_url: str | None
    workspace: str | None
    pair_by: Literal["auto", "prompt_uuid", "content"]
    alpha: float
    fail_on_worse: bool
    strict: bool
    show: int
    format: str
    junit: Path | None
    report: Path | None


@click.command(cls=Command, epilog=_EPILOG)
@click.option(
    "--pair-by",
    type=click.Choice(["auto", "prompt_uuid", "content"]),
    default="auto",
    show_default=True,
    help="What makes two prompts the same; auto: prompt_uuid within one eval, content across evals.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    default=0.05,
    show_default=True,
    help="How likely chance may be, at most, where B is called worse or better. The intervals are at one less this.",
)
@click.option("--fail-on-worse", is_flag=True, help="Exit with 1 where B is worse, with 5 where that cannot be told.")
@click.option("--strict", is_flag=True, help="With --fail-on-worse: exit with 1, not 5, where it cannot be told.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the responses of B and the gate as JUnit XML.")
@click.option("--report", type=_FILE, metavar="FILE", help="Write a report on both runs, as one HTML file.")
@click.option(
    "--show",
    type=click.IntRange(min=0),
    metavar="N",
    default=20,
    show_default=True,
    help="How many prompts that changed either way the table shows.",
)
@connection_options
@format_option
@terminal_options
@click.argument("run_a")
@click.argument("run_b")
@click.pass_obj
def compare(terminal: Terminal, run_a: str, run_b: str, **settings: Unpack[_Settings]) -> ExitCode:
    """Compare RUN_B with RUN_A, the baseline, on the prompts that both have scores for.

    Prints both pass rates with their Wilson intervals, how many prompts changed, the p-value of an exact McNemar test,
    the change of each category, and the prompts that changed, those that turned to fail first. With --format jsonl or
    csv only the latter, a line for each; with json everything.

    The runs may be of one eval or of different ones with prompts in common. What is excluded from scoring, has no
    score, or is in one run only is told apart and does not count.
    """
    if run_a == run_b:
        raise click.UsageError("RUN_A and RUN_B are the same run. Nothing was sent.")
    if settings["strict"] and not settings["fail_on_worse"]:
        raise click.UsageError("--strict says what --fail-on-worse does; give that too. Nothing was sent.")
    named = {"--junit": settings["junit"], "--report": settings["report"]}
    files = {option: path for option, path in named.items() if path is not None}
    require_analysis("compare_runs", *(["render_report"] if settings["report"] else []))
    check_writable(files)
    comparison = run_interruptibly(_read(terminal, run_a, run_b, settings))
    try:
        _write_files(comparison, settings, terminal)
    finally:
        _show(comparison, settings)
    return _gate(comparison, terminal) if settings["fail_on_worse"] else ExitCode.OK


async def _read(terminal: Terminal, run_a: str, run_b: str, settings: _Settings) -> RunComparison:
    async with open_client(settings["base_url"], settings["workspace"]) as client:
        baseline, candidate = await read_runs(client, [run_a, run_b], terminal)
    comparison = analysis.compare_runs(
        baseline,
        candidate,
        by=settings["pair_by"],
        confidence_level=1.0 - settings["alpha"],
        strict=settings["strict"],
    )
    if not comparison.num_pairs and not comparison.not_scored:
        num_a, num_b = len(baseline.responses), len(candidate.responses)
        raise analysis.StatisticsError(
            f"The runs have no prompt in common: {run_a} has {num_a} responses, {run_b} has {num_b}, and none of the "
            f"one answers a prompt of the other (--pair-by {settings['pair_by']}). Nothing was compared or written; "
            "give two runs with the same prompts."
        )
    return comparison


def _gate(comparison: RunComparison, terminal: Terminal) -> ExitCode:
    decision = comparison.decision
    tell = terminal.note if decision is analysis.Decision.PASS else terminal.tell
    tell(f"{decision.upper()} --fail-on-worse: {comparison.reason}")
    codes = {analysis.Decision.PASS: ExitCode.OK, analysis.Decision.FAIL: ExitCode.GATE_FAILED}
    return codes.get(decision, ExitCode.GATE_INCONCLUSIVE)


def _write_files(comparison: RunComparison, settings: _Settings, terminal: Terminal) -> None:
    if settings["junit"] is not None:
        write_whole(settings["junit"], analysis.junit_xml([comparison.candidate], comparisons=[comparison]))
        terminal.note(f"Wrote {settings['junit']}")
    if settings["report"] is not None:
        runs = [comparison.baseline, comparison.candidate]
        level = comparison.confidence_level
        page = analysis.render_report(runs, comparisons=[comparison], confidence_level=level)
        write_whole(settings["report"], page)
        terminal.note(f"Wrote {settings['report']}")


def _show(comparison: RunComparison, settings: _Settings) -> None:
    from aymara_async.cli.comparing.rows import FIELDS, changed_rows, document
    from aymara_async.cli.comparing.table import compare_table
    from aymara_async.cli.output.blocks import write_blocks

    if settings["format"] == "table":
        write_blocks(compare_table(comparison, num_shown=settings["show"]))
    elif settings["format"] == "json":
        write_object(document(comparison, settings["alpha"]), format="json", fields=())
    else:
        write_rows(changed_rows(comparison), format=settings["format"], fields=FIELDS, columns=())
