"""Tasks made of the action items that were listed: "make the first one a task", "all but the venue into my tasks"."""

import re
from datetime import datetime
from typing import Any

from exponential.assistant.offline import choosing, details, pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.workspace.text import dates

WHICH = "Which of the action items? Say *the second one*, or *all*."


_MAKE_TASKS = whole(
    r"(?:turn|make|convert|add|create|put|save)\b(?P<which>.*?)\b(?:(?:in)?to|as|on|of|for)?\s*(?:(?:an?|my|the)\s+"
    r")*(?:(?:to-?do|task)\s+list|tasks?|list|to-?dos?)(?P<tail>\s+(?:of|from|for|out\s+of)\s+.+)?"
)


_TASKS_FOR = whole(
    r"(?:(?:make|create|add)\s+(?:a\s+)?(?:new\s+)?tasks?|(?P<bare>(?:a\s+)?task))\s+(?:for|of|from|out\s+of)(?P<which>\s+.+)(?P<tail>)"
)


_AS_TASK = whole(
    r"(?:(?:add|take|put|save|give\s+me|make|i\s+(?:want|need|would\s+like)|i['’]d\s+like)\s+)?(?P<which>.+?)\s+(?:as\s+(?:a\s+)?tasks?|(?:on|to|onto|into)\s+(?:my|the)\s+(?:(?:to-?do|task)\s+list|tasks|list|to-?dos?))(?P<tail>)"
)
_FILED = whole(r"(?:(?:put|file|add|move|take)\s+)?(?P<which>.+?)(?P<tail>)")  # "put 2 and 3 into Garden"
_MINE = whole(
    r"(?:take|i\s?(?:['’]?ll|\s+will|\s+can)\s+(?:take|do|handle|own)|(?:i['’]?m|i\s+am)\s+(?:taking|doing)|give\s+me|assign\s+me|put\s+me\s+down\s+for)\s+"
    r"(?P<which>.+?)(?:\s+(?:on|myself))?(?P<tail>)"
)
_TAKES = re.compile(r"(?:add|take)\s", re.IGNORECASE)
_POLITE = re.compile(r"^(?:only|just)\s+|\s+(?:please|pls)\b", re.IGNORECASE)
_FOR_ME = re.compile(r"\s+for\s+(?:me|myself)(?=\s*(?:,|$))", re.IGNORECASE)
_OWN_DATE = re.compile(
    r"[\s,]*\b(?:w(?:ith)?|keep|keeping|including|and|w/)\s*(?:the|its|her|his|their|that|same|\w+['’]?s)?\s*(?:own\s+|same\s+)?"
    r"(?:deadline|due\s+date|date)s?\b",
    re.IGNORECASE,
)
_LINKS = re.compile(
    r"(?:[\s,;–-]+(?:but|and|with|due|by|for|in|to|til|till|until|on|also|please|pls|it['’]?s|as))*[\s,.;!–-]*$", re.I
)
_TO_PROJECT = re.compile(
    r"[\s,]+(?:in|into|to|under|for|on)\s+(?:the\s+)?(?:project\s+)?(?P<name>(?-i:[A-Z])[\w&'’-]*(?:\s+(?-i:[A-Z])[\w&'’-]*)*)(?:\s+project)?"
    r"(?=\s*(?:,|$)|\s+(?:and|due|by|with|as)\b)",
    re.IGNORECASE,
)
_NOT_THAT = whole(  # "not the venue, Bob does that himself. the other two as tasks"
    r"(?:not|without|skip|leave\s+out|leave|forget|except(?:\s+for)?|ignore)\s+(?P<out>[^,.;]+)[,.;].*?\b(?:the\s+)?(?:other(?:\s+(?P<count>two|three|2|3))?(?:\s+ones?|\s+items?)?s?"
    r"|rest|others|remaining(?:\s+(?P<count2>two|three|2|3))?(?:\s+ones?|\s+items?)?)\b(?P<tail>.*)"
)


def tasks_of_items(heard: Heard) -> list[Step] | None:
    if heard.listed_kind != "action_item" or not heard.listed:
        return None
    text = _all_but(heard.text, heard)
    bare, values = _without_values(_POLITE.sub("", text), heard.now)
    filed = _FILED.fullmatch(bare) if values.get("project") or _TAKES.match(bare) else None
    match = _TASKS_FOR.fullmatch(bare) or _MAKE_TASKS.fullmatch(bare) or _AS_TASK.fullmatch(bare)
    match = match or _MINE.fullmatch(bare) or filed
    if match is None:
        return None
    words = " ".join(f"{match['which']} {match['tail'] or ''}".split())
    words = re.sub(r"^(?:of|from)\s+|\s+(?:of|from|in|to|into|as)$|^(?:a\s+)?(?:tasks?)\s+", "", words).strip()
    words = re.sub(r"^(?:of|from|out\s+of)\s+", "", words)
    ids = choosing.counted(words, heard, "action_item") or choosing.each_of(words, heard, "action_item")
    if ids is None and (match is filed or match.groupdict().get("bare") or _MINE.fullmatch(bare)):
        return None
    if ids is not None:
        chosen = [item for place in ids for item in heard.listed if item["id"] == place]
    elif pointing.is_all(words) or re.fullmatch(r"(?:(?:all|them|these|those|the|of|it|action\s+items?)\s*)+|", words):
        chosen = list(heard.listed)
    else:
        try:
            ids = pointing.targets(words, heard, "action_item", WHICH)
        except pointing.Unclear as unclear:
            return [Say(str(unclear))]
        chosen = [item for place in ids for item in heard.listed if item["id"] == place]
    if not chosen:
        return None
    return [
        Call("create_task", {"title": item["text"], "due": item["due"], "action_item": item["id"]} | values)
        for item in chosen
    ]


def _all_but(text: str, heard: Heard) -> str:
    """ "not the venue, … the other two as tasks" → "all but the venue as tasks"."""
    match = _NOT_THAT.fullmatch(text)
    ids = choosing.each_of(match["out"], heard, "action_item") if match is not None else None
    if match is None or ids is None:
        return text
    count = (match["count"] or match["count2"] or "").lower()
    left = len(heard.listed) - len(ids)
    return (
        f"all but {match['out']} {match['tail'].strip() or 'as tasks'}"
        if count in ("", str(left), {2: "two", 3: "three"}.get(left))
        else text
    )


def _without_values(text: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """The request without the day, priority and project that the tasks get."""
    text, priority = details.take_priority(_OWN_DATE.sub("", _FOR_ME.sub("", text)))
    text, project = details.take_project(text)
    named = _TO_PROJECT.search(text) if project is None else None
    if named is not None and dates.extract(f"on {named['name']}", now)[1] is None:
        text, project = f"{text[: named.start()]}{text[named.end() :]}", named["name"]
    text, due = dates.extract(re.sub(r"\btil\b", "until", text), now)
    values: dict[str, Any] = {"due": due.isoformat()} if due is not None else {}
    values |= {"priority": priority} if priority else {}
    return _LINKS.sub("", text), values | ({"project": project} if project else {})
