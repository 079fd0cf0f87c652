"""Very many responses: throughput with and without a journal, and how cost grows."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison, Spread, number
from benchmarks.rows.scoring_job import scoring_job
from benchmarks.section import Section, Target
from benchmarks.ways import NAMES, Way

WAYS = {
    "without": ("aymara-async", Way("ours")),
    "with": ("aymara-async, journal", Way("ours", {"journal": True})),
    "official": (NAMES["official"], Way("official")),
    "official_aiohttp": (NAMES["official_aiohttp"], Way("official_aiohttp")),
}


def scoring(bench: Bench) -> Iterator[Section]:
    """Score 100,000 responses with and without a journal."""
    responses = bench.of(100_000, 5_000)
    found, at_server, order, chance = Comparison(), dict[str, list[int]](), [*WAYS], Random(0)
    for round_number in range(bench.of(9, 2)):
        chance.shuffle(order)
        for one in order:
            if one.startswith("official") and round_number % 3:
                continue
            with scoring_job(bench, responses) as job:
                found.add(one, job.score(WAYS[one][1]))
            at_server[one] = [job.told["scored"], job.told["most_often"]]
    section = Section(
        f"Score {responses:,} responses",
        "Batches of 50 from a JSON Lines file, 8 requests under way, into one run; the sandbox in a process of its "
        "own. The official client is given the same file by 8 workers. Memory is the growth of the peak during the "
        f"job. {found.rounds}",
        ("", "responses a second", "CPU per response, µs", "memory, MB", "no score came back", "scored at the server"),
    )
    for one, (label, _) in WAYS.items():
        cells = [str(found.of(one, key)) for key in ("per_s", "cpu_us", "more_mb")]
        scored, times = at_server[one]
        missed = number(found.of(one, "missed").median)
        section.lines.append([label, *cells, missed, f"{scored:,}, each at most {times}x"])
    section.targets = [
        Target("throughput that the journal costs", _journal_cost(found), at_most=0.15),
        Target("memory, MB", found.of("with", "more_mb"), at_most=60),
        Target("responses scored, with journal", at_server["with"][0], at_least=responses),
        Target("times that one was scored", at_server["with"][1], at_most=1),
    ]
    yield section


def _journal_cost(found: Comparison) -> Spread:
    return Spread(tuple(1 - ratio for ratio in found.ratio("per_s", "with", "without").values))


def growth(bench: Bench) -> Iterator[Section]:
    """Score 10^2 to 10^6 responses."""
    sizes = [10**power for power in range(2, bench.of(6, 4) + 1)]
    found = Comparison()
    for _ in range(bench.of(3, 1)):
        for responses in sizes:
            with scoring_job(bench, responses) as job:
                found.add(f"{responses:,}", job.score(WAYS["with"][1]))
    section = Section(
        "How cost grows with the number of responses to score",
        f"With a journal; otherwise as above. {found.rounds}",
        ("responses", "CPU per response, µs", "responses a second", "memory, MB"),
        [[one, *[str(found.of(one, key)) for key in ("cpu_us", "per_s", "more_mb")]] for one in found.samples],
    )
    most, before = f"{sizes[-1]:,}", f"{sizes[-2]:,}"
    section.targets = [
        Target(f"cost of a response, {most} to {before}", found.ratio("cpu_us", most, before), at_most=1.25),
        Target(f"memory for {most}, MB", found.of(most, "more_mb"), at_most=60),
    ]
    yield section
