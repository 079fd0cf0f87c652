"""Long lists."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import times
from benchmarks.section import Section, Target
from benchmarks.ways import Way

ITEMS = 20_000
WAYS = {
    "ours": ("aymara-async, `async for`", Way("ours", {"function": "iterating"})),
    "limit": ("limit, page after page", Way("limit", {"function": "iterating"})),
    "official": ("official, `async for`", Way("official", {"function": "iterating"})),
    "by hand": ("official, by hand", Way("official", {"function": "iterating_by_hand"})),
    "by hand, aiohttp": (
        "official, aiohttp backend, by hand",
        Way("official_aiohttp", {"function": "iterating_by_hand"}),
    ),
}


def iterating(bench: Bench) -> Iterator[Section]:
    """Iterate over 20,000 responses, 100 a page, from servers that are near and far."""
    section = Section(
        f"Iterate over {ITEMS:,} responses",
        "",
        ("", "server's latency", "items", "seconds", "to ours", "CPU per item, µs", "memory, MB"),
    )
    for latency in (0, 20, 100):
        found = bench.compare(
            {one: way for one, (_, way) in WAYS.items()},
            "iterate",
            rounds=1,  # in new processes, or the peak of memory would show the first only
            items=ITEMS,
            latency_ms=latency,
        )
        section.text = (
            f"Pages of 100. The official iterator ends, without a word, after the first page; by hand means a loop of "
            f"its user that asks for page after page. Memory is the growth of the peak after a first page was read. "
            f"{found.rounds}"
        )
        for one, (label, _) in WAYS.items():
            seconds, *costs = (str(found.of(one, key)) for key in ("s", "cpu_us", "more_mb"))
            items, to_ours = found.of(one, "items").median, times(found.ratio("s", one, "ours").median)
            section.lines.append([label, f"{latency} ms", f"{items:,.0f}", seconds, to_ours, *costs])
        section.targets.append(Target(f"items, {latency} ms", found.of("ours", "items").median, at_least=ITEMS))
        section.targets.append(Target(f"memory, {latency} ms, MB", found.of("ours", "more_mb"), at_most=5))
        if latency == 20:
            faster = found.ratio("s", "limit", "ours")
            section.targets.append(Target("time, raw aiohttp page after page to ours, 20 ms", faster, at_least=6))
            section.targets.append(Target("seconds, 20 ms", found.of("ours", "s"), at_most=0.8))
    yield section
