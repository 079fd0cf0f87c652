"""Which operation a method and a path mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.rejection import RejectedError

Handler: TypeAlias = Callable[[Call], Answer | Awaitable[Answer]]


@attrs.frozen
class Route:
    """One operation of the contract."""

    operation: str
    method: str
    template: str
    """Path with names in braces, such as ``/v2/evals/{eval_uuid}``."""
    handler: Handler
    reads_body: bool = True
    """False for a handler that streams the body itself."""


@attrs.define
class _Node:
    literals: dict[str, _Node] = attrs.field(factory=dict)
    named: _Node | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = attrs.field(factory=dict)
    """By method: the route, and the names of its path parameters."""


class RouteTable:
    """Find the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self.operations: dict[str, Route] = {}
        for route in routes:
            self.operations[route.operation] = route
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.template.strip("/").split("/") + ([""] if route.template.endswith("/") else []):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.named = node = node.named or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        node.routes[route.method] = (route, tuple(names))

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        """Find the route and its path parameters, decoded.

        Raises:
            RejectedError: 404 for a path that is not in the contract, 405 for a method that its path does not have.
        """
        segments = [unquote(segment) for segment in raw_path.split("/")[1:]]
        found = self._walk(self._root, segments, ())
        if found is None:
            raise RejectedError(404, "resource.not_found", f"No such endpoint: {raw_path}")
        node, values = found
        if method not in node.routes:
            allowed = ", ".join(sorted(node.routes))
            message = f"{method} is not allowed here, only {allowed}"
            raise RejectedError(405, "validation.invalid_request", message, headers={"Allow": allowed})
        route, names = node.routes[method]
        return route, dict(zip(names, values, strict=True))

    def _walk(self, node: _Node, segments: list[str], values: tuple[str, ...]) -> tuple[_Node, tuple[str, ...]] | None:
        if not segments:
            return (node, values) if node.routes else None
        literal = node.literals.get(segments[0])
        found = self._walk(literal, segments[1:], values) if literal is not None else None
        if found is None and node.named is not None and segments[0]:
            found = self._walk(node.named, segments[1:], (*values, segments[0]))
        return found
