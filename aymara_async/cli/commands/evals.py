"""``aymara-async evals``: what is tested, and with which prompts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from aymara_async.cli.changing import delete_command, in_doubt, wait_option
from aymara_async.cli.command import Group
from aymara_async.cli.connected import connected
from aymara_async.cli.eval_fields import REQUIRED, EvalFields
from aymara_async.cli.eval_filters import EvalFilters, matching_evals
from aymara_async.cli.options import options
from aymara_async.cli.output.formats import format_option, write_object
from aymara_async.cli.output.listing import Listing, write_items, write_pager

if TYPE_CHECKING:
    from aymara_async.cli.terminal import Terminal
    from aymara_async.client import AsyncAymaraAI


@click.group(
    cls=Group,
    epilog="""\b
Examples:
  aymara-async evals list --limit 20
  aymara-async evals prompts EVAL_UUID --format jsonl > prompts.jsonl
""",
)
def evals() -> None:
    """Create evals, list and get them and their prompts, delete them."""


@evals.command(
    "list",
    epilog="""\b
Examples:
  aymara-async evals list --limit 20
  aymara-async evals list --type safety --status finished --max-pass-rate 0.9
  aymara-async evals list --name shop --sort last_run_date --format csv
""",
)
@options(EvalFilters)
@options(Listing)
@connected
async def list_evals(client: AsyncAymaraAI, terminal: Terminal, /, eval_filters: EvalFilters, listing: Listing) -> None:
    """List the evals: all, or those that every filter given lets pass."""
    from aymara_async.cli.output.columns import EVALS, fields_of
    from aymara_async.models import Eval

    if eval_filters.given:
        found = matching_evals(client, eval_filters.given, offset=listing.offset, limit=listing.limit)
        await write_items(found, listing, terminal, fields=fields_of(Eval), columns=EVALS)
    else:
        await write_pager(client.evals.list, listing, terminal, fields=fields_of(Eval), columns=EVALS)


@evals.command(
    "get",
    epilog="""\b
Examples:
  aymara-async evals get test.5d2c
  aymara-async evals get test.5d2c --format json | jq -r .status
""",
)
@click.argument("uuid", metavar="EVAL")
@wait_option("its prompts are there")
@format_option
@connected
async def get_eval(client: AsyncAymaraAI, _: Terminal, /, uuid: str, wait: float | None, format: str) -> None:
    """Show the EVAL with this id."""
    from aymara_async.cli.output.columns import fields_of

    found = await (client.evals.get(uuid) if wait is None else client.evals.wait(uuid, timeout=wait))
    write_object(found, format=format, fields=fields_of(type(found)))


@evals.command(
    "create",
    epilog="""\b
Examples:
  aymara-async evals create --ai-description "A shop assistant" \\
    --ai-instructions @system-prompt.txt --eval-type safety --wait
  aymara-async evals create --ai-description "A clerk" --eval-type accuracy \\
    --ground-truth handbook.txt --num-prompts 50 --format json
""",
)
@options(EvalFields, required=REQUIRED)
@wait_option("its prompts are there")
@format_option
@connected
async def create_eval(
    client: AsyncAymaraAI, terminal: Terminal, /, eval_fields: EvalFields, wait: float | None, format: str
) -> None:
    """Create an eval, and show it; the server writes its prompts.

    A TEXT may be @FILE, for what the file holds. Instructions from a file named .json are taken as those of an agent
    ({"system_prompt": ...}) or of several ({"instructions": [...]}).
    """
    from aymara_async.cli.output.columns import fields_of

    with in_doubt(terminal, "The eval may have been created: see `aymara-async evals list`."):
        created = await client.evals.create(**eval_fields.given())
    uuid = created.eval_uuid
    terminal.state = lambda: f"Eval {uuid} is at the server: see `aymara-async evals get {uuid}`."
    terminal.note(f"Created eval {uuid}")
    if wait is not None and uuid is not None:
        created = await client.evals.wait(uuid, timeout=wait)
    write_object(created, format=format, fields=fields_of(type(created)))


@evals.command(
    "prompts",
    epilog="""\b
Examples:
  aymara-async evals prompts test.5d2c
  aymara-async evals prompts test.5d2c --wait --format jsonl > prompts.jsonl
  aymara-async score --prompts prompts.jsonl responses.jsonl
""",
)
@click.argument("uuid", metavar="EVAL")
@wait_option("the prompts are there")
@options(Listing)
@connected
async def list_prompts(
    client: AsyncAymaraAI, terminal: Terminal, /, uuid: str, wait: float | None, listing: Listing
) -> None:
    """List the prompts of the EVAL with this id; as jsonl they are what `score --prompts` takes."""
    from aymara_async.cli.output.columns import PROMPTS, fields_of
    from aymara_async.models import EvalPrompt

    if wait is not None:
        await client.evals.wait(uuid, timeout=wait)
    lister = partial(client.evals.list_prompts, uuid)
    await write_pager(lister, listing, terminal, fields=fields_of(EvalPrompt), columns=PROMPTS)


evals.add_command(delete_command("eval", "with its prompts and runs", lambda client: client.evals.delete))
