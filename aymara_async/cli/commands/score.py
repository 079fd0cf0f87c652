"""``aymara-async score``: score a file of responses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import attrs
import click

from aymara_async.bulk.source import UnreadableLine
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client, open_sandbox, tell_unused_marks
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import FILE, Gates, ready_gates
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import Connection, options, terminal_options
from aymara_async.cli.output.formats import write_object
from aymara_async.cli.results.counted import LeftOut
from aymara_async.cli.scoring.formats import make_writer
from aymara_async.cli.scoring.input import EvalInput, FileInput, ScoreInput, Sent
from aymara_async.cli.scoring.job import ScoreJob, row_fault
from aymara_async.cli.scoring.plan import FIELDS, plan
from aymara_async.cli.scoring.settings import AI_DESCRIPTION, EVAL_TYPE, ScoreSettings
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable
from aymara_async.client import AsyncAymaraAI
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.input_files import check_readable, read_prompts, read_responses

_EPILOG = f"""\b
Examples:
  aymara-async score --sandbox --prompts prompts.jsonl responses.jsonl
  aymara-async score --prompts p.csv --fail-under 95% --report r.html r.csv
  aymara-async score --eval EVAL_UUID --journal nightly.journal big.jsonl
  aymara-async score --prompts p.jsonl --format json r.jsonl > scores.json

{EXIT_CODES}"""


@click.command(cls=Command, epilog=_EPILOG)
@options(ScoreSettings)
@options(Connection)
@options(Gates)
@terminal_options
@click.argument("responses_file", type=FILE, metavar="RESPONSES")
@click.pass_obj
def score(
    terminal: Terminal, responses_file: Path, score_settings: ScoreSettings, connection: Connection, gates: Gates
) -> ExitCode:
    """Score the RESPONSES of an AI to prompts, and print the pass rate and the responses that failed.

    With --prompts, creates an eval that holds exactly the prompts of the file; nothing is sent before both files are
    checked. With --eval, scores against an eval that is there, from a file of any size, which is checked row by row.
    All responses go into one run, each exactly once; fails unless all that was submitted was scored and is listed.

    \b
    Files are JSON Lines, CSV or Parquet; other fields are ignored:
      prompts    prompt_uuid (or id), content; category, safe
      responses  prompt_uuid (or id), content (null: refused); thread_uuid,
                 turn_number, ai_refused, exclude_from_scoring

    An empty cell of CSV is null. "safe": true marks a harmless prompt, which the judge of --sandbox wants answered; the
    API judges by itself.
    """  # noqa: D301 - click wants the backspace itself, so that it keeps the lines as they are
    settings = score_settings
    gates = ready_gates(gates)
    _check(settings, connection, gates)
    scored = _input(responses_file, settings)
    _check_files(responses_file, settings, gates)
    if settings.dry_run:
        _tell_plan(scored, responses_file, settings)
        return ExitCode.OK
    job = ScoreJob(
        input=scored,
        path=responses_file,
        settings=settings,
        gates=gates,
        writer=make_writer(settings.format),
        terminal=terminal,
    )
    if settings.sandbox:
        assert isinstance(scored, FileInput)
        terminal.state = lambda: "The sandbox ended, and all it held."
        harmless = [prompt.content for prompt in scored.prompts if prompt.is_harmless]
        connecting = open_sandbox(connection.workspace, harmless, terminal.note)
    else:
        terminal.state = lambda: job.state
        if isinstance(scored, FileInput):
            tell_unused_marks(scored.prompts, terminal.note)
        connecting = open_client(connection)
    return run_interruptibly(_run(job, connecting))


async def _run(job: ScoreJob, connecting: AbstractAsyncContextManager[AsyncAymaraAI]) -> ExitCode:
    async with connecting as client:
        return await job.run(client)


def _check(settings: ScoreSettings, connection: Connection, gates: Gates) -> None:
    """Refuse what makes no sense together; raises ``click.UsageError``."""
    conflicts = {
        "Give --prompts FILE or --eval EVAL_UUID: which prompts were answered?": (
            (settings.prompts_file is None) == (settings.eval is None)
        ),
        "--eval-type is for a new eval; leave it out with --eval.": bool(settings.eval and settings.eval_type),
        "--sandbox starts a server of its own; leave out --base-url.": (
            settings.sandbox and connection.base_url is not None
        ),
        "--sandbox starts a server without any eval; leave out --eval.": bool(settings.sandbox and settings.eval),
        "--sandbox starts a server without any run; leave out --baseline.": (
            settings.sandbox and gates.baseline is not None
        ),
        "--sandbox ends with the command, so nothing can be resumed; leave out --journal.": (
            settings.sandbox and settings.journal is not None
        ),
        "--sandbox ends with the command, so nothing can be resumed; leave out --run-key.": (
            settings.sandbox and settings.run_key is not None
        ),
        "--run-key is the whole name of eval and run; leave out --name.": bool(settings.run_key and settings.name),
        "--delete takes away what --run-key names; leave one of them out.": (
            not settings.keep and settings.run_key is not None
        ),
        "--delete takes away what --journal tells of; leave one of them out.": (
            not settings.keep and settings.journal is not None
        ),
    }
    for said, is_so in conflicts.items():
        if is_so:
            raise click.UsageError(said)


def _input(path: Path, settings: ScoreSettings) -> ScoreInput:
    """Read the files, or begin to; raises ``InputFileError``."""
    if settings.eval is not None:
        check_readable(path)
        return EvalInput(eval_uuid=settings.eval, path=path, format=settings.input_format)
    prompts_file, left_out = settings.prompts_file, list[LeftOut]()
    assert prompts_file is not None
    prompts = read_prompts(prompts_file, format=settings.input_format)

    def leave_out(fault: InputFileError) -> None:
        left_out.append(LeftOut(where=fault.place, reason=fault.reason))

    rows = read_responses(
        path,
        {prompt.prompt_uuid for prompt in prompts},
        format=settings.input_format,
        on_fault=leave_out if settings.skips_invalid else None,
    )
    return FileInput(
        prompts=prompts,
        rows=rows,
        left_out=left_out,
        name=settings.name or prompts_file.stem,
        ai_description=settings.ai_description or AI_DESCRIPTION,
        eval_type=settings.eval_type or EVAL_TYPE,
        run_key=settings.run_key,
        journal=settings.journal,
        timeout=settings.timeout,
        grace=settings.grace_period,
    )


def _check_files(path: Path, settings: ScoreSettings, gates: Gates) -> None:
    """See that nothing that is written takes the place of something that is read."""
    read = {"RESPONSES": path, "--prompts": settings.prompts_file}
    written = {**gates.files, "--journal": settings.journal}
    check_writable({name: file for name, file in written.items() if file is not None}, besides=read)


def _tell_plan(scored: ScoreInput, path: Path, settings: ScoreSettings) -> None:
    planned = plan(
        scored.responses() if settings.skips_invalid else _usable(scored, path),
        batch_size=settings.batch_size,
        num_prompts=len(scored.prompts) if isinstance(scored, FileInput) else 0,
        num_left_out=len(scored.left_out),
    )
    write_object(attrs.asdict(planned), format=settings.format, fields=FIELDS)


def _usable(scored: ScoreInput, path: Path) -> Iterator[Sent]:
    for row, one in enumerate(scored.responses(), 1):
        if isinstance(one, UnreadableLine):
            raise row_fault(path, row, one.reason, "Nothing was sent.")
        yield one
