"""The HTML report of 10,000 responses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import number
from benchmarks.environments import ROOT
from benchmarks.section import Section, Target


def writing(bench: Bench) -> Iterator[Section]:
    """Write a report and use its filters, where Chromium and the development dependencies are installed."""
    command = [sys.executable, "-m", "benchmarks.measuring.report", "--json", f"--repetitions={bench.of(7, 2)}"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode:
        print("the report was not measured: it needs Chromium and the extra dev", file=sys.stderr)
        return
    found = json.loads(done.stdout)
    section = Section(
        f"The HTML report of {found['responses']:,} responses",
        "Two runs side by side; filters in headless Chromium, from the key press to the painted page.",
        ("MB", "seconds to write", "seconds to open", "filter, median ms", "filter, worst ms"),
        [[number(found[key]) for key in ("mb", "write_s", "open_s", "filter_ms", "filter_worst_ms")]],
        [
            Target("MB", found["mb"], at_most=15),
            Target("seconds to write", found["write_s"], at_most=5),
            Target("slowest filter, median ms", found["slowest_filter_ms"], at_most=100),
        ],
    )
    yield section
