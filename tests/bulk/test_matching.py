"""Which listed responses are the ones that were sent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aymara_async import FileReference, ScoredResponse
from aymara_async.bulk.matching import Claims, UndecidableError, is_scored
from aymara_async.bulk.turns import Turn, digest, digest_scored


def turn(number: int, prompt: str = "p", thread: str | None = None, turn_number: int = 1, content: str = "x") -> Turn:
    said = digest(content, "text", is_excluded=False, is_refusal=False)
    return Turn(number, number, prompt, thread, turn_number, said)


def scored(prompt: str = "p", thread: str | None = "t", turn_number: int = 1, content: str = "x") -> ScoredResponse:
    return ScoredResponse(
        prompt_uuid=prompt, thread_uuid=thread, turn_number=turn_number, content=content, is_passed=True
    )


def taken(turns: Sequence[Turn], listed: Sequence[ScoredResponse]) -> list[int | None]:
    claims = Claims(turns)
    return [found.number if found else None for found in map(claims.take, listed)]


@pytest.mark.parametrize(
    ("turns", "listed", "expected"),
    [
        pytest.param([turn(1)], [scored()], [1], id="the server says the thread"),
        pytest.param([turn(1)], [scored(turn_number=2)], [1], id="the server says the turn"),
        pytest.param([turn(1)], [scored("q")], [None], id="another prompt"),
        pytest.param([turn(1, thread="u")], [scored()], [None], id="another thread"),
        pytest.param([turn(1, turn_number=2)], [scored(turn_number=3)], [None], id="another turn"),
        pytest.param([turn(1)], [scored(), scored()], [1, None], id="each is found once"),
        pytest.param([turn(1, content="a")], [scored(content="b")], [1], id="one that fits is it, whatever it says"),
        pytest.param(
            [turn(1, content="a"), turn(2, thread="t", content="b")],
            [scored(content="b"), scored(content="a")],
            [2, 1],
            id="told apart by what they say",
        ),
        pytest.param([turn(1), turn(2, thread="t")], [scored()], [2], id="alike: the exact one"),
    ],
)
def test_decisions(turns: list[Turn], listed: list[ScoredResponse], expected: list[int | None]) -> None:
    assert taken(turns, listed) == expected


def test_what_nothing_tells_apart_is_not_decided() -> None:
    with pytest.raises(UndecidableError, match="may be one of 2"):
        taken([turn(1, content="a"), turn(2, thread="t", content="b")], [scored(content="c")])


def test_what_is_missing_keeps_the_order_of_the_input() -> None:
    claims = Claims([turn(3, "c"), turn(1, "a"), turn(2, "b")])
    claims.take(scored("b"))
    assert [one.number for one in claims.missing] == [1, 3]
    assert claims.wants(scored("a"))
    assert not claims.wants(scored("b"))


@given(
    st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from([None, "t"]), st.integers(1, 3)), unique=True),
    st.randoms(),
)
def test_whatever_is_listed_each_turn_is_found_at_most_once(
    keys: list[tuple[str, str | None, int]], dice: object
) -> None:
    turns = [turn(number, *key, content=f"answer {number}") for number, key in enumerate(keys)]
    listed = [scored(one.prompt_uuid, one.thread_uuid or "t", one.turn_number, f"answer {one.number}") for one in turns]
    dice.shuffle(listed)  # type: ignore[attr-defined]  # hypothesis's Random
    claims = Claims(turns)
    for one in listed:
        found = claims.take(one)
        assert found is not None
        assert found.digest == digest_scored(one)
    assert not claims.missing
    assert len({found.number for found, _ in claims.found}) == len(turns)


def test_the_digest_is_that_of_what_the_server_makes_of_it() -> None:
    sent = digest({"file_uuid": "f"}, "image", is_excluded=True, is_refusal=False)
    listed = ScoredResponse(
        prompt_uuid="p", content=FileReference(file_uuid="f"), content_type="image", exclude_from_scoring=True
    )
    assert digest_scored(listed) == sent
    assert digest_scored(ScoredResponse(prompt_uuid="p", content="x")) != digest_scored(
        ScoredResponse(prompt_uuid="p", content="x", ai_refused=True)
    )


def test_a_response_without_verdict_is_not_scored_unless_excluded() -> None:
    assert not is_scored(ScoredResponse(prompt_uuid="p"))
    assert is_scored(ScoredResponse(prompt_uuid="p", exclude_from_scoring=True))
    assert is_scored(ScoredResponse(prompt_uuid="p", is_passed=False))
