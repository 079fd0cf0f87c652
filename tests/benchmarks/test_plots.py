"""The plots show what the tables say."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # Reading the tables needs no matplotlib, which the tests may not have.
    figure = ModuleType("matplotlib.figure")
    figure.Figure = object  # type: ignore[attr-defined]  # stands in
    monkeypatch.setitem(sys.modules, "matplotlib", ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", figure)
    monkeypatch.delitem(sys.modules, "benchmarks.plots", raising=False)
    from benchmarks import plots

    return plots


RESULTS = """# Results

## First

| | latency | seconds |
| --- | ---: | ---: |
| ours | 0 ms | 1 (1 to 2) |
| ours, `async for` | 20 ms | 1,234 (1 to 2) |

- less: 1

## Second

| | MB | refused |
| --- | ---: | ---: |
| ours | 17.4 | 0.1% (0.0% to 0.2%) |
"""


def test_bars_are_the_column_of_the_section(plots: ModuleType) -> None:
    assert plots.bars(RESULTS, plots.Chart("x", "First", "seconds", only="20 ms")) == {"ours, async for": 1234}
    assert plots.bars(RESULTS, plots.Chart("x", "Second", "MB")) == {"ours": 17.4}
    assert plots.bars(RESULTS, plots.Chart("x", "Second", "refused")) == {"ours": 0.1}


@pytest.mark.parametrize(("section", "column"), [("Third", "MB"), ("Second", "seconds")])
def test_what_was_not_measured_has_no_bars(plots: ModuleType, section: str, column: str) -> None:
    assert plots.bars(RESULTS, plots.Chart("x", section, column)) == {}
