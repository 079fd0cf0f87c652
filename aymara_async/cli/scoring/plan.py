"""What ``score --dry-run`` tells: how much there is to send, and in how many calls."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from aymara_async.bulk.checks import MAX_BATCH_BYTES
from aymara_async.bulk.source import UnreadableLine
from aymara_async.cli.scoring.input import Sent
from aymara_async.models import EvalResponse
from aymara_async.scoring.exact_eval import PROMPTS_PER_CALL
from aymara_async.transport.codec import encode_request

"""As bulk scoring cuts its batches unless told otherwise."""

FIELDS = ("num_prompts", "num_responses", "num_left_out", "num_batches", "num_calls")


@attrs.frozen(kw_only=True)
class ScorePlan:
    """How much there is to send."""

    num_prompts: int
    """Prompts to put into a new eval."""
    num_responses: int
    num_left_out: int
    """Rows that are at fault."""
    num_batches: int
    """Calls that submit responses."""
    num_calls: int
    """Calls that create or submit something; those that only read, and wait, come on top."""


def plan(responses: Iterable[Sent], *, batch_size: int, num_prompts: int, num_left_out: int) -> ScorePlan:
    """Cut the responses into batches as bulk scoring does; ``num_prompts`` is 0 where the eval is there already."""
    num_responses = num_batches = count = size = 0
    for one in responses:
        if isinstance(one, UnreadableLine):
            num_left_out += 1
            continue
        num_responses += 1
        bytes_of_one = len(encode_request(EvalResponse, one))
        if not count or count == batch_size or size + bytes_of_one > MAX_BATCH_BYTES:
            num_batches += 1
            count = size = 0
        count += 1
        size += bytes_of_one + 1
    creating = 1 + -(-num_prompts // PROMPTS_PER_CALL) if num_prompts else 0
    return ScorePlan(
        num_prompts=num_prompts,
        num_responses=num_responses,
        num_left_out=num_left_out,
        num_batches=num_batches,
        num_calls=creating + num_batches,
    )
