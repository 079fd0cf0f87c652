"""Telling how far a job is: to a callback, or to the person at the terminal."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from aymara_async.bulk.result import BulkResult
from aymara_async.display import make_display
from aymara_async.transport.clock import monotonic


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
    unscored: int = 0
    """Responses that the server has, but gave no score."""
    waits_for: str | None = None
    """What holds the job up at the moment, if anything does."""
    seconds: float
    """Time since the job began."""

    @property
    def done(self) -> int:
        """Rows of the input that nothing more will happen to."""
        return self.scored + self.failed + self.skipped + self.unscored

    def __str__(self) -> str:
        """Say what is not as it should be."""
        parts = {"failed": self.failed, "unscored": self.unscored, "skipped": self.skipped, "in doubt": self.in_doubt}
        said = [f"{number} {what}" for what, number in parts.items() if number]
        return ", ".join([*said, f"waiting for {self.waits_for}"] if self.waits_for else said)


class Reporter:
    """Tell whoever wants to know, whenever a batch is done."""

    def __init__(self, wanted: bool | Callable[[BulkProgress], None], total: int | None) -> None:
        self._total = total
        self._started = monotonic()
        self._in_doubt = 0
        self._waits_for: str | None = None
        self._display = make_display() if wanted is True else None
        self._callback = wanted if callable(wanted) else self._show if self._display else None

    def tell(self, result: BulkResult, in_doubt: int) -> None:
        """Tell the state; what the callback raises ends the job."""
        self._in_doubt = in_doubt
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
                unscored=len(result.unscored),
                waits_for=self._waits_for,
                seconds=monotonic() - self._started,
            )
        )

    def wait(self, result: BulkResult, what: str | None) -> None:
        """Tell what the job waits for, or None when it goes on."""
        if what != self._waits_for:
            self._waits_for = what
            self.tell(result, self._in_doubt)

    def close(self) -> None:
        """End the bar."""
        if self._display is not None:
            self._display.close()

    def _show(self, progress: BulkProgress) -> None:
        if self._display is not None:
            self._display.show("Scoring", done=progress.done, total=progress.total, state=str(progress))
