"""Titles in quotation marks: what stands there is the title as it is."""

import re
from dataclasses import replace

from exponential.assistant.offline import details, pointing
from exponential.assistant.offline.belonging import ADD, ON_LIST
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.workspace.text import dates

_ADD_QUOTED = whole(
    rf"(?:{ADD}|pop|stick|schedule|file|(?:i\s+|we\s+)?(?:need|want))(?:\s+(?P<before>(?:(?:a|an|the|new|task|to-?do|item|called|named|titled|high|low|urgent|priority|high-priority|low-priority|for\s+me)\s*)*))?\s*[:,]?\s*"
    r"(?:\"(?P<q1>[^\"]+)\"|“(?P<q2>[^”]+)”|(?<!\w)'(?P<q3>[^']+)'(?!\w)|‘(?P<q4>[^’]+)’)(?P<after>.*)"
)


_QUOTES = re.compile(r"\"([^\"]+)\"|“([^”]+)”")


_SEVERAL_QUOTED = whole(
    rf"(?P<verb>{ADD})(?:\s+(?:the\s+)?(?:tasks|to-?dos))?\s*:?\s*(?P<titles>(?:\"[^\"]+\"|“[^”]+”)(?:\s*(?:,|and|&|,\s*and)\s*(?:\"[^\"]+\"|“[^”]+”))+)(?P<after>.*)"
)


_MAKES_IT = whole(  # "make “order chairs” low priority" changes what is there
    r"make\s+(?:\"[^\"]+\"|“[^”]+”)\s+(?:an?\s+)?(?:low|high|normal|top|urgent|important|critical)(?:[\s-]+prio(?:rity)?)?(?:\s+task)?"
)


_SINGLE = re.compile(r"(?<!\w)'([^']+)'(?!\w)")


RETITLES = re.compile(r"[\"”]\s+(?:should|must|shall)\s+(?:now\s+)?(?:be|read|say)\b", re.IGNORECASE)
_NEXT_QUOTED = re.compile(r"(?:\s*,\s*(?:and\s+)?|\s+(?:and|&)\s+)(?=[\"“])")


def _each_dated(heard: Heard) -> list[Step] | None:
    """ "add “buy stamps” for today and “post the letters” for tomorrow"."""
    verb = re.match(rf"{ADD}\s", heard.text, re.IGNORECASE)
    pieces = _NEXT_QUOTED.split(heard.text)
    if verb is None or len(pieces) < 2:
        return None
    steps: list[Step] = []
    for piece in (pieces[0], *(f"{verb[0]}{piece}" for piece in pieces[1:])):
        found = quoted_title(replace(heard, text=piece))
        if not found:
            return None
        steps += found
    return steps


def quoted_title(heard: Heard) -> list[Step] | None:
    """ "add “fix the bug” to alpha, urgent, due today": what stands in quotation marks is the title as it is."""
    if '"' not in heard.text and "“" not in heard.text:
        heard = replace(heard, text=_SINGLE.sub(r'"\1"', heard.text))
    several = _SEVERAL_QUOTED.fullmatch(heard.text)
    if several is not None:
        titles = [next(filter(None, found)) for found in _QUOTES.findall(several["titles"])]
        one = quoted_title(replace(heard, text=f'{several["verb"]} "{titles[0]}" {several["after"]}'))
        first = one[0] if one else None
        return (
            [Call("create_task", first.args | {"title": title.strip()}) for title in titles]
            if isinstance(first, Call)
            else None
        )
    apart = _each_dated(heard)
    if apart is not None:
        return apart
    match = _ADD_QUOTED.fullmatch(heard.text)
    if match is None or re.search(r"[\"“”]|(?<!\w)'", match["after"]):
        return None
    if _MAKES_IT.fullmatch(heard.text) or RETITLES.search(heard.text):
        return None
    rest, priority = details.take_priority(f"{match['before'] or ''} {match['after']}")
    rest, project = details.take_project(rest)
    rest, due = dates.extract(rest, heard.now)
    rest = re.sub(
        rf"\b(?:to|on|onto|in|into)\s+(?:(?:my|the|our)\s+)*{ON_LIST}\b|\bfor\s+me\b", "", rest, flags=re.IGNORECASE
    )
    if project is None and heard.last_kind == "project" and heard.last and re.search(r"\bthere\b", rest, re.IGNORECASE):
        project, rest = heard.last["name"], re.sub(r"\bthere\b", "", rest, flags=re.IGNORECASE)
    named = re.search(
        r"\b(?:to|in|into|under|for)\s+(?:the\s+)?(?:project\s+)?(?P<name>[\w&][\w&'’ -]*)", rest, re.IGNORECASE
    )
    if (
        project is None
        and named is not None
        and pointing.is_pronoun(named["name"])
        and heard.last_kind == "project"
        and heard.last
    ):
        project, rest = heard.last["name"], rest[: named.start()] + rest[named.end() :]
    elif project is None and named is not None:
        project, rest = named["name"].strip(), rest[: named.start()] + rest[named.end() :]
    if re.sub(
        r"\b(?:and|with|due|please|as|a|an|the|new|task|to-?do|item|called|named|is|set|it|for|priority|high|low|deadline|date|of|at|latest)\b|\W",
        "",
        rest,
        flags=re.IGNORECASE,
    ):
        return None
    title = next(match[key] for key in ("q1", "q2", "q3", "q4") if match[key])
    args: dict[str, str | None] = {"title": title.strip(), "due": due.isoformat() if due else None}
    found = {"priority": priority, "project": project}
    return [Call("create_task", args | {key: value for key, value in found.items() if value})]
