"""What the bulk benchmarks share: a sandbox in a process of its own, and a number of responses to its prompts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SERVER = """
import asyncio, json, signal, sys
from aymara_async.sandbox import Sandbox

def judge(prompt, response, eval):
    return True, 1.0, "Passed by the benchmark."

async def main(responses, settings):
    async with Sandbox(judge=judge, record_limit=1000, **settings) as sandbox:
        import aiohttp
        async with aiohttp.ClientSession(sandbox.url, headers={"x-api-key": sandbox.api_key}) as session:
            body = {"ai_description": "x", "eval_type": "safety", "num_prompts": 0}
            async with session.post("/v2/evals", json=body) as answer:
                eval_uuid = (await answer.json())["eval_uuid"]
            for start in range(0, responses, 10_000):
                creates = [{"content": str(n)} for n in range(start, min(start + 10_000, responses))]
                async with session.put(f"/v2/evals/{eval_uuid}", json={"prompt_creates": creates}) as answer:
                    answer.raise_for_status()
        from aymara_async.sandbox.store import evals
        database = sandbox._database
        with open(sys.argv[2], "w") as file:
            for prompt in evals.list_prompts(database, eval_uuid):
                file.write(json.dumps({"prompt_uuid": prompt.prompt_uuid, "content": "An answer. " * 30}) + "\\n")
        print(json.dumps([sandbox.url, sandbox.api_key, eval_uuid]), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        print(json.dumps([max(sandbox.scored.values(), default=0), len(sandbox.scored)]), flush=True)

asyncio.run(main(int(sys.argv[1]), json.loads(sys.argv[3])))
"""


@dataclass
class Server:
    """A running sandbox, its eval, and a file of responses."""

    url: str
    api_key: str
    eval_uuid: str
    most_often: int = 0
    """How often the response that was scored most often was scored; known at the end."""
    scored: int = 0


@contextmanager
def server(responses: int, file: str, **settings: object) -> Iterator[Server]:
    """Run a sandbox with so many prompts, and write responses to the file."""
    command = [sys.executable, "-c", SERVER, str(responses), file, json.dumps(settings)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdin
    try:
        running = Server(*json.loads(process.stdout.readline()))
        yield running
        process.stdin.write("\n")
        process.stdin.flush()
        running.most_often, running.scored = json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
