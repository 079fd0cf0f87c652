"""Measure this SDK, the official one and the limit in one run: ``python -m benchmarks [ROW …] [--quick]``.

Every run prints its results; a full one, without rows and without --quick, also writes RESULTS.md and the plots.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from benchmarks.bench import Bench, started
from benchmarks.environments import CACHE, ROOT, TOOLS
from benchmarks.machine import described
from benchmarks.rows import (
    adversity,
    bulk,
    calls,
    codec,
    evals,
    growth,
    instructions,
    lists,
    report,
    sandbox,
    server,
    start,
)
from benchmarks.section import Section

ROWS: dict[str, Callable[[Bench], Iterator[Section]]] = {
    "footprint": start.footprint,
    "import": start.importing,
    "server": server.answering,
    "calls": calls.awaited,
    "blocking": calls.blocking,
    "decode": codec.decoding,
    "encode": codec.encoding,
    "lists": lists.iterating,
    "lengths": growth.lengths,
    "widths": growth.widths,
    "evals": evals.running_evals,
    "bulk": bulk.scoring,
    "bulk-growth": bulk.growth,
    "resuming": bulk.resuming,
    "limited": adversity.limited,
    "failing": adversity.failing,
    "flaky": adversity.flaky,
    "beside": adversity.beside,
    "sandbox": sandbox.serving,
    "report": report.writing,
    "instructions": instructions.counting,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"what to measure: {', '.join(ROWS)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to try it, not to trust it")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - ROWS.keys():
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    rows = [name for name in ROWS if not arguments.rows or name in arguments.rows]
    is_written = not arguments.rows and not arguments.quick
    command = " ".join(["python -m benchmarks", *arguments.rows, *(["--quick"] if arguments.quick else [])])
    results = _measured(rows, command, is_quick=arguments.quick)
    if is_written:
        RESULTS.write_text(results, encoding="utf-8")
        subprocess.run([TOOLS.python, "-m", "benchmarks.plots"], check=True, cwd=ROOT)
        print(f"\nwritten to {RESULTS}")


def _measured(rows: list[str], command: str, *, is_quick: bool) -> str:
    """Measure row by row; what is there so far lies in the cache, should this run be cut short."""
    began, written, results = monotonic(), list[str](), ""
    with started(is_quick=is_quick) as bench:
        for name in rows:
            for section in ROWS[name](bench):
                written.append(section.written(is_judged=not is_quick))
                print(f"\n{written[-1]}", flush=True)
            results = "\n".join([f"# Results\n\n{described(command, monotonic() - began)}\n", *written])
            (CACHE / "RESULTS.md").write_text(results, encoding="utf-8")
        print(f"\n{described(command, monotonic() - began)}")
    return results


if __name__ == "__main__":
    main()
