"""What a response must be before it is sent."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.journal_entries import Registered
from aymara_async.bulk.source import UnreadableLine
from aymara_async.bulk.turns import Item, fingerprint
from aymara_async.errors import RequestValidationError
from aymara_async.models import EvalResponse
from aymara_async.transport.codec import encode_request

MAX_BATCH_BYTES = 4_000_000
"""Bytes of JSON in a request, unless something else is asked for; a response has no more either."""


def check(number: int, response: object, *, max_bytes: int) -> Item:
    """Check one response by itself; raises ``InvalidResponseError``."""
    if isinstance(response, UnreadableLine):
        raise invalid(number, response.reason)
    if isinstance(response, EvalResponse):
        response = vars(response)
    if not isinstance(response, Mapping):
        raise invalid(number, f"it is a {type(response).__name__}, neither an EvalResponse nor a mapping")
    try:
        encoded = encode_request(EvalResponse, response)
    except RequestValidationError as error:
        reason = error.message.removesuffix(" Nothing was sent.").rstrip(".")
        raise invalid(number, reason, error.path) from error
    body: dict[str, object] = msgspec.json.decode(encoded)
    prompt_uuid, turn_number = str(body["prompt_uuid"]), body.get("turn_number", 1)
    thread_uuid = body.get("thread_uuid")
    if not prompt_uuid.strip():
        raise invalid(number, "prompt_uuid is empty", "$.prompt_uuid")
    if not isinstance(turn_number, int) or turn_number < 1:
        raise invalid(number, f"turn_number is {turn_number}, but turns are counted from 1", "$.turn_number")
    if len(encoded) > max_bytes:
        raise invalid(number, f"it has {len(encoded)} bytes, more than the {max_bytes} of a batch", "$.content")
    if b"\\u0000" in encoded and (path := _find_nul(body, "$")):
        raise invalid(number, f"the text at {path} holds a NUL character", path)
    return Item(
        number=number,
        prompt_uuid=prompt_uuid,
        thread_uuid=str(thread_uuid) if thread_uuid else None,
        turn_number=turn_number,
        digest=fingerprint(body),
        body=body,
        size=len(encoded),
    )


def check_registered(item: Item, registered: Registered, *, is_other_listed: bool) -> None:
    """Check a response against what journal and server know of its turn; raises ``InvalidResponseError``."""
    if is_other_listed:
        raise invalid(
            item.number,
            f"the run holds a response to prompt {item.prompt_uuid} that says something else, or may be one to another "
            "turn; score changed responses in a run of their own",
            is_changed=True,
        )
    if registered.duplicate_of is not None:
        raise invalid(item.number, f"it answers the same prompt, thread and turn as row {registered.duplicate_of}")
    if registered.is_changed:
        raise invalid(
            item.number,
            "it is not the response to this turn that an earlier session sent with this journal; score changed "
            "responses with a journal of their own",
            is_changed=True,
        )
    if not registered.is_known_prompt:
        raise invalid(item.number, f"prompt {item.prompt_uuid} is not one of the eval", "$.prompt_uuid")


def invalid(row: int, reason: str, path: str | None = None, *, is_changed: bool = False) -> InvalidResponseError:
    """Make the error that names row and reason."""
    message = f"Row {row} cannot be scored: {reason}. It was not sent; what was sent before is scored."
    if not is_changed:
        message += " Correct the input and run it again with the same journal, or pass "
        message += 'on_invalid="skip" to go on without such rows.'
    return InvalidResponseError(message, row=row, reason=reason, path=path, is_changed=is_changed)


def _find_nul(value: object, path: str) -> str | None:
    if isinstance(value, str):
        return path if "\0" in value else None
    if isinstance(value, dict):
        found = (_find_nul(item, f"{path}.{key}") for key, item in value.items())
        return next(filter(None, found), None)
    return None
