"""The project that a question is about, whatever it is called: "in the Q3 budget", "the Hiring tasks", "for Alpha, …".

What says when, how urgent or how far is left aside first, so that what remains after "in" or before "tasks" is a name.
"""

import re
from datetime import datetime

from exponential.assistant.offline import details, ranges
from exponential.assistant.offline.steps import Heard
from exponential.workspace.text import dates

_WORD = re.compile(r"[\w&][\w&'’-]*")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_OF = re.compile(
    r"\b(?:in|for|on|of|under|within|from|inside|(?<=add\s)to|(?<=added\s)to)\s+(?:(?:the|my|our)\s+)?", re.IGNORECASE
)
_HAS = re.compile(
    r"\b(?:does|has|do)\s+(?:(?:the|our)\s+)?(?:project\s+)?(?P<name>(?!(?:my|i|we|you|they|it)\b)[\w&'’ -]{1,40}?)"
    r"(?:\s+project)?\s+(?:still\s+|currently\s+|really\s+)?"
    r"(?:have|got|hold|contain)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\b(?:tasks?|to-?dos?|items|ones|stuff)\b", re.IGNORECASE)
_LAST = re.compile(  # what may follow the name, and is none of it
    r"(?:[\s,]+(?:that|which|who|is|are|was|were|has|have|been|be|being|do|does|did|r|still|already|yet|so\s+far|right\s+now|now|currently|at\s+the\s+moment"
    r"|please|only|again|open|done|finished|completed?|closed|overdue|due|fall(?:ing)?|left|late|outstanding|pending|remaining|unfinished|there"
    r"|to\s+(?:do|go|be\s+done)|not|i|we|got|my|in|on|by|at|for|from|since|with|of|and|or|marked|as|over|total|altogether|all\s+in\s+all"
    r"|deadlines?|priority|prio|aren['’]t|isn['’]t|haven['’]t))+\s*$",
    re.IGNORECASE,
)
# No name has these in it.
_NEVER = frozenset(
    """i me my mine we us you it its this that these those them there here is are was were be been do does did done
    have has had what what's whats which who how many much when where why tasks task todo todos items stuff
    things thing everything anything something nothing due overdue list projects project day date priority prio
    deadline deadlines without no any all every each total general finish finished complete completed get got
    need needs left status open per by than more less fewer most least or not vs versus compared should must
    still already yet show give tell see find count compare can could would will today tomorrow yesterday
    tonight week month year weekend reminder reminders meeting meetings notes earth plate agenda mind everyone
    everybody anyone anybody someone somebody nobody hold schedule risk track number finishing working add added
    created make made""".split()
)
# Before "tasks" these say what kind, not whose.
_KINDS = frozenset(
    """the a an my our your his her their some of in on for to from with and but up current currently active late
    upcoming other new newest old oldest latest recent next last first second third remaining unfinished
    outstanding incomplete undone pending closed important urgent low normal medium high highest top critical
    daily weekly monthly recurring small big easy hard quick long short personal private whole single only just
    also really actually one two three four five six seven eight nine ten few several lots action to-do
    important undated dated unassigned late behind different separate actual individual pressing biggest me
    today's tomorrow's todays tomorrows weeks yesterday's week's month's opened show give list view display read
    check both same active ones like top delayed past""".split()
)
_NO_PROJECT = frozenset(
    """me my mine us all total today tomorrow now week month year list due hold overdue open done this that it here
    there general them april may june july march august september october november december january february
    progress mind time plate agenda tasks projects meetings weekend morning evening monday tuesday wednesday
    thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun noon night tonight work home next
    last both anything everything something it its them there their these those all april mine once case order
    time""".split()
)
_MAX_WORDS = 5
_POINTS = re.compile(
    r"(?<!is\s)(?<!are\s)\bthere\b|\bin\s+(?:it|(?:that|this)(?:\s+(?:one|project))?)\b|\b(?:its|the\s+project['’]s)\b"
    r"|^how\s+many\s+(?=(?:are|is)\b)|(?<=\s)(?=ones\b)",
    re.IGNORECASE,
)
_FRONT = re.compile(
    r"^(?:(?P<place>(?:in|for|on|from|during|since|by|until|within|under)\s+[^,:?]{1,40}),"
    r"|(?P<name>[\w&][\w&'’ -]{0,30}?)\s*(?::|\s[-–—]))\s+"
    r"(?P<rest>(?:what|which|how\s+many|how\s+much|any|anything|is\s+there|are\s+there|overdue)\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NO_FRONT = re.compile(
    r"\b(?:question|todo|to-?do|tasks?|note|reminder|project|show|list|tell|add|remind|remember|wondering|also|sorry|ask)\b",
    re.IGNORECASE,
)


def unfronted(text: str) -> str:
    """ "For Hiring, what's left?" and "Hiring: what's left?" with their project where it is mostly said: at the end."""
    match = _FRONT.match(text)
    if match is None or (match["name"] and _NO_FRONT.search(match["name"])):
        return text
    place = match["place"] or f"in {match['name']}"
    return f"{match['rest'].rstrip(' ?!.')} {place}?"


def project_in(text: str, now: datetime) -> tuple[str, str | None]:
    """The question without its project, and the project's name."""
    left, project = details.take_project(text)
    if project is not None:
        return left, project
    has = _HAS.search(text)
    if has is not None and _is_name(has["name"]):
        return f"{text[: has.start()]} {text[has.end() :]}".strip(), has["name"]
    bare = _bare(text, now)
    for name in (_after_preposition(bare), _before_noun(bare)):
        if name is not None:
            return _without(text, name), name
    return text, None


def project_of(text: str, heard: Heard) -> tuple[str, str | None]:
    """Likewise; "there" and "the ones" are those of the project spoken of."""
    left, project = project_in(text, heard.now)
    if project is None and heard.last_kind == "project" and heard.last is not None:
        points = _POINTS.search(text)
        if points is not None:
            return f"{text[: points.start()]} {text[points.end() :]}".strip(), str(heard.last["id"])
    return left, project


def _bare(text: str, now: datetime) -> str:
    """Without when and how urgent."""
    for _ in range(2):
        text, range_ = ranges.take(text.rstrip(" ?!."), now)
        if range_ is None:
            break
    text, _ = dates.extract(text, now)
    text, _ = details.take_priority(text)
    return _LAST.sub("", text.strip(" ?!.,"))


def _after_preposition(text: str) -> str | None:
    for place in _OF.finditer(text):
        name = _LAST.sub(
            "",
            re.split(
                r"\s+(?:that|which|where|did|do|does|have|has|are|is|were|was|since|until|before|after)\b|[,;:]",
                text[place.end() :],
            )[0],
        ).strip()
        if _is_name(name):
            return name
    return None


def _before_noun(text: str) -> str | None:
    for noun in _NOUN.finditer(text):
        words: list[str] = []
        for word in reversed(text[: noun.start()].split()):
            low = word.lower()
            if low in _KINDS or low in _NEVER or low.isdigit() or not _WORD.fullmatch(word) or "'" in low or "’" in low:
                break
            words.insert(0, word)
        name = " ".join(words)
        if name and _is_name(name) and not (len(words) == 1 and name.endswith("ed")):  # blocked, shared, assigned
            return name
    return None


def _is_name(name: str) -> bool:
    words = name.lower().split()
    return (
        0 < len(words) <= _MAX_WORDS
        and not any(word in _NEVER for word in words)
        and all(_WORD.fullmatch(word) for word in words)
        and not _ORDINAL.fullmatch(words[0])
        and not (len(words) == 1 and (words[0] in _NO_PROJECT or words[0] in _KINDS or words[0].isdigit()))
    )


def _without(text: str, name: str) -> str:
    said = re.compile(
        r"(?:\b(?:in|for|on|of|under|within|from|inside|to)\s+)?(?:\b(?:the|my|our)\s+)?"
        + re.escape(name).replace(r"\ ", r"\s+"),
        re.IGNORECASE,
    )
    return " ".join(said.sub(" ", text, count=1).split())
