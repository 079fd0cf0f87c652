"""BulkScorer: the blocking twin of ``AsyncBulkScorer``, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self

from aymara_async.bulk.result import BulkResult
from aymara_async.bulk.scorer import AsyncBulkScorer, ScoringStream
from aymara_async.bulk.source import Responses
from aymara_async.client import AsyncAymaraAI
from aymara_async.models import ScoredResponse
from aymara_async.portal.blocking import blocking
from aymara_async.portal.portal import Portal
from aymara_async.portal.resource import BlockingResource
from aymara_async.sync import AymaraAI, check_blocking_client, twin_of

P = ParamSpec("P")


def _arguments_of(
    _: Callable[Concatenate[AsyncAymaraAI, P], AsyncBulkScorer],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, AymaraAI, P], None]]:
    """Give a constructor the arguments of another class, with a blocking client."""
    return twin_of(AsyncBulkScorer.__init__)


class BulkScorer(BlockingResource[AsyncBulkScorer]):
    """Score very many responses to the prompts of one eval, each exactly once; arguments are those of the twin."""

    @_arguments_of(AsyncBulkScorer)
    def __init__(self, client: AymaraAI, **arguments: Any) -> None:
        check_blocking_client(client, "AsyncBulkScorer")
        super().__init__(AsyncBulkScorer(client._async, **arguments), client._portal)

    run: Final = blocking(AsyncBulkScorer.run)

    def score(self, responses: Responses) -> BlockingScoringStream:
        """Score responses and iterate over the results, each as soon as it is there; see ``AsyncBulkScorer.score``."""
        return BlockingScoringStream(self._async.score(responses), self._portal)


class BlockingScoringStream:
    """Scored responses as they come; an iterator, and a context manager for who may leave it early."""

    def __init__(self, stream: ScoringStream, portal: Portal) -> None:
        self._stream = stream
        self._chunks = _iterate(stream, portal)
        self._items = _flatten(self._chunks)

    @property
    def result(self) -> BulkResult:
        """How far it is; complete when the iteration has ended."""
        return self._stream.result

    def chunks(self) -> Iterator[list[ScoredResponse]]:
        """Iterate over lists of results, as they came from the server."""
        return self._chunks

    def close(self) -> None:
        """Stop; what is under way is looked for when the job resumes."""
        self._items.close()
        self._chunks.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ScoredResponse:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


# No methods: the generators would keep their owner alive, and a forgotten one would not be closed at once.
def _iterate(stream: ScoringStream, portal: Portal) -> Generator[list[ScoredResponse], None, None]:
    yield from portal.iterate(stream.chunks)


def _flatten(chunks: Iterator[list[ScoredResponse]]) -> Generator[ScoredResponse, None, None]:
    for chunk in chunks:
        yield from chunk
