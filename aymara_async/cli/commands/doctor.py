"""``aymara-async doctor``: what is wrong with the installation, the settings or the network, and how to mend it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import click

from aymara_async.cli.command import Command
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, options, terminal_options
from aymara_async.cli.output.formats import format_option, write_list
from aymara_async.cli.terminal import Terminal

if TYPE_CHECKING:
    from aymara_async.cli.checking.finding import Finding, Patient

_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red", "skipped": "dim"}


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  aymara-async doctor
  aymara-async doctor --format json | jq '.[] | select(.status != "ok")'
""",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="How long each check may take.",
)
@format_option
@options(Connection)
@terminal_options
@click.pass_context
def doctor(ctx: click.Context, timeout: float, format: str, connection: Connection) -> ExitCode:
    """Look for what is wrong, and say how to mend it.

    Checks Python and packages, the key (which is never shown), the address and the other settings, certificates, proxy,
    name, connection and encryption, whether the API is well and accepts the key, and the clock. Changes nothing. Exits
    with 3 where a check fails.
    """
    from aymara_async.cli.checking.finding import Patient

    patient = Patient(
        base_url=connection.base_url,
        workspace_uuid=connection.workspace,
        allow_http=connection.allow_http,
        timeout=timeout,
    )
    terminal = ctx.ensure_object(Terminal)
    terminal.harm = "Nothing was changed."
    return run_interruptibly(_examine(patient, terminal, format))


async def _examine(patient: Patient, terminal: Terminal, format: str) -> ExitCode:
    from aymara_async.cli.checking.finding import Finding
    from aymara_async.cli.output.table import Column

    columns = (
        Column[Finding](header="Check", cell=lambda one: one.check, width=12),
        Column[Finding](header="Status", cell=lambda one: one.status, style=lambda one: _STYLES[one.status], width=8),
        Column[Finding](header="Found", cell=_told, further_style="bold", is_text=True, fills=True),
    )
    found: list[Finding] = []
    fields = ("check", "status", "message", "advice")
    await write_list(_findings(patient, found), format=format, fields=fields, columns=columns, chunk=1)
    failed = sum(finding.status == "failure" for finding in found)
    terminal.note(f"{failed} of {len(found)} checks failed." if failed else "No check failed.")
    return ExitCode.API_ERROR if failed else ExitCode.OK


def _told(finding: Finding) -> str:
    return f"{finding.message}\n{finding.advice}" if finding.advice else finding.message


async def _findings(patient: Patient, found: list[Finding]) -> AsyncGenerator[Finding, None]:
    from aymara_async.cli.checking import installation as installation_checks
    from aymara_async.cli.checking import network as network_checks
    from aymara_async.cli.checking import server as server_checks
    from aymara_async.cli.checking import settings as settings_checks
    from aymara_async.cli.checking.finding import examine

    checks = {
        "python": installation_checks.check_python,
        "packages": installation_checks.check_packages,
        "extras": installation_checks.check_extras,
        "key": settings_checks.check_key,
        "address": settings_checks.check_address,
        "results": settings_checks.check_results,
        "certificates": settings_checks.check_certificates,
        "proxy": network_checks.check_proxy,
        "dns": network_checks.check_dns,
        "connection": network_checks.check_connection,
        "encryption": network_checks.check_encryption,
        "health": server_checks.check_health,
        "acceptance": server_checks.check_acceptance,
        "clock": server_checks.check_clock,
    }
    for name, check in checks.items():
        finding = await examine(name, check, patient)
        found.append(finding)
        yield finding
