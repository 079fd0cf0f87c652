"""Jobs that are killed again and again while answers get lost: is every response scored exactly once on the server?

``python -m tests.bulk.crashes 200`` runs as many seeds, and kills a small job at each single step; it prints how often
a job was killed at which point, and fails where one was never hit. ``--seed 17`` runs one seed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import attrs

from aymara_async import AymaraAI
from aymara_async.sandbox import Sandbox, Verdict
from tests.bulk.crash_plans import SCORE, make_plan
from tests.bulk.kill_points import AT_WORK, POINTS

ROOT = Path(__file__).parents[2]


class Worker:
    """The process that forks the jobs."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bulk.crash_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate()

    def run(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Run a job; None if it was killed."""
        assert self._process.stdin
        assert self._process.stdout
        result = Path(order["result"])
        result.unlink(missing_ok=True)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, 9), status
        return None if status == 9 else json.loads(result.read_text())


class Case:
    """One job against a sandbox of its own."""

    def __init__(
        self, worker: Worker, folder: Path, *, responses: int, faults: list[Any], seed: int, **scorer: Any
    ) -> None:
        self._worker = worker
        self._kill: dict[str, Any] = {}
        self._judged = 0
        self.sandbox = Sandbox(judge=self._judge, faults=faults, seed=seed)
        self._folder = folder
        self._responses = responses
        self._scorer = scorer

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        with AymaraAI(api_key=self.sandbox.api_key, base_url=self.sandbox.url) as client:
            created = client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
            assert created.eval_uuid
            prompts = [{"content": f"prompt {number}"} for number in range(self._responses)]
            client.evals.update(created.eval_uuid, prompt_creates=prompts)
            self.prompts = [prompt.prompt_uuid for prompt in client.evals.list_prompts(created.eval_uuid)]
        self._order: dict[str, Any] = {
            "url": self.sandbox.url,
            "key": self.sandbox.api_key,
            "journal": str(self._folder / "journal.db"),
            "result": str(self._folder / "result.json"),
            "pid": str(self._folder / "pid"),
            "rows": [{"prompt_uuid": prompt, "content": f"answer to {prompt}"} for prompt in self.prompts],
            "scorer": {"eval_uuid": created.eval_uuid, "grace_period": 0.2, "patience": 20, **self._scorer},
        }
        return self

    def __exit__(self, *error: object) -> None:
        self.sandbox.__exit__(None, None, None)
        for path in self._folder.iterdir():
            path.unlink()

    def run(self, **kill: Any) -> dict[str, Any] | None:
        """Run the job; None if it was killed, ``killed_at`` tells where."""
        trace = self._folder / "trace.json"
        trace.write_text(json.dumps(AT_WORK))
        self._kill, self._judged = kill, 0
        outcome = self._worker.run({**self._order, "kill": {**kill, "trace": str(trace)}})
        self.killed_at: str | None = None if outcome else json.loads(trace.read_text())
        return outcome

    def _judge(self, prompt: Any, response: Any, eval: Any) -> Verdict:
        self._judged += 1
        if self._judged == self._kill.get("judged"):
            os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)
        return Verdict(True, 1.0, "x")

    def scored(self) -> Counter[str]:
        """How often the server scored the response to each prompt, in whichever run."""
        scored = Counter[str]()
        for turn, times in self.sandbox.scored.items():
            scored[turn.prompt_uuid] += times
        return scored

    def recorded(self) -> set[str]:
        """Which prompts the journal says were answered in a batch that was to be sent."""
        with closing(sqlite3.connect(self._order["journal"])) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return set()  # there was not even room to make it
            turns = connection.execute("SELECT value FROM batches, json_each(batches.turns)").fetchall()
        return {json.loads(turn)[2] for (turn,) in turns}

    def check(self, last: dict[str, Any]) -> None:
        """Every response was scored exactly once on the server, and the last session has yielded each."""
        scored = self.scored()
        twice = [prompt for prompt, times in scored.items() if times > 1]
        never = [prompt for prompt in self.prompts if not scored[prompt]]
        assert "error" not in last, last
        assert not twice, f"scored twice: {twice}"
        assert not never, f"never scored: {never}"
        assert Counter(last["yielded"]) == Counter(self.prompts)
        assert last["submitted"] == last["scored"] == len(self.prompts)


@attrs.define
class Tally:
    """What happened in many cases."""

    killed_at: Counter[str] = attrs.field(factory=Counter[str])
    passed: Counter[str] = attrs.field(factory=Counter[str])
    """Points that were passed without being killed at, in sessions that ended."""
    other: Counter[str] = attrs.field(factory=Counter[str])

    def add(self, case: Case, outcome: dict[str, Any] | None) -> None:
        if outcome is None:
            assert case.killed_at
            self.killed_at[case.killed_at] += 1
        else:
            self.passed.update(outcome["passed"])

    def never_hit(self) -> list[str]:
        return sorted({*self.passed, *POINTS} - self.killed_at.keys())

    def __str__(self) -> str:
        lines = [f"{number:6}  {point}" for point, number in sorted(self.killed_at.items())]
        lines += [f"     0  {point}" for point in self.never_hit()]
        return "\n".join(["killed", *lines, ", ".join(f"{number} {what}" for what, number in self.other.most_common())])


def random_case(worker: Worker, folder: Path, seed: int, tally: Tally | None = None) -> None:
    """Run one seed: a job that is killed again and again, while the server misbehaves."""
    tally, plan = tally or Tally(), make_plan(seed)
    with Case(worker, folder, responses=plan.responses, faults=plan.faults, seed=seed, **plan.scorer) as case:
        for kill in plan.kills:
            outcome = case.run(**kill)
            tally.add(case, outcome)
            if outcome is not None:
                break
        last = case.run()
        assert last is not None
        tally.add(case, last)
        tally.other["responses"] += len(case.prompts)
        tally.other["from the journal"] += last.get("resumed", 0)
        tally.other["found at the server"] += last.get("reconciled", 0)
        for request in case.sandbox.requests:
            done = " after the batch was scored" if request.operation == SCORE and request.status == 200 else ""
            tally.other.update(f"{fault}{done}" for fault in request.faults)
        case.check(last)


def every_step(worker: Worker, folder: Path, tally: Tally | None = None, **scorer: Any) -> int:
    """Kill a small job at each of its steps in turn; return how many there are."""
    step, steps, tally = 0, 1, tally or Tally()
    while step < steps:
        step += 1
        with Case(worker, folder, responses=7, faults=[], seed=0, batch_size=3, concurrency=2, **scorer) as case:
            outcome = case.run(step=step)
            tally.add(case, outcome)
            if outcome is not None:
                break
            last = case.run()
            assert last is not None
            tally.add(case, last)
            case.check(last)
            steps = max(steps, step + 1)
    return step - 1


def aim_at_the_rest(worker: Worker, folder: Path, tally: Tally) -> None:
    """Run further seeds that aim at the points which were not hit so far: some depend on who comes first."""
    for point in tally.never_hit():
        if point in POINTS:
            for seed in range(POINTS.index(point) + 1000 * len(POINTS), 1020 * len(POINTS), len(POINTS)):
                if point not in tally.killed_at:
                    random_case(worker, folder, seed, tally)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    seeds = range(arguments.runs) if arguments.seed is None else [arguments.seed]
    tally, failures, began = Tally(), 0, monotonic()
    with Worker() as worker, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in seeds:
            try:
                random_case(worker, folder, seed, tally)
            except AssertionError as error:
                failures += 1
                print(f"seed {seed}: {error}")
        if arguments.seed is None:
            aim_at_the_rest(worker, folder, tally)
        print(f"{tally}\n{len(seeds)} random runs in {monotonic() - began:.0f} s, {failures} failed")
        if arguments.seed is None:
            for run_per_batch in (False, True):
                steps = every_step(worker, folder, run_per_batch=run_per_batch)
                print(f"killed at each of {steps} steps, run_per_batch={run_per_batch}: each response scored once")
    sys.exit(failures > 0 or (arguments.seed is None and bool(tally.never_hit())))


if __name__ == "__main__":
    main()
