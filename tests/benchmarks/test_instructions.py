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
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def to_limit(url: str, work: str, fewer: int, more: int, limit: str = "limit") -> float:
    ours, least = (
        instructions(sys.executable, one, url, work, fewer=fewer, more=more, environment=ENVIRONMENT)
        for one in ("ours", limit)
    )
    return ours / least


def test_a_get_costs_hardly_more_than_aiohttp_by_hand(server_url: str) -> None:
    assert to_limit(server_url, "get", 128, 448, "limit_models") <= 1.10


@pytest.mark.parametrize("work", ["page of 100 scored responses", "page of 100 runs with their evals"])
def test_decoding_costs_little_more_than_unchecked_json(server_url: str, work: str) -> None:
    assert to_limit(server_url, work, 5, 25) <= 3
