"""What the SDK may cost in machine instructions, which sees what happens below Python as well."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measuring.callgrind import can_count, instructions

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_count() and "CI" not in os.environ, reason="valgrind is not installed"),
]


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdout.readline().strip()
        process.stdin.close()


def count(url: str, contestant: str, work: str, fewer: int, more: int) -> float:
    return instructions(sys.executable, contestant, url, work, fewer=fewer, more=more, environment=ENVIRONMENT)


# The ratios themselves move by less than a hundredth from run to run; the margin is for other compilers and releases.


def test_a_get_costs_hardly_more_than_aiohttp_by_hand(server_url: str) -> None:
    least = count(server_url, "limit_models", "get", 128, 448)
    assert count(server_url, "ours", "get", 128, 448) <= 1.10 * least


def test_a_blocking_get_costs_little_more_than_an_awaited_one(server_url: str) -> None:
    awaited = count(server_url, "ours", "get", 128, 448)
    assert count(server_url, "ours", "blocking get", 100, 400) <= 1.45 * awaited


@pytest.mark.parametrize(
    ("work", "fewer", "more", "at_most"),
    [
        ("list", 5, 25, 1.85),
        ("encode", 2, 8, 5),
        ("page of 100 scored responses", 5, 25, 1.65),
        ("page of 100 runs with their evals", 5, 25, 1.8),
        ("suite report, 20 runs of 100 responses", 2, 6, 1.85),
    ],
)
def test_checks_and_objects_cost_little_more_than_unchecked_json(
    server_url: str, work: str, fewer: int, more: int, at_most: float
) -> None:
    least = count(server_url, "limit", work, fewer, more)
    assert count(server_url, "ours", work, fewer, more) <= at_most * least
