"""``aymara-async completion``: completion of commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from aymara_async.cli.command import Command
from aymara_async.cli.output import stdout

PROGRAM = "aymara-async"


@click.command(
    cls=Command,
    epilog="""\b
To complete in this session (bash and zsh, fish):
  eval "$(aymara-async completion bash)"
  aymara-async completion fish | source

\b
In all sessions to come:
  aymara-async completion bash > \\
    ~/.local/share/bash-completion/completions/aymara-async
  aymara-async completion zsh > ~/.zfunc/_aymara-async
  aymara-async completion fish > ~/.config/fish/completions/aymara-async.fish

\b
bash needs the package bash-completion for that; zsh, in ~/.zshrc:
  fpath+=~/.zfunc
  autoload -Uz compinit && compinit
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and their values in SHELL."""
    completer = get_completion_class(shell)
    assert completer is not None
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    stdout.write(completer(ctx.find_root().command, {}, PROGRAM, variable).source())
