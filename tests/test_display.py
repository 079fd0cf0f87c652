"""Bars at the terminal and in a notebook."""

from __future__ import annotations

import io
import sys

import pytest

from aymara_async import display
from aymara_async.bulk.progress import Reporter
from aymara_async.bulk.result import BulkResult
from aymara_async.display import make_display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr; not as a fixture, after which pytest would put its own back."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    return stream


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(display, "find_spec", lambda name: name in names or None)


def report() -> None:
    reporter = Reporter(True, 10)
    reporter.tell(BulkResult(submitted=7, scored=4), in_doubt=3)
    reporter.tell(BulkResult(submitted=10, scored=10), in_doubt=0)
    reporter.close()


@pytest.mark.parametrize("library", ["rich", "tqdm"])
def test_bar_on_a_terminal(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library)
    stream = terminal(monkeypatch)
    only(monkeypatch, library)
    report()
    assert "10/10" in stream.getvalue()
    assert "Scoring" in stream.getvalue()


@pytest.mark.parametrize("library", ["rich", "tqdm"])
def test_names_and_states_are_text(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library)
    stream = terminal(monkeypatch)
    only(monkeypatch, library)
    shown = make_display()
    assert shown is not None
    shown.show("My [bold]eval[/bold]", done=1, total=2, state="[red]3 failed")
    shown.show("another", done=2, total=None, state="")
    shown.show("My [bold]eval[/bold]", done=2, total=3, state="[red]4 failed")
    shown.close()
    for text in ("My [bold]eval[/bold]", "another", "[red]4 failed", "2/3"):
        assert text in stream.getvalue()


def test_no_bar_without_a_library_or_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    only(monkeypatch)
    assert make_display() is None
    report()
    assert stream.getvalue() == ""
    only(monkeypatch, "rich", "tqdm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert make_display() is None


def test_bar_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    ipython = pytest.importorskip("IPython")
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(ipython, "get_ipython", lambda: type("ZMQInteractiveShell", (), {})())
    report()
    assert "10/10" in stream.getvalue()
    only(monkeypatch, "rich")
    assert make_display() is None
