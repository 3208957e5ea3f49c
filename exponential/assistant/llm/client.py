"""Reaching the language model: streamed, in limited time, tried again when that helps, left alone while it is down."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Literal, TypeVar

from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelTimeoutError,
    UserError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings, merge_model_settings
from pydantic_ai.usage import RequestUsage

from exponential.core import clock, log
from exponential.core.backoff import Backoff

MAX_ANSWER_SECONDS = 600.0  # that one answer may take as long as it keeps coming
CHARS_PER_TOKEN = 4  # where a provider doesn't say what was used
MAX_DOWN_SECONDS = 300.0  # when the provider names a longer time
_DOWN_AFTER = 2  # requests in a row that were given up; one that hung counts as as many
_CONFIGURATION, _AGAIN = (401, 402, 403, 404), (408, 409, 425, 429)  # HTTP statuses

Kind = Literal["away", "refused", "rejected", "garbled"]
Heard = Callable[[str], None]
T = TypeVar("T")
_log = log.get(__name__)


class ModelFailed(Exception):
    """The language model gave no answer. `kind`: "away" (down, hanging, too busy), "refused" (wrong key, name or
    credit), "rejected" (it doesn't take this request), "garbled" (what came made no sense)."""

    def __init__(self, kind: Kind, cause: Exception | None = None, *, after: float | None = None) -> None:
        super().__init__(kind)
        self.kind: Kind = kind
        self.status = cause.status_code if isinstance(cause, ModelHTTPError) else None
        self.after = after  # seconds, if the provider named them
        self.hung = isinstance(cause, TimeoutError | ModelTimeoutError | ModelRequestTimeout)


class ModelClient:
    """One process's way to its language model. `timeout`: seconds without a sign of life; `retries`: other tries.

    `pause`, `down`: as Timing's model_pause and model_down.
    """

    def __init__(self, model: Model, *, timeout: float, retries: int, pause: float, down: float) -> None:
        self.model = model
        self.timeout = timeout
        self.retries = retries
        self.pause = pause
        self._down = down
        # A function in the place of a model may only answer as a whole; any real one streams.
        self.streams = getattr(model, "stream_function", model) is not None
        self._failed = 0
        self._down_until = 0.0

    def retrying(self, heard: Heard = lambda _: None) -> "RetryingModel":
        """The model for one turn. `heard` gets the text of the answer, as far as it has come, at each piece."""
        return RetryingModel(self, heard)

    @property
    def is_down(self) -> bool:
        return time.monotonic() < self._down_until

    def worked(self) -> None:
        self._failed, self._down_until = 0, 0.0

    def gave_up(self, failure: ModelFailed) -> None:
        if failure.kind != "away":
            return
        self._failed += _DOWN_AFTER if failure.hung or failure.after else 1
        if self._failed >= _DOWN_AFTER:
            self._down_until = time.monotonic() + min(max(self._down, failure.after or 0), MAX_DOWN_SECONDS)
            _log.warning("model_down", seconds=round(self._down_until - time.monotonic()))


class RetryingModel(WrapperModel):
    """The model, asked with patience. `lost`: what was used by answers that broke off. Raises ModelFailed."""

    def __init__(self, client: ModelClient, heard: Heard) -> None:
        super().__init__(client.model)
        self._client = client
        self._heard = heard
        self.lost: list[RequestUsage] = []

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if self._client.is_down:
            raise ModelFailed("away")
        # Its own library must not try again: it would do so unseen, and for longer than the time-out says.
        ours = ModelSettings(timeout=self._client.timeout, max_retries=0)
        settings = merge_model_settings(model_settings, ours)
        began, streams, pauses = time.monotonic(), self._client.streams, Backoff(self._client.pause)
        for tries in range(self._client.retries + 1):
            try:
                response = await self._ask(messages, settings, model_request_parameters, streams=streams)
            except Exception as error:
                failure = _failure(error)
                rest = failure.after or pauses.next()
                late = time.monotonic() - began + rest > self._client.timeout
                _log.warning(
                    "model_failed",
                    kind=failure.kind,
                    error=error,
                    status=failure.status,
                    tries=tries + 1,
                )
                if failure.kind in ("refused", "rejected") or late or tries == self._client.retries:
                    self._client.gave_up(failure)
                    raise failure from error
                streams = streams and failure.kind != "garbled"  # a server that can't stream may answer as a whole
                await asyncio.sleep(rest)
            else:
                self._client.worked()
                return response
        raise AssertionError("unreachable")

    async def _ask(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        *,
        streams: bool,
    ) -> ModelResponse:
        async with asyncio.timeout(MAX_ANSWER_SECONDS):
            if streams:
                response = await self._stream(messages, settings, parameters)
            else:
                response = await self._soon(self.wrapped.request(messages, settings, parameters))
        clean = [_clean(part) for part in response.parts]
        parts = _told_apart(messages, [part for part in clean if not _is_blank(part)])
        return _measured(messages, replace(response, parts=parts))

    async def _stream(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        texts: dict[int, str] = {}
        async with AsyncExitStack() as stack:
            coming = self.wrapped.request_stream(messages, settings, parameters)
            stream = await self._soon(stack.enter_async_context(coming))
            try:
                async for event in self._events(stream):
                    if _add(texts, event):
                        self._heard(_written("".join(texts.values())))
                return stream.get()
            except BaseException:
                self._note_lost(messages, stream)
                raise

    async def _events(self, stream: StreamedResponse) -> AsyncIterator[ModelResponseStreamEvent]:
        events = aiter(stream)
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await self._soon(anext(events))

    async def _soon(self, call: Awaitable[T]) -> T:
        async with asyncio.timeout(self._client.timeout):
            return await call

    def _note_lost(self, messages: list[ModelMessage], stream: StreamedResponse) -> None:
        with contextlib.suppress(Exception):
            self.lost.append(_measured(messages, stream.get()).usage)


def _add(texts: dict[int, str], event: ModelResponseStreamEvent) -> bool:
    """Add to the answer's text what an event brings; whether it did."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        texts[event.index] = event.part.content
    elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        texts[event.index] = texts.get(event.index, "") + event.delta.content_delta
    else:
        return False
    return True


def _failure(error: Exception) -> ModelFailed:
    after = error.retry_after if isinstance(error, ModelAPIError) else None
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    if isinstance(error, ModelAuthenticationError | ModelNotFoundError | ModelQuotaExceededError | UserError):
        return ModelFailed("refused", error)
    if status in _CONFIGURATION:
        return ModelFailed("refused", error)
    if isinstance(error, ModelRequestRejectedError | ContentFilterError):
        return ModelFailed("rejected", error)
    if status is not None and 400 <= status < 500 and status not in _AGAIN:
        return ModelFailed("rejected", error)
    if type(error) is ModelAPIError and status is None:
        return ModelFailed("garbled", error)  # it came, but not as it should
    if isinstance(error, ModelAPIError | TimeoutError | OSError):
        return ModelFailed("away", error, after=after)
    return ModelFailed("garbled", error)


def _measured(messages: Sequence[ModelMessage], response: ModelResponse) -> ModelResponse:
    """With an estimate of its tokens, marked as one, when the provider didn't count them."""
    if response.usage.input_tokens or response.usage.output_tokens:
        return response
    asked = len(ModelMessagesTypeAdapter.dump_json(list(messages)))
    said = len(ModelMessagesTypeAdapter.dump_json([response]))
    usage = RequestUsage(
        input_tokens=asked // CHARS_PER_TOKEN,
        output_tokens=said // CHARS_PER_TOKEN,
        details={"estimated": 1},
    )
    return replace(response, usage=usage)


def _clean(part: ModelResponsePart) -> ModelResponsePart:
    return replace(part, content=_written(part.content)) if isinstance(part, TextPart) else part


def _is_blank(part: ModelResponsePart) -> bool:
    return isinstance(part, TextPart) and not part.content.strip()


def _told_apart(messages: Sequence[ModelMessage], parts: Sequence[ModelResponsePart]) -> list[ModelResponsePart]:
    """With a new id for each tool call whose id is missing or was there before: some servers count from 0 each time,
    and what has been done is known by its id."""
    known = {part.tool_call_id for message in messages for part in message.parts if isinstance(part, ToolCallPart)}
    apart: list[ModelResponsePart] = []
    for part in parts:
        if isinstance(part, ToolCallPart):
            if not part.tool_call_id or part.tool_call_id in known:
                part = replace(part, tool_call_id=str(clock.new_id()))
            known.add(part.tool_call_id)
        apart.append(part)
    return apart


def _written(text: str) -> str:
    """Without what no message can hold: half a surrogate pair, and NUL."""
    return text.encode(errors="replace").decode().replace("\x00", "")
