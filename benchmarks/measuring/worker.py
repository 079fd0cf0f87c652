"""A contestant's process: a line of JSON in, a task run, a line of JSON out."""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from typing import Any

from benchmarks.comparison import Sample
from benchmarks.measuring import jobs, tasks

TASKS = {**vars(tasks), **vars(jobs)}


def run(contestant: str, task: str, url: str, arguments: dict[str, Any]) -> Sample:
    """Run one task, in a loop of its own where it is asynchronous."""
    result = TASKS[task](import_module(f"benchmarks.contestants.{contestant}"), url, **arguments)
    sample: Sample = asyncio.run(result) if asyncio.iscoroutine(result) else result
    return sample


if __name__ == "__main__":
    contestant, url = sys.argv[1:]
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(run(contestant, order["task"], url, order["arguments"])), flush=True)
