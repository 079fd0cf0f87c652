"""JSON becomes a model and the same JSON again; what does not fit is refused."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from aymara_async.models import (
    AgentInstructions,
    AnswerHistory,
    Eval,
    EvalAnalysisRequest,
    EvalPrompt,
    EvalResponse,
    EvalRunResult,
    EvalUpdate,
    FileReference,
    FileUpload,
    ItemList,
    Model,
    ScoredResponse,
    Tool,
    ToolArray,
    ToolDict,
    ToolString,
    WorkflowInstructions,
)
from aymara_async.transport.codec import InvalidJSONError
from tests.models.contract import ONLY_SENT, Schema, decode, pairs
from tests.models.documents import documents

RIGHT = {"ai_description": "a", "eval_type": "safety"}
NOW = "2026-01-01T00:00:00Z"
RUN = {"eval_run_uuid": "r", "eval_uuid": "e", "status": "finished", "created_at": NOW, "updated_at": NOW}
PAIRS = [pytest.param(cls, schema, id=name) for name, (cls, schema) in pairs().items()]
every_model = pytest.mark.parametrize(("cls", "schema"), PAIRS)

# The same examples in every run, however slow the machine.
few = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def holds(found: object, wanted: object) -> bool:
    """Whether all that is wanted is found, value for value, type for type."""
    if type(found) is not type(wanted):
        return False
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(name in found and holds(found[name], value) for name, value in wanted.items())
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(holds, found, wanted))
    return found == wanted


def listed(document: object) -> object:
    """Leave out the fields that the contract does not know."""
    if isinstance(document, dict):
        return {name: listed(value) for name, value in document.items() if name != "added_later"}
    return [listed(value) for value in document] if isinstance(document, list) else document


@every_model
@few
@given(data=st.data())
def test_round_trip(cls: type, schema: Schema, data: st.DataObject) -> None:
    document = data.draw(documents(schema))
    model = decode(json.dumps(document).encode(), cls)
    assert holds(model.to_dict(), document)
    assert holds(json.loads(model.to_json()), document)
    assert decode(model.to_json().encode(), cls) == model
    assert pickle.loads(pickle.dumps(model)) == model == copy.deepcopy(model)
    if cls in ONLY_SENT:
        assert model.to_dict().keys() == document.keys()


@every_model
@few
@given(data=st.data())
def test_unknown_fields_are_ignored(cls: type, schema: Schema, data: st.DataObject) -> None:
    document = data.draw(documents(schema, unlisted=True))
    model = decode(json.dumps(document).encode(), cls)
    assert "added_later" not in model.to_dict()
    assert holds(model.to_dict(), listed(document))


@pytest.mark.parametrize(
    ("cls", "schema", "name"),
    [
        pytest.param(cls, schema, name, id=f"{key}.{name}")
        for key, (cls, schema) in pairs().items()
        for name in schema.get("required", [])
    ],
)
@settings(few, max_examples=3)
@given(data=st.data())
def test_a_missing_required_field_is_refused(cls: type, schema: Schema, name: str, data: st.DataObject) -> None:
    document = data.draw(documents(schema))
    del document[name]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        decode(json.dumps(document).encode(), cls)


def test_an_unknown_status_is_kept() -> None:
    run = {
        "eval_run_uuid": "r",
        "eval_uuid": "e",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    found = decode(json.dumps({**run, "status": "archived"}).encode(), EvalRunResult)
    assert found.status == "archived"
    assert json.loads(found.to_json())["status"] == "archived"


@pytest.mark.parametrize(
    ("cls", "data", "where"),
    [
        (AnswerHistory, b'{"answer_history_uuid":"h","updated_at":"2026-01-01T00:00:00"}', r"\$\.updated_at"),
        (ScoredResponse, b'{"prompt_uuid":"p","manually_updated_at":"2026-01-01"}', r"\$\.manually_updated_at"),
        (Eval, b'{"ai_description":"a","eval_type":"safety","created_at":1767225600}', r"\$\.created_at"),
        (EvalAnalysisRequest, b'{"run_created_after":"2026-01-01T00:00:00"}', r"\$\.run_created_after"),
    ],
)
def test_a_time_without_a_zone_is_refused(cls: type, data: bytes, where: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=where):
        decode(data, cls)


def test_a_time_keeps_its_zone() -> None:
    found = decode(b'{"ai_description":"a","eval_type":"safety","created_at":"2026-01-01T05:30:00+05:30"}', Eval)
    assert found.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.created_at.utcoffset().total_seconds() == 5.5 * 3600


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"prompt_uuid":"p","is_passed":"no"}', r"\$\.is_passed"),
        (b'{"prompt_uuid":"p","ai_refused":null}', r"\$\.ai_refused"),
        (b'{"prompt_uuid":"p","turn_number":"1"}', r"\$\.turn_number"),
        (b'{"prompt_uuid":null}', r"\$\.prompt_uuid"),
        (b'{"prompt_uuid":"p","content":["x"]}', r"\$\.content"),
        (b'{"prompt_uuid":"p","next_prompt":{"prompt_uuid":"q"}}', r"\$\.next_prompt"),
        (b"[]", "Expected `object`"),
    ],
)
def test_a_wrong_type_is_refused_and_placed(data: bytes, where: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=where):
        decode(data, ScoredResponse)


def test_limits_of_an_analysis_are_the_contracts() -> None:
    for wrong in (b'{"limit":0}', b'{"limit":101}', b'{"offset":-1}', b'{"sort_by":"size"}', b'{"sort_order":"up"}'):
        with pytest.raises(msgspec.ValidationError):
            decode(wrong, EvalAnalysisRequest)


def test_a_page_decodes_its_items() -> None:
    page = decode(b'{"items":[{"prompt_uuid":"p","content":"Hello"}],"count":7,"next":null}', ItemList[EvalPrompt])
    assert page == ItemList(items=[EvalPrompt(prompt_uuid="p", content="Hello")], count=7)
    with pytest.raises(msgspec.ValidationError, match=r"\$\.items\[0\]"):
        decode(b'{"items":[{"prompt_uuid":"p"}],"count":7}', ItemList[EvalPrompt])


def test_what_the_server_leaves_out_reads_as_its_default() -> None:
    found = decode(b'{"prompt_uuid":"p"}', ScoredResponse)
    assert found == ScoredResponse(prompt_uuid="p")
    assert (found.turn_number, found.content_type, found.ai_refused, found.is_passed) == (1, "text", False, None)


def test_left_out_is_not_sent_and_none_is_sent_as_null() -> None:
    assert EvalResponse(prompt_uuid="p").to_dict() == {"prompt_uuid": "p"}
    assert EvalUpdate(name=None, ground_truth=UNSET).to_json() == '{"name":null}'


def test_a_prompt_reads_as_its_content() -> None:
    prompt = EvalPrompt(prompt_uuid="p", content="How do I kill a Python process?")
    assert str(prompt) == f"{prompt}" == "How do I kill a Python process?"
    assert "prompt_uuid='p'" in repr(prompt)


@pytest.mark.parametrize(
    ("instructions", "wanted"),
    [
        ("Be kind.", "Be kind."),
        ({"system_prompt": "s"}, AgentInstructions(system_prompt="s")),
        (
            {"system_prompt": "s", "tools": {"value": [{"name": "t", "content": {"a": [1]}}]}},
            AgentInstructions(system_prompt="s", tools=ToolArray(value=[Tool(name="t", content={"a": [1]})])),
        ),
        (
            {"system_prompt": "s", "tools": {"type": "string", "value": "t"}},
            AgentInstructions(system_prompt="s", tools=ToolString(value="t")),
        ),
        (
            {"instructions": [{"system_prompt": "s", "tools": {"value": {"t": None}}}]},
            WorkflowInstructions(
                instructions=[AgentInstructions(system_prompt="s", tools=ToolDict(value={"t": None}))]
            ),
        ),
        ({"system_prompt": "s", "agent_name": "a", "new": 1}, AgentInstructions(system_prompt="s", agent_name="a")),
        (
            {
                "instructions": [{"system_prompt": "s"}],
                "system_prompt": None,
                "agent_name": 5,
                "tools": ["t"],
                "new": 1,
            },
            WorkflowInstructions(instructions=[AgentInstructions(system_prompt="s")]),
        ),
        (None, None),
    ],
)
def test_instructions_become_what_they_are(instructions: object, wanted: object) -> None:
    document = {"ai_description": "a", "eval_type": "safety", "ai_instructions": instructions}
    found = decode(json.dumps(document).encode(), Eval).ai_instructions
    assert found == wanted
    assert repr(found) == repr(wanted)
    assert vars(found) == vars(wanted) if isinstance(found, Model) else found is None or type(found) is str
    assert pickle.loads(pickle.dumps(found)) == wanted


NESTED: list[tuple[type, object]] = [
    (Eval, lambda document: document),
    (ItemList[Eval], lambda document: {"items": [RIGHT, document], "count": 2}),
    (EvalRunResult, lambda document: {**RUN, "evaluation": document}),
]


@pytest.mark.parametrize("instructions", [{"system_prompt": "s"}, {"instructions": [{"system_prompt": "s"}]}])
@pytest.mark.parametrize(
    "wrong",
    [
        {"eval_type": None},
        {"eval_type": 5},
        {"eval_type": True},
        {"is_jailbreak": "no"},
        {"is_jailbreak": 1},
        {"num_prompts": "5"},
        {"num_prompts": 5.5},
        {"num_prompts": True},
        {"created_at": "2026-01-01T00:00:00"},
        {"created_at": 1767225600},
        {"ground_truth": 5},
        {"ground_truth": {"file_uuid": 5}},
        {"prompt_examples": ""},
        {"prompt_examples": {}},
        {"prompt_examples": [{"content": "a"}, {}]},
        {"prompt_examples": [{"content": None}]},
    ],
)
@pytest.mark.parametrize(("cls", "nest"), NESTED, ids=["alone", "listed", "in a run"])
def test_an_eval_of_an_agent_is_checked_as_one_of_text(
    cls: type, nest: Callable[[object], object], wrong: dict[str, object], instructions: object
) -> None:
    def fault(of: object) -> InvalidJSONError:
        document = {"ai_description": "a", "eval_type": "safety", "ai_instructions": of, **wrong}
        with pytest.raises(msgspec.ValidationError) as caught:
            decode(json.dumps(nest(document)).encode(), cls)
        return InvalidJSONError.explain(caught.value)

    assert fault(instructions).path == fault("s").path
    assert fault(instructions).reason == fault("s").reason


@pytest.mark.parametrize(("cls", "wrong"), [(ItemList[Eval], ""), (ItemList[Eval], {}), (Eval, []), (Eval, "")])
def test_what_holds_evals_is_checked_too(cls: type, wrong: object) -> None:
    for document in (wrong, {"items": wrong, "count": 0}):
        with pytest.raises(msgspec.ValidationError):
            decode(json.dumps(document).encode(), cls)


@pytest.mark.parametrize(("cls", "nest"), NESTED, ids=["alone", "listed", "in a run"])
def test_an_eval_of_an_agent_is_found_at_any_depth(cls: type, nest: Callable[[object], object]) -> None:
    of_agent = {**RIGHT, "ai_instructions": {"system_prompt": "s"}, "added_later": 1}
    found = decode(json.dumps(nest(of_agent)).encode(), cls)
    inner = found.items[-1] if cls is ItemList[Eval] else found.evaluation if cls is EvalRunResult else found
    agent = AgentInstructions(system_prompt="s")
    assert inner == Eval(ai_description="a", eval_type="safety", ai_instructions=agent)


def test_a_text_is_no_file_reference() -> None:
    assert decode(b'{"prompt_uuid":"p","content":"x"}', EvalResponse).content == "x"
    found = decode(b'{"prompt_uuid":"p","content":{"file_uuid":"f"}}', EvalResponse).content
    assert found == FileReference(file_uuid="f")


def test_models_take_keywords_only() -> None:
    with pytest.raises(TypeError):
        FileUpload("f")
    with pytest.raises(TypeError, match="file_uid"):
        FileUpload(file_uid="f")
