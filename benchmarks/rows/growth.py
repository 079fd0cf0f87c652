"""How cost grows: with the length of a list, and with the number of calls under way."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import Spread, number, times
from benchmarks.section import Section, Target
from benchmarks.ways import Way


def lengths(bench: Bench) -> Iterator[Section]:
    """Iterate over 10^2 to 10^6 responses."""
    ways = {}
    for items in (10**power for power in range(2, bench.of(6, 4) + 1)):
        own = {"items": items, "times": max(1, 10**5 // items)}
        ways[f"{items:,}"] = Way("ours", own)
    found = bench.compare(ways, "iterate", processes=5, rounds=1, function="iterating", latency_ms=0)
    section = Section(
        "How cost grows with the length of a list",
        "Iterated by `async for`, from a server without latency, short lists many times over; memory is the growth of "
        "the peak after a first page. What grows in it, by about 200 bytes for each 100 responses, is which response "
        f"each page began with, as that tells when a list was moved while it was read. {found.rounds}",
        ("responses", "CPU per item, µs", "memory, MB"),
        [[one, str(found.of(one, "cpu_us")), str(found.of(one, "more_mb"))] for one in ways],
    )
    longest = list(ways)[-1]
    section.targets = [
        Target("memory for the longest, MB", found.of(longest, "more_mb"), at_most=5),
        Target("cost of an item, longest to 10,000", found.ratio("cpu_us", longest, "10,000"), at_most=1.25),
    ]
    yield section


def widths(bench: Bench) -> Iterator[Section]:
    """Have 1 to 10,000 calls under way."""
    numbers = (1, 10, 100, 1000, 10_000)
    ways = {f"{one} {calls}": Way(one, {"calls": calls}) for calls in numbers for one in ("ours", "limit")}
    found = bench.compare(ways, "get_at_once", processes=7, rounds=1)
    section = Section(
        "How cost grows with the number of calls under way",
        f"All started at once; 100 connections. {found.rounds}",
        ("calls", "CPU per call, µs", "raw aiohttp, µs", "ratio", "calls a second", "memory per call, kB"),
    )
    for calls in numbers:
        ours, limit = f"ours {calls}", f"limit {calls}"
        memory = Spread(tuple(one * 1000 / calls for one in found.of(ours, "more_mb").values))
        section.lines.append(
            [
                f"{calls:,}",
                str(found.of(ours, "cpu_us")),
                str(found.of(limit, "cpu_us")),
                times(found.ratio("cpu_us", ours, limit).median),
                number(found.of(ours, "calls_per_s").median),
                number(memory.median) if calls >= 1000 else "",
            ]
        )
    grown, of_limit = (found.ratio("cpu_us", f"{one} 10000", f"{one} 100") for one in ("ours", "limit"))
    section.targets = [
        Target("cost of a call, 10,000 to 100", grown, at_most=1.5, of_limit=of_limit.median),
        Target("10,000 calls, to raw aiohttp", found.ratio("cpu_us", "ours 10000", "limit 10000"), at_most=1.10),
    ]
    yield section
