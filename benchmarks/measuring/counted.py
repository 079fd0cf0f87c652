"""Do one work N times and end, for an instruction counter to watch: ``counted CONTESTANT URL WORK N``."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

from benchmarks.answers import decoding_bodies
from benchmarks.measuring.tasks import make_calls

CONCURRENCY = 64
PAGE = 100
"""Responses of a list that are one piece of its work: a page of it."""


async def _get(contestant: str, url: str, number: int) -> None:
    async with import_module(f"benchmarks.contestants.{contestant}").getting(url) as call:
        await make_calls(call, CONCURRENCY, number // CONCURRENCY)


async def _iterate(contestant: str, url: str, number: int) -> None:
    async with import_module(f"benchmarks.contestants.{contestant}").iterating(url) as over:
        async for _ in over(f"list-{number * PAGE}-0"):
            pass


def main() -> None:
    contestant, url, work, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    if work == "get":
        asyncio.run(_get(contestant, url, number))
        return
    if work == "list":
        asyncio.run(_iterate(contestant, url, number))
        return
    module = import_module(f"benchmarks.contestants.{contestant}")
    if work == "blocking get":
        with module.getting_blocked(url) as call:
            for _ in range(number):
                call()
        return
    if work == "encode":
        encode = module.encoding(1000)
        for _ in range(number):
            encode()
        return
    body, decode = decoding_bodies()[work], module.decoding(work)
    for _ in range(number):
        decode(body)


if __name__ == "__main__":
    main()
