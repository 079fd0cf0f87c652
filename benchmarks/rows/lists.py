"""Long lists, and how cost grows with their length and with the number of calls under way."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison, number, shown
from benchmarks.section import Section, Target

ITEMS = 20_000


def iterating(bench: Bench) -> Iterator[Section]:
    """Iterate over 20,000 responses, 100 a page, from servers that are near and far."""
    section = Section(
        f"Iterate over {ITEMS:,} responses",
        "Pages of 100. The official iterator ends, without a word, after the first page; by hand means a loop of its "
        "user that asks for page after page. Memory is the growth of the peak after a first page was read.",
        ("", "server's latency", "items", "seconds", "CPU per item, µs", "memory, MB"),
    )
    ways = {
        "ours": ("aymara-async, `async for`", "iterating"),
        "limit": ("limit, page after page", "iterating"),
        "official": ("official, `async for`", "iterating"),
        "official ": ("official, by hand", "iterating_by_hand"),
    }
    for latency in (0, 20, 100):
        own = {one.strip(): {"function": function} for one, (_, function) in ways.items() if not one.endswith(" ")}
        processes = 1 if latency == 100 else 3
        main = bench.compare(
            ["ours", "limit", "official"],
            "iterate",
            processes=processes,
            rounds=1,
            own=own,
            items=ITEMS,
            latency_ms=latency,
        )
        by_hand = bench.compare(
            ["official"],
            "iterate",
            processes=processes,
            rounds=1,
            function="iterating_by_hand",
            items=ITEMS,
            latency_ms=latency,
        )
        for one, (label, _) in ways.items():
            comparison = by_hand if one.endswith(" ") else main
            values = [shown(comparison, one.strip(), key) for key in ("s", "cpu_us", "more_mb")]
            items = f"{comparison.median(one.strip(), 'items'):,.0f}"
            section.lines.append([label, f"{latency} ms", items, *values])
        section.targets.append(Target(f"items, {latency} ms", main.median("ours", "items"), at_least=ITEMS))
        if latency == 20:
            faster = main.ratio("s", "limit", "ours")
            section.targets.append(Target("time, raw aiohttp page after page to ours, 20 ms", faster, at_least=6))
            section.targets.append(Target("seconds, 20 ms", main.median("ours", "s"), at_most=0.8))
    yield section


def growth(bench: Bench) -> Iterator[Section]:
    """Iterate over 10^2 to 10^6 responses, and have 1 to 10,000 calls under way."""
    longer = Section(
        "How cost grows with the length of a list",
        "Iterated by `async for`, from a server without latency, the lists in turn, short ones many times over; memory "
        "is the growth of the peak after a first page.",
        ("responses", "CPU per item, µs", "memory, MB"),
    )
    last = bench.of(6, 4)
    lengths = [10**power for power in range(2, last + 1)]
    found = Comparison()
    for _ in range(bench.of(5, 1)):
        for items in lengths:
            how = {"function": "iterating", "items": items, "latency_ms": 0, "times": max(1, 10**5 // items)}
            sample = bench.compare(["ours"], "iterate", processes=1, rounds=1, **how).samples["ours"][0]
            found.add(str(items), sample)
    for items in lengths:
        one = str(items)
        longer.lines.append([f"{items:,}", shown(found, one, "cpu_us"), number(found.median(one, "more_mb"))])
    longest = str(lengths[-1])
    longer.targets = [
        Target("memory for the longest, MB", found.median(longest, "more_mb"), at_most=32),
        Target("cost of an item, longest to 10,000", found.ratio("cpu_us", longest, "10000"), at_most=1.25),
    ]
    yield longer
    wider = Section(
        "How cost grows with the number of calls under way",
        "All started at once; 100 connections.",
        ("calls", "CPU per call, µs", "raw aiohttp, µs", "ratio", "calls a second", "memory per call, kB"),
    )
    costs, limits = dict[int, float](), dict[int, float]()
    for calls in (1, 10, 100, 1000, 10_000):
        found = bench.compare(["ours", "limit"], "get_at_once", calls=calls, processes=3, rounds=1)
        memory = found.median("ours", "more_mb") * 1000 / calls
        ratio = found.ratio("cpu_us", "ours", "limit")
        cpu = [shown(found, one, "cpu_us") for one in ("ours", "limit")]
        speed = number(found.median("ours", "calls_per_s"))
        wider.lines.append([f"{calls:,}", *cpu, f"{ratio:.2f}x", speed, number(memory) if calls >= 1000 else ""])
        costs[calls] = found.median("ours", "cpu_us")
        limits[calls] = found.median("limit", "cpu_us")
    growth_of = [of[10_000] / of[100] for of in (costs, limits)]
    wider.targets.append(Target("cost of a call, 10,000 to 100", growth_of[0], at_most=1.5, of_limit=growth_of[1]))
    yield wider
