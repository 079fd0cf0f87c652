from __future__ import annotations

from typing import Any

import pytest

from aymara_async.sandbox.scoring import MAX_TURNS

REFUSAL = "I'm sorry, but I can't help with that."
SCORE = "/v2/eval-runs/-/score-responses"


async def test_scoring_answers_with_every_scored_response(api: Any) -> None:
    stored = await api.eval("one", "two")
    run = await api.score(stored["eval_uuid"], REFUSAL, "Sure, first take a hammer.")
    assert run["eval_run_uuid"].startswith("score_run.")
    assert (run["status"], run["pass_rate"], run["num_prompts"], run["num_responses_scored"]) == ("finished", 0.5, 2, 2)
    assert run["name"].startswith("safety ")
    assert run["evaluation"]["eval_uuid"] == stored["eval_uuid"]
    assert [response["is_passed"] for response in run["responses"]] == [True, False]
    assert all("stand-in" in response["explanation"] for response in run["responses"])
    listed = await api.call("GET", f"/v2/eval-runs/{run['eval_run_uuid']}/responses")
    assert listed == {"items": run["responses"], "count": 2}


async def test_scoring_appends_to_the_run_that_is_named(api: Any) -> None:
    stored = await api.eval("one", "two")
    one, two = await api.prompts(stored["eval_uuid"])
    body = {"eval_uuid": stored["eval_uuid"], "responses": [{"prompt_uuid": one["prompt_uuid"], "content": REFUSAL}]}
    first = await api.call("POST", SCORE, body)
    body |= {"eval_run_uuid": first["eval_run_uuid"]}
    body |= {"responses": [{"prompt_uuid": two["prompt_uuid"], "content": "Sure."}]}
    second = await api.call("POST", SCORE, body)
    assert second["eval_run_uuid"] == first["eval_run_uuid"]
    assert [response["prompt_uuid"] for response in second["responses"]] == [two["prompt_uuid"]]
    assert (second["num_responses_scored"], second["pass_rate"]) == (2, 0.5)
    assert (await api.call("GET", f"/v2/eval-runs?eval_uuid={stored['eval_uuid']}"))["count"] == 1


async def test_a_run_finishes_after_the_delay_and_tells_nothing_before(start: Any, clock: Any) -> None:
    api = await start(delay=30.0, clock=clock)
    stored = await api.eval("one")
    assert await api.prompts(stored["eval_uuid"]) == []
    clock.now += 30
    body = {"eval_uuid": stored["eval_uuid"], "name": "mine"}
    body |= {"responses": [{"prompt_uuid": (await api.prompts(stored["eval_uuid"]))[0]["prompt_uuid"], "content": "x"}]}
    run = await api.call("POST", "/v2/eval-runs?is_sandbox=true", body, status=201)
    assert (run["status"], run["name"], run["is_sandbox"]) == ("created", "mine", True)
    path = f"/v2/eval-runs/{run['eval_run_uuid']}"
    clock.now += 10
    hidden = {"status": "processing", "pass_rate": None, "num_responses_scored": 0}
    assert (await api.call("GET", path)).items() >= hidden.items()
    [hidden] = (await api.call("GET", f"{path}/responses"))["items"]
    assert (hidden["content"], hidden["is_passed"], hidden["explanation"]) == ("x", None, None)
    await api.refused(
        "PATCH",
        f"{path}/responses/{hidden['response_uuid']}",
        {"is_passed": True},
        status=409,
        code="resource.conflict",
    )
    await api.refused(
        "POST", "/v2/eval-reports", {"eval_run_uuids": [run["eval_run_uuid"]]}, status=409, code="resource.conflict"
    )
    clock.now += 20
    finished = await api.call("GET", path)
    assert (finished["status"], finished["pass_rate"], finished["num_responses_scored"]) == ("finished", 0.0, 1)
    assert finished["updated_at"] > finished["created_at"]


async def test_an_eval_that_is_not_ready_cannot_be_scored(start: Any, clock: Any) -> None:
    api = await start(delay=9.0, clock=clock)
    stored = await api.eval("one")
    body = {"eval_uuid": stored["eval_uuid"], "responses": [{"prompt_uuid": "question.x", "content": "x"}]}
    error = await api.refused("POST", SCORE, body, status=409, code="resource.conflict")
    assert error["details"]["status"] == "created"


async def test_a_thread_goes_on_with_a_next_prompt_until_it_ends(api: Any) -> None:
    stored = await api.eval("one")
    [prompt] = await api.prompts(stored["eval_uuid"])
    body: dict[str, Any] = {"eval_uuid": stored["eval_uuid"], "continue_thread": True}
    turns = [prompt]
    while prompt is not None:
        body["responses"] = [{"prompt_uuid": prompt["prompt_uuid"], "content": f"answer {len(turns)}"}]
        run = await api.call("POST", SCORE, body)
        body["eval_run_uuid"] = run["eval_run_uuid"]
        prompt = run["responses"][0]["next_prompt"]
        turns += [prompt] if prompt else []
    assert [turn["turn_number"] for turn in turns] == list(range(1, MAX_TURNS + 1))
    assert {turn["thread_uuid"] for turn in turns} == {turns[0]["thread_uuid"]}
    assert len({turn["prompt_uuid"] for turn in turns}) == MAX_TURNS
    responses = (await api.call("GET", f"/v2/eval-runs/{run['eval_run_uuid']}/responses"))["items"]
    assert [response["turn_number"] for response in responses] == list(range(1, MAX_TURNS + 1))
    assert len(await api.prompts(stored["eval_uuid"])) == 1


@pytest.mark.parametrize("wrong", [{"thread_uuid": "another"}, {"turn_number": 1}])
async def test_a_turn_must_belong_to_its_thread(api: Any, wrong: dict[str, object]) -> None:
    stored = await api.eval("one")
    run = await api.score(stored["eval_uuid"], "x", continue_thread=True)
    next_uuid = run["responses"][0]["next_prompt"]["prompt_uuid"]
    body = {"eval_uuid": stored["eval_uuid"], "eval_run_uuid": run["eval_run_uuid"]}
    body["responses"] = [{"prompt_uuid": next_uuid, "content": "x"} | wrong]
    await api.refused("POST", SCORE, body, status=422, code="validation.invalid_request")
    del body["eval_run_uuid"], body["responses"][0][next(iter(wrong))]
    error = await api.refused("POST", SCORE, body, status=422, code="validation.invalid_request")
    assert error["details"] == {"prompt_uuids": [next_uuid]}


async def test_excluded_and_refused_responses(api: Any) -> None:
    stored = await api.eval("one", "two")
    one, two = await api.prompts(stored["eval_uuid"])
    responses = [
        {"prompt_uuid": one["prompt_uuid"], "exclude_from_scoring": True, "content": "x"},
        {"prompt_uuid": two["prompt_uuid"], "ai_refused": True},
    ]
    run = await api.call("POST", SCORE, {"eval_uuid": stored["eval_uuid"], "responses": responses})
    excluded, refused = run["responses"]
    assert (excluded["is_passed"], excluded["confidence"]) == (None, None)
    assert (refused["is_passed"], refused["content"]) == (True, None)
    assert (run["num_responses_scored"], run["num_prompts"], run["pass_rate"]) == (1, 2, 1.0)


async def test_what_cannot_be_scored_is_named(api: Any) -> None:
    stored, other = await api.eval("one"), await api.eval("one")
    [prompt], [foreign] = await api.prompts(stored["eval_uuid"]), await api.prompts(other["eval_uuid"])
    responses = [{"prompt_uuid": uuid} for uuid in (prompt["prompt_uuid"], foreign["prompt_uuid"], "question.no")]
    body = {"eval_uuid": stored["eval_uuid"], "responses": responses}
    error = await api.refused("POST", SCORE, body, status=422, code="validation.invalid_request")
    assert error["details"] == {"prompt_uuids": [foreign["prompt_uuid"], "question.no"]}
    body["responses"] = []
    await api.refused("POST", SCORE, body, status=422, code="validation.invalid_request")
    body["responses"] = responses[:1]
    await api.refused("POST", SCORE, body | {"eval_uuid": "test.no"}, status=404, code="resource.not_found")
    await api.refused("POST", SCORE, body | {"eval_run_uuid": "score_run.no"}, status=404, code="resource.not_found")
    run = await api.score(other["eval_uuid"], "x")
    body |= {"eval_run_uuid": run["eval_run_uuid"]}
    await api.refused("POST", SCORE, body, status=422, code="validation.invalid_request")
    assert len(api.sandbox.scored) == 1


async def test_scoring_twice_is_stored_and_on_record(api: Any) -> None:
    stored = await api.eval("one")
    run = await api.score(stored["eval_uuid"], "x")
    again = await api.score(stored["eval_uuid"], "x", eval_run_uuid=run["eval_run_uuid"])
    assert again["num_responses_scored"] == 2
    [(turn, times)] = api.sandbox.scored.items()
    assert times == 2
    assert (turn.eval_run_uuid, turn.turn_number) == (run["eval_run_uuid"], 1)
    assert turn.prompt_uuid == run["responses"][0]["prompt_uuid"]
    await api.call("DELETE", f"/v2/eval-runs/{run['eval_run_uuid']}", status=204)
    assert api.sandbox.scored[turn] == 2


async def test_a_manual_update_has_a_history_and_changes_the_pass_rate(api: Any) -> None:
    stored = await api.eval("one")
    run = await api.score(stored["eval_uuid"], REFUSAL)
    [response] = run["responses"]
    path = f"/v2/eval-runs/{run['eval_run_uuid']}/responses/{response['response_uuid']}"
    assert await api.call("GET", f"{path}/history") == []
    updated = await api.call("PATCH", path, {"is_passed": False, "explanation": "No"})
    assert (updated["is_passed"], updated["explanation"], updated["manually_updated"]) == (False, "No", True)
    assert updated["confidence"] == response["confidence"]
    updated = await api.call("PATCH", path, {"confidence": None})
    first, second = await api.call("GET", f"{path}/history")
    assert (first["previous_is_passed"], first["new_is_passed"]) == (True, False)
    assert (second["previous_confidence"], second["new_confidence"]) == (response["confidence"], None)
    assert updated["update_history"] == [first, second]
    assert first["updated_by"]["email"]
    assert (await api.call("GET", f"/v2/eval-runs/{run['eval_run_uuid']}"))["pass_rate"] == 0.0
    await api.refused("PATCH", path, {"confidence": 1.5}, status=422, code="validation.invalid_request")
    await api.refused("PATCH", path + "x", {}, status=404, code="resource.not_found")
    await api.refused("GET", f"{path}x/history", status=404, code="resource.not_found")


async def test_runs_are_listed_by_eval_and_can_be_deleted(api: Any) -> None:
    stored, other = await api.eval("one"), await api.eval("one")
    run = await api.score(
        stored["eval_uuid"], "x", eval_run_examples=[{"type": "pass", "prompt": "p", "response": "r"}]
    )
    await api.score(other["eval_uuid"], "x")
    assert (await api.call("GET", "/v2/eval-runs"))["count"] == 2
    [listed] = (await api.call("GET", f"/v2/eval-runs?eval_uuid={stored['eval_uuid']}"))["items"]
    assert listed == run | {"responses": None}
    await api.call("DELETE", f"/v2/eval-runs/{run['eval_run_uuid']}", status=204)
    await api.refused("GET", f"/v2/eval-runs/{run['eval_run_uuid']}", status=404, code="resource.not_found")
    await api.refused("GET", f"/v2/eval-runs/{run['eval_run_uuid']}/responses", status=404, code="resource.not_found")
    assert (await api.call("GET", "/v2/eval-runs"))["count"] == 1
