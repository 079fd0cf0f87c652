"""Telling how far a job is: to a callback, or to the person at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from time import monotonic
from typing import Protocol

import attrs

from aymara_async.bulk.result import BulkResult


@attrs.frozen(kw_only=True)
class BulkProgress:
    """How far a job is."""

    total: int | None
    """Responses in the input, where that can be told before its end."""
    submitted: int
    """Responses read from the input that passed the checks."""
    scored: int
    """Responses that have a result."""
    failed: int
    """Responses that the server rejected."""
    skipped: int
    """Rows that did not pass the checks."""
    in_doubt: int
    """Responses sent without an answer, which are being looked for at the server."""
    seconds: float
    """Time since the job began."""

    @property
    def done(self) -> int:
        """Rows of the input that nothing more will happen to."""
        return self.scored + self.failed + self.skipped


class Bar(Protocol):
    """A progress bar of some library."""

    def update(self, progress: BulkProgress) -> None:
        """Draw it."""
        ...

    def close(self) -> None:
        """Leave the line to others."""
        ...


class Reporter:
    """Tell whoever wants to know, whenever a batch is done."""

    def __init__(self, wanted: bool | Callable[[BulkProgress], None], total: int | None) -> None:
        self._total = total
        self._started = monotonic()
        self._bar = make_bar(total) if wanted is True else None
        self._callback = wanted if callable(wanted) else self._bar.update if self._bar else None

    def tell(self, result: BulkResult, in_doubt: int) -> None:
        """Tell the state; what the callback raises ends the job."""
        if self._callback is None:
            return
        self._callback(
            BulkProgress(
                total=self._total,
                submitted=result.submitted,
                scored=result.scored,
                failed=len(result.failed),
                skipped=len(result.skipped),
                in_doubt=in_doubt,
                seconds=monotonic() - self._started,
            )
        )

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def make_bar(total: int | None) -> Bar | None:
    """Make a bar with rich, or else tqdm, where stderr is a terminal and one of them is installed."""
    if not sys.stderr.isatty():
        return None
    if find_spec("rich"):
        return _RichBar(total)
    if find_spec("tqdm"):
        return _TqdmBar(total)
    return None


class _RichBar:
    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("Scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        state = TextColumn("{task.fields[state]}")
        self._bar = Progress(*columns, state, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total, state="")
        self._bar.start()

    def update(self, progress: BulkProgress) -> None:
        self._bar.update(self._task, completed=progress.done, state=_state(progress))

    def close(self) -> None:
        self._bar.stop()


class _TqdmBar:
    def __init__(self, total: int | None) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]  # it has no types, and may be missing

        self._bar = tqdm(total=total, desc="Scoring", leave=False)

    def update(self, progress: BulkProgress) -> None:
        self._bar.update(progress.done - self._bar.n)
        self._bar.set_postfix_str(_state(progress))

    def close(self) -> None:
        self._bar.close()


def _state(progress: BulkProgress) -> str:
    parts = {"failed": progress.failed, "skipped": progress.skipped, "in doubt": progress.in_doubt}
    return ", ".join(f"{number} {what}" for what, number in parts.items() if number)
