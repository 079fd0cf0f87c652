"""What ``score`` is told, besides its files and gates."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import click

from aymara_async.cli.options import GRACE_PERIOD, RUN_KEY, option
from aymara_async.cli.output.formats import FORMAT
from aymara_async.scoring.input_files import FORMATS

EVAL_TYPE, AI_DESCRIPTION = "safety", "An AI assistant"

_FILE = click.Path(dir_okay=False, path_type=Path)
_COUNT = click.IntRange(min=1)
_SECONDS = click.FloatRange(min=0)


@attrs.frozen(kw_only=True)
class ScoreSettings:
    """What to score, and how."""

    prompts_file: Path | None = option("--prompts", type=_FILE, metavar="FILE", help="The prompts that were answered.")
    eval: str | None = option(metavar="EVAL_UUID", help="An eval at the server whose prompts were answered.")
    sandbox: bool = option(is_flag=True, help="Use a sandbox of its own: no account, no network, a stand-in judge.")
    name: str | None = option(
        metavar="TEXT", help="Name of the eval and of the run.  [default: the names of the files]"
    )
    eval_type: str | None = option(metavar="SLUG", help=f"What to judge.  [default: {EVAL_TYPE}]")
    ai_description: str | None = option(
        metavar="TEXT", help=f"What the AI is, for the judge.  [default: {AI_DESCRIPTION}, or as the eval says]"
    )
    input_format: str | None = option(
        type=click.Choice(FORMATS),
        help="Format of the files.  [default: by their names; JSON Lines unless they end in .csv, .parquet or .pq]",
    )
    on_invalid: Literal["fail", "skip"] = option(
        type=click.Choice(["fail", "skip"]),
        default="fail",
        show_default=True,
        help="What to do about rows of RESPONSES that cannot be scored.",
    )
    journal: Path | None = option(
        type=_FILE, metavar="FILE", help="Keep here what was sent, so that the same command can go on."
    )
    run_key: str | None = option(**RUN_KEY)
    batch_size: int = option(type=_COUNT, metavar="N", default=50, show_default=True, help="Responses per call.")
    concurrency: int = option(type=_COUNT, metavar="N", default=8, show_default=True, help="Calls at a time.")
    dry_run: bool = option(is_flag=True, help="Check the files, tell how many calls they take, and send nothing.")
    timeout: float = option(
        type=_SECONDS,
        metavar="SECONDS",
        default=1800,
        show_default=True,
        help="How long to wait for the eval, and for the next score.",
    )
    grace_period: float = option(**GRACE_PERIOD)
    keep: bool = option(
        "--keep/--delete", default=True, show_default=True, help="What to do with new eval and run in the end."
    )
    format: str = option(**FORMAT)

    @property
    def skips_invalid(self) -> bool:
        """Whether rows that cannot be scored are left out."""
        return self.on_invalid == "skip"
