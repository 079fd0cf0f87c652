"""Telling how far an eval is: to a callback, or to the person at the terminal or in the notebook."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from time import monotonic
from typing import Any, Protocol

import attrs

from aymara_async.record.percentages import percent

REDRAW = 0.1
"""Seconds between two pictures in a notebook."""


@attrs.frozen(kw_only=True)
class EvalProgress:
    """How far an eval is."""

    eval_name: str
    total: int | None
    """Prompts that the eval has, first turns only, where the server says it."""
    prompts: int
    """Prompts read so far, those of later turns included."""
    answered: int
    """Prompts that the model has answered, or failed on."""
    failed: int
    """Prompts that the model failed on."""
    scored: int
    """Responses that have a result."""
    passed: int
    """Verdicts that are "passed"."""
    judged: int
    """Results with a verdict; those excluded from scoring have none."""
    rate_limit: float | None
    """Requests per second that the server allows, once it has refused one."""
    seconds: float
    """Time since the first prompt."""

    @property
    def pass_rate(self) -> float | None:
        """Share of the verdicts so far that are "passed", 0.0 to 1.0; None where there is none."""
        return self.passed / self.judged if self.judged else None

    def __str__(self) -> str:
        """Say it in a line."""
        parts = [f"answers {self.answered}/{max(self.total or 0, self.prompts)}", f"scored {self.scored}"]
        if self.pass_rate is not None:
            parts.append(f"pass rate {percent(self.pass_rate)}")
        if self.failed:
            parts.append(f"model failed {self.failed}")
        if self.rate_limit is not None:
            parts.append(f"limit {self.rate_limit:.3g}/s")
        return ", ".join(parts)


class Display(Protocol):
    """A place where progress can be seen."""

    def update(self, progress: EvalProgress) -> None:
        """Draw it."""
        ...

    def close(self) -> None:
        """Leave it as it is."""
        ...


@attrs.define(kw_only=True)
class Counts:
    """How far a pipeline is, for whoever wants to know; what the callback raises ends the run."""

    eval_name: str
    total: int | None
    callback: Callable[[EvalProgress], None] | None
    rate: Callable[[], float]
    prompts: int = 0
    answered: int = 0
    failed: int = 0
    scored: int = 0
    passed: int = 0
    judged: int = 0
    _began: float = attrs.field(factory=monotonic)

    def score(self, is_passed: bool | None) -> None:
        """Count a result."""
        self.scored += 1
        self.judged += is_passed is not None
        self.passed += is_passed is True
        self.tell()

    def tell(self) -> None:
        """Tell the state."""
        if self.callback is None:
            return
        rate = self.rate()
        self.callback(
            EvalProgress(
                eval_name=self.eval_name,
                total=self.total,
                prompts=self.prompts,
                answered=self.answered,
                failed=self.failed,
                scored=self.scored,
                passed=self.passed,
                judged=self.judged,
                rate_limit=None if math.isinf(rate) else rate,
                seconds=monotonic() - self._began,
            )
        )


def make_display() -> Display | None:
    """Make a bar in a notebook or, where rich is installed, on a terminal; elsewhere there is none."""
    if _in_notebook():
        return _NotebookLine()
    return _RichBar() if sys.stderr.isatty() and find_spec("rich") else None


def _in_notebook() -> bool:
    # Whoever is in a notebook has loaded it already.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class _RichBar:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
        self._tasks: dict[str, Any] = {}
        self._bar.start()

    def update(self, progress: EvalProgress) -> None:
        name = progress.eval_name
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name.replace("[", r"\["), total=None, state="")
        total = max(progress.total or 0, progress.prompts)
        self._bar.update(self._tasks[name], total=total, completed=progress.scored, state=str(progress))

    def close(self) -> None:
        self._bar.stop()


class _NotebookLine:
    def __init__(self) -> None:
        self._shown: dict[str, tuple[Any, float]] = {}
        self._latest: dict[str, EvalProgress] = {}

    def update(self, progress: EvalProgress) -> None:
        self._latest[progress.eval_name] = progress
        now = monotonic()
        if now - self._shown.get(progress.eval_name, (None, -math.inf))[1] >= REDRAW:
            self._draw(progress, now)

    def close(self) -> None:
        for progress in self._latest.values():
            self._draw(progress, monotonic())

    def _draw(self, progress: EvalProgress, now: float) -> None:
        from IPython.display import display  # type: ignore[import-not-found,unused-ignore]  # there, in a notebook

        handle = self._shown.get(progress.eval_name, (None, 0.0))[0]
        picture = _Picture(progress)
        if handle is None:
            handle = display(picture, display_id=True)  # type: ignore[no-untyped-call]  # IPython does not say
        else:
            handle.update(picture)
        self._shown[progress.eval_name] = (handle, now)


class _Picture:
    """A progress bar as notebooks show it, and as text where they show no HTML."""

    def __init__(self, progress: EvalProgress) -> None:
        self._progress = progress

    def _repr_html_(self) -> str:
        from html import escape

        total = max(self._progress.total or 0, self._progress.prompts)
        bar = f'<progress value="{self._progress.scored}" max="{total}"></progress>'
        return f"<div>{escape(self._progress.eval_name)} {bar} {escape(str(self._progress))}</div>"

    def __repr__(self) -> str:
        return f"{self._progress.eval_name}: {self._progress}"
