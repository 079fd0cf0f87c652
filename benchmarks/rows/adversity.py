"""Many responses where something is in the way: a limited rate, failing requests, other calls of the same client."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.comparison import Comparison, times
from benchmarks.rows.scoring_job import canned_scoring_job, scoring_job
from benchmarks.section import Section, Target
from benchmarks.ways import NAMES, Way

ALLOWED = 50
STEADY_FROM = 30
"""Seconds until the limiter has found the server's rate."""
FAILING = 0.2
FAULTS = (
    {"kind": "error", "status": 429, "retry_after": 0},
    {"kind": "error", "status": 503},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 502, "processed": True},
    {"kind": "reset"},
    {"kind": "reset", "processed": True},
    {"kind": "truncate"},
    {"kind": "content_type"},
)


def limited(bench: Bench) -> Iterator[Section]:
    """Score against a server that allows 50 requests a second."""
    seconds = bench.of(60, 40)
    responses = ALLOWED * seconds
    found = Comparison()
    for _ in range(bench.of(2, 1)):
        for contestant in ("ours", "official"):
            with scoring_job(bench, responses, rate_limit=ALLOWED) as job:
                sample = job.score(Way(contestant), batch_size=1)
            steady = job.told["accepted"][STEADY_FROM:-1] or [0]
            sample["used"] = (responses - sample["missed"]) / sample["s"] / ALLOWED
            sample["steady"] = sum(steady) / len(steady) / ALLOWED
            sample["refused"] = job.told["refused"] / job.told["requests"]
            found.add(contestant, sample)
    section = Section(
        f"A server that allows {ALLOWED} requests a second",
        f"{responses:,} responses, one in each request, so that {seconds} s are the limit; refusals say when to come "
        f"again. What is used of what is allowed: of the whole job, and from second {STEADY_FROM} on, when the rate is "
        f"known. {found.rounds}",
        ("", "seconds", "used", f"from second {STEADY_FROM}", "requests refused", "no score"),
    )
    for one in found.samples:
        shares = [found.of(one, key).written("{:.1%}".format) for key in ("used", "steady", "refused")]
        section.lines.append([NAMES[one], str(found.of(one, "s")), *shares, str(found.of(one, "missed"))])
    section.targets = [
        Target(f"used of what is allowed, from second {STEADY_FROM}", found.of("ours", "steady"), at_least=0.9),
        Target("requests refused", found.of("ours", "refused"), at_most=0.05),
        Target("responses without a score, in any round", max(found.of("ours", "missed").values), at_most=0),
    ]
    yield section


def failing(bench: Bench) -> Iterator[Section]:
    """Score while one request in five fails, some after the server has done the work."""
    responses, each = bench.of(5_000, 1_000), 1 - (1 - FAILING) ** (1 / len(FAULTS))
    quick_to_look = {"options": {"grace_period": 0.5}}
    ways = {
        NAMES["ours"]: Way("ours", quick_to_look),
        "aymara-async, journal": Way("ours", {**quick_to_look, "journal": True}),
        NAMES["official"]: Way("official"),
        NAMES["official_aiohttp"]: Way("official_aiohttp"),
    }
    found = Comparison()
    for seed in range(1, bench.of(3, 1) + 1):
        faults = [{**one, "probability": each} for one in FAULTS]
        for label, way in ways.items():
            with scoring_job(bench, responses, faults=faults, seed=seed) as job:
                sample = job.score(way, batch_size=10)
            sample["failed"] = job.told["failed"] / job.told["requests"]
            sample["never"], sample["twice"] = responses - job.told["scored"], job.told["scored_again"]
            found.add(label, sample)
    section = Section(
        "A server where one request in five fails",
        f"{responses:,} responses in batches of 10. Requests are refused, answered with errors, cut off before or "
        "after the server has done the work, or answered with half a body or with HTML. Ours looks for what was lost "
        "for half a second before it sends it again, in place of the 30 s that are its default; that makes it quicker, "
        f"and no more exact. {found.rounds}",
        ("", "seconds", "requests failed", "no score", "never scored", "scored more than once"),
    )
    for label, way in ways.items():
        failed = found.of(label, "failed").written("{:.0%}".format)
        counts = [str(found.of(label, key)) for key in ("missed", "never", "twice")]
        section.lines.append([label, str(found.of(label, "s")), failed, *counts])
        if way.contestant == "ours":
            lost = max(one["missed"] + one["never"] + one["twice"] for one in found.samples[label])
            section.targets.append(Target(f"lost or scored twice in any round, {label}", lost, at_most=0))
    yield section


def flaky(bench: Bench) -> Iterator[Section]:
    """Score while some requests are answered 503, whatever the rate."""
    responses, shares = bench.of(20_000, 5_000), (0.0, 0.01, 0.03, 0.05)
    found = Comparison()
    for seed in range(1, bench.of(3, 2) + 1):
        for share in shares:
            faults = [{"kind": "error", "status": 503, "probability": share}] if share else []
            with scoring_job(bench, responses, faults=faults, seed=seed) as job:
                sample = job.score(Way("ours", {"journal": True}), batch_size=10)
            sample["twice"] = job.told["scored_again"]
            found.add(f"{share:.0%}", sample)
    section = Section(
        "A server that is unavailable now and then",
        f"{responses:,} responses in batches of 10, with a journal; a share of all requests is answered 503, without "
        f"Retry-After. {found.rounds}",
        ("answered 503", "seconds", "to none", "no score", "scored more than once"),
    )
    for one in found.samples:
        slower = found.ratio("s", one, "0%")
        counts = [str(found.of(one, key)) for key in ("missed", "twice")]
        section.lines.append([one, str(found.of(one, "s")), times(slower.median), *counts])
        if one != "0%":
            section.targets.append(Target(f"time with {one} answered 503, to none", slower, at_most=2))
    yield section


def beside(bench: Bench) -> Iterator[Section]:
    """Make single calls while a job runs whose server takes its time, so that no side is short of a processor."""
    responses = bench.of(10_000, 2_000)
    found = Comparison()
    for _ in range(bench.of(5, 1)):
        with canned_scoring_job(bench, responses, seconds=0.5) as job:
            sample = job.run("call_beside", Way("ours", {"journal": True}), seconds=bench.of(10, 2))
        found.add("ours", sample)
    section = Section(
        "A single call beside a bulk job",
        f"`evals.get` every 10 ms by the client that scores {responses:,} responses with a journal, on the canned "
        f"server, which takes half a second for a batch; alone means without the job. {found.rounds}",
        ("", "p50, ms", "p99, ms"),
        [[when, *[str(found.of("ours", f"{when}_p{share}_ms")) for share in (50, 99)]] for when in ("alone", "beside")],
    )
    for sample in found.samples["ours"]:
        sample["slower"] = sample["beside_p99_ms"] / sample["alone_p99_ms"]
    section.targets = [Target("p99, beside to alone", found.of("ours", "slower"), at_most=3)]
    yield section
