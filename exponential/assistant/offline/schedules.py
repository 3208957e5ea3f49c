"""Lists of days and hours in one request: "monday, wednesday and friday at 7 and 19", "at 8am, noon and 8pm"."""

import re
from collections.abc import Iterator, Sequence
from itertools import product, takewhile

from exponential.assistant.offline.repeating import weekday
from exponential.workspace.text import times as hours
from exponential.workspace.text.days import MONTH, WEEKDAYS

MAX_TIMES = 20  # days × hours of one request

_PART = r"morning|afternoon|evening|night"
_MONTH = MONTH.replace("?P<month>", "?:")
_NUMBER = r"(?:[12]?\d|3[01]|0?[1-9])"
_NTH = rf"(?:the\s+)?{_NUMBER}(?:st|nd|rd|th)"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun"
_DATE = (
    rf"(?:(?:{_WEEKDAY}),?\s+)?(?:(?P<nth>{_NTH})(?P<month>\s+(?:of\s+)?{_MONTH})?|{_NUMBER}\s+{_MONTH}"
    rf"|{_MONTH}\s+{_NUMBER}(?:st|nd|rd|th)?)"
)
_DAY = (
    r"(?:(?:on|for)\s+)?(?:(?P<lead>(?:every|each)(?:\s+(?:other|second|single))?|(?:this\s+)?(?:next|coming)|this)\s+)?"
    rf"(?P<day>{_DATE}|{_WEEKDAY}|weekdays?|workdays?|day|today|tomorrow|tmrw)"
)
_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_HOUR = (
    rf"(?:(?:in\s+the\s+)?(?P<half>{_PART})\s+(?=at\s))?(?:for\s+(?=at\b|noon\b|midnight\b|\d))?(?P<at>(?:at|around|by)\s+)?(?P<hour>{_WORDS}|noon|midday|midnight|(?:[01]?\d|2[0-3])"
    rf"(?:[:.][0-5]\d)?(?:\s*[ap]\.?m\b\.?|\s*o['’]?\s?clock)?)(?:\s+in\s+the\s+(?P<part>{_PART}))?"
    rf"|(?:in\s+the\s+|at\s+(?=night))?(?P<only>{_PART})"
)
_HOURS = {word: number for number, word in enumerate(_WORDS.split("|"), start=1)}
_ITEM = re.compile(
    r"(?P<joint>\s*[,;&]\s*(?:and\s+)?|\s+(?:and|plus)\s+(?:also\s+|then\s+)?|\s+|(?<![\w'’:./-]))"
    rf"(?:{_DAY}|{_HOUR})(?![\w'’]|[:./-]\w)",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\d{{1,2}}|{_WORDS}", re.IGNORECASE)
_NAMES = re.compile(  # "the monday and tuesday shifts" are no times
    r"\b(?:the|my|our|your|his|her|their|an?|of|about|with|between|from|until|till|than)$", re.IGNORECASE
)
_GOES_ON = re.compile(
    r"\s*(?:$|[^\w\s]|(?:to|that|about|of|for|so|please|pls|with|because|from|until|till|starting|beginning|in|before|after"
    r"|when|and|remind|can|could|every|each|as)\b)",
    re.IGNORECASE,
)
_EVERY_PART = re.compile(rf"\b(?:every|each)(?=\s+(?:{_PART})\b)", re.IGNORECASE)
_FULL = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_RANGE = re.compile(
    r"\b(?:(?:(?P<daily>every\s+(?:week)?day|daily),?\s+)?from\s+)?(?P<first>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\s*(?:to|through|thru|till|until|-|–)\s*"
    r"(?P<last>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?\b(?!['’])",
    re.IGNORECASE,
)
_WEEKENDS = re.compile(r"\b(?:(?:on\s+)?(?:every|each)\s+weekend|(?:on\s+)?weekends)\b", re.IGNORECASE)
_PARTS_OF_ALL_DAYS = re.compile(
    rf"(?<!day\s)\b(?:in\s+the\s+|on\s+)?(?P<part>{_PART})s(?=\s+(?:at|around|to|and)\b|\s*,)", re.IGNORECASE
)
_POINT = re.compile(r"\bat\s+(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)\b(?!\.?\d)", re.IGNORECASE)
_EXCEPT = re.compile(
    rf"\b(?:except|excluding|but\s+not|apart\s+from)\s+(?:on\s+|for\s+)?(?:{_FULL}|weekends?|weekdays?|the\s+weekend)\b",
    re.IGNORECASE,
)
_EARLY = re.compile(r"0?[1-6][:.][0-5]\d")
_ALONE = re.compile(r"(?:today|tomorrow|tmrw)$", re.IGNORECASE)
_PLURAL = re.compile(r"(?<=day)s$", re.IGNORECASE)


def is_unclear(text: str) -> bool:
    """Whether the text excepts days, which is more than is understood here."""
    return _EXCEPT.search(text) is not None


def _spelled_out(text: str) -> str:
    """Ranges of days, weekends and the like as lists, and hours with a colon."""
    text = _POINT.sub(r"at \g<hour>:\g<minute>", text)
    text = _WEEKENDS.sub("every saturday and every sunday", text)
    return _PARTS_OF_ALL_DAYS.sub(r"every \g<part>", _RANGE.sub(_range, text))


def _range(found: re.Match[str]) -> str:
    first, last = weekday(found["first"]), weekday(found["last"])
    days = [WEEKDAYS[(first + more) % 7] for more in range((last - first) % 7 + 1)]
    every = "every " if found["daily"] else ""
    return f"{every}{', '.join(days[:-1])} and {days[-1]}" if len(days) > 1 else found[0]


def expanded(text: str, *, wakes: bool = False) -> list[str]:
    """The request once for each of its days and hours, in the order said; `[text]` where it lists none. What `wakes`
    somebody does so in the morning.

    At most MAX_TIMES, and one more where there are too many.
    """
    text = _spelled_out(text)
    for spelled in (_EVERY_PART.sub(r"\g<0> day", text), hours.figures(text)):  # "at half past eight and ten to nine"
        lists = list(_lists(spelled, wakes=wakes))
        if lists:
            break
    texts = [spelled] if lists else [text]
    for start, end, times in reversed(lists):
        texts = [f"{one[:start].rstrip(' ')} {time} {one[end:].lstrip(' ')}" for time in times for one in texts]
        texts = [one.strip() for one in texts[: MAX_TIMES + 1]]
    return texts


def is_list(text: str) -> bool:
    """Whether the text is a list of days or hours, and nothing else."""
    return any(not f"{text[:start]}{text[end:]}".strip(" .!") for start, end, _ in _lists(text))


def _lists(text: str, *, wakes: bool = False) -> Iterator[tuple[int, int, list[str]]]:
    """Where each list begins and ends, and the times that it stands for, in the order in which they are said."""
    for chain in _chains(text):
        while chain and not _GOES_ON.match(text, chain[-1].end()):
            chain.pop()
        days = sum(item["day"] is not None for item in chain)
        if max(days, len(chain) - days) > 1 and not _NAMES.search(text[: chain[0].start()]):
            yield chain[0].start(), chain[-1].end(), list(dict.fromkeys(_times(chain, wakes)))


def _chains(text: str) -> Iterator[list[re.Match[str]]]:
    """Days and hours that follow each other."""
    chain: list[re.Match[str]] = []
    place = 0
    while (item := _ITEM.search(text, place)) is not None:
        place = item.end()
        if chain and (item.start() != chain[-1].end() or not _belongs(item, chain)):
            yield chain
            chain = []
        if chain or _belongs(item, chain):
            chain.append(item)
    if chain:
        yield chain


def _belongs(item: re.Match[str], chain: Sequence[re.Match[str]]) -> bool:
    """ "8" is an hour only after "at", there or before a "," or "and"; "day" a day only after "every"."""
    joined, before = item["joint"].strip(), chain[-1] if chain else None
    if item["hour"]:
        return not _BARE.fullmatch(item["hour"]) or bool(item["at"] or (joined and any(one["at"] for one in chain)))
    if item["only"]:
        return before is not None and bool(joined or not any(one["hour"] for one in chain))
    if before is not None and before["day"] and not joined and re.search(r"\d", f"{before['day']} {item['day']}"):
        return False  # "the 1st Monday"
    return item["lead"] is not None or item["day"].lower() != "day"


def _times(chain: Sequence[re.Match[str]], wakes: bool) -> Iterator[str]:
    """Days with their hours: "monday and tuesday at 8", "monday at 8 and tuesday at 9", "at 8 and 9 on monday"."""
    groups: list[tuple[list[str], list[str]]] = []
    days_first = chain[0]["day"] is not None
    lead = half = ""
    # "at 6 and 6:30"
    early = "morning" if wakes or any(item["hour"] and _EARLY.fullmatch(item["hour"]) for item in chain) else ""
    for place, item in enumerate(chain):
        is_second = (item["day"] is not None) != days_first
        if not groups or (groups[-1][1] and not is_second):
            groups.append(([], []))
        lead = item["lead"] or lead
        month = next((later["month"] for later in chain[place:] if later["month"]), "")  # "the 5th and 6th of May"
        half = "" if item["day"] else item["half"] or half
        part = next((later["part"] for later in takewhile(_is_hour, chain[place:]) if later["part"]), half)
        groups[-1][is_second].append(_day(item, lead, month) if item["day"] else _hour(item, part or early))
    for first, second in groups:
        for one, other in product(first, second or (groups[-2][1] if len(groups) > 1 else [""])):
            yield f"{one} {other}" if days_first else f"{other} {one}"


def _day(item: re.Match[str], lead: str, month: str) -> str:
    day = item["day"]
    if item["nth"] and not item["month"]:
        every = not month and lead.lower() in ("every", "each")
        return f"on {'' if day.lower().startswith('the') else 'the '}{day}{' of every month' if every else month}"
    if _ALONE.match(day):
        return day
    if _PLURAL.search(day):
        return f"every {_PLURAL.sub('', day)}"
    return f"{lead} {day}" if lead and not re.search(r"\d", day) else f"on {day}"


def _is_hour(item: re.Match[str]) -> bool:
    return item["hour"] is not None


def _hour(item: re.Match[str], part: str) -> str:
    """`part` of the day: "at 8 and 9 in the evening"."""
    if item["only"]:
        return str(item["only"])
    said = item["hour"].lower()
    if _BARE.fullmatch(said):
        hour = _HOURS.get(said) or int(said)
        said = f"{hour + 12 if hour < 7 and not part else hour}:00"
    elif re.match(r"\d+\.\d", said):
        said = said.replace(".", ":", 1)
    return f"at {said} in the {part}" if part and re.fullmatch(r"[\d:]+", said) else f"at {said}"
