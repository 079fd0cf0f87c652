"""The worker: it picks up handles from the folder and brings their evals to an end, until it is stopped.

    python -m examples.web_app.worker --folder jobs

Kill it whenever you like and start it again: it goes on where it was, and neither asks nor scores anything twice. Start
several if you like: a journal lets only one of them at its eval.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from aymara_async import AsyncAymaraAI, AymaraAIError
from aymara_async.journal.errors import JournalError
from aymara_async.runner import AsyncEvalRunner, EvalHandle, EvalOutcome
from examples.web_app.model import answer


def waiting_in(folder: Path) -> list[Path]:
    return [one for one in folder.glob("*.handle") if not one.with_suffix(".outcome").exists()]


async def finish(client: AsyncAymaraAI, handle: Path, saved: str) -> None:
    """Bring one eval to its end, and write down what came of it."""
    runner = AsyncEvalRunner(client, answer, on_error="refuse", timeout=60)
    try:
        written = summary(await runner.resume(EvalHandle.from_json(saved)))
    except JournalError as error:
        print(f"{handle.stem} is left to others: {error}", flush=True)
        return
    except AymaraAIError as error:
        written = {"state": "failed", "error": str(error)}
    unfinished = handle.with_suffix(".writing")
    unfinished.write_text(json.dumps(written))
    unfinished.rename(handle.with_suffix(".outcome"))
    print(f"{handle.stem} {written['state']}", flush=True)


def summary(outcome: EvalOutcome) -> dict[str, object]:
    return {
        "state": "finished",
        "eval_run_uuid": outcome.run.eval_run_uuid,
        "pass_rate": outcome.pass_rate,
        "responses": len(outcome.responses),
        "failing": [exchange.prompt.content for exchange in outcome.failing],
        "errors": [exchange.error.message for exchange in outcome.errors if exchange.error],
    }


async def work(folder: Path) -> None:
    under_way: dict[Path, asyncio.Task[None]] = {}
    async with AsyncAymaraAI() as client, asyncio.TaskGroup() as group:
        while True:
            under_way = {handle: task for handle, task in under_way.items() if not task.done()}
            for handle in waiting_in(folder):
                if handle not in under_way:
                    under_way[handle] = group.create_task(finish(client, handle, handle.read_text()))
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("jobs"))
    asyncio.run(work(parser.parse_args().folder))
