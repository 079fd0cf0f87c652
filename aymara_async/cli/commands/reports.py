"""``aymara-async reports``: what several runs say together, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aymara_async.cli.changing import in_doubt, wait_option
from aymara_async.cli.command import Group
from aymara_async.cli.connected import connected
from aymara_async.cli.options import options
from aymara_async.cli.output.formats import format_option, write_object
from aymara_async.cli.output.listing import Listing, write_pager

if TYPE_CHECKING:
    from aymara_async.cli.terminal import Terminal
    from aymara_async.client import AsyncAymaraAI


@click.group(
    cls=Group,
    epilog="""\b
Examples:
  aymara-async reports create RUN_UUID ANOTHER_UUID --wait
  aymara-async reports list --limit 20
""",
)
def reports() -> None:
    """Create suite reports over several runs, list and get them."""


@reports.command(
    "create",
    epilog="""\b
Examples:
  aymara-async reports create score_run.1f0c score_run.9be2 --wait
  aymara-async reports create $RUN --wait=600 --format json > report.json
""",
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@wait_option("the report is written")
@click.option("--use-sandbox", is_flag=True, help="Have the API make up the report.")
@format_option
@connected
async def create_report(
    client: AsyncAymaraAI,
    terminal: Terminal,
    /,
    runs: tuple[str, ...],
    wait: float | None,
    use_sandbox: bool,
    format: str,
) -> None:
    """Start a report over each RUN with these ids, and show it; the runs must be finished."""
    from aymara_async.cli.output.columns import fields_of

    with in_doubt(terminal, "The report may have been started: see `aymara-async reports list`."):
        report = await client.reports.create(eval_run_uuids=runs, is_sandbox=use_sandbox or None)
    uuid = report.eval_suite_report_uuid
    terminal.state = lambda: f"Report {uuid} is at the server: see `aymara-async reports get {uuid}`."
    terminal.note(f"Created report {uuid}")
    if wait is not None:
        report = await client.reports.wait(uuid, timeout=wait)
    write_object(report, format=format, fields=fields_of(type(report)))


@reports.command("get", epilog="\b\nExample:\n  aymara-async reports get score_run_suite_summary.41aa")
@click.argument("report")
@wait_option("the report is written")
@format_option
@connected
async def get_report(client: AsyncAymaraAI, _: Terminal, /, report: str, wait: float | None, format: str) -> None:
    """Show the REPORT with this id."""
    from aymara_async.cli.output.columns import fields_of

    found = await (client.reports.get(report) if wait is None else client.reports.wait(report, timeout=wait))
    write_object(found, format=format, fields=fields_of(type(found)))


@reports.command("list", epilog="\b\nExample:\n  aymara-async reports list --limit 5")
@options(Listing)
@connected
async def list_reports(client: AsyncAymaraAI, terminal: Terminal, /, listing: Listing) -> None:
    """List the reports."""
    from aymara_async.cli.output.columns import REPORTS, fields_of
    from aymara_async.models import EvalSuiteReport

    await write_pager(client.reports.list, listing, terminal, fields=fields_of(EvalSuiteReport), columns=REPORTS)
