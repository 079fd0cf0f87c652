"""How fast the canned server is: faster than every client, or it would be what is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.answers import EVAL_UUID
from benchmarks.bench import SEEN, Bench, clean_environment
from benchmarks.comparison import Comparison
from benchmarks.environments import TOOLS
from benchmarks.section import Section

WORKS = {
    "one eval": (f"/v2/evals/{EVAL_UUID}", 20_000),
    "page of 100 scored responses": ("/v2/eval-runs/list-100-0/responses?limit=100", 5_000),
}


def answering(bench: Bench) -> Iterator[Section]:
    """Ask the server as fast as it answers."""
    found = Comparison()
    print("  server", file=sys.stderr, flush=True)
    for _ in range(bench.of(5, 2)):
        for connections in (1, 64):
            for work, (path, number) in WORKS.items():
                each = max(1, bench.of(number, number // 10) // connections)
                command = [str(TOOLS.python), "-P", "-m", "benchmarks.measuring.load"]
                asked = [*command, bench.url, path, str(connections), str(each)]
                done = subprocess.run(asked, check=True, capture_output=True, env=clean_environment(), cwd=SEEN)
                found.add(f"{work}, {connections}", {"per_s": float(done.stdout)})
    section = Section(
        "The server that all are measured against",
        "Prebuilt answers, given by uvloop in a process of its own; asked by a client that only counts what comes. A "
        "contestant that came near these numbers would be held up by the server. "
        f"{found.rounds}",
        ("answer, and connections", "answers a second"),
        [[one, str(found.of(one, "per_s"))] for one in found.samples],
    )
    yield section
