"""What the page carries within itself: data that cannot break out of it, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from markupsafe import Markup

_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})
_IMAGE_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def embedded_json(value: object) -> Markup:
    """Write JSON that may stand within a script element: no tag, comment or line separator can start in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
    return Markup(text)  # noqa: S704 - nothing that HTML would see is left in it


def content_security_policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Allow exactly these inline styles and scripts, images from data, and nothing else: no request, no markup sink."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_sources(styles)}",
            f"script-src {_sources(scripts)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def image_data_url(content: bytes) -> str | None:
    """Write a PNG, JPEG, GIF or WebP as a data URL; None for anything else, such as SVG, which may hold scripts."""
    media_type = next((kind for start, kind in _IMAGE_TYPES.items() if content.startswith(start)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        media_type = "image/webp"
    return None if media_type is None else f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _sources(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
