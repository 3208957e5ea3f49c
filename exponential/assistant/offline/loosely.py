"""Questions read by their words alone, when no rule fits: what they are about, and what limits them.

Nothing that changes a record is ever read from here.
"""

import re
from typing import Any

from exponential.assistant.offline import comparing, details, narrowing, pointing, ranges
from exponential.assistant.offline.listing import when
from exponential.assistant.offline.meetings import given, held
from exponential.assistant.offline.steps import Call, Heard, Step

_QUESTION = re.compile(
    r"^(?:what|which|who|whom|whose|when|where|why|how|is|are|am|was|were|do|does|did|has|have|any|anything|anyone|show"
    r"|list|give\s+me|tell\s+(?:me|us)|display|see|view|find|search|look|check|read|get|send\s+me|compare|count|break|let\s+me|remind"
    r"\s+me\s+(?:what|who|when|how)|i\s+(?:want|need|would\s+like)\s+(?:to\s+)?(?:see|know)|could\s+i|status|summary|overview)\b"
    r"|\?\s*$",
    re.IGNORECASE,
)
_STOP = frozenset(
    """a about actually after again ago all also am an and any anybody anyone anything are as ask at be been
    before being between both bring brought but by can come conclude concluded could decide decided decision
    decisions did discuss discussed do does done during each ever every everything find for from get give go
    going got had has have he her him his how i if in into is it its just know last latest let like list
    look made make many me meeting meetings mention mentioned mentions minutes more most much my no not of
    off on one or our out outcome over people please raise raised recall regarding remind said say saying
    says search see she should show so some somebody someone something speak spoke talk talked talking team
    tell than that the their them then there these they thing things think this those to told topic
    transcript transcripts under up us was we were what when where which while who whom whose why reach
    reached made take taken will with would you your choose chose chosen agree agreed settle settled end
    ended was came come conversation conversations call calls""".split()
)
_SAID = re.compile(
    r"\b(?:deci(?:d|sion)\w*|decision|discuss\w*|mention\w*|talk(?:ed|ing)?|sa(?:id|y|ys)|agree[ds]?|agreement|brought\s+up|bring\s+up"
    r"|raised?|spoke|settle[ds]?|conclu\w+|outcome|transcripts?|cho(?:se|ose|sen)|opinion|promised?)\b",
    re.IGNORECASE,
)
_TOGETHER = re.compile(
    r"\b(?i:we|us|our|the\s+team|team|everyone|everybody|anyone|anybody|someone|somebody|who|meetings?|transcripts?|calls?|decision|outcome)\b|(?<=\s)[A-Z][a-z]+\b"
)
_ELSEWHERE = re.compile(
    r"\byou\b|^how\s+(?:do|does|would|can|could|should)\b|\bone\s+say\b|\bcan\s+(?:we|i)\b", re.IGNORECASE
)
_IN_MEETING = re.compile(
    r"\s*\b(?:in|at|during|from)\s+(?:the\s+|our\s+|my\s+|that\s+|last\s+)*(?P<name>[\w&'’ -]{1,40}?)\s*"
    r"(?P<noun>meetings?|calls?|syncs?|stand-?ups?|workshops?|retros?|kick-?offs?|sessions?|reviews?)\b",
    re.IGNORECASE,
)
_ACTIONS = re.compile(
    r"\baction\s*(?:items?|points?)\b|\bfollow[\s-]?ups?\b|\bowe[sd]?\b|\bsupposed\s+to\s+do\b|\bpromised?\s+to\s+do\b"
    r"|\bcommit(?:ted|ments?)\b|\bresponsible\b|\b(?:to-?dos?|tasks|homework)\s+(?:from|after|out\s+of)\s+.*\b(?:meeting|call"
    r"|sync|retro|kick-?off|workshop|stand-?up)\b|\bwho\s+does\s+what\b|\bwho['’]?s\s+doing\s+what\b"
    r"|\bassigned\s+to\b|\bhas\s+to\s+do\s+what\b", re.IGNORECASE,
)  # fmt: skip
_ME = re.compile(r"\b(?:i|me|my|mine)\b", re.IGNORECASE)
_OWNER = re.compile(
    r"\b(?:for|to|does|is|did|of|by|has|what['’]?s)\s+(?P<name>[A-Z][a-z]+)\b|\b(?P<name2>[A-Z]?[a-z]+)['’]s\b|\bdoes\s+(?P<name3>[a-z]+)\s"
)
_STANDS = re.compile(
    r"\b(?:risks?|risky|blockers?|blocking|blocked|on\s+track|on\s+schedule|behind\s+schedule|progress|next\s+steps?|next\s+up"
    r"|status|state|going|coming\s+along|doing|health|far\s+along|stand(?:ing)?|shape|happening|latest|review(?:\s+date)?)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\b(?:how\s+many|number\s+of|count|total|how\s+much)\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:finish(?:ed)?|complete[d]?|done|accomplish(?:ed)?|achieved?|closed?|tick(?:ed)?\s+off|get\s+done|got\s+done"
    r"|cross(?:ed)?\s+off|wrapp?(?:ed)?\s+up|knock(?:ed)?\s+out)\b",
    re.IGNORECASE,
)
_TASKS = re.compile(
    r"\b(?:tasks?|to-?dos?|list|due|overdue|deadlines?|agenda|plate|pending|outstanding|left|urgent|prio|priorit\w+|stuff|must\s+i|i\s+must"
    r"|to\s+do|schedule|coming\s+up|planned|on\s+for|backlog|plans?|upcoming|late|behind|get\s+done|need(?:s)?\s+doing)\b",
    re.IGNORECASE,
)
_DAYS = re.compile(
    r"\b(?:today|tomorrow|tonight|days|week|weekend|month|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b", re.IGNORECASE
)
_GROUPS = re.compile(
    r"\b(?:per|by|each|every|break\s?down)\b.*?\b(?P<by>project|priority|status|day|owner|person)s?\b", re.I
)


def question(heard: Heard) -> list[Step] | None:
    text = heard.text.rstrip(" ?!.")
    if not _QUESTION.search(heard.text):
        return None
    for read in (_meetings, _reminders, _compared, _counted, _action_items, _said, _projects, _finished, _tasks):
        call = read(text, heard)
        if call is not None:
            return [call]
    return None


def _meetings(text: str, heard: Heard) -> Call | None:
    if (
        not re.search(r"\b(?:meetings?|transcripts)\b", text, re.IGNORECASE)
        or _SAID.search(text)
        or _COUNT.search(text)
        or _ACTIONS.search(text)
    ):
        return None
    if re.search(
        r"^(?:when|which|show|list|see|what\s+meetings|do\s+i\s+have|did\s+(?:i|we)\s+have|have\s+i|any)\b", text, re.I
    ):
        _, range_ = ranges.take(text, heard.now)
        return Call("list_meetings", given(range_))
    return None


def _reminders(text: str, _heard: Heard) -> Call | None:
    if re.match(r"how\b", text, re.IGNORECASE):
        return None
    found = re.search(
        r"\breminders?\b|^when\s+(?:will|do)\s+you\s+remind\s+me\b|\bremind(?:ing)?\s+me\s+(?:of|about)\b|\bto\s+remind\s+me\b",
        text,
        re.IGNORECASE,
    )
    return Call("list_reminders", {}) if found and not _COUNT.search(text) else None


def _compared(text: str, heard: Heard) -> Call | None:
    if not re.search(r"\b(?:compare[d]?|more|fewer|less|vs\.?|versus|better|than)\b", text, re.IGNORECASE):
        return None
    return comparing.compared(text, heard)


def _counted(text: str, heard: Heard) -> Call | None:
    group = _GROUPS.search(text)
    if not (_TASKS.search(text) or _DONE.search(text) or group):
        return None
    if not _COUNT.search(text) and group is None:
        return None
    if re.search(r"\b(?:meetings?|projects?|reminders?|notes?)\b", text, re.I) and not group:
        return None
    rest, project = narrowing.project_of(text, heard)
    rest, priority = details.take_priority(rest)
    args: dict[str, Any] = {"about": "tasks", "status": "open"}
    if re.search(r"\boverdue|late\b", text, re.I):
        args["status"] = "overdue"
    elif _DONE.search(text):
        args["status"] = "done"
    _, range_ = ranges.take(rest, heard.now, ahead=args["status"] == "open")
    args |= {"project": project} if project and group is None else {}
    args |= {"priority": priority} if priority else {}
    args |= {"group_by": "owner" if group["by"].lower() == "person" else group["by"].lower()} if group else {}
    return Call("query", args | given(range_))


def _action_items(text: str, heard: Heard) -> Call | None:
    if not _ACTIONS.search(text):
        return None
    args: dict[str, Any] = {}
    owner = _OWNER.search(text)
    name = (owner["name"] or owner["name2"] or owner["name3"]) if owner else None
    rest, held_on = held(text, heard.now)
    where = re.search(
        r"\b(?:from|after|in|at|out\s+of|during)\s+(?:the\s+|our\s+)?(?P<name>[\w &'’-]+?)(?:\s+meeting)?$", rest, re.I
    )
    if name and name.lower() not in _STOP and not (where and name in where["name"]):
        args["owner"] = name
    elif _ME.search(re.sub(r"\b(?:show|give|tell|send)\s+me\b", "", text, flags=re.I)):
        args["owner"] = "me"
    if where is not None and where["name"].lower() not in ("meeting", "last meeting", "it", "there", "last"):
        args["meeting"] = re.sub(r"^(?:last|latest)\s+", "", where["name"], flags=re.I)
    elif heard.last_kind == "meeting" and heard.last is not None and "owner" not in args:
        args["meeting"] = heard.last["id"]
    return Call("action_items", args | ({"held_on": held_on} if held_on else {}))


def _said(text: str, heard: Heard) -> Call | None:
    if (
        not _SAID.search(text)
        or not (_TOGETHER.search(text) or heard.last_kind == "meeting")
        or _ELSEWHERE.search(text)
    ):
        return None
    where = _IN_MEETING.search(text)
    args: dict[str, Any] = {}
    if where is not None:
        name, noun = where["name"].strip(), where["noun"]
        kind = "" if noun.lower().startswith(("meeting", "call")) else noun
        text = text[: where.start()] + text[where.end() :]
        called = f"{'' if name.lower() in _STOP else name} {kind}".strip()
        args |= {"meeting": called} if called else {}
    elif re.search(r"\b(?:there|in\s+(?:it|that))\b", text) and heard.last_kind == "meeting" and heard.last is not None:
        args["meeting"] = heard.last["id"]
    _, words = ranges.take(text, heard.now), re.findall(r"[\w&'’-]+", text)
    wanted = [
        word
        for word in words
        if word.lower() not in _STOP
        and not _SAID.fullmatch(word)
        and not re.fullmatch(r"[\w]*['’](?:t|s|re|ve|ll)", word)
    ]
    if not wanted:
        if re.search(r"\b(?:decided|decisions?|agreed|discussed)\b", text, re.IGNORECASE):
            name = args.get("meeting") or (heard.last["id"] if heard.last and heard.last_kind == "meeting" else None)
            return Call("meeting_summary", {"meeting": name} if name else {})
        return None
    return Call("search_meetings", {"query": " ".join(wanted)} | args)


def _projects(text: str, heard: Heard) -> Call | None:
    if re.search(r"\bprojects\b", text, re.IGNORECASE):
        if re.search(r"\b(?:risk|trouble|danger|attention|problems?|struggling|worried)\b", text, re.IGNORECASE):
            return Call("query", {"about": "projects", "status": "at_risk"})
        if re.search(r"\b(?:behind|overdue|late|delayed|slipping|due)\b", text, re.IGNORECASE):
            return Call("query", {"about": "projects", "status": "overdue"})
        return None
    if not _STANDS.search(text) or _TASKS.search(re.sub(r"\bbehind\s+schedule|next\s+up|on\s+schedule\b", "", text)):
        return None
    match = re.search(r"\b(?:project\s+(?P<a>[\w&-]+)|(?P<b>[\w&-]+)\s+project)\b", text, re.IGNORECASE)
    name = (match["a"] or match["b"]) if match else None
    if name is None or name.lower() in _STOP:
        tail = re.search(
            r"\b(?:to|is|are|with|about)\s+(?:the\s+|our\s+|my\s+)?(?P<name>[A-Z][\w&-]*(?:\s+[A-Z0-9][\w&-]*)*)",
            text,
        )
        name = narrowing.project_in(text, heard.now)[1] or (tail["name"] if tail else None)
    if name is None and heard.last_kind == "project" and heard.last is not None:
        return Call("project_status", {"project": heard.last["id"]})
    if not name or name.lower() in _STOP or name.lower() in ("track", "risk", "schedule", "today", "tomorrow"):
        return None
    return Call("project_status", {"project": name.strip(pointing.EDGES)})


def _finished(text: str, heard: Heard) -> Call | None:
    if (
        not _DONE.search(text)
        or not _ME.search(text)
        or re.search(r"\b(?:still|left|remaining|to\s+get|need)\b", text, re.I)
    ):
        return None
    if re.match(r"(?:is|are|was|were|when|where|have\s+i|did\s+i)\b", text, re.IGNORECASE):
        return None
    rest, project = narrowing.project_of(text, heard)
    _, range_ = ranges.take(rest, heard.now)
    if range_ is None and re.search(r"\btoday\b", text, re.IGNORECASE):
        range_ = (heard.now.date(), heard.now.date())
    args: dict[str, Any] = {"about": "tasks", "status": "done"} | ({"project": project} if project else {})
    return Call("query", args | given(range_))


def _tasks(text: str, heard: Heard) -> Call | None:
    mine = re.search(r"\b(?:i|my|we|our|me)\b", text, re.IGNORECASE)
    if not (_TASKS.search(text) or (_DAYS.search(text) and mine)):
        return None
    if re.search(
        r"\b(?:weather|news|score|game|movie|price|stock|traffic|flights?|hotel|restaurant)s?\b", text, re.IGNORECASE
    ):
        return None
    rest, priority = details.take_priority(text)
    _, project = narrowing.project_of(rest, heard)
    args: dict[str, Any] = {"status": "open"} | ({"priority": priority} if priority else {})
    args |= {"project": project} if project else {}
    return Call("list_tasks", args | when(rest, heard.now, done=False))
