"""Tools of other MCP servers, by configuration: Paddy's for the owner, never for guests.

A connection to each is kept for as long as the app runs. A server that is down, hangs or fails costs Paddy its tools,
or a call its result, and never a turn. An outside call is made at most once: what a killed process had begun is not
repeated.
"""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_ai import RunContext
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python

from exponential.assistant.tables import ToolCall
from exponential.assistant.timing import Timing
from exponential.assistant.tools.base import Deps
from exponential.assistant.turns.ledger import done_before, hold
from exponential.core import log
from exponential.core.backoff import Backoff
from exponential.core.errors import ConfigurationError
from exponential.workspace import history

MAX_RESULT_CHARS = 30_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what every provider takes
_INTERRUPTED = {"error": "This was interrupted; whether it was done is not known.", "code": "interrupted"}
_log = log.get(__name__)


class McpServers:
    """`async with` it for as long as turns may run; `toolsets` are for the owner's turns.

    `path` is a JSON file {"mcpServers": {name: {"command", "args", "env"} or {"url", "headers"}}}; None: no servers.
    Raises ConfigurationError when it can't be read.
    """

    def __init__(self, path: Path | None, timing: Timing | None = None) -> None:
        self._links = _read(path, timing or Timing()) if path is not None else []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def toolsets(self) -> Sequence[AbstractToolset[Deps]]:
        return self._links

    async def __aenter__(self) -> "McpServers":
        self._tasks = [asyncio.create_task(link.keep(), name=f"mcp {link.name}") for link in self._links]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass
class _State:
    """Of one connection."""

    up: bool = False
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class ServerToolset(WrapperToolset[Deps]):
    """One server's tools, under its name. `taken` are names that its tools may not have."""

    name: str
    taken: frozenset[str]
    timing: Timing
    state: _State = field(default_factory=_State)

    async def keep(self) -> None:
        """Be connected, and connect again after growing pauses, until cancelled. One task from start to end: what the
        connection rests on wants it so."""
        pauses = Backoff(self.timing.mcp_pause, self.timing.mcp_max_pause)
        while True:
            self.state.broken.clear()
            try:
                async with contextlib.AsyncExitStack() as stack:
                    async with asyncio.timeout(self.timing.mcp_connect):
                        await stack.enter_async_context(self.wrapped)
                    self.state.up = True
                    pauses.reset()
                    self.state.tried.set()
                    _log.info("mcp_server_connected", server=self.name)
                    await self.state.broken.wait()
            except Exception as error:
                _log.warning("mcp_server_away", server=self.name, error=error)
            finally:
                self.state.up = False
                self.state.tried.set()
            await pauses.wait()

    async def __aenter__(self) -> "ServerToolset":
        return self  # `keep` holds the connection, not the turn

    async def __aexit__(self, *args: Any) -> bool | None:
        return None

    async def get_tools(self, ctx: RunContext[Deps]) -> dict[str, ToolsetTool[Deps]]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.state.tried.wait(), self.timing.mcp_first_wait)
        if not self.state.up or ctx.deps.role != "owner":
            return {}
        try:
            async with asyncio.timeout(self.timing.mcp_list):
                found = await super().get_tools(ctx)
        except Exception as error:
            self._lost(error)
            return {}
        return {name: tool for name, tool in found.items() if _TOOL.fullmatch(name) and name not in self.taken}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Deps], tool: ToolsetTool[Deps]
    ) -> Any:
        known = await self._begin(name, tool_args, ctx)
        if known is not None:
            return known.result
        ctx.deps.told(name, "started")
        try:
            async with asyncio.timeout(self.timing.mcp_call):
                plain = _plain(await super().call_tool(name, tool_args, ctx, tool))
                result = plain if isinstance(plain, dict) else {"result": plain}
        except TimeoutError:
            within = f"{self.timing.mcp_call:g} seconds"
            result = {"error": f"{self.name} didn't answer within {within}.", "code": "tool_timeout"}
        except Exception as error:
            if type(error).__name__ == "ToolError":  # of fastmcp, which is loaded only where there are servers
                result = {"error": str(error)[:1000], "code": "tool_refused"}
            else:
                self._lost(error)
                result = {"error": f"{self.name} can't be reached or failed.", "code": "tool_failed"}
        failed = isinstance(result, dict) and "error" in result and "code" in result
        ctx.deps.told(name, "failed" if failed else "done")
        await self._end(result, failed, ctx)
        return result

    async def _begin(self, name: str, args: dict[str, Any], ctx: RunContext[Deps]) -> ToolCall | None:
        """Write down that the call is being made; the entry of an earlier run that made it."""
        assert ctx.tool_call_id is not None
        deps, given = ctx.deps, to_jsonable_python(args)
        async with deps.database.transaction() as session:
            await hold(session, deps.turn_id, deps.run)
            known = await session.get(ToolCall, (deps.turn_id, ctx.tool_call_id))
            known = known or await done_before(session, deps, name, given)
            if known is None:
                act = await history.begin(session, deps.user.id, name, deps.source, given)
                act.outcome = _INTERRUPTED["code"]
                result = {**_INTERRUPTED, "act": str(act.id)}
                entry = {"name": name, "args": given, "result": result}
                session.add(ToolCall(turn_id=deps.turn_id, call_id=ctx.tool_call_id, **entry))
            return known

    async def _end(self, result: Any, failed: bool, ctx: RunContext[Deps]) -> None:
        async with ctx.deps.database.transaction() as session:
            await hold(session, ctx.deps.turn_id, ctx.deps.run)
            entry = await session.get_one(ToolCall, (ctx.deps.turn_id, ctx.tool_call_id))
            act = await session.get_one(history.Act, entry.result["act"])
            entry.result, act.outcome = result, str(result["code"])[:50] if failed else "ok"

    def _lost(self, error: Exception) -> None:
        _log.warning("mcp_server_failed", server=self.name, error=error)
        self.state.up = False
        self.state.broken.set()


class _Server(BaseModel):
    """One entry of the file, as all MCP clients have it; what others put there besides is let be."""

    command: str | None = None
    args: list[str] = []
    env: dict[str, str] | None = None
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] | None = None
    disabled: bool = False

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return _expanded(value)

    @model_validator(mode="after")
    def _has_a_place(self) -> "_Server":
        if (self.command is None) == (self.url is None):
            raise ValueError("a server needs either command or url")
        return self


class _File(BaseModel):
    mcpServers: dict[str, _Server]


def _expanded(value: Any) -> Any:
    """With ${NAME} and ${NAME:-default} replaced from the environment, so that no secret need be in the file."""
    if isinstance(value, dict):
        return {key: _expanded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner) for inner in value]
    return _VARIABLE.sub(_variable, value) if isinstance(value, str) else value


def _variable(match: re.Match[str]) -> str:
    found = os.environ.get(match["name"], match["default"])
    if found is None:
        raise ValueError(f"the environment has no {match['name']}")
    return found


def _read(path: Path, timing: Timing) -> list[ServerToolset]:
    try:
        servers = _File.model_validate_json(path.read_bytes()).mcpServers
    except OSError as error:
        raise ConfigurationError(f"EXPONENTIAL_MCP_SERVERS={path} can't be read ({error.strerror}).") from None
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].removeprefix('Value error, ')}"
        raise ConfigurationError(
            f"EXPONENTIAL_MCP_SERVERS={path} isn't right: {why.removeprefix(': ')}. docs/mcp.md shows how it looks."
        ) from None
    wrong = [name for name in servers if not _NAME.fullmatch(name)]
    if wrong:
        raise ConfigurationError(
            f"EXPONENTIAL_MCP_SERVERS={path} has a server {wrong[0][:50]!r}: up to 32 letters, digits, _ and - make "
            "a name."
        )
    return [_link(name, server, timing) for name, server in servers.items() if not server.disabled]


def _link(name: str, server: _Server, timing: Timing) -> ServerToolset:
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai.mcp import MCPToolset

    log.adopt("fastmcp")
    client: Any = server.url
    if server.command is not None:
        # What such a process says on stderr may hold what people wrote, so it is not kept; nor are its log messages.
        client = StdioTransport(
            server.command, server.args, server.env, server.cwd, keep_alive=False, log_file=Path(os.devnull)
        )
    toolset = MCPToolset[Deps](
        client,
        id=name,
        headers=server.headers,
        tool_error_behavior="error",
        init_timeout=timing.mcp_connect,
        read_timeout=timing.mcp_call,
        log_handler=_unheard,
    )
    return ServerToolset(toolset.prefixed(name), name, _own_names(), timing)


async def _unheard(_message: object) -> None:
    pass


def _own_names() -> frozenset[str]:
    from exponential.assistant import tools

    parts = [*tools.OWNER.toolsets, tools.GUEST]
    return frozenset(name for part in parts for name in getattr(part, "tools", {}))


def _plain(result: Any) -> Any:
    """As JSON; what is long is cut, and files are only named."""
    if isinstance(result, list):
        return [_plain(item) for item in result]
    if hasattr(result, "media_type"):
        return f"[a file of type {result.media_type}]"
    plain = to_jsonable_python(getattr(result, "return_value", result), fallback=str)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return plain if len(text) <= MAX_RESULT_CHARS else f"{text[:MAX_RESULT_CHARS]} … [shortened]"
