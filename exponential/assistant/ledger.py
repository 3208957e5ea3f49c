"""The ledger around Paddy's tools: effect and entry commit together, so a turn that runs again does nothing twice."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic_ai import RunContext
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.records import Role, ToolCall, Turn
from exponential.auth.users import User
from exponential.database import Database
from exponential.errors import BadInput, Conflict, NotFound


class Superseded(Exception):
    """This turn was finished elsewhere, by a process that took it over. Whoever still runs it must stop quietly."""


@dataclass(frozen=True)
class Deps:
    """What Paddy's tools know: whose turn it is, and, while a tool runs, its transaction."""

    database: Database
    user: User
    turn_id: UUID
    role: Role
    open_session: AsyncSession | None = None

    @property
    def session(self) -> AsyncSession:
        assert self.open_session is not None, "only a tool called through the ledger has a session"
        return self.open_session


@dataclass
class LedgerToolset(WrapperToolset[Deps]):
    """Calls each tool once in the life of a turn. A refusal (BadInput, NotFound, Conflict) is a result like any other:
    {"error": sentence, "code": code}."""

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Deps], tool: ToolsetTool[Deps]
    ) -> Any:
        assert ctx.tool_call_id is not None
        async with ctx.deps.database.transaction() as session:
            await hold(session, ctx.deps.turn_id)
            entry = await session.get(ToolCall, (ctx.deps.turn_id, ctx.tool_call_id))
            if entry is not None:
                return entry.result
            try:
                async with session.begin_nested():
                    inside = replace(ctx, deps=replace(ctx.deps, open_session=session))
                    result = to_jsonable_python(await super().call_tool(name, tool_args, inside, tool))
            except (BadInput, NotFound, Conflict) as refusal:
                result = refusal.as_json()
            session.add(
                ToolCall(
                    turn_id=ctx.deps.turn_id,
                    call_id=ctx.tool_call_id,
                    name=name,
                    args=to_jsonable_python(tool_args),
                    result=result,
                )
            )
            return result


async def hold(session: AsyncSession, turn_id: UUID) -> Turn:
    """Lock a running turn until this transaction ends. Raises Superseded when it runs no longer."""
    query = select(Turn).where(Turn.id == turn_id, Turn.state == "running").with_for_update(key_share=True)
    turn = (await session.execute(query)).scalar_one_or_none()
    if turn is None:
        raise Superseded
    return turn


async def entries(session: AsyncSession, turn_id: UUID) -> list[ToolCall]:
    """What the tools of a turn have done, in order."""
    query = select(ToolCall).where(ToolCall.turn_id == turn_id).order_by(ToolCall.position)
    return list((await session.execute(query)).scalars())
