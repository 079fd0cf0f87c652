"""The web service: it answers 202 at once with where to look, and never waits for an eval.

    python -m examples.web_app.app --folder jobs --port 8080
    curl -X POST localhost:8080/evals -d '{"ai_description": "A shop", "eval_type": "safety", "num_prompts": 20}'

All it leaves behind is a handle in the folder; a worker process (``worker.py``) takes it from there.
"""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from aymara_async import AsyncAymaraAI, BadRequestError, RequestValidationError, UnprocessableEntityError
from aymara_async.runner import AsyncEvalRunner
from examples.web_app.model import answer

CLIENT = web.AppKey("client", AsyncAymaraAI)
FOLDER = web.AppKey("folder", Path)

NO_EVAL = (json.JSONDecodeError, RequestValidationError, BadRequestError, UnprocessableEntityError)


async def connect(app: web.Application) -> AsyncIterator[None]:
    async with AsyncAymaraAI() as client:
        app[CLIENT] = client
        yield


async def start(request: web.Request) -> web.Response:
    """Create the eval, leave its handle to a worker, and say where the outcome will be."""
    folder, job = request.app[FOLDER], secrets.token_hex(8)
    try:
        params = await request.json()
        handle = await AsyncEvalRunner(request.app[CLIENT], answer).start(params, journal=folder / f"{job}.journal")
    except NO_EVAL as error:
        return web.json_response({"error": str(error)}, status=400)
    unfinished = folder / f"{job}.writing"
    unfinished.write_text(handle.to_json())
    unfinished.rename(folder / f"{job}.handle")  # so that no worker sees half of it
    url = str(request.app.router["job"].url_for(job=job))
    return web.json_response({"job": job, "eval_uuid": handle.eval_uuid}, status=202, headers={"Location": url})


async def look(request: web.Request) -> web.Response:
    """Answer 200 with the outcome, or 202 while it is not there yet."""
    folder, job = request.app[FOLDER], request.match_info["job"]
    outcome = folder / f"{job}.outcome"
    if outcome.exists():
        return web.json_response(json.loads(outcome.read_text()))
    if not (folder / f"{job}.handle").exists():
        raise web.HTTPNotFound(text=f"There is no job {job}")
    return web.json_response({"job": job, "state": "in progress"}, status=202, headers={"Retry-After": "1"})


def make_app(folder: Path) -> web.Application:
    folder.mkdir(parents=True, exist_ok=True)
    app = web.Application()
    app[FOLDER] = folder
    app.cleanup_ctx.append(connect)
    app.router.add_post("/evals", start)
    app.router.add_get("/evals/{job:[0-9a-f]+}", look, name="job")
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("jobs"))
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    web.run_app(make_app(arguments.folder), host="127.0.0.1", port=arguments.port)
