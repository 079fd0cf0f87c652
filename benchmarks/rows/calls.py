"""GET one eval, awaited and blocking."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison, times
from benchmarks.section import Section, Target
from benchmarks.ways import NAMES

HEAD = ("", "CPU per call, µs", "to ours", "calls a second", "p50, ms", "p99, ms")
IN_TURN = (
    " Ours gives its 100 connections to those who wait for one in turn, so that each of 1,000 callers waits for about "
    "as long; aiohttp lets who was just served go first, so that most wait for much less, and some until all others "
    "have gone."
)


def _lines(comparison: Comparison) -> list[list[str]]:
    return [
        [
            NAMES[one],
            str(comparison.of(one, "cpu_us")),
            times(comparison.ratio("cpu_us", one, "ours").median),
            *[str(comparison.of(one, key)) for key in ("calls_per_s", "p50_ms", "p99_ms")],
        ]
        for one in comparison.samples
    ]


def awaited(bench: Bench) -> Iterator[Section]:
    """GET one eval with 1, 64 and 1,000 calls under way."""
    contestants = ["ours", "limit", "limit_models", "official_aiohttp", "official"]
    for callers, patient in ((1, 2000), (64, 100), (1000, 6)):
        each = bench.of(patient, max(1, patient // 6))
        comparison = bench.compare(contestants, "get", rounds=3, callers=callers, each=each)
        section = Section(
            f"GET one eval, concurrency {callers:,}",
            f"{comparison.rounds} CPU is that of the client's process alone, and ratios are of CPU, taken within each "
            "round. Every client with its own defaults: 100 connections, except that the official one keeps at most 20 "
            f"of them open between calls.{IN_TURN if callers == 1000 else ''}",
            HEAD,
            _lines(comparison),
        )
        for what, key in (("CPU", "cpu_us"), ("p50", "p50_ms"), ("p99", "p99_ms")):
            to_limit = comparison.ratio(key, "ours", "limit")
            section.targets.append(Target(f"{what}, to raw aiohttp and orjson", to_limit, at_most=1.10))
        slower = comparison.ratio("calls_per_s", "limit", "ours")
        section.targets.append(Target("calls a second, raw aiohttp and orjson to ours", slower, at_most=1.10))
        if callers == 64:
            for other, least in (("official", 15), ("official_aiohttp", 5)):
                for what, key in (("CPU", "cpu_us"), ("calls a second", "calls_per_s")):
                    section.targets.append(_faster(comparison, what, key, other, least))
        yield section


def _faster(comparison: Comparison, what: str, key: str, other: str, least: float) -> Target:
    ratios = [comparison.ratio(key, *((other, one) if key == "cpu_us" else (one, other))) for one in ("ours", "limit")]
    return Target(f"{what}, to {NAMES[other]}", ratios[0], at_least=least, of_limit=ratios[1].median)


def blocking(bench: Bench) -> Iterator[Section]:
    """GET one eval with the blocking clients, from 1 and from 32 threads."""
    for threads, each in ((1, 1600), (32, 50)):
        comparison = bench.compare(
            ["ours", "official"], "get_blocked", rounds=7, threads=threads, each=bench.of(each, 25)
        )
        of_cpu = comparison.ratio("cpu_us", "official", "ours")
        of_speed = comparison.ratio("calls_per_s", "ours", "official")
        yield Section(
            f"GET one eval, blocking, {threads} thread{'s' if threads > 1 else ''}",
            f"{comparison.rounds} All threads share one client; ratios as above.",
            HEAD,
            _lines(comparison),
            [
                Target("CPU, to official", of_cpu, at_least=2.5),
                Target("calls a second, to official", of_speed, at_least=2.5),
            ],
        )
