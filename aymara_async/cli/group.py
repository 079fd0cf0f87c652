"""The command ``aymara-async``, whose subcommands are imported when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from aymara_async.cli.command import Group
from aymara_async.cli.exit_codes import EXIT_CODES
from aymara_async.cli.options import debug_option
from aymara_async.version import version_of

COMMANDS = {
    "compare": "Compare two runs on the same prompts.",
    "completion": "Print the script that completes commands in a shell.",
    "doctor": "Look for what is wrong, and say how to mend it.",
    "evals": "Create evals, list and get them and their prompts, delete them.",
    "files": "Upload files, list and get them.",
    "report": "Write a report on one or several runs, as one HTML file.",
    "reports": "Create suite reports over several runs, list and get them.",
    "run": "Put an eval to a model, and have its answers scored.",
    "runs": "List eval runs and their scored responses, get and delete them.",
    "sandbox": "Play the API in the terminal, offline.",
    "score": "Score a file of responses, and print what failed.",
}
"""Name of each command, which is also that of its module and of its function there, and what it does."""


class LazyGroup(Group):
    """Import the module of a command when the command is used; its name and summary are known before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: Any = getattr(import_module(f"aymara_async.cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete the names of commands without importing them."""
        names = [CompletionItem(name, help=does) for name, does in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        click.echo(f"aymara-async {version_of('aymara-async')}")
        ctx.exit()


_EPILOG = (
    """\b
Examples:
  aymara-async doctor
  aymara-async score --sandbox --prompts prompts.jsonl responses.jsonl
  aymara-async run --eval EVAL_UUID --model answers:reply --fail-under 95%
  aymara-async report RUN_UUID --open

"""
    + EXIT_CODES
)


@click.group(cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@debug_option
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def aymara_async() -> None:
    """Test AI systems for safety and accuracy with the Aymara AI API.

    The key is read from the environment variable AYMARA_AI_API_KEY. Data goes to stdout, everything else to stderr.
    """
