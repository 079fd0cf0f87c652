"""Whether a text refuses."""

from __future__ import annotations

import re

import attrs

_REFUSAL = re.compile(
    r"\b(i('m| am) sorry|i (can('|no)t|won't)|i('m| am) (not able|unable)|i must decline|as an ai)\b", re.IGNORECASE
)


@attrs.frozen
class Refusal:
    """How sure it is that a text refuses: 0.0 to 1.0."""

    confidence: float


def refusal_in(text: str) -> Refusal:
    """Look for a refusal in the first sentences."""
    return Refusal(0.9 if _REFUSAL.search(text[:300].replace("\u2019", "'")) else 0.1)
