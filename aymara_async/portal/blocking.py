"""``blocking``: the blocking twin of an async method, without repeating its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

import attrs

from aymara_async.portal.pager import BlockingPage, Pager
from aymara_async.portal.portal import Portal
from aymara_async.portal.resource import BlockingResource
from aymara_async.response import APIResponse
from aymara_async.transport.pager import AsyncPager, Page

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class BlockingMethod(Protocol[A, P, T_co]):
    """A method of the blocking twin of ``A``."""

    @overload
    def __get__(
        self, instance: None, owner: type[object], /
    ) -> Callable[Concatenate[BlockingResource[A], P], T_co]: ...
    @overload
    def __get__(self, instance: BlockingResource[A], owner: type[object], /) -> Callable[P, T_co]: ...


@overload
def blocking(method: Callable[Concatenate[A, P], AsyncPager[T]]) -> BlockingMethod[A, P, Pager[T]]: ...
@overload
def blocking(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, APIResponse[Page[T]]]],
) -> BlockingMethod[A, P, APIResponse[BlockingPage[T]]]: ...
@overload
def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> BlockingMethod[A, P, T]: ...
def blocking(method: Callable[..., Any]) -> Any:
    """Make the blocking twin of an async method: a plain function of the same signature and docstring.

    Where the method returns an ``AsyncPager``, its twin returns a ``Pager``.
    """

    @wraps(method)
    def wait(self: BlockingResource[Any], /, *args: Any, **kwargs: Any) -> Any:
        value = method(self._async, *args, **kwargs)
        if not inspect.iscoroutine(value):
            return Pager(value, self._portal)
        result = self._portal.call(value)
        return _blocking_pages(result, self._portal) if isinstance(result, APIResponse) else result

    wait.__qualname__ = method.__qualname__.removeprefix("Async")
    if not inspect.iscoroutinefunction(method):
        _return_pager(wait, method)
    return wait


def _return_pager(function: Callable[..., Any], method: Callable[..., Any]) -> None:
    """Let ``help()`` say ``Pager`` where it says ``AsyncPager`` for the async method."""
    signature = inspect.signature(method)
    returns = str(signature.return_annotation).removeprefix("Async")
    function.__annotations__ = {**method.__annotations__, "return": returns}
    function.__signature__ = signature.replace(return_annotation=returns)  # type: ignore[attr-defined]  # see PEP 362


def _blocking_pages(response: APIResponse[Any], portal: Portal) -> APIResponse[Any]:
    return attrs.evolve(response, decode=partial(_parse, response.decode, portal))


def _parse(decode: Callable[[APIResponse[object]], object], portal: Portal, response: APIResponse[object]) -> object:
    result = decode(response)
    return BlockingPage(result, portal) if isinstance(result, Page) else result
