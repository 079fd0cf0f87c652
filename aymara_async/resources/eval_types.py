"""Kinds of eval that the API offers."""

from __future__ import annotations

from operator import attrgetter
from typing import Final, Unpack

from aymara_async.models import AIInstruction, EvalType
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import DEFAULT_LIMIT, DEFAULT_PREFETCH, AsyncResource
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager
from aymara_async.transport.wire import segment

_type_key = attrgetter("eval_type_uuid")
_instruction_key = attrgetter("instruction_uuid")


class AsyncEvalTypes(AsyncResource):
    """Kinds of eval that the API offers, and ready-made instructions for them."""

    @property
    def with_raw_response(self) -> AsyncEvalTypesWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncEvalTypesWithRawResponse(self)

    async def get(self, eval_type_uuid: str, **options: Unpack[RequestOptions]) -> EvalType:
        """Get one eval type (``eval_types.get``)."""
        return await self._call("GET", f"/v2/eval-types/{segment('eval_type_uuid', eval_type_uuid)}", EvalType, options)

    def list(
        self,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[EvalType]:
        """List the eval types (``eval_types.list``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        return self._list(
            "/v2/eval-types", EvalType, _type_key, {}, options, limit=limit, offset=offset, prefetch=prefetch
        )

    def find_instructions(
        self,
        *,
        eval_type_slug: str,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[AIInstruction]:
        """List ready-made instructions for the eval type with a slug (``eval_types.find_instructions``)."""
        path, query = "/v2/eval-types/-/instructions", {"eval_type_slug": eval_type_slug}
        return self._list(
            path, AIInstruction, _instruction_key, query, options, limit=limit, offset=offset, prefetch=prefetch
        )

    def list_instructions(
        self,
        eval_type_uuid: str,
        *,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[AIInstruction]:
        """List ready-made instructions for one eval type (``eval_types.list_instructions``)."""
        path = f"/v2/eval-types/{segment('eval_type_uuid', eval_type_uuid)}/instructions"
        return self._list(
            path, AIInstruction, _instruction_key, {}, options, limit=limit, offset=offset, prefetch=prefetch
        )


class AsyncEvalTypesWithRawResponse(WithRawResponse):
    """``eval_types``, with whole responses."""

    get: Final = raw(AsyncEvalTypes.get)
    find_instructions: Final = raw(AsyncEvalTypes.find_instructions)
    list_instructions: Final = raw(AsyncEvalTypes.list_instructions)
    list: Final = raw(AsyncEvalTypes.list)
