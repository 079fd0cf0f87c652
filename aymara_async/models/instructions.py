"""What the AI under evaluation was told to do: plain text, one agent, or a workflow of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import UNSET

from aymara_async.models.model import Model, model
from aymara_async.models.unions import NamedUnion


@model
class Tool(Model):
    """One tool that an agent may call."""

    name: str
    """Name of the tool."""
    content: object = None
    """Its definition, in any JSON shape."""


@model
class ToolArray(Model):
    """An agent's tools as a list."""

    value: list[Tool]
    """The tools."""
    type: Literal["array"] = "array"
    """Tells the shape of ``value``."""


@model
class ToolDict(Model):
    """An agent's tools as one JSON object."""

    value: dict[str, object]
    """The tools, in a shape of your own."""
    type: Literal["dict"] = "dict"
    """Tells the shape of ``value``."""


@model
class ToolString(Model):
    """An agent's tools as text."""

    value: str
    """The description of the tools."""
    type: Literal["string"] = "string"
    """Tells the shape of ``value``."""


if TYPE_CHECKING:
    Tools: TypeAlias = ToolArray | ToolDict | ToolString
else:

    class Tools(metaclass=NamedUnion):
        """``ToolArray``, ``ToolDict`` or ``ToolString``, told apart by ``type`` or, without it, by the value."""

        members = (ToolArray, ToolDict, ToolString)

        @staticmethod
        def choose(value: object) -> type:
            if not isinstance(value, dict) or "value" not in value:
                raise ValueError("Expected an object with the field `value`")
            tag = value.get("type")
            if tag is None:
                tag = {list: "array", str: "string"}.get(type(value["value"]), "dict")
            kinds = {"array": ToolArray, "dict": ToolDict, "string": ToolString}
            if tag not in kinds:
                raise ValueError(f"Expected `type` to be 'array', 'dict' or 'string', got {tag!r}")
            return kinds[tag]


@model
class AgentInstructions(Model):
    """Instructions of a single agent."""

    system_prompt: str
    """The agent's system prompt."""
    agent_name: str | None = None
    """Name of the agent, if it has one."""
    tools: Tools | None = None
    """The tools it may call, if any."""


@model
class WorkflowInstructions(Model):
    """Instructions of several agents that work together."""

    instructions: list[AgentInstructions]
    """The agents, at least one."""


if TYPE_CHECKING:
    AIInstructions: TypeAlias = str | AgentInstructions | WorkflowInstructions
    AnsweredInstructions: TypeAlias = AIInstructions
else:

    class AIInstructions(metaclass=NamedUnion):
        """Text, ``AgentInstructions``, or ``WorkflowInstructions``, told apart by their fields."""

        members = (str, AgentInstructions, WorkflowInstructions)

        @staticmethod
        def choose(value: object) -> type:
            if isinstance(value, str):
                return str
            if not isinstance(value, dict):
                raise ValueError(f"Expected a string or an object, got `{type(value).__name__}`")
            return WorkflowInstructions if "instructions" in value else AgentInstructions

    @model
    class InstructionsObject:
        """Instructions that are no text; once it is made, it becomes what its fields tell."""

        members = (AgentInstructions, WorkflowInstructions)

        instructions: object = UNSET
        """The agents, of a workflow."""
        system_prompt: object = UNSET
        """The agent's system prompt, of one agent."""
        agent_name: object = UNSET
        """Name of the agent, if it has one."""
        tools: object = UNSET
        """The tools it may call, if any."""

        def __attrs_post_init__(self) -> None:
            given = {name: value for name, value in self.__dict__.items() if value is not UNSET}
            made = AIInstructions.structure(given)
            self.__class__, self.__dict__ = type(made), made.__dict__

    # For answers: a decoder takes text, which nearly all instructions are, without asking Python what it is.
    AnsweredInstructions = str | InstructionsObject
