"""The rules as a pydantic-ai Model: first the tool calls that messages ask for, then an answer from their results."""

import re
from collections.abc import Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from exponential import clock
from exponential.assistant.offline import intents, phrasing
from exponential.assistant.offline.steps import Call, Heard

_ZONE = re.compile(r"\(([A-Za-z0-9_+/-]+)\) where they are")  # as Paddy's instructions put it


class OfflineModel(Model):
    """Needs no network and no key. Answers every message of a burst, calling tools in the order of the requests."""

    @property
    def model_name(self) -> str:
        return "offline"

    @property
    def system(self) -> str:
        return "exponential"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        tools = {tool.name for tool in model_request_parameters.function_tools}
        start, prompt = _prompt(messages)
        now = prompt.timestamp.astimezone(_zone(messages[-1]))
        listed, last = _memory(messages[:start])
        heard = [Heard(text, now, listed, last) for text in _texts(prompt)]
        steps = intents.read(heard, tools)
        calls = [step for step in steps if isinstance(step, Call)]
        results = _results(messages[start:])
        parts: list[ModelResponsePart]
        if calls and not results:
            # The ids are drawn once: this response is stored before any of its tools runs.
            parts = [ToolCallPart(call.tool, call.args, tool_call_id=str(clock.new_id())) for call in calls]
        else:
            parts = [TextPart(phrasing.compose(steps, results, now))]
        return ModelResponse(parts=parts, model_name=self.model_name)


def _prompt(messages: Sequence[ModelMessage]) -> tuple[int, UserPromptPart]:
    """Where the present turn begins, and what the user says in it."""
    for index in range(len(messages) - 1, -1, -1):
        for part in messages[index].parts:
            if isinstance(part, UserPromptPart):
                return index, part
    raise ValueError("the offline model was asked without a user prompt")


def _texts(prompt: UserPromptPart) -> list[str]:
    content = [prompt.content] if isinstance(prompt.content, str) else prompt.content
    return [item for item in content if isinstance(item, str)]


def _zone(message: ModelMessage) -> ZoneInfo:
    found = _ZONE.search(message.instructions or "") if message.kind == "request" else None
    return ZoneInfo(found[1] if found else "UTC")


def _results(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """Tool results in the order of their calls, which is the order of the steps."""
    return [
        cast(dict[str, Any], part.content) if isinstance(part.content, dict) else {"error": str(part.content)}
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def _memory(earlier: Sequence[ModelMessage]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The tasks that were listed last, and the one task that was spoken of last."""
    listed: list[dict[str, Any]] = []
    last: dict[str, Any] | None = None
    for result in _results(earlier):
        if "tasks" in result:
            listed = result["tasks"]
            last = listed[0] if len(listed) == 1 else None
        elif "task" in result:
            last = result["task"]
    return listed, last
