"""A whole eval, from its creation to its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.bench import Bench, running
from benchmarks.comparison import times
from benchmarks.rows.sandbox import SANDBOX
from benchmarks.section import Section, Target
from benchmarks.ways import NAMES

PROMPTS, SECONDS = 500, 0.1


def running_evals(bench: Bench) -> Iterator[Section]:
    """Let the runners run an eval of 500 prompts against a model that takes 100 ms."""
    with running(SANDBOX) as server:
        assert server.stdout
        url, key = server.stdout.readline().split()
        found = replace(bench, url=url).compare(
            ["ours", "official"], "evaluate", processes=1, rounds=5, key=key, prompts=PROMPTS, seconds=SECONDS
        )
    section = Section(
        f"A whole eval of {PROMPTS} prompts",
        f"A model that takes {SECONDS * 1000:.0f} ms for an answer; the sandbox in a process of its own. Ours puts 32 "
        "prompts to it at once; the official runner one at a time, and only the first 100. Its polling was set to 1 s "
        f"instead of its 5 s. {found.rounds}",
        ("", "prompts answered", "seconds", "ms per prompt", "to ours"),
        [
            [
                NAMES[one],
                *[str(found.of(one, key)) for key in ("scored", "s", "ms_per_prompt")],
                times(found.ratio("ms_per_prompt", one, "ours").median),
            ]
            for one in found.samples
        ],
    )
    faster = found.ratio("ms_per_prompt", "official", "ours")
    section.targets = [
        Target("prompts answered", found.of("ours", "scored").median, at_least=PROMPTS),
        Target("seconds", found.of("ours", "s"), at_most=2.5),
        Target("time per prompt, official to ours", faster, at_least=15),
    ]
    yield section
