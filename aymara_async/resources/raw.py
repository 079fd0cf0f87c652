"""``with_raw_response``: the same methods, returning the whole response."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from aymara_async.resources.resource import AsyncResource
from aymara_async.response import APIResponse
from aymara_async.transport.caller import RawCaller
from aymara_async.transport.pager import AsyncPager, Page

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RawMethod(Protocol[P, T_co]):
    """A method that returns the response of another method."""

    @overload
    def __get__(
        self, instance: None, owner: type
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, APIResponse[T_co]]]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, Coroutine[Any, Any, APIResponse[T_co]]]: ...


class WithRawResponse:
    """The methods of a resource, each returning an ``APIResponse`` whose ``parse()`` gives the usual result."""

    def __init__(self, resource: AsyncResource) -> None:
        caller = resource._caller
        self._plain = resource
        self._resource = type(resource)(RawCaller(caller.session, caller.options))


@overload
def raw(method: Callable[Concatenate[Any, P], AsyncPager[T]]) -> RawMethod[P, Page[T]]: ...
@overload
def raw(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> RawMethod[P, T]: ...
def raw(method: Callable[..., Any]) -> Any:
    """Make the method that returns the response of another one."""
    is_list = not iscoroutinefunction(method)  # its further pages are read decoded

    @wraps(method)
    async def with_response(self: WithRawResponse, *args: Any, **kwargs: Any) -> Any:
        if is_list:
            return await method(self._plain, *args, **kwargs).raw()
        return await method(self._resource, *args, **kwargs)

    return with_response
