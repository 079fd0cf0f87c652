"""A whole eval, from its creation to its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.bench import Bench, running
from benchmarks.comparison import NAMES, number, shown
from benchmarks.environments import OURS
from benchmarks.rows.sandbox import SERVER
from benchmarks.section import Section, Target

PROMPTS, SECONDS = 500, 0.1


def running_evals(bench: Bench) -> Iterator[Section]:
    """Let the runners run an eval of 500 prompts against a model that takes 100 ms."""
    section = Section(
        f"A whole eval of {PROMPTS} prompts",
        f"A model that takes {SECONDS * 1000:.0f} ms for an answer; the sandbox in a process of its own. Ours puts 32 "
        "prompts to it at once; the official runner one at a time, and only the first 100. Its polling was set to 1 s "
        "instead of its 5 s.",
        ("", "prompts answered", "seconds", "ms per prompt"),
    )
    found = {}
    for one, rounds in (("ours", 5), ("official", 2)):
        with running([OURS.python, "-P", "-c", SERVER]) as server:
            assert server.stdout
            url, key = server.stdout.readline().split()
            at_sandbox = replace(bench, url=url)
            found[one] = at_sandbox.compare(
                [one], "evaluate", processes=1, rounds=rounds, key=key, prompts=PROMPTS, seconds=SECONDS
            )
        times = [shown(found[one], one, column) for column in ("s", "ms_per_prompt")]
        section.lines.append([NAMES[one], number(found[one].median(one, "scored")), *times])
    per_prompt = {one: comparison.median(one, "ms_per_prompt") for one, comparison in found.items()}
    section.targets = [
        Target("prompts answered", found["ours"].median("ours", "scored"), at_least=PROMPTS),
        Target("seconds", found["ours"].median("ours", "s"), at_most=2.5),
        Target("time per prompt, official to ours", per_prompt["official"] / per_prompt["ours"], at_least=15),
    ]
    yield section
