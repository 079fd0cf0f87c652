"""A server in a process of its own with responses to score, for the rows that score many."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, running
from benchmarks.comparison import Sample
from benchmarks.environments import OURS, TOOLS
from benchmarks.ways import Way


@dataclass
class ScoringJob:
    """A server with responses to score."""

    bench: Bench
    folder: Path
    where: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)
    """What the server saw; known at the end."""

    def score(self, way: Way, *, batch_size: int = 50) -> Sample:
        return self.run("score", way, batch_size=batch_size)

    def run(self, task: str, way: Way, **arguments: Any) -> Sample:
        """Run a task with the job's eval and file; a true ``journal`` among the way's arguments becomes a path."""
        url, key, eval_uuid = self.where.values()
        journal = str(self.folder / "journal.db") if way.own.get("journal") else None
        with_paths = Way(way.contestant, {**way.own, "journal": journal})
        found = replace(self.bench, url=url).compare(
            {"way": with_paths},
            task,
            processes=1,
            rounds=1,
            key=key,
            eval_uuid=eval_uuid,
            file=str(self.folder / "responses.jsonl"),
            **arguments,
        )
        return found.samples["way"][0]


@contextmanager
def scoring_job(bench: Bench, responses: int, **settings: object) -> Iterator[ScoringJob]:
    """Start a sandbox with so many responses to score."""
    program = [str(OURS.python), "-P", "-m", "benchmarks.scoring_server"]
    with _job(bench, lambda file: [*program, str(responses), file, json.dumps(settings)]) as job:
        yield job


@contextmanager
def canned_scoring_job(bench: Bench, responses: int, seconds: float = 0) -> Iterator[ScoringJob]:
    """Start a canned server with so many responses to score, that takes so many seconds for a batch."""
    program = [str(TOOLS.python), "-P", "-m", "benchmarks.canned_scoring"]
    with _job(bench, lambda file: [*program, str(responses), file, str(seconds)]) as job:
        yield job


@contextmanager
def _job(bench: Bench, command: Callable[[str], list[str]]) -> Iterator[ScoringJob]:
    with tempfile.TemporaryDirectory() as folder, running(command(f"{folder}/responses.jsonl")) as server:
        assert server.stdout
        assert server.stdin
        job = ScoringJob(bench, Path(folder), json.loads(server.stdout.readline()))
        yield job
        server.stdin.close()
        job.told = json.loads(server.stdout.readline())
