"""Jobs that are killed again and again on servers drawn at random: is every response scored exactly once there?

``python -m tests.bulk.crashes 200`` runs as many seeds, and kills a small job at each single step; it prints how often
a job was killed at which point, and fails where one was never hit. ``--seed 17`` runs one seed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
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
from aymara_async.sandbox.shape import Shape
from tests.bulk.crash_plans import SCORE, Plan, make_plan
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


@attrs.define
class Case:
    """One job against a sandbox of its own."""

    worker: Worker
    folder: Path
    responses: int
    seed: int = 0
    faults: list[dict[str, Any]] = attrs.field(factory=list)
    later_faults: list[dict[str, Any]] = attrs.field(factory=list)
    """Those that begin when the eval is made."""
    shape: Shape = attrs.field(factory=Shape)
    scorer: dict[str, Any] = attrs.field(factory=dict)
    rejected: int = 0
    excluded: float = 0.0
    is_late: bool = False
    deletes_journal: bool = False
    sandbox: Sandbox = attrs.field(init=False)
    prompts: list[str] = attrs.field(init=False)
    unscored: set[str] = attrs.field(init=False)
    """Prompts whose responses never get a score."""
    _order: dict[str, Any] = attrs.field(init=False)
    killed_at: str | None = None
    _kill: dict[str, Any] = attrs.field(factory=dict)
    _judged: int = 0
    _told: set[str] = attrs.field(factory=set[str])
    """Prompts of which a session has told that they were sent again, or scored twice."""

    @classmethod
    def planned(cls, worker: Worker, folder: Path, seed: int, plan: Plan) -> Self:
        """Make the case of a random plan."""
        return cls(
            worker,
            folder,
            responses=plan.responses,
            seed=seed,
            faults=plan.faults,
            later_faults=plan.server.faults,
            shape=plan.server.shape,
            scorer=plan.scorer,
            rejected=plan.rejected,
            excluded=plan.excluded,
            is_late=plan.server.is_late,
            deletes_journal=plan.deletes_journal,
        )

    def __enter__(self) -> Self:
        clock = Shape(clock_offset=self.shape.clock_offset)  # which does not jump
        self.sandbox = Sandbox(judge=self._judge, faults=self.faults, seed=self.seed, shape=clock)
        self.sandbox.__enter__()
        with AymaraAI(api_key=self.sandbox.api_key, base_url=self.sandbox.url) as client:
            created = client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
            assert created.eval_uuid
            prompts = [{"content": f"prompt {number}"} for number in range(self.responses)]
            client.evals.update(created.eval_uuid, prompt_creates=prompts)
            self.prompts = [prompt.prompt_uuid for prompt in client.evals.list_prompts(created.eval_uuid)]
        self.sandbox.shape = self.shape
        for fault in self.later_faults:
            self.sandbox.add_fault(fault)
        self._order = {
            "url": self.sandbox.url,
            "key": self.sandbox.api_key,
            "journal": str(self.folder / "journal.db"),
            "result": str(self.folder / "result.json"),
            "pid": str(self.folder / "pid"),
            "rows": self._rows(),
            "scorer": {"eval_uuid": created.eval_uuid, "grace_period": 0.2, "patience": 20, **self.scorer},
        }
        return self

    def _rows(self) -> list[dict[str, Any]]:
        dice = random.Random(self.seed)
        rows = [{"prompt_uuid": prompt, "content": f"answer to {prompt}"} for prompt in self.prompts]
        for row in rows:
            if dice.random() < self.excluded:
                row["exclude_from_scoring"] = True
        self.unscored = {
            row["prompt_uuid"]
            for row in rows
            if "exclude_from_scoring" not in row and self.shape.leaves_unscored(row["prompt_uuid"])
        }
        for number in range(self.rejected):
            rows.insert(dice.randint(0, len(rows)), {"prompt_uuid": f"no prompt {number}", "content": "to be rejected"})
        return rows

    def __exit__(self, *error: object) -> None:
        self.sandbox.__exit__(None, None, None)
        for path in self.folder.iterdir():
            path.unlink()

    def run(self, **kill: Any) -> dict[str, Any] | None:
        """Run the job; None if it was killed, ``killed_at`` tells where."""
        if self.deletes_journal:
            for path in self.folder.glob("journal.db*"):
                path.unlink()
        trace = self.folder / "trace.json"
        trace.write_text(json.dumps(AT_WORK))
        self._kill, self._judged = kill, 0
        outcome = self.worker.run({**self._order, "kill": {**kill, "trace": str(trace)}})
        self.killed_at = None if outcome else json.loads(trace.read_text())
        self._told.update((outcome or {}).get("told", ()))
        return outcome

    def _judge(self, prompt: Any, response: Any, eval: Any) -> Verdict:
        self._judged += 1
        if self._judged == self._kill.get("judged"):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
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
        """Every response was scored exactly once on the server, and the last session has yielded or named each.

        A server that shows late what it has scored may have scored it twice, if that was told.
        """
        told = {name: last.get(name) for name in ("error", "submitted", "scored", "reconciled", "steps", "told")}
        scored = self.scored()
        twice = {prompt for prompt, times in scored.items() if times > 1}
        untold = sorted(twice - self._told)
        if self.is_late and twice and last.get("error_type") in TELL_OF_TOO_MANY:
            # Others may show still later.
            is_named = any(run in last["error"] for run in self.runs_with(twice))
            assert is_named, f"scored twice, and no run of these named: {sorted(twice)}; {told}"
            return
        assert not untold, f"scored twice, and not told: {untold}; {told}"
        assert self.is_late or not twice, f"scored twice: {sorted(twice)}; {told}"
        never = [prompt for prompt in self.prompts if not scored[prompt]]
        assert not never, f"never scored: {never}; {told}"
        assert "error" not in last, told
        assert Counter(last["yielded"]) == Counter(set(self.prompts) - self.unscored), told
        assert sorted(last["unscored"]) == sorted(self.unscored)
        assert len(last["failed"]) == self.rejected
        assert last["scored"] == len(last["yielded"])
        assert last["submitted"] == len(self.prompts) + self.rejected

    def runs_with(self, prompts: set[str]) -> set[str]:
        """Tell in which runs the responses to these prompts are."""
        return {turn.eval_run_uuid for turn in self.sandbox.scored if turn.prompt_uuid in prompts}


TELL_OF_TOO_MANY = ("AmbiguousRunError", "BatchOutcomeUnknownError", "ScoredTwiceError")
"""The errors that name the runs that hold something twice."""


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
    with Case.planned(worker, folder, seed, plan) as case:
        try:
            _kill_again_and_again(case, plan, tally)
        except AssertionError as error:
            raise AssertionError(f"{error}\nseed {seed}: {plan}") from error


def _kill_again_and_again(case: Case, plan: Plan, tally: Tally) -> None:
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
    tally.other["jobs without a journal"] += case.deletes_journal
    tally.other["without a score, and named"] += len(last.get("unscored", ()))
    tally.other["scored twice by a late server, and told"] += sum(times > 1 for times in case.scored().values())
    for request in case.sandbox.requests:
        done = " after the batch was scored" if request.operation == SCORE and request.status == 200 else ""
        tally.other.update(f"{fault}{done}" for fault in request.faults)
    case.check(last)


def every_step(worker: Worker, folder: Path, tally: Tally | None = None, **scorer: Any) -> int:
    """Kill a small job at each of its steps in turn; return how many there are."""
    step, steps, tally = 0, 1, tally or Tally()
    settings = {"batch_size": 3, "concurrency": 2, **scorer}
    while step < steps:
        step += 1
        with Case(worker, folder, responses=7, scorer=settings) as case:
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
                print(error, flush=True)
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
