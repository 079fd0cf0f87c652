"""Models in pydantic, FastAPI, pandas and json, as programs use them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from aymara_async import AgentInstructions, Eval, FileReference, ScoredResponse, to_builtins

SCORED = ScoredResponse(prompt_uuid="question.1", content=FileReference(file_uuid="f"), is_passed=False)


def test_field_of_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    kept_class = pydantic.create_model("Kept", scored=(ScoredResponse, ...), eval=(Eval | None, None))
    kept = kept_class(scored=SCORED)
    assert kept.scored is SCORED
    again = kept_class.model_validate_json(kept.model_dump_json())
    assert again.scored == SCORED
    instructions = {"system_prompt": "You sell nails."}
    given = kept_class(
        scored=SCORED, eval={"ai_description": "x", "eval_type": "safety", "ai_instructions": instructions}
    )
    assert isinstance(given.eval.ai_instructions, AgentInstructions)
    with pytest.raises(pydantic.ValidationError, match=r"prompt_uuid"):
        kept_class(scored={"is_passed": True})
    schema = kept_class.model_json_schema()["properties"]["scored"]
    assert schema["required"] == ["prompt_uuid"]
    assert "is_passed" in schema["properties"]


def test_answer_of_fastapi() -> None:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()

    def scored() -> ScoredResponse:
        return SCORED

    def take(body: ScoredResponse) -> str:
        return body.prompt_uuid

    app.get("/scored")(scored)
    app.get("/list", response_model=list[ScoredResponse])(lambda: [SCORED])
    app.post("/take")(take)
    routes: dict[str, Any] = {route.path: route for route in app.routes}
    assert {"/scored", "/list", "/take"} <= routes.keys()
    adapter = pytest.importorskip("pydantic").TypeAdapter(list[ScoredResponse])
    assert json.loads(adapter.dump_json([SCORED])) == [SCORED.to_dict()]
    assert "paths" in app.openapi()


def test_row_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([SCORED, ScoredResponse(prompt_uuid="question.2", is_passed=True)])
    assert list(frame["prompt_uuid"]) == ["question.1", "question.2"]
    assert list(frame["is_passed"]) == [False, True]


def test_dataclass_functions() -> None:
    assert dataclasses.asdict(SCORED)["is_passed"] is False  # type: ignore[call-overload]  # it is none to the checker
    assert [field.name for field in dataclasses.fields(FileReference)] == ["file_uuid", "remote_file_path"]


def test_json() -> None:
    assert json.loads(json.dumps({"all": [SCORED]}, default=to_builtins)) == {"all": [SCORED.to_dict()]}
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        json.dumps(object(), default=to_builtins)
