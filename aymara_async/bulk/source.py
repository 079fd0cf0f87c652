"""Where responses come from: a JSON Lines file, an iterable or an async one, pulled only as fast as they are sent."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeAlias, cast

import attrs
import msgspec

from aymara_async.errors import RequestValidationError
from aymara_async.models import EvalResponse

Response: TypeAlias = EvalResponse | Mapping[str, object]
Responses: TypeAlias = str | os.PathLike[str] | Iterable[Response] | AsyncIterable[Response]
"""Instances or mappings, or the path of a JSON Lines file of them."""


_FORMAT = "A file is read as JSON Lines here; the command `aymara-async score` reads CSV and Parquet, too"


class LiveResponses(AsyncIterator[Response]):
    """Responses whose producer knows best how many of them make a batch, since it may wait for scores to make more."""

    @abstractmethod
    async def ready(self, count: int) -> int:
        """Wait until a batch of up to so many makes sense, and return how many it has; 0 at the end."""


@attrs.frozen
class UnreadableLine:
    """A line of a file that holds no response."""

    reason: str


class Source:
    """Pull numbered rows. A plain iterator, which may block, is advanced in a thread of its own."""

    def __init__(self, responses: Responses) -> None:
        self._async: AsyncIterator[object] | None = None
        self._sync: Iterator[tuple[int, object]] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._number = 0
        self.failure: Exception | None = None
        """What the iterator raised after the rows that it has given."""
        self.total: int | None = None
        """How many there are, where that can be told."""
        self.is_at_hand: bool = isinstance(responses, str | os.PathLike | list | tuple)
        """Whether nobody minds, or notices, that rows are pulled before they can be sent."""
        given = cast(object, responses)
        if isinstance(given, AsyncIterable):
            self._async = aiter(given)
            return
        if isinstance(given, str | os.PathLike):
            self._sync = _lines(Path(given))
        elif isinstance(given, Iterable) and not isinstance(given, Mapping | bytes):
            self._sync = enumerate(given, 1)
        else:
            raise RequestValidationError(
                "Responses are an iterable of EvalResponse or mappings, or the path of a JSON Lines file, not a "
                f"{type(given).__name__}. Nothing was sent.",
                path="responses",
            )
        if isinstance(given, list | tuple):
            self.total = len(given)
        else:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="aymara-async input")

    @property
    def is_live(self) -> bool:
        """Whether a batch is what is there, rather than as many as one may hold."""
        return isinstance(self._async, LiveResponses)

    async def ready(self, count: int) -> int:
        """Tell how many to take, up to so many; 0 at the end."""
        return await self._async.ready(count) if isinstance(self._async, LiveResponses) else count

    async def take(self, count: int) -> list[tuple[int, object]]:
        """Pull up to so many; fewer only at the end, or before a ``failure``."""
        if self._async is not None:
            return await self._take_async(self._async, count)
        assert self._sync is not None
        if self._thread is None:
            return list(islice(self._sync, count))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._take, self._sync, count)

    async def _take_async(self, rows: AsyncIterator[object], count: int) -> list[tuple[int, object]]:
        taken: list[tuple[int, object]] = []
        try:
            async for response in rows:
                self._number += 1
                taken.append((self._number, response))
                if len(taken) == count:
                    break
        except Exception as error:  # noqa: BLE001 - raised when what came before it has been sent
            self.failure = error
        return taken

    def _take(self, rows: Iterator[tuple[int, object]], count: int) -> list[tuple[int, object]]:
        taken: list[tuple[int, object]] = []
        try:
            for row in islice(rows, count):
                taken.append(row)  # noqa: PERF402 - what came before an error is to be kept
        except Exception as error:  # noqa: BLE001 - raised when what came before it has been sent
            self.failure = error
        return taken

    def close(self) -> None:
        """Let go of the iterator; one that blocks in its thread ends with its next row."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)


def _lines(path: Path) -> Iterator[tuple[int, object]]:
    """Read JSON Lines; raises ``RequestValidationError`` at the end of a file that holds none."""
    decode = msgspec.json.Decoder(dict[str, object]).decode
    good = bad = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                response: object = decode(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
                good += 1
            except (ValueError, RecursionError) as error:
                response = UnreadableLine(f"the line of {path} is no JSON object ({error}). {_FORMAT}")
                bad += 1
            yield number, response
    if bad and not good:
        raise RequestValidationError(f"No line of {path} is a JSON object, so nothing was sent. {_FORMAT}.")
