"""The wire log: every stanza that went over a connection, kept, awaited, and printed so that people can read it.

Nothing here needs hiding: accounts, keys and texts are simulated.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from exponential.protocol.binary import Node

MAX_STANZAS = 5000
_NAMED = {'"': "&quot;", "<": "&lt;", ">": "&gt;"}
PRINTED_BYTES = 24  # longer binary content is cut
Direction = Literal["in", "out"]


class WireEntry(NamedTuple):
    """A stanza on the wire. `direction` is the server's view: `in` is from a client. `at` is Unix time."""

    at: float
    direction: Direction
    device: str
    stanza: Node


class WireLog:
    """The newest MAX_STANZAS stanzas, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[WireEntry] = deque(maxlen=MAX_STANZAS)
        self._begun = time.time()
        self._waiting: set[asyncio.Event] = set()

    def __iter__(self) -> Iterator[WireEntry]:
        return iter(self._entries)

    def add(self, direction: Direction, device: str, stanza: Node) -> None:
        self._entries.append(WireEntry(time.time(), direction, device, stanza))
        for event in self._waiting:
            event.set()

    def stanzas(self, direction: Direction, tag: str) -> list[Node]:
        """What was logged, oldest first."""
        return [entry.stanza for entry in self._entries if entry.direction == direction and entry.stanza.tag == tag]

    async def until(
        self, direction: Direction, tag: str, matches: Callable[[Node], bool] = lambda _: True, *, timeout: float = 15
    ) -> Node:
        """The first stanza with `tag` that `matches`, already logged or within `timeout` s. Raises TimeoutError."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for stanza in self.stanzas(direction, tag):
                        if matches(stanza):
                            return stanza
                    await news.wait()
                    news.clear()
        finally:
            self._waiting.discard(news)

    def text(self, last: int = 200) -> str:
        """The `last` stanzas as lines: seconds since the start, direction seen from the client, device, stanza."""
        shown = list(self._entries)[-last:]
        lines = [f"… {len(self._entries) - len(shown)} earlier"] if len(shown) < len(self._entries) else []
        for at, direction, device, stanza in shown:
            arrow = "→ server" if direction == "in" else "← server"
            lines.append(f"{at - self._begun:9.3f} {device} {arrow}")
            lines.extend(f"            {line}" for line in readable(stanza).splitlines())
        return "\n".join(lines)


def readable(node: Node, indent: str = "") -> str:
    """A stanza as indented XML for people; content that is not text is told by size and its first bytes in hex."""
    attrs = "".join(f' {name}="{_visible(str(value))}"' for name, value in node.attrs.items() if value != "")
    opening = f"{indent}<{node.tag}{attrs}"
    if node.content is None:
        return f"{opening}/>"
    if isinstance(node.content, list):
        inner = "\n".join(readable(child, f"{indent}  ") for child in node.content)
        return f"{opening}>\n{inner}\n{indent}</{node.tag}>"
    return f"{opening}>{_content(node.content)}</{node.tag}>"


def _content(content: str | bytes) -> str:
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        return _visible(text)
    data = content.encode() if isinstance(content, str) else content
    return f"[{len(data)} bytes: {data[:PRINTED_BYTES].hex()}{'…' if len(data) > PRINTED_BYTES else ''}]"


def _visible(text: str) -> str:
    """Quotes, control characters and marks that turn text around are escaped: a hostile name can't forge a line."""
    return "".join(_NAMED.get(c) or (c if c.isprintable() else ascii(c)[1:-1]) for c in text)
