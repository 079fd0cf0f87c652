"""``aymara-async score``: score a file of responses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypedDict, Unpack

import attrs
import click

from aymara_async.bulk.source import UnreadableLine
from aymara_async.cli.command import Command
from aymara_async.cli.connection import open_client, open_sandbox, tell_unused_marks
from aymara_async.cli.exit_codes import EXIT_CODES, ExitCode
from aymara_async.cli.gates import Gates, gate_options
from aymara_async.cli.interruptible import run_interruptibly
from aymara_async.cli.options import connection_options, terminal_options
from aymara_async.cli.output.formats import format_option, write_object
from aymara_async.cli.scoring.formats import make_writer
from aymara_async.cli.scoring.input import EvalInput, FileInput, ScoreInput, Sent
from aymara_async.cli.scoring.job import ScoreJob, row_fault
from aymara_async.cli.scoring.plan import FIELDS, plan
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import check_writable
from aymara_async.client import AsyncAymaraAI
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.input_files import FORMATS, check_readable, read_prompts, read_responses
from aymara_async.scoring.outcome import LeftOutRow

_FILE = click.Path(dir_okay=False, path_type=Path)
_EVAL_TYPE, _AI_DESCRIPTION = "safety", "An AI assistant"

_EPILOG = f"""\b
Examples:
  aymara-async score --sandbox --prompts prompts.jsonl responses.jsonl
  aymara-async score --prompts p.csv --fail-under 95% --report r.html r.csv
  aymara-async score --eval EVAL_UUID --journal nightly.journal big.jsonl
  aymara-async score --prompts p.jsonl --format json r.jsonl > scores.json

{EXIT_CODES}"""


class _Settings(TypedDict):
    prompts_file: Path | None
    eval: str | None
    sandbox: bool
    name: str | None
    eval_type: str | None
    ai_description: str | None
    input_format: str | None
    on_invalid: str
    journal: Path | None
    batch_size: int
    concurrency: int
    dry_run: bool
    base_url: str | None
    workspace: str | None
    timeout: float
    grace_period: float
    keep: bool
    format: str


@click.command(cls=Command, epilog=_EPILOG)
@click.option("--prompts", "prompts_file", type=_FILE, metavar="FILE", help="The prompts that were answered.")
@click.option("--eval", metavar="EVAL_UUID", help="An eval at the server whose prompts were answered.")
@click.option("--sandbox", is_flag=True, help="Use a sandbox of its own: no account, no network, a stand-in judge.")
@click.option("--name", metavar="TEXT", help="Name of the eval and of the run.  [default: the names of the files]")
@click.option("--eval-type", metavar="SLUG", help=f"What to judge.  [default: {_EVAL_TYPE}]")
@click.option(
    "--ai-description",
    metavar="TEXT",
    help=f"What the AI is, for the judge.  [default: {_AI_DESCRIPTION}, or as the eval says]",
)
@click.option(
    "--input-format",
    type=click.Choice(FORMATS),
    help="Format of the files.  [default: by their names; JSON Lines unless they end in .csv, .parquet or .pq]",
)
@click.option(
    "--on-invalid",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="What to do about rows of RESPONSES that cannot be scored.",
)
@click.option(
    "--journal", type=_FILE, metavar="FILE", help="Keep here what was sent, so that the same command can go on."
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), metavar="N", default=50, show_default=True, help="Responses per call."
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N", default=8, show_default=True, help="Calls at a time."
)
@click.option("--dry-run", is_flag=True, help="Check the files, tell how many calls they take, and send nothing.")
@connection_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=1800,
    show_default=True,
    help="How long to wait for the eval, and for the next score.",
)
@click.option(
    "--grace-period",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="How long a call whose answer was lost may take to show at the server; then it is sent again.",
)
@click.option(
    "--keep/--delete", "keep", default=True, show_default=True, help="What to do with new eval and run in the end."
)
@format_option
@gate_options
@terminal_options
@click.argument("responses_file", type=_FILE, metavar="RESPONSES")
@click.pass_obj
def score(terminal: Terminal, responses_file: Path, gates: Gates, **settings: Unpack[_Settings]) -> ExitCode:
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
    API judges by itself. --journal FILE makes FILE and, with --prompts, FILE.eval.
    """  # noqa: D301 - click wants the backspace itself, so that it keeps the lines as they are
    _check(settings, gates)
    scored = _input(responses_file, settings)
    _check_files(responses_file, settings, gates)
    if settings["dry_run"]:
        _tell_plan(scored, responses_file, settings)
        return ExitCode.OK
    job = ScoreJob(
        input=scored,
        path=responses_file,
        run_name=settings["name"] or responses_file.stem,
        ai_description=settings["ai_description"],
        journal=settings["journal"],
        batch_size=settings["batch_size"],
        concurrency=settings["concurrency"],
        skips_invalid=settings["on_invalid"] == "skip",
        timeout=settings["timeout"],
        grace_period=settings["grace_period"],
        keeps=settings["keep"],
        gates=gates,
        writer=make_writer(settings["format"]),
        terminal=terminal,
    )
    if settings["sandbox"]:
        assert isinstance(scored, FileInput)
        terminal.state = lambda: "The sandbox ended, and all it held."
        harmless = [prompt.content for prompt in scored.prompts if prompt.is_harmless]
        connecting = open_sandbox(settings["workspace"], harmless, terminal.note)
    else:
        terminal.state = lambda: job.state
        if isinstance(scored, FileInput):
            tell_unused_marks(scored.prompts, terminal.note)
        connecting = open_client(settings["base_url"], settings["workspace"])
    return run_interruptibly(_run(job, connecting))


async def _run(job: ScoreJob, connecting: AbstractAsyncContextManager[AsyncAymaraAI]) -> ExitCode:
    async with connecting as client:
        return await job.run(client)


def _check(settings: _Settings, gates: Gates) -> None:
    """Refuse what makes no sense together; raises ``click.UsageError``."""
    conflicts = {
        "Give --prompts FILE or --eval EVAL_UUID: which prompts were answered?": (
            (settings["prompts_file"] is None) == (settings["eval"] is None)
        ),
        "--eval-type is for a new eval; leave it out with --eval.": bool(settings["eval"] and settings["eval_type"]),
        "--sandbox starts a server of its own; leave out --base-url.": (
            settings["sandbox"] and settings["base_url"] is not None
        ),
        "--sandbox starts a server without any eval; leave out --eval.": bool(settings["sandbox"] and settings["eval"]),
        "--sandbox starts a server without any run; leave out --baseline.": (
            settings["sandbox"] and gates.baseline is not None
        ),
        "--sandbox ends with the command, so nothing can be resumed; leave out --journal.": (
            settings["sandbox"] and settings["journal"] is not None
        ),
        "--delete takes away what --journal tells of; leave one of them out.": (
            not settings["keep"] and settings["journal"] is not None
        ),
    }
    for said, is_so in conflicts.items():
        if is_so:
            raise click.UsageError(said)


def _input(path: Path, settings: _Settings) -> ScoreInput:
    """Read the files, or begin to; raises ``InputFileError``."""
    if settings["eval"] is not None:
        check_readable(path)
        return EvalInput(eval_uuid=settings["eval"], path=path, format=settings["input_format"])
    prompts_file, left_out = settings["prompts_file"], list[LeftOutRow]()
    assert prompts_file is not None
    prompts = read_prompts(prompts_file, format=settings["input_format"])

    def leave_out(fault: InputFileError) -> None:
        left_out.append(LeftOutRow(where=fault.place, reason=fault.reason))

    rows = read_responses(
        path,
        {prompt.prompt_uuid for prompt in prompts},
        format=settings["input_format"],
        on_fault=leave_out if settings["on_invalid"] == "skip" else None,
    )
    journal = settings["journal"]
    return FileInput(
        prompts=prompts,
        rows=rows,
        left_out=left_out,
        name=settings["name"] or prompts_file.stem,
        ai_description=settings["ai_description"] or _AI_DESCRIPTION,
        eval_type=settings["eval_type"] or _EVAL_TYPE,
        journal=None if journal is None else journal.with_name(f"{journal.name}.eval"),
        timeout=settings["timeout"],
    )


def _check_files(path: Path, settings: _Settings, gates: Gates) -> None:
    """See that nothing that is written takes the place of something that is read."""
    read = {"RESPONSES": path, "--prompts": settings["prompts_file"]}
    written = {**gates.files, "--journal": settings["journal"]}
    check_writable({name: file for name, file in written.items() if file is not None}, besides=read)


def _tell_plan(scored: ScoreInput, path: Path, settings: _Settings) -> None:
    planned = plan(
        _usable(scored, path) if settings["on_invalid"] == "fail" else scored.responses(),
        batch_size=settings["batch_size"],
        num_prompts=len(scored.prompts) if isinstance(scored, FileInput) else 0,
        num_left_out=len(scored.left_out),
    )
    write_object(attrs.asdict(planned), format=settings["format"], fields=FIELDS)


def _usable(scored: ScoreInput, path: Path) -> Iterator[Sent]:
    for row, one in enumerate(scored.responses(), 1):
        if isinstance(one, UnreadableLine):
            raise row_fault(path, row, one.reason, "Nothing was sent.")
        yield one
