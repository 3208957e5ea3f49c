"""Live updates: one LISTEN connection a process, fanned out to the pages that are open as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any

from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database
from exponential.core.http.event_streams import EventStream

CHANNELS = ("chat", "chats", "workspace")
PING_SECONDS = 15.0  # of silence after which a comment keeps proxies from closing the stream
LIFETIME_SECONDS = 600.0  # then the browser opens a new stream, and is asked again who it is
Topic = tuple[str, str]  # a NOTIFY channel and its payload
Source = Callable[[], Coroutine[Any, Any, None]]  # tells the board of a topic's news that the database doesn't


class LiveUpdates:
    """Tells open pages that something of theirs changed; they then fetch what they show.

    A notice carries no content, so none can be shown to the wrong person, and missed ones do no harm: each stream
    begins with one, and so does each new LISTEN connection.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[Topic, set[_Watcher]] = {}
        self._sources: dict[Topic, asyncio.Task[None]] = {}
        self._closed = False

    async def run(self) -> None:
        """Listen until this is cancelled."""
        async with aclosing(self._database.follow(*CHANNELS)) as notices:
            async for notice in notices:
                if notice is None:
                    self._wake_all()
                else:
                    self.tell(*notice)

    def tell(self, channel: str, payload: str) -> None:
        """A notice (channel, payload) to the pages that are open on this process."""
        for watcher in self._watchers.get((channel, payload), ()):
            watcher.notice((channel, payload))

    def stream(self, channel: str, payload: str, source: Source | None = None) -> EventStream:
        """Server-sent events: `changed` at once and after each notice (channel, payload).

        `source` runs once for all streams of the topic on this process: from the first that opens to the last's end.
        """
        return EventStream(self._events({(channel, payload): "changed"}, source=source))

    def streams(self, events: Mapping[Topic, str], feed: AsyncIterator[bytes] | None = None) -> EventStream:
        """Server-sent events: `events` names what is sent at once and after each notice of a topic; what `feed` yields
        is sent as it is, and `feed` is closed with the stream."""
        return EventStream(self._events(events, feed))

    def close(self) -> None:
        """End all streams, so that the server can stop without waiting for browsers."""
        self._closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for topic, watchers in self._watchers.items():
            for watcher in watchers:
                watcher.notice(topic)

    async def _events(
        self,
        events: Mapping[Topic, str],
        feed: AsyncIterator[bytes] | None = None,
        source: Source | None = None,
    ) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + LIFETIME_SECONDS
        watcher = _Watcher(events)
        for topic in events:
            self._watchers.setdefault(topic, set()).add(watcher)
            if source is not None and topic not in self._sources:
                self._sources[topic] = asyncio.create_task(source())
        over = [asyncio.create_task(watcher.eat(feed))] if feed is not None else []
        try:
            yield b"retry: 1000\n\n"
            while not self._closed and loop.time() < ends:
                try:
                    await asyncio.wait_for(watcher.news.wait(), PING_SECONDS)
                except TimeoutError:
                    yield b": ping\n\n"
                    continue
                for event in watcher.take():
                    if self._closed:
                        return
                    yield event
        finally:
            for topic in events:
                watchers = self._watchers[topic]
                watchers.discard(watcher)
                if not watchers:
                    del self._watchers[topic]
                    if topic in self._sources:
                        over.append(self._sources.pop(topic))
            await cancel_and_wait(*over)


class _Watcher:
    """What one stream has still to send. Begins with every event once."""

    def __init__(self, events: Mapping[Topic, str]) -> None:
        self.news = asyncio.Event()
        self.news.set()
        self._events = events
        self._due = dict.fromkeys(events.values())  # in order, each once
        self._fed: list[bytes] = []

    def notice(self, topic: Topic) -> None:
        self._due[self._events[topic]] = None
        self.news.set()

    async def eat(self, feed: AsyncIterator[bytes]) -> None:
        async for event in feed:
            self._fed.append(event)
            self.news.set()

    def take(self) -> list[bytes]:
        self.news.clear()
        taken = [*self._fed, *(f"event: {name}\ndata:\n\n".encode() for name in self._due)]
        self._fed, self._due = [], {}
        return taken
