"""The Markdown in which a reply is written, once for all channels, and cutting what is too long for one message."""

import re

from markdown_it import MarkdownIt

FENCE = "```"
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["strikethrough", "table"])
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s")


def chunks(text: str, limit: int) -> list[str]:
    """Cut `text` at paragraphs, lines, sentences or words, in this order of preference; code fences are mended."""
    parts: list[str] = []
    rest = text
    while len(rest) > limit:
        room = limit - len(FENCE) - 1  # a fence may have to be closed
        cut = _cut(rest, room)
        part, rest = rest[:cut].rstrip(), rest[cut:].lstrip("\n")
        if part.count(FENCE) % 2:
            part, rest = f"{part}\n{FENCE}", f"{FENCE}\n{rest}"
        else:
            rest = rest.lstrip()
        parts.append(part)
    return [*parts, rest] if rest else parts


def _cut(text: str, room: int) -> int:
    window = text[:room]
    least = room // 2  # a chunk is not left half empty for the sake of a good end
    for end in (window.rfind("\n\n"), window.rfind("\n")):
        if end > least:
            return end
    sentences = [match.start() for match in _SENTENCE_END.finditer(window, least)]
    if sentences:
        return sentences[-1]
    end = window.rfind(" ")
    return end if end > least else room
