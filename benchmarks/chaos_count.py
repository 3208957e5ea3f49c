"""What came of a chaos run, read from the phones, the loopback server and the services' databases."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, text

from benchmarks.chaos_plan import Message as Sent
from benchmarks.chaos_stage import Chat, Stage
from exponential.assistant.tables import Chat as Place
from exponential.assistant.tables import Message
from exponential.workspace.tasks import Task

_LABEL = re.compile(r"item \d\d-\d{6}")
_APP = """
select (select count(*) from messages where role = 'user'),
       (select count(*) from messages where role = 'user' and turn_id is null),
       (select count(*) from turns where state = 'running'),
       (select count(*) from procrastinate_jobs where status in ('todo', 'doing'))
"""
_GATEWAY = """
select (select count(*) from inbox where state = 'waiting'),
       (select count(*) from outbox where state in ('queued', 'sending'))
"""


_SESSIONS = "select id, status, reason, since from sessions order by id"
_OUTBOX = """
select session_id, state, attempts, whatsapp_id is not null as has_id, reason, now() - created_at as age
from outbox where state in ('queued', 'sending') order by seq
"""


@dataclass(frozen=True)
class Pending:
    """What is still on its way, by place."""

    at_whatsapp: int
    inbox: int
    unanswered: int
    turns: int
    jobs: int
    outbox: int
    heard: int  # by the app so far

    @property
    def quiet(self) -> bool:
        return not (self.at_whatsapp or self.inbox or self.unanswered or self.turns or self.jobs or self.outbox)


@dataclass
class Count:
    """Labels of messages by what went wrong with them; `answered_twice` are replies, not messages."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    answered_twice: list[str] = field(default_factory=list)
    doubled_effects: list[str] = field(default_factory=list)
    unacknowledged: list[str] = field(default_factory=list)


async def pending(stage: Stage) -> Pending:
    """Raises SQLAlchemyError when a database is away."""
    async with stage.app_database.transaction() as db:
        heard, unanswered, turns, jobs = (await db.execute(text(_APP))).one()
    async with stage.gateway_database.transaction() as db:
        inbox, outbox = (await db.execute(text(_GATEWAY))).one()
    waiting = sum(len(_waiting(chat)) for chat in {id(chat.device): chat for chat in stage.chats}.values())
    return Pending(waiting, inbox, unanswered, turns, jobs, outbox, heard)


async def standing(stage: Stage) -> str:
    """How the sessions stand, and what of the outbox waits, a line each: for when nothing moves any more."""
    async with stage.gateway_database.transaction() as db:
        rows = [row for query in (_SESSIONS, _OUTBOX) for row in (await db.execute(text(query))).mappings()]
    return "\n".join(" ".join(f"{name}={value}" for name, value in row.items()) for row in rows)


async def count(stage: Stage, sent: Sequence[tuple[Sent, str]]) -> Count:
    """`sent`: each message with the id that WhatsApp gave it."""
    result = Count()
    for index, chat in enumerate(stage.chats):
        mine = [(message, id) for message, id in sent if message.chat == index]
        waiting = _waiting(chat)
        labels = [message.label for message, id in mine if id not in waiting]
        result.acknowledged += len(labels)
        result.unacknowledged += [message.label for message, id in mine if id in waiting]
        own = {message.label for message, _ in mine}
        heard, tasks = await _stored(stage, chat, own)
        answers = _answers(chat, own)
        answered = [label for answer in answers for label in answer]
        for step, done in (("unheard", heard), ("no task", tasks), ("unanswered", answered)):
            gone = [label for label in labels if label not in done]
            result.lost += [f"{label} ({step})" for label in gone]
            labels = [label for label in labels if label not in gone]
        result.doubled_effects += [label for label, times in Counter(tasks).items() if times > 1]
        result.answered_twice += _repeated(answers)
        late = {label for order in (heard, tasks, answered) for label in _late(order)}
        result.out_of_order += sorted(late)
    return result


async def _stored(stage: Stage, chat: Chat, own: set[str]) -> tuple[list[str], list[str]]:
    """Labels of what the app heard and of the tasks that came of it, in order, of those that were sent in this chat."""
    async with stage.app_database.transaction() as db:
        whose = Place.user_id == chat.owner.id
        query = select(Message).join(Place).where(whose, Message.role == "user").order_by(Message.position)
        heard = [label for message in await db.scalars(query) for label in _LABEL.findall(message.text)]
        titles = await db.scalars(select(Task.title).where(Task.user_id == chat.owner.id).order_by(Task.id))
        return [label for label in heard if label in own], [title for title in titles if title in own]


def _answers(chat: Chat, own: set[str]) -> list[list[str]]:
    """The labels in each reply at the phone, without those of the owner's other chats, which it may answer as well."""
    lines = chat.phone.messages(chat.to)
    theirs = [line for line in lines if not (line.from_me and line.device == 0)]
    labels = ([label for label in _LABEL.findall(line.text) if label in own] for line in theirs)
    return [found for found in labels if found]


def _repeated(answers: Iterable[Sequence[str]]) -> list[str]:
    """The first label of each reply that answers what was answered before."""
    seen: set[str] = set()
    repeated = []
    for labels in answers:
        if seen & set(labels):
            repeated.append(labels[0])
        seen |= set(labels)
    return repeated


def _late(order: Iterable[str]) -> list[str]:
    """Those that come after one that was sent later; a repetition is not late."""
    highest, late = "", []
    for label in dict.fromkeys(order):
        if label < highest:
            late.append(label)
        highest = max(highest, label)
    return late


def _waiting(chat: Chat) -> set[str]:
    """Ids of the messages that the linked device hasn't acknowledged."""
    return {stanza.text("id") for stanza in chat.device.waiting.values() if stanza.tag == "message"}
