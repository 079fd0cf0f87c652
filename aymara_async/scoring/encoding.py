"""What to say of a file that is not UTF-8."""

from __future__ import annotations

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def not_utf8(beginning: bytes | None, where: str) -> str:
    """Say so; ``beginning`` is that of the file, where it is there that it fails to be UTF-8."""
    if beginning is not None and beginning.startswith(_UTF_16_MARKS):
        return "the file is UTF-16, not UTF-8. Save it as UTF-8"
    return f"not UTF-8: {where}. Save the file as UTF-8"
