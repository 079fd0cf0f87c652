"""A server between client and sandbox that changes what either says."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

Tamper = Callable[[web.Request, Any, int, Any], "tuple[int, Any]"]
"""Takes request, its JSON, status and JSON of the answer; gives the status and JSON to answer instead."""


@asynccontextmanager
async def tampering(url: str, tamper: Tamper) -> AsyncGenerator[str]:
    """Serve, and give the URL."""
    async with aiohttp.ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            headers = {name: request.headers[name] for name in ("x-api-key", "content-type") if name in request.headers}
            async with session.request(
                request.method, url + request.path_qs, data=body or None, headers=headers
            ) as answer:
                content = await answer.read()
            asked, answered = (json.loads(part) if part else None for part in (body, content))
            status, document = tamper(request, asked, answer.status, answered)
            return web.json_response(document, status=status) if document is not None else web.Response(status=status)

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{tail:.*}", forward)
        runner = web.AppRunner(app, handle_signals=False)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
