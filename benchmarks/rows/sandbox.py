"""How many calls a second the embedded sandbox answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.bench import Bench, running
from benchmarks.comparison import shown
from benchmarks.environments import OURS
from benchmarks.section import Section

SERVER = """
import sys
from aymara_async.sandbox import Sandbox
with Sandbox() as sandbox:
    print(sandbox.url, sandbox.api_key, flush=True)
    sys.stdin.read()
"""


def serving(bench: Bench) -> Iterator[Section]:
    """Ask the sandbox from a process of its own."""
    print("  sandbox", file=sys.stderr, flush=True)
    section = Section(
        "Sandbox",
        "The embedded server in a process of its own, state in memory; asked by this SDK with 32 calls under way, "
        "whose own CPU competes with the server's where cores are few.",
        ("", "calls a second", "p50, ms", "p99, ms"),
    )
    for label, task, calls in (
        ("evals.get", "get_from_sandbox", 2000),
        ("score 50 responses", "score_in_sandbox", 100),
    ):
        with running([OURS.python, "-P", "-c", SERVER]) as server:
            assert server.stdout
            url, key = server.stdout.readline().split()
            found = replace(bench, url=url).compare(
                ["ours"], task, processes=1, key=key, calls=bench.of(calls, calls // 4)
            )
        cells = [shown(found, "ours", name) for name in ("calls_per_s", "p50_ms", "p99_ms")]
        section.lines.append([label, *cells])
    yield section
