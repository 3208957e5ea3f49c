"""Running one turn: the short pause, the agent's steps with a save after each, and an honest answer when all fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic_ai import CallToolsNode, ModelSettings, UsageLimits
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior, UsageLimitExceeded, UserError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model

from exponential import clock, log
from exponential.assistant import ledger, turns
from exponential.assistant.agent import paddy
from exponential.assistant.replies import Typing
from exponential.assistant.turns import Work
from exponential.database import Database
from exponential.errors import ConfigurationError
from exponential.gateway.client import GatewayClient

PAUSE = timedelta(seconds=0.25)  # messages that follow each other this fast are answered together
LONGEST_PAUSE = timedelta(seconds=2)
MAX_TRIES = 5
LIMITS = UsageLimits(request_limit=20)  # model requests in one turn
SETTINGS = ModelSettings(timeout=60.0)  # seconds for one model request

_REFUSED = frozenset(range(400, 500)) - {408, 409, 425, 429}  # HTTP statuses that another try won't change
_log = log.get(__name__)


@dataclass(frozen=True)
class Thinking:
    """What a turn needs to run: the database, the model, and the gateway (None: no WhatsApp here)."""

    database: Database
    model: Model
    gateway: GatewayClient | None


async def answer(thinking: Thinking, chat_id: UUID, *, tries: int) -> None:
    """Answer what is unanswered in a chat, after `tries` tries that failed or died.

    Any error means: try again later. The last try ends with an answer that says what went wrong.
    """
    if not await _settle(thinking.database, chat_id):
        return
    async with thinking.database.transaction() as session:
        work = await turns.take_up(session, chat_id)
    if work is None:
        return
    try:
        await _run_or_fail(thinking, work, tries)
    except ledger.Superseded:
        _log.info("turn_superseded", turn=str(work.turn_id))


async def _run_or_fail(thinking: Thinking, work: Work, tries: int) -> None:
    if tries >= MAX_TRIES:  # it never got as far as failing: its processes died
        return await _fail(thinking.database, work, None)
    try:
        async with Typing(thinking.gateway, work.user.identity, work.messages):
            await _run(thinking, work)
    except ledger.Superseded:
        raise
    except Exception as error:
        status = error.status_code if isinstance(error, ModelHTTPError) else None
        _log.warning("turn_error", turn=str(work.turn_id), error=type(error).__name__, status=status, tries=tries + 1)
        if tries + 1 < MAX_TRIES and not _is_permanent(error):
            raise
        await _fail(thinking.database, work, error)


async def _run(thinking: Thinking, work: Work) -> None:
    reply, own = _said(work.own), work.own
    if reply is None:
        deps = ledger.Deps(thinking.database, work.user, work.turn_id, work.chat.role)
        with paddy.parallel_tool_call_execution_mode("sequential"):
            async with paddy.iter(
                message_history=[*work.context, *work.own],
                deps=deps,
                model=thinking.model,
                model_settings=SETTINGS,
                usage_limits=LIMITS,
            ) as steps:
                async for step in steps:
                    own = steps.all_messages()[len(work.context) :]
                    # After a model's response; what the tools then do, the ledger keeps.
                    if isinstance(step, CallToolsNode) and _said(own) is None:
                        async with thinking.database.transaction() as session:
                            await turns.save(session, work.turn_id, own)
        assert steps.result is not None
        reply = steps.result.output
    async with thinking.database.transaction() as session:
        await turns.finish(session, work, reply, state="done", own=own)


def _said(own: Sequence[ModelMessage]) -> str | None:
    """The reply, when the turn's last message already is one."""
    last = own[-1]
    if isinstance(last, ModelResponse) and not last.tool_calls and last.text:
        return last.text
    return None


async def _settle(database: Database, chat_id: UUID) -> bool:
    """Wait until nobody writes for a moment; False when nothing waits for an answer."""
    began = clock.now()
    seen = -1
    while True:
        async with database.transaction() as session:
            if await turns.running(session, chat_id):
                return True
            messages = await turns.waiting(session, chat_id)
        if not messages or messages[-1].channel == "terminal":  # a terminal sends one request at a time
            return bool(messages)
        if len(messages) == seen or clock.now() - began > LONGEST_PAUSE:
            return True
        seen = len(messages)
        rest = messages[-1].created_at + PAUSE - clock.now()
        await asyncio.sleep(min(max(rest, timedelta(0)), PAUSE).total_seconds())


async def _fail(database: Database, work: Work, error: Exception | None) -> None:
    async with database.transaction() as session:
        done = [entry for entry in await ledger.entries(session, work.turn_id) if "error" not in entry.result]
        reply = _apology(error)
        if done:
            names = ", ".join(entry.name.replace("_", " ") for entry in done)
            reply += f" What I had already done stays done: {names}."
        own = [work.own[0], ModelResponse(parts=[TextPart(reply)])]
        await turns.finish(session, work, reply, state="failed", own=own)


def _is_permanent(error: Exception) -> bool:
    return _is_refusal(error) or isinstance(
        error, UnexpectedModelBehavior | UsageLimitExceeded | UserError | ConfigurationError
    )


def _is_refusal(error: Exception | None) -> bool:
    return isinstance(error, ModelHTTPError) and error.status_code in _REFUSED


def _apology(error: Exception | None) -> str:
    if _is_refusal(error):
        return (
            "I couldn't answer: the language model refused the request. "
            "Whoever runs this installation should check EXPONENTIAL_MODEL and its key."
        )
    if isinstance(error, UsageLimitExceeded | UnexpectedModelBehavior):
        return "I couldn't answer: the language model lost its way with this request. Try saying it differently."
    if error is None:
        return (
            "I couldn't answer: my process stopped each time I tried. Send the request again, perhaps in smaller parts."
        )
    return f"I couldn't answer: I tried {MAX_TRIES} times and failed each time. Please send it again in a few minutes."
