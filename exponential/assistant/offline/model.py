"""The rules as a pydantic-ai Model: first the tool calls that the messages ask for, then an answer from their results."""

from collections.abc import Sequence

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
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
from exponential.assistant.offline.intents import Call, Say


class OfflineModel(Model):
    """Needs no network and no key. It answers each message of a burst, calling tools in the order of the requests."""

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
        asked, results = _since_prompt(messages)
        steps = intents.read(asked, tools, _now(messages))
        calls = [step for step in steps if isinstance(step, Call)]
        parts: list[ModelResponsePart]
        if calls and not results:
            # Their ids are drawn once: the response is stored before any tool runs.
            parts = [ToolCallPart(call.tool, call.args, tool_call_id=str(clock.new_id())) for call in calls]
        else:
            parts = [TextPart(phrasing.compose(steps, results))]
        return ModelResponse(parts=parts, model_name=self.model_name)
