"""Killed at any step, on any server that the contract allows, a job scores every response exactly once there.

More seeds, and every single step of a small job: ``python -m tests.bulk.crashes 200``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bulk.crashes import Case, Tally, Worker, aim_at_the_rest, every_step, random_case


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("seed", [3, 6, 13, 15, 16, 25])  # quick ones, with and without a journal
def test_random_kills_and_losses(worker: Worker, seed: int, tmp_path: Path) -> None:
    random_case(worker, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("run_per_batch", [False, True])
def test_killed_at_every_step(worker: Worker, run_per_batch: bool, tmp_path: Path) -> None:
    assert every_step(worker, tmp_path, run_per_batch=run_per_batch) > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_random_kills_and_losses_hit_every_point(worker: Worker, tmp_path: Path) -> None:
    tally = Tally()
    for seed in range(100):
        random_case(worker, tmp_path, seed, tally)
    aim_at_the_rest(worker, tmp_path, tally)
    assert not tally.never_hit(), str(tally)


@pytest.mark.parametrize("kilobytes", [40, 80, 100, 200, 400])
def test_a_full_disk_stops_a_job_that_resumes(worker: Worker, kilobytes: int, tmp_path: Path) -> None:
    with Case(worker, tmp_path, responses=200, scorer={"batch_size": 2, "concurrency": 3}) as case:
        stopped = case.run(file_size=kilobytes * 1024)
        assert stopped is not None
        assert "JournalError: The journal" in stopped["error"]
        assert "Make room" in stopped["error"]
        assert case.recorded() >= set(case.scored()), "nothing was sent that is not recorded"
        last = case.run()
        assert last is not None
        case.check(last)
