"""Requests: checked and encoded, whatever mixture of instances and mappings they come in."""

from __future__ import annotations

import json
import math
import uuid
from collections import OrderedDict, UserDict, UserString, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from aymara_async import (
    AgentInstructions,
    Eval,
    EvalResponse,
    EvalRunExample,
    FileReference,
    PromptExample,
    RequestValidationError,
    ScoredResponse,
    Tool,
    ToolArray,
    ToolDict,
    ToolString,
    WorkflowInstructions,
)
from aymara_async.models import (
    AnswerUpdateRequest,
    EvalAnalysisRequest,
    EvalCreate,
    EvalRunRequest,
    EvalUpdate,
    PromptCreate,
)
from aymara_async.transport.codec import InvalidJSONError, decoder, encode, encode_request
from aymara_async.transport.wire import query, segment

EVAL = {"ai_description": "A bot", "eval_type": "safety"}
RUN = {"eval_uuid": "test.1"}


def sent(cls: type, extra: Mapping[str, object] | None = None, /, **fields: object) -> Any:
    return json.loads(encode_request(cls, fields, extra))


def refused(cls: type, **fields: object) -> RequestValidationError:
    with pytest.raises(RequestValidationError, match="Nothing was sent") as caught:
        encode_request(cls, fields)
    return caught.value


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
responses = st.fixed_dictionaries(
    {"prompt_uuid": text},
    optional={
        "thread_uuid": st.none() | text,
        "turn_number": st.integers(1, 2**31),
        "continue_thread": st.booleans(),
        "content": st.none()
        | text
        | st.fixed_dictionaries({"file_uuid": st.none() | text, "remote_file_path": st.none() | text}),
        "content_type": text,
        "exclude_from_scoring": st.booleans(),
        "ai_refused": st.booleans(),
    },
)


def as_instance(response: dict[str, Any]) -> EvalResponse:
    content = response.get("content", UNSET)
    return EvalResponse(**{**response, "content": FileReference(**content) if isinstance(content, dict) else content})


class Text(str):
    __slots__ = ()


def as_other_mapping(response: dict[str, Any]) -> Mapping[str, object]:
    return UserDict({key: Text(value) if isinstance(value, str) else value for key, value in response.items()})


shapes = st.sampled_from([dict, as_instance, as_other_mapping, MappingProxyType, OrderedDict])
containers = st.sampled_from([list, tuple, iter, lambda items: (item for item in items)])


@given(st.lists(st.tuples(responses, shapes), max_size=5), containers)
def test_every_shape_of_a_response_is_sent_as_the_same_json(mixture: list[Any], container: Any) -> None:
    given_responses = container([shape(response) for response, shape in mixture])
    body = sent(EvalRunRequest, eval_uuid="test.1", responses=given_responses)
    assert body == {"eval_uuid": "test.1", "responses": [response for response, _ in mixture]}


class TestLeftOut:
    def test_unset_is_not_sent(self) -> None:
        assert sent(EvalCreate, **EVAL, name=UNSET, num_prompts=UNSET) == EVAL

    def test_none_is_sent_as_null(self) -> None:
        assert sent(EvalCreate, **EVAL, name=None) == {**EVAL, "name": None}

    def test_default_of_an_instance_is_not_sent(self) -> None:
        body = sent(
            EvalRunRequest,
            **RUN,
            responses=[EvalResponse(prompt_uuid="p"), EvalResponse(prompt_uuid="q", content=None)],
        )
        assert body["responses"] == [{"prompt_uuid": "p"}, {"prompt_uuid": "q", "content": None}]

    def test_null_is_not_for_every_field(self) -> None:
        assert refused(EvalCreate, **EVAL, is_jailbreak=None).path == "$.is_jailbreak"

    def test_nothing_at_all(self) -> None:
        assert sent(EvalUpdate) == {}


class Color(Enum):
    RED = "red"


ROWS = [{"prompt_uuid": "a", "content": "x"}] * 3


@pytest.mark.parametrize(
    ("path", "cls", "fields"),
    [
        ("$.eval_type", EvalCreate, {"ai_description": "A bot"}),
        ("$.evaltype", EvalCreate, {**EVAL, "evaltype": "safety"}),
        ("$.num_prompts", EvalCreate, {**EVAL, "num_prompts": "10"}),
        ("$.num_prompts", EvalCreate, {**EVAL, "num_prompts": 1.5}),
        ("$.num_prompts", EvalCreate, {**EVAL, "num_prompts": True}),
        ("$.is_jailbreak", EvalCreate, {**EVAL, "is_jailbreak": "no"}),
        ("$.is_jailbreak", EvalCreate, {**EVAL, "is_jailbreak": 1}),
        ("$.name", EvalCreate, {**EVAL, "name": b"bytes"}),
        ("$.name", EvalCreate, {**EVAL, "name": bytearray(b"bytes")}),
        ("$.name", EvalCreate, {**EVAL, "name": datetime(2026, 1, 1, tzinfo=UTC)}),
        ("$.name", EvalCreate, {**EVAL, "name": 5}),
        ("$.name", EvalCreate, {**EVAL, "name": ["a"]}),
        ("$.created_at", EvalCreate, {**EVAL, "created_at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - the point of it
        ("$.created_at", EvalCreate, {**EVAL, "created_at": "yesterday"}),
        ("$.prompt_examples", EvalCreate, {**EVAL, "prompt_examples": "text"}),
        ("$.prompt_examples", EvalCreate, {**EVAL, "prompt_examples": {"content": "a"}}),
        ("$.prompt_examples[1].content", EvalCreate, {**EVAL, "prompt_examples": [{"content": "a"}, {}]}),
        ("$.prompt_examples[0].context", EvalCreate, {**EVAL, "prompt_examples": [{"content": "a", "context": "b"}]}),
        ("$.ai_instructions", EvalCreate, {**EVAL, "ai_instructions": 5}),
        ("$.ai_instructions", EvalCreate, {**EVAL, "ai_instructions": ["a"]}),
        ("$.ai_instructions.system_prompt", EvalCreate, {**EVAL, "ai_instructions": {"agent_name": "a"}}),
        ("$.ai_instructions.prompt", EvalCreate, {**EVAL, "ai_instructions": {"system_prompt": "a", "prompt": "b"}}),
        (
            "$.ai_instructions.instructions[1].system_prompt",
            EvalCreate,
            {**EVAL, "ai_instructions": {"instructions": [{"system_prompt": "a"}, {"system_prompt": 1}]}},
        ),
        (
            "$.ai_instructions.tools.value[0].nam",
            EvalCreate,
            {**EVAL, "ai_instructions": {"system_prompt": "a", "tools": {"value": [{"name": "a", "nam": 1}]}}},
        ),
        ("$.ai_instructions.tools", EvalCreate, {**EVAL, "ai_instructions": {"system_prompt": "a", "tools": "text"}}),
        (
            "$.ai_instructions.tools",
            EvalCreate,
            {**EVAL, "ai_instructions": {"system_prompt": "a", "tools": {"type": "set", "value": []}}},
        ),
        ("$.responses[3].content", EvalRunRequest, {**RUN, "responses": [*ROWS, {"prompt_uuid": "a", "content": 5}]}),
        (
            "$.responses[3].content",
            EvalRunRequest,
            {**RUN, "responses": [*ROWS, EvalResponse(prompt_uuid="a", content=5)]},
        ),  # type: ignore[arg-type]
        ("$.responses[0].content", EvalRunRequest, {**RUN, "responses": [{"prompt_uuid": "a", "content": b"bytes"}]}),
        (
            "$.responses[3].contents",
            EvalRunRequest,
            {**RUN, "responses": [*ROWS, {"prompt_uuid": "a", "contents": ""}]},
        ),
        ("$.responses[1].prompt_uuid", EvalRunRequest, {**RUN, "responses": [*ROWS[:1], {"content": "x"}]}),
        ("$.responses[0].prompt_uuid", EvalRunRequest, {**RUN, "responses": [{"prompt_uuid": None}]}),
        ("$.responses[0]", EvalRunRequest, {**RUN, "responses": ["text"]}),
        ("$.responses", EvalRunRequest, {**RUN, "responses": None}),
        ("$.responses", EvalRunRequest, {**RUN, "responses": EvalResponse(prompt_uuid="a")}),
        ("$.responses", EvalRunRequest, {**RUN, "responses": 5}),
        ("$.responses[0].response_uuid", EvalRunRequest, {**RUN, "responses": [ScoredResponse(prompt_uuid="a")]}),
        (
            "$.responses[0].content.uuid",
            EvalRunRequest,
            {**RUN, "responses": [{"prompt_uuid": "a", "content": {"uuid": "f"}}]},
        ),
        (
            "$.eval_run_examples[0].response",
            EvalRunRequest,
            {**RUN, "responses": [], "eval_run_examples": [{"type": "pass", "prompt": ""}]},
        ),
        ("$.confidence", AnswerUpdateRequest, {"confidence": "0.5"}),
        ("$.confidence", AnswerUpdateRequest, {"confidence": math.nan}),
        ("$.confidence", AnswerUpdateRequest, {"confidence": -math.inf}),
        ("$.prompt_creates[0].category", EvalUpdate, {"prompt_creates": [PromptCreate(content="a", category=3)]}),  # type: ignore[arg-type]
    ],
)
def test_fault_is_named_by_its_path(path: str, cls: type, fields: dict[str, object]) -> None:
    error = refused(cls, **fields)
    assert error.path == path
    assert path in error.message


@pytest.mark.parametrize(
    "wrong",
    [object(), {"responses": object()}, [object()], len, {1: 2}, {"prompt_uuid": "a", 5: "b"}, complex(1, 2)],
    ids=["object", "object in mapping", "object in list", "function", "number as key", "one number as key", "complex"],
)
def test_what_has_no_json_form_is_refused(wrong: object) -> None:
    refused(EvalRunRequest, eval_uuid="test.1", responses=[wrong])
    refused(EvalCreate, **EVAL, ai_instructions=wrong)
    refused(EvalCreate, **EVAL, name=wrong)


def test_failing_generator_raises_its_own_error() -> None:
    def broken() -> Iterator[dict[str, str]]:
        yield {"prompt_uuid": "a"}
        raise KeyError("row 2")

    with pytest.raises(KeyError, match="row 2"):
        encode_request(EvalRunRequest, {"eval_uuid": "e", "responses": broken()})


class TestTexts:
    @pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "\ud83d and more"])
    def test_lone_surrogate_is_named_by_its_path(self, value: str) -> None:
        error = refused(EvalRunRequest, **RUN, responses=[*ROWS, {"prompt_uuid": "p", "content": value}])
        assert error.path == "$.responses[3].content"
        assert "surrogate" in error.message
        error = refused(EvalRunRequest, **RUN, responses=iter([EvalResponse(prompt_uuid="p", content=value)]))
        assert error.path == "$.responses[0].content"

    @given(text)
    def test_every_other_text_arrives(self, value: str) -> None:
        assert (
            sent(EvalRunRequest, **RUN, responses=[{"prompt_uuid": "p", "content": value}])["responses"][0]["content"]
            == value
        )

    def test_subclasses_and_kin(self) -> None:
        class Kind(str, Enum):  # noqa: UP042 - as older code has them
            SAFETY = "safety"

        body = sent(EvalCreate, ai_description=Text("A bot"), eval_type=Kind.SAFETY, name=uuid.UUID(int=1))
        assert body == {**EVAL, "name": "00000000-0000-0000-0000-000000000001"}
        assert sent(EvalCreate, ai_description="a", eval_type=Color.RED)["eval_type"] == "red"

    def test_what_is_text_but_for_its_class_is_text(self) -> None:
        class Lazy(UserString):
            """Text whose characters are lazy again, as translations are."""

        lazystr = pytest.importorskip("django.utils.functional").lazystr
        for text in (UserString("a"), Lazy("a"), lazystr("a")):
            assert sent(EvalCreate, ai_description=text, eval_type="safety")["ai_description"] == "a"
            assert json.loads(encode({"deep": [text]})) == {"deep": ["a"]}
            assert segment("eval_uuid", text) == "a"
            assert query({"q": text, "many": [text, text]}) == "q=a&many=a%2Ca"

    def test_unlisted_value_of_an_enumeration_is_sent(self) -> None:
        assert sent(EvalCreate, **EVAL, modality="smell")["modality"] == "smell"


class TestNumbers:
    def test_whole_number_for_a_fraction(self) -> None:
        assert sent(AnswerUpdateRequest, confidence=1)["confidence"] == 1
        assert sent(AnswerUpdateRequest, confidence=Decimal("0.5"))["confidence"] == 0.5

    def test_null_beside_numbers_is_fine(self) -> None:
        assert sent(AnswerUpdateRequest, confidence=0.5, explanation=None, is_passed=None) == {
            "confidence": 0.5,
            "explanation": None,
            "is_passed": None,
        }

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_not_sent_as_null(self, value: float) -> None:
        with pytest.raises(RequestValidationError, match="not finite") as caught:
            encode({"a": [1.0, {"b": value}]})
        assert caught.value.path == "$.a[1].b"
        tool = {"name": "t", "content": {"x": value}}
        error = refused(EvalCreate, **EVAL, ai_instructions={"system_prompt": "a", "tools": {"value": [tool]}})
        assert error.path == "$.ai_instructions.tools.value[0].content.x"
        with pytest.raises(RequestValidationError) as caught:
            encode_request(EvalCreate, EVAL, {"new": value})
        assert caught.value.path == "$.new"


class TestTimes:
    def test_datetime_and_text(self) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        for value in (moment, "2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00"):
            body = sent(EvalAnalysisRequest, created_after=value)
            assert datetime.fromisoformat(body["created_after"]) == moment


class TestUnions:
    """AI instructions and tools, there and back."""

    AGENT: ClassVar = {"system_prompt": "Be kind", "agent_name": "a"}
    TOOLS: ClassVar = [
        ({"value": [{"name": "t", "content": {"x": [1, None]}}]}, ToolArray),
        ({"type": "array", "value": []}, ToolArray),
        ({"value": {"t": 1}}, ToolDict),
        ({"type": "dict", "value": {}}, ToolDict),
        ({"value": "text"}, ToolString),
        ({"type": "string", "value": ""}, ToolString),
    ]

    def test_instructions_as_text(self) -> None:
        assert sent(EvalCreate, **EVAL, ai_instructions="Be kind")["ai_instructions"] == "Be kind"

    @pytest.mark.parametrize(("tools", "kind"), TOOLS)
    def test_tools(self, tools: dict[str, object], kind: type) -> None:
        agent = {**self.AGENT, "tools": tools}
        for instructions in (agent, {"instructions": [self.AGENT, agent]}):
            body = sent(EvalCreate, **EVAL, ai_instructions=instructions)
            decoded = decoder(Eval)(json.dumps(body).encode())
            found = decoded.ai_instructions
            assert isinstance(found, AgentInstructions if "system_prompt" in instructions else WorkflowInstructions)
            last = found.instructions[-1] if isinstance(found, WorkflowInstructions) else found
            assert type(last.tools) is kind
            again = sent(EvalCreate, **EVAL, ai_instructions=found)
            assert again["ai_instructions"] == decoded.to_dict()["ai_instructions"]

    def test_instances_and_mappings_mixed(self) -> None:
        tools = ToolArray(value=[Tool(name="t", content=MappingProxyType({"x": (1, 2)}))])
        agent = AgentInstructions(system_prompt="a", tools=tools)
        body = sent(
            EvalCreate,
            **EVAL,
            ai_instructions={"instructions": (agent, UserDict(self.AGENT))},
            prompt_examples=[PromptExample(content="c"), {"content": "d", "type": "bad"}],
            ground_truth=FileReference(file_uuid="f"),
        )
        assert body["ai_instructions"]["instructions"][0]["tools"]["value"] == [{"name": "t", "content": {"x": [1, 2]}}]
        assert body["ai_instructions"]["instructions"][1] == self.AGENT
        assert [example["content"] for example in body["prompt_examples"]] == ["c", "d"]
        assert body["ground_truth"]["file_uuid"] == "f"

    def test_examples_as_instances(self) -> None:
        example = EvalRunExample(type="pass", prompt="p", response="r")
        body = sent(EvalRunRequest, **RUN, responses=[], eval_run_examples=[example])
        assert body["eval_run_examples"][0]["prompt"] == "p"


class TestExtra:
    def test_extra_is_added_unchecked_and_wins(self) -> None:
        assert sent(EvalCreate, {"name": "b", "new": [1]}, **EVAL, name="a") == {**EVAL, "name": "b", "new": [1]}

    def test_extra_beside_what_only_hooks_can_encode(self) -> None:
        tools = {"value": MappingProxyType({"a": (item for item in [1])})}
        body = sent(EvalCreate, {"new": UserDict(a=1)}, **EVAL, ai_instructions={"system_prompt": "a", "tools": tools})
        assert body["ai_instructions"]["tools"]["value"] == {"a": [1]}
        assert body["new"] == {"a": 1}


class TestPlainJSON:
    def test_any_json(self) -> None:
        value = {"a": [1, 2.5, None, True, "é"], "b": defaultdict(list, c=[1])}
        assert json.loads(encode(value)) == {"a": [1, 2.5, None, True, "é"], "b": {"c": [1]}}

    def test_a_value_that_holds_itself(self) -> None:
        ring: list[object] = []
        ring.append(ring)
        for call in (lambda: encode(ring), lambda: encode_request(EvalCreate, {**EVAL, "name": ring})):
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                call()


def test_explanations_of_what_is_no_json() -> None:
    with pytest.raises(Exception, match="malformed") as caught:
        decoder(Eval)(b"{,")
    assert InvalidJSONError.explain(caught.value).path is None
