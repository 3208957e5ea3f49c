"""The ledger around Paddy's tools: effect and entry commit together, so a turn that runs again does nothing twice."""

from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from pydantic_ai import RunContext
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.tables import ToolCall, Turn
from exponential.assistant.tools.base import Deps, ToolSpec, spec_of
from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import history
from exponential.workspace.history import Act


class Superseded(Exception):
    """Another process took this turn over. Whoever still runs it must stop quietly."""


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
        spec = spec_of(tool.tool_def)
        if spec.prepare is not None:
            async with database.transaction() as session:
                known = await _known(session, ctx, name, spec, given)
            if known is not None:
                return known.result
            ctx = await prepare(ctx, tool, tool_args)
        async with database.transaction() as session:
            known = await _known(session, ctx, name, spec, given)
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
    """Do what takes long before the transaction of a call opens, as the tool's spec says: it would hold one of the
    database's few connections meanwhile."""
    first = spec_of(tool.tool_def).prepare
    if first is None:
        return ctx
    try:
        outcome = await first(ctx, **args)
    except (BadInput, NotFound, Conflict) as refusal:
        outcome = refusal
    return replace(ctx, deps=replace(ctx.deps, outcome=outcome))


async def _known(session: AsyncSession, ctx: RunContext[Deps], name: str, spec: ToolSpec, args: Any) -> ToolCall | None:
    """The entry of this very call, or a new one of the same call of an earlier try, if it changed something: what only
    looks something up is asked anew. Raises Superseded."""
    assert ctx.tool_call_id is not None
    await hold(session, ctx.deps.turn_id, ctx.deps.run)
    entry = await session.get(ToolCall, (ctx.deps.turn_id, ctx.tool_call_id))
    if entry is None and spec.changes and (done := await done_before(session, ctx.deps, name, args)) is not None:
        entry = _entry(ctx, name, args, done.result, done.act_id)
        session.add(entry)
    return entry


def _entry(ctx: RunContext[Deps], name: str, args: Any, result: Any, act_id: UUID | None) -> ToolCall:
    return ToolCall(
        turn_id=ctx.deps.turn_id, call_id=ctx.tool_call_id, name=name, args=args, result=result, act_id=act_id
    )


async def done_before(session: AsyncSession, deps: Deps, name: str, args: Any) -> ToolCall | None:
    """The same call of an earlier try at the same question: that was wanted once."""
    if deps.again_of is None:
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
