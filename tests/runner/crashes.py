"""Whole evals that are killed again and again on servers drawn at random: one eval, its prompts once, each answer once.

``python -m tests.runner.crashes 100`` runs as many seeds, ``--seed 17`` one of them.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import attrs

from aymara_async import AymaraAI
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.shape import Shape
from tests.bulk.crashes import Worker
from tests.bulk.random_server import RandomServer, draw_server

SCORE = "evals.runs.score_responses"
MAKING = (
    {"kind": "reset", "operation": "evals.create", "processed": True},
    {"kind": "reset", "operation": "evals.create"},
    {"kind": "error", "operation": "evals.create", "status": 524, "processed": True},
    {"kind": "reset", "operation": "evals.update", "processed": True},
    {"kind": "reset", "operation": "evals.update"},
    {"kind": "error", "operation": "evals.update", "status": 507, "processed": True},
)
"""What may be lost while the eval is made."""


@attrs.frozen
class Plan:
    """What happens in a random run, decided from its seed alone."""

    prompts: int
    runner: dict[str, Any]
    server: RandomServer
    faults: list[dict[str, Any]]
    kills: list[dict[str, Any]]
    deletes_journal: bool
    """Whether the journal is lost between the sessions, which know eval and run by their key."""

    @classmethod
    def draw(cls, seed: int) -> Plan:
        dice = random.Random(f"eval {seed}")
        server = draw_server(dice, scoring=SCORE, may_be_late=False)
        making = dice.sample(MAKING, dice.randint(0, 2))
        has_key = dice.random() < 0.4
        return cls(
            prompts=dice.randint(5, 40),
            runner={
                "concurrency": dice.randint(1, 6),
                "turns": dice.choice([1, 1, 2, 3]),
                "batch_size": dice.choice([1, 4, 8, 50]),
                "scoring_concurrency": dice.randint(1, 4),
                "wait_timeout": 2.5 if server.shape.unscored else 30.0,
                "grace_period": server.grace,
                "run_key": f"eval {seed}" if has_key else None,
            },
            server=server,
            faults=[{**fault, "times": dice.randint(1, 2)} for fault in making],
            kills=[_kill(dice) for _ in range(dice.randint(1, 5))],
            deletes_journal=has_key and dice.random() < 0.6,
        )


def _kill(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.3:
        return {"after": dice.uniform(0.001, 1.5)}
    if dice.random() < 0.4:
        return {"point": "the model is asked", "nth": dice.randint(1, 40)}
    return {"step": dice.randint(1, dice.choice([30, 100, 400]))}


@attrs.define
class Case:
    """One eval at a sandbox of its own."""

    worker: Worker
    folder: Path
    plan: Plan
    sandbox: Sandbox
    kills: int = 0

    @property
    def contents(self) -> list[str]:
        """The prompts, some of them equal."""
        return [f"Question {number - number % 7 // 6}" for number in range(self.plan.prompts)]

    def run(self, **kill: Any) -> dict[str, Any] | None:
        """Run the eval; None if it was killed."""
        if self.plan.deletes_journal:
            for path in self.folder.glob("journal*"):
                path.unlink()
        outcome = self.worker.run(
            {
                "job": "tests.runner.crash_job",
                "url": self.sandbox.url,
                "key": self.sandbox.api_key,
                "journal": str(self.folder / "journal"),
                "calls": str(self.folder / "calls"),
                "result": str(self.folder / "result.json"),
                "pid": str(self.folder / "pid"),
                "prompts": self.contents,
                "runner": self.plan.runner,
                "kill": {**kill, "trace": str(self.folder / "trace.json")},
            }
        )
        self.kills += outcome is None
        return outcome

    def check(self, last: dict[str, Any]) -> None:
        """See at the server's own books what was made and scored, and that the last session tells the same."""
        assert "error" not in last, last["error"]
        scored = self.sandbox.scored
        assert set(scored.values()) == {1}, f"scored twice: {[turn for turn, times in scored.items() if times > 1]}"
        assert {turn.eval_run_uuid for turn in scored} == {last["run"]}, "more than one run"
        told = {*last["scored"], *last["unscored"]}
        assert {turn.prompt_uuid for turn in scored} == told, "the outcome tells of other prompts than were scored"
        unscored = {one for one in told if self.plan.server.shape.leaves_unscored(one)}
        assert {*last["unscored"]} == unscored, f"without a score: {unscored}; told: {last['unscored']}"
        assert last["prompts"] == self.contents, "the prompts are in another order"
        if not unscored:
            assert {*last["lengths"]} == {self.plan.runner["turns"]}, f"turns: {last['lengths']}"
        self._check_server(last)
        self._check_calls(len(scored))

    def _check_server(self, last: dict[str, Any]) -> None:
        self.sandbox.clear_faults()
        self.sandbox.shape = Shape(clock_offset=self.plan.server.shape.clock_offset)  # which does not jump
        with AymaraAI(api_key=self.sandbox.api_key, base_url=self.sandbox.url) as client:
            made = [one.eval_uuid for one in client.evals.list()]
            assert len(made) == 1, f"{len(made)} evals were made"
            held = Counter(prompt.content for prompt in client.evals.list_prompts(str(made[0])))
            assert held == Counter(self.contents), "other prompts than those given"
            answers = {one.prompt_uuid: one.content for one in client.evals.runs.list_responses(last["run"])}
        if "content" not in self.plan.server.shape.omits or not self.plan.deletes_journal:
            assert answers == last["answers"], "the outcome tells of other answers than were scored"

    def _check_calls(self, answers: int) -> None:
        """No answer was asked for twice but those under way at a kill, or lost with the journal."""
        calls = Counter((self.folder / "calls").read_text().split())
        assert len(calls) == answers, f"asked for {len(calls)} answers, of which {answers} were scored"
        if not self.plan.deletes_journal:
            under_way = self.kills * self.plan.runner["concurrency"]
            assert calls.total() - answers <= under_way, f"asked {calls.total()} times for {answers} answers"


def random_case(worker: Worker, folder: Path, seed: int) -> int:
    """Run one seed: an eval that is killed again and again; return how often it was."""
    plan = Plan.draw(seed)
    shape = plan.server.shape
    with Sandbox(faults=[*plan.faults, *plan.server.faults], seed=seed, shape=shape) as sandbox:
        case = Case(worker, folder, plan, sandbox)
        try:
            last = None
            for kill in [*plan.kills, {}]:
                last = case.run(**kill)
                if last is not None and "error" in last:
                    break
            assert last is not None
            case.check(last)
        except AssertionError as error:
            raise AssertionError(f"{error}\nseed {seed}: {plan}") from error
        finally:
            for path in folder.iterdir():
                path.unlink()
    return case.kills


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    seeds = range(arguments.runs) if arguments.seed is None else [arguments.seed]
    kills, failures, began = 0, 0, monotonic()
    with Worker() as worker, tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            try:
                kills += random_case(worker, Path(name), seed)
            except AssertionError as error:
                failures += 1
                print(error, flush=True)
    print(f"{len(seeds)} evals, killed {kills} times, in {monotonic() - began:.0f} s, {failures} failed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
