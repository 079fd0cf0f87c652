"""Which of the servers that the contract allows the sandbox plays: when and how it lists, what it echoes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from zlib import crc32

import attrs
import msgspec
from msgspec import Meta

from aymara_async.sandbox.faults import Seconds, Share, read_pairs

Json: TypeAlias = dict[str, Any]
Order: TypeAlias = Literal["made", "reversed", "prompt", "shuffled", "drawn"]
ShapeLike: TypeAlias = "Shape | Mapping[str, object] | str"

_IDS = ("response_uuid", "prompt_uuid", "eval_run_uuid", "eval_suite_report_uuid", "eval_uuid", "file_uuid")
SLOW = frozenset({"evals.create", "evals.update", "evals.runs.create", "evals.runs.score_responses", "reports.create"})
"""The operations that take ``work`` seconds."""
LISTS = frozenset({"evals.list", "evals.list_prompts", "evals.runs.list", "evals.runs.list_responses", "reports.list"})
"""The operations whose lists have an ``order`` and a ``lag``."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A server that the contract allows; the default is the most obliging one."""

    order: Order = "made"
    """How lists are sorted: as their items were made, the other way round, by the id of the prompt or else of the item,
    or shuffled, once and for all or (``drawn``) each time that something is added."""
    lag: Seconds = 0.0
    """Seconds after which what was made or scored shows in lists."""
    work: Seconds = 0.0
    """Seconds that creating and scoring take. They go on when the client has gone away."""
    omits: tuple[Literal["content", "content_type", "exclude_from_scoring", "ai_refused", "thread_uuid"], ...] = ()
    """What a scored response does not repeat of what was sent."""
    unscored: Share = 0.0
    """The share of prompts whose responses never get a score."""
    clock_offset: float = 0.0
    """Seconds by which its clock is fast."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """The same seed gives the same shuffle, and leaves the same prompts unscored."""

    def leaves_unscored(self, prompt_uuid: str) -> bool:
        """Tell whether responses to a prompt never get a score."""
        return self.unscored > 0 and crc32(f"{self.seed} {prompt_uuid}".encode()) < self.unscored * 2**32

    def echo(self, response: Json) -> Json:
        """Show a scored response; anything else as it is."""
        if "response_uuid" not in response:
            return response
        return {name: value for name, value in response.items() if name not in self.omits}

    @property
    def is_plain(self) -> bool:
        """Whether lists are as the store has them."""
        return self.order == "made" and not self.lag and not self.omits


def read_shape(shape: ShapeLike | None) -> Shape:
    """Read a shape in any of its forms; text is such as ``order=shuffled,lag=2,omits=content+content_type``.

    Raises:
        ValueError: It is none; says what is wrong with it.
    """
    if shape is None:
        return Shape()
    fields = msgspec.to_builtins(shape) if isinstance(shape, Shape) else shape
    try:
        if isinstance(fields, str):
            fields = read_pairs(fields, many=("omits",))
        return msgspec.convert(fields, Shape, strict=not isinstance(shape, str))
    except ValueError as error:
        raise ValueError(f"Not a shape: {shape!r}: {error}") from None


@attrs.define
class Shaping:
    """Carry a shape out; it can be changed while the server runs."""

    shape: Shape
    _made: dict[str, float] = attrs.field(factory=dict)
    """When responses were scored and prompts were added, by their ids: they do not tell it themselves."""

    def note(self, uuids: Iterable[object], now: float) -> None:
        """Remember when responses were scored, or prompts were added."""
        if self.shape.lag:
            self._made.update((str(uuid), now) for uuid in uuids)

    def page(self, items: Sequence[Json], limit: int, offset: int, now: float) -> Json:
        """Cut a page from a whole list."""
        shown = [item for item in items if self._made_at(item) + self.shape.lag <= now]
        arranged = self._arrange(shown)
        return {"items": [self.shape.echo(item) for item in arranged[offset : offset + limit]], "count": len(shown)}

    def _made_at(self, item: Json) -> float:
        made: object = item.get("created_at")
        if isinstance(made, datetime):
            return made.timestamp()
        return self._made.get(_id(item), 0.0)

    def _arrange(self, items: list[Json]) -> list[Json]:
        order = self.shape.order
        if order == "reversed":
            return items[::-1]
        if order == "prompt":
            return sorted(items, key=lambda item: (str(item.get("prompt_uuid")), _id(item)))
        if order == "shuffled":
            return sorted(items, key=lambda item: crc32(f"{self.shape.seed} {_id(item)}".encode()))
        if order == "drawn":
            return random.Random(f"{self.shape.seed} {len(items)}").sample(items, len(items))  # noqa: S311 - a toy
        return items


def _id(item: Json) -> str:
    return next((str(item[name]) for name in _IDS if item.get(name)), "")
