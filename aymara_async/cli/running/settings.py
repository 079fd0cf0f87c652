"""What ``run`` is told, besides the model, the fields of a new eval, and gates."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import click

from aymara_async.cli.options import GRACE_PERIOD, RUN_KEY, option
from aymara_async.cli.output.formats import FORMAT
from aymara_async.runner.settings import RunnerOptions

_FILE = click.Path(dir_okay=False, path_type=Path)
_SECONDS = click.FloatRange(min=0, min_open=True)
_COUNT = click.IntRange(min=1)


@attrs.frozen(kw_only=True)
class RunSettings:
    """Which eval to run, and how."""

    eval_uuid: str | None = option("--eval", metavar="EVAL_UUID", help="An eval that exists, instead of a new one.")
    prompts_file: Path | None = option(
        "--prompts", type=_FILE, metavar="FILE", help="Prompts of yours for the new eval."
    )
    run_name: str | None = option(metavar="TEXT", help="Name of the run.  [default: the model's]")
    sandbox: bool = option(is_flag=True, help="Use a sandbox of its own: no account, no network, a stand-in judge.")
    turns: int = option(type=_COUNT, metavar="N", default=1, show_default=True, help="How long conversations may get.")
    concurrency: int = option(
        type=_COUNT, metavar="N", default=32, show_default=True, help="Calls of the model at a time."
    )
    answer_timeout: float | None = option(
        type=_SECONDS, metavar="SECONDS", help="How long the model has for an answer."
    )
    retries: int = option(
        type=click.IntRange(min=0),
        metavar="N",
        default=2,
        show_default=True,
        help="How often to ask again where the model fails.",
    )
    on_error: Literal["raise", "refuse", "exclude"] = option(
        type=click.Choice(["raise", "refuse", "exclude"]),
        default="raise",
        show_default=True,
        help="What it means that the model failed: stop everything, take it for a refusal, or leave the prompt out.",
    )
    journal: Path | None = option(
        type=_FILE, metavar="FILE", help="Keep the answers here, so that the same command can go on."
    )
    run_key: str | None = option(**RUN_KEY)
    timeout: float = option(
        type=_SECONDS,
        metavar="SECONDS",
        default=1800,
        show_default=True,
        help="How long to wait for the eval's prompts, and for the run to finish.",
    )
    grace_period: float = option(**GRACE_PERIOD)
    format: str = option(**FORMAT)

    def runner_options(self, *, is_sandbox: bool | None) -> RunnerOptions:
        """Say the same as arguments of ``AsyncEvalRunner``."""
        return {
            "turns": self.turns,
            "timeout": self.answer_timeout,
            "retry": self.retries,
            "on_error": self.on_error,
            "wait_timeout": self.timeout,
            "grace_period": self.grace_period,
            "run_key": self.run_key,
            "is_sandbox": is_sandbox,
        }
