"""The official SDK with its aiohttp backend, which is an extra."""

from __future__ import annotations

from functools import partial

from aymara_ai import AsyncAymaraAI, DefaultAioHttpClient

from benchmarks.contestants import official


def make_client(url: str, key: str = "key") -> AsyncAymaraAI:
    return AsyncAymaraAI(base_url=url, api_key=key, http_client=DefaultAioHttpClient())


getting = partial(official.getting, make=make_client)
iterating_by_hand = partial(official.iterating_by_hand, make=make_client)
score = partial(official.score, make=make_client)
