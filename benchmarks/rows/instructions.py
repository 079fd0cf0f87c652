"""The same work in machine instructions, where valgrind is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.bench import Bench, clean_environment
from benchmarks.measuring.callgrind import can_count, instructions
from benchmarks.section import Section, Target
from benchmarks.ways import ENVIRONMENTS, NAMES

WORKS = {
    "get": (("limit", "limit_models", "ours"), 128, 640),
    "list": (("limit", "ours"), 5, 25),
    "page of 100 scored responses": (("limit", "ours"), 5, 25),
    "page of 100 runs with their evals": (("limit", "ours"), 5, 25),
    "suite report, 20 runs of 100 responses": (("limit", "ours"), 2, 6),
    "encode": (("limit", "ours"), 2, 8),
}


def counting(bench: Bench) -> Iterator[Section]:
    """Count what the clock cannot say to the percent on a busy machine."""
    if not can_count():
        print("valgrind is not installed, so instructions are not counted", file=sys.stderr)
        return
    section = Section(
        "Machine instructions",
        "Counted by valgrind's callgrind in the client's process, the kernel's own left out; GETs with 64 calls "
        "under way, a list by the page of 100.",
        ("", "thousands for one", "to the limit"),
    )
    for work, (contestants, fewer, more) in WORKS.items():
        limit = 0.0
        for one in contestants:
            print(f"  instructions of {work}, {one}", file=sys.stderr, flush=True)
            count = instructions(
                ENVIRONMENTS[one].python, one, bench.url, work, fewer=fewer, more=more, environment=clean_environment()
            )
            limit = limit or count
            section.lines.append([f"{work}: {NAMES[one]}", f"{count / 1000:,.1f}", f"{count / limit:.3f}x"])
            if one == "ours" and work not in ("list", "encode"):
                at_most = 1.10 if work == "get" else 2.5
                section.targets.append(Target(f"{work}, to the limit", count / limit, at_most=at_most))
    yield section
