"""Rules for tasks said as a need, an errand or an entry: "I need to …", "buy milk tomorrow", "dr lee mon 9am"."""

import re

from exponential.assistant.offline import passives, pointing
from exponential.assistant.offline.asides import turned
from exponential.assistant.offline.belonging import ON_LIST, taken, with_all
from exponential.assistant.offline.creating import tasks_of
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Heard, Step
from exponential.assistant.offline.words import ERRANDS, VERBS
from exponential.workspace.text import dates

_BARE = whole(  # "eggs on my shopping list please", without a verb
    r"(?!(?:what|which|who|is|are|was|how|any|every|all|no|the\s+(?:first|second|third|last)|put|move|mark|take|remove|delete|show|list|tick|check|cross|do|did|have|i|it|that|this)\b)"
    rf"(?P<what>[^?.]{{2,60}}?)\s+(?:on|onto|to)\s+(?:my|the)\s+(?:{ON_LIST})(?:[\s,]+(?:please|pls))?"
)


_NEED_THING = whole(r"(?:i|we)\s+need\s+(?!to\b|you\b|help\b)(?P<rest>.+)")


_NEED = whole(
    r"(?:(?:someone|somebody)\s+(?:has|needs|ought)\s+to|(?:i|we)(?:['’]ll|\s+will)?\s+(?:(?:really|still|also|just|probably|definitely|absolutely|do)\s+)*(?:need|have|want|ought"
    r"|hafta)\s+to|(?:i|we)(?:['’]ve|\s+have)?\s+got\s+to|(?:i|we)\s+gotta|(?:i|we)(?:['’]d|\s+had)\s+better|i(?:['’]m|\s+am)\s+"
    r"(?:supposed|meant)\s+to|(?:(?:i|we)\s+)?(?:really\s+|also\s+|still\s+)?(?:must(?:n['’]t)?|should)(?!\s+(?:i|we|the|it|this|that|they|he|she|my|our)\b)(?:\s+not)?(?:\s+forget(?:\s+(?:to|about))?)?"
    r"|(?:still|also|just)\s+(?:have|need|got)\s+to|have\s+to|got\s+to|better\s+not\s+forget\s+to|it['’]?s\s+time\s+to|(?:(?:it|that)\s*)?(?:would|['’]d|might)\s+be\s+(?:good|nice|great|wise|time|best)\s+to(?!\s+(?:know|see|hear|have)\b)|(?:don['’]?t|do\s+not)\s+"
    r"(?:let\s+me\s+)?forget(?:\s+(?:to|about)|\s*:)?"
    r"|remember\s+to|please\s+remember\s+to|need\s+to|make\s+sure\s+(?:that\s+)?(?:i|we|to)|gotta)\s+"
    r"(?:(?:really|probably|also|just|still|finally|(?:get|come)\s+(?:round|around)\s+to|remember\s+to|go\s+and|try\s+to|be\s+sure"
    r"\s+to|make\s+sure\s+(?:to|i|we))\s+)*(?P<rest>.+)"
)


_NO_ERRAND = re.compile(
    r"(?:get|find|call|bring|buy|order|book|make|give|tell|show|send|pick|read)\s+(?:me|you|us)\b|(?:do|does|did|have|has|is|are)\s+(?:you|i|we|they|he|she|it)\b"
    r"|(?:call|check|see)\s+(?:my\s+name|how|if|whether|what|why|when|where|who)\b",
    re.IGNORECASE,
)


_OWN_VERBS = frozenset(
    """let remind reschedule remove close open mark complete list link log label archive rename
    move change cancel put set push add create tell say search turn update show record""".split()
)


_NO_ENTRY = re.compile(
    r"^(?:lmk|same|jot|rem|see|bye|talk|later|until|till|good|happy|no|not|yes|maybe|ok|okay|fine|sorry|thanks|thank|what|which|who|how|when|where"
    r"|why|is|are|am|was|were|do|does|did|can|could|will|would|should|shall|i|you|he|she|we|they|it|that|this|if|and|or|but"
    r"|the\s+(?:first|second|third|last)|move|change|cancel|put|set|push|delete|remove|erase|forget|snooze|undo|remind|mark|open"
    r"|tell|say|search|turn|update|show|list|any|every|each|done|never|don['’]?t|tasks?|projects?|meetings?|reminders?|free|busy)\b"
    r"|\b(?:is|are|was|were|am|isn['’]t|will|weather|news|forecast|score|traffic|been|has|had|it|me|instead|actually|earlier|later)\b|['’](?:ll|m|re|ve)\b",
    re.IGNORECASE,
)


_FRONTED = whole(r"(?P<when>[^,:;.?!]{3,40}?)(?:,\s*|\s+)(?P<rest>(?:i|we)(?:['’]\w+)?\s+.+)")  # "tomorrow I need to …"


_RECORDS = re.compile(r"\b(?:tasks?|to-?dos?|projects?|reminders?|meetings?|list|ones|items?)\b", re.IGNORECASE)


_FIRST_WORD = re.compile(r"[a-z]+(?!-?\w)", re.IGNORECASE)  # "check-in" is no verb


def need(heard: Heard) -> list[Step] | None:
    text, shared = taken(heard)
    match = _NEED.fullmatch(text)
    if match is not None:
        return with_all(tasks_of(match["rest"], heard), shared)
    fronted = _FRONTED.fullmatch(text)
    wanted = _NEED.fullmatch(fronted["rest"]) if fronted is not None else None
    if fronted is not None and wanted is not None:
        words, due = dates.extract(fronted["when"], heard.now)
        if due is not None and not words.strip(" ,"):
            return with_all(tasks_of(wanted["rest"], heard, due=due), shared)
    deed = passives.needed(text)
    if deed is not None:
        return with_all(tasks_of(deed, heard), shared)
    thing = _NEED_THING.fullmatch(text)
    dated = thing is not None and dates.extract(thing["rest"], heard.now)[1] is not None
    return with_all(tasks_of(thing["rest"], heard), shared) if thing is not None and dated else None


def errand(heard: Heard) -> list[Step] | None:
    """What only a person can do can only be meant as a task; other deeds are when they have a day."""
    text, shared = taken(heard)
    first = _FIRST_WORD.match(text)
    if first is None or " " not in text or "?" in text or _NO_ERRAND.match(text):
        return None
    if pointing.is_place(text[first.end() :]):  # "drop number 2" is no errand
        return None
    word = first[0].lower()
    if word in ERRANDS or (
        word in VERBS - _OWN_VERBS
        and ((shared and not _RECORDS.search(text)) or dates.extract(text, heard.now)[1] is not None)
    ):
        return with_all(tasks_of(text, heard), shared)
    return None


def entry(heard: Heard) -> list[Step] | None:
    """ "dr lee mon 9am": a few words and a day, or the list, said as one notes them down."""
    bare = _BARE.fullmatch(heard.text)
    if bare is not None and not turned(bare["what"]):
        return tasks_of(bare["what"], heard, listed=True)
    if sum(": " in row for row in heard.text.splitlines()) > 1:
        return None  # "Check-in: 3pm\nGuests: 2" is for nobody to do
    text, shared = taken(heard)
    words, due = dates.extract(text, heard.now)
    if re.match(r"(?:any(?:thing|one)?|nothing|everything)\b", words, re.IGNORECASE):
        return None  # asks
    if due is None or "?" in text or not 1 <= len(words.split()) <= 7 or _NO_ENTRY.search(words):
        return None
    return with_all(tasks_of(text, heard), shared)
