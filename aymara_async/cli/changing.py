"""Commands that change what the server holds: what to say when one is cut off, and whether people mean it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aymara_async.cli.command import Command
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, options, terminal_options
from aymara_async.cli.terminal import Terminal, printable
from aymara_async.errors import APIError, AymaraAIError

if TYPE_CHECKING:
    from aymara_async.client import AsyncAymaraAI

C = TypeVar("C", bound=Callable[..., Any])

WAIT = 300.0


def _seconds(value: str) -> float:
    """Read a number of seconds; raises ``BadParameter``, also for a word that was meant for the next argument."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < float("inf"):
        raise click.BadParameter(f"{value!r} is no number of seconds. Write --wait=60, or --wait as the last word.")
    return seconds


def wait_option(what: str) -> Callable[[C], C]:
    """Add ``--wait``, with or without its seconds; the argument is None without it."""
    return click.option(
        "--wait",
        type=_seconds,
        is_flag=False,
        flag_value=str(WAIT),
        metavar="[SECONDS]",
        help=f"Wait until {what}, {WAIT:.0f} seconds unless you say; it goes on at the server in any case.",
    )


def delete_command(
    what: str, along: str, operation: Callable[[AsyncAymaraAI], Callable[[str], Awaitable[None]]]
) -> click.Command:
    """Make the command that deletes some of a kind; ``along`` says what goes with them."""

    @click.command(
        "delete",
        cls=Command,
        help=f"Delete each {what.upper()} with these ids, {along}. On a terminal it asks before.",
        epilog=f"\b\nExample:\n  aymara-async {what}s delete --yes $ONE $ANOTHER",
    )
    @click.argument("uuids", metavar=f"{what.upper()}...", nargs=-1, required=True)
    @click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
    @options(Connection)
    @terminal_options
    @click.pass_obj
    def delete(terminal: Terminal, uuids: tuple[str, ...], yes: bool, connection: Connection) -> None:
        if not yes:
            _confirm(f"Delete {what} {', '.join(uuids)}, {along}?")
        run_interruptibly(_delete(terminal, uuids, connection))

    async def _delete(terminal: Terminal, uuids: tuple[str, ...], connection: Connection) -> None:
        from aymara_async.cli.connection import open_client

        async with open_client(connection) as client:
            for uuid in uuids:
                with in_doubt(terminal, f"The {what} {uuid} may be deleted, or not."):
                    await operation(client)(uuid)
                terminal.note(f"Deleted {what} {uuid}")
                terminal.harm = "What is told above is deleted."

    return delete


def _confirm(question: str) -> None:
    """Ask on the terminal; raises ``click.Abort`` for no, ``click.UsageError`` where nobody can answer."""
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; add --yes. Nothing was deleted.")
    try:
        is_meant = click.confirm(printable(question), err=True)
    except click.Abort:
        click.echo(err=True)  # Ctrl-C and Ctrl-D leave the line open
        raise
    if not is_meant:
        raise click.Abort


@contextmanager
def in_doubt(terminal: Terminal, doubt: str) -> Generator[None]:
    """Let the terminal tell what a call may have done, until it is known."""
    before = terminal.state
    terminal.state = lambda: doubt
    try:
        yield
    except AymaraAIError as error:
        if isinstance(error, APIError) and not error.may_have_acted:
            terminal.state = before
        raise
    terminal.state = before
