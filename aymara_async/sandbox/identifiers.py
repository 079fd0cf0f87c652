"""Opaque identifiers with the prefixes that the API uses."""

from __future__ import annotations

import uuid
from typing import Literal, TypeAlias

Prefix: TypeAlias = Literal[
    "test", "score_run", "question", "score_run_suite_summary", "score_run_summary", "answer", "answer_history", "example"
]


def new_uuid() -> str:
    """Make an identifier without a prefix: threads and files."""
    return str(uuid.uuid4())


def new_id(prefix: Prefix) -> str:
    """Make an identifier such as ``test.c4f98691-…``."""
    return f"{prefix}.{uuid.uuid4()}"
