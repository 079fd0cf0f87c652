"""Twins of async methods: how they look, and what they do."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import threading
from collections.abc import Iterator

import pytest

from aymara_async.portal.blocking import blocking
from aymara_async.portal.pager import BlockingPage, Pager
from aymara_async.portal.portal import Portal
from aymara_async.portal.resource import BlockingResource, Nested
from tests.portal.listing import AsyncBoxes, AsyncToys, Numbers


class Boxes(BlockingResource[AsyncBoxes]):
    """Boxes for toys."""

    count = blocking(AsyncBoxes.count)


class Toys(BlockingResource[AsyncToys]):
    """Toys of all kinds."""

    get = blocking(AsyncToys.get)
    list_parts = blocking(AsyncToys.list_parts)
    get_raw = blocking(AsyncToys.get_raw)
    boxes = Nested(Boxes)


async def nothing() -> None:
    """Close nothing."""


@pytest.fixture
def toys() -> Iterator[Toys]:
    portal = Portal(nothing)
    yield Toys(AsyncToys(Numbers(5)), portal)
    portal.close()


def test_a_twin_passes_its_arguments_and_returns_the_result(toys: Toys) -> None:
    said, thread = toys.get("t1", colour="blue", timeout=3)
    assert said == "blue t1 {'timeout': 3}"
    assert thread != threading.get_ident()


def test_a_twin_is_a_plain_function_with_signature_and_docstring(toys: Toys) -> None:
    assert inspect.isfunction(Toys.get)
    assert inspect.ismethod(toys.get)
    assert not inspect.iscoroutinefunction(Toys.get)
    assert (
        str(inspect.signature(toys.get))
        == "(toy_uuid: 'str', *, colour: 'str' = 'red', **options: 'object') -> 'tuple[str, int]'"
    )
    assert inspect.getdoc(Toys.get) == "Fetch a toy."
    assert Toys.get.__qualname__ == "Toys.get"


def test_help_shows_what_the_twin_returns(toys: Toys) -> None:
    text = pydoc.plaintext.document(toys.list_parts)
    assert "list_parts(toy_uuid: 'str', *, limit: 'int' = 10) -> 'Pager[int]'" in text
    assert "List the parts of a toy." in text
    assert "get(self, toy_uuid: 'str'" in pydoc.plaintext.document(Toys)
    assert Toys.list_parts.__annotations__["return"] == "Pager[int]"
    assert AsyncToys.list_parts.__annotations__["return"] == "AsyncPager[int]"


def test_wrong_arguments_are_refused_before_a_thread_is_started(toys: Toys) -> None:
    before = threading.active_count()
    with pytest.raises(TypeError, match="toy_uuid"):
        toys.get()  # type: ignore[call-arg]  # that is the test
    assert threading.active_count() == before


def test_a_list_method_gives_a_pager_and_makes_no_call(toys: Toys) -> None:
    before = threading.active_count()
    pager = toys.list_parts("t1", limit=2)
    assert isinstance(pager, Pager)
    assert threading.active_count() == before
    assert list(pager) == [0, 1, 2, 3, 4]


def test_a_raw_page_can_be_turned_without_a_loop(toys: Toys) -> None:
    page = toys.get_raw(is_page=True).parse()
    assert isinstance(page, BlockingPage)
    assert page.get_next_page().items == [2, 3]
    assert toys.get_raw(is_page=False).parse() == 5


def test_nested_resources_are_reached_and_kept(toys: Toys) -> None:
    assert toys.boxes.count() == 3
    assert toys.boxes is toys.boxes
    assert Toys.boxes is Boxes
    toys.boxes.count = lambda: 4  # type: ignore[method-assign,assignment]  # as users' tests do
    assert toys.boxes.count() == 4


class AsyncClient:
    def __init__(self) -> None:
        self.boxes = AsyncBoxes()

    async def close(self) -> None:
        """Close nothing."""


class Client(BlockingResource[AsyncClient]):
    boxes = Nested(Boxes)


def test_a_resource_can_be_pickled_with_its_portal() -> None:
    asynchronous = AsyncClient()
    client = Client(asynchronous, Portal(asynchronous.close))
    assert client.boxes.count() == 3
    copy = pickle.loads(pickle.dumps(client))
    assert copy.boxes.count() == 3
    assert copy.boxes._portal is copy._portal
    client._portal.close()
    assert copy.boxes.count() == 3
    copy._portal.close()
