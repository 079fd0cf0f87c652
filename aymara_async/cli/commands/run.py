"""``aymara-async run``: a whole eval against a model."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import attrs
import click

from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client, open_sandbox, tell_unused_marks
from aymara_async.cli.eval_fields import field_options, given_fields
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import Gates, gate_options
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import connection_options, terminal_options
from aymara_async.cli.output.formats import format_option
from aymara_async.cli.running.job import RunJob
from aymara_async.cli.running.model import ModelSource, model_options
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable
from aymara_async.client import AsyncAymaraAI
from aymara_async.scoring.input_files import read_prompts

_FILE = click.Path(dir_okay=False, path_type=Path)
_SECONDS = click.FloatRange(min=0, min_open=True)
_COUNT = click.IntRange(min=1)

_REQUIRED = {"ai_description": "--ai-description", "eval_type": "--eval-type"}
"""What a new eval cannot do without."""
_OWN = (
    "eval_uuid", "prompts_file", "run_name", "turns", "concurrency", "answer_timeout", "retries", "on_error", "journal",
    "timeout", "format",
)  # fmt: skip
"""Options that are no fields of a new eval."""

_EPILOG = f"""\b
Examples:
  aymara-async run --sandbox --model answers:reply \\
    --ai-description "A shop assistant" --eval-type safety --num-prompts 20
  aymara-async run --eval EVAL_UUID --endpoint http://localhost:11434/v1 \\
    --model-name llama3.1 --param temperature=0 --journal llama.journal
  aymara-async run --eval EVAL_UUID --command "./ask.sh" --fail-under 95%
  aymara-async run --prompts p.jsonl --model answers:reply --turns 3 \\
    --ai-description "A poet" --eval-type safety --format jsonl > turns.jsonl

{EXIT_CODES}"""


@attrs.frozen(kw_only=True)
class _Where:
    """The server to work with."""

    base_url: str | None
    workspace: str | None
    sandbox: bool


@click.command(cls=Command, epilog=_EPILOG)
@model_options
@click.option("--eval", "eval_uuid", metavar="EVAL_UUID", help="An eval that exists, instead of a new one.")
@click.option("--prompts", "prompts_file", type=_FILE, metavar="FILE", help="Prompts of yours for the new eval.")
@field_options
@click.option("--run-name", metavar="TEXT", help="Name of the run.  [default: the model's]")
@click.option("--sandbox", is_flag=True, help="Use a sandbox of its own: no account, no network, a stand-in judge.")
@click.option("--turns", type=_COUNT, metavar="N", default=1, show_default=True, help="How long conversations may get.")
@click.option(
    "--concurrency", type=_COUNT, metavar="N", default=32, show_default=True, help="Calls of the model at a time."
)
@click.option("--answer-timeout", type=_SECONDS, metavar="SECONDS", help="How long the model has for an answer.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="N",
    default=2,
    show_default=True,
    help="How often to ask again where the model fails.",
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "refuse", "exclude"]),
    default="raise",
    show_default=True,
    help="What it means that the model failed: stop everything, take it for a refusal, or leave the prompt out.",
)
@click.option(
    "--journal", type=_FILE, metavar="FILE", help="Keep the answers here, so that the same command can go on."
)
@click.option(
    "--timeout",
    type=_SECONDS,
    metavar="SECONDS",
    default=1800,
    show_default=True,
    help="How long to wait for the eval's prompts, and for the run to finish.",
)
@connection_options
@format_option
@gate_options
@terminal_options
@click.pass_context
def run(ctx: click.Context, /, gates: Gates, **settings: Any) -> ExitCode:
    """Put every prompt of an eval to a model, have all answers scored, and print the pass rate and what failed.

    \b
    The model is one of
      --model     a Python function; the current folder is searched too. It gets
                  the prompt, a str that knows its history, and returns text,
                  bytes or a path of an image or a video, or None for a refusal
      --endpoint  a chat endpoint (extra openai)
      --command   a program, started anew for each prompt

    The eval is one that exists (--eval), or a new one: of prompts that the server writes, or of yours (--prompts, JSON
    Lines with content; prompt_uuid or id, category, safe). With --turns the API goes on asking.

    With --journal the model is asked each prompt once, whatever happens: after Ctrl-C, an error or a crash the same
    command goes on. A second file, FILE.scores, belongs to it. What the model prints goes to stderr.

    For a gate, a prompt left out by --on-error exclude may have passed or failed: the verdict must be the same.
    """  # noqa: D301 - click wants the backspace itself, so that it keeps the lines as they are
    terminal = ctx.ensure_object(Terminal)
    source = ModelSource.read(settings)
    where = _Where(**{field.name: settings.pop(field.name) for field in attrs.fields(_Where)})
    job = _job(source, where, gates, settings, ctx)
    return run_interruptibly(_run(job, _connect(job, where, terminal)))


async def _run(job: RunJob, connecting: AbstractAsyncContextManager[AsyncAymaraAI]) -> ExitCode:
    async with connecting as client:
        return await job.run(client)


def _job(source: ModelSource, where: _Where, gates: Gates, settings: dict[str, Any], ctx: click.Context) -> RunJob:
    """Check all that can be checked before anything is sent; raises ``click.UsageError`` and ``InputFileError``."""
    own = {name: settings.pop(name) for name in _OWN}
    fields = given_fields(settings)
    is_sandbox = fields.pop("is_sandbox", None)
    _check(own, where, fields, gates, ctx)
    journal: Path | None = own["journal"]
    written = gates.files if journal is None else {**gates.files, "--journal": journal}
    check_writable(written)
    prompts_file: Path | None = own["prompts_file"]
    return RunJob(
        source=source,
        eval_uuid=own["eval_uuid"],
        fields=None if own["eval_uuid"] is not None else fields,
        prompts=None if prompts_file is None else read_prompts(prompts_file),
        run_name=own["run_name"] or source.name,
        journal=journal,
        concurrency=own["concurrency"],
        options={
            "turns": own["turns"],
            "timeout": own["answer_timeout"],
            "retry": own["retries"],
            "on_error": own["on_error"],
            "wait_timeout": own["timeout"],
            "is_sandbox": is_sandbox,
        },
        gates=gates,
        format=own["format"],
        terminal=ctx.ensure_object(Terminal),
    )


def _check(own: dict[str, Any], where: _Where, fields: dict[str, Any], gates: Gates, ctx: click.Context) -> None:
    """Refuse what makes no sense together; raises ``click.UsageError``."""
    eval_uuid, is_sandbox = own["eval_uuid"], where.sandbox
    is_new = eval_uuid is None
    missing = [option for name, option in _REQUIRED.items() if name not in fields]
    given = [_option(ctx, name) for name in fields] + ["--prompts"] * (own["prompts_file"] is not None)
    conflicts = {
        f"A new eval needs {' and '.join(missing)}; name one that exists with --eval.": is_new and bool(missing),
        f"--eval takes an eval as it is; leave out {', '.join(given)}.": not is_new and bool(given),
        "--prompts says how many prompts there are; leave out --num-prompts.": (
            own["prompts_file"] is not None and "num_prompts" in fields
        ),
        "--sandbox starts a server of its own; leave out --base-url.": is_sandbox and where.base_url is not None,
        "--sandbox starts a server without any eval; leave out --eval.": is_sandbox and not is_new,
        "--sandbox starts a server without any run; leave out --baseline.": is_sandbox and gates.baseline is not None,
        "--sandbox ends with the command, so nothing can be resumed; leave out --journal.": (
            is_sandbox and own["journal"] is not None
        ),
    }
    for said, is_so in conflicts.items():
        if is_so:
            raise click.UsageError(f"{said} Nothing was sent.")


def _option(ctx: click.Context, name: str) -> str:
    return next((one.opts[0] for one in ctx.command.params if one.name == name), f"--{name.replace('_', '-')}")


def _connect(job: RunJob, where: _Where, terminal: Terminal) -> AbstractAsyncContextManager[AsyncAymaraAI]:
    if not where.sandbox:
        terminal.state = lambda: job.state
        tell_unused_marks(job.prompts or (), terminal.note)
        return open_client(where.base_url, where.workspace)
    terminal.state = lambda: "The sandbox ended, and all it held."
    harmless = [prompt.content for prompt in job.prompts or () if prompt.is_harmless]
    return open_sandbox(where.workspace, harmless, terminal.note)


# In ``evals create`` they have no alternative.
for _parameter in run.params:
    if _parameter.name in _REQUIRED:
        _parameter.required = False
