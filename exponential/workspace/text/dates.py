"""Finding the date and time in an English request: `extract` returns the request without them, and when it is due."""

import re
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from exponential.workspace.text import days, durations, times, zone_names
from exponential.workspace.text.days import END as _END
from exponential.workspace.text.memo import memoised

MORNING = time(9)
_LATE = ("evening", "night")
_DAWN = 5  # the hours before it are of the night before
MAX_CHARS = 600  # of a request; nobody looks for a date in a longer one
PARTS_OF_DAY = {"morning": time(9), "noon": time(12), "afternoon": time(15), "evening": time(19), "night": time(20)}

_CLOCK = re.compile(
    rf"(?<![\w'’:.-])(?:(?:at|by|around|from|until|before)\s+){{0,2}}(?:(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\.?)"
    rf"|(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)(?:\s*(?:o['’]clock|h|hrs?|hours|uhr))?){_END}",
    re.IGNORECASE,
)
_OF_A_NAME = re.compile(  # "my 9:00 and 10:00 meetings"
    r"\b(?:the|my|our|your|his|her|their|an?)\s+(?:\d[\d:]{0,4}(?:\s+and\s+|,\s*)){0,3}$", re.IGNORECASE
)
_BARE_HOUR = re.compile(r"\bat\s+(?P<hour>1\d|2[0-3]|[1-9])(?:\s+o['’]clock)?(?=\s*$|\s*[,.!](?!\d))", re.IGNORECASE)
_LOOSE_HOUR = re.compile(
    r"\b(?:around|before|by|until|till)\s+(?P<hour>1[0-2]|[1-9])(?=\s*$|\s*[,.!](?!\d))", re.IGNORECASE
)
_BY_AMOUNT = re.compile(  # "raise the price by 5"
    r"\b(?:rais|increas|decreas|reduc|lower|cut|drop|grow|multipl|divid|scal|shrink|split|count|zoom)", re.IGNORECASE
)
_HOUR_NEXT = re.compile(
    r"^\s*(?:,\s*)?at\s+(?P<hour>1\d|2[0-3]|[1-9])(?:\s+o['’]clock)?(?=\s+(?:to|with|about|for|and|in)\b)",
    re.IGNORECASE,
)
_PART_OF_DAY = re.compile(
    r"\b(?:(?:in|during)\s+the\s+(?P<part>morning|afternoon|evening)|at\s+(?P<at>noon|night)|by\s+(?P<by>noon|evening))\b"
    r"|^\s*(?P<lead>morning|afternoon|evening|night|noon)\b",
    re.IGNORECASE,
)
_EVENING = re.compile(r"(?<!\s)\s*\b(?:(?:in\s+the|this)\s+(?:evening|afternoon|morning|night)|at\s+night)\b", re.I)
_SAID_HALF = re.compile(r"\d\s*[ap]\.?m\b|\b(?:1[3-9]|2[0-3]):\d\d|\b0\d:\d\d", re.IGNORECASE)


_Found = tuple[str, date | datetime | None]


@memoised
def extract(text: str, now: datetime) -> _Found:
    """Split a request into its words without date and time, and the day, or local time without offset, that they mean.

    `now` is the user's local time; its zone tells how 5/6 is read. A date that doesn't exist (30 February) stays in the
    words, and so does whatever stands in more than MAX_CHARS.
    """
    if len(text) > MAX_CHARS:
        return text, None
    text = times.without_closing(text)
    soon = durations.moment(text, now)
    if soon is not None:
        return _without(text, soon[0]), soon[1]
    spelled = times.figures(text)
    found = _extract(spelled, now)
    # Without a time of day, words that only looked like one stay as they were written.
    return found if spelled == text or isinstance(found[1], datetime) else _extract(text, now)


def names_day(text: str, now: datetime) -> bool:
    """Whether the words name a day, and not only an hour."""
    if len(text) > MAX_CHARS:
        return False
    day = _find_day(text, now.date(), day_first=_day_first(now))[1]
    return day is not None or durations.moment(text, now) is not None


def _extract(text: str, now: datetime) -> _Found:
    text, zone = zone_names.take(text)
    whole = text
    match, day = _find_day(text, now.date(), day_first=_day_first(now))
    at: time | None = None
    if match is not None:
        if match[0].lower().endswith("tonight"):
            at = PARTS_OF_DAY["evening"]
        before, after = text[: match.start()], text[match.end() :]
        part = _PART_OF_DAY.match(after)
        hour = _HOUR_NEXT.match(after)
        if part is not None and part["lead"]:  # tomorrow morning
            at, after = PARTS_OF_DAY[part["lead"].lower()], after[part.end() :]
        elif hour is not None:  # next Friday at 3 about the budget
            at, after = _likely(int(hour["hour"])), after[hour.end() :]
            at = _in_half(at, "night") if match[0].lower().endswith("tonight") else at
        elif match[0].lower().split()[-1] in PARTS_OF_DAY:  # this evening
            at = PARTS_OF_DAY[match[0].lower().split()[-1]]
        text = _join(before, after)
        if zone is None:
            text, zone = zone_names.take(text)  # at 5pm tomorrow London time
    named_half = times.HALF_NAMED.search(whole)
    text, named = _take_time(text, has_day=day is not None)
    half = named_half[0].lower() if named_half is not None else ""
    if named is not None and half and not _SAID_HALF.search(whole):
        text, named = _EVENING.sub("", text), _in_half(named, half)
    at = named if named is not None else at
    return text, day if at is None else _moment(day, at, half, now, zone if now.tzinfo else None)


def _moment(day: date | None, at: time, half: str, now: datetime, zone: tzinfo | None) -> datetime:
    """The user's local time, without offset, when it is `at` in `zone`: on the day, or else the next time."""
    there = now.astimezone(zone) if zone else now
    passed = at <= there.time()
    if half.endswith(_LATE) and at.hour < _DAWN and (passed or (day or there.date()) > there.date()):
        day = (day or there.date()) + timedelta(days=1)  # "tonight at 12"
    due = datetime.combine(day or there.date() + timedelta(days=passed), at, zone)
    return due.astimezone(now.tzinfo).replace(tzinfo=None, fold=0) if zone else due


def _find_day(text: str, today: date, *, day_first: bool) -> tuple[re.Match[str] | None, date | None]:
    best: tuple[re.Match[str], date] | None = None
    for pattern in _patterns(day_first):
        for match in pattern.regex.finditer(text):
            if _is_one_of_two(text, match) or (not pattern.anywhere and not _at_an_end(text, match)):
                continue
            day = pattern.read(match, today)
            # Of two dates the longer phrase, then the later place, is the due date: "the Monday report by Friday".
            if day is not None and (best is None or _weight(match) > _weight(best[0])):
                best = (match, day)
    return best if best is not None else (None, None)


def _is_one_of_two(text: str, match: re.Match[str]) -> bool:
    """Nobody knows which day "Saturday or Sunday" means."""
    return text[: match.start()].rstrip().lower().endswith(" or") or days.OTHER_DAY.match(text, match.end()) is not None


def _weight(match: re.Match[str]) -> tuple[bool, int, int]:
    return _is_led(match), len(match[0]), match.start()


def _is_led(match: re.Match[str]) -> bool:
    """A holiday that no "on" or "by" leads to may be what it is about: "on 31/12 to say happy new year"."""
    return "name" not in match.groupdict() or match.start("name") > match.start()


def _at_an_end(text: str, match: re.Match[str]) -> bool:
    rest = text[match.end() :]
    for trailer in (_CLOCK, _BARE_HOUR, _LOOSE_HOUR, _PART_OF_DAY, zone_names.LEADING):
        rest = trailer.sub("", rest)
    lead = text[: match.start()].strip()
    behind = not rest.strip(" .,!?;:") and _is_led(match)
    return behind or not lead or bool(_CLOCK.fullmatch(lead))


def _take_time(text: str, *, has_day: bool) -> tuple[str, time | None]:
    clocks = list(_CLOCK.finditer(text))
    if clocks:
        match = next((one for one in clocks if not _OF_A_NAME.search(text[: one.start()])), clocks[0])
        if match["half"]:
            hour = int(match["hour"])
            if not 1 <= hour <= 12:
                return text, None
            hour = hour % 12 + (12 if match["half"].lower().startswith("p") else 0)
            return _without(text, match), time(hour, int(match["minute"] or 0))
        return _without(text, match), time(int(match["hour24"]), int(match["minute24"]))
    bare = _BARE_HOUR.search(text) or (None if _BY_AMOUNT.search(text) else _LOOSE_HOUR.search(text))
    if bare is not None:
        return _without(text, bare), _likely(int(bare["hour"]))
    part = _PART_OF_DAY.search(text)
    if part is not None and not part["lead"] and (has_day or part["at"] == "noon" or part["by"]):
        word = (part["part"] or part["at"] or part["by"]).lower()
        return _without(text, part), PARTS_OF_DAY[word]
    return text, None


def _likely(hour: int) -> time:
    return time(times.likely(hour))


def _in_half(at: time, half: str) -> time:
    """ "at 8 in the evening" is 20:00, "tomorrow morning at 7" is 7:00, "tonight at 12" is 0:00."""
    if half == "morning":
        return at.replace(hour=at.hour - 12) if 12 < at.hour < 24 else at
    if half.endswith(_LATE) and at.hour % 12 < (_DAWN if half.endswith("night") else 1):
        return at.replace(hour=at.hour % 12)
    return at.replace(hour=at.hour + 12) if at.hour < 12 else at


@cache
def _patterns(day_first: bool) -> tuple[days.Pattern, ...]:
    ahead = (days.Pattern(regex, durations.day) for regex in durations.AHEAD)
    return (*days.patterns(day_first=day_first), *ahead)


def _day_first(now: datetime) -> bool:
    """Where people write the day before the month; in America, and where nobody knows, they don't."""
    zone = now.tzinfo.key if isinstance(now.tzinfo, ZoneInfo) else "UTC"
    return "/" in zone and not zone.startswith(("America/", "US/", "Etc/"))


def _without(text: str, match: re.Match[str]) -> str:
    return _join(text[: match.start()], text[match.end() :])


def _join(before: str, after: str) -> str:
    words = " ".join(f"{before} {after}".split())
    return re.sub(r" ([,.!?;:])", r"\1", words).replace(",,", ",").strip(" ,;:–-")
