"""What happens in a random run, decided from its seed alone: the job, the server with its faults, and the kills."""

from __future__ import annotations

import random
from typing import Any

import attrs

from aymara_async.sandbox.shape import Shape
from tests.bulk.kill_points import AT_WORK, POINTS
from tests.bulk.random_server import RandomServer, draw_server

SCORE, LIST, RESPONSES = "evals.runs.score_responses", "evals.runs.list", "evals.runs.list_responses"
PROMPTS = "evals.list_prompts"
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
    {"kind": "change_count", "operation": RESPONSES, "by": 2},
)
# Some points are only passed when the server does what they are for, or when the job is asked for it.
CUT = {"kind": "reset", "operation": SCORE, "calls": [1, 2], "processed": True}
NOT_ARRIVED = {"kind": "reset", "operation": SCORE, "calls": [1, 2]}
WRONG_COUNT = {"kind": "change_count", "operation": RESPONSES, "calls": [1], "by": 2}
FAULTS_FOR: dict[str, list[dict[str, Any]]] = {
    "release: before UPDATE temp.followed": [NOT_ARRIVED],
    "release: before UPDATE batches": [NOT_ARRIVED],
    "release: before UPDATE temp.turns": [NOT_ARRIVED],
    "score: after a failure": [CUT],
    "append: after a failure": [{**CUT, "calls": [3, 4]}],
    "list runs: before the request": [CUT],
    "list runs: after the answer": [CUT],
    "list runs: after a failure": [CUT, {"kind": "error", "operation": LIST, "calls": [1, 2]}],
    "add_listed: before INSERT INTO temp.listed": [WRONG_COUNT],
    "compare_listed: before UPDATE temp.followed": [WRONG_COUNT],
    "compare_listed: before SELECT": [WRONG_COUNT],
    "list prompts: after a failure": [{"kind": "error", "operation": PROMPTS, "calls": [2, 3]}],
    "list responses: after a failure": [CUT, {"kind": "error", "operation": RESPONSES, "calls": [1, 2]}],
}
CHECKS = {"check_prompts": True}
SMALL = {"run_per_batch": False, "batch_size": 3, "concurrency": 2}
KEYED = {"run_per_batch": False, "batch_size": 1, "concurrency": 4}
SETTINGS_FOR: dict[str, dict[str, Any]] = {
    "record: before UPDATE temp.followed": {"batch_size": 1},
    "single_run: before INSERT INTO runs": {"run_per_batch": False},
    "single_run: before SELECT": {"run_per_batch": False},
    "intend: before INSERT INTO runs": {"run_per_batch": True},
    "intend: before UPDATE batches": {"run_per_batch": True},
    "add_prompts: before INSERT INTO temp.prompts": CHECKS,
    "list prompts: before the request": CHECKS,
    "list prompts: after the answer": CHECKS,
    "list prompts: after a failure": CHECKS,
    "add_listed: before INSERT INTO temp.listed": SMALL,
    "compare_listed: before UPDATE temp.followed": SMALL,
    "compare_listed: before SELECT": SMALL,
    "append: before the request": SMALL,
    "append: after the answer": SMALL,
    "append: after a failure": SMALL,
}
WITHOUT_JOURNAL = {
    "learn_run: before INSERT INTO runs",
    "learn_run: before SELECT",
    *(point for point in POINTS if point.partition(":")[0] in ("forget_strays", "keep_strays", "strays", "adopt")),
}
"""Points of a job that goes on by its key."""
PLAIN = {point for point, faults in FAULTS_FOR.items() if WRONG_COUNT in faults}
"""Points that a server only leads to where nothing else goes wrong."""
LATER_POINTS = {
    "sent: before UPDATE temp.followed",
    "sent: before SELECT",
    "begin_session: before INSERT INTO temp.turns",
    "begin_session: before UPDATE temp.followed",
    "register: before UPDATE temp.turns",
    "release: before UPDATE temp.followed",
    "release: before UPDATE batches",
    "release: before UPDATE temp.turns",
}
"""Points of a job that resumes."""


@attrs.frozen
class Plan:
    responses: int
    rejected: int
    """Rows among them that answer prompts the server does not know, so that it answers 422."""
    excluded: float
    """Share of the responses that are to be listed without a score."""
    scorer: dict[str, Any]
    server: RandomServer
    faults: list[dict[str, Any]]
    kills: list[dict[str, Any]]
    deletes_journal: bool
    """Whether the journal is lost between the sessions, which know the run by its key."""


def make_plan(seed: int) -> Plan:
    """Aim at the point whose turn it is, and at others after it."""
    dice, aim = random.Random(seed), POINTS[seed % len(POINTS)]
    faults = [
        {**fault, "probability": dice.uniform(0.05, 0.3), "times": dice.randint(1, 6)}
        for fault in dice.sample(LOSSES, dice.randint(1, 5))
    ]
    needed = FAULTS_FOR.get(aim, [])
    kills = [random_kill(dice, aim), *(random_kill(dice) for _ in range(dice.randint(0, 4)))]
    responses = dice.randint(10, 90)
    if aim in WITHOUT_JOURNAL:
        responses = 90  # in small batches, since the table of turns follows a good many of them at once
        kills.insert(0, {"point": "results arrive", "nth": 70})
    if aim in LATER_POINTS:
        kills.insert(0, {"point": "lasting: committed", "nth": dice.randint(4, 6)})
    scorer = {
        "batch_size": dice.choice([1, 3, 7, 10, 25]) if dice.random() < 0.8 else 100,
        "concurrency": dice.randint(1, 5),
        "run_per_batch": dice.random() < 0.4,
        "check_prompts": dice.random() < 0.2,
    } | (KEYED if aim in WITHOUT_JOURNAL else SETTINGS_FOR.get(aim, {}))
    server = draw_server(dice, scoring=SCORE)
    has_key = aim in WITHOUT_JOURNAL or (not scorer["run_per_batch"] and dice.random() < 0.4)
    if has_key:
        scorer["run_key"] = f"job {seed}"
    if aim in PLAIN:
        server = attrs.evolve(server, shape=Shape(), faults=[])
    patience = 2.0 if server.shape.unscored else 20.0
    return Plan(
        responses=responses,
        rejected=0 if scorer["check_prompts"] else dice.choice([0, 0, 1, 4]),
        excluded=dice.choice([0.0, 0.0, 0.2]),
        scorer={**scorer, "grace_period": server.grace, "patience": patience},
        server=server,
        faults=needed if WRONG_COUNT in needed else [*needed, *faults],
        kills=kills,
        deletes_journal=aim in WITHOUT_JOURNAL or (has_key and dice.random() < 0.7),
    )


def random_kill(dice: random.Random, point: str | None = None) -> dict[str, Any]:
    nth = dice.choice([1, 1, 1, 2] if point else [1, 2, 3, 6])
    point = point or dice.choice([*POINTS, None, None])
    if point == "some moment":
        return {"after": dice.uniform(0.001, 0.3)}
    if point == AT_WORK:
        return {"judged": dice.randint(1, 10 * nth)}
    if point is None:
        return {"step": dice.randint(1, dice.choice([30, 100, 300]))}
    return {"point": point, "nth": nth}
