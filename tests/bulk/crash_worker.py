"""Runs jobs that are killed: one forked child per job, so that each begins at once.

Reads one JSON object per line: what to do, by which module (this one scores), and at which point to kill itself (see
``kill_points``). Answers with the child's wait status.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from aymara_async import AsyncAymaraAI, RetryPolicy
from aymara_async.bulk.scorer import AsyncBulkScorer
from tests.bulk.kill_points import Steps, watch


async def job(order: dict[str, Any], step: Steps) -> dict[str, Any]:
    retry = RetryPolicy(max_retries=8, initial_wait=0)
    async with AsyncAymaraAI(api_key=order["key"], base_url=order["url"], retry=retry, timeout=10) as client:
        scorer = AsyncBulkScorer(client, journal=order["journal"], **order["scorer"])
        yielded: list[str] = []
        stream = scorer.score(order["rows"])
        outcome: dict[str, Any] = {"told": []}
        try:
            async for chunk in stream.chunks():
                step("results arrive")
                yielded += [scored.prompt_uuid for scored in chunk]
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcome |= {"error": f"{type(error).__name__}: {error}", "error_type": type(error).__name__}
            outcome["told"] += getattr(error, "prompt_uuids", [])
        result = stream.result
        outcome["told"] += [one.prompt_uuid for one in result.resent]
        return outcome | {
            "yielded": yielded,
            "submitted": result.submitted,
            "scored": result.scored,
            "resumed": result.resumed,
            "reconciled": result.reconciled,
            "failed": [one.prompt_uuid for one in result.failed],
            "unscored": [one.prompt_uuid for one in result.unscored],
            "runs": result.eval_run_uuids,
        }


def work(order: dict[str, Any]) -> None:
    kill = order["kill"]
    step = Steps(kill)
    watch(step)
    Path(order["pid"]).write_text(str(os.getpid()))
    if file_size := kill.get("file_size"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    if seconds := kill.get("after"):
        timer = threading.Timer(seconds, step.die, ("some moment",))
        timer.daemon = True
        timer.start()
    run = import_module(order["job"]).job if "job" in order else job
    outcome = asyncio.run(run(order, step)) | {"steps": step.taken, "passed": step.passed}
    if file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    Path(order["result"]).write_text(json.dumps(outcome))


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if "job" in order:
            import_module(order["job"])  # once for all children
        child = os.fork()
        if child == 0:
            try:
                work(order)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
