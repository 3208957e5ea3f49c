"""A reply is written once, as Markdown, and rendered per channel: WhatsApp's own marks in chunks, or sanitised HTML."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

PREFIX = "🤖 *Paddy:* "  # stands out in "Message yourself", where both sides write from one account
MAX_CHUNK_CHARS = 4_000  # WhatsApp takes 4,096, and some of them may count twice there

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["strikethrough", "table"])
_MARKS = {"strong": "*", "em": "_", "s": "~"}
_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_FENCE = "```"
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s")


@lru_cache(maxsize=1_000)  # a page shows the same answers again whenever something is added
def to_html(markdown: str) -> str:
    """Safe HTML for the web: raw HTML shows as text, links open elsewhere and go to http(s) or mail only."""
    return nh3.clean(
        _markdown.render(markdown),
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
    )


def to_whatsapp(markdown: str, prefix: str = PREFIX) -> list[str]:
    """The reply in WhatsApp's formatting, `prefix` first, cut into chunks of at most MAX_CHUNK_CHARS characters."""
    return chunks(prefix + _blocks(SyntaxTreeNode(_markdown.parse(markdown))))


def chunks(text: str, limit: int = MAX_CHUNK_CHARS) -> list[str]:
    """Cut `text` at paragraphs, lines, sentences or words, in this order of preference; code fences are mended."""
    parts: list[str] = []
    rest = text
    while len(rest) > limit:
        room = limit - len(_FENCE) - 1  # a fence may have to be closed
        cut = _cut(rest, room)
        part, rest = rest[:cut].rstrip(), rest[cut:].lstrip("\n")
        if part.count(_FENCE) % 2:
            part, rest = f"{part}\n{_FENCE}", f"{_FENCE}\n{rest}"
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


def _block(node: SyntaxTreeNode) -> str:
    """One block of Markdown as WhatsApp text, without blank lines around it."""
    kind = node.type
    if kind in ("bullet_list", "ordered_list"):
        return _list(node)
    if kind == "heading":
        return f"*{_inline(node).replace('*', '')}*"
    if kind in ("paragraph", "th", "td"):
        return _inline(node)
    if kind in ("fence", "code_block"):
        return f"{_FENCE}\n{node.content.rstrip()}\n{_FENCE}"
    if kind == "blockquote":
        return "\n".join(f"> {line}" for line in _blocks(node).split("\n"))
    if kind == "table":
        rows = [row for part in node.children for row in part.children]
        return "\n".join(" · ".join(_block(cell) for cell in row.children) for row in rows)
    return "———" if kind == "hr" else _blocks(node)


def _blocks(node: SyntaxTreeNode) -> str:
    return "\n\n".join(_block(child) for child in node.children)


def _list(node: SyntaxTreeNode) -> str:
    items = []
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start=first):
        marker = f"{number}. " if node.type == "ordered_list" else "- "
        body = "\n".join(_block(child) for child in item.children)
        items.append(marker + body.replace("\n", "\n" + " " * len(marker)))
    return "\n".join(items)


def _inline(node: SyntaxTreeNode) -> str:
    kind = node.type
    if kind in ("text", "html_inline"):
        return node.content
    if kind in ("softbreak", "hardbreak"):
        return "\n"
    if kind == "code_inline":
        return f"`{node.content}`"
    inner = "".join(_inline(child) for child in node.children)
    if kind in _MARKS and inner.strip():
        return f"{_MARKS[kind]}{inner.strip()}{_MARKS[kind]}"
    if kind == "image":
        return f"{node.content} ({node.attrs['src']})".lstrip()
    if kind == "link":
        address = str(node.attrs["href"])
        return inner if inner in (address, address.removeprefix("mailto:")) else f"{inner} ({address})"
    return inner
