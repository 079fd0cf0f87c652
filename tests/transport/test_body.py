"""What is taken for a file before anything is sent."""

from __future__ import annotations

import pytest

from aymara_async import RequestValidationError
from aymara_async.transport.body import file_body


@pytest.mark.parametrize("name", ["Screenshot at 3.04.05\u202fPM.png", "a\u00a0b.png", "日本 👩\u200d💻.png"])
def test_every_name_in_one_line_is_taken(name: str) -> None:
    """macOS puts a narrow no-break space into the names of its screenshots."""
    body = file_body((name, b"a"), is_form=True)
    assert (body.name, body.content_type) == (name, "image/png")


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\0b", "a\x7fb", "a\u2028b", "a\ud800b"], ids=ascii)
def test_name_that_no_header_can_carry_is_refused(name: str) -> None:
    with pytest.raises(RequestValidationError, match="Nothing was sent"):
        file_body((name, b"a"), is_form=True)


def test_media_type_may_be_left_open() -> None:
    assert file_body(("a.txt", b"a", None), is_form=True).content_type == "text/plain"


def test_text_given_for_a_name_is_no_file() -> None:
    with pytest.raises(RequestValidationError, match="There is no file") as caught:
        file_body("some text " * 500, is_form=True)
    assert len(caught.value.message) < 500
