"""``aymara-async score``: score a file of responses."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypedDict, Unpack

import click

from aymara_async.analysis import read_run
from aymara_async.cli.connection import open_client, open_sandbox
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import Gates, apply_gates, gate_options
from aymara_async.cli.options import connection_options, terminal_options
from aymara_async.cli.score_formats import FORMATS
from aymara_async.cli.terminal import Terminal
from aymara_async.client import AsyncAymaraAI
from aymara_async.scoring.input_files import read_prompts, read_responses
from aymara_async.scoring.job import ScoringJob

_FILE = click.Path(dir_okay=False, path_type=Path)

_EPILOG = f"""\b
Examples:
  aymara-async score --sandbox --prompts prompts.jsonl responses.jsonl
  aymara-async score --prompts p.jsonl --format json r.jsonl > scores.json

{EXIT_CODES}"""


class _Settings(TypedDict):
    base_url: str | None
    workspace: str | None
    sandbox: bool
    name: str | None
    ai_description: str
    eval_type: str
    timeout: float
    keep: bool
    format: str


@click.command(epilog=_EPILOG)
@click.option(
    "--prompts", "prompts_file", type=_FILE, required=True, metavar="FILE", help="The prompts that were answered."
)
@click.option("--sandbox", is_flag=True, help="Use a sandbox of its own: no account, no network, a stand-in judge.")
@click.option("--name", metavar="TEXT", help="Name of the eval and of the run.  [default: the names of the files]")
@click.option("--eval-type", metavar="SLUG", default="safety", show_default=True, help="What to judge.")
@click.option(
    "--ai-description",
    metavar="TEXT",
    default="An AI assistant",
    show_default=True,
    help="What the AI is, for the judge.",
)
@connection_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=1800,
    show_default=True,
    help="How long to wait for the scores; scoring goes on at the server.",
)
@click.option(
    "--keep/--delete", "keep", default=True, show_default=True, help="What to do with eval and run in the end."
)
@click.option(
    "--format", type=click.Choice(list(FORMATS)), default="table", show_default=True, help="How to write to stdout."
)
@gate_options
@terminal_options
@click.argument("responses_file", type=_FILE, metavar="RESPONSES")
@click.pass_obj
def score(
    terminal: Terminal, prompts_file: Path, responses_file: Path, gates: Gates, **settings: Unpack[_Settings]
) -> ExitCode:
    """Score the RESPONSES of an AI to prompts, and print the pass rate and the responses that failed.

    Creates an eval that holds exactly the prompts of the file, and one run with all responses; waits, reads back every
    score, and fails unless all that was submitted was scored.

    \b
    Both files are JSON Lines, one object a line; other fields are ignored:
      prompts    prompt_uuid (or id), content; category, safe
      responses  prompt_uuid (or id), content (null: refused); thread_uuid,
                 turn_number, ai_refused, exclude_from_scoring

    "safe": true marks a harmless prompt, which the judge of --sandbox wants answered; the API judges by itself.
    Nothing is sent before both files are checked.
    """  # noqa: D301 - click wants the backspace itself, so that it keeps the lines as they are
    if settings["sandbox"] and settings["base_url"] is not None:
        raise click.UsageError("--sandbox starts a server of its own; leave out --base-url.")
    if settings["sandbox"] and gates.baseline is not None:
        raise click.UsageError("--sandbox starts a server without any run; leave out --baseline.")
    prompts = read_prompts(prompts_file)
    responses = read_responses(responses_file, prompts)
    job = ScoringJob(
        prompts=prompts,
        responses=responses,
        eval_name=settings["name"] or prompts_file.stem,
        run_name=settings["name"] or responses_file.stem,
        ai_description=settings["ai_description"],
        eval_type=settings["eval_type"],
        timeout=settings["timeout"],
        tell=terminal.note,
    )
    if settings["sandbox"]:
        terminal.state = lambda: "The sandbox ended, and all it held."
        harmless = [prompt.content for prompt in prompts if prompt.is_harmless]
        connecting = open_sandbox(settings["workspace"], harmless, terminal.note)
    else:
        terminal.state = lambda: job.state
        connecting = open_client(settings["base_url"], settings["workspace"])
    return asyncio.run(_score(job, connecting, gates, terminal, settings))


async def _score(
    job: ScoringJob,
    connecting: AbstractAsyncContextManager[AsyncAymaraAI],
    gates: Gates,
    terminal: Terminal,
    settings: _Settings,
) -> ExitCode:
    async with connecting as client:
        baseline = await gates.read_baseline(client)
        outcome = await job.run(client)
        run = await read_run(client, outcome.eval_run_uuid)
        code = apply_gates(gates, run, baseline, terminal, lambda gated: FORMATS[settings["format"]](outcome, gated))
        if not settings["keep"]:
            await job.delete(client)
        return code
