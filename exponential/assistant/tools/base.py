"""What a tool is given (`Deps`) and what it declares beside its function (`ToolSpec`)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_ai import FunctionToolset, Tool
from pydantic_ai.tools import ToolDefinition, ToolFuncContext, ToolParams
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.context import NOTHING, Knowledge
from exponential.assistant.tables import Role
from exponential.auth.users import User
from exponential.core.database import Database
from exponential.core.errors import ExponentialError

Args = dict[str, Any]
Result = dict[str, Any]
_SPEC = "spec"  # in a tool's metadata


@dataclass(frozen=True)
class ToolSpec:
    """What there is to know of a tool besides its function. Paddy, MCP, the ledger, the pages and the offline model
    take it from here.

    `doing` says what Paddy does while it runs, as "Adding a task"; `done`, of one that changes something, what was done
    then, before the record's name: "Added task". One that is `destructive` removes something. `tell(args, result,
    now)` says in Markdown what it came to, where no language model does; `now` is the user's local time. `prepare` is
    called like the tool itself before the transaction of a call opens, and does what takes long and changes nothing,
    such as reading a file; what it returns or refuses, the tool finds in `deps.prepared`. `for_files`: a file that came
    without a word may set it off.
    """

    doing: str
    done: str | None = None
    destructive: bool = False
    tell: Callable[[Args, Result, datetime], str] | None = None
    prepare: Callable[..., Awaitable[Any]] | None = None
    for_files: bool = False

    @property
    def changes(self) -> bool:
        """Whether it does something, rather than look something up."""
        return self.done is not None


def _silent(name: str, state: Literal["started", "done", "failed"]) -> None:
    pass


@dataclass(frozen=True)
class Deps:
    """What Paddy's tools know: whose turn it is and where it came from, and, while a tool runs, its transaction.

    `again_of`: the turn that this one repeats. Without `own_words`, all that came is what others said, and nobody asks
    for anything. `told` hears of each tool that it starts, and how it ends. `outcome` is what `prepare` got.
    """

    database: Database
    user: User
    turn_id: UUID
    run: int
    role: Role
    source: str
    known: Knowledge = NOTHING
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
        """What the tool's `prepare` returned. Raises what it refused."""
        if isinstance(self.outcome, ExponentialError):
            raise self.outcome
        return self.outcome


class Toolset(FunctionToolset[Deps]):
    """The tools of one subject, each a function with its spec."""

    def declare(
        self, spec: ToolSpec
    ) -> Callable[[ToolFuncContext[Deps, ToolParams]], ToolFuncContext[Deps, ToolParams]]:
        """Decorate a tool. Its name, docstring and arguments are what a language model and MCP clients read."""
        return self.tool(metadata={_SPEC: spec})


def spec_of(tool: ToolDefinition | Tool[Deps]) -> ToolSpec:
    """What a tool of ours declares."""
    spec: ToolSpec = (tool.metadata or {})[_SPEC]
    return spec
