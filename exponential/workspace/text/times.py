"""Times of day as people write and dictate them ("half past four", "ten am", "9ish", "17h30"), rewritten in figures."""

import re
from collections.abc import Callable
from functools import partial

from exponential.workspace.text.days import ANY_DAY, TENS

_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_HOURS = {word: number for number, word in enumerate(_WORDS, start=1)}
_MINUTES = {"a quarter": 15, "quarter": 15, "half": 30, "oh five": 5, "five": 5, "ten": 10, "fifteen": 15, "twenty": 20,
            "twenty five": 25, "thirty": 30, "forty": 40, "forty five": 45, "fifty": 50}  # fmt: skip
_WORD = "|".join(_WORDS)
_HALF_OF_DAY = r"[ap]\.?m\b\.?"
_PART = rf"(?P<part>\s*{_HALF_OF_DAY})?"
_END = r"(?![\w'’:]|\.\d)"


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_MINUTES_PAST = r"a\s+quarter|quarter|half|five|ten|twenty(?:[\s-]five)?|5|10|20|25"
_MINUTES_AFTER = r"oh\s+five|fifteen|twenty(?:[\s-]five)?|thirty|forty(?:[\s-]five)?|fifty"
_WAY = "past|to|after|till"
SPOKEN = (  # "half past eight", "quarter to 9", "eight thirty"
    rf"(?:(?:{_MINUTES_PAST})(?:\s+minutes)?\s+(?:{_WAY})|half)\s+(?:{_WORD}|1[0-2]|[1-9])\b"
    rf"|(?:{_WORD})\b(?:[\s-](?:{_MINUTES_AFTER})\b)?"
)
_PAST = _any_case(
    rf"(?<![\w.,:])(?:at\s+)?(?P<minutes>{_MINUTES_PAST})(?:\s+minutes)?"
    rf"(?:\s+(?P<way>{_WAY}))?\s+(?P<hour>{_WORD}|1[0-2]|[1-9]){_PART}{_END}"
)
_WORDED = _any_case(
    rf"\b(?P<at>(?:at|around|by)\s+)?(?P<hour>{_WORD})"
    rf"(?:[\s-](?P<minutes>{_MINUTES_AFTER}))?"
    rf"(?P<half>\s*{_HALF_OF_DAY}|\s+o['’]?\s?clock)?{_END}"
)
_COUNTED = _any_case(
    rf"\b(?P<tens>{'|'.join(TENS)})(?:[\s-](?P<ones>{_WORD}))?(?=\s+(?:minutes?|mins?|days?|hours?|weeks?)\b)"
)
_PLAIN = tuple(
    _any_case(pattern)
    for pattern in (
        rf"\b(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?\s+o['’]?\s?clock{_END}",
        r"(?<=\bat\s)(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?:\s*(?:hrs?|h|hours))?(?![\w:./])",
        r"(?<!\bfor\s)(?<![\w:.])(?P<hour>0\d|1\d|2[0-3]|[7-9])h(?P<minute>[0-5]\d)(?![\w:])",
        r"(?<!\bfor\s)(?<![\w:.])(?P<hour>1[3-9]|2[0-3])h(?P<minute>)(?![\w:])",
        r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*uhr\b",
        r"(?P<ish>)(?:\bat\s+|\baround\s+|\babout\s+)?\b(?P<hour>1[0-2]|[1-9])(?::(?P<minute>[0-5]\d))?(?:\s*-)?\s*ish\b",
    )
)
_PARTED = _any_case(
    r"\b(?:(?:at|by|around|before|until)\s+)?(?P<hour>1[0-2]|[1-9])(?::(?P<minute>[0-5]\d))?\s+"
    r"(?P<part>(?:in\s+the|this)\s+(?:morning|afternoon|evening|night)|at\s+night)\b"
)
_DOTTED = _any_case(r"(?<![\w:.,])(?P<hour>1[0-2]|0?[1-9])\.?(?P<minute>[0-5]\d)(?=\s*[ap]\.?m\b)")
_TODAY = "today|tonight|tomorrow|tmrw"
_SURELY_MINUTES = r"00|1[3-9]|[2-5]\d"  # and no month: 18.30, not 18.12
_ANY_MINUTES = rf"{_SURELY_MINUTES}|(?:0[1-9]|1[0-2])(?!\.)"
_NO_AMOUNT = (
    r"(?!\.?\d|[\w:/]|\s*[%€$£]|\s*(?:percent|euros?|eur|usd|gbp|chf|dollars?|pounds?|bucks|quid|cents?|each|per|kg|km|miles?"
    r"|points?)\b)"
)
_LED = tuple(  # "at 8.50", "tomorrow 14h"; not 8.50 alone, which may be a price or a version
    _any_case(pattern)
    for pattern in (
        rf"\b(?P<lead>(?:at|around|{_TODAY})\s+)(?P<hour>[01]?\d|2[0-3])\.(?P<minute>{_ANY_MINUTES})(?:\s?h\b|{_NO_AMOUNT})",
        rf"\b(?P<lead>(?:by|before|until|till|{ANY_DAY})\s+)(?P<hour>[01]?\d|2[0-3])\.(?P<minute>{_SURELY_MINUTES})"
        rf"(?:\s?h\b|{_NO_AMOUNT})",
        rf"^(?P<lead>)(?P<hour>1[3-9]|2[0-3])\.(?P<minute>{_SURELY_MINUTES}){_NO_AMOUNT}",
        rf"\b(?P<lead>(?:at|by|around|before|until|till|{_TODAY}|{ANY_DAY})\s+)(?P<hour>[01]?\d|2[0-3])"
        r"h(?P<minute>[0-5]\d)?(?![\w:])",
    )
)
_ABOUT = _any_case(
    rf"\b(?P<lead>at|by|from|before|until)\s+(?:around|about|approximately|roughly|exactly|precisely)\s+(?=\d|(?:{_WORD})\b)"
)
_SHARP = _any_case(
    r"\b(?P<time>\d{1,2}:\d\d|\d{1,2}(?::\d\d)?\s?[ap]\.?m\b\.?|(?P<bare>(?:at|by|around|before|until|till)\s+\d{1,2}))"
    r"\s+(?:sharp|on\s+the\s+dot|exactly)\b"
)
_NOON = _any_case(r"\b(?:(?:at|by|around|for)\s+)?(?:midday|lunch\s?time|12\s+noon|(?<!after)noon)\b")
_MIDNIGHT = _any_case(r"\b(?:at|by|before|until)\s+midnight\b")
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_MONTHS = "january february march april may june july august september october november december".split()
_ORDINAL = _any_case(rf"\b(?P<nth>{'|'.join(_ORDINALS)})(?=\s+of\s+(?:{'|'.join(_MONTHS)})\b)")
_FIRST_THING = _any_case(r"(?<!\s)\s*\bfirst\s+thing\b(?:\s+in\s+the\s+morning)?")


_DAY = _any_case(
    r"\b(?P<day>tomorrow|(?:(?:this|next)\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun)day)(?:\s+morning)?\b"
)
_BUSINESS = _any_case(
    r"\b(?:(?:by|at)\s+)?(?:the\s+)?(?:eod|cob|end\s+of\s+(?:the\s+)?(?:business\s+)?day|close\s+of\s+business)\s+(?:of\s+)?"
    r"(?=(?:on\s+|this\s+|next\s+)?(?:today|tomorrow|mon|tue|wed|thu|fri|sat|sun))"
)


_AHEAD_OF = _any_case(
    rf"\b(?P<number>an?|one|two|three|half\s+an|\d{{1,2}})\s+(?P<unit>hours?|minutes?|mins?)\s+before\s+(?:at\s+)?(?P<hour>1[0-2]|[1-9])(?::(?P<minute>[0-5]\d))?\s*"
    rf"(?P<part>{_HALF_OF_DAY})?{_END}"
)


_ISO = _any_case(
    r"(?<![\w-])(?P<year>20\d\d)(?P<dash>-)?(?P<month>\d\d)(?(dash)-)(?P<day>\d\d)(?P<sep>(?(dash)[T ]|T))"
    r"(?P<hour>[01]\d|2[0-3])(?(dash):)(?P<minute>[0-5]\d)(?:(?(dash):)[0-5]\d(?:\.\d{1,9})?)?"
    r"(?:\s?(?P<offset>Z|[+-](?:0\d|1[0-4]):?[0-5]\d))?(?![\w:+-])"
)
HALF_NAMED = _any_case(  # not "the morning report"
    r"\b(?:tonight|(?<!\bmy )(?<!\bour )(?:(?<!\bthe )|(?<=\bin the )|(?<=\bduring the ))"
    r"(?:evening|night|afternoon|morning))\b"
)


def figures(text: str) -> str:
    """`text` with its times of day in figures: "at half past four" → "at 16:30", "ten am" → "10am".

    Where it names a part of the day, that tells which half is meant: "at half past four in the morning" → "at 4:30 in
    the morning".
    """
    text = re.sub(r"(?<!\S)@\s*(?=\d)", "at ", text)
    text = _ABOUT.sub(r"\g<lead> ", text)
    text = _COUNTED.sub(_count, text)
    text = _NOON.sub("at 12:00", text)
    text = _MIDNIGHT.sub("at 23:59", text)
    text = _ISO.sub(_iso, text)
    of_day = likely_in(text)
    text = _PAST.sub(partial(_past, of_day), text)
    text = _WORDED.sub(partial(_worded, of_day), text)
    text = _DOTTED.sub(r"\g<hour>:\g<minute>", text)
    for pattern in _LED:
        text = pattern.sub(lambda match: f"{match['lead']}{match['hour']}:{match['minute'] or '00'}", text)
    text = _SHARP.sub(lambda match: match["time"] + (" o'clock" if match["bare"] else ""), text)
    text = _AHEAD_OF.sub(_ahead_of, text)
    text = _PARTED.sub(lambda match: f"at {int(match['hour']) % 12}:{match['minute'] or '00'} {match['part']}", text)
    for pattern in _PLAIN:
        text = pattern.sub(partial(_plain, of_day), text)
    return _first_thing(text) if _FIRST_THING.search(text) else text


def without_closing(text: str) -> str:
    """ "by cob tomorrow" → "by tomorrow", "the first of June" → "the 1 of June"."""
    return _ORDINAL.sub(lambda match: str(_ORDINALS.index(match["nth"].lower()) + 1), _BUSINESS.sub("by ", text))


def likely(hour: int) -> int:
    """The hour of the day that a bare "at 5" means: nobody means 5 in the morning."""
    return hour + 12 if hour < 8 else hour


def likely_in(text: str) -> Callable[[int], int]:
    """What a bare hour in the text means: where the text names the half of the day, the hour as it was said."""
    return int if HALF_NAMED.search(text) else likely


def _iso(match: re.Match[str]) -> str:
    """ "2026-05-08T14:30:00Z" → "2026-05-08 14:30 UTC+0"."""
    offset = match["offset"] or ""
    if offset.startswith("-") and match["sep"] == " ":  # "14:30-15:00"
        return match[0]
    zone = "" if not offset else " UTC+0" if offset in "Zz" else f" UTC{offset}"
    return f"{match['year']}-{match['month']}-{match['day']} {match['hour']}:{match['minute']}{zone}"


def _first_thing(text: str) -> str:
    """ "first thing on Monday" → "on Monday at 9:00"; in the morning, if no day is named, is tomorrow's."""
    bare = _FIRST_THING.sub("", text)
    if _DAY.search(bare):
        return _DAY.sub(r"\g<day> at 9:00", bare, count=1)
    return _FIRST_THING.sub(lambda match: " tomorrow at 9:00" if "morning" in match[0].lower() else "", text)


def _ahead_of(match: re.Match[str]) -> str:
    number = match["number"].lower()
    amount = (
        0.5
        if number.startswith("half")
        else float({"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}.get(number) or number)
    )
    minutes = int(amount * (60 if match["unit"].lower().startswith("h") else 1))
    at = _of_day(int(match["hour"]), (match["part"] or "").lower()) * 60 + int(match["minute"] or 0) - minutes
    return f"at {at // 60 % 24:02d}:{at % 60:02d}"


def _count(match: re.Match[str]) -> str:
    return str(TENS[match["tens"].lower()] + _HOURS.get((match["ones"] or "").lower(), 0))


def _past(of_day: Callable[[int], int], match: re.Match[str]) -> str:
    words = " ".join(match["minutes"].lower().replace("-", " ").split())
    minutes = int(words) if words.isdigit() else _MINUTES[words]
    hour = _HOURS.get(match["hour"].lower()) or int(match["hour"])
    way = (match["way"] or "").lower()
    if not way and words != "half":  # "half four" is half past four; "ten four" is nothing
        return match[0]
    half = (match["part"] or "").strip().lower()
    full = _of_day(hour, half) if half else of_day(hour)
    if way in ("to", "till"):
        full, minutes = full - 1, 60 - minutes
    return f"at {full % 24:{'02d' if half else 'd'}}:{minutes:02d}"


def _of_day(hour: int, part: str) -> int:
    if part.startswith("p"):
        return hour % 12 + 12
    return hour % 12 if part.startswith("a") else likely(hour)


def _worded(of_day: Callable[[int], int], match: re.Match[str]) -> str:
    words = " ".join((match["minutes"] or "").lower().replace("-", " ").split())
    half = (match["half"] or "").strip().lower()
    if not half and not match["at"]:
        return match[0]
    hour, minutes = _HOURS[match["hour"].lower()], _MINUTES[words] if words else 0
    if half.startswith(("a", "p")):
        return f"{match['at'] or ''}{hour}:{minutes:02d}{half[0]}m"
    if not half and not words:
        return f"{match['at']}{hour}"
    return f"at {of_day(hour)}:{minutes:02d}"


def _plain(of_day: Callable[[int], int], match: re.Match[str]) -> str:
    hour = f"{int(match['hour']):02d}"
    if "ish" in match.groupdict() or "clock" in match[0].lower():
        hour = str(of_day(int(hour)))
    at = "at " if match[0].lower().startswith("at") or "ish" in match.groupdict() else ""
    return f"{at}{hour}:{match['minute'] or '00'}"
