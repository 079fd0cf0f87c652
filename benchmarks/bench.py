"""The running benchmark: the canned server, the contestants' processes, and the order in which they take turns."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO, Any, cast

from benchmarks.comparison import Comparison, Sample
from benchmarks.environments import CACHE, OFFICIAL, OURS, ROOT, TOOLS
from benchmarks.ways import ENVIRONMENTS, Way, ways_of

SEEN = CACHE / "path"
"""A folder with nothing but a link to the benchmarks, so that no contestant sees the checkout's own package."""


def clean_environment() -> dict[str, str]:
    """Return the variables of a contestant: no settings of either SDK, no proxies, this folder's code to run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AYMARA_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONPATH": str(SEEN), "PYTHONHASHSEED": "0"}


def link_benchmarks() -> None:
    """Let the contestants see this checkout's benchmarks."""
    SEEN.mkdir(parents=True, exist_ok=True)
    link = SEEN / "benchmarks"
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "benchmarks", target_is_directory=True)


@contextmanager
def running(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """Run a process that ends with its input."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(), cwd=SEEN
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()


class Worker:
    """A contestant's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._orders, self._results = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def run(self, task: str, arguments: dict[str, Any]) -> Sample:
        self._orders.write(json.dumps({"task": task, "arguments": arguments}) + "\n")
        self._orders.flush()
        line = self._results.readline()
        if not line:
            raise RuntimeError(f"A contestant's process ended during {task} {arguments}; its traceback is above.")
        result: Sample = json.loads(line)
        return result


@dataclass
class Bench:
    """Where the contestants are sent, and how patiently."""

    url: str
    is_quick: bool

    def compare(
        self,
        contestants: Sequence[str] | Mapping[str, Way],
        task: str,
        *,
        processes: int = 3,
        rounds: int = 5,
        **arguments: Any,
    ) -> Comparison:
        """Let the contestants take turns, round after round, each in a process of its own, anew some times.

        Each round in a random order, or the same would always come after the heaviest.
        """
        print(f"  {task} {arguments}", file=sys.stderr, flush=True)
        ways = ways_of(contestants)
        comparison = Comparison({name: [] for name in ways})
        order, chance = [*ways], Random(0)
        for _ in range(1 if self.is_quick else processes):
            with ExitStack() as stack:
                workers = {name: stack.enter_context(self._worker(way.contestant)) for name, way in ways.items()}
                for _ in range(min(rounds, 2) if self.is_quick else rounds):
                    chance.shuffle(order)
                    for name in order:
                        comparison.add(name, workers[name].run(task, {**arguments, **ways[name].own}))
        return comparison

    @contextmanager
    def _worker(self, contestant: str) -> Iterator[Worker]:
        command: list[str | Path] = [
            ENVIRONMENTS[contestant].python,
            "-P",
            "-m",
            "benchmarks.measuring.worker",
            contestant,
            self.url,
        ]
        with running(command) as process:
            yield Worker(process)

    def of(self, patient: int, quick: int) -> int:
        """Choose by how patient this run is."""
        return quick if self.is_quick else patient


@contextmanager
def started(*, is_quick: bool) -> Iterator[Bench]:
    """Make the environments and start the server; one benchmark at a time, as they share both."""
    with alone():
        for environment in (OURS, OFFICIAL, TOOLS):
            environment.make()
        link_benchmarks()
        with running([TOOLS.python, "-P", "-m", "benchmarks.server"]) as server:
            assert server.stdout
            yield Bench(server.stdout.readline().strip(), is_quick)


@contextmanager
def alone() -> Iterator[None]:
    """Keep other benchmarks of this user out."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("Another benchmark is running; it would disturb this one.") from None
        yield
