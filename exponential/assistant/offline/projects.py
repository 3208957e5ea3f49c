"""Rules for projects: create, list, status, change."""

import re

from exponential.assistant.offline import pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steering import THE, changed, pointed_at, updated
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.tracking import day_of, noted, reviewed

_CREATE = whole(
    r"(?:i['’]?m\s+|i\s+am\s+|we['’]?re\s+|(?:i|we)\s+(?:want|need|would\s+like)\s+(?:to\s+)?)?(?:(?:create|creating|start|starting|add|make|set\s+up"
    r"|setting\s+up|open|begin|beginning|launch|launching|new|kick\s+off|spin\s+up|establish|initiate|get|(?:(?:i|we)\s+)?(?:want|need)(?=\s+(?:an?|another)\s))\s+)+"
    r"(?:(?:me|us|a|an|the|another|new)\s+)*(?P<many>projects?)\b(?:\s+(?:called|named|titled|for|about|on|(?:with|by)\s+(?:the\s+)?(?:name|title)(?:\s+of)?)\b)?"
    r"\s*[:,–-]?\s*(?P<name>.*)"
)


_REVIEW_TAIL = re.compile(
    r"[\s,;.]*(?<![\w'’])(?:with\s+(?:an?\s+)?|(?:and\s+|which\s+|that\s+){0,2})(?:(?:let\s+me|let['’]?s|(?:i|we)(?:['’]d|\s+would)?\s+(?:want|need|have|like|plan)\s+to|(?:i|we)(?:['’]ll|\s+will|\s+should)|to)\s+)?(?:(?:set|schedule|put|plan)\s+)?(?:the\s+|its\s+|a\s+)?(?:first\s+|next\s+)?(?:to\s+be\s+)?"
    r"review(?:ed)?(?:\s+(?:date|it))?\s*(?:is|on|of|at|by|in|for|to|:|every\W.*?\bon)?\s+"
    r"(?P<when>.+)$",
    re.IGNORECASE,
)


_NAME_IT = whole(r"[^\"“”]*?[\s,.;–-]+(?:(?:please|pls|and)[\s,]+)*(?:name|call)\s+it\s+(?P<name>.+)")


_LIST = whole(
    r"(?:(?:list|show|see|view|give\s+me|what|which|what['’]?s|are\s+there|do\s+i\s+have|any|display|all|my"
    r"|get)\b.*)?\bprojects\b.*|(?:(?:list|show|give)\s+(?:me\s+)?)?(?:each\s+and\s+)?every\s+(?:single\s+)?project\b.*|(?:my\s+)?project\s+list|(?:(?:on[\s-]hold|paused|finished|done|active|open|current|completed|closed)\s+)+projects"
)


_OTHER = re.compile(
    r"\b(?:how\s+many|next\s+steps?|most|fewest|least|without|per|tasks?|count|number)\b", re.IGNORECASE
)


_NAME = rf"{THE}(?:project\s+)?(?P<name>.+?)(?:\s+project)?"


_GOING = (
    r"(?:going|doing|coming\s+(?:along|on)|looking|progressing|moving|standing|getting\s+on)(?:\s+(?:so\s+far"
    r"|these\s+days|right\s+now|now))?"
)


_STATUS = (
    whole(
        rf"(?:(?:give|show|tell|send|check|get|see)\s+(?:me\s+)?(?:on\s+)?)?(?:(?:a|an|the)\s+)?(?:(?:short|quick|brief|current)\s+)?(?:project\s+"
        rf")?(?:status|progress|state)(?:\s+(?:update|report))?\s+(?:of|for|on|in|with)\s+{_NAME}"
    ),
    whole(rf"(?:project\s+status|status)\s*:?\s+(?:of\s+|for\s+)?{_NAME}"),
    whole(
        r"(?:project\s+)?(?P<name>(?!(?:set|mark|put|change|update|add|log|give|the)\b)[\w&-]+(?:\s+[\w&-]+)?)(?:\s+project)?\s+(?:status|progress)(?:\s+report)?"
    ),
    whole(
        rf"how(?:\s+is|\s+are|['’]?s)\s+(?:everything|it|things|all)(?:\s+{_GOING})?\s+(?:with|on|in|at)\s+{_NAME}(?:\s+{_GOING})?"
    ),
    whole(rf"how(?:\s+is|\s+are|['’]?s)\s+{_GOING}\s+(?:with\s+)?{_NAME}"),
    whole(rf"how(?:\s+is|\s+are|['’]?s)\s+{_NAME}\s+{_GOING}"),
    whole(
        rf"(?:tell|show)\s+me\s+how\s+(?:(?:far|well)\s+)?{_NAME}\s+(?:(?:is|are)(?:\s+{_GOING})?|stands?|goes|looks)"
    ),
    whole(
        rf"what\s+(?:share|percent(?:age)?|proportion|fraction|part|portion)\s+of\s+{_NAME}(?:\s+(?:tasks|work))?\s+(?:is|are|has\s+been|have\s+been|(?:have|did)\s+(?:i|we))\s+"
        r"(?:already\s+)?(?:done|finish(?:ed)?|complete[d]?|left)(?:\s+(?:already|so\s+far|yet))?"
    ),
    whole(rf"how\s+(?:much|many\s+percent|far)\s+of\s+{_NAME}\s+is\s+(?:done|finished|complete[d]?|left)"),
    whole(
        rf"when\s+(?:do|should|must|is|will)\s+(?:i|we|the)\s+(?:(?<=should\si\s)|(?<=do\swe\s)|(?<=must\si\s)|(?<=should\swe\s)|(?<=the\s)|have\s+to\s+|need\s+to\s+|next\s+)(?:review\s+(?:of\s+|for\s+)?){_NAME}(?:\s+due)?"
    ),
    whole(
        rf"how(?:\s+is|['’]?s)\s+(?:project\s+(?P<name>\S+)|{THE}(?P<name2>\w+)\s+project|(?P<name3>(?!it\b|you\b"
        rf"|life\b|that\b|everything\b|things\b|the\b|my\b|your\b)\w+)"
        rf"|(?:the\s+)(?P<name4>(?!weather|news|family|kids|day|week)[\w&-]+(?:\s+[\w&-]+){{1,2}}))"
    ),
    whole(
        rf"(?:give|send|show|get|let\s+me\s+have|provide|prepare|generate|produce)\s+(?:me\s+)?(?:with\s+)?(?:an?\s+|the\s+)?(?:quick\s+|short\s+|brief\s+)?(?:(?:status|progress)\s+)?(?:status|update|overview|report|run-?down)\s+(?:on|of|about|for)\s+{_NAME}"
    ),
    whole(
        rf"(?:(?:any|are\s+there\s+any|is\s+there\s+any|what\s+are\s+the|what)\s+)?(?:big\s+|major\s+|main\s+|current\s+)?(?:risks?|blockers?|issues|problems|news|updates?|progress)\s+(?:are\s+there\s+)?(?:in|with|on|for|from)\s+{_NAME}"
    ),
    whole(rf"what\s+(?:comes|is\s+coming|is\s+up|should\s+happen|happens)\s+next\s+(?:in|on|for|with|at)\s+{_NAME}"),
    whole(rf"are\s+we\s+(?:done|finished|through|ready)\s+with\s+{_NAME}(?:\s+(?:yet|already))?"),
    whole(rf"what(?:['’]s|\s+has)?\s+(?:changed|moved|progressed|improved)\s+(?:in|on|with|for|at)\s+{_NAME}"),
    whole(rf"are\s+we\s+(?:on\s+(?:track|schedule|time)|behind|late)\s+(?:with|on|in)\s+{_NAME}"),
    whole(rf"how\s+far\s+(?:along\s+)?(?:is|are\s+we\s+(?:with|on|in))\s+{_NAME}"),
    whole(rf"how\s+are\s+we\s+(?:doing|getting\s+on)\s+(?:on|with|in)\s+{_NAME}"),
    whole(rf"where\s+(?:do|are)\s+we\s+(?:stand\s+)?(?:with|on|at\s+with|in)\s+{_NAME}"),
    whole(
        rf"what(?:\s+is|['’]?s)\s+(?:the\s+)?(?:status|progress|state|next\s+step|next|latest|news|up|completion(?:\s+rate)?|health|situation|state\s+of\s+play)\s+(?:of|on"
        rf"|for|in|with)\s+{_NAME}"
    ),
    whole(rf"what(?:\s+is|['’]?s)\s+(?:blocking|holding\s+up|the\s+risk\s+(?:of|in|with))\s+{_NAME}"),
    whole(
        rf"(?:is|are)\s+{_NAME}\s+(?:(?:still|really|actually|currently|now)\s+)?(?:at\s+risk|on\s+(?:track|schedule|time)|in\s+trouble|late|behind(?:\s+schedule)?"
        rf"|going\s+well"
        rf"|ok(?:ay)?)"
    ),
    whole(rf"what(?:\s+is|['’]?s)\s+(?:going\s+on|happening|new)\s+(?:with|in|on)\s+{_NAME}"),
    whole(
        r"(?:tell\s+me|show\s+me|info)\s+(?:more\s+)?about\s+(?:the\s+)?(?:project\s+(?P<name>.+)|(?P<name2>.+?)\s+"
        r"project)"
    ),
    whole(
        r"(?:show|open)\s+(?:me\s+)?(?P<name>(?P<place>(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|project))?|(?:number\s+|#)\d+))"
    ),
    whole(rf"why\s+is\s+{_NAME}\s+(?:at\s+risk|late|behind(?:\s+schedule)?)"),
)


_NO_NAME = re.compile(
    r"(?:you|it|this|that|life|things|everything|the\s+weather|weather|today|tomorrow|me|my\s+.+|(?:the\s+)?project)",
    re.IGNORECASE,
)


_CLOSE_IT = whole(
    r"(?:(?:the|my|our)\s+)?(?P<name>[\w&][\w&'’-]*(?:\s+[\w&'’-]+){0,3}?)(?:\s+project)?\s+(?:is|are|has\s+been)\s+(?:now\s+|all\s+|finally\s+)*(?:done|finished|completed?|over)"
    r"\s*[,.;–-]\s*(?:so\s+|and\s+)?(?:please\s+|pls\s+|(?:can|could)\s+you\s+|you\s+can\s+)*(?:close|finish|complete|mark)\s+(?:the|that|this)\s+project(?:\s+(?:as\s+)?(?:done|finished|complete[d]?))?"
)


_HOW_ABOUT = whole(r"(?:and\s+)?(?:how|what)\s+about\s+(?P<name>(?!(?:a|an|some|we|you)\b).+)")


_LATELY = re.compile(
    r"\s+(?:these\s+days|right\s+now|now|lately|at\s+the\s+moment|currently|so\s+far|today|this\s+week)$", re.IGNORECASE
)


def project(heard: Heard) -> list[Step] | None:
    for read in (_create, noted, changed, reviewed, _listed, _status):
        steps = read(heard)
        if steps is not None:
            return steps
    return None


def closed(heard: Heard) -> list[Step] | None:
    """ "Bakery Website is finished, please close the project"."""
    match = _CLOSE_IT.fullmatch(heard.text.rstrip(" .!"))
    return updated(match["name"], {"status": "done"}, heard) if match is not None else None


def _create(heard: Heard) -> list[Step] | None:
    match = _CREATE.fullmatch(heard.text)
    if match is None:
        return None
    name, review = match["name"], None
    tail = _REVIEW_TAIL.search(name)
    if tail is not None:
        review = day_of(tail["when"], heard.now) or day_of(f"in {tail['when']}", heard.now)
        name = name[: tail.start()] if review else name
    named = _NAME_IT.fullmatch(name)
    name = named["name"] if named is not None else name
    name = re.sub(r"^(?:the|a)\s+", "", name.strip(pointing.EDGES), flags=re.IGNORECASE)
    if match["many"].lower() == "projects" and name:
        names = [
            part.strip(pointing.EDGES)
            for part in re.split(r"\s*(?:,|\band\b|&)\s*", name)
            if part.strip(pointing.EDGES)
        ]
        return [Call("create_project", {"name": part}) for part in names]
    if not name:
        return [Say("What is the project called? For example: *Create project Website*.")]
    return [Call("create_project", {"name": name} | ({"review_on": review} if review else {}))]


def _listed(heard: Heard) -> list[Step] | None:
    text = heard.text.rstrip(" ?!.")
    if (
        not _LIST.fullmatch(text)
        or _OTHER.search(text)
        or re.match(r"(?:compare|pause|finish|close|move|add|create)\b", text, re.I)
    ):
        return None
    if re.search(r"\b(?:attention|risk|trouble|behind|overdue|late|due|review(?:ed)?)\b", text, re.IGNORECASE):
        return None
    low = text.lower()
    status = "active"
    if re.search(r"\b(?:on\s+hold|paused|suspended)\b", low):
        status = "on_hold"
    elif re.search(
        r"\b(?:projects?)\b.*\b(?:incl|including|also|even|with)\b.*\b(?:old|past|finished|done|completed|closed|archived|inactive)\b|\b(?:all|every)\b.*\b(?:including|also|with|even|and)\b|\bincluding\b|\b(?:active|open)\b.*\b(?:and|or)\b.*\b(?:done|finished|completed)\b",
        low,
    ):
        status = "all"
    elif re.search(r"\b(?:done|finished|completed?|closed|archived|past|old)\b", low):
        status = "done"
    elif re.search(r"\b(?:all|every)\b", low):
        status = "all"
    return [Call("list_projects", {"status": status})]


_AND_WHY = re.compile(r"[\s,]+(?:and\s+)?(?:if\s+so[\s,]+)?why(?:\s+(?:is\s+that|so))?$", re.IGNORECASE)


def _status(heard: Heard) -> list[Step] | None:
    text = _AND_WHY.sub("", _LATELY.sub("", heard.text.rstrip(" ?!.")))
    if (
        heard.last_kind == "project"
        and heard.last
        and re.fullmatch(
            r"(?:and\s+)?(?:what(?:['’]s|\s+is|\s+are)\s+(?:its|the|their)\s+(?:biggest\s+|main\s+)?(?:status|progress|next\s+steps?|risks?|blockers?)(?:\s+(?:of|there|in|for)(?:\s+it)?)?"
            r"|(?:project\s+)?status|progress|(?:any\s+)?(?:risks|blockers)|how(?:['’]s|\s+is)\s+(?:it|that)\s+(?:going|doing|looking)|is\s+it\s+(?:at\s+risk|on\s+track|late|behind)"
            r"|what(?:['’]s|\s+is)\s+next(?:\s+there)?|how\s+(?:far|does\s+it\s+stand)(?:\s+is\s+it)?)",
            text,
            re.I,
        )
    ):
        return [Call("project_status", {"project": heard.last["id"]})]
    about = (
        _HOW_ABOUT.fullmatch(text) if "project" in (heard.last_kind if heard.last else "", heard.listed_kind) else None
    )
    if about is not None:
        text = f"status of {about['name']}"
    for pattern in _STATUS:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groupdict()
        name = (found.get("name") or found.get("name2") or found.get("name3") or found.get("name4") or "").strip(
            pointing.EDGES
        )
        name = re.sub(r"^(?:(?:the|my|our)\s+)?(?:project\s+)|\s+project$", "", name, flags=re.IGNORECASE)
        place = pointed_at(name, heard)
        if place is not None:
            return [Call("project_status", {"project": place})]
        if found.get("place"):
            continue
        if pointing.is_pronoun(name) and heard.last_kind == "project" and heard.last is not None:
            return [Call("project_status", {"project": heard.last["id"]})]
        if (
            name
            and not _NO_NAME.fullmatch(name)
            and not re.search(
                r"\b(?:tasks?|meetings?|list|reminders?|projects)\b|^(?:(?:my|the|this)\s+)?(?:day|week|month|weekend|morning|evening|schedule)$",
                name,
                re.I,
            )
        ):
            return [Call("project_status", {"project": name})]
    return None
