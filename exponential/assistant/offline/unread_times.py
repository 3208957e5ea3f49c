"""Times in the words of a reminder that were not read: it is better to ask than to ring at another time."""

import re

from exponential.workspace.text.days import MONTH

_FULL = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|today|tonight|tomorrow|weekdays?|weekends?)"
_MONTH = MONTH.replace("?P<month>", "?:")
_NUMBER = (
    r"(?:\d+(?:[.,]\d+)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|other|several|half\s+an?|(?:a\s+)?quarter\s+of\s+an"
    r"|(?:a\s+)?(?:few|couple(?:\s+of)?))"
)
_LONG = r"(?:days?|nights?|mornings?|afternoons?|evenings?|weeks?|weekends?|fortnights?|months?|quarters?|years?)"
_UNIT = rf"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|{_LONG})"
_SPAN = rf"{_NUMBER}\s+(?:more\s+)?{_UNIT}"
_NTH = r"\d\d?(?:st|nd|rd|th)"
_DATE = rf"(?:{_MONTH}(?:\s+(?:the\s+)?(?:{_NTH}|\d\d?))?|(?:{_NTH}|\d\d?)\s+(?:of\s+)?{_MONTH}|\d\d?/\d\d?|{_NTH})"
_WHICH = rf"(?:this|next|last|coming)\s+{_LONG}"
_DAY = rf"(?:{_FULL}|{_DATE}|{_WHICH}|christmas|easter|new\s+year(?:['’]?s)?)"
_CLOCK = r"(?:\d[\d:.]*(?:\s*[ap]\.?m\b\.?)?|noon|midnight)"
_TIME = rf"(?:{_SPAN}|{_DAY}|{_CLOCK})"
_ENDS = (
    r"(?=\s*$|\s*[,&]|\s+(?:and|or|plus|to|that|about|at|on|in|for|from|until|till|before|after|earlier|ahead|prior)\b)"
)
_END = rf"(?:until|till?|through|thru|up\s+to|ending)\s+(?:on\s+|the\s+)*(?:end\s+of\b|{_DAY}(?!['’\w]))"
_LEADS = (
    r"(?:to|on|at|in|by|over|within|for|from|the|next|last|coming|first|until|till?|through|before|after|around|and|or"
    r"|plus|then|again|once|&|,)"
)
_LEFT = re.compile(
    rf"^\s*(?:{_LEADS}\s+)*{_TIME}{_ENDS}"
    r"|^\s*(?:(?:and|or|plus|&|every|each|until|till?|except|between)\s)"
    rf"|^\s*(?:the|{_NUMBER})\s+{_UNIT}\s+(?:before|after|prior|ahead)\b|^\s*(?:on\s+)?the\s+{_UNIT}\s+of\b"
    rf"|^\s*(?:in\s+|for\s+)?(?:all|(?:the\s+)?(?:whole|entire|rest\s+of\s+the)|throughout(?:\s+the)?|during(?:\s+the)?)\s+{_UNIT}\b"
    r"|^\s*(?:after|from)\s+(?:that|then)\b|\b(?:the|an?|my|our|your|until|between)\s*$"
    r"|^\s*(?:twice|thrice|\w+\s+times|several\s+times)\b"
    rf"|\b(?:starting|beginning)\s+(?:on\s+|the\s+)*{_TIME}{_ENDS}"
    rf"|\b(?:every|each)\s+(?:\S+\s+){{0,2}}?(?:{_UNIT}|{_DAY})(?!['’\w])"
    rf"|\b(?:on\s+{_FULL}|at\s+\d{{1,2}}(?::\d\d)?(?:\s*[ap]m)?)\s*(?:,|&|\s(?:and|or|plus)\b)\s*\S"
    rf"|(?:,|;|&|\s(?:and|or|plus))\s*(?:on\s+)?{_FULL}\s+(?:to|at)\b"
    rf"|(?:{_FULL}|\s\d\S{{0,6}})\s*(?:,|\s(?:and|or|plus)|&)\s*$"
    rf"|(?:,|&|\s(?:and|or|plus))\s*(?:(?:on|in)\s+)?(?:{_FULL}|{_SPAN}|at\s+\d\S{{0,6}}|\d\S{{0,4}}[ap]m)\s*$"
    rf"|\b{_SPAN}\s+(?:before(?:hand)?|earlier|ahead|in\s+advance|prior)(?:\s+(?:that|it))?\s*$",
    re.IGNORECASE,
)
_ENDING = re.compile(
    rf"\b{_END}"
    rf"|\bfor\s+(?:the\s+)?(?:next\s+|coming\s+|another\s+|only\s+)?{_NUMBER}\s+(?:more\s+)?{_LONG}{_ENDS}"
    rf"|\b(?:every|each)\s+\w+\s+(?:of\s+)?(?:this|next)\s+{_LONG}|\b(?:(?:every\s+\w+|daily|weekly)\s+(?:in|during)|every\s+day\s+of)\s+{_MONTH}\b(?!\s+\d)"
    rf"|\bfrom\s+(?:{_DAY})\s+(?:to|-|–)\s",
    re.IGNORECASE,
)
_UNTIL = re.compile(rf"\b(?:{_END}|(?:until|till?)\s+{_CLOCK})", re.IGNORECASE)
_HOUR_FOR = re.compile(
    rf"(?:\bat\s+{_CLOCK}|\d[ap]m)\s+for\s+(?:the\s+next\s+)?{_NUMBER}\s+{_LONG}{_ENDS}", re.IGNORECASE
)


def is_left_in(words: str) -> bool:
    """Whether a time, or a word that joined two, is left in front of the words, behind them or between two requests."""
    return _LEFT.search(words) is not None


def ends(request: str, *, repeats: bool) -> bool:
    """Whether a reminder shall come only until some day, or for some days. One that comes once may be of something that
    ends: "book a room for 3 nights"."""
    return (_ENDING if repeats else _HOUR_FOR).search(request) is not None


def took_end(before: str, after: str) -> bool:
    """Whether "until Friday" was in the words, and was read as the time."""
    return len(_UNTIL.findall(before)) > len(_UNTIL.findall(after))
