"""What was done to a user's workspace: acts (who, when, from where, with what), what they changed, and taking it back.

Inside a transaction that `begin` was called in, every change to an Undoable record is noted as it is flushed, so no
use-case can forget it.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import accumulate, islice
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    Uuid,
    event,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ColumnProperty, Mapped, Session, UOWTransaction, mapped_column

from exponential.core import clock
from exponential.core.database import AppBase, notify
from exponential.core.encryption import BlindIndex, EncryptedJSON, EncryptedText
from exponential.core.errors import Conflict, NotFound

CHANNEL = "workspace"  # NOTIFY channel; payload: the id of the user whose workspace changed
MAX_ACTS = 200  # acts in one page
MAX_CHANGED_BYTES = 1_000_000  # of what they changed, as stored
MAX_CHANGES_SHOWN = 5  # changes by which an act is told
MAX_ARGS_CHARS, MAX_ARG_CHARS, MOST_ARGS = (
    4_000,
    1_000,
    20,
)  # characters that an act keeps whole; else of each argument; how many
UNDO = "undo"  # the name of the act that takes another one back
_ACT = "act"  # where a session keeps the id of its act
_State = dict[str, Any]


class Undoable:
    """Marks a model whose changes are noted and can be taken back."""

    __tablename__: str
    id: Mapped[UUID]


class Act(AppBase):
    """One thing that was done for a user. `name`: the tool; `source`: web, whatsapp, terminal …; `program`: the name of
    the access token by which it was done, if any; `args` in brief; `outcome`: "ok", or the code of the refusal."""

    __tablename__ = "acts"
    __table_args__ = (Index("ix_acts_user_id_position", "user_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(16))
    program: Mapped[str | None] = mapped_column(EncryptedText)
    args: Mapped[Any] = mapped_column(EncryptedJSON)
    outcome: Mapped[str] = mapped_column(String(50), default="ok")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Change(AppBase):
    """A record before and after an act, as its columns; `before` is null when the act made it, `after` when it removed
    it."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_act_id", "act_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    act_id: Mapped[UUID] = mapped_column(ForeignKey("acts.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(50))
    record_id: Mapped[UUID] = mapped_column()
    before: Mapped[Any] = mapped_column(EncryptedJSON, nullable=True)
    after: Mapped[Any] = mapped_column(EncryptedJSON, nullable=True)


async def begin(
    session: AsyncSession, user_id: UUID, name: str, source: str, args: Any, *, program: str | None = None
) -> Act:
    """Open an act: what this transaction changes from here on belongs to it. `args` is JSON, kept in brief."""
    act = Act(user_id=user_id, name=name, source=source, program=program, args=_brief(args))
    session.add(act)
    await session.flush()
    session.info[_ACT] = act.id
    return act


async def acts(session: AsyncSession, user_id: UUID, limit: int = 100) -> list[tuple[Act, list[Change]]]:
    """The user's last `limit` acts with the first things that each changed, MAX_CHANGES_SHOWN of them; the latest
    first.
    """
    query = select(Act).where(Act.user_id == user_id).order_by(Act.position.desc()).limit(limit)
    found = list((await session.execute(query)).scalars())
    changed: dict[UUID, list[Change]] = {act.id: [] for act in found}
    place = func.row_number().over(partition_by=Change.act_id, order_by=Change.position)
    ranked = select(Change.id, place.label("place")).where(Change.act_id.in_(list(changed))).subquery()
    first = select(Change).join(ranked, ranked.c.id == Change.id).where(ranked.c.place <= MAX_CHANGES_SHOWN)
    for change in (await session.execute(first.order_by(Change.position))).scalars():
        changed[change.act_id].append(change)
    return [(act, changed[act.id]) for act in found]


@dataclass(frozen=True)
class ActFilter:
    """Which acts: those from one source, those of one tool, those that changed something."""

    source: str | None = None
    name: str | None = None
    changed: bool = False


@dataclass(frozen=True)
class Entry:
    """An act with what it changed. `undoable`: `undo_act` may take it back, unless it was changed again since."""

    act: Act
    changes: list[Change]
    undoable: bool


@dataclass(frozen=True)
class Page:
    """The latest first. `next` asks for the page after it; None on the last one."""

    entries: list[Entry]
    next: int | None


async def page(
    session: AsyncSession,
    user_id: UUID,
    *,
    limit: int = 50,
    before: int | None = None,
    wanted: ActFilter | None = None,
) -> Page:
    """The user's acts, up to MAX_ACTS at once, fewer where they changed more than MAX_CHANGED_BYTES; `before` is the
    `next` of the page before, None for the first one.
    """
    wanted = wanted or ActFilter()
    limit = max(1, min(limit, MAX_ACTS))
    query = select(Act).where(Act.user_id == user_id).order_by(Act.position.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(Act.position < before)
    if wanted.source is not None:
        query = query.where(Act.source == wanted.source)
    if wanted.name is not None:
        query = query.where(Act.name == wanted.name)
    if wanted.changed:
        query = query.where(Act.id.in_(select(Change.act_id)))
    found = list((await session.execute(query)).scalars())
    shown = await _fitting(session, found[:limit])
    changed: dict[UUID, list[Change]] = {act.id: [] for act in shown}
    for change in await _changes(session, changed):
        changed[change.act_id].append(change)
    entries = [
        Entry(act, changed[act.id], bool(changed[act.id]) and act.undone_at is None and act.name != UNDO)
        for act in shown
    ]
    return Page(entries, shown[-1].position if len(found) > len(shown) else None)


async def _fitting(session: AsyncSession, found: list[Act]) -> list[Act]:
    """The first of them, at least one."""
    size = func.coalesce(func.octet_length(Change.before), 0) + func.coalesce(func.octet_length(Change.after), 0)
    ids = [act.id for act in found]
    query = select(Change.act_id, func.sum(size)).where(Change.act_id.in_(ids)).group_by(Change.act_id)
    sizes = {act_id: int(size) for act_id, size in await session.execute(query)}
    sums = accumulate(sizes.get(act.id, 0) for act in found)
    return [
        act for place, (act, size) in enumerate(zip(found, sums, strict=True)) if not place or size <= MAX_CHANGED_BYTES
    ]


async def undo(session: AsyncSession, user_id: UUID) -> Act:
    """Take back the user's last act that changed something; the one before it by calling again.

    Raises NotFound when nothing is left, Conflict `changed_since` when something else was done to the same record.
    """
    changed = select(Change.act_id)
    query = (
        select(Act)
        .where(Act.user_id == user_id, Act.undone_at.is_(None), Act.name != UNDO, Act.id.in_(changed))
        .order_by(Act.position.desc())
        .limit(1)
        .with_for_update()
    )
    act = (await session.execute(query)).scalar_one_or_none()
    if act is None:
        raise NotFound("There is nothing left to undo.", code="nothing_to_undo")
    await _undo(session, act)
    return act


async def undo_act(session: AsyncSession, user_id: UUID, act_id: UUID) -> Act:
    """Take back one act, whatever was done after it.

    Raises NotFound `unknown_act`, Conflict (`undone`, `nothing_to_undo`, or `changed_since` as `undo` does).
    """
    act = (
        await session.execute(select(Act).where(Act.user_id == user_id, Act.id == act_id).with_for_update())
    ).scalar_one_or_none()
    if act is None:
        raise NotFound("There is no such act in your history.", code="unknown_act")
    if act.undone_at is not None:
        raise Conflict("This was undone already.", code="undone")
    if act.name == UNDO or not await undoable(session, [act.id]):
        raise Conflict("This changed nothing, so there is nothing to undo.", code="nothing_to_undo")
    await _undo(session, act)
    return act


async def undoable(session: AsyncSession, act_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these acts changed something and were not taken back."""
    query = select(Act.id).where(
        Act.id.in_(list(act_ids)), Act.undone_at.is_(None), Act.name != UNDO, Act.id.in_(select(Change.act_id))
    )
    return set((await session.execute(query)).scalars())


async def _undo(session: AsyncSession, act: Act) -> None:
    for change in (await _changes(session, [act.id]))[::-1]:
        await _take_back(session, change)
        await session.flush()
    act.undone_at = clock.now()
    await notify(session, CHANNEL, str(act.user_id))


async def _changes(session: AsyncSession, act_ids: Iterable[UUID]) -> list[Change]:
    query = select(Change).where(Change.act_id.in_(list(act_ids))).order_by(Change.position)
    return list((await session.execute(query)).scalars())


async def _take_back(session: AsyncSession, change: Change) -> None:
    model = next(mapper.class_ for mapper in AppBase.registry.mappers if mapper.class_.__tablename__ == change.kind)
    record = await session.get(model, change.record_id, with_for_update=True)
    if change.after is None:
        session.add(model(**_restored(model, change.before)))
        return
    if record is None:
        raise Conflict("What that act changed has been removed since, so it can't be undone.", code="changed_since")
    touched = [key for key in change.after if change.before is None or change.before[key] != change.after[key]]
    now = _state(record)
    if any(now[key] != change.after[key] for key in touched):
        raise Conflict("It was changed again since, so undoing would lose that change.", code="changed_since")
    if change.before is None:
        await session.delete(record)
        return
    restored = _restored(model, change.before)
    for key in touched:
        setattr(record, key, restored[key])


def _brief(args: Any) -> Any:
    """As they are, unless they are long: whoever calls may send a megabyte, and be refused."""
    if len(json.dumps(args)) <= MAX_ARGS_CHARS:
        return args
    if isinstance(args, dict):
        return {key[:MAX_ARG_CHARS]: _cut(value) for key, value in islice(args.items(), MOST_ARGS)}
    return _cut(args)


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_ARG_CHARS else f"{text[:MAX_ARG_CHARS]} … [shortened]"


@event.listens_for(Session, "after_flush")
def _note(session: Session, _context: UOWTransaction) -> None:
    act_id = session.info.get(_ACT)
    if act_id is None:
        return
    rows = []
    for record in [*session.new, *session.dirty, *session.deleted]:
        if isinstance(record, Undoable):
            before = None if record in session.new else _state(record, earlier=True)
            after = None if record in session.deleted else _state(record)
            if before != after:
                kind = type(record).__tablename__
                rows.append({"act_id": act_id, "kind": kind, "record_id": record.id, "before": before, "after": after})
    if rows:
        session.connection().execute(insert(Change), rows)  # the session itself is in the middle of its flush


def _state(record: Any, *, earlier: bool = False) -> _State:
    state = inspect(record)
    values = {}
    for column in _told(type(record)):
        value = getattr(record, column.key)
        past = state.attrs[column.key].history.deleted
        value = past[0] if earlier and past else value
        values[column.key] = value.astimezone(UTC) if isinstance(value, datetime) else value
    return dict(to_jsonable_python(values))


def _restored(model: Any, state: _State) -> _State:
    """What the record was made of; a column that is newer than `state` has its default."""
    read: dict[type, Callable[[str], Any]] = {
        Uuid: UUID,
        Date: date.fromisoformat,
        DateTime: datetime.fromisoformat,
    }
    values = {}
    for column in _told(model):
        if column.key not in state:
            continue
        value = state[column.key]
        convert = read.get(type(column.columns[0].type))
        values[column.key] = convert(value) if convert and value is not None else value
    return values


def _told(model: Any) -> list[ColumnProperty[Any]]:
    """A model's attributes, without the blind indexes, which follow from them."""
    return [column for column in inspect(model).column_attrs if not isinstance(column.columns[0].type, BlindIndex)]
