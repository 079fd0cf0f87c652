"""The request bodies of the contract. Unknown fields are ignored, wrong ones refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from aymara_async.sandbox.call import refused
from aymara_async.sandbox.rejection import invalid

Json: TypeAlias = dict[str, object]
Modality: TypeAlias = Literal["text", "image", "video"]
Turn: TypeAlias = Annotated[int, Meta(ge=1, le=10_000)]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
NonEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]


class FileReference(Struct):
    """A file that was uploaded before."""

    file_uuid: str | None = None
    remote_file_path: str | None = None


class Tool(Struct):
    name: str
    content: object = None


class Agent(Struct):
    system_prompt: str
    agent_name: str | None = None
    tools: Json | None = None


class Workflow(Struct):
    instructions: Annotated[list[Agent], Meta(min_length=1)]


class PromptExample(Struct):
    content: str
    example_uuid: str | None = None
    type: Literal["good", "bad"] = "good"
    explanation: str | None = None


class EvalBody(Struct):
    """An eval to be created; what only the server decides (id, status, times) is read and ignored."""

    ai_description: str
    eval_type: NonEmpty
    name: str | None = None
    ai_instructions: str | Json | None = None
    eval_instructions: str | None = None
    language: str | None = "en"
    modality: Modality = "text"
    ground_truth: str | FileReference | None = None
    num_prompts: Annotated[int, Meta(ge=0, le=100_000)] | None = 100
    prompt_examples: list[PromptExample] | None = None
    is_jailbreak: bool = False
    is_sandbox: bool = False
    workspace_uuid: str | None = None
    created_by: str | None = None
    eval_uuid: str | None = None
    status: Literal["created", "processing", "finished", "failed"] | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None

    def __post_init__(self) -> None:
        check_instructions(self.ai_instructions)


class PromptCreate(Struct):
    content: str
    category: str | None = None


class PromptUpdate(Struct):
    prompt_uuid: str
    action: Literal["update", "delete"] = "update"
    content: str | None = None
    category: str | UnsetType | None = UNSET


class EvalUpdateBody(Struct):
    """Changes to an eval; a field that was not sent stays as it is."""

    name: str | UnsetType | None = UNSET
    ai_description: str | UnsetType | None = UNSET
    ai_instructions: str | Json | UnsetType | None = UNSET
    eval_instructions: str | UnsetType | None = UNSET
    ground_truth: str | FileReference | UnsetType | None = UNSET
    prompt_creates: list[PromptCreate] | None = None
    prompt_updates: list[PromptUpdate] | None = None

    def __post_init__(self) -> None:
        check_instructions(self.ai_instructions)


class ResponseBody(Struct):
    """One AI response to one prompt."""

    prompt_uuid: str
    thread_uuid: str | None = None
    turn_number: Turn | UnsetType = UNSET
    continue_thread: bool = False
    content: str | FileReference | None = None
    content_type: Modality = "text"
    exclude_from_scoring: bool = False
    ai_refused: bool = False


class RunExample(Struct):
    type: Literal["pass", "fail"]
    prompt: str
    response: str
    example_uuid: str | None = None
    explanation: str | None = None


class RunBody(Struct):
    """Responses to be scored, into a new run or into the one named."""

    eval_uuid: str
    responses: list[ResponseBody]
    eval_run_uuid: str | None = None
    name: str | None = None
    ai_description: str | None = None
    continue_thread: bool | None = False
    eval_run_examples: list[RunExample] | None = None


class ResponseUpdateBody(Struct):
    """A person's correction of a score."""

    confidence: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    explanation: str | UnsetType | None = UNSET
    is_passed: bool | UnsetType | None = UNSET


class ReportBody(Struct):
    eval_run_uuids: Annotated[list[str], Meta(min_length=1)]


class FileItem(Struct):
    local_file_path: str | None = None
    remote_uri: str | None = None
    content_type: str | None = None


class FilesBody(Struct):
    files: Annotated[list[FileItem], Meta(min_length=1)]
    workspace_uuid: str | None = None


class AnalysisBody(Struct):
    """Filters of evals.analyze."""

    created_after: Moment | None = None
    created_before: Moment | None = None
    created_by: str | None = None
    eval_type: str | None = None
    has_score_runs: bool | None = None
    is_jailbreak: bool | None = None
    is_sandbox: bool | None = None
    language: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 100
    max_pass_rate: float | None = None
    min_pass_rate: float | None = None
    modality: str | None = None
    name: str | None = None
    offset: Annotated[int, Meta(ge=0)] = 0
    run_created_after: Moment | None = None
    run_created_before: Moment | None = None
    score_run_status: str | None = None
    sort_by: Literal["created_at", "updated_at", "name", "pass_rate", "num_score_runs", "last_run_date"] = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    status: str | None = None
    workspace_uuid: str | None = None


_TOOL_VALUES: dict[str, object] = {"array": list[Tool], "dict": Json, "string": str}
_TAG_BY_VALUE: dict[type, str] = {list: "array", dict: "dict", str: "string"}


def check_instructions(instructions: str | Json | UnsetType | None) -> None:
    """Refuse instructions that are neither an agent nor a workflow of agents."""
    if not isinstance(instructions, dict):
        return
    try:
        if "instructions" in instructions:
            agents = msgspec.convert(instructions, Workflow).instructions
        else:
            agents = [msgspec.convert(instructions, Agent)]
        for agent in agents:
            _check_tools(agent.tools)
    except msgspec.ValidationError as error:
        raise refused(error) from None


def _check_tools(tools: Json | None) -> None:
    if tools is None:
        return
    if "value" not in tools:
        raise invalid("tools lacks the field `value`", path="$.ai_instructions.tools")
    tag = tools.get("type", _TAG_BY_VALUE.get(type(tools["value"])))
    if not isinstance(tag, str) or tag not in _TOOL_VALUES:
        raise invalid("tools.type must be array, dict or string", path="$.ai_instructions.tools.type")
    msgspec.convert(tools["value"], _TOOL_VALUES[tag])
