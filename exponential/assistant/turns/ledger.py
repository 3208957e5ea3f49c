"""The ledger around Paddy's tools: effect and entry commit together, so a turn that runs again does nothing twice."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from pydantic_ai import RunContext
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.tables import Channel, Role, ToolCall, Turn
from exponential.auth.users import User
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict, ExponentialError, NotFound
from exponential.workspace import history
from exponential.workspace.history import Act

# Tools that change nothing: they are asked anew where the others' results are taken from an earlier try.
READING = frozenset(
    "list_tasks list_projects project_status list_meetings meeting_summary action_items search_meetings query "
    "list_reminders recall".split()
)


BEFORE = "before"  # in a tool's metadata: the function that `prepare` calls


def _silent(name: str, state: Literal["started", "done", "failed"]) -> None:
    pass


class Superseded(Exception):
    """Another process took this turn over. Whoever still runs it must stop quietly."""


@dataclass(frozen=True)
class Deps:
    """What Paddy's tools know: whose turn it is and where it came from, and, while a tool runs, its transaction.

    `summary`, `facts`, `projects` (names) and `tasks` (titles) are what Paddy has in mind of what came before.
    `again_of`: the turn that this one repeats. Without `own_words`, all that came is what others said, and nobody asks
    for anything. `told` hears of each tool that it starts, and how it ends. `outcome` is what `prepare` got.
    """

    database: Database
    user: User
    turn_id: UUID
    run: int
    role: Role
    source: Channel
    summary: str | None = None
    facts: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    again_of: UUID | None = None
    own_words: bool = True
    told: Callable[[str, Literal["started", "done", "failed"]], None] = _silent
    open_session: AsyncSession | None = None
    outcome: Any = None

    @property
    def session(self) -> AsyncSession:
        assert self.open_session is not None, "only a tool called through the ledger has a session"
        return self.open_session

    @property
    def prepared(self) -> Any:
        """What the tool's `before` returned. Raises what it refused."""
        if isinstance(self.outcome, ExponentialError):
            raise self.outcome
        return self.outcome


@dataclass
class LedgerToolset(WrapperToolset[Deps]):
    """Calls each tool once in the life of a turn. A refusal (BadInput, NotFound, Conflict) is a result like any other:
    {"error": sentence, "code": code}."""

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Deps], tool: ToolsetTool[Deps]
    ) -> Any:
        ctx.deps.told(name, "started")
        state: Literal["done", "failed"] = "failed"
        try:
            result = await self._once(name, tool_args, ctx, tool)
            state = "failed" if isinstance(result, dict) and "error" in result else "done"
            return result
        finally:
            ctx.deps.told(name, state)

    async def _once(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Deps], tool: ToolsetTool[Deps]) -> Any:
        given = to_jsonable_python({key: value for key, value in tool_args.items() if value is not None})
        database = ctx.deps.database
        if _before(tool) is not None:
            async with database.transaction() as session:
                known = await _known(session, ctx, name, given)
            if known is not None:
                return known.result
            ctx = await prepare(ctx, tool, tool_args)
        async with database.transaction() as session:
            known = await _known(session, ctx, name, given)
            if known is not None:
                return known.result
            act = await history.begin(session, ctx.deps.user.id, name, ctx.deps.source, given)
            try:
                async with session.begin_nested():
                    inside = replace(ctx, deps=replace(ctx.deps, open_session=session))
                    result = to_jsonable_python(await super().call_tool(name, tool_args, inside, tool))
            except (BadInput, NotFound, Conflict) as refusal:
                result, act.outcome = refusal.as_json(), refusal.code
            session.add(_entry(ctx, name, given, result, act.id))
            return result


async def prepare(ctx: RunContext[Deps], tool: ToolsetTool[Deps], args: dict[str, Any]) -> RunContext[Deps]:
    """Do what takes long and changes nothing, such as reading a file, before the transaction of a call opens: it would
    hold one of the database's few connections meanwhile.

    A tool declares it as `metadata={BEFORE: function}`; that is called like the tool itself, and what it returns or
    refuses, the tool finds in `deps.prepared`.
    """
    before = _before(tool)
    if before is None:
        return ctx
    try:
        outcome = await before(ctx, **args)
    except (BadInput, NotFound, Conflict) as refusal:
        outcome = refusal
    return replace(ctx, deps=replace(ctx.deps, outcome=outcome))


def _before(tool: ToolsetTool[Deps]) -> Callable[..., Awaitable[Any]] | None:
    return (tool.tool_def.metadata or {}).get(BEFORE)


async def _known(session: AsyncSession, ctx: RunContext[Deps], name: str, args: Any) -> ToolCall | None:
    """The entry of this very call, or a new one of the same call of an earlier try. Raises Superseded."""
    assert ctx.tool_call_id is not None
    await hold(session, ctx.deps.turn_id, ctx.deps.run)
    entry = await session.get(ToolCall, (ctx.deps.turn_id, ctx.tool_call_id))
    if entry is None and (done := await done_before(session, ctx.deps, name, args)) is not None:
        entry = _entry(ctx, name, args, done.result, done.act_id)
        session.add(entry)
    return entry


def _entry(ctx: RunContext[Deps], name: str, args: Any, result: Any, act_id: UUID | None) -> ToolCall:
    return ToolCall(
        turn_id=ctx.deps.turn_id, call_id=ctx.tool_call_id, name=name, args=args, result=result, act_id=act_id
    )


async def done_before(session: AsyncSession, deps: Deps, name: str, args: Any) -> ToolCall | None:
    """The same call of an earlier try at the same question, if it changed something: that was wanted once."""
    if deps.again_of is None or name in READING:
        return None
    tries = (Turn.id == deps.again_of) | (Turn.again_of == deps.again_of)
    query = select(ToolCall).join(Turn, Turn.id == ToolCall.turn_id).where(tries, Turn.id != deps.turn_id)
    earlier = (await session.execute(query.where(ToolCall.name == name).order_by(ToolCall.created_at.desc()))).scalars()
    call = next((call for call in earlier if call.args == args and "error" not in call.result), None)
    if call is None:
        return None
    act = select(Act.undone_at).where(Act.user_id == deps.user.id, Act.name == name, Act.created_at <= call.created_at)
    undone_at = (await session.execute(act.order_by(Act.position.desc()).limit(1))).scalar_one_or_none()
    return call if undone_at is None else None


async def hold(session: AsyncSession, turn_id: UUID, run: int) -> Turn:
    """Lock a running turn until this transaction ends. Raises Superseded when `run` isn't its latest run any more."""
    query = select(Turn).where(Turn.id == turn_id, Turn.state == "running", Turn.runs == run)
    turn = (await session.execute(query.with_for_update(key_share=True))).scalar_one_or_none()
    if turn is None:
        raise Superseded
    return turn


async def entries(session: AsyncSession, turn_id: UUID) -> list[ToolCall]:
    """What the tools of a turn have done, in order."""
    query = select(ToolCall).where(ToolCall.turn_id == turn_id).order_by(ToolCall.position)
    return list((await session.execute(query)).scalars())
