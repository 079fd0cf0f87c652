"""Jobs that are killed again and again while answers get lost: is every response scored exactly once on the server?

``python -m tests.bulk.crashes 200`` runs as many seeds, and every single step of a small job; ``--seed 17`` runs one.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from aymara_async import AymaraAI
from aymara_async.sandbox import Sandbox, Verdict

ROOT = Path(__file__).parents[2]
SCORE, LIST, RESPONSES = "evals.runs.score_responses", "evals.runs.list", "evals.runs.list_responses"
GRACE = 0.2
LOSSES = (
    {"kind": "reset", "operation": SCORE, "processed": True},
    {"kind": "reset", "operation": SCORE, "processed": False},
    {"kind": "error", "operation": SCORE, "status": 500, "processed": True},
    {"kind": "error", "operation": SCORE, "status": 502, "processed": False},
    {"kind": "error", "operation": SCORE, "status": 503},
    {"kind": "error", "operation": SCORE, "status": 429},
    {"kind": "truncate", "operation": SCORE},
    {"kind": "content_type", "operation": SCORE},
    {"kind": "corrupt", "operation": SCORE},
    {"kind": "error", "operation": LIST, "status": 500},
    {"kind": "error", "operation": RESPONSES, "status": 500},
    {"kind": "reset", "operation": RESPONSES},
    {"kind": "latency", "operation": SCORE, "seconds": 0.005, "jitter": 0.02},
)


def judge(prompt: Any, response: Any, eval: Any) -> Verdict:
    return Verdict(True, 1.0, "x")


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
        self._sandbox = Sandbox(judge=judge, faults=faults, seed=seed)
        self._folder = folder
        self._responses = responses
        self._scorer = scorer

    def __enter__(self) -> Self:
        self._sandbox.__enter__()
        with AymaraAI(api_key=self._sandbox.api_key, base_url=self._sandbox.url) as client:
            created = client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
            prompts = [{"content": f"prompt {number}"} for number in range(self._responses)]
            client.evals.update(created.eval_uuid, prompt_creates=prompts)
            self.prompts = [prompt.prompt_uuid for prompt in client.evals.list_prompts(created.eval_uuid)]
        self._order = {
            "url": self._sandbox.url,
            "key": self._sandbox.api_key,
            "journal": str(self._folder / "journal.db"),
            "result": str(self._folder / "result.json"),
            "rows": [{"prompt_uuid": prompt, "content": f"answer to {prompt}"} for prompt in self.prompts],
            "scorer": {"eval_uuid": created.eval_uuid, "grace_period": GRACE, "patience": 20, **self._scorer},
        }
        return self

    def __exit__(self, *error: object) -> None:
        self._sandbox.__exit__(None, None, None)
        for path in self._folder.iterdir():
            path.unlink()

    def run(self, **kill: Any) -> dict[str, Any] | None:
        return self._worker.run({**self._order, **kill})

    def check(self, last: dict[str, Any]) -> None:
        """Every response was scored exactly once on the server, and the last session has yielded each."""
        scored = Counter[str]()
        for turn, times in self._sandbox.scored.items():
            scored[turn.prompt_uuid] += times
        twice = [prompt for prompt, times in scored.items() if times > 1]
        never = [prompt for prompt in self.prompts if not scored[prompt]]
        assert "error" not in last, last
        assert not twice, f"scored twice: {twice}"
        assert not never, f"never scored: {never}"
        assert Counter(last["yielded"]) == Counter(self.prompts)
        assert last["submitted"] == last["scored"] == len(self.prompts)


def random_case(worker: Worker, folder: Path, seed: int) -> Counter[str]:
    """Run one seed; tell what happened."""
    dice = random.Random(seed)
    faults = [
        {**fault, "probability": dice.uniform(0.05, 0.3), "times": dice.randint(1, 6)}
        for fault in dice.sample(LOSSES, dice.randint(1, 5))
    ]
    happened = Counter[str]()
    with Case(
        worker,
        folder,
        responses=dice.randint(10, 90),
        faults=faults,
        seed=seed,
        batch_size=dice.choice([1, 3, 7, 10, 25]) if dice.random() < 0.8 else 100,
        concurrency=dice.randint(1, 5),
        run_per_batch=dice.random() < 0.4,
    ) as case:
        for _ in range(dice.randint(1, 5)):
            if dice.random() < 0.75:
                kill: dict[str, Any] = {"kill_at_step": dice.randint(1, dice.choice([30, 100, 300]))}
            else:
                kill = {"kill_after": dice.uniform(0.001, 0.3)}
            ended = case.run(**kill)
            happened["killed" if ended is None else "completed before the kill"] += 1
            if ended is not None:
                break
        last = case.run()
        assert last is not None
        happened["reconciled"] += last.get("reconciled", 0)
        happened["resumed"] += last.get("resumed", 0)
        happened["responses"] += len(case.prompts)
        happened.update(fault for request in case._sandbox.requests for fault in request.faults)
        case.check(last)
    return happened


def every_step(worker: Worker, folder: Path, **scorer: Any) -> int:
    """Kill a small job at each of its steps in turn; return how many there are."""
    step, steps = 0, 1
    while step < steps:
        step += 1
        with Case(worker, folder, responses=7, faults=[], seed=0, batch_size=3, concurrency=2, **scorer) as case:
            killed = case.run(kill_at_step=step)
            if killed is not None:
                break
            last = case.run()
            assert last is not None
            case.check(last)
            steps = max(steps, step + 1)
    return step - 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    seeds = range(arguments.runs) if arguments.seed is None else [arguments.seed]
    happened = Counter[str]()
    failures = 0
    began = monotonic()
    with Worker() as worker, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in seeds:
            try:
                happened += random_case(worker, folder, seed)
            except AssertionError as error:
                failures += 1
                print(f"seed {seed}: {error}")
        if arguments.seed is None:
            for run_per_batch in (False, True):
                steps = every_step(worker, folder, run_per_batch=run_per_batch)
                print(f"killed at each of {steps} steps, run_per_batch={run_per_batch}: each response scored once")
    print(f"{len(seeds)} random runs in {monotonic() - began:.0f} s, {failures} failed")
    print(", ".join(f"{number} {what}" for what, number in happened.most_common()))
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
