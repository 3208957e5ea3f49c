"""Slash commands: what people tell Paddy itself, the same on every channel.

They are handled before any model, in one transaction with their reply.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approval_replies, approvals, briefing, tools
from exponential.assistant.channels import circuit_breaker
from exponential.assistant.llm import usage
from exponential.assistant.offline import slots
from exponential.assistant.offline.utterance import Call
from exponential.assistant.tables import Chat, Role
from exponential.assistant.tools.tasks import listed
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import facts, history, reminders, tasks
from exponential.workspace.tasks import TaskFilter
from exponential.workspace.text import dates
from exponential.workspace.text.markdown import plain, when
from exponential.workspace.text.zones import aware, zone_of

HELP = """Besides what you say in your own words, these commands always work, wherever you write to me:

- */tasks*: your open tasks
- */status*: what I know, what is coming up, what the language model has used today
- */new*: start over; I forget this conversation, but not your tasks or what you asked me to remember
- */forget*: what you asked me to remember; */forget 2* or */forget all* forgets it
- */stop*: I stop what I am answering
- */pause 2h*: I am silent here, until you write */resume*; without a time, for as long as you like
- */briefing 7:30*: a briefing every morning; */briefing now* shows it, */briefing off* ends it
- */approve on*: I ask you before I answer other people; */approve off* ends that

Try: *add buy milk tomorrow* · *what's due this week?* · *remind me tomorrow at 9 to call mom* · *undo*"""
GUEST_HELP = """I'm Paddy, an assistant. I can pass on a note: write *leave a note:* and what it says.

*/pause* makes me silent here, */resume* ends that, */new* starts over."""

_COMMAND = re.compile(r"/(?P<name>[a-z]{1,20})(?:\s+(?P<rest>\S.*))?", re.IGNORECASE | re.DOTALL)
_GUESTS = frozenset(("new", "help", "start", "pause", "resume", "stop"))
_SHORT = re.compile(
    r"(?P<number>\d{1,5})\s*(?P<unit>m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|weeks?)?", re.IGNORECASE
)
_UNITS = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}  # minutes
_LONGEST_PAUSE = timedelta(days=366)
_LONGEST_GROUP_PAUSE = timedelta(days=1)


@dataclass(frozen=True)
class Command:
    """`name` without its slash, in small letters; `rest` is what follows it."""

    name: str
    rest: str = ""


@dataclass(frozen=True)
class Deciding(Command):
    """What the owner said to an answer that waits for approval."""

    decision: approval_replies.Decision | None = None


@dataclass(frozen=True)
class CommandContext:
    """Where a command is given, and what it may tell of."""

    session: AsyncSession
    chat: Chat
    user: User
    source: str
    model: str  # its name; "" for the built-in rules
    daily_tokens: int

    @property
    def now(self) -> datetime:
        """The user's local time."""
        return clock.now().astimezone(self.zone)

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.user)


@dataclass(frozen=True)
class Outcome:
    """`reply` in Markdown; `messages` is how Paddy has it in mind (after the command itself). `in_mind` stands there
    for a reply that repeats what others said."""

    reply: str
    messages: Sequence[ModelMessage] = ()
    in_mind: str = ""

    @property
    def own(self) -> list[ModelMessage]:
        return [*self.messages, ModelResponse(parts=[TextPart(self.in_mind or self.reply)])]


def parse(text: str, role: Role) -> Command | None:
    """The command that a message is. Guests have few; all else that begins with a slash is text of theirs."""
    match = _COMMAND.fullmatch(text.strip())
    if match is None:
        return None
    command = Command(match["name"].lower(), (match["rest"] or "").strip())
    return command if role == "owner" or command.name in _GUESTS else None


def is_paused(chat: Chat) -> bool:
    return chat.paused_at is not None and (chat.paused_until is None or chat.paused_until > clock.now())


def paused(chat: Chat, zone: ZoneInfo) -> str:
    """Until when a paused chat is, as a sentence for people."""
    if chat.paused_until is None:
        return "I am silent here until you write */resume*."
    until = chat.paused_until.astimezone(zone)
    return (
        f"I am silent here until {when(until.isoformat(), clock.now().astimezone(zone))}, or until you write */resume*."
    )


async def run(setting: CommandContext, command: Command) -> Outcome:
    """Do what a command says and answer it. A refusal (BadInput, NotFound, Conflict) is an answer, too."""
    act = _COMMANDS.get(command.name)
    if act is None:
        return Outcome(f"I don't know the command */{plain(command.name)}*. */help* shows all of them.")
    try:
        async with setting.session.begin_nested():
            if isinstance(command, Deciding) and command.decision is not None:
                return await _decide(setting, command.decision)
            return await act(setting, command.rest)
    except (BadInput, NotFound, Conflict) as refusal:
        return Outcome(plain(str(refusal)))


async def _help(setting: CommandContext, _rest: str) -> Outcome:
    return Outcome(HELP if setting.chat.role == "owner" else GUEST_HELP)


async def _new(setting: CommandContext, _rest: str) -> Outcome:
    chat = setting.chat
    chat.begins_at, chat.summary, chat.summarised_until = clock.now(), None, None
    kept = " Your tasks, and what you asked me to remember, are as they were." if chat.role == "owner" else ""
    return Outcome(f"We start over: I no longer have in mind what was said here.{kept}")


async def _pause(setting: CommandContext, rest: str) -> Outcome:
    chat = setting.chat
    until = _until(rest, setting.now)
    if chat.is_group:  # any member may ask for it
        latest = setting.now + _LONGEST_GROUP_PAUSE
        until = min(until or latest, latest)
    chat.paused_at, chat.paused_until = clock.now(), until
    still = " Reminders and briefings still come." if chat.role == "owner" else ""
    return Outcome(f"🤫 {paused(chat, setting.zone)}{still}")


async def _stop(setting: CommandContext, _rest: str) -> Outcome:
    """What ran was stopped when the message came in: by its turn, nothing runs any more."""
    return Outcome("I'm not busy with anything now. What would you like instead?")


async def _resume(setting: CommandContext, _rest: str) -> Outcome:
    was = is_paused(setting.chat)
    setting.chat.paused_at = setting.chat.paused_until = None
    again = []
    if setting.chat.role == "owner":
        if others := await circuit_breaker.close_all(setting.session, setting.user.id):
            chats = "one chat" if others == 1 else f"{others} chats"
            again.append(f"in {chats} in which another assistant seemed to answer me")
        if groups := await _resume_groups(setting):
            again.append(f"in {'one group' if groups == 1 else f'{groups} groups'} that had paused me")
    if again:
        return Outcome(f"I'm back, and I answer again {' and '.join(again)}.")
    return Outcome("I'm back." if was else "I wasn't paused: I'm listening.")


async def _resume_groups(setting: CommandContext) -> int:
    """End what members of groups paused; in how many groups."""
    paused = select(Chat).where(Chat.user_id == setting.user.id, Chat.kind == "contact", Chat.paused_at.is_not(None))
    groups = [chat for chat in await setting.session.scalars(paused) if chat.is_group and is_paused(chat)]
    for chat in groups:
        chat.paused_at = chat.paused_until = None
    return len(groups)


async def _tasks(setting: CommandContext, _rest: str) -> Outcome:
    call = Call("list_tasks", {"status": "open"})
    result = await listed(setting.session, setting.user, TaskFilter())
    return _looked_up(call, result, tools.tell(call.tool, call.args, result, setting.now))


async def _status(setting: CommandContext, _rest: str) -> Outcome:
    session, user, now = setting.session, setting.user, setting.now
    is_open = await tasks.count_tasks(session, user.id, TaskFilter())
    late = await tasks.count_tasks(session, user.id, TaskFilter(due="overdue"))
    coming = await reminders.list_reminders(session, user.id)
    wish = await briefing.get(session, user.id)
    known = await facts.recall(session, user.id)
    spent = await usage.today(session, user)
    lines = [
        f"I think with **{plain(setting.model)}**" if setting.model else "I run on built-in rules, no language model",
        f"Open tasks: {is_open}" + (f", {late} of them overdue" if late else ""),
    ]
    if coming:
        at = coming[0].at.astimezone(setting.zone).isoformat()
        lines.append(f"Reminders: {len(coming)}, the next one {when(at, now)}: **{plain(coming[0].text)}**")
    lines.append(f"Briefing: {_often(wish)}" if wish else "Briefing: none; */briefing 7:30* sets one")
    lines.append(f"Things you asked me to remember: {len(known)}")
    if setting.model:
        limit = f" of {setting.daily_tokens:,}" if setting.daily_tokens else ""
        cost = f" (${spent.cost:.2f})" if spent.cost else ""
        lines.append(f"Tokens today: {spent.tokens:,}{limit}{cost}")
    lines.append(f"Your time zone: {setting.zone.key}")
    if is_paused(setting.chat):
        lines.append(paused(setting.chat, setting.zone))
    return Outcome("\n".join(f"- {line}" for line in lines))


async def _forget(setting: CommandContext, rest: str) -> Outcome:
    session, user = setting.session, setting.user
    known = await facts.recall(session, user.id)
    if not rest:
        if not known:
            return Outcome("I remember nothing that you asked me to. Say *remember that …* to tell me.")
        lines = [f"{number}. {plain(fact.text)}" for number, fact in enumerate(known, start=1)]
        return Outcome(
            "You asked me to remember:\n\n"
            + "\n".join(lines)
            + "\n\n*/forget 1* forgets one, */forget all* everything."
        )
    await history.begin(session, user.id, "forget", setting.source, {"fact": rest})
    if rest.lower() in ("all", "everything"):
        for fact in known:
            await facts.forget(session, user.id, fact.id)
        return Outcome(f"Forgotten: all {len(known)}. *Undo* brings them back." if known else "There was nothing.")
    number = int(rest) if rest.isdecimal() and len(rest) < 6 else 0
    if rest.isdecimal() and not 1 <= number <= len(known):
        raise NotFound(f"There is no number {rest}; I remember {len(known)}. /forget shows them.", code="unknown_fact")
    gone = await facts.forget(session, user.id, known[number - 1].id if number else rest)
    return Outcome(f"Forgotten: {plain(gone.text)}. *Undo* brings it back.")


async def _briefing(setting: CommandContext, rest: str) -> Outcome:
    session, user = setting.session, setting.user
    wish = await briefing.get(session, user.id)
    if not rest:
        how = "*/briefing off* ends it." if wish else "*/briefing 7:30* sets one, */briefing 7:30 weekdays* as well."
        return Outcome(f"Your briefing: {_often(wish) if wish else 'none'}. {how}")
    if rest.lower() == "now":
        return Outcome(await briefing.write(session, user))
    await history.begin(session, user.id, "set_briefing", setting.source, {"at": rest})
    if rest.lower() in ("off", "none", "stop", "end"):
        gone = await briefing.switch_off(session, user.id)
        return Outcome("No more briefings." if gone else "There was no briefing.")
    at = slots.time_of_day(rest)
    if at is None:
        raise BadInput("I don't understand that time. Write for example /briefing 7:30.", code="time_invalid")
    days: briefing.Days = "weekdays" if "weekday" in rest.lower() else "daily"
    wish = await briefing.switch_on(session, user.id, at, days)
    return Outcome(f"☀️ You get your briefing {_often(wish)}.")


async def _approve(setting: CommandContext, rest: str) -> Outcome:
    session, user = setting.session, setting.user
    if rest.lower() in ("on", "yes", "off", "no"):
        required = rest.lower() in ("on", "yes")
        await history.begin(session, user.id, "require_approval", setting.source, {"required": required})
        await approvals.require(session, user.id, required)
    elif rest:
        raise BadInput("Write /approve on, /approve off, or only /approve.", code="approval_invalid")
    found = await approvals.waiting(session, user.id)
    in_mind = "I told whether I ask before I answer others, and which answers wait for that."
    return Outcome(approvals.listed(found, await approvals.is_required(session, user.id)), in_mind=in_mind)


async def _decide(setting: CommandContext, decision: approval_replies.Decision) -> Outcome:
    name = "approve_send" if decision.send else "refuse_send"
    await history.begin(setting.session, setting.user.id, name, setting.source, {"number": decision.number})
    reply, in_mind = await approval_replies.decide(setting.session, setting.user.id, decision)
    return Outcome(reply, in_mind=in_mind)


def _often(wish: briefing.Briefing) -> str:
    return briefing.often(wish.as_json())


def _until(rest: str, now: datetime) -> datetime | None:
    """The end of a pause that was asked for at the local time `now`; None: no end is named. Raises BadInput."""
    if not rest:
        return None
    words = re.sub(r"^(?:for|until|till|til)\s+", "", rest, flags=re.IGNORECASE)
    short = _SHORT.fullmatch(words)
    if short is not None:
        minutes = int(short["number"]) * _UNITS[(short["unit"] or "m")[0].lower()]
        until: datetime | None = now + timedelta(minutes=minutes)
    else:
        until = _moment(words, now)
    if until is None or until <= now or until - now > _LONGEST_PAUSE:
        raise BadInput(
            "I don't understand for how long. Write for example /pause 2h, /pause until 17:00, or only /pause.",
            code="pause_invalid",
        )
    return until


def _moment(words: str, now: datetime) -> datetime | None:
    for text in (words, f"in {words}", f"at {words}"):
        rest, found = dates.extract(text, now)
        if found is not None and not rest:
            moment = found if isinstance(found, datetime) else datetime.combine(found, time())
            return aware(moment, zone) if isinstance(zone := now.tzinfo, ZoneInfo) else None
    return None


def _looked_up(call: Call, result: dict[str, Any], reply: str) -> Outcome:
    """So that "the second one" is understood afterwards."""
    call_id = str(clock.new_id())
    return Outcome(
        reply,
        [
            ModelResponse(parts=[ToolCallPart(call.tool, call.args, tool_call_id=call_id)]),
            ModelRequest(parts=[ToolReturnPart(call.tool, result, tool_call_id=call_id)]),
        ],
    )


_COMMANDS: dict[str, Callable[[CommandContext, str], Awaitable[Outcome]]] = {
    "help": _help,
    "start": _help,
    "new": _new,
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "tasks": _tasks,
    "status": _status,
    "forget": _forget,
    "briefing": _briefing,
    "approve": _approve,
}
