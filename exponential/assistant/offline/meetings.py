"""Rules for meetings: keeping a transcript, minutes, action items and making tasks of them, and what was said."""

import re
from datetime import date, datetime, timedelta

from exponential.assistant.offline import choosing, owners, pointing, ranges
from exponential.assistant.offline.making import tasks_of_items
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.workspace.text import dates, days

LONG_AHEAD = 90  # days; no minutes are of a meeting so far ahead
PASTE = "Paste the transcript into your next message, and I keep it and take the minutes."


_M = r"(?:meeting|call|sync|stand-?up|workshop|session|retro|kick-?off)"


_SUMMARY = (
    whole(r"(?:summari[sz]e|recap|sum\s+up|recapitulate)\s+(?:of\s+)?(?P<name>.+?)(?:\s+for\s+me)?"),
    whole(
        r"(?:(?:give|show|send|get)\s+(?:me\s+)?|what(?:\s+is|\s+was|\s+were|\s+are|['’]?s)\s+)?(?:(?:a|an|the)\s+)?(?:(?:short|key|main|important|biggest|final"
        r"|quick|brief|meeting)\s+"
        r")?(?:summary|recap|minutes|mins|tl;?dr|gist|(?:key\s+|main\s+)?(?:points|takeaways|highlights)|decisions|notes)\s+(?:of|from|for|on|in)\s+(?P<name>.+)"
    ),
    whole(r"what\s+(?:happened|did\s+(?:i|we)\s+miss)\s+(?:in|at|during)\s+(?P<name>.+)"),
    whole(rf"what\s+happened\s+on\s+(?P<name>.+\b{_M})"),
    whole(r"(?:the\s+)?(?P<name>(?:last\s+|latest\s+)?(?:meeting\s+)?)(?:minutes|meeting\s+(?:notes|summary|recap))"),
    whole(rf"what\s+was\s+(?P<name>.*\b{_M}\b.*?)\s+about"),
    whole(
        r"what\s+(?:was|were)\s+(?:discussed|said|agreed|talked\s+about|decided)\s+(?:on\s+)?(?:in|at|during)\s+"
        r"(?P<name>.+)"
    ),
    whole(r"what\s+did\s+we\s+(?:agree|discuss|talk\s+about|conclude)\s*(?:on\s+)?(?:in|at|during)\s+(?P<name>.+)"),
    whole(
        r"(?:show|open)\s+(?:me\s+)?(?P<name>(?P<place>(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+one)?|(?:number\s+|#)\d+))"
    ),
    whole(r"what\s+came\s+out\s+of\s+(?P<name>.+)"),
    whole(
        r"(?:what|which)\s+(?:decisions?\s+(?:did\s+we\s+(?:make|take)|were\s+(?:made|taken))|did\s+we\s+decide|was\s+decided"
        r"|have\s+we\s+decided)\s+(?:in|at|during)\s+(?P<name>.+)"
    ),
    whole(rf"(?P<name>.+\b{_M})\s+(?:summary|recap|minutes)"),
    whole(r"(?P<name>last|latest|previous|yesterday['’]?s)\s+meeting"),
)


_SUMMARY_LAST = whole(
    r"(?:and\s+)?(?:(?:give|show|send|tell)\s+(?:me\s+|us\s+)?)?(?:what\s+(?:were|are)\s+)?(?:the\s+)?(?:short\s+|quick\s+)?(?:summary|decisions?|minutes|recap|gist|key\s+points|tl;?dr)(?:\s+(?:please|again))?"
    r"|what\s+did\s+we\s+decide(?:\s+there)?|summari[sz]e\s+(?:it|that)"
)


_OF_MEETING = re.compile(r"\b(?:from|of|in|at|after|for|out\s+of|during)\s+(?P<name>.+)$", re.IGNORECASE)


_OWN_ITEMS = re.compile(
    rf"(?:(?:show|list|give)\s+(?:me\s+)?)?(?P<name>[\w&'’ -]{{0,40}}?\b{_M})['’]s\s+action", re.IGNORECASE
)


_SEARCH = (
    whole(
        r"(?:what|when|where)\s+(?:did|have|had)\s+(?:the\s+)?(?P<who>[\w]+)\s+(?:decided?|sa(?:y|id)|agreed?(?:\s+on)?"
        r"|talk(?:ed)?|discuss(?:ed)?|conclude[d]?|mention(?:ed)?)\s*(?:about|on|regarding|for|of)?\s+(?P<what>.+)"
    ),
    whole(
        r"(?:what|when)\s+(?:was|were)\s+(?:decided|said|agreed|discussed|the\s+decision)\s+(?:about|on|regarding"
        r"|for)\s+(?P<what>.+)"
    ),
    whole(
        r"did\s+(?P<who>\w+)\s+(?:decide|say|agree|talk|discuss|mention)\s+(?:on\s+)?(?:anything\s+|something\s+"
        r")?(?:about|on|regarding)\s+(?P<what>.+)"
    ),
    whole(
        r"(?:when\s+)?(?:has|have|was|were)\s+(?P<what>.+?)\s+(?:been\s+)?(?:ever\s+|last\s+|first\s+)?(?:discussed|mentioned|decided|talked\s+about|brought\s+up|agreed(?:\s+on)?)"
        r"(?:\s+(?:yet|before|already|anywhere|so\s+far|(?:in|at)\s+(?:a|any|the|one)\s+meetings?))?"
    ),
    whole(r"(?:any\s+|the\s+|all\s+)?decisions?\s+(?:about|on|regarding)\s+(?P<what>.+)"),
    whole(r"did\s+(?P<who>\w+)\s+(?:mention|bring\s+up|discuss)\s+(?P<what>.+)"),
    whole(
        r"who\s+(?:said|mentioned|talked)\s+(?:something\s+|anything\s+|what\s+)?(?:(?:about|on|regarding)\s+)?(?P<what>.+)"
    ),
    whole(
        r"(?:search|look\s+through|look\s+in)\s+(?:(?:my|the|all|our)\s+)*(?:meetings?|transcripts?|minutes)\s+"
        r"(?:for|about)\s+(?P<what>.+)"
    ),
    whole(
        r"(?:find|show\s+me|search)\s+(?:out\s+)?(?:where|when)\s+(?P<what>.+?)\s+(?:(?:was|were|is|got)\s+(?:mentioned|discussed|talked\s+about|brought\s+up)|came\s+up)(?:\s+in\s+(?:my|the|our)\s+meetings)?"
    ),
    whole(
        r"(?:find|show\s+me|search)\s+(?:out\s+)?(?:where|when)\s+(?P<who>we|i|\w+)\s+(?:talked|spoke|discussed"
        r"|mentioned)\s*(?:about|of)?\s+(?P<what>.+)"
    ),
    whole(
        r"(?:which|what)\s+meetings?\s+(?!was\s+it\b|(?:were|are)\s+there\b)(?:was|were|talked|mention(?:ed|s)?|is|are)\s+(?:about\s+)?(?P<what>.+)"
    ),
    whole(
        r"(?:which|what)\s+meeting\s+was\s+(?:it|that)\s+(?:where|when|that|in\s+which)\s+(?:we|i|they|\w+)\s+(?:talked|discussed|decided|spoke|mentioned|agreed)\s*"
        r"(?:about|on)?\s+(?P<what>.+)"
    ),
    whole(
        r"(?:in\s+)?(?:which|what)\s+meetings?\s+(?:did|have)\s+we\s+(?:talk(?:ed)?|discuss(?:ed)?|mention(?:ed)?"
        r"|decided?)\s*(?:about|on)?\s+(?P<what>.+)"
    ),
    whole(
        r"find\s+(?:(?:all\s+)?mentions?\s+of\s+)?(?P<what>.+?)\s+in\s+(?:(?:my|the|all|our)\s+)*(?:meetings?"
        r"|transcripts?)"
    ),
)


_THAT_WE = re.compile(  # "in a meeting that we should …"
    r"^(?:(?:in|at|during)\s+(?:a|the|any|some|which|one\s+of\s+the|our|my|one\s+of\s+our)\s+(?:meetings?|calls?)\s+)?(?:that\s+)?"
    r"(?:(?:we|i|they|you|he|she|someone)\s+(?:(?:should|must|will|would|could|can|might)|(?:need|have|want|ought|had|wanted|needed)\s+to)\s+)?",
    re.IGNORECASE,
)


_IN_MEETING = re.compile(
    rf"\s+(?:in|at|during)\s+(?P<name>[\w\s-]*\b(?:{_M}|review|planning|retrospective|huddle|catch-?up|briefing|all[\s-]hands|town\s+hall|one-on-one))$",
    re.IGNORECASE,
)


_AND_IS_IT = re.compile(  # "…, are we removing it?"
    r"\s*[,;–-]\s*(?:and\s+)?(?:are|is|do|did|does|will|should|was|were)\s+(?:we|it|they|i|he|she|you)\b.*$",
    re.IGNORECASE,
)
_IN_ANY = re.compile(
    rf"\s+(?:in|at|during)\s+(?:any\s+of\s+)?(?:our|my|the|any|all|these|those|past|recent|previous|\s)+(?:{_M})s$",
    re.IGNORECASE,
)


_PEOPLE = frozenset("we i you they anyone anybody someone it us everyone team board group management".split())


_LIST = whole(
    r"(?:(?:list|show|see|view|give\s+me|what|which|do\s+i\s+have|did\s+(?:i|we)\s+have|any|all|my|get"
    r"|display)\b.*)?\b(?:meetings|transcripts)\b.*"
)


_NOT_LIST = re.compile(
    r"\b(?:how\s+many|about|mention|count|number|summar|per|more|fewer|less|most|compared?)\b", re.IGNORECASE
)


def meeting(heard: Heard) -> list[Step] | None:
    for read in (tasks_of_items, _actions, _summary, _search, _listed):
        steps = read(heard)
        if steps is not None:
            return steps
    return None


def _actions(heard: Heard) -> list[Step] | None:
    text = re.sub(r"\s+(?:do\s+i\s+have|have\s+i\s+got)$", " for me", heard.text.rstrip(" ?!."), flags=re.IGNORECASE)
    if owners.of_those_listed(text, heard):
        return [Call("action_items", {"owner": "me"} | ({"meeting": heard.last["id"]} if heard.last else {}))]
    if not owners.asked(text) or owners.counted(text):
        return None
    args: dict[str, str] = {}
    text, owner = owners.taken(text)
    args |= {"owner": owner} if owner else {}
    asks_me = re.match(
        r"(?:do|what\s+do|which)\b.*\bi\b|.*\bon\s+my\s+(?:plate|list)\b|.*\bfor\s+me\b|.*\bmine\b", text, re.IGNORECASE
    )
    args |= {"owner": "me"} if asks_me and "owner" not in args else {}
    text = re.sub(r"\s+for\s+me$", "", text)
    text = re.sub(
        r"\bwho\s+(?:is\s+responsible|has\s+responsibility)\s+for\s+(?:what|which\s+(?:action\s+)?(?:items?|tasks?|points?))\b",
        "",
        text,
        flags=re.IGNORECASE,
    )
    of = _OF_MEETING.search(text) or _OWN_ITEMS.match(text)
    if of is not None:
        both = choosing.counted(of["name"], heard, "meeting")
        if both is not None:
            return [Call("action_items", args | {"meeting": place}) for place in both]
        pointed = _pointed(of["name"], heard)
        if pointed is not None:
            return [Call("action_items", args | {"meeting": pointed})]
        name, held_on = _name(of["name"], heard.now)
        args |= ({"meeting": name} if name else {}) | ({"held_on": held_on} if held_on else {})
    elif heard.last_kind == "meeting" and heard.last is not None and args.get("owner") != "me":
        args["meeting"] = heard.last["id"]
    return [Call("action_items", args)]


def _summary(heard: Heard) -> list[Step] | None:
    text = heard.text.rstrip(" ?!.")
    if _SUMMARY_LAST.fullmatch(text) and heard.last_kind == "meeting" and heard.last is not None:
        return [Call("meeting_summary", {"meeting": heard.last["id"]})]
    for pattern in _SUMMARY:
        match = pattern.fullmatch(text)
        if match is None or re.search(r"\b(?:projects?|tasks?|day|week)\b", match["name"], re.IGNORECASE):
            continue
        both = choosing.counted(match["name"], heard, "meeting")
        if both is not None:
            return [Call("meeting_summary", {"meeting": one}) for one in both]
        place = _pointed(match["name"], heard)
        if place is not None:
            return [Call("meeting_summary", {"meeting": place})]
        if match.groupdict().get("place"):
            continue
        name, held_on = _name(match["name"], heard.now)
        return [
            Call("meeting_summary", ({"meeting": name} if name else {}) | ({"held_on": held_on} if held_on else {}))
        ]
    return None


def _pointed(name: str, heard: Heard) -> str | None:
    """The id of "the second one", when meetings were listed last, or of the meeting spoken of."""
    if heard.listed_kind == "meeting" and heard.listed:
        try:
            ids = pointing.targets(name, heard, "meeting", PASTE, several=False)
        except pointing.Unclear:
            return None
        return ids[0] if any(record["id"] == ids[0] for record in heard.listed) else None
    if pointing.is_pronoun(name) and heard.last_kind == "meeting" and heard.last is not None:
        return str(heard.last["id"])
    return None


def _search(heard: Heard) -> list[Step] | None:
    for pattern in _SEARCH:
        match = pattern.fullmatch(heard.text.rstrip(" ?!."))
        if match is None:
            continue
        found = match.groupdict()
        what = _AND_IS_IT.sub("", found["what"].strip(pointing.EDGES))
        what = _THAT_WE.sub("", what)
        what = re.sub(r"^(?:the|our|my|about|a|an)\s+", "", what.strip(pointing.EDGES), flags=re.IGNORECASE)
        what = re.sub(
            r"^(?:so\s+far|yet|already)\s+(?:about|on|regarding|for)\s+(?:the\s+)?", "", what, flags=re.IGNORECASE
        )
        what = _IN_ANY.sub("", ranges.take(what, heard.now)[0] or what) or what
        who = found.get("who")
        if who and who.lower() not in _PEOPLE:
            what = f"{who} {what}"
        there = re.match(
            r"(?:there|in\s+(?:it|that(?:\s+meeting)?))\s+(?:about\s+|on\s+|regarding\s+)?|.*\s(?:there|in\s+(?:it|that))$",
            found["what"],
            re.I,
        )
        if there is not None and heard.last_kind == "meeting" and heard.last is not None:
            what = re.sub(
                r"\b(?:there|in\s+(?:it|that)(?:\s+meeting)?)\s*(?:about\s+|on\s+|regarding\s+)?", "", what, flags=re.I
            ).strip()
            return [Call("search_meetings", {"query": what, "meeting": heard.last["id"]})]
        where = _IN_MEETING.search(what)
        if where is not None:
            name, _ = _name(where["name"], heard.now)
            return [Call("search_meetings", {"query": what[: where.start()]} | ({"meeting": name} if name else {}))]
        return [Call("search_meetings", {"query": what})]
    return None


def _listed(heard: Heard) -> list[Step] | None:
    if not _LIST.fullmatch(heard.text) or _NOT_LIST.search(heard.text):
        return None
    _, range_ = ranges.take(heard.text.rstrip(" ?!."), heard.now)
    return [Call("list_meetings", given(range_))]


def given(range_: tuple[date | None, date | None] | None, prefix: str = "") -> dict[str, str]:
    """A range as arguments, without what is open."""
    since, until = range_ or (None, None)
    ends = {"since": since, "until": until}
    return {prefix + key: day.isoformat() for key, day in ends.items() if day is not None}


def _name(words: str, now: datetime) -> tuple[str, str | None]:
    """A meeting's name without "the", "meeting" and the like; and the day on which it was held, if that is said."""
    words, held_on = held(words, now)
    words = re.sub(r"^(?:(?:the|my|our|that|a)\s+)+", "", words.strip(pointing.EDGES), flags=re.IGNORECASE)
    words = re.sub(r"^(?:this|last)\s+(?:week|month)['’]s\s+", "", words, flags=re.IGNORECASE)
    words = re.sub(r"^(?:(?:very\s+)?(?:last|latest|most\s+recent|previous)\s+)", "", words, flags=re.IGNORECASE)
    words = re.sub(r"^(?:meeting|call|talk)\s+(?:with|about|on)\s+(?:the\s+)?", "", words, flags=re.IGNORECASE)
    words = re.sub(r"\s+(?:of|from|on)$", "", words.strip(), flags=re.IGNORECASE)
    words = re.sub(r"(?:^|\s+)(?:meeting|transcript|call)s?$", "", words.strip(), flags=re.IGNORECASE)
    return words.strip(pointing.EDGES), held_on


def held(words: str, now: datetime) -> tuple[str, str | None]:
    words = re.sub(r"\byesterday['’]?s\b", "yesterday", words, flags=re.IGNORECASE)
    words = re.sub(r"\btoday['’]?s\b", "today", words, flags=re.IGNORECASE)
    words = re.sub(r"\b((?:mon|tues|wednes|thurs|fri|satur|sun)day)['’]s\b", r"\1", words, flags=re.IGNORECASE)
    left, range_ = ranges.take(words, now) if re.search(r"\byesterday\b", words, re.IGNORECASE) else (words, None)
    if range_ is not None and range_[0] is not None:
        return left, range_[0].isoformat()
    left, due = dates.extract(words, now)
    if due is None:
        return words, None
    day = due.date() if isinstance(due, datetime) else due
    if (day - now.date()).days > LONG_AHEAD:  # "29 April", in May: the one that is over
        day = days.add_months(day, -12)
    weekday = re.search(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b", words, re.IGNORECASE)
    return left, (day - timedelta(days=7) if weekday and day > now.date() else day).isoformat()
