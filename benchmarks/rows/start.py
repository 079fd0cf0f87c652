"""What comes before the first answer: installation, import, first call."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import perf_counter

from benchmarks.bench import Bench, clean_environment
from benchmarks.comparison import Comparison, number, shown
from benchmarks.environments import OFFICIAL, OURS, Environment
from benchmarks.section import Section, Target

CALL = "c = {module}.AymaraAI(base_url={url!r}, api_key='k'); c.evals.get('test.1'); c.close()"
CALL_AWAITED = """
import asyncio
async def main():
    async with {module}.AsyncAymaraAI(base_url={url!r}, api_key='k') as c: await c.evals.get('test.1')
asyncio.run(main())"""


def footprint(bench: Bench) -> Iterator[Section]:
    """Count what an installation brings."""
    ours, official = OURS.footprint, OFFICIAL.footprint
    section = Section(
        "Installed",
        "What `pip install` puts into an empty virtual environment: the package, its dependencies and their compiled "
        "files, without pip itself.",
        ("", "packages", "MB"),
        [
            ["aymara-async", str(ours.packages), f"{ours.megabytes:.1f}"],
            ["official", str(official.packages), f"{official.megabytes:.0f}"],
        ],
    )
    section.targets = [
        Target("share of the official packages", ours.packages / official.packages, at_most=0.1),
        Target("share of the official size", ours.megabytes / official.megabytes, at_most=0.1),
        Target("packages", ours.packages, at_most=20),
        Target("MB", ours.megabytes, at_most=30),
    ]
    yield section


def _run(environment: Environment, code: str) -> dict[str, float]:
    """Run code in a new process and take its time from outside."""
    python = str(environment.python)
    began = perf_counter()
    child = os.posix_spawn(python, [python, "-P", "-c", code], clean_environment())
    _, status, used = os.wait4(child, 0)
    took = perf_counter() - began
    if status:
        raise RuntimeError(f"failed: {code}")
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"ms": took * 1e3, "cpu_ms": cpu * 1e3, "mb": memory / 1e6}


def importing(bench: Bench) -> Iterator[Section]:
    """Import, make a client, and call once, each in new processes."""
    section = Section(
        "Import and first call",
        "New processes, in turn; the cost of bare Python in the same environment and round is subtracted, except "
        "from memory, which is that of the whole process.",
        ("", "wall, ms over bare", "CPU, ms over bare", "memory, MB"),
    )
    works: dict[str, tuple[Environment, str]] = {"bare Python": (OURS, "pass"), "bare, official": (OFFICIAL, "pass")}
    works["import aymara_async"] = (OURS, "import aymara_async")
    works["from aymara_async import AsyncAymaraAI"] = (OURS, "from aymara_async import AsyncAymaraAI")
    works["import aiohttp, orjson"] = (OURS, "import aiohttp, orjson")
    works["import aymara_ai"] = (OFFICIAL, "import aymara_ai")
    for module, environment in (("aymara_async", OURS), ("aymara_ai", OFFICIAL)):
        for kind, code in (("blocking", CALL), ("awaited", CALL_AWAITED)):
            works[f"{module}: first {kind} call"] = (
                environment,
                f"import {module}\n" + code.format(module=module, url=bench.url),
            )
    comparison = Comparison()
    print("  import", file=sys.stderr, flush=True)
    for _ in range(bench.of(11, 5)):
        bare: dict[str, dict[str, float]] = {}
        for name, (environment, code) in works.items():
            sample = _run(environment, code)
            if code == "pass":
                bare[environment.name] = sample
            else:
                for key in ("ms", "cpu_ms"):
                    sample[key] -= bare[environment.name][key]
            comparison.add(name, sample)
    for name in works:
        if name != "bare, official":
            cells = [shown(comparison, name, key) for key in ("ms", "cpu_ms")]
            section.lines.append([name, *cells, number(comparison.median(name, "mb"))])
    section.targets = [
        Target("import aymara_async, ms over bare Python", comparison.median("import aymara_async", "ms"), at_most=15)
    ]
    yield section
