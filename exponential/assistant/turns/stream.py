"""What a running turn says and does while it is made: published by whoever runs it, followed by the open pages.

It travels by NOTIFY, sealed under the key ring, and is kept nowhere: the finished answer is a message like any other.
So a follower treats it as a preview, and reads the conversation when the turn has ended.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal
from uuid import UUID
from weakref import WeakSet

import psycopg

from exponential.core import encryption, log
from exponential.core.database import Database, notify
from exponential.core.errors import ConfigurationError

CHANNEL = "progress"  # NOTIFY channel; payload: the chat's id, a space, and a sealed piece in base64
NOTICE_BYTES = 5_500  # of text in one notice: sealed and in base64 it stays below 7,900; Postgres takes 8,000
WHOLE_EVERY = 10  # every so many notices of a turn repeat its whole text, for those who came late
LISTEN_SECONDS = 5.0  # that entering a ProgressStream waits for its connection
_RETRY_AFTER = 1.0  # seconds between attempts to listen again

_log = log.get(__name__)


@dataclass(frozen=True)
class Progress:
    """One step of a turn.

    `kind` "text": `text` is the whole reply so far, in Markdown. "tool": `text` is the tool's name, and `state` says
    whether it started, is done or failed. "end": `text` is the final reply, `state` done or failed. `sequence` grows
    within a turn, with gaps.
    """

    turn_id: UUID
    sequence: int
    kind: Literal["text", "tool", "end"]
    text: str
    state: Literal["started", "done", "failed", ""] = ""


class ProgressSender:
    """Tells everyone who follows a chat, in any process, how it goes with its turns. Of a growing text, mostly what is
    new is sent."""

    def __init__(self, database: Database, chat_id: UUID) -> None:
        self._database = database
        self._chat_id = chat_id
        self._texts: dict[UUID, tuple[int, bytes]] = {}  # of turns: how often it was sent, and what

    async def publish(self, *progress: Progress) -> None:
        pieces = [piece for one in progress for piece in self._pieces(one)]
        notices = [f"{self._chat_id} {base64.b64encode(encryption.encrypt(piece)).decode()}" for piece in pieces]
        async with self._database.transaction() as session:
            for notice in notices:
                await notify(session, CHANNEL, notice)

    def _pieces(self, progress: Progress) -> Iterator[bytes]:
        """A progress as notices: a header in JSON, a line break, and a piece of the text in UTF-8."""
        whole = progress.text.encode(errors="replace")
        count, before = self._texts.get(progress.turn_id, (0, b""))
        at = 0
        if progress.kind == "text":
            self._texts[progress.turn_id] = count + 1, whole
            if count % WHOLE_EVERY and whole.startswith(before):
                at = len(before)
        header: dict[str, Any] = {
            "turn": str(progress.turn_id),
            "sequence": progress.sequence,
            "kind": progress.kind,
            "state": progress.state,
        }
        for start in range(at, max(len(whole), at + 1), NOTICE_BYTES):
            piece = whole[start : start + NOTICE_BYTES]
            yield (
                json.dumps({**header, "at": start, "more": start + NOTICE_BYTES < len(whole)}).encode() + b"\n" + piece
            )


class ProgressStream(AsyncIterator[Progress]):
    """An endless iterator. Waiting for its next item may be cancelled (`asyncio.wait_for(anext(it), 15)`): nothing is
    lost. Whoever is slower than the model gets the latest text, not each one; tools and ends are all there."""

    def __init__(self, feed: "ProgressFeed", chat_id: UUID) -> None:
        self.chat_id = chat_id
        self._feed = feed
        self._waiting: deque[Progress] = deque()
        self._news = asyncio.Event()
        self._closed = False
        feed.join(self)

    async def __aenter__(self) -> "ProgressStream":
        """Returns when the connection listens, so that what is published from here on is seen."""
        try:
            await asyncio.wait_for(self._feed.listening.wait(), LISTEN_SECONDS)
        except TimeoutError:
            _log.warning("progress_not_listening")
        except asyncio.CancelledError:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> Progress:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """End the iteration, also for whoever waits in it."""
        self._closed = True
        self._feed.leave(self)
        self._news.set()

    def tell(self, progress: Progress) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last and last.kind == progress.kind == "text" and last.turn_id == progress.turn_id:
            self._waiting.pop()
        self._waiting.append(progress)
        self._news.set()


class ProgressFeed:
    """What happens in the chats that somebody of this process follows: one LISTEN connection for all of them."""

    def __init__(self, database: Database) -> None:
        self.listening = asyncio.Event()
        self._database = database
        self._followers: dict[UUID, WeakSet[ProgressStream]] = {}
        self._heard: dict[UUID, _Heard] = {}
        self._task: asyncio.Task[None] | None = None

    def follow(self, chat_id: UUID) -> ProgressStream:
        """What happens in a chat from now on: `async for progress in feed.follow(…)`, inside `async with` if you leave
        early."""
        return ProgressStream(self, chat_id)

    def join(self, follower: ProgressStream) -> None:
        self._followers.setdefault(follower.chat_id, WeakSet()).add(follower)
        heard = self._heard.get(follower.chat_id)
        if heard is not None and heard.latest is not None:
            follower.tell(heard.latest)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, follower: ProgressStream) -> None:
        others = self._followers.get(follower.chat_id)
        if others is not None:
            others.discard(follower)
            if not others:
                del self._followers[follower.chat_id]
                self._heard.pop(follower.chat_id, None)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None
            self.listening.clear()

    async def _run(self) -> None:
        me = asyncio.current_task()
        while self._task is me:  # psycopg may answer a cancellation with an error of its own
            try:
                async with self._database.listen(CHANNEL) as notices:
                    self.listening.set()
                    async for _, payload in notices:
                        self._hear(payload)
            except psycopg.Error as error:
                _log.warning("progress_listen_lost", error=error)
            if self._task is me:
                self.listening.clear()
                self._heard.clear()
            await asyncio.sleep(_RETRY_AFTER)

    def _hear(self, payload: str) -> None:
        name, _, sealed = payload.partition(" ")
        try:
            chat_id = UUID(name)
            followers = self._followers.get(chat_id)
            if not followers:
                return
            plain = encryption.decrypt(base64.b64decode(sealed))
            progress = self._heard.setdefault(chat_id, _Heard()).take(plain)
        except (ConfigurationError, ValueError, KeyError):
            _log.warning("progress_unreadable", meaning="a process with other keys or of another version sent it")
            return
        if progress is not None:
            for follower in list(followers):
                follower.tell(progress)


class _Heard:
    """A chat's notices, put together again. `latest` is the text of the turn that runs, if one does."""

    def __init__(self) -> None:
        self.latest: Progress | None = None
        self._turn: str | None = None
        self._text = b""

    def take(self, notice: bytes) -> Progress | None:
        """The progress that this notice completes; None when more is to come, or something before it was missed."""
        head, _, piece = notice.partition(b"\n")
        header = json.loads(head)
        progress = Progress(UUID(header["turn"]), header["sequence"], header["kind"], "", header["state"])
        if progress.kind == "tool":
            return replace(progress, text=piece.decode())
        if self._turn != header["turn"]:
            self._turn, self._text = header["turn"], b""
        if header["at"] > len(self._text):
            return None
        self._text = self._text[: header["at"]] + piece
        if header["more"]:
            return None
        progress = replace(progress, text=self._text.decode(errors="replace"))
        self.latest = progress if progress.kind == "text" else None
        if progress.kind == "end":
            self._turn, self._text = None, b""
        return progress
