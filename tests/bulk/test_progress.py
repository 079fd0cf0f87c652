"""The bar at the terminal."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import pytest

from aymara_async.bulk import progress as progress_module
from aymara_async.bulk.progress import Reporter, make_bar
from aymara_async.bulk.result import BulkResult


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr; not as a fixture, after which pytest would put its own back."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(progress_module, "find_spec", lambda name: name in names or None)


def report() -> None:
    reporter = Reporter(True, 10)
    reporter.tell(BulkResult(submitted=7, scored=4), in_doubt=3)
    reporter.tell(BulkResult(submitted=10, scored=10), in_doubt=0)
    reporter.close()


def test_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    only(monkeypatch, "rich", "tqdm")
    report()
    assert "10/10" in stream.getvalue()
    assert "Scoring" in stream.getvalue()


def test_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    calls: list[Any] = []

    class Tqdm:
        def __init__(self, **options: object) -> None:
            self.n = 0
            calls.append(options["total"])

        def update(self, number: int) -> None:
            self.n += number
            calls.append(self.n)

        def set_postfix_str(self, text: str) -> None:
            calls.append(text)

        def close(self) -> None:
            calls.append("closed")

    module = types.ModuleType("tqdm")
    module.tqdm = Tqdm  # type: ignore[attr-defined]  # a stand-in, as tqdm need not be installed
    monkeypatch.setitem(sys.modules, "tqdm", module)
    only(monkeypatch, "tqdm")
    report()
    assert calls == [10, 4, "3 in doubt", 10, "", "closed"]


def test_the_real_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    stream = terminal(monkeypatch)
    only(monkeypatch, "tqdm")
    report()
    assert "Scoring" in stream.getvalue()
    assert "0/10" in stream.getvalue()


def test_no_bar_without_a_library_or_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    only(monkeypatch)
    assert make_bar(10) is None
    report()
    assert stream.getvalue() == ""
    only(monkeypatch, "rich", "tqdm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert make_bar(10) is None
