"""Whether a question is about action items, and whose: "Bob's", "on Anna's plate", "what is Tom supposed to do"."""

import re

from exponential.assistant.offline.steps import Heard

_ITEMS = r"action\s*(?:items?|points?)"
_NO_DAY = (
    r"(?!(?:today|tomorrow|tonight|week|month|year|everyone|everybody|what|that|it|who|there|my|your|our|\w+day)\b)"
)
_SOMEBODY = rf"{_NO_DAY}(?!(?:i|we|you|they|one|this|these|those|the|people)\b)(?P<owner>[a-z]+)"
_OTHERS = tuple(  # what only somebody else's action items can be meant by
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bwhat(?:['’]?s|\s+is|\s+was|\s+are|\s+were)\s+{_SOMEBODY}\s+(?:supposed|meant|expected|going|due)\s+to\s+(?:do|deliver|handle|take\s+care\s+of)\b",
        rf"\bwhat\s+(?:does|do|did)\s+{_SOMEBODY}\s+(?:still\s+|now\s+)?(?:have|need|has|got)\s+to\s+(?:do|deliver|handle|take\s+care\s+of)\b",
        rf"\bwhat\s+did\s+{_SOMEBODY}\s+(?:promise|commit\s+to|agree\s+to\s+do|sign\s+up\s+for|take\s+on)\b",
        rf"\bwhat\s+(?:has|have)\s+{_SOMEBODY}\s+(?:agreed|promised|committed|offered)\s+to\s+do\b",
        rf"\b(?:does|did|has)\s+{_SOMEBODY}\s+(?:still\s+)?(?:have|got)\s+(?:any|some|open|\s)*(?:{_ITEMS}|(?:any|some)thing\s+(?:left\s+)?to\s+do)\b",
        r"\bdid\s+(?P<owner>[a-z]+)\s+(?:promise|commit\s+to|agree\s+to\s+do|sign\s+up\s+for)\s+(?:anything|something)\b",
        rf"\bon\s+{_NO_DAY}(?P<owner>[a-z]+)['’]s\s+(?:list|plate|side|to-?do(?:\s+list)?)\b",
    )
)
_OWNERS = (
    *_OTHERS,
    re.compile(
        r"\bwhat(?:['’]?s|\s+am|\s+do)\s+(?P<owner>i)\s+(?:still\s+)?(?:supposed|meant|have|need)\s+to\s+do\b", re.I
    ),
    re.compile(rf"\b(?P<owner>my)\s+(?:open\s+)?{_ITEMS}", re.IGNORECASE),
    re.compile(rf"\b(?P<owner>[A-Za-z]+)['’]s\s+(?:open\s+|remaining\s+)?{_ITEMS}", re.IGNORECASE),
    re.compile(
        r"\b(?i:action\s*(?:items?|points?)|follow-?ups?|to-?dos)\s+(?:for|of|does|assigned\s+to)\s+(?P<owner>me|[A-Z][a-z]+)\b"
    ),
    re.compile(rf"\b{_ITEMS}\s+do(?:es)?\s+(?P<owner>i|[A-Za-z]+)\s+(?:still\s+)?have\b", re.IGNORECASE),
)
_ACTIONS = re.compile(
    r"\baction\s*(?:items?|points?)\b|\b(?:to-?dos?|next\s+steps|follow-?ups?|tasks)\s+(?:for\s+\w+\s+)?(?:from|after|out\s+of)\s+(?:the\s+"
    r")?.*\b(?:meeting|call|sync|retro|kick-?off|workshop|standup)\b"
    r"|\b(?:plate|list|open|left|outstanding|remaining)\s+(?:from|after)\s+.*\b(?:meeting|call|sync|retro|kick-?off|workshop|standup)\b"
    r"|\bwhat\s+am\s+i\s+(?:supposed|meant)\s+to\s+do\s+(?:after|from)\b"
    r"|\bwho\s+(?:has|needs|is)\s+to\s+do\s+what\b|\bwhat\s+(?:does|do|did)\s+\w+\s+(?:have|need)\s+to\s+do\s+"
    r"(?:after|from)\b"
    r"|\bwhat(?:['’]?s|\s+is|\s+was|\s+are)\s+\w+\s+supposed\s+to\s+do\b|\bwhat\s+did\s+\w+\s+(?:promise|commit\s+to|agree\s+to\s+do)\b|\bwho\s+is\s+responsible\s+for\s+what|\bwho\s+"
    r"does\s+what\s+(?:after|from)\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"^(?:how\s+many|count|number)\b|\b(?:most|fewest|least|(?:by|per|each|every)\s+(?:owner|person|assignee|people|status))\b",
    re.IGNORECASE,
)
_MINE = re.compile(
    r"(?:and\s+)?(?:what|which)(?:\s+ones)?(?:\s+of\s+(?:those|these|them))?\s+(?:is|are)\s+(?:mine|for\s+me)",
    re.IGNORECASE,
)
_NOBODY = ("the", "meeting", "all", "we", "today", "yesterday", "week", "month")


def asked(text: str) -> bool:
    """Whether it asks who is to do what after a meeting, or what somebody else is to do."""
    return bool(_ACTIONS.search(text)) or any(pattern.search(text) for pattern in _OTHERS)


def counted(text: str) -> bool:
    """Whether it wants numbers, not the items."""
    return _COUNTS.search(text) is not None


def of_those_listed(text: str, heard: Heard) -> bool:
    """ "Which of those are mine?", of action items just listed."""
    return heard.listed_kind == "action_item" and bool(heard.listed) and _MINE.fullmatch(text) is not None


def taken(text: str) -> tuple[str, str | None]:
    """The question without whose they are, and the name; "me" is the user."""
    for pattern in _OWNERS:
        match = pattern.search(text)
        if match is not None and match["owner"].lower() not in _NOBODY and not match["owner"].lower().endswith("day"):
            name = "me" if match["owner"].lower() in ("my", "me", "i") else match["owner"]
            return text[: match.start()] + text[match.end() :], name
    return text, None
