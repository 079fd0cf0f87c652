"""What every family of operations is built on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from aymara_async.errors import RequestValidationError
from aymara_async.transport.caller import Caller
from aymara_async.transport.listing import Listing
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager

T = TypeVar("T")

DEFAULT_LIMIT = 100
DEFAULT_PREFETCH = 8
DEFAULT_WAIT = 300.0


class AsyncResource:
    """A family of operations, bound to a caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._call = caller.call

    def _workspace(self, workspace_uuid: str | None) -> str | None:
        """Return the workspace of the call, or else of the client; raises ``RequestValidationError``."""
        if workspace_uuid is None:
            return self._caller.options.workspace_uuid
        given: object = workspace_uuid
        if not isinstance(given, str) or not given:
            raise RequestValidationError(
                f"workspace_uuid must be a non-empty string or None, not {given!r}. Nothing was sent.",
                path="workspace_uuid",
            )
        return workspace_uuid

    def _scope(self, workspace_uuid: str | None) -> Mapping[str, object] | None:
        """Return the query that names the workspace of the call, or else of the client."""
        workspace = self._workspace(workspace_uuid)
        return None if workspace is None else {"workspace_uuid": workspace}

    def _sandboxed(self, *, is_sandbox: bool | None) -> bool | None:
        """Return whether the call is to have made-up results, by its own argument or else by the client's."""
        return self._caller.options.use_sandbox if is_sandbox is None else is_sandbox

    def _list(
        self,
        path: str,
        item_type: type[T],
        key: Callable[[T], Hashable],
        query: Mapping[str, object],
        options: RequestOptions,
        *,
        limit: int,
        offset: int,
        prefetch: int,
    ) -> AsyncPager[T]:
        listing = Listing(caller=self._caller, path=path, item_type=item_type, key=key, query=query, options=options)
        return AsyncPager(listing, limit=limit, offset=offset, prefetch=prefetch)
