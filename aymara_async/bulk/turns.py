"""A response on its way: which turn it answers, what it says, and where it stands in the input."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

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
    """Fingerprint of what the response says, see ``fingerprint``."""

    @property
    def is_excluded(self) -> bool:
        """Whether it was sent to be listed without a score."""
        return self.digest.endswith(EXCLUDED)

    @property
    def mark(self) -> str:
        """What its content can be known by; empty where it has none."""
        return self.digest.split(":", 2)[1]

    def could_be(self, scored: ScoredResponse) -> bool:
        """Tell whether the server may mean this turn, of which it may say more than was sent, or less."""
        return (
            scored.prompt_uuid == self.prompt_uuid
            and (self.thread_uuid is None or scored.thread_uuid in (None, self.thread_uuid))
            and (self.turn_number == 1 or scored.turn_number in (1, self.turn_number))
        )

    def is_done(self, scored: ScoredResponse) -> bool:
        """Tell whether the server is done with it, which may list it long before it is scored."""
        return scored.is_passed is not None or self.is_excluded or scored.exclude_from_scoring


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


EXCLUDED = ":excluded"


def fingerprint(body: Mapping[str, object]) -> str:
    """Make the fingerprint of what is sent: a hash of all that it says, its mark, and whether it is excluded.

    The hash tells that an input has changed. The server need not repeat all of that, so that what it lists is only
    known by the mark.
    """
    content = body.get("content")
    is_excluded = bool(body.get("exclude_from_scoring"))
    said = [content, body.get("content_type", "text"), is_excluded, bool(body.get("ai_refused"))]
    digest = _hash(msgspec.json.encode(said, order="sorted"))
    mark = next(iter(marks(content)), "").replace(":", "_")
    return f"{digest}:{mark}{EXCLUDED if is_excluded else ':'}"


def marks(content: object) -> list[str]:
    """Return what content can be known by, the surest first: a text by itself, a file by its name or id."""
    if isinstance(content, str):
        return [_hash(" ".join(content.split()).encode())] if content.strip() else []
    if isinstance(content, FileReference):
        content = content.to_dict()
    if not isinstance(content, dict):
        return []
    file_uuid, path = content.get("file_uuid"), content.get("remote_file_path")
    # Of a file that was sent by its path, a URL comes back that is signed anew at each look.
    name = urlsplit(path).path.rpartition("/")[2] if isinstance(path, str) else None
    return [mark for mark in (file_uuid, name) if isinstance(mark, str) and mark]


def _hash(said: bytes) -> str:
    return blake2b(said, digest_size=10).hexdigest()
