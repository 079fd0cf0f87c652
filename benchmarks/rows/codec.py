"""Bytes to objects and back, without a network."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.answers import decoding_bodies
from benchmarks.bench import Bench
from benchmarks.comparison import NAMES, shown
from benchmarks.section import Section, Target


def decoding(bench: Bench) -> Iterator[Section]:
    """Decode the answers that are large."""
    section = Section(
        "Decode",
        "From the bytes of a body to objects. `orjson.loads` makes dictionaries and checks nothing but JSON; ours "
        "are checked, typed objects with datetimes; the official ones are unchecked unless asked for.",
        ("µs of CPU", "bytes", NAMES["ours"], "orjson.loads", "official", "ours to orjson", "official to ours"),
    )
    for work, body in decoding_bodies().items():
        seconds = 0.2 if bench.is_quick else 0.5
        comparison = bench.compare(["ours", "limit", "official"], "decode", work=work, seconds=seconds)
        of_orjson, faster = comparison.ratio("cpu_us", "ours", "limit"), comparison.ratio("cpu_us", "official", "ours")
        times = [shown(comparison, one, "cpu_us") for one in ("ours", "limit", "official")]
        section.lines.append([work, f"{len(body):,}", *times, f"{of_orjson:.2f}x", f"{faster:.1f}x"])
        if work != "one eval":
            section.targets += [
                Target(f"{work}, to orjson.loads", of_orjson, at_most=2.5),
                Target(
                    f"{work}, official to ours",
                    faster,
                    at_least=25,
                    of_limit=comparison.ratio("cpu_us", "official", "limit"),
                ),
            ]
    yield section


def encoding(bench: Bench) -> Iterator[Section]:
    """Encode a request of 1,000 responses."""
    section = Section(
        "Encode a request of 1,000 responses",
        "From what the caller passes to the bytes that are sent; ours are checked field by field on the way.",
        ("ms of CPU", "median (quartiles)", "to ours"),
    )
    comparison = bench.compare(
        ["ours", "limit", "official"], "encode", function="encoding", responses=1000, seconds=0.5
    )
    instances = bench.compare(["ours"], "encode", function="encoding_objects", responses=1000, seconds=0.5)
    for each in (comparison, instances):
        for samples in each.samples.values():
            for sample in samples:
                sample["ms"] = sample["cpu_us"] / 1000
    labels = {
        "ours": "aymara-async, dictionaries",
        "limit": "orjson.dumps, unchecked",
        "official": "official, dictionaries",
    }
    for one, label in labels.items():
        section.lines.append([label, shown(comparison, one, "ms"), f"{comparison.ratio('cpu_us', one, 'ours'):.2f}x"])
    to_dictionaries = instances.median("ours", "ms") / comparison.median("ours", "ms")
    section.lines.append(["aymara-async, instances", shown(instances, "ours", "ms"), f"{to_dictionaries:.2f}x"])
    faster = comparison.ratio("cpu_us", "official", "ours")
    section.targets.append(Target("official to ours", faster, at_least=100))
    yield section
