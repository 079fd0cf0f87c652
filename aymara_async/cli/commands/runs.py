"""``aymara-async runs``: eval runs and their scored responses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from aymara_async.cli.changing import delete_command
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
  aymara-async runs list --limit 20
  aymara-async runs responses RUN_UUID --format jsonl > scores.jsonl
""",
)
def runs() -> None:
    """List eval runs and their scored responses, get and delete them."""


@runs.command(
    "list",
    epilog="""\b
Examples:
  aymara-async runs list --limit 20
  aymara-async runs list --eval test.5d2c --format csv > runs.csv
""",
)
@click.option("--eval", "eval_uuid", metavar="UUID", help="Only runs of this eval.")
@options(Listing)
@connected
async def list_runs(client: AsyncAymaraAI, terminal: Terminal, /, eval_uuid: str | None, listing: Listing) -> None:
    """List the runs, all or of one eval."""
    from aymara_async.cli.output.columns import RUNS, fields_of
    from aymara_async.models import EvalRunResult

    lister = partial(client.evals.runs.list, eval_uuid=eval_uuid)
    await write_pager(lister, listing, terminal, fields=fields_of(EvalRunResult), columns=RUNS)


@runs.command(
    "get",
    epilog="""\b
Examples:
  aymara-async runs get score_run.1f0c
  aymara-async runs get score_run.1f0c --format json | jq .pass_rate
""",
)
@click.argument("run")
@format_option
@connected
async def get_run(client: AsyncAymaraAI, _: Terminal, /, run: str, format: str) -> None:
    """Show the RUN with this id: how far it is, and its pass rate."""
    from aymara_async.cli.output.columns import fields_of

    found = await client.evals.runs.get(run)
    write_object(found, format=format, fields=fields_of(type(found)))


@runs.command(
    "responses",
    epilog="""\b
Examples:
  aymara-async runs responses score_run.1f0c
  aymara-async runs responses score_run.1f0c --format jsonl |
    jq 'select(.is_passed == false) | .explanation'
""",
)
@click.argument("run")
@options(Listing)
@connected
async def list_responses(client: AsyncAymaraAI, terminal: Terminal, /, run: str, listing: Listing) -> None:
    """List the scored responses of the RUN with this id, as they come."""
    from aymara_async.cli.output.columns import RESPONSES, fields_of
    from aymara_async.models import ScoredResponse

    lister = partial(client.evals.runs.list_responses, run)
    await write_pager(lister, listing, terminal, fields=fields_of(ScoredResponse), columns=RESPONSES)


runs.add_command(delete_command("run", "with its responses and scores", lambda client: client.evals.runs.delete))
