"""The command ``aymara-async``, whose subcommands are imported when they are used."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import click

from aymara_async.cli.exit_codes import EXIT_CODES

COMMANDS = {
    "sandbox": "aymara_async.cli.sandbox",
    "score": "aymara_async.cli.score",
}
"""Name of each command, and the module that holds it under the same name."""


class LazyGroup(click.Group):
    """Import the module of a command when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it
        """Name the commands that there are."""
        return [name for name, module in COMMANDS.items() if find_spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: Any = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        click.echo(f"aymara-async {version('aymara-async')}")
        ctx.exit()


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def aymara_async() -> None:
    """Test AI systems for safety and accuracy with the Aymara AI API.

    The key is read from the environment variable AYMARA_AI_API_KEY. Data goes to stdout, everything else to stderr.
    """
