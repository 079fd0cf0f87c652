"""Progress bars for people, drawn by rich or tqdm: on a terminal, and in a notebook."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import TaskID


class Display(Protocol):
    """A place where progress can be seen, a bar a name."""

    def show(self, name: str, *, done: int, total: int | None, state: str) -> None:
        """Draw a bar, and beside it what else there is to say."""
        ...

    def close(self) -> None:
        """Leave the place to others."""
        ...


def make_display() -> Display | None:
    """Make bars of rich, or else of tqdm, on a terminal, and of tqdm in a notebook; elsewhere there are none."""
    if _in_notebook():
        return _TqdmBars() if find_spec("tqdm") else None
    if not sys.stderr.isatty():
        return None
    if find_spec("rich"):
        return _RichBars()
    return _TqdmBars() if find_spec("tqdm") else None


def _in_notebook() -> bool:
    # Whoever is in a notebook has loaded it already.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class _RichBars:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        state = TextColumn("{task.fields[state]}", markup=False)
        self._bars = Progress(*columns, state, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def show(self, name: str, *, done: int, total: int | None, state: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name.replace("[", r"\["), total=total, state="")
        self._bars.update(self._tasks[name], total=total, completed=done, state=state)

    def close(self) -> None:
        self._bars.stop()


class _TqdmBars:
    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}

    def show(self, name: str, *, done: int, total: int | None, state: str) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]  # it has no types, and may be missing

        bar = self._bars.get(name)
        if bar is None:
            bar = self._bars[name] = tqdm(total=total, desc=name, position=len(self._bars))
        bar.total = total
        bar.set_postfix_str(state, refresh=False)
        bar.update(done - bar.n)

    def close(self) -> None:
        for bar in self._bars.values():
            bar.refresh()
            bar.close()
