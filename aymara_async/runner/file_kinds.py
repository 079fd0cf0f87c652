"""Which kind of image or video some bytes are, by how they begin."""

from __future__ import annotations

from aymara_async.models import ContentType

VIDEO_ENDINGS = (".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v")
_BEGINNINGS: tuple[tuple[bytes, str, ContentType], ...] = (
    (b"\x89PNG", "png", "image"),
    (b"\xff\xd8\xff", "jpg", "image"),
    (b"GIF8", "gif", "image"),
    (b"\x1aE\xdf\xa3", "webm", "video"),
)
_IMAGE_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic"}
"""Of the ISO base media format, whose other brands are videos."""


def file_kind(data: bytes) -> tuple[str, ContentType] | None:
    """Return a file name's ending and what it is, or None for bytes that are not known here."""
    for beginning, ending, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return ending, kind
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"AVI "):
        return ("webp", "image") if data[8:12] == b"WEBP" else ("avi", "video")
    if data[4:8] == b"ftyp":
        image = _IMAGE_BRANDS.get(data[8:12])
        return (image, "image") if image else ("mp4", "video")
    return None
