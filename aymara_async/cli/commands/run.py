"""``aymara-async run``: a whole eval against a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import click

from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client, open_sandbox, tell_unused_marks
from aymara_async.cli.eval_fields import REQUIRED, EvalFields
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import Gates, ready_gates
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, option_names, options, terminal_options
from aymara_async.cli.running.job import RunJob
from aymara_async.cli.running.model import ModelSource
from aymara_async.cli.running.settings import RunSettings
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable
from aymara_async.client import AsyncAymaraAI
from aymara_async.scoring.input_files import read_prompts

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


@click.command(cls=Command, epilog=_EPILOG)
@options(ModelSource)
@options(RunSettings)
@options(EvalFields)
@options(Connection)
@options(Gates)
@terminal_options
@click.pass_obj
def run(
    terminal: Terminal,
    model_source: ModelSource,
    run_settings: RunSettings,
    eval_fields: EvalFields,
    connection: Connection,
    gates: Gates,
) -> ExitCode:
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
    command goes on. What the model prints goes to stderr.

    For a gate, a prompt left out by --on-error exclude may have passed or failed: the verdict must be the same.
    """  # noqa: D301 - click wants the backspace itself, so that it keeps the lines as they are
    gates = ready_gates(gates)
    job = _job(model_source, run_settings, eval_fields, connection, gates, terminal)
    return run_interruptibly(_run(job, _connect(job, connection, terminal)))


async def _run(job: RunJob, connecting: AbstractAsyncContextManager[AsyncAymaraAI]) -> ExitCode:
    async with connecting as client:
        return await job.run(client)


def _job(
    source: ModelSource,
    settings: RunSettings,
    eval_fields: EvalFields,
    connection: Connection,
    gates: Gates,
    terminal: Terminal,
) -> RunJob:
    """Check all that can be checked before anything is sent; raises ``click.UsageError`` and ``InputFileError``."""
    fields = eval_fields.given()
    is_sandbox = fields.pop("is_sandbox", None)
    _check(settings, fields, connection, gates)
    check_writable(gates.files if settings.journal is None else {**gates.files, "--journal": settings.journal})
    return RunJob(
        source=source,
        settings=settings,
        eval_uuid=settings.eval_uuid,
        fields=None if settings.eval_uuid is not None else fields,
        prompts=None if settings.prompts_file is None else read_prompts(settings.prompts_file),
        options=settings.runner_options(is_sandbox=is_sandbox),
        gates=gates,
        terminal=terminal,
    )


def _check(settings: RunSettings, fields: Mapping[str, Any], connection: Connection, gates: Gates) -> None:
    """Refuse what makes no sense together; raises ``click.UsageError``."""
    is_new, has_prompts, is_sandbox = settings.eval_uuid is None, settings.prompts_file is not None, settings.sandbox
    missing = option_names(EvalFields, [name for name in REQUIRED if name not in fields])
    given = option_names(EvalFields, fields) + ["--prompts"] * has_prompts
    conflicts = {
        f"A new eval needs {' and '.join(missing)}; name one that exists with --eval.": is_new and bool(missing),
        f"--eval takes an eval as it is; leave out {', '.join(given)}.": not is_new and bool(given),
        "--prompts says how many prompts there are; leave out --num-prompts.": has_prompts and "num_prompts" in fields,
        "--sandbox starts a server of its own; leave out --base-url.": is_sandbox and connection.base_url is not None,
        "--sandbox starts a server without any eval; leave out --eval.": is_sandbox and not is_new,
        "--sandbox starts a server without any run; leave out --baseline.": is_sandbox and gates.baseline is not None,
        "--sandbox ends with the command, so nothing can be resumed; leave out --journal.": (
            is_sandbox and settings.journal is not None
        ),
        "--sandbox ends with the command, so nothing can be resumed; leave out --run-key.": (
            is_sandbox and settings.run_key is not None
        ),
        "--run-key is the whole name of the run; leave out --run-name.": bool(settings.run_key and settings.run_name),
    }
    for said, is_so in conflicts.items():
        if is_so:
            raise click.UsageError(f"{said} Nothing was sent.")


def _connect(job: RunJob, connection: Connection, terminal: Terminal) -> AbstractAsyncContextManager[AsyncAymaraAI]:
    if not job.settings.sandbox:
        terminal.state = lambda: job.state
        tell_unused_marks(job.prompts or (), terminal.note)
        return open_client(connection)
    terminal.state = lambda: "The sandbox ended, and all it held."
    harmless = [prompt.content for prompt in job.prompts or () if prompt.is_harmless]
    return open_sandbox(connection.workspace, harmless, terminal.note)
