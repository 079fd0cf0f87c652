"""Reading whole runs, and telling what is odd about them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aymara_async import analysis
from aymara_async.cli.terminal import Terminal
from aymara_async.client import AsyncAymaraAI

if TYPE_CHECKING:
    from aymara_async.analysis import ScoredRun


def require_analysis(*names: str) -> None:
    """See that what will be used of the analysis can be; raises ``MissingExtraError``."""
    for name in names:
        getattr(analysis, name)


async def read_runs(client: AsyncAymaraAI, eval_run_uuids: Sequence[str], terminal: Terminal) -> list[ScoredRun]:
    """Read runs with their prompts and responses, all at once; raises ``APIError``."""
    terminal.harm = "Nothing was changed or written."
    many = "runs" if len(eval_run_uuids) > 1 else "run"
    terminal.note(f"Reading {many} {', '.join(eval_run_uuids)}")
    runs = await asyncio.gather(*(analysis.read_run(client, uuid) for uuid in eval_run_uuids))
    for run in runs:
        if run.run.status != "finished":
            terminal.note(f"Run {run.run.eval_run_uuid} is {run.run.status}, not finished: scores may be missing.")
    return runs
