"""Very many responses: throughput with and without a journal, and how cost grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from random import Random
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison, Spread, number, times
from benchmarks.rows.scoring_job import ScoringJob, canned_scoring_job, scoring_job
from benchmarks.section import Section, Target
from benchmarks.ways import NAMES, Way

WAYS = {
    "without": ("aymara-async", Way("ours")),
    "with": ("aymara-async, journal", Way("ours", {"journal": True})),
    "official": (NAMES["official"], Way("official")),
    "official_aiohttp": (NAMES["official_aiohttp"], Way("official_aiohttp")),
}


HEAD = ("", "responses a second", "to ours", "CPU per response, µs", "memory, MB", "no score", "scored at the server")


def scoring(bench: Bench) -> Iterator[Section]:
    """Score 100,000 responses with and without a journal."""
    responses = bench.of(100_000, 5_000)
    canned = _Scoring(bench, responses, rounds=bench.of(9, 2), start=canned_scoring_job)
    section = Section(
        f"Score {responses:,} responses",
        "Batches of 50 from a JSON Lines file, 8 requests under way, into one run, at a canned server that takes "
        f"{number(canned.server_us)} µs of its CPU for a response. The official client is given the same file by 8 "
        f"workers. Memory is the growth of the peak during the job. {canned.found.rounds}",
        HEAD,
        canned.lines,
    )
    section.targets = [
        Target("throughput that the journal costs", canned.journal_cost, at_most=0.15),
        Target("memory, MB", canned.found.of("with", "more_mb"), at_most=60),
        *canned.exactness,
    ]
    yield section
    sandbox = _Scoring(bench, responses, rounds=bench.of(5, 2), start=scoring_job)
    section = Section(
        f"Score {responses:,} responses in the sandbox",
        "The same, where the server checks each response and keeps it, in a process of its own; it is what limits the "
        f"quicker ones here. {sandbox.found.rounds}",
        HEAD,
        sandbox.lines,
    )
    section.targets = [Target("throughput that the journal costs", sandbox.journal_cost, at_most=0.15)]
    section.targets += sandbox.exactness
    yield section


class _Scoring:
    """The same job by all, in turn, each time at a new server."""

    def __init__(
        self,
        bench: Bench,
        responses: int,
        rounds: int,
        start: Callable[[Bench, int], AbstractContextManager[ScoringJob]],
    ) -> None:
        self.responses, self.found = responses, Comparison()
        self.told: dict[str, dict[str, Any]] = {}
        order, chance = [*WAYS], Random(0)
        for _ in range(rounds):
            chance.shuffle(order)
            for one in order:
                with start(bench, responses) as job:
                    self.found.add(one, job.score(WAYS[one][1]))
                self.told[one] = job.told

    @property
    def server_us(self) -> float:
        return float(median(told["cpu_us"] for told in self.told.values()))

    @property
    def lines(self) -> list[list[str]]:
        lines = []
        for one, (label, _) in WAYS.items():
            speed, *costs = (str(self.found.of(one, key)) for key in ("per_s", "cpu_us", "more_mb"))
            to_ours = times(self.found.ratio("per_s", one, "without").median)
            scored, often = self.told[one]["scored"], self.told[one]["most_often"]
            missed = number(self.found.of(one, "missed").median)
            lines.append([label, speed, to_ours, *costs, missed, f"{scored:,}, each at most {often}x"])
        return lines

    @property
    def journal_cost(self) -> Spread:
        return Spread(tuple(1 - ratio for ratio in self.found.ratio("per_s", "with", "without").values))

    @property
    def exactness(self) -> list[Target]:
        return [
            Target("responses scored, with journal", self.told["with"]["scored"], at_least=self.responses),
            Target("times that one was scored", self.told["with"]["most_often"], at_most=1),
        ]


def resuming(bench: Bench) -> Iterator[Section]:
    """Resume a job of which all batches but the first are in doubt."""
    sizes = [10_000, 30_000, 100_000] if not bench.is_quick else [1_000, 3_000]
    found = Comparison()
    for _ in range(bench.of(2, 1)):
        for responses in sizes:
            with scoring_job(bench, responses) as job:
                sample = job.run("resume", WAYS["with"][1], responses=responses, batch_size=50)
            sample["twice"] = job.told["scored_again"]
            found.add(f"{responses:,}", sample)
    section = Section(
        "Resuming with many doubtful batches",
        "Every batch of 50 but the first has lost its answer, as where a process was killed; they share one look at "
        f"what the run lists, in the sandbox. {found.rounds}",
        ("responses", "in doubt", "CPU per response, µs", "seconds", "memory, MB", "no score", "scored more than once"),
    )
    for one in found.samples:
        share = found.of(one, "doubtful").written("{:.0%}".format)
        numbers = [str(found.of(one, key)) for key in ("cpu_us", "s", "more_mb", "missed", "twice")]
        section.lines.append([one, share, *numbers])
    most, fewest = f"{sizes[-1]:,}", f"{sizes[0]:,}"
    section.targets = [
        Target(f"cost of a response, {most} to {fewest}", found.ratio("cpu_us", most, fewest), at_most=1.5),
        Target("responses scored more than once", max(found.of(most, "twice").values), at_most=0),
    ]
    yield section


def growth(bench: Bench) -> Iterator[Section]:
    """Score 10^2 to 10^6 responses."""
    sizes = [10**power for power in range(2, bench.of(6, 4) + 1)]
    found = Comparison()
    for _ in range(bench.of(3, 1)):
        for responses in sizes:
            with canned_scoring_job(bench, responses) as job:
                found.add(f"{responses:,}", job.score(WAYS["with"][1]))
    section = Section(
        "How cost grows with the number of responses to score",
        f"With a journal, at the canned server; otherwise as above. {found.rounds}",
        ("responses", "CPU per response, µs", "responses a second", "memory, MB"),
        [[one, *[str(found.of(one, key)) for key in ("cpu_us", "per_s", "more_mb")]] for one in found.samples],
    )
    most, before = f"{sizes[-1]:,}", f"{sizes[-2]:,}"
    section.targets = [
        Target(f"cost of a response, {most} to {before}", found.ratio("cpu_us", most, before), at_most=1.25),
        Target(f"memory for {most}, MB", found.of(most, "more_mb"), at_most=60),
    ]
    yield section
