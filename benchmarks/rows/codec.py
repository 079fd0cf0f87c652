"""Bytes to objects and back, without a network."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.answers import decoding_bodies
from benchmarks.bench import Bench
from benchmarks.comparison import times
from benchmarks.section import Section, Target
from benchmarks.ways import Way

DECODING = {"ours": "aymara-async", "limit": "orjson.loads", "official": "official"}
ENCODING = {
    "ours": ("aymara-async, dictionaries", Way("ours", {"function": "encoding"})),
    "instances": ("aymara-async, instances", Way("ours", {"function": "encoding_objects"})),
    "limit": ("orjson.dumps, unchecked", Way("limit", {"function": "encoding"})),
    "official": ("official, dictionaries", Way("official", {"function": "encoding"})),
}


def decoding(bench: Bench) -> Iterator[Section]:
    """Decode the answers that are large."""
    section = Section("Decode", "", ("", "body", "bytes", "µs of CPU", "to ours"))
    for work, body in decoding_bodies().items():
        comparison = bench.compare([*DECODING], "decode", work=work, seconds=0.2 if bench.is_quick else 0.5)
        section.text = (
            f"From the bytes of a body to objects. {comparison.rounds} `orjson.loads` makes dictionaries and checks "
            "nothing but JSON; ours are checked, typed objects with datetimes; the official ones are unchecked unless "
            "asked for."
        )
        for one, name in DECODING.items():
            cpu, ratio = comparison.of(one, "cpu_us"), comparison.ratio("cpu_us", one, "ours")
            section.lines.append([name, work, f"{len(body):,}", str(cpu), times(ratio.median)])
        if work != "one eval":
            faster, of_limit = (comparison.ratio("cpu_us", "official", one) for one in ("ours", "limit"))
            section.targets += [
                Target(f"{work}, to orjson.loads", comparison.ratio("cpu_us", "ours", "limit"), at_most=2.5),
                Target(f"{work}, official to ours", faster, at_least=25, of_limit=of_limit.median),
            ]
    yield section


def encoding(bench: Bench) -> Iterator[Section]:
    """Encode a request of 1,000 responses."""
    ways = {one: way for one, (_, way) in ENCODING.items()}
    comparison = bench.compare(ways, "encode", responses=1000, seconds=0.2 if bench.is_quick else 0.5)
    section = Section(
        "Encode a request of 1,000 responses",
        f"From what the caller passes to the bytes that are sent; ours are checked field by field on the way. "
        f"{comparison.rounds}",
        ("", "µs of CPU", "to ours"),
    )
    for one, (label, _) in ENCODING.items():
        ratio = comparison.ratio("cpu_us", one, "ours")
        section.lines.append([label, str(comparison.of(one, "cpu_us")), times(ratio.median)])
    section.targets.append(Target("official to ours", comparison.ratio("cpu_us", "official", "ours"), at_least=100))
    yield section
