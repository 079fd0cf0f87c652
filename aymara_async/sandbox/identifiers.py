"""Opaque identifiers with the prefixes that the API uses."""

from __future__ import annotations

import uuid


def new_uuid() -> str:
    """Make an identifier without a prefix: threads and files."""
    return str(uuid.uuid4())


def new_id(prefix: str) -> str:
    """Make an identifier such as ``test.c4f98691-…``, as evals have."""
    return f"{prefix}.{uuid.uuid4()}"
