"""What is taken back in mid-sentence, put right: "thurs no wait friday", "at 5, sorry 6pm", "Jonas. no, Jonah"."""

import re
from datetime import datetime

from rapidfuzz.distance import OSA

from exponential.workspace.text import dates

_MARK = re.compile(
    r"(?:\s*(?:[,;…–—-]|\.+)\s*(?:(?:oh|ah|um|er|uh)\s+)?(?:no+|nope|wait|actually|sorry|sry|correction|rather)\b"
    r"|\s+(?:no+,?\s+(?:wait|sorry)|sorry|sry|or\s+rather|scratch\s+that|make\s+that|i\s+mean(?:t)?|wait\s+no)\b)"
    r"(?:[\s,.…–-]+(?:no+|wait|sorry|sry|actually|rather|make\s+(?:that|it)|i\s+mean(?:t)?|scratch\s+that)\b)*[\s,:.…–-]+",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"(?:at|on|by|for|until|till|to|in|due)\s+", re.IGNORECASE)
_LONGEST = 5  # words of a date
_QUOTES = re.compile(r"[\"“”]")


def corrected(text: str, now: datetime) -> str | None:
    """`text` with what was said second in place of what was said first; None where that can't be told."""
    mark = _MARK.search(text)
    if mark is None or _QUOTES.search(text):
        return None
    before, after = text[: mark.start()].rstrip(" ,;").split(), text[mark.end() :].split()
    for new in range(min(_LONGEST, len(after)), 0, -1):
        said = " ".join(after[:new]).strip(" ,.;!")
        if _is_date(said, now):
            for old in range(min(_LONGEST, len(before) - 1), 0, -1):
                first = " ".join(before[-old:])
                if _is_date(first, now) and _names_day(first, now) == _names_day(said, now):
                    lead = _PREPOSITION.match(first)
                    led = f"{lead[0]}{said}" if lead is not None and not _PREPOSITION.match(said) else said
                    return _joined(before[:-old], led, after[new:])
    for place in range(len(before) - 1, max(0, len(before) - _LONGEST) if after else len(before), -1):
        if _is_slip(before[place], after[0]) and (place == len(before) - 1 or len(after) == 1):
            return _joined(before[:place], after[0].strip(" ,.;!"), [*before[place + 1 :], *after[1:]])
    same = len(after)  # "2 tickets, I mean 3 tickets"
    if 1 < same < len(before) and same < _LONGEST and before[-1].lower() == after[-1].strip(" ,.;!").lower():
        return _joined(before[:-same], " ".join(after), [])
    return None


def _joined(before: list[str], said: str, after: list[str]) -> str:
    return " ".join([*before, said, *after]).strip()


def _is_date(words: str, now: datetime) -> bool:
    return any(
        due is not None and not left.strip(" .,")
        for left, due in (
            dates.extract(words, now),
            dates.extract(f"on {words}", now),
            dates.extract(f"at {words}", now),
        )
    )


def _names_day(words: str, now: datetime) -> bool:
    return dates.names_day(words, now) or dates.names_day(f"on {words}", now)


def _is_slip(first: str, second: str) -> bool:
    """ "Jonas. no, Jonah.": one name, or nearly the same word."""
    one, other = first.strip(".,;!?"), second.strip(".,;!?")
    ends = second[-1:] in ".,;!?" or second == other
    if not ends or not one.isalpha() or not other.isalpha() or one.lower() == other.lower():
        return False
    return one[0].lower() == other[0].lower() and len(one) > 3 and OSA.distance(one.lower(), other.lower()) <= 2
