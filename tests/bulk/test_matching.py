"""Which listed responses are the ones that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aymara_async import FileReference, ScoredResponse
from aymara_async.bulk.matching import match
from aymara_async.bulk.turns import Turn, fingerprint, marks


def turn(
    number: int, prompt: str = "p", thread: str | None = None, turn_number: int = 1, content: object = "x"
) -> Turn:
    return Turn(number, number, prompt, thread, turn_number, fingerprint({"content": content}))


def scored(prompt: str = "p", thread: str | None = "t", turn_number: int = 1, content: Any = "x") -> ScoredResponse:
    return ScoredResponse(
        prompt_uuid=prompt, thread_uuid=thread, turn_number=turn_number, content=content, is_passed=True
    )


def taken(turns: Sequence[Turn], listed: Sequence[ScoredResponse]) -> list[int | None]:
    """Which turn each listed response was given to."""
    matching = match(turns, listed)
    given = {id(one): found.number for found, one in matching.found}
    assert len(given) == len(matching.found), "one response was given twice"
    assert len({found.id for found, _ in matching.found}) == len(matching.found), "one turn was found twice"
    return [given.get(id(one)) for one in listed]


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
        pytest.param([turn(1, thread="u", turn_number=3)], [scored(thread=None)], [1], id="neither is repeated"),
        pytest.param([turn(1, content="a")], [scored(content=None)], [1], id="a refusal, which is not repeated"),
        pytest.param(
            [turn(1, turn_number=1, content="a"), turn(2, turn_number=2, content="b")],
            [scored(thread=None, turn_number=2, content=None), scored(thread=None, content=None)],
            [2, 1],
            id="told apart by their numbers alone",
        ),
        pytest.param(
            [turn(1, thread="t", content="a"), turn(2, thread="u", content="b")],
            [scored(thread="u", content=None)],
            [2],
            id="told apart by their threads alone",
        ),
        pytest.param(
            [
                turn(1, content={"remote_file_path": "a.png"}),
                turn(2, thread="t", content={"remote_file_path": "b.png"}),
            ],
            [scored(content=FileReference(remote_file_path="https://host/x/a.png?X-Amz-Date=1"))],
            [1],
            id="a path that comes back as a signed URL",
        ),
        pytest.param(
            [turn(1, content={"file_uuid": "f"}), turn(2, thread="t", content={"file_uuid": "g"})],
            [scored(content=FileReference(file_uuid="g", remote_file_path="g_raw.mp4"))],
            [2],
            id="a file by its id",
        ),
        pytest.param([turn(1), turn(2)], [scored(), scored(), scored()], [1, 2, None], id="alike, and one too many"),
        pytest.param(
            [turn(1, content="a"), turn(2, content="b")],
            [scored(content="z"), scored(content="b")],
            [1, 2],
            id="the rest",
        ),
    ],
)
def test_decisions(turns: list[Turn], listed: list[ScoredResponse], expected: list[int | None]) -> None:
    assert taken(turns, listed) == expected


@pytest.mark.parametrize(
    ("turns", "listed"),
    [
        pytest.param([turn(1, content="a"), turn(2, thread="t", content="b")], [scored(content="c")], id="one of two"),
        pytest.param([turn(1, content="a"), turn(2, content="b")], [scored(content=None)] * 2, id="two, in any order"),
        pytest.param(
            [turn(1, thread="t"), turn(2, thread="u")], [scored(thread=None)], id="alike, but which is missing?"
        ),
    ],
)
def test_what_nothing_tells_apart_is_not_decided(turns: list[Turn], listed: list[ScoredResponse]) -> None:
    matching = match(turns, listed)
    assert (matching.found, matching.rest) == ([], [])
    assert [sorted(one.number for one in group) for group in matching.undecided] == [[1, 2]]


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
    found = match(turns, listed).found
    assert len(found) == len(turns)
    assert all(one.mark in marks(response.content) for one, response in found)


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.randoms())
def test_of_what_is_repeated_by_prompt_alone_each_is_found_in_any_order(there: list[bool], dice: object) -> None:
    turns = [turn(number, f"p{number}", "t", 2, f"answer {number}") for number in range(len(there))]
    listed = [
        ScoredResponse(prompt_uuid=one.prompt_uuid) for one, is_there in zip(turns, there, strict=True) if is_there
    ]
    dice.shuffle(listed)  # type: ignore[attr-defined]  # hypothesis's Random
    assert {one.number for one, _ in match(turns, listed).found} == {n for n, is_there in enumerate(there) if is_there}


def test_a_response_without_verdict_is_not_scored_unless_it_was_sent_to_be_excluded() -> None:
    excluded = Turn(1, 1, "p", None, 1, fingerprint({"content": "x", "exclude_from_scoring": True}))
    assert not turn(1).is_done(ScoredResponse(prompt_uuid="p"))
    assert turn(1).is_done(ScoredResponse(prompt_uuid="p", exclude_from_scoring=True))
    assert turn(1).is_done(ScoredResponse(prompt_uuid="p", is_passed=False))
    assert excluded.is_done(ScoredResponse(prompt_uuid="p"))


def test_a_fingerprint_tells_what_was_sent() -> None:
    said = {"content": "x", "content_type": "text"}
    assert fingerprint(said) == fingerprint({**said, "prompt_uuid": "p"})
    others = [{"content": "y"}, {"content_type": "image"}, {"ai_refused": True}, {"exclude_from_scoring": True}]
    assert len({fingerprint({**said, **other}) for other in [{}, *others]}) == 5
