"""The time zone that stands behind a time: "5pm EST", "9am Pacific", "14:00 Berlin time", "10:00 UTC+2"."""

import re
import unicodedata
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from exponential.workspace.text.times import likely_in

# An abbreviation stands for the clocks of a place, so EST in summer is what New York's clocks show then: that is what
# people mean. Of the ambiguous ones the place that most people live by: IST is India's, CST Chicago's, BST London's.
_ABBREVIATIONS = {
    abbreviation: zone
    for zone, abbreviations in {
        "UTC": "utc gmt",
        "Europe/London": "bst",
        "Europe/Berlin": "cet cest",
        "Europe/Athens": "eet eest",
        "Europe/Moscow": "msk",
        "America/New_York": "est edt et",
        "America/Chicago": "cst cdt ct",
        "America/Denver": "mst mdt mt",
        "America/Los_Angeles": "pst pdt pt",
        "America/Anchorage": "akst akdt",
        "Pacific/Honolulu": "hst",
        "America/Halifax": "ast adt",
        "America/Sao_Paulo": "brt",
        "Africa/Johannesburg": "sast",
        "Asia/Kolkata": "ist",
        "Asia/Karachi": "pkt",
        "Asia/Singapore": "sgt",
        "Asia/Hong_Kong": "hkt",
        "Asia/Tokyo": "jst",
        "Asia/Seoul": "kst",
        "Australia/Perth": "awst",
        "Australia/Adelaide": "acst acdt",
        "Australia/Sydney": "aest aedt",
        "Pacific/Auckland": "nzst nzdt",
    }.items()
    for abbreviation in abbreviations.split()
}
_REGIONS = {
    "pacific": "America/Los_Angeles",
    "mountain": "America/Denver",
    "central": "America/Chicago",
    "eastern": "America/New_York",
}
_ALSO = {  # said before "time", and no name of a zone
    "greenwich mean": "UTC", "british": "Europe/London", "uk": "Europe/London", "german": "Europe/Berlin",
    "germany": "Europe/Berlin", "munich": "Europe/Berlin", "hamburg": "Europe/Berlin", "frankfurt": "Europe/Berlin",
    "central european": "Europe/Berlin", "eastern european": "Europe/Athens", "nyc": "America/New_York",
    "boston": "America/New_York", "washington": "America/New_York", "california": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles", "india": "Asia/Kolkata",
    "indian": "Asia/Kolkata", "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata", "bangalore": "Asia/Kolkata",
    "beijing": "Asia/Shanghai", "china": "Asia/Shanghai",
}  # fmt: skip
_OWN = ("my", "our", "local")
_CONTINENTS = "Africa America Antarctica Asia Atlantic Australia Europe Indian Pacific".split()

_SHORT = (
    rf"(?:(?:{'|'.join(_ABBREVIATIONS)})(?!\s+(?:scan|session|appointment|exam|therapy)|['’-]\w)(?:\s+time\b)?"
    rf"|(?:{'|'.join(_REGIONS)})(?:\s+(?:standard|daylight))?"
    r"(?:\s+time\b|(?=\s*(?:$|[,.;:!?)])|\s+(?:on|to|about|with|for|and|today|tomorrow|next|this)\b)))"
)
_WORD = r"[^\W\d_]{2,20}"
_END = r"(?![\w'’])"
_ZONED = re.compile(
    r"\b(?P<time>(?P<lead>(?:at|by|before|until)\s+)?(?P<hour>[01]?\d|2[0-3])(?P<exact>:[0-5]\d)?(?P<half>\s?[ap]\.?m\b\.?)?)"
    r"(?P<zone>\s*\(?(?:(?:utc|gmt)\s?(?P<offset>[+-](?:0?\d|1[0-4])(?::?[0-5]\d)?)"
    rf"|(?P<short>{_SHORT})|(?P<place>{_WORD}(?:[\s_-]{_WORD}){{0,2}})\s+time|(?P<full>{_WORD}/\w{{2,20}})){_END}\)?)",
    re.IGNORECASE,
)
LEADING = re.compile(rf"^\s*\(?{_SHORT}{_END}\)?", re.IGNORECASE)


def take(text: str) -> tuple[str, tzinfo | None]:
    """The text without the first name of a zone that stands behind a time, and that zone.

    "at 5 PT" becomes "at 17:00". The user's own zone ("5pm my time") is None.
    """
    for match in _ZONED.finditer(text):
        said = match["exact"] or match["half"]
        own = (match["place"] or "").lower() in _OWN
        zone = None if own else _zone(match)
        # "by 5 EST", not "larger by 5 pt"
        led = match["lead"] and (match["lead"].lower().startswith("at") or match["zone"].isupper())
        if (own or zone is not None) and (said or led):
            time = match["time"] if said else f"at {likely_in(text)(int(match['hour']))}:00"
            return text[: match.start()] + time + text[match.end() :], zone
    return text, None


def _zone(match: re.Match[str]) -> tzinfo | None:
    if match["offset"]:
        digits = re.sub(r"\D", "", match["offset"])
        hours, minutes = (digits, "0") if len(digits) < 3 else (digits[:-2], digits[-2:])
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if match["offset"][0] == "-" else offset)
    if match["short"]:
        first = match["short"].lower().split()[0]
        name = _ABBREVIATIONS.get(first) or _REGIONS.get(first)
    else:
        name = _places().get(_plain(match["place"] or match["full"]))
    return UTC if name == "UTC" else ZoneInfo(name) if name else None


def _plain(name: str) -> str:
    """ "São_Paulo" → "sao paulo"."""
    letters = (sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return " ".join("".join(letters).lower().replace("_", " ").replace("-", " ").split())


@cache
def _places() -> dict[str, str]:
    """Zones by their names, and by the cities and countries in these ("new york", "singapore")."""
    names = sorted(available_timezones())
    cities = {_plain(name.split("/")[-1]): name for name in names if name.split("/")[0] in _CONTINENTS}
    countries = {_plain(name): name for name in names if name.isalpha()}
    return {_plain(name): name for name in names} | countries | cities | _ALSO
