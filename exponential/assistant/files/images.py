"""Showing pictures to models that can see: history keeps where a picture was, a request gets the picture itself."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelHTTPError, UserError
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextContent,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from sqlalchemy import select

from exponential.assistant.files.attachments import StoredAttachment
from exponential.assistant.prompts import FILE
from exponential.core import log
from exponential.core.database import Database

RECENT_MESSAGES = 4  # of the last messages to Paddy whose pictures are shown again
MAX_PICTURES = 6  # pictures in one request
BLIND = "[{}: the language model here can't look at pictures]"
_REFUSED = (400, 404, 413, 415, 422)  # what providers answer to a picture that the model can't take
_log = log.get(__name__)


class VisionModel(WrapperModel):
    """`wrapped`, with pictures in its requests; without them, and told so, when it can't take any."""

    def __init__(self, wrapped: Model, database: Database) -> None:
        super().__init__(wrapped)
        self._database = database

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        wanted = _pictures(messages)
        if wanted and self._sees:
            try:
                shown = await self._shown(messages, wanted)
                return await self.wrapped.request(shown, model_settings, model_request_parameters)
            except (ModelHTTPError, UserError, NotImplementedError) as error:
                _judge(error)
        return await self.wrapped.request(_hidden(messages, wanted), model_settings, model_request_parameters)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        wanted = _pictures(messages)
        async with AsyncExitStack() as stack:
            stream: StreamedResponse | None = None

            async def opened(given: list[ModelMessage]) -> StreamedResponse:
                stream = self.wrapped.request_stream(given, model_settings, model_request_parameters, run_context)
                return await stack.enter_async_context(stream)

            if wanted and self._sees:
                try:
                    stream = await opened(await self._shown(messages, wanted))
                except (ModelHTTPError, UserError, NotImplementedError) as error:
                    _judge(error)
            yield stream or await opened(_hidden(messages, wanted))

    @property
    def _sees(self) -> bool:
        return self.profile.get("supports_image_input", True)

    async def _shown(self, messages: Sequence[ModelMessage], wanted: Sequence[str]) -> list[ModelMessage]:
        query = select(StoredAttachment.id, StoredAttachment.view)
        async with self._database.transaction() as session:
            rows = await session.execute(query.where(StoredAttachment.id.in_([UUID(name) for name in wanted])))
            views = {str(row.id): row.view for row in rows if row.view}

        def show(item: TextContent, name: str) -> Iterator[UserContent]:
            yield item
            if name in views:
                yield BinaryContent(views[name], media_type="image/jpeg")

        return _changed(messages, {name: show for name in wanted})


def _judge(error: Exception) -> None:
    """Raises what has nothing to do with pictures."""
    if isinstance(error, ModelHTTPError) and error.status_code not in _REFUSED:
        raise error
    _log.warning("model_took_no_picture", error=error)


def _pictures(messages: Sequence[ModelMessage]) -> list[str]:
    """Ids of the pictures that the last messages to Paddy came with, the latest first."""
    found: list[str] = []
    prompts = [part for message in messages for part in message.parts if isinstance(part, UserPromptPart)]
    for part in prompts[: -RECENT_MESSAGES - 1 : -1]:
        for item in reversed(part.content if not isinstance(part.content, str) else ()):
            file = _file(item)
            if file and file["kind"] in ("image", "sticker") and not file["note"]:
                found.append(file["id"])
    return found[:MAX_PICTURES]


def _hidden(messages: list[ModelMessage], wanted: Sequence[str]) -> list[ModelMessage]:
    def hide(item: TextContent, _name: str) -> Iterator[UserContent]:
        yield replace(item, content=BLIND.format(item.content.strip("[]")))

    return _changed(messages, {name: hide for name in wanted}) if wanted else messages


def _changed(messages: Sequence[ModelMessage], changes: Mapping[str, Any]) -> list[ModelMessage]:
    """The messages with each picture's item replaced by what its change yields."""

    def items(content: Sequence[UserContent]) -> Iterator[UserContent]:
        for item in content:
            file = _file(item)
            change = changes.get(file["id"]) if file else None
            if change is not None:
                yield from change(item, file["id"] if file else "")
            else:
                yield item

    changed: list[ModelMessage] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            parts = [
                replace(part, content=list(items(part.content)))
                if isinstance(part, UserPromptPart) and not isinstance(part.content, str)
                else part
                for part in message.parts
            ]
            message = replace(message, parts=parts)
        changed.append(message)
    return changed


def _file(item: UserContent) -> dict[str, Any] | None:
    """What prompts.content noted of a file."""
    metadata = item.metadata if isinstance(item, TextContent) else None
    return metadata.get(FILE) if isinstance(metadata, dict) else None
