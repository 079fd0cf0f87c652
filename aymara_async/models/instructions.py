"""What the AI under evaluation was told to do: plain text, one agent, or a workflow of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from aymara_async.models.model import Model, model


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


Tools: TypeAlias = ToolArray | ToolDict | ToolString
"""Told apart by ``type`` or, without it, by the value."""


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


AIInstructions: TypeAlias = str | AgentInstructions | WorkflowInstructions
"""Told apart by their fields."""

if TYPE_CHECKING:
    AnsweredInstructions: TypeAlias = AIInstructions
else:
    # In an answer nearly all are text, which msgspec takes by itself; what it refuses is decoded as the union.
    AnsweredInstructions = Annotated[str, AIInstructions]
