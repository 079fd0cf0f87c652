"""The HTML report of 10,000 responses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison
from benchmarks.environments import ROOT
from benchmarks.section import Section, Target


def writing(bench: Bench) -> Iterator[Section]:
    """Write a report and, where Chromium and the development dependencies are installed, use its filters."""
    command = [sys.executable, "-m", "benchmarks.measuring.report", "--json", f"--repetitions={bench.of(3, 1)}"]
    found = Comparison()
    for _ in range(bench.of(5, 1)):
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        if done.returncode:
            print("the report was not measured: it needs the extra analysis", file=sys.stderr)
            return
        found.add("report", json.loads(done.stdout))
    columns = {"mb": "MB", "write_s": "seconds to write"}
    targets = [
        Target("MB", found.of("report", "mb"), at_most=15),
        Target("seconds to write", found.of("report", "write_s"), at_most=5),
    ]
    used = "not opened, as Chromium or the extra dev is missing here"
    if "open_s" in found.samples["report"][0]:
        columns |= {"open_s": "seconds to open", "filter_ms": "filter, ms", "filter_worst_ms": "filter, worst, ms"}
        targets.append(Target("slowest filter, ms", found.of("report", "slowest_filter_ms"), at_most=100))
        used = "filters in headless Chromium, from the key press to the painted page"
    yield Section(
        f"The HTML report of {found.of('report', 'responses').median:,.0f} responses",
        f"Two runs side by side; {used}. {found.rounds}",
        [*columns.values()],
        [[str(found.of("report", key)) for key in columns]],
        targets,
    )
