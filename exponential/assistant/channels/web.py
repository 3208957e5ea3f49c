"""The web page, which follows the conversation by itself: a reply is shown as sanitised HTML."""

from functools import lru_cache

import nh3

from exponential.assistant.channels.base import Channel
from exponential.assistant.channels.markdown import MARKDOWN

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


class Web(Channel):
    name = "web"
    label = "Web"
    icon = "web"

    def render(self, markdown: str) -> list[str]:
        return [to_html(markdown)]


@lru_cache(maxsize=1_000)  # a page shows the same answers again whenever something is added
def to_html(markdown: str) -> str:
    """Safe HTML for the web: raw HTML shows as text, links open elsewhere and go to http(s) or mail only."""
    return nh3.clean(
        MARKDOWN.render(markdown),
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
    )
