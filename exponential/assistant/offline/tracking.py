"""Rules for how projects go on: the notes to them and the day of their review."""

import re
from datetime import datetime

from exponential.assistant.offline import pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steering import THE, known, updated
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.workspace.text import dates

_NOTE = whole(
    rf"(?:project\s+)?(?:status\s+)?update\s+(?:(?:on|for|in|about)\s+{THE}(?:project\s+)?|project\s+"
    rf")(?P<name>[^:]+?)(?:\s+"
    rf"project)?\s*[:–]\s*(?P<note>.+)"
)


_UPDATE_TO = whole(
    r"(?:(?:add|log|post|record|write|put|leave|make|save|give|note)\s+)?(?:an?\s+|the\s+|this\s+|following\s+)*(?:(?:status|progress)\s+)?(?:update|note|comment|report|news|latest|log|down)\s+"
    r"(?:(?:to|for|on|in|about|of|under)\s+)?(?:the\s+)?(?P<p>project\s+)?(?P<name>(?!\s)[\w&-]+(?:\s+\w+){0,2}?)(?:\s+project)?(?:\s*[:–]|\s-)\s*(?P<note>.+)"
    r"|(?:project\s+)?(?P<name2>[\w&-]+(?:\s+[\w&-]+){0,2}?)(?:\s+project)?\s+(?:status\s+)?(?:update|news|status|report)\s*(?:[:–]|\s-)\s*(?P<note2>.+)"
    r"|(?:jot|note|write|put|log)\s+(?:(?:this|that|it)\s+)?(?:down\s+)?(?:for|in|on|under)\s+(?:the\s+)?project\s+(?P<name3>[\w&-]+)(?:\s*[:–,]\s*|\s+that\s+)(?P<note3>.+)"
    r"|(?:project\s+)?(?P<name4>[\w&-]+)\s*:\s*(?P<note4>.+?)[\s,.;–-]+(?:please\s+|pls\s+)?(?:note|log|add|record|save|write|put)\s+(?:that|this|it)(?:\s+down)?\s+(?:in|on|to|for)\s+the\s+project"
)


_NOTE_THAT = whole(
    r"(?:(?:add|make|leave|write|put|log|post)\s+(?:an?\s+)?(?:note|update|comment)|log|record|note)\s+(?:down\s+)?(?:to|in|on|for|under)\s+(?:the\s+)?(?:project\s+)?"
    r"(?P<name>(?!(?:my|me|myself|it)\b)[\w&-]+(?:\s+[\w&-]+){0,3}?)(?:\s+project)?\s+that\s+(?P<note>.+)"
)


_IN_NOTES = whole(
    rf"(?:add|put|write|log|save|record)\s+(?:(?:this|that|it|the\s+following)\s+)?(?:to|in|into|on|under)\s+{THE}(?:project\s+)?(?P<name>(?!my\b|a\b)[\w&-]+(?:\s+[\w&-]+){{0,2}}?)(?:['’]s)?"
    r"(?:\s+project(?:['’]s)?)?\s+(?:notes?|log|updates?|status)\s*[:–]\s*(?P<note>.+)"
)


_REVIEW = (
    whole(
        rf"(?:the\s+)?(?:next\s+|first\s+)?review(?:\s+date)?\s+(?:of|for)\s+{THE}(?:project\s+)?(?P<name>.+?)(?:\s+"
        rf"project)?(?:\s+(?:is|should\s+be|will\s+be|on|to\s+be)|\s*:)\s+(?P<when>.+)"
    ),
    whole(
        rf"review\s+{THE}(?:project\s+)?(?P<name>.+?)(?:\s+project)?\s+(?:again\s+)?(?P<when>(?:on|in|at|next"
        rf"|by)\s+.+)"
    ),
    whole(
        rf"(?:set|change|move|schedule|push|postpone|delay|bring|shift|put|plan|reschedule)\s+(?:the\s+|a\s+)?(?:next\s+|first\s+)?review(?:\s+date)?\s+(?:of|for|on)\s+{THE}(?:project\s+"
        rf")?(?P<name>.+?)(?:\s+project)?\s+(?:back\s+|forward\s+|out\s+)?(?:to|for|on|until)\s+(?P<when>.+)"
    ),
    whole(
        r"(?:(?:set|change|move|schedule|push|postpone|delay|bring|shift|put|plan|reschedule)\s+)?(?P<name>(?:the\s+)?(?:project\s+[\w&-]+\s+|(?-i:[A-Z][\w&-]*\s+){1,3}?"
        r"|(?!it['’])[\w&-]+['’]s\s+(?:next\s+|first\s+)?)|its\s+|the\s+)(?:project\s+)?"
        r"review(?:\s+date)?\s+(?:(?:is|has)\s+)?(?:(?:now|moved|been\s+moved)\s+)?(?:back\s+|forward\s+|out\s+)?(?:to|for|on|until|is)\s+(?P<when>.+)"
    ),
)


_LETS = re.compile(r"^(?:i['’]d\s+like\s+to|let['’]?s|we\s+should)\s+(?=review\b)", re.IGNORECASE)
_SET_IT = re.compile(  # "review Alpha on 20 May, could you set the review date"
    r"\s*[,.;–-]\s*(?:so\s+|and\s+)?(?:(?:can|could|would)\s+you\s+)?(?:please\s+)?(?:set|note|enter)\s+(?:the|its|a|that|this)\s+(?:as\s+(?:the|its)\s+)?(?:next\s+)?review(?:\s+date)?(?:\s+(?:please|for\s+(?:me|that)))?[\s?.!]*$",
    re.IGNORECASE,
)


_NO_REVIEW = whole(
    rf"(?:remove|clear|drop|delete|unset|cancel|no(?:\s+more)?)\s+(?:the\s+|its\s+)?review(?:\s+date)?(?:\s+(?:of|for|from|on)\s+{THE}(?:project\s+)?(?P<name>.+?)(?:\s+project)?)?"
)


_ITS_NOTE = whole(
    r"(?:(?:make|take|add|log|post|record|write|put|leave|save|give)\s+)?(?:(?:an?|the|this|following|new|quick|short|latest)\s+)*(?:(?:status|progress|project)\s+)?"
    r"(?:note|log|update|comment|(?:news|status|latest)(?=[^,]*:))(?:\s+(?:down|(?:on|for|to|about|of|in)\s+(?:it|that|this|there)(?:\s+(?:one|project))?|there))*"
    r"(?:\s+that\s+|\s*[:–]\s*|[,-]\s+)(?P<note>.+?)"
    r"(?:[\s,;]+and\s+(?:(?:set|put|move)\s+)?(?:the\s+|its\s+)?(?:next\s+)?review\s+(?:it\s+)?(?:is\s+|again\s+)?(?:on\s+|in\s+|to\s+|for\s+)?(?P<when>.+))?"
)


_ITS_REVIEW = whole(
    r"(?:(?:set|put|plan|schedule)\s+)?(?:the\s+|its\s+)?(?:next\s+|first\s+)?review(?:\s+date)?(?:\s*:)?\s+(?:it\s+)?(?:(?:is|should\s+be|again)\s+)?(?:(?:on|to|for)\s+)?(?P<when>.+)"
)


def of_last(heard: Heard) -> list[Step] | None:
    """ "note that the client signed" and "next review in June", said of the project spoken of last."""
    if heard.last is None or heard.last_kind != "project" or not heard.last.get("id"):
        return None
    dated = _ITS_REVIEW.fullmatch(heard.text)
    day = day_of(dated["when"], heard.now) if dated is not None else None
    if day is not None:
        return [Call("update_project", {"project": heard.last["id"], "review_on": day})]
    match = _ITS_NOTE.fullmatch(heard.text)
    if match is None:
        return None
    review = day_of(match["when"], heard.now) if match["when"] else None
    if match["when"] and review is None:
        return None
    args = {"note": match["note"].strip(pointing.EDGES)} | ({"review_on": review} if review else {})
    return [Call("update_project", {"project": heard.last["id"], **args})]


def noted(heard: Heard) -> list[Step] | None:
    match = _NOTE.fullmatch(heard.text) or _UPDATE_TO.fullmatch(heard.text)
    match = match or _NOTE_THAT.fullmatch(heard.text) or _IN_NOTES.fullmatch(heard.text)
    if match is None:
        return None
    found = match.groupdict()
    name = next((found[key] for key in ("name", "name2", "name3", "name4") if found.get(key)), "")
    note = next((found[key] for key in ("note", "note2", "note3", "note4") if found.get(key)), "")
    name = re.sub(r"\s+(?:status|project)$", "", name, flags=re.IGNORECASE)
    if re.match(r"(?:to|self|myself|yourself|you|as|task|tasks|me|a|an|note)\b", name, re.IGNORECASE):
        return None
    return [Call("update_project", {"project": known(name, heard), "note": note.strip()})]


def reviewed(heard: Heard) -> list[Step] | None:
    none = _NO_REVIEW.fullmatch(heard.text)
    if none is not None:
        return updated(none["name"] or "it", {"review_on": "none"}, heard)
    text = _SET_IT.sub("", _LETS.sub("", heard.text))
    for pattern in _REVIEW:
        match = pattern.fullmatch(text)
        day = day_of(match["when"], heard.now) if match is not None else None
        if match is not None and day is not None and not re.search(r"\b(?:the|my)\s+\w+\s+\w+", match["name"]):
            name = re.sub(r"^(?:the|my|our)\s+", "", f"{match['name']} ", flags=re.IGNORECASE).strip()
            name = re.sub(r"['’]s(?:\s+(?:next|first))?$", "", name) if name.lower() not in ("it's", "it’s") else "its"
            name = re.sub(r"['’]s(?:\s+(?:next|first))?$", "", name)
            pointed = name.lower() in ("its", "the", "first", "next", "")
            if not pointed and re.search(r"\b(?:tasks|to-?dos|list)\b", name, re.IGNORECASE):
                return None
            if not pointed and re.match(r"(?:add|create|task|remind|i|we|a|to|have|need|call|do)\b", name, re.I):
                return None
            return updated("it" if pointed else name, {"review_on": day}, heard)
    return None


def day_of(words: str, now: datetime) -> str | None:
    words = words.strip().removeprefix("on ")
    left, due = dates.extract(f"on {words}", now)
    if due is None or left.strip(" .on"):
        left, due = dates.extract(f"in {words}", now)
    if due is None or left.strip(" .on"):
        return None
    return (due.date() if isinstance(due, datetime) else due).isoformat()
