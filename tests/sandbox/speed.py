"""How fast the sandbox is: ``python -m tests.sandbox.speed``.

The server runs in a process of its own, on one core where the system lets it be pinned; the client writes HTTP by hand,
so that it is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from urllib.request import Request, urlopen

from aymara_async.sandbox import Sandbox

CONNECTIONS, REQUESTS = 32, 250
SERVER = """
import os, sys, time
from aymara_async.sandbox import Sandbox

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
with Sandbox() as sandbox:
    print(sandbox.url, flush=True)
    sys.stdin.read()
    print(time.process_time(), len(sandbox.requests))
"""


async def get_many(host: str, port: int, eval_uuid: str, number: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    request = f"GET /v2/evals/{eval_uuid} HTTP/1.1\r\nHost: {host}\r\nx-api-key: sandbox-key\r\n\r\n".encode()
    for _ in range(number):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
    writer.close()


async def rounds(url: str, eval_uuid: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(5):
        began = time.perf_counter()
        await asyncio.gather(*[get_many(host, int(port), eval_uuid, REQUESTS) for _ in range(CONNECTIONS)])
        print(f"evals.get: {CONNECTIONS * REQUESTS / (time.perf_counter() - began):,.0f} a second")


def start_and_stop() -> None:
    starts, stops = [], []
    for _ in range(20):
        began = time.perf_counter()
        with Sandbox():
            started = time.perf_counter()
        starts.append(started - began)
        stops.append(time.perf_counter() - started)
    print(f"start: {max(starts) * 1000:.1f} ms, stop: {max(stops) * 1000:.1f} ms (the slowest of 20)")


def main() -> None:
    start_and_stop()
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    body = json.dumps({"ai_description": "x", "eval_type": "safety"}).encode()
    headers = {"x-api-key": "sandbox-key", "Content-Type": "application/json"}
    with urlopen(Request(f"{url}/v2/evals", data=body, headers=headers)) as answer:
        eval_uuid = json.load(answer)["eval_uuid"]
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {min(os.sched_getaffinity(0))})
    asyncio.run(rounds(url, eval_uuid))
    used, requests = process.communicate()[0].split()
    print(f"CPU of the server: {float(used) / int(requests) * 1e6:.0f} µs a request, its start included")


if __name__ == "__main__":
    main()
