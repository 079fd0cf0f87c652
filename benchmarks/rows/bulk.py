"""Very many responses: throughput with and without a journal, a server that limits the rate, and how cost grows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Bench, running
from benchmarks.comparison import NAMES, Comparison, number, shown
from benchmarks.environments import OURS
from benchmarks.section import Section, Target

ALLOWED = 50
STEADY_FROM = 30
"""Seconds until the limiter has found the server's rate."""
WAYS = (("without", "ours"), ("with", "ours"), ("official", "official"))
LABELS = {"without": "aymara-async", "with": "aymara-async, journal", "official": NAMES["official"]}


@dataclass
class Job:
    """A sandbox with responses to score."""

    bench: Bench
    folder: Path
    where: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)
    """What the sandbox saw; known at the end."""

    def score(self, contestant: str, *, with_journal: bool, batch_size: int = 50) -> Comparison:
        url, key, eval_uuid = self.where.values()
        return replace(self.bench, url=url).compare(
            [contestant],
            "score",
            processes=1,
            rounds=1,
            key=key,
            eval_uuid=eval_uuid,
            file=str(self.folder / "responses.jsonl"),
            journal=str(self.folder / "journal.db") if with_journal else None,
            batch_size=batch_size,
        )


@contextmanager
def _job(bench: Bench, responses: int, **settings: object) -> Iterator[Job]:
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/responses.jsonl"
        command = [OURS.python, "-P", "-m", "benchmarks.scoring_server", str(responses), file, json.dumps(settings)]
        with running(command) as server:
            assert server.stdout
            assert server.stdin
            job = Job(bench, Path(folder), json.loads(server.stdout.readline()))
            yield job
            server.stdin.close()
            job.told = json.loads(server.stdout.readline())


def scoring(bench: Bench) -> Iterator[Section]:
    """Score 100,000 responses with and without a journal."""
    responses = bench.of(100_000, 5_000)
    section = Section(
        f"Score {responses:,} responses",
        "Batches of 50 from a JSON Lines file, 8 requests under way, into one run; the sandbox in a process of its "
        "own. The official client is given the same batches by a semaphore and `asyncio.gather`. Memory is the growth "
        "of the peak during the job.",
        ("", "responses a second", "CPU per response, µs", "memory, MB", "no score came back", "scored at the server"),
    )
    found = {way: Comparison() for way, _ in WAYS}
    scored: dict[str, str] = {}
    for number_of_round in range(bench.of(5, 1)):
        for way, contestant in WAYS:
            if contestant == "official" and number_of_round:
                continue
            with _job(bench, responses) as job:
                sample = job.score(contestant, with_journal=way == "with").samples[contestant][0]
            found[way].add(contestant, sample)
            scored[way] = f"{job.told['scored']:,}, each at most {job.told['most_often']}x"
    for way, contestant in WAYS:
        cells = [shown(found[way], contestant, key) for key in ("per_s", "cpu_us", "more_mb")]
        section.lines.append([LABELS[way], *cells, number(found[way].median(contestant, "missed")), scored[way]])
    by_round = [
        with_journal["per_s"] / without["per_s"]
        for with_journal, without in zip(*(found[way].samples["ours"] for way in ("with", "without")), strict=True)
    ]
    section.targets = [
        Target("throughput that the journal costs", 1 - median(by_round), at_most=0.15),
        Target("memory, MB", max(found[way].median("ours", "more_mb") for way in ("with", "without")), at_most=60),
    ]
    yield section


def limited(bench: Bench) -> Iterator[Section]:
    """Score against a server that allows 50 requests a second."""
    seconds = bench.of(60, 40)
    responses = ALLOWED * seconds
    section = Section(
        f"A server that allows {ALLOWED} requests a second",
        f"{responses:,} responses, one in each request, so that {seconds} s are the limit; refusals say when to come "
        f"again. The share of what is allowed is that from second {STEADY_FROM} on.",
        ("", "seconds", "used of what is allowed", "requests refused", "no score came back"),
    )
    for contestant in ("ours", "official"):
        with _job(bench, responses, rate_limit=ALLOWED) as job:
            found = job.score(contestant, with_journal=False, batch_size=1)
        steady = job.told["accepted"][STEADY_FROM:-1] or [0]
        used, refused = sum(steady) / len(steady) / ALLOWED, job.told["refused"] / job.told["requests"]
        missed = found.median(contestant, "missed")
        cells = [number(found.median(contestant, "s")), f"{used:.1%}", f"{refused:.1%}", number(missed)]
        section.lines.append([NAMES[contestant], *cells])
        if contestant == "ours":
            section.targets = [
                Target("used of what is allowed", used, at_least=0.9),
                Target("requests refused", refused, at_most=0.05),
                Target("responses without a score", missed, at_most=0),
            ]
    yield section


def growth(bench: Bench) -> Iterator[Section]:
    """Score 10^2 to 10^6 responses."""
    section = Section(
        "How cost grows with the number of responses to score",
        "With a journal; otherwise as above. Medians of three, but of the most a single run.",
        ("responses", "CPU per response, µs", "responses a second", "memory, MB"),
    )
    costs: dict[int, float] = {}
    last = bench.of(6, 4)
    for responses in (10**power for power in range(2, last + 1)):
        found = Comparison()
        for _ in range(1 if responses > 10**5 else bench.of(3, 1)):
            with _job(bench, responses) as job:
                found.add("ours", job.score("ours", with_journal=True).samples["ours"][0])
        costs[responses] = found.median("ours", "cpu_us")
        cells = [number(found.median("ours", key)) for key in ("cpu_us", "per_s", "more_mb")]
        section.lines.append([f"{responses:,}", *cells])
    section.targets = [Target("cost of a response, most to 10,000", costs[10**last] / costs[10**4], at_most=1.25)]
    yield section
