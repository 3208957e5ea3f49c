"""The table as a pydantic-ai Model: first the tool calls that messages ask for, then an answer from their results."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    TextContent,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings

from exponential.assistant import prompts, tools
from exponential.assistant.offline import dialogue_state, turn
from exponential.assistant.offline.utterance import Call, Context, File, Message, Propose, Say, Step
from exponential.core import clock

# Few, so that messages which take long to read leave time for everything else.
_readers = ThreadPoolExecutor(2, "offline-model")


class OfflineModel(Model):
    """Needs no network and no key. Answers every message of a burst, calling tools in the order of the requests."""

    @property
    def model_name(self) -> str:
        return "offline"

    @property
    def profile(self) -> ModelProfile:
        return ModelProfile(supports_image_input=False)

    @property
    def system(self) -> str:
        return "exponential"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        has = {tool.name for tool in model_request_parameters.function_tools}
        start, prompt = _prompt(messages)
        setting = messages[start].metadata or {}  # as prompts.setting has it
        now = prompt.timestamp.astimezone(ZoneInfo(setting.get("zone", "UTC")))
        known = Context(now, projects=setting.get("projects", ()), tasks=setting.get("tasks", ()))
        context = dialogue_state.after(messages[:start], known)
        said = _messages(prompt)
        steps = await asyncio.get_running_loop().run_in_executor(_readers, turn.answer, said, context, has)
        calls = [step for step in steps if isinstance(step, Call)]
        results = dialogue_state.results(messages[start:])
        if calls and not results:
            # The ids are drawn once: this response is stored before any of its tools runs.
            parts: list[ModelResponsePart] = [
                ToolCallPart(call.tool, json.dumps(call.args), tool_call_id=str(clock.new_id())) for call in calls
            ]
            return ModelResponse(parts=parts, model_name=self.model_name)
        parts = [TextPart(_answer(steps, results, now))]
        return ModelResponse(parts=parts, model_name=self.model_name, provider_details=dialogue_state.to_keep(steps))


def _answer(steps: Sequence[Step], results: Sequence[dict[str, Any]], now: datetime) -> str:
    """What each step came to, in order, a short paragraph each. `results` are those of the calls, `now` is local."""
    left = list(results)
    said: list[str] = []
    for step in steps:
        if isinstance(step, Say):
            said.append(step.text)
        elif isinstance(step, Propose):
            said.append(step.question)
        else:
            result = left.pop(0) if left else {"error": "I couldn't finish this request."}
            said.append(tools.tell(step.tool, step.args, result, now))
    return "\n\n".join(said)


def _prompt(messages: Sequence[ModelMessage]) -> tuple[int, UserPromptPart]:
    """Where the present turn begins, and what the user says in it."""
    for index in range(len(messages) - 1, -1, -1):
        for part in messages[index].parts:
            if isinstance(part, UserPromptPart):
                return index, part
    raise ValueError("the offline model was asked without a user prompt")


def _messages(prompt: UserPromptPart) -> list[Message]:
    """Each message with its words and files, as prompts.content puts them."""
    said: dict[str, Message] = {}
    for place, item in enumerate([prompt.content] if isinstance(prompt.content, str) else prompt.content):
        if isinstance(item, str):
            said[str(place)] = Message(item)
        elif isinstance(item, TextContent):
            about = item.metadata or {}
            name = about.get("message", "")
            said[name] = _with(said.get(name, Message("")), item.content, about)
    return list(said.values())


def _with(message: Message, told: str, about: dict[str, Any]) -> Message:
    """A message with one more item of its prompt."""
    message = replace(message, forwarded=about.get(prompts.OUTSIDE) == "forwarded")
    if prompts.FILE in about:
        return replace(message, files=[*message.files, _file(told, about[prompts.FILE])])
    if about.get(prompts.OUTSIDE) == "quoted":
        return replace(message, quoted=prompts.unmarked(told))
    return replace(message, text=prompts.unmarked(told) if message.forwarded else told)


def _file(told: str, about: dict[str, Any]) -> File:
    text = prompts.unmarked(told) if about["text"] else ""
    summary = tuple(about.get("summary", ()))
    return File(about["id"], about["kind"], about["name"], text, about["note"], about["talk"], summary)
