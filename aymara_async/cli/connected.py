"""Commands that talk to the API: a coroutine with a client, and the options that lead there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, options, terminal_options
from aymara_async.cli.terminal import Terminal

if TYPE_CHECKING:
    from aymara_async.client import AsyncAymaraAI

P = ParamSpec("P")


def connected(
    work: Callable[Concatenate[AsyncAymaraAI, Terminal, P], Coroutine[Any, Any, object]],
) -> Callable[..., object]:
    """Make a coroutine, which takes a client and the terminal, the callback of a command with the options of both."""

    @wraps(work)
    @click.pass_obj
    def command(terminal: Terminal, connection: Connection, *args: Any, **arguments: Any) -> object:
        async def main() -> object:
            from aymara_async.cli.connection import open_client

            async with open_client(connection) as client:
                terminal.harm = "Nothing was changed."
                return await work(client, terminal, *args, **arguments)

        return run_interruptibly(main())

    return options(Connection)(terminal_options(command))
