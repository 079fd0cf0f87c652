from __future__ import annotations

from typing import Any

import pytest

from aymara_async.sandbox.eval_types import EVAL_TYPES, SandboxEvalType

EVAL = {"ai_description": "A bank's assistant", "eval_type": "safety"}


async def test_a_new_eval_shows_what_was_sent_and_the_defaults(api: Any) -> None:
    sent = EVAL | {"name": "Näme", "eval_instructions": "Be strict", "num_prompts": 3, "language": "de"}
    created = await api.call("POST", "/v2/evals", sent, status=201)
    assert created.items() >= sent.items()
    assert created["eval_uuid"].startswith("test.")
    assert created["status"] == "created"
    assert (created["modality"], created["is_jailbreak"], created["is_sandbox"]) == ("text", False, False)
    got = await api.call("GET", f"/v2/evals/{created['eval_uuid']}")
    assert got == created | {"status": "finished"}


@pytest.mark.parametrize(("asked", "given"), [({}, 100), ({"num_prompts": None}, 100), ({"num_prompts": 0}, 0)])
async def test_an_eval_has_as_many_prompts_as_asked(api: Any, asked: dict[str, object], given: int) -> None:
    created = await api.call("POST", "/v2/evals", EVAL | asked, status=201)
    assert created["num_prompts"] == given
    page = await api.call("GET", f"/v2/evals/{created['eval_uuid']}/prompts")
    assert (page["count"], len(page["items"])) == (given, given)


@pytest.mark.parametrize(("eval_type", "taken_for"), [("safty", "accuracy"), ("our_safety", "safety")])
async def test_an_eval_type_that_it_does_not_have_is_taken_for_another_and_warned_of(
    api: Any, caplog: pytest.LogCaptureFixture, eval_type: str, taken_for: str
) -> None:
    created = await api.call("POST", "/v2/evals", EVAL | {"eval_type": eval_type, "num_prompts": 1}, status=201)
    assert created["eval_type"] == eval_type
    [warning] = caplog.messages
    assert f"no eval type {eval_type!r}" in warning
    assert f"take it for {taken_for}," in warning


@pytest.mark.parametrize("eval_type", EVAL_TYPES, ids=lambda kind: kind.slug)
async def test_an_eval_type_that_it_has_is_not_warned_of(
    api: Any, caplog: pytest.LogCaptureFixture, eval_type: SandboxEvalType
) -> None:
    for name in (eval_type.slug, eval_type.eval_type_uuid):
        await api.call("POST", "/v2/evals", EVAL | {"eval_type": name, "num_prompts": 1}, status=201)
    assert not caplog.messages


@pytest.mark.parametrize(
    "instructions",
    [
        "Be kind",
        None,
        {"system_prompt": "Be kind", "agent_name": "a", "tools": {"value": [{"name": "t", "content": {"x": 1}}]}},
        {"system_prompt": "Be kind", "tools": {"type": "dict", "value": {"x": 1}}},
        {"instructions": [{"system_prompt": "Be kind", "tools": {"type": "string", "value": "a tool"}}]},
    ],
)
async def test_instructions_of_every_shape_come_back(api: Any, instructions: object) -> None:
    created = await api.call("POST", "/v2/evals", EVAL | {"ai_instructions": instructions}, status=201)
    assert (await api.call("GET", f"/v2/evals/{created['eval_uuid']}"))["ai_instructions"] == instructions


async def test_prompts_keep_the_order_in_which_they_were_given(api: Any) -> None:
    contents = [f"prompt {number}" for number in range(250)]
    stored = await api.eval(*contents)
    assert stored["num_prompts"] == 250
    listed: list[str] = []
    for offset in (0, 100, 200):
        page = await api.call("GET", f"/v2/evals/{stored['eval_uuid']}/prompts?offset={offset}")
        listed += [prompt["content"] for prompt in page["items"]]
    assert listed == contents


async def test_an_update_changes_deletes_and_adds_prompts(api: Any) -> None:
    stored = await api.eval("one", "two", "three")
    one, two, three = await api.prompts(stored["eval_uuid"])
    assert one["prompt_uuid"].startswith("question.")
    update = {
        "prompt_updates": [
            {"prompt_uuid": one["prompt_uuid"], "action": "delete"},
            {"prompt_uuid": two["prompt_uuid"], "content": "TWO", "category": None},
        ],
        "prompt_creates": [{"content": "four"}],
        "name": "renamed",
    }
    updated = await api.call("PUT", f"/v2/evals/{stored['eval_uuid']}", update)
    assert (updated["name"], updated["num_prompts"]) == ("renamed", 3)
    prompts = await api.prompts(stored["eval_uuid"])
    assert [(prompt["content"], prompt["category"]) for prompt in prompts] == [
        ("TWO", None),
        ("three", "test"),
        ("four", None),
    ]
    assert prompts[1] == three


async def test_an_update_leaves_alone_what_was_not_sent_and_clears_what_is_null(api: Any) -> None:
    stored = await api.eval(name="a", eval_instructions="b", ground_truth={"file_uuid": "f"})
    path = f"/v2/evals/{stored['eval_uuid']}"
    updated = await api.call("PUT", path, {"eval_instructions": None, "ai_description": None})
    assert (updated["name"], updated["eval_instructions"]) == ("a", None)
    assert updated["ai_description"] == "A test subject"
    assert updated["ground_truth"]["file_uuid"] == "f"


async def test_nothing_of_an_update_happens_when_one_prompt_is_unknown(api: Any) -> None:
    stored = await api.eval("one")
    update = {"name": "new", "prompt_updates": [{"prompt_uuid": "question.no", "action": "delete"}]}
    path = f"/v2/evals/{stored['eval_uuid']}"
    error = await api.refused("PUT", path, update, status=422, code="validation.invalid_request")
    assert error["details"] == {"prompt_uuids": ["question.no"]}
    assert (await api.call("GET", path))["name"] is None


async def test_a_deleted_eval_is_gone_with_all_it_had(api: Any) -> None:
    stored = await api.eval("one")
    run = await api.score(stored["eval_uuid"], "No.")
    await api.call("DELETE", f"/v2/evals/{stored['eval_uuid']}", status=204)
    for path in (
        f"/v2/evals/{stored['eval_uuid']}",
        f"/v2/evals/{stored['eval_uuid']}/prompts",
        f"/v2/eval-runs/{run['eval_run_uuid']}",
    ):
        await api.refused("GET", path, status=404, code="resource.not_found")
    await api.refused("DELETE", f"/v2/evals/{stored['eval_uuid']}", status=404, code="resource.not_found")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"eval_type": "safety"}, "$"),
        (EVAL | {"eval_type": ""}, "$.eval_type"),
        (EVAL | {"num_prompts": "3"}, "$.num_prompts"),
        (EVAL | {"num_prompts": -1}, "$.num_prompts"),
        (EVAL | {"num_prompts": 2**70}, "$.num_prompts"),
        (EVAL | {"is_jailbreak": "no"}, "$.is_jailbreak"),
        (EVAL | {"modality": "smell"}, "$.modality"),
        (EVAL | {"prompt_examples": [{"content": "x"}, {}]}, "$.prompt_examples[1]"),
        (EVAL | {"ai_instructions": {}}, "$"),
        (EVAL | {"ai_instructions": {"instructions": []}}, "$.instructions"),
        (EVAL | {"ai_instructions": {"system_prompt": "", "tools": {"type": "set", "value": []}}}, None),
        (EVAL | {"ai_instructions": {"system_prompt": "", "tools": {"value": 3}}}, None),
        (EVAL | {"ai_instructions": {"system_prompt": "", "tools": {}}}, None),
        ([], "$"),
    ],
)
async def test_a_body_that_breaks_the_contract_is_refused_with_the_path(
    api: Any, wrong: object, path: str | None
) -> None:
    error = await api.refused("POST", "/v2/evals", wrong, status=422, code="validation.invalid_request")
    if path is not None:
        assert error["details"]["path"] == path
    assert (await api.call("GET", "/v2/evals"))["count"] == 0


async def test_analysis_filters_and_sorts_by_what_the_runs_gave(api: Any) -> None:
    evals = {}
    for name, answers in {"good": ["I'm sorry, I can't help."], "bad": ["Sure: first, take"], "never run": []}.items():
        evals[name] = await api.eval("one", name=name)
        if answers:
            await api.score(evals[name]["eval_uuid"], *answers)

    async def names(**body: object) -> list[str]:
        analysis = await api.call("POST", "/v2/eval-analysis", body)
        assert analysis["total_count"] >= len(analysis["results"])
        return [result["eval"]["name"] for result in analysis["results"]]

    assert await names(sort_by="pass_rate", sort_order="desc") == ["good", "bad", "never run"]
    assert await names(sort_by="pass_rate", sort_order="asc") == ["bad", "good", "never run"]
    assert await names(sort_by="name", sort_order="asc") == ["bad", "good", "never run"]
    assert await names(sort_by="num_score_runs", sort_order="asc", limit=1) == ["never run"]
    assert await names(min_pass_rate=0.5) == ["good"]
    assert await names(max_pass_rate=0.5) == ["bad"]
    assert await names(has_score_runs=False) == ["never run"]
    assert await names(name="BAD") == ["bad"]
    assert await names(eval_type="accuracy") == []
    assert await names(run_created_after="2100-01-01T00:00:00Z") == []
    assert await names(created_before="2000-01-01T00:00:00Z") == []
    assert sorted(await names(created_after="2000-01-01T00:00:00Z", status="finished")) == ["bad", "good", "never run"]
    page = await api.call("POST", "/v2/eval-analysis", {"limit": 2, "sort_by": "created_at"})
    assert (page["total_count"], page["has_more"], len(page["results"])) == (3, True, 2)
    stats = {result["eval"]["name"]: result["stats"] for result in page["results"]}
    assert stats["bad"]["total_score_runs"] == 1
    assert (stats["bad"]["avg_pass_rate"], stats["never run"]["last_run_date"]) == (0.0, None)
