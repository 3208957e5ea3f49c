"""Rules for what is answered to a reminder, or said of listed ones: "try me again at four", "first one at 6pm"."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from exponential.assistant.offline import choosing, pointing
from exponential.assistant.offline.combining import combined
from exponential.assistant.offline.following import CIRCUMSTANCE, moment, put_off
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.snoozing import has_come
from exponential.assistant.offline.steps import Call, Heard, Step

_AGAIN = whole(
    r"(?:(?:not\s+now|later|can['’]?t\s+(?:now|talk|right\s+now)|busy)[\s,;.–-]+)?(?:please\s+|pls\s+|just\s+)*"
    r"(?:try(?:\s+me)?(?=\s+(?:at|in|on|tomorrow|tonight|later)\b)|(?:try|ask|tell|ping|nudge|bug|poke|remind|get)\s+(?:me\s+)?(?:about\s+(?:it|that|this)\s+)?(?:again|later|back)|come\s+back"
    r"(?:\s+(?:to\s+me|again))*|(?:check|get)\s+back(?:\s+(?:with|to)\s+me)?|remind\s+me(?:\s+again)?|again|not\s+(?:now|yet|today),?(?:\s+but)?|later,)"
    r"(?:\s+(?:about|with)\s+(?:it|that|this))?[\s,]+(?:(?:at|in|on|around)\s+)??(?P<when>(?:in\s+|at\s+)?\S.*)"
)
_DONE_AGAIN = whole(
    r"(?:(?:i['’]?m\s+|it['’]?s\s+)?(?:done|did\s+it|finished)(?:\s+(?:it|that|this|for\s+(?:now|today)))?)[\s,;.!–-]+(?:and\s+|but\s+|please\s+|pls\s+|now\s+)*"
    r"(?:(?:do|say|send|ask|tell\s+me|remind\s+me|ping\s+me|repeat|same)\s*(?:it|that|this|of\s+it|about\s+it)?\s*)?(?:again|same\s+again)?\s*"
    r"(?P<when>\S.*)"
)
_AS_TASK = whole(
    r"(?:please\s+|pls\s+|just\s+|rather\s+)*(?:make|turn|change|convert|add|put|save)\s+(?:it|this|that)\s+(?:in)?(?:to|as)?\s*(?:a|my|the)?\s*"
    r"(?:tasks?|to-?do)(?:\s+list)?(?P<tail>(?:[\s,]+.*)?)"
)
_PLACED = whole(
    r"(?:(?:move|push|postpone|shift|change|put|set|bring|delay|reschedule)\s+)?(?P<name>both|all\s+(?:two|three|four)|(?:the\s+)?(?:first|second|third|fourth|fifth|last)(?:\s+(?:one|reminder))?|(?:number\s+|#)\d{1,2}|the\s+[\w\s'’-]{1,30}?(?:\s+one)?)"
    r"[\s,:–-]+(?:(?:to|until|till|on|at|for|is|should\s+be|can\s+wait\s+(?:until|till))\s+)?(?P<when>.+)"
)
_KEEP = whole(
    r"(?:keep|leave)\s+(?P<kept>[^,;.]+?)(?:\s*[,;.]\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+)(?:cancel|delete|remove|drop|stop|turn\s+off)\s+"
    r"(?:the\s+)?other(?:\s+(?:one|reminder|task))?"
)
_CANCEL_ONE = whole(
    r"(?:please\s+|pls\s+)*(?:cancel|delete|remove|stop|drop|turn\s+off)\s+(?P<name>the\s+[\w'’-]+(?:\s+[\w'’-]+){0,3}\s+(?:one|reminder))"
)
_INSTEAD = re.compile(r"[\s,]*\b(?:instead|then|please|pls|rather)\b", re.IGNORECASE)


def reply(heard: Heard) -> list[Step] | None:
    """What is said to a reminder that has come."""
    if heard.last_kind != "reminder" or heard.last is None:
        return None
    last, patterns = heard.last["id"], (_AGAIN, _DONE_AGAIN) if has_come(heard.last, heard.now) else ()
    heard = replace(heard, text=CIRCUMSTANCE.sub(" ", heard.text))
    task = _AS_TASK.fullmatch(heard.text)
    if task is not None:
        return _as_task(task["tail"], heard)
    for pattern in patterns:
        match = pattern.fullmatch(heard.text)
        until = put_off(match["when"], heard) if match is not None else None
        if until is not None:
            return [Call("snooze_reminder", {"reminder": last, "until": until})]
    return None


def placed(heard: Heard) -> list[Step] | None:
    """What is said of one of the reminders that were listed."""
    if heard.listed_kind != "reminder" or not heard.listed:
        return None
    kept = _KEEP.fullmatch(heard.text)
    if kept is not None:
        return _other(kept["kept"], heard)
    gone = _CANCEL_ONE.fullmatch(heard.text)
    named = choosing.each_of(gone["name"], heard, "reminder") if gone is not None else None
    if gone is not None and named is not None and len(named) == 1 and not pointing.is_place(gone["name"]):
        return [Call("cancel_reminder", {"reminder": pointing.named(gone["name"])})]
    match = _PLACED.fullmatch(heard.text)
    if match is None:
        return None
    ids = choosing.counted(match["name"], heard, "reminder") or choosing.each_of(match["name"], heard, "reminder")
    steps: list[Step] = []
    for record in [record for record in heard.listed if record["id"] in (ids or ())]:
        held = datetime.fromisoformat(record["at"]).replace(tzinfo=None) if record.get("at") else None
        until = moment(_INSTEAD.sub("", match["when"]), heard, held, day_stays=False)
        if until is None:
            return None
        steps.append(Call("snooze_reminder", {"reminder": record["id"], "until": until}))
    return steps or None


def _other(kept: str, heard: Heard) -> list[Step] | None:
    """Of two reminders, the one that isn't to be kept."""
    ids = choosing.each_of(kept, heard, "reminder")
    if ids is None or len(ids) != 1 or len(heard.listed) != 2:
        return None
    return [Call("cancel_reminder", {"reminder": record["id"]}) for record in heard.listed if record["id"] not in ids]


def _as_task(tail: str, heard: Heard) -> list[Step] | None:
    words = _INSTEAD.sub("", tail).strip(pointing.EDGES)
    values = combined(words, heard.now) if words else {}
    if values is None or heard.last is None or "delay_days" in values:
        return None
    args: dict[str, Any] = {"title": heard.last.get("text") or heard.last.get("title"), "due": None}
    return [Call("create_task", args | values)]
