"""Measure this SDK, the official one and the limit in one run: ``python -m benchmarks [ROW …] [--quick]``.

A full run, without rows and without --quick, writes RESULTS.md after each row, and plots at its end; every run prints
its results.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from benchmarks.bench import Bench, started
from benchmarks.environments import ROOT, TOOLS
from benchmarks.machine import described
from benchmarks.rows import bulk, calls, codec, evals, instructions, lists, report, sandbox, start
from benchmarks.section import Section

ROWS: dict[str, Callable[[Bench], Iterator[Section]]] = {
    "footprint": start.footprint,
    "import": start.importing,
    "calls": calls.awaited,
    "blocking": calls.blocking,
    "decode": codec.decoding,
    "encode": codec.encoding,
    "lists": lists.iterating,
    "growth": lists.growth,
    "evals": evals.running_evals,
    "bulk": bulk.scoring,
    "limited": bulk.limited,
    "bulk-growth": bulk.growth,
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
    is_written = not arguments.rows and not arguments.quick
    command = " ".join(["python -m benchmarks", *arguments.rows, *(["--quick"] if arguments.quick else [])])
    rows = [name for name in ROWS if not arguments.rows or name in arguments.rows]
    began = monotonic()
    sections: list[Section] = []
    with started(is_quick=arguments.quick) as bench:
        for name in rows:
            for section in ROWS[name](bench):
                print(f"\n{section}", flush=True)
                sections.append(section)
            if is_written:
                _write(sections, described(command, monotonic() - began), missing=rows[rows.index(name) + 1 :])
    print(f"\n{described(command, monotonic() - began)}")
    if is_written:
        subprocess.run([TOOLS.python, "-m", "benchmarks.plots"], check=True, cwd=ROOT)
        print(f"\nwritten to {RESULTS}")


def _write(sections: list[Section], machine: str, missing: list[str]) -> None:
    if missing:
        machine += f"\n- This run was cut short; rows that are missing: {', '.join(missing)}"
    body = "\n".join(map(str, sections))
    RESULTS.write_text(f"# Results\n\n{machine}\n\n{body}", encoding="utf-8")


if __name__ == "__main__":
    main()
