"""What comes before the first answer: installation, import, first call."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from random import Random
from time import perf_counter

from benchmarks.bench import Bench, clean_environment
from benchmarks.comparison import Comparison
from benchmarks.environments import OFFICIAL, OURS, Environment
from benchmarks.section import Section, Target

CALL = "c = {module}.AymaraAI(base_url={url!r}, api_key='k'); c.evals.get('test.1'); c.close()"
CALL_AWAITED = """
import asyncio
async def main():
    async with {module}.AsyncAymaraAI(base_url={url!r}, api_key='k') as c: await c.evals.get('test.1')
asyncio.run(main())"""

_PEAK = """
try:
    with open("/proc/self/status") as status:
        print(int(status.read().partition("VmHWM:")[2].split()[0]) * 1024)
except FileNotFoundError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""Prints the most memory that the process had, in bytes; Linux would count that of the parent into ``ru_maxrss``."""


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
    command = [str(environment.python), "-P", "-c", code + _PEAK]
    began = perf_counter()
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, text=True) as child:
        _, status, used = os.wait4(child.pid, 0)
        took = perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.stdout
        printed = child.stdout.read()
    if child.returncode:
        raise RuntimeError(f"failed: {code}")
    return {"ms": took * 1e3, "cpu_ms": (used.ru_utime + used.ru_stime) * 1e3, "mb": int(printed) / 1e6}


def importing(bench: Bench) -> Iterator[Section]:
    """Import, make a client, and call once, each in new processes."""
    section = Section(
        "Import and first call",
        "",
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
    comparison, order, chance = Comparison(), [*works], Random(0)
    print("  import", file=sys.stderr, flush=True)
    for _ in range(bench.of(11, 5)):
        chance.shuffle(order)
        samples = {name: _run(*works[name]) for name in order}
        bare = {works[name][0]: sample for name, sample in samples.items() if works[name][1] == "pass"}
        for name, (environment, code) in works.items():
            if code != "pass":
                samples[name] |= {key: samples[name][key] - bare[environment][key] for key in ("ms", "cpu_ms")}
            comparison.add(name, samples[name])
    for name in works:
        if name != "bare, official":
            section.lines.append([name, *[str(comparison.of(name, key)) for key in ("ms", "cpu_ms", "mb")]])
    section.text = (
        "New processes, in random order; the cost of bare Python in the same environment and round is subtracted, "
        "except from memory, which is that of the whole process. `import aymara_async` alone loads next to nothing: "
        f"what a name of it needs is loaded when the name is first used, as the line below shows. {comparison.rounds}"
    )
    section.targets = [
        Target(f"import aymara_async, {what} over bare Python", comparison.of("import aymara_async", key), at_most=15)
        for what, key in (("ms", "ms"), ("ms of CPU", "cpu_ms"))
    ]
    yield section
