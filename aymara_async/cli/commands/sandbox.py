"""``aymara-async sandbox``: play the API in a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TypedDict, Unpack
from urllib.request import getproxies, proxy_bypass

import click

from aymara_async.cli.command import Command
from aymara_async.cli.options import terminal_options
from aymara_async.cli.terminal import Terminal
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import AnyFault, RateLimit, read_fault, read_rate_limit
from aymara_async.sandbox.shape import Shape, read_shape

_EPILOG = """\b
Examples:
  aymara-async sandbox --port 0
  aymara-async sandbox --database sandbox.db --delay 2 --rate-limit 100/60
  aymara-async sandbox --fault error@evals.get:status=503,probability=0.1

\b
A fault is KIND[@OPERATION][:NAME=VALUE,...]. Every kind takes calls=3 or
calls=1+4, probability=0.1 and times=2; the kinds, with what else they take:
  latency      seconds, jitter          redirect       status
  error        status, retry_after,     close          announced
               retry_after_form, code,  fail
               message, processed       never_finish
  reset        processed                change_count   by
  stall        at, seconds, processed   repeat_page
  truncate     share                    short_page
  slow         bytes_per_second         content_type   value, status, keep_body
  corrupt      form                     oversize       megabytes

\b
A shape says how lists are and what is echoed:
  order=made|reversed|prompt|shuffled|drawn   how lists are sorted
  lag=5            seconds until what was made or scored shows in lists
  work=4           seconds that creating and scoring take
  omits=content+exclude_from_scoring   what responses do not repeat
  unscored=0.01    share of prompts whose responses never get a score
  clock_offset=-600   seconds by which the clock is fast
  seed=1
"""


class _Settings(TypedDict):
    port: int
    database: str
    latency: float
    rate_limit: RateLimit | None
    faults: tuple[AnyFault, ...]
    seed: int
    shape: Shape
    delay: float
    prompts: Path | None
    api_key: str


def _rate_limit(_ctx: click.Context, _: click.Parameter, value: str | None) -> RateLimit | None:
    with _as_bad_parameter():
        return read_rate_limit(value)


def _shape(_ctx: click.Context, _: click.Parameter, value: str | None) -> Shape:
    with _as_bad_parameter():
        return read_shape(value)


def _faults(_ctx: click.Context, _: click.Parameter, values: tuple[str, ...]) -> tuple[AnyFault, ...]:
    with _as_bad_parameter():
        return tuple(read_fault(value) for value in values)


@contextmanager
def _as_bad_parameter() -> Generator[None]:
    try:
        yield
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_SECONDS = click.FloatRange(min=0)


@click.command(cls=Command, epilog=_EPILOG, short_help="Play the API in the terminal, offline.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help='Port on 127.0.0.1; 0 for any free one. 8000 is where environment="development" looks.',
)
@click.option(
    "--database",
    metavar="FILE",
    default=":memory:",
    help="Keep the state in this SQLite file, also over a kill.  [default: in memory]",
)
@click.option(
    "--latency", type=_SECONDS, metavar="SECONDS", default=0.0, show_default=True, help="How late every answer is."
)
@click.option(
    "--delay",
    type=_SECONDS,
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    help="How long evals, runs, reports and files take to be ready.",
)
@click.option(
    "--rate-limit",
    callback=_rate_limit,
    metavar="RATE",
    help="Requests per second (10), or in so many seconds (100/60); :date or :none changes Retry-After (100/60:date).",
)
@click.option(
    "--fault", "faults", callback=_faults, multiple=True, metavar="FAULT", help="What shall go wrong; see below."
)
@click.option(
    "--shape",
    callback=_shape,
    metavar="NAME=VALUE,...",
    help="Which server to play, of those that the contract allows; see below.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same faults.")
@click.option(
    "--prompts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON Lines with content and category, from which new evals take their prompts.",
)
@click.option("--api-key", metavar="KEY", default="sandbox-key", show_default=True, help="The key that it wants.")
@terminal_options
@click.pass_obj
def sandbox(terminal: Terminal | None, **settings: Unpack[_Settings]) -> None:
    """Play the Aymara AI v2 API on 127.0.0.1 until SIGTERM or Ctrl-C, which both end it with exit code 0.

    Prints the environment variables that lead a client to it. Faults and shape can be changed while it runs, at
    /sandbox/faults and /sandbox/shape; what it was asked and what it scored is at /sandbox/requests and
    /sandbox/scored.
    """
    terminal = terminal or Terminal()
    try:
        server = Sandbox(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(server, terminal))
    except sqlite3.Error as error:
        raise click.UsageError(f"The database {settings['database']} cannot be used: {error}") from None
    except OSError as error:
        why = error.strerror or error
        raise click.UsageError(f"Port {settings['port']} cannot be used: {why}. --port 0 takes any free one.") from None


async def _serve(server: Sandbox, terminal: Terminal) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:
            # Windows: Ctrl-C cancels the wait below.
            break
    async with server:
        # In one piece: who waits for the first line may read all of them.
        click.echo("\n".join(f"export {name}={quote(value)}" for name, value in _environment(server).items()))
        terminal.note("The sandbox is running; Ctrl-C stops it.")
        await stopping.wait()
    terminal.note("The sandbox has stopped.")


def _environment(server: Sandbox) -> dict[str, str]:
    variables = {"AYMARA_AI_BASE_URL": server.url, "AYMARA_AI_API_KEY": server.api_key}
    if getproxies() and not proxy_bypass("127.0.0.1"):
        variables["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1")))
    return variables
