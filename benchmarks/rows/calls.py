"""GET one eval, awaited and blocking."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import NAMES, Comparison, shown
from benchmarks.section import Section, Target

HEAD = ("", "CPU per call, µs", "to ours", "calls a second", "p50, ms", "p99, ms")


def _lines(comparison: Comparison) -> list[list[str]]:
    return [
        [
            NAMES[one],
            shown(comparison, one, "cpu_us"),
            f"{comparison.ratio('cpu_us', one, 'ours'):.2f}x",
            *[shown(comparison, one, key) for key in ("calls_per_s", "p50_ms", "p99_ms")],
        ]
        for one in comparison.samples
    ]


def awaited(bench: Bench) -> Iterator[Section]:
    """GET one eval with 1, 64 and 1,000 calls under way."""
    for concurrency in (1, 64, 1000):
        calls = bench.of(6400 if concurrency > 1 else 2000, 1000)
        comparison = bench.compare(
            ["ours", "limit", "limit_models", "official_aiohttp", "official"],
            "get",
            rounds=3,
            concurrency=concurrency,
            calls=max(calls, concurrency),
            own={one: {"calls": max(calls // 8, concurrency)} for one in ("official", "official_aiohttp")},
        )
        section = Section(
            f"GET one eval, concurrency {concurrency:,}",
            "Median, with the quartiles in brackets; CPU is that of the client's process alone. Every client with "
            "its own defaults: 100 connections, except that the official one keeps at most 20 of them open between "
            "calls.",
            HEAD,
            _lines(comparison),
        )
        of_limit = comparison.ratio("cpu_us", "ours", "limit")
        section.targets.append(Target("CPU, to raw aiohttp and orjson", of_limit, at_most=1.10))
        if concurrency == 64:
            for other, least in (("official", 15), ("official_aiohttp", 5)):
                ratio, of_limit = (comparison.ratio("cpu_us", other, one) for one in ("ours", "limit"))
                target = Target(f"CPU, {NAMES[other]} to ours", ratio, at_least=least, of_limit=of_limit)
                section.targets.append(target)
        yield section


def blocking(bench: Bench) -> Iterator[Section]:
    """GET one eval with the blocking clients, from 1 and from 32 threads."""
    for threads in (1, 32):
        calls = bench.of(1600, 640)
        comparison = bench.compare(
            ["ours", "official"],
            "get_blocked",
            rounds=7,
            threads=threads,
            calls=calls,
            own={"official": {"calls": calls // 4}},
        )
        ratio = comparison.ratio("cpu_us", "official", "ours")
        yield Section(
            f"GET one eval, blocking, {threads} thread{'s' if threads > 1 else ''}",
            "All threads share one client.",
            HEAD,
            _lines(comparison),
            [Target("CPU, official to ours", ratio, at_least=2.5)],
        )
