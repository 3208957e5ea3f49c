"""Turns as stored: taken up, saved after each step, finished once. Running one is run.py's business."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approval_replies, approvals, chats, commands, context, prompts
from exponential.assistant.channels import circuit_breaker
from exponential.assistant.context import NOTHING, Knowledge
from exponential.assistant.conversation import CHANNEL, STOP
from exponential.assistant.files import attachments
from exponential.assistant.llm import summaries
from exponential.assistant.tables import Chat, Message, Turn
from exponential.assistant.turns import jobs, stops
from exponential.assistant.turns.ledger import hold
from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import notify
from exponential.core.errors import Conflict, NotFound

MAX_MESSAGES = 50  # that are answered together
BrokenOff = Literal["stopped", "failed"]
UNREAD = ModelRequest(parts=[UserPromptPart("(a message that could not be read)")])


@dataclass(frozen=True)
class ActiveTurn:
    """A turn that is this run's alone to write to, and what it answers; once it is prepared, also what it needs to be
    run.

    `stop_asked`: it is to end as it is. `again_of`: the turn that it repeats. `held_back`: what is said goes to
    somebody else, and the owner wants to approve it. `own` messages follow `context`, what was said before. `command`:
    it is one for Paddy itself.
    """

    turn_id: UUID
    run: int
    fruitless: int
    failures: int
    chat: Chat
    user: User
    messages: Sequence[Message]
    stop_asked: bool
    again_of: UUID | None
    held_back: bool
    context: Sequence[ModelMessage] = ()
    own: Sequence[ModelMessage] = ()
    known: Knowledge = NOTHING
    command: commands.Command | None = None

    @property
    def own_words(self) -> bool:
        """Whether whoever wrote says something themselves, and doesn't only pass on what others said."""
        return not all(message.forwarded for message in self.messages)


async def waiting(session: AsyncSession, chat_id: UUID, most: int | None = None) -> Sequence[Message]:
    """The chat's messages that no turn has taken up yet, in order; the first `most` of them."""
    query = (
        select(Message)
        .where(Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
        .order_by(Message.position)
        .limit(most)
    )
    return (await session.execute(query)).scalars().all()


async def is_taken_up(session: AsyncSession, message_id: UUID) -> bool:
    """Whether a message waits for a turn no more."""
    query = select(Message.id).where(Message.id == message_id, Message.turn_id.is_(None))
    return (await session.execute(query)).scalar_one_or_none() is None


async def owner(session: AsyncSession, chat_id: UUID) -> User:
    """Whose Paddy it is that answers in this chat."""
    query = select(User).join(Chat, Chat.user_id == User.id).where(Chat.id == chat_id)
    return (await session.execute(query)).scalar_one()


async def running(session: AsyncSession, chat_id: UUID) -> Turn | None:
    """The chat's turn that was begun and not finished, if there is one."""
    query = select(Turn).where(Turn.chat_id == chat_id, Turn.state == "running")
    return (await session.execute(query)).scalar_one_or_none()


async def claim(session: AsyncSession, chat_id: UUID) -> ActiveTurn | None:
    """The chat's unfinished turn, or a new one for all the messages that wait; None when nothing is to be done.

    Whoever ran the turn before can't write to it any more. Of what the messages say only commands are looked at here:
    what goes wrong with the rest is the turn's failure, which is counted and answered.
    """
    # "key_share" lets new messages of the chat come in meanwhile.
    chat = await session.get(Chat, chat_id, with_for_update={"key_share": True})
    if chat is None:
        return None  # erased meanwhile
    turn = await running(session, chat_id) or await _begin(session, chat)
    if turn is None or turn.state != "running":
        return None
    turn.runs += 1
    turn.fruitless += 1
    asked = Message.turn_id == (turn.again_of or turn.id), Message.role == "user"
    messages = (await session.execute(select(Message).where(*asked).order_by(Message.position))).scalars().all()
    return ActiveTurn(
        turn.id,
        turn.runs,
        turn.fruitless,
        turn.failures,
        chat,
        await users.get(session, chat.user_id),
        messages,
        turn.stop_asked_at is not None,
        turn.again_of,
        chat.role != "owner" and await approvals.is_required(session, chat.user_id),
    )


async def prepare(session: AsyncSession, active: ActiveTurn) -> ActiveTurn:
    """The turn with what it needs to be run. Where the circuit breaker opens, its words are the answer. Raises
    Superseded."""
    chat = await session.get(Chat, active.chat.id, with_for_update={"key_share": True})
    turn = await hold(session, active.turn_id, active.run)
    assert chat is not None  # else its turns would be gone, too
    command = await _command(session, chat, active.messages[0]) if len(active.messages) == 1 else None
    known = await context.known(session, chat)
    active = replace(active, chat=chat, command=command, known=known, context=await context.recent(session, chat))
    if not turn.history:
        turn.history = _dump(await _asked(session, active))
    own = ModelMessagesTypeAdapter.validate_python(turn.history)
    if isinstance(own[0], ModelRequest) and own[0].metadata is None:  # of a version that had none
        own[0].metadata = prompts.setting(active.user, known)
    return replace(active, own=own)


async def _asked(session: AsyncSession, active: ActiveTurn) -> list[ModelMessage]:
    """What the turn begins with."""
    chat = active.chat
    files = await attachments.of_messages(session, [message.id for message in active.messages], understood=True)
    said = prompts.content(active.messages, files, guest=chat.role == "guest")
    asked = UserPromptPart(said, timestamp=active.messages[-1].created_at)
    own: list[ModelMessage] = [ModelRequest(parts=[asked], metadata=prompts.setting(active.user, active.known))]
    if active.command is None and await _is_loop(session, chat, active):
        said_last = await circuit_breaker.open_in(session, chat, active.messages)
        said_last = approvals.NOT_SENT if active.held_back else said_last  # the owner was told, and nobody else is
        own.append(ModelResponse(parts=[TextPart(said_last)]))
    return own


async def save(session: AsyncSession, active: ActiveTurn, own: Sequence[ModelMessage]) -> Sequence[ModelMessage]:
    """Keep the turn's own messages so far; those among them that weren't kept before. Raises Superseded."""
    return _keep(await hold(session, active.turn_id, active.run), own)


async def failed(session: AsyncSession, active: ActiveTurn) -> None:
    """Count a try that failed for a reason of its own. Raises Superseded."""
    (await hold(session, active.turn_id, active.run)).failures += 1


async def orphans(session: AsyncSession) -> Sequence[Chat]:
    """Chats with something to answer and no job for it: whoever lost a turn to another process may end its job."""
    waits = select(Message.chat_id).where(Message.role == "user", Message.turn_id.is_(None))
    runs = select(Turn.chat_id).where(Turn.state == "running")
    chats = (await session.scalars(select(Chat).where(Chat.id.in_(waits.union(runs))))).all()
    job = text(
        "select args->>'chat_id' from procrastinate_jobs where status in ('todo', 'doing') and task_name = any(:jobs)"
    )
    known = set(await session.scalars(job, {"jobs": [jobs.READ, jobs.TURN]}))
    return [chat for chat in chats if str(chat.id) not in known]


async def finish(
    session: AsyncSession, active: ActiveTurn, reply: str, *, own: Sequence[ModelMessage]
) -> Sequence[ModelMessage]:
    """End a turn with its one reply and queue its way out. Returns and raises what `save` does."""
    turn = await hold(session, active.turn_id, active.run)
    fresh = _keep(turn, own)
    await _end(session, active, turn, reply, "done")
    return fresh


async def break_off(
    session: AsyncSession, active: ActiveTurn, reply: str, *, state: Literal["stopped", "failed"]
) -> None:
    """End a turn with something else than the answer. Raises Superseded."""
    turn = await hold(session, active.turn_id, active.run)
    turn.history = [*(turn.history[:1] or _dump([UNREAD])), *_dump([ModelResponse(parts=[TextPart(reply)])])]
    await _end(session, active, turn, reply, state)


async def _end(session: AsyncSession, active: ActiveTurn, turn: Turn, reply: str, state: str) -> None:
    turn.state, turn.finished_at = state, clock.now()
    turn.history = [{**message, "metadata": None} for message in turn.history]  # it is for a turn that runs
    chat = active.chat
    if reply != approvals.NOT_SENT:
        await _say(session, active, turn, reply)
    if await summaries.is_due(session, chat):
        await jobs.defer_summary(session, chat)
    await notify(session, CHANNEL, str(chat.id))
    await notify(session, chats.CHANNEL, str(active.user.id))


async def _say(session: AsyncSession, active: ActiveTurn, turn: Turn, reply: str) -> None:
    """An answer given anew stays on the web, where it was asked for."""
    chat = active.chat
    channel = "web" if active.again_of else active.messages[-1].channel
    session.add(Message(chat_id=chat.id, turn_id=turn.id, role="assistant", channel=channel, text=reply))
    if active.held_back:
        await approvals.hold_back(session, chat, turn, reply, active.messages)
    elif not active.again_of and any(message.place for message in active.messages):
        await jobs.defer_delivery(session, chat.id, turn.id)


async def refuse(session: AsyncSession, chat_id: UUID, reply: str) -> None:
    """Answer what waits in a chat with `reply`, without a look at it: it can't even be active."""
    chat = await session.get_one(Chat, chat_id, with_for_update={"key_share": True})
    own: list[ModelMessage] = [UNREAD, ModelResponse(parts=[TextPart(reply)])]
    turn = Turn(chat_id=chat_id, state="failed", history=_dump(own), finished_at=clock.now())
    session.add(turn)
    await session.flush()
    waits = (Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
    found = select(Message.channel, Message.address.is_not(None)).where(*waits).order_by(Message.position)
    asked = (await session.execute(found)).all()
    await session.execute(update(Message).where(*waits).values(turn_id=turn.id))
    if chat.role == "owner" or not await approvals.is_required(session, chat.user_id):
        channel = next((channel for channel, has_place in reversed(asked) if has_place), "web")
        session.add(Message(chat_id=chat_id, turn_id=turn.id, role="assistant", channel=channel, text=reply))
        if channel != "web":
            await jobs.defer_delivery(session, chat_id, turn.id)
    await notify(session, CHANNEL, str(chat_id))


async def cancel(session: AsyncSession, chat_id: UUID) -> bool:
    """Stop what is being answered in a chat: soon after this transaction it ends with what was said so far and
    "(stopped)". What its tools have done stays done and is named. Whether there was something to stop."""
    chat = await session.get(Chat, chat_id, with_for_update={"key_share": True})
    turn = None if chat is None else await running(session, chat_id) or await _begin(session, chat, unread=True)
    if chat is None or turn is None or turn.state != "running":
        return False
    turn.stop_asked_at = turn.stop_asked_at or clock.now()
    await notify(session, stops.CHANNEL, str(chat_id))
    await jobs.defer_turn(session, chat)
    return True


async def heed_early_stop(session: AsyncSession, chat_id: UUID) -> None:
    """Stop what is about to be answered, and whose files are still read, where /stop was written after it."""
    later = (await waiting(session, chat_id, MAX_MESSAGES))[1:]
    if any(message.own_words.lower() == STOP for message in later):
        await cancel(session, chat_id)


async def is_stop_asked(session: AsyncSession, turn_id: UUID) -> bool:
    query = select(Turn.stop_asked_at.is_not(None)).where(Turn.id == turn_id)
    return bool((await session.execute(query)).scalar_one_or_none())


async def again(session: AsyncSession, message_id: UUID, *, user_id: UUID | None = None) -> UUID:
    """Answer anew what an answer of Paddy's was given to; the new turn's id. What the earlier try did isn't done twice.

    With `user_id`, only in this user's own conversation. Raises NotFound (no such answer), Conflict (`still_answering`;
    `no_question`, for what Paddy said unasked; `is_command`, which would do something else the second time).
    """
    message = await session.get(Message, message_id)
    chat = await session.get(Chat, message.chat_id, with_for_update={"key_share": True}) if message else None
    if message is None or chat is None or message.role != "assistant" or user_id not in (None, chat.user_id):
        raise NotFound("There is no such answer in your conversation.", code="unknown_message")
    if await running(session, chat.id) or await waiting(session, chat.id):
        raise Conflict("Paddy is still answering. Wait for the answer, or stop it.", code="still_answering")
    turn = await session.get(Turn, message.turn_id)
    asked = turn and await session.get(Turn, turn.again_of or turn.id)
    questions = select(Message).where(Message.role == "user", Message.turn_id == (asked.id if asked else None))
    question = (await session.execute(questions.limit(1))).scalar_one_or_none()
    if asked is None or question is None:
        raise Conflict("This was not an answer to a message, so there is nothing to answer anew.", code="no_question")
    if commands.parse(question.own_words, chat.role) is not None:
        raise Conflict("A command is carried out once. Write it again if you want it again.", code="is_command")
    fresh = Turn(chat_id=chat.id, history=[], again_of=asked.id)
    session.add(fresh)
    await session.flush()
    await jobs.defer_turn(session, chat)
    await notify(session, CHANNEL, str(chat.id))
    return fresh.id


async def _begin(session: AsyncSession, chat: Chat, *, unread: bool = False) -> Turn | None:
    """A turn for the messages that wait: a command alone, else all before the next command. While the chat is paused,
    it is silent: over as it begins. Messages wait for `unread` files among them to be read, unless that is given."""
    messages = await (waiting(session, chat.id, MAX_MESSAGES) if unread else _ready(session, chat))
    if not messages:
        return None
    command = [await _command(session, chat, message) is not None for message in messages]
    if command[0]:
        messages = messages[:1]
    elif True in command:
        messages = messages[: command.index(True)]
    breaks = circuit_breaker.is_open(chat) and messages[-1].place is not None
    paused = (breaks or commands.is_paused(chat)) and not command[0]
    silent = paused or (breaks and chat.role == "guest")  # whose commands don't close it
    state: Literal["running", "silent"] = "silent" if silent else "running"
    turn = Turn(chat_id=chat.id, history=[], state=state)
    turn.finished_at = clock.now() if state == "silent" else None
    session.add(turn)
    await session.flush()
    taken = update(Message).where(Message.id.in_([message.id for message in messages])).values(turn_id=turn.id)
    await session.execute(taken)
    await notify(session, CHANNEL, str(chat.id))
    return turn


def is_quiet(chat: Chat) -> bool:
    """Whether Paddy says nothing here whatever comes, a command excepted: no file need be read."""
    return commands.is_paused(chat) or (chat.role == "guest" and circuit_breaker.is_open(chat))


async def _ready(session: AsyncSession, chat: Chat) -> Sequence[Message]:
    """The next messages to answer together: no more than one turn can hold; none while their files are still read."""
    messages = await waiting(session, chat.id, MAX_MESSAGES)
    if is_quiet(chat):
        return messages
    files = await attachments.unread(session, [message.id for message in messages])
    if any(waits for _, waits in files.values()):
        return []
    ready: list[Message] = []
    left = attachments.MAX_FILES
    for message in messages:
        count, _ = files.get(message.id, (0, 0))
        left -= count
        if left < 0 and ready:
            break
        ready.append(message)
    return ready


async def _is_loop(session: AsyncSession, chat: Chat, active: ActiveTurn) -> bool:
    """Whether another program seems to answer Paddy, or asks its owner to approve one answer after the other."""
    if active.again_of or active.messages[-1].place is None:
        return False
    return await circuit_breaker.trips(session, chat, active.messages)


async def _command(session: AsyncSession, chat: Chat, message: Message) -> commands.Command | None:
    """The command that a message is; a YES to what waits for approval is one, too."""
    decision = await approval_replies.read(session, chat, message)
    return commands.Deciding("approve", decision=decision) if decision else commands.parse(message.own_words, chat.role)


def _keep(turn: Turn, own: Sequence[ModelMessage]) -> Sequence[ModelMessage]:
    known = len(turn.history)
    turn.history, turn.fruitless = _dump(own), 0
    return own[known:]


def _dump(messages: Sequence[ModelMessage]) -> Any:
    return ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")
