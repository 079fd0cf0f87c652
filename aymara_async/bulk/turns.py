"""A response on its way: which turn it answers, what it says, and where it stands in the input."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from aymara_async.models import FileReference, ScoredResponse


class Turn(NamedTuple):
    """What identifies a response, in the input, in the journal and at the server."""

    id: int
    """Its row in the journal."""
    number: int
    """Its place in the input, counted from 1."""
    prompt_uuid: str
    thread_uuid: str | None
    """None leaves it to the server, which takes the prompt's."""
    turn_number: int
    """1 where the input does not say."""
    digest: str
    """Fingerprint of what the response says."""

    def could_be(self, scored: ScoredResponse) -> bool:
        """Tell whether the server may mean this turn, which may know more of it than was said."""
        return (
            scored.prompt_uuid == self.prompt_uuid
            and self.thread_uuid in (None, scored.thread_uuid)
            and self.turn_number in (1, scored.turn_number)
        )

    def is_exactly(self, scored: ScoredResponse) -> bool:
        """Tell whether the server says the very same turn."""
        return (scored.prompt_uuid, scored.thread_uuid, scored.turn_number) == (
            self.prompt_uuid,
            self.thread_uuid,
            self.turn_number,
        )


class Item(NamedTuple):
    """A response of the input that has passed the checks."""

    number: int
    prompt_uuid: str
    thread_uuid: str | None
    turn_number: int
    digest: str
    body: dict[str, object]
    """As it is sent."""
    size: int
    """Bytes of its JSON."""

    def turn(self, id: int) -> Turn:
        """Say which row of the journal it is."""
        return Turn(id, self.number, self.prompt_uuid, self.thread_uuid, self.turn_number, self.digest)


def digest(content: object, content_type: str, *, is_excluded: bool, is_refusal: bool) -> str:
    """Make the fingerprint of what a response says; the same for what was sent and for what the server lists."""
    if isinstance(content, FileReference):
        content = content.to_dict()
    if isinstance(content, dict):  # the server adds what it knows of the file
        content = {name: value for name, value in content.items() if value is not None}
    said = msgspec.json.encode([content, content_type, is_excluded, is_refusal], order="sorted")
    return blake2b(said, digest_size=10).hexdigest()


def digest_scored(scored: ScoredResponse) -> str:
    """Make the fingerprint of what the server lists."""
    return digest(
        scored.content, scored.content_type, is_excluded=scored.exclude_from_scoring, is_refusal=scored.ai_refused
    )
