"""How many calls a second the embedded sandbox answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import Bench, running
from benchmarks.environments import OURS
from benchmarks.section import Section

SANDBOX: list[str | Path] = [
    OURS.python,
    "-P",
    "-c",
    """
import sys
from aymara_async.sandbox import Sandbox
with Sandbox() as sandbox:
    print(sandbox.url, sandbox.api_key, flush=True)
    sys.stdin.read()
""",
]
"""A command that tells where the sandbox is and its key, and ends with its input."""


def serving(bench: Bench) -> Iterator[Section]:
    """Ask the sandbox from a process of its own."""
    section = Section("Sandbox", "", ("", "calls a second", "p50, ms", "p99, ms"))
    for label, task, each in (("evals.get", "get_from_sandbox", 60), ("score 50 responses", "score_in_sandbox", 4)):
        with running(SANDBOX) as server:
            assert server.stdout
            url, key = server.stdout.readline().split()
            found = replace(bench, url=url).compare(["ours"], task, processes=1, key=key, each=bench.of(each, 1))
        section.lines.append([label, *[str(found.of("ours", name)) for name in ("calls_per_s", "p50_ms", "p99_ms")]])
        section.text = (
            "The embedded server in a process of its own, state in memory; asked by this SDK with 32 calls under way, "
            f"whose own CPU competes with the server's where cores are few. {found.rounds}"
        )
    yield section
