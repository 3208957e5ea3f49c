"""How well and how fast Paddy answers: what the offline model understands, latency of its turns, what the agent costs.

    uv run python -m benchmarks.paddy [--turns 200]

It prints one JSON. What is understood is counted on the sets of benchmarks/phrasings, the blind ones first. Latency is
that of whole turns, from storing a message until an open page has its answer, with a real Postgres; CPU time is this
process's, without Postgres. The overhead is measured around a model that answers at once: called directly, by the agent
alone, and in whole turns, one after the other in each round, so that whatever else the machine does hits all of them.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import secrets
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel

from benchmarks import phrasing_sets
from exponential.assistant import chats, conversation
from exponential.assistant.agent import paddy
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.tools.base import Deps
from exponential.assistant.turns.stream import ProgressFeed, ProgressStream
from exponential.auth.users import User
from exponential.core import clock, database, encryption, log
from exponential.core.database import Database
from exponential.core.postgres import embedded
from exponential.core.settings import AppSettings

WARM_UP = 5  # turns that aren't counted
USERS = 8  # they take turns: nobody writes while their last turn's job is still being put away
TURNS_OF_A_USER = 20  # then others go on, so that what is in mind stays of one size
TOOL = "use a tool"  # what the model that answers at once is asked to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200, help="turns to measure, of each kind")
    given = parser.parse_args()
    log.configure("warning", service="benchmark")
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    encryption.use_keys((secrets.token_bytes(32),))
    print(json.dumps(asyncio.run(measure(given.turns)), indent=2))


async def measure(turns: int) -> dict[str, Any]:
    with _postgres() as url:
        await database.prepare_async("app", url)
        db = Database(url)
        try:
            return {
                "machine": {
                    "cpus": os.cpu_count(),
                    "load": round(os.getloadavg()[0], 1),
                    "python": platform.python_version(),
                },
                "accuracy": accuracy(),
                "offline_model_ms": await offline(db, turns),
                "overhead_ms": await overhead(db, turns),
            }
        finally:
            await db.close()


def accuracy() -> dict[str, Any]:
    """For each set of phrasings, in percent, what `phrasing_sets.verdict` says of its messages; the blind sets first,
    which nobody who worked on the table has read. Beside them, how many wrong deletions there were."""
    return {name: _judged(name) for name in (*phrasing_sets.BLIND, *phrasing_sets.SETS)}


def _judged(name: str) -> dict[str, Any]:
    everything = list(phrasing_sets.phrasings(name))
    verdicts = Counter(map(phrasing_sets.verdict, everything))
    done = [(phrasing, phrasing_sets.outcome(phrasing).done) for phrasing in everything]
    return {
        "messages": len(everything),
        **{verdict: round(100 * verdicts[verdict] / len(everything), 1) for verdict in phrasing_sets.VERDICTS},
        "wrong_deletions": sum(phrasing_sets.is_wrong_destruction(*one) for one in done),
    }


async def offline(db: Database, turns: int) -> dict[str, Any]:
    """Of the offline model: the table alone, and whole turns."""
    said = [phrasing for name in phrasing_sets.SETS for phrasing in phrasing_sets.phrasings(name)]
    table = []
    for phrasing in said:
        began = time.perf_counter()
        phrasing_sets.outcome(phrasing)
        table.append(time.perf_counter() - began)
    texts = [phrasing.text for phrasing in said[:: max(1, len(said) // turns)]][:turns]
    async with Runtime(db, AppSettings(_env_file=None, model="")):
        busy = time.process_time()
        whole = await _turns(db, texts)
        busy = (time.process_time() - busy) / (len(texts) + WARM_UP)
    return {"table": _spread(table), "turn": {**_spread(whole), "cpu": round(busy * 1000, 1)}}


async def overhead(db: Database, turns: int) -> dict[str, Any]:
    """Of a model that answers at once: called directly, by the agent alone, and in whole turns without and with a
    tool."""
    model = FunctionModel(_at_once)
    deps = Deps(db, await _user(db), clock.new_id(), 0, "owner", "terminal")
    request: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart("hello")])]
    times: dict[str, list[float]] = {"direct": [], "agent": [], "turn": [], "turn_with_a_tool": []}
    async with Runtime(db, AppSettings(_env_file=None, model=""), model=model), AsyncExitStack() as stack:
        for number in range(turns + WARM_UP):
            if number % (USERS // 2 * TURNS_OF_A_USER) == 0:
                talkers = await _talkers(db, USERS, stack)
            one, other = talkers[number * 2 % USERS], talkers[(number * 2 + 1) % USERS]
            ways: dict[str, Callable[[], Awaitable[object]]] = {
                "direct": lambda: model.request(request, None, ModelRequestParameters()),
                "agent": lambda: paddy.run("hello", deps=deps, model=model),
                "turn": partial(one.ask, "hello"),
                "turn_with_a_tool": partial(other.ask, TOOL),
            }
            for name, way in ways.items():
                began = time.perf_counter()
                await way()
                if number >= WARM_UP:
                    times[name].append(time.perf_counter() - began)
    return {name: _spread(taken) for name, taken in times.items()}


async def _at_once(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    last = messages[-1].parts[-1]
    if isinstance(last, UserPromptPart) and TOOL in str(last.content):
        return ModelResponse([ToolCallPart("list_tasks", {}, tool_call_id=str(clock.new_id()))])
    assert isinstance(last, UserPromptPart | ToolReturnPart)
    return ModelResponse([TextPart("Hello.")])


async def _turns(db: Database, texts: Sequence[str]) -> list[float]:
    taken = []
    async with AsyncExitStack() as stack:
        for number, text in enumerate([*texts[:WARM_UP], *texts]):
            if number % (USERS * TURNS_OF_A_USER) == 0:
                talkers = await _talkers(db, USERS, stack)
            began = time.perf_counter()
            await talkers[number % USERS].ask(text)
            if number >= WARM_UP:
                taken.append(time.perf_counter() - began)
    return taken


class Talker:
    """Somebody with an open page: what they say is stored, and the end of its turn is seen as a page sees it."""

    def __init__(self, db: Database, user: User, page: ProgressStream) -> None:
        self._db = db
        self._user = user
        self._page = page

    async def ask(self, text: str) -> None:
        async with self._db.transaction() as session:  # nobody waits for the rest of what a terminal says
            await conversation.receive(session, Incoming(self._user.id, "terminal", text))
        async for progress in self._page:
            if progress.kind == "end":
                return


async def _talkers(db: Database, count: int, stack: AsyncExitStack) -> list[Talker]:
    talkers, feed = [], ProgressFeed(db)
    for _ in range(count):
        user = await _user(db)
        async with db.transaction() as session:
            chat = await chats.main_chat(session, user.id)
        talkers.append(Talker(db, user, await stack.enter_async_context(feed.follow(chat.id))))
    return talkers


async def _user(db: Database) -> User:
    async with db.transaction() as session:
        user = User(email=f"{secrets.token_hex(8)}@example.org", name="Somebody")
        session.add(user)
    return user


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49] * 1000, 2), "p95": round(cuts[94] * 1000, 2), "count": len(seconds)}


@contextmanager
def _postgres() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="exponential-benchmark-"))
    folder.chmod(0o755)  # its system user must be able to reach it
    server = embedded.start(folder)
    try:
        yield server.url("app")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
