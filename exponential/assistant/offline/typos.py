"""Typing errors and abbreviations in the words that the rules hang on; names and titles stay as they were written."""

import re

from rapidfuzz.distance import OSA

from exponential.assistant.offline.words import VERBS
from exponential.workspace.text.days import WEEKDAYS

_DAYS = ("tomorrow", *WEEKDAYS)
_PARTS = ("morning", "afternoon", "evening")
_SHORT = dict(
    pair.split("=")
    for pair in """tmrw=tomorrow tmr=tomorrow tmw=tomorrow 2moro=tomorrow 2morrow=tomorrow 2day=today tdy=today
    2nite=tonight tonite=tonight nxt=next wknd=weekend whats=what's hows=how's pls=please plz=please dont=don't
    didnt=didn't isnt=isn't ive=I've im=I'm thru=through todays=today's tomorrows=tomorrow's b4=before
    yday=yesterday 2do=todo taks=task tsk=task l8r=later 2mrw=tomorrow tmrrw=tomorrow tomo=tomorrow wats=what's
    wots=what's wat=what wot=what gimme=give|me mornin=morning mornings=mornings evenin=evening arvo=afternoon
    lemme=let|me wanna=want|to cant=can't wont=won't thats=that's wk=week wks=weeks rmnd=remind rmd=remind
    rmdr=reminder rmdrs=reminders upd=update wat's=what's wot's=what's arent=aren't doesnt=doesn't havent=haven't
    hasnt=hasn't wasnt=wasn't dne=done overdu=overdue alredy=already allready=already sry=sorry doen=done
    resched=reschedule prioriy=priority plase=please pleas=please plese=please rember=remember remeber=remember
    dnoe=done til=until
    evry=every howmany=how|many yesterdays=yesterday's prioroty=priority priorty=priority prioity=priority
    cld=could wld=would shld=should urgnt=urgent urgend=urgent reviw=review chng=change chg=change""".split()
)
# Only when nothing was understood: titles hold these, too.
_LATER = dict(
    pair.split("=")
    for pair in """lst=list u=you ur=your r=are prj=project proj=project projs=projects mtg=meeting mtgs=meetings
    rem=remind abt=about hw=how shw=show mv=move lsit=list adn=and appts=appointments hv=have wht=what wich=which
    mark=mark hwo=how whos=who's wheres=where's""".split()
)
# In questions, which make no titles.
_ASKING = re.compile(
    r"(?:give\s+me|tasks\s+w/|sum+ari[sz]e|recap|summary|minutes|r\s+there|wen|wats?|count|compare|number"
    r"|who|whos|who's|what|what's|wht|which|wich|when|where|why|how|hw|hows|how's|show|shw|list|lst|any|did|do\s+(?:i|we|you)|does|is|are)\b",
    re.IGNORECASE,
)
_ASKED = dict(
    pair.split("=")
    for pair in """r=are u=you ur=your hw=how wht=what wich=which abt=about sth=something smth=something shw=show
    lst=list tsk=task tsks=tasks mtg=meeting mtgs=meetings proj=project projs=projects prj=project incl=including
    ppl=people smb=somebody btw=between hv=have n=and mny=many hav=have wen=when doin=doing any1=anyone some1=someone
    every1=everyone trak=track rems=reminders itmes=items""".split()
)
# Misspelled, these are recognised in a question; capitals are names.
_ASKED_ALIKE = """finish finished complete completed urgent overdue yesterday everything anything project projects
    meeting meetings minute minutes reminder reminders priority action items status summary summarise decide decided
    decision
    decisions priorities actions summaries""".split()
_FIRST = {
    "ad": "add",
    "taks": "tasks",
    "tsk": "task",
    "teh": "the",
    "del": "delete",
    "rm": "remove",
    "hte": "the",
    "bk": "book",
}
# Words that begin or make a request; a first word that is nearly one of them is taken for it.
_KEYWORDS = """add create task tasks todo show list what which mark complete completed delete remove move rename
    reopen reschedule postpone remind reminder reminders cancel snooze remember recall forget undo project
    projects status meeting meetings summarize summary summarise update finished finish search count change
    action items priority overdue everything briefing briefings active""".split()
_LONG = tuple(word for word in _KEYWORDS if len(word) >= 6)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_COMMON = frozenset(
    """that this them then than with from have will they your when were been some what take make made call
    name send find food time task tasks want need must like just about there their these those where after
    lost list last talk walk tank desk risk mask fast test tell left show most must cost host post recall
    cancer mascot ending mending rename trips""".split()
)
# Two letters in the wrong order: "tkae", "projcet". None of these is a word.
_SWAPPED = {
    word[:place] + word[place + 1] + word[place] + word[place + 2 :]: word
    for word in """project projects priority reminder reminders meeting meetings first second third take delete rename
    remove reopen create update remind snooze complete reschedule postpone cancel remember action minutes""".split()
    for place in range(len(word) - 1)
    if word[place] != word[place + 1]
}
_LEVELS = ("high", "urgent", "normal")
_NO_HOUR = r"(?<=\w\s)(?<!\bat\s)(?<!\bfor\s)"  # "at 4 tomorrow"
_DATE_WORD = r"(?=\s+(?:mon|tue|wed|thu|fri|sat|sun|today|tomorrow|tonight|next|the\s+\d))"
_TO = re.compile(
    rf"{_NO_HOUR}(?<!task\s)(?<!number\s)(?<!item\s)(?<!and\s)(?<!,\s)2{_DATE_WORD}|(?<=\w\s)2(?=\s+(?:{'|'.join(sorted(VERBS))})\b)",
    re.IGNORECASE,
)
_FOR = re.compile(rf"{_NO_HOUR}4{_DATE_WORD}", re.IGNORECASE)
_WITH = re.compile(r"(?<!\w)w/\s*(?=\w)", re.IGNORECASE)
_WITHOUT = re.compile(r"(?<!\w)w/o\b", re.IGNORECASE)
_AND = re.compile(  # "wake me at 6 n remind me of the bins"
    rf"(?<=\w\s)['’]?n['’]?(?=\s+(?:what|which|how|who|when|where|remind|show|mark|delete|remove|rename|reopen|snooze|also|then|{'|'.join(sorted(VERBS))})\b)",
    re.IGNORECASE,
)
_OFF = re.compile(r"(?<=\btick )of\b|(?<=\bcheck )of\b|(?<=\bcross )of\b", re.IGNORECASE)
_FRONT = 3  # words at the front of a request among which any keyword is looked for
_POLITE = frozenset("please can could would you paddy hey hi kindly just".split())


_NEED = re.compile(r"^nd(?=\s+to\s)", re.IGNORECASE)
_YOU = re.compile(r"\b(?P<can>can|could|would|will)\s+u\b", re.IGNORECASE)
_HIGH = re.compile(r"\bhi(?=[\s-]prio)", re.IGNORECASE)


def abbreviations(text: str) -> str:
    """ "tmrw" → "tomorrow", "firday" → "friday"; safe in every text."""
    text = _TO.sub("to", _WORD.sub(lambda match: _everywhere(match[0]), _WITHOUT.sub("without", text)))
    text = _NEED.sub("need", text)
    text = _YOU.sub(r"\g<can> you", _HIGH.sub("high", text))
    return _OFF.sub("off", _AND.sub("and", _FOR.sub("for", text)))


def in_question(text: str) -> str:
    """ "hw many r due w/ Anna", without `abbreviations`, with its words in full; what isn't asked stays as it is."""
    if not _ASKING.match(text):
        return text
    text = _WITH.sub("with ", text)
    text = re.sub(r"(?<=\s)lst(?=\s+(?:week|month|year|meeting|mtg|\w+day)\b)", "last", text, flags=re.IGNORECASE)
    return _WORD.sub(lambda match: _asked(match[0]), text)


def _asked(word: str) -> str:
    known = _ASKED.get(word.lower())
    return (
        known or (_nearest(word, _ASKED_ALIKE) if word.islower() and word.isalpha() and len(word) > 4 else None) or word
    )


def repaired(text: str, *, first_word_only: bool = False) -> str:
    """`text` with its keywords spelled right, for when the rules understood nothing as it stood."""
    place = -1

    def repair(match: re.Match[str]) -> str:
        nonlocal place
        word = match[0].lower()
        place += place >= 0 or word not in _POLITE
        if place < 0:
            return match[0]
        if place and first_word_only:
            return match[0]
        if word in _LATER:
            return _LATER[word]
        if place < _FRONT:
            return _FIRST.get(word) or _nearest(word, _KEYWORDS) or match[0]
        return _nearest(word, _LONG) or (_nearest(word, _LEVELS) if levels else None) or match[0]

    levels = bool(re.search(r"\bp\w*r\w*i\w*t\w*\b|\bprio\b", text, re.IGNORECASE))
    return _WORD.sub(repair, _WITH.sub("with ", text))


def _everywhere(word: str) -> str:
    low = word.lower()
    if low in _SHORT:
        return _SHORT[low].replace("|", " ")
    if low in _SWAPPED:
        return _SWAPPED[low]
    if len(low) < 5 or low.removesuffix("s") in (*_DAYS, *_PARTS, "overdue") or low[0] not in "tmwfsoae":
        return word
    part = next((name for name in _PARTS if low[:2] == name[:2] and OSA.distance(low, name) == 1), None)
    if part is not None and low != "mourning":
        return part
    near = next(
        (
            day
            for day in (*_DAYS, "overdue")
            if low[0] == day[0] and OSA.distance(low, day) <= (1 if len(low) < 7 else 2)
        ),
        None,
    )
    return near if near and low[-1] == near[-1] and low != "sundae" else word


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    if len(word) < 4 or word in known or word in _COMMON:
        return None
    allowed = 1 if len(word) < 7 else 2
    scored = sorted((OSA.distance(word, other), abs(len(word) - len(other)), other) for other in known)
    return scored[0][2] if scored[0][0] <= allowed else None
