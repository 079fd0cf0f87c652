"""Draw RESULTS.md for the docs: ``python -m benchmarks.plots`` (needs matplotlib), the end of every full run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.comparison import number

RESULTS = Path(__file__).parent / "RESULTS.md"
FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
OURS, OTHERS = "#0f766e", "#94a3b8"


@dataclass(frozen=True)
class Chart:
    """One column of a section's table as bars."""

    file: str
    section: str
    column: str
    only: str = ""
    """Rows whose second cell is this; all where empty."""
    is_ours: bool = False
    """Whether all rows are of this SDK."""


CHARTS = (
    Chart("cpu-per-call", "GET one eval, concurrency 64", "CPU per call, µs"),
    Chart("latency", "GET one eval, concurrency 1,000", "p99, ms"),
    Chart("blocking", "GET one eval, blocking, 1 thread", "calls a second"),
    Chart("threads", "GET one eval, blocking, 32 threads", "calls a second"),
    Chart("decode", "Decode", "µs of CPU", only="page of 100 scored responses"),
    Chart("encode", "Encode a request of 1,000 responses", "µs of CPU"),
    Chart("list", "Iterate over 20,000 responses", "seconds", only="20 ms"),
    Chart("eval", "A whole eval of 500 prompts", "ms per prompt"),
    Chart("bulk", "Score 100,000 responses", "responses a second"),
    Chart("limited", "A server that allows 50 requests a second", "requests refused"),
    Chart("failing", "A server where one request in five fails", "scored more than once"),
    Chart("sandbox", "Sandbox", "calls a second", is_ours=True),
    Chart("lengths", "How cost grows with the length of a list", "CPU per item, µs", is_ours=True),
    Chart("widths", "How cost grows with the number of calls under way", "CPU per call, µs", is_ours=True),
    Chart("jobs", "How cost grows with the number of responses to score", "CPU per response, µs", is_ours=True),
    Chart("installed", "Installed", "MB"),
)


def table(text: str, section: str) -> list[list[str]]:
    """Return the cells of a section's table, the head first; nothing if there is no such section."""
    found = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [line for line in (found[1] if found else "").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| ---")]


def bars(text: str, chart: Chart) -> dict[str, float]:
    """Return the values of a chart by their labels."""
    head, *rows = table(text, chart.section) or [[]]
    if chart.column not in head:
        return {}
    column = head.index(chart.column)
    chosen = [row for row in rows if not chart.only or row[1] == chart.only]
    return {row[0].replace("`", ""): float(row[column].split()[0].rstrip("%").replace(",", "")) for row in chosen}


def draw(chart: Chart, values: dict[str, float], path: Path) -> None:
    """Write the chart as SVG."""
    figure = Figure(figsize=(7, 0.5 + 0.38 * len(values)), layout="constrained")
    axes = figure.subplots()
    colors = [OURS if chart.is_ours or label.startswith("aymara-async") else OTHERS for label in values]
    drawn = axes.barh(list(values), list(values.values()), color=colors)
    axes.bar_label(drawn, fmt=number, padding=4, color="#64748b")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xticks([])
    axes.tick_params(length=0, labelcolor="#64748b")
    axes.spines[:].set_visible(False)
    figure.savefig(path, transparent=True, metadata={"Date": None})


def main() -> None:
    mpl.rcParams["svg.hashsalt"] = "aymara-async"
    text = RESULTS.read_text(encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for chart in CHARTS:
        if values := bars(text, chart):
            draw(chart, values, FOLDER / f"{chart.file}.svg")


if __name__ == "__main__":
    main()
