"""Rules that change projects: their state and their name; and which project is meant."""

import re
from dataclasses import replace

from exponential.assistant.offline import choosing, pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step

WHICH = "Which project do you mean? Say *list my projects* to see them."


THE = r"(?:(?:the|my|our)\s+)?"


_NAMED = rf"(?P<project>project\s+)?{THE}(?:project\s+)?(?P<name>[^,;]+?)(?P<project2>\s+project)?"


_OVER = r"(?:it|that)(?:['’]?s|\s+is)\s+(?:all\s+|now\s+)*(?:done|finished|over|complete[d]?)(?:\s+now)?"


_STATES = {
    "on_hold": (
        whole(rf"(?:put|set|mark)\s+{_NAMED}\s+(?:(?:as|to)\s+)?on[\s-]+(?:hold|ice)"),
        whole(
            rf"{_NAMED}(?:\s+is|['’]s)\s+(?:now\s+)?(?:on\s+(?:hold|ice)|paused)(?:\s+(?:now|again|at\s+the\s+moment|from\s+now\s+on|for\s+now|until\s+further\s+notice))?"
        ),
        whole(
            r"(?P<project>)(?P<name>both|all(?:\s+(?:two|three|four))?|(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|project))?|it|that)"
            r"(?P<project2>)\s+(?:(?:are|is)\s+)?(?:now\s+)?on\s+(?:hold|ice)"
        ),
        whole(rf"(?:pause|suspend|park|freeze|shelve)\s+{_NAMED}"),
    ),
    "active": (
        whole(
            rf"(?:resume|reactivate|restart|unpause|unfreeze|revive|continue|reopen|activate|pick\s+up)\s+{_NAMED}(?:\s+again)?"
        ),
        whole(
            rf"(?:put|set|mark|make|switch|change)\s+{_NAMED}\s+(?:back\s+)?(?:(?:as|to)\s+)?(?P<back>active)(?:\s+again)?"
        ),
        whole(
            rf"{_NAMED}\s+is\s+(?P<back>back\s+on|active(?:\s+again)?|running\s+again|on\s+again|no\s+longer\s+(?:on\s+hold|paused)|not\s+on\s+hold\s+any\s?more)(?:\s+track)?"
        ),
        whole(rf"take\s+{_NAMED}\s+(?P<back>off\s+(?:hold|ice))"),
        whole(rf"(?:wake|start|fire|spin)\s+{_NAMED}\s+(?:back\s+)?up(?:\s+again)?"),
        whole(
            rf"(?:(?:we|i)(?:['’]re|['’]m|\s+are|\s+am)\s+)?(?:pick|picking|take|taking)\s+{_NAMED}\s+(?:back\s+)?up(?:\s+again)?"
        ),
        whole(rf"(?:bring|get)\s+{_NAMED}\s+back(?:\s+(?:to\s+life|on\s+track|up|going|running))?(?:\s+again)?"),
        whole(rf"(?:start|continue|carry\s+on|go\s+on)\s+(?:with\s+)?{_NAMED}\s+again"),
    ),
    "done": (
        whole(rf"(?:mark|set)\s+{_NAMED}\s+(?:as|to)\s+(?:done|complete[d]?|finished|closed)"),
        whole(
            rf"(?:finish|complete|close|archive|end|wrap|i\s+finished|we\s+finished|(?:i|we)(?:\s+have|['’]ve)\s+(?:finished|completed|closed))\s+(?:out\s+|up\s+|off\s+|down\s+)?{_NAMED}"
        ),
        whole(rf"(?P<goes_on>close|finish|archive|complete)\s+{_NAMED}(?:[\s,;.]+{_OVER})?"),
        whole(
            rf"{_NAMED}\s+(?:is|was)\s+(?:now\s+)?(?:done|complete[d]?|finished|over|closed)[\s,;.–-]+(?:(?:so|and|please|pls|we\s+can|you\s+can|let['’]?s)\s+)*"
            r"(?P<archive>archive)\s+(?:it|that)"
        ),
        whole(rf"(?:we|i)(?:['’]re|['’]m|\s+are|\s+am)\s+(?:all\s+)?(?:done|finished|through)\s+with\s+{_NAMED}"),
        whole(rf"{_NAMED}\s+can\s+(?:now\s+)?be\s+(?:closed|archived|marked\s+as\s+(?:done|finished))"),
        whole(rf"{_NAMED}(?:\s+(?:is|was)|['’]s)\s+(?:now\s+)?(?:done|complete[d]?|finished|over|closed)"),
    ),
}


_UNPAUSED = re.compile(r"(?:resume|unpause|unfreeze|reactivate|revive|restart)\b", re.IGNORECASE)


_RENAME = whole(
    rf"(?:rename|retitle|(?:change|set)\s+the\s+(?:name|title)\s+of)\s+{_NAMED}\s+(?:to|into|as)\s+(?P<new>.+)"
)


_CALLED = whole(
    rf"{_NAMED}\s+(?:(?:should|shall|must|will)\s+(?:now\s+)?be|is(?:\s+now|\s+to\s+be))\s+(?:called|named|renamed(?:\s+(?:to|as))?)\s+(?P<new>.+?)"
    r"(?:\s+(?:from\s+now\s+on|instead|now))?"
)


_CALL_IT = whole(
    r"(?:rename|call)\s+(?P<name>it|that|this|(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|project))?|(?:number\s+|#)\d+)\s+"
    r"(?:to\s+)?(?P<new>.+?)(?:\s+(?:instead|from\s+now\s+on|please))*"
)


_ITS_STATE = whole(
    r"(?:(?:it|that|this)(?:['’]s|\s+is)|(?:we|i)(?:['’]re|['’]m|\s+are|\s+am)|mark\s+(?:(?:it|that)\s+)?(?:as\s+)?)\s*(?:now\s+|all\s+)?(?:(?P<done>done|finished|completed?|over|closed)"
    r"(?:\s+(?:with\s+)?(?:it|that))?|(?P<hold>on\s+hold|paused)|(?P<active>active|back\s+on))(?:\s+(?:again|now))?"
)


def changed(heard: Heard) -> list[Step] | None:
    return _changed(replace(heard, text=pointing.without_reason(heard.text))) or _changed(heard)


def _changed(heard: Heard) -> list[Step] | None:
    for status, patterns in _STATES.items():
        for pattern in patterns:
            match = pattern.fullmatch(heard.text)
            if match is not None and (
                (status == "on_hold" and re.search(r"\b(?:hold|ice|pause|freeze|suspend)", heard.text.lower()))
                or (status == "active" and (match.groupdict().get("back") or _UNPAUSED.match(heard.text)))
                or match.groupdict().get("archive")
                or _is_project(match, heard)
            ):
                return updated(match["name"], {"status": status}, heard)
    state = _ITS_STATE.fullmatch(heard.text) if heard.last_kind == "project" and heard.last is not None else None
    if state is not None:
        return updated("it", {"status": "done" if state["done"] else "on_hold" if state["hold"] else "active"}, heard)
    called = _CALL_IT.fullmatch(heard.text) if "project" in (heard.last_kind, heard.listed_kind) else None
    place = known(called["name"], heard) if called is not None else None
    if called is not None and place is not None and place != called["name"].strip(pointing.EDGES):
        return [Call("update_project", {"project": place, "name": called["new"].strip(pointing.EDGES)})]
    match = _RENAME.fullmatch(heard.text) or _CALLED.fullmatch(heard.text)
    if match is not None and _is_project(match, heard):
        return updated(match["name"], {"name": match["new"].strip(pointing.EDGES)}, heard)
    return None


def _is_project(match: re.Match[str], heard: Heard) -> bool:
    said = match["project"] or match["project2"] or re.search(r"\bproject\b", match[0], re.IGNORECASE)
    if match.groupdict().get("goes_on") and heard.last_kind == "project" and heard.last is not None:
        return re.fullmatch(r"[A-Z][\w&-]*(?:\s+[A-Z0-9][\w&-]*)*", match["name"]) is not None
    return (
        bool(said)
        or pointed_at(match["name"], heard) is not None
        or (pointing.is_pronoun(match["name"]) and heard.last_kind == "project" and heard.last is not None)
    )


def updated(name: str, args: dict[str, str], heard: Heard) -> list[Step]:
    """The change of the project, or of each, that `name` means."""
    name = re.sub(
        r"\s+(?:yesterday|today|(?:this|last)\s+(?:week|month|morning|night))$", "", name, flags=re.IGNORECASE
    )
    name = "it" if name.lower() == "project" else name  # "close the project"
    chosen = choosing.counted(name, heard, "project")
    if chosen is not None:
        return [Call("update_project", {"project": project, **args}) for project in chosen]
    if pointing.is_all(name):
        return [Say(WHICH)]
    if pointing.is_pronoun(name) and (heard.last_kind != "project" or heard.last is None):
        return [Say(WHICH)]
    return [Call("update_project", {"project": known(name, heard), **args})]


def pointed_at(name: str, heard: Heard) -> str | None:
    """The id of "the second one", when projects were listed last."""
    if heard.listed_kind != "project" or not heard.listed:
        return None
    try:
        ids = pointing.targets(name, heard, "project", WHICH, several=False)
    except pointing.Unclear:
        return None
    return ids[0] if any(record["id"] == ids[0] for record in heard.listed) else None


def known(name: str, heard: Heard) -> str:
    """The id of the project that is pointed at; else its name as it was said."""
    place = pointed_at(name, heard)
    if place is not None:
        return place
    if pointing.is_pronoun(name) and heard.last is not None and heard.last_kind == "project":
        return str(heard.last["id"])
    return name.strip(pointing.EDGES)
