"""health.check."""

from __future__ import annotations

from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.routing import Route


def check(_call: Call) -> Answer:
    return Answer({"status": "ok"})


ROUTES = (Route("health.check", "GET", "/health/", check),)
