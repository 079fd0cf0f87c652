"""Models behind a chat endpoint and behind a command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async import AgentInstructions, AsyncAymaraAI, ConfigurationError, WorkflowInstructions
from aymara_async.runner.adapters.chat_endpoint import ChatEndpoint, system_prompt
from aymara_async.runner.adapters.shell_command import CommandError, ShellCommand
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from tests.runner.conftest import make_exact_eval

pytest.importorskip("openai")


class ChatServer:
    """Speak the protocol of chat completions; refuse what asks for it, fail where told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.url = ""

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        self.keys.add(request.headers.get("Authorization"))
        asked = body["messages"][-1]["content"]
        if asked == "fail":
            return web.json_response({"error": {"message": "overloaded", "type": "server_error"}}, status=500)
        message: dict[str, object] = {"role": "assistant", "content": f"echo {asked}", "refusal": None}
        if asked == "refuse":
            message |= {"content": None, "refusal": "I will not"}
        choices = [] if asked == "empty" else [{"index": 0, "finish_reason": "stop", "message": message}]
        return web.json_response(
            {"id": "chat-1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": choices}
        )


@pytest.fixture
async def server() -> AsyncIterator[ChatServer]:
    chat = ChatServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat.complete)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    chat.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield chat
    await runner.cleanup()


async def test_a_chat_endpoint(client: AsyncAymaraAI, server: ChatServer) -> None:
    eval_uuid = await make_exact_eval(client, "hello", "refuse", "fail", "empty")
    async with ChatEndpoint("tiny", base_url=server.url, api_key="local-key", temperature=0) as model:
        outcome = await AsyncEvalRunner(client, model, on_error="exclude").run_eval(eval_uuid=eval_uuid)
    hello, refused, failed, empty = outcome.exchanges
    assert hello.score is not None
    assert hello.score.content == "echo hello"
    assert refused.score is not None
    assert refused.score.ai_refused is True
    assert failed.error is not None
    assert failed.error.type.endswith("InternalServerError")
    assert "overloaded" in failed.error.message
    assert empty.error is not None
    assert len(server.bodies) == 4
    assert all((body["model"], body["temperature"]) == ("tiny", 0) for body in server.bodies)
    assert server.keys == {"Bearer local-key"}


async def test_a_chat_endpoint_is_told_the_conversation_and_the_instructions(
    client: AsyncAymaraAI, server: ChatServer
) -> None:
    params = {"ai_description": "A poet", "ai_instructions": "Rhyme.", "eval_type": "safety", "num_prompts": 1}
    async with ChatEndpoint("tiny", base_url=server.url, api_key="k") as model:
        outcome = await AsyncEvalRunner(client, model, turns=2).run_eval(params)
    first, second = outcome.prompts
    assert server.bodies[1]["messages"] == [
        {"role": "system", "content": "Rhyme."},
        {"role": "user", "content": first.content},
        {"role": "assistant", "content": f"echo {first.content}"},
        {"role": "user", "content": second.content},
    ]


async def test_the_system_prompt_of_agents_and_workflows(client: AsyncAymaraAI) -> None:
    agent = AgentInstructions(system_prompt="Plan.", agent_name="Planner")
    made = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=0, ai_instructions=agent)
    assert system_prompt(made) == "Plan."
    workflow = WorkflowInstructions(instructions=[agent, AgentInstructions(system_prompt="Act.")])
    made = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=0, ai_instructions=workflow)
    assert system_prompt(made) == "Planner: Plan.\n\nAgent: Act."


def test_without_a_key_or_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="cannot be set up"):
        ChatEndpoint("tiny")
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigurationError, match=r"aymara-async\[openai\]"):
        ChatEndpoint("tiny", api_key="k")


async def answers_of(client: AsyncAymaraAI, model: ShellCommand, *prompts: str, **settings: Any) -> list[Any]:
    eval_uuid = await make_exact_eval(client, *prompts)
    runner = AsyncEvalRunner(client, model, on_error="exclude", **settings)
    outcome = await runner.run_eval(eval_uuid=eval_uuid)
    return [one.error or (one.score and one.score.content) for one in outcome.exchanges]


async def test_a_shell_command(client: AsyncAymaraAI) -> None:
    assert await answers_of(client, ShellCommand("tr a-z A-Z"), "two\nlines", "$(echo no)") == [
        "TWO\nLINES",
        "$(ECHO NO)",
    ]


async def test_a_command_without_a_shell_that_reads_json(client: AsyncAymaraAI, tmp_path: Path) -> None:
    script = (
        "import json, os, sys; told = json.load(sys.stdin); print(told['messages'][-1]['content'], os.environ['X'])"
    )
    model = ShellCommand([sys.executable, "-c", script], as_json=True, env={"X": "ü"}, cwd=tmp_path)
    assert await answers_of(client, model, "grüße") == ["grüße ü"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo partly; echo broken >&2; exit 3", "exit code 3: broken"),
        ("kill -9 $$", "exit code -9, and said nothing"),
        ("printf '\\377'", "not UTF-8"),
        ("no-such-command-here", "exit code 127"),
    ],
)
async def test_a_command_that_fails(client: AsyncAymaraAI, command: str, said: str) -> None:
    (error,) = await answers_of(client, ShellCommand(command), "x")
    assert error.type == f"{CommandError.__module__}.CommandError"
    assert said in error.message


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is for other systems")
@pytest.mark.parametrize("command", ["kill -9 $$", "exec <&-; exit 9", "exit 9"])
def test_a_command_that_ends_before_it_has_read_under_uvloop(aymara_sandbox: Sandbox, command: str) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def ask() -> None:
        async with AsyncAymaraAI(base_url=aymara_sandbox.url, api_key=aymara_sandbox.api_key) as client:
            (error,) = await answers_of(client, ShellCommand(command), "x" * 100_000)
            assert "ended with exit code" in error.message
            assert await answers_of(client, ShellCommand("cat"), "x" * 100_000) == ["x" * 100_000]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


async def test_a_command_that_closes_its_input_early(client: AsyncAymaraAI) -> None:
    assert await answers_of(client, ShellCommand("exec <&-; echo done"), "x" * 1_000_000) == ["done"]


async def test_a_time_out_kills_the_command_and_its_children(client: AsyncAymaraAI, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"
    (error,) = await answers_of(client, ShellCommand(command), "x", timeout=0.5)
    assert error.type.endswith("AnswerTimeoutError")
    for pid in map(int, pids.read_text().split()):
        await gone(pid)


async def gone(pid: int) -> None:
    """Return once there is no such process, or only what nobody has collected of it."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if state_of(pid) in ("Z", ""):
            return
        await asyncio.sleep(0.01)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_prompt_is_text_that_can_be_pickled_and_written_as_json(sandbox: object) -> None:
    import json
    import pickle

    from aymara_async import Eval, EvalPrompt

    made = ModelPrompt(EvalPrompt(prompt_uuid="p", content="hi"), eval=Eval(ai_description="x", eval_type="safety"))
    again = pickle.loads(pickle.dumps(made))
    assert (again, again.prompt, again.eval) == (made, made.prompt, made.eval)
    assert json.dumps(made) == '"hi"'
