"""Values from outside: which of them can be kept and told again, and JSON that has no others.

Postgres keeps no NUL in text and no whole number beyond 64 bits; UTF-8 has no half characters (lone surrogates, which
JSON can name); JSON has neither Infinity nor NaN (RFC 8259 §6), which Python reads all the same, also as 1e999.
"""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from exponential.core.errors import BadInput

SMALLEST, LARGEST = -(2**63), 2**63 - 1  # whole numbers that a column holds
MAX_PROBLEMS = 5  # that are named at once
JOINERS = "\u200c\u200d"  # zero width non-joiner and joiner: in Persian and Indic words, and in emoji
_UNSEEN = ("Cc", "Cf", "Cs")  # categories: control, format, half characters
_UNFIT = re.compile(r"[\0\ud800-\udfff]")


def check(value: Any, what: str = "The request") -> None:
    """Raises BadInput, about `what`, when a text or number in `value` (JSON, or a mere text) can't be kept."""
    waiting = [value]
    while waiting:  # not by recursion: it may be nested as deeply as its sender likes
        value = waiting.pop()
        match value:
            case str():
                _check_text(value, what)
            case dict():
                waiting += [*value, *value.values()]
            case list() | tuple():
                waiting += value
            case int() if not SMALLEST <= value <= LARGEST:
                raise BadInput(f"{what} has a number that is too large.", code="number_invalid")
            case float() if not math.isfinite(value):
                raise BadInput(f"{what} has Infinity or NaN where a number should be.", code="number_invalid")


def parse_json(text: str | bytes, what: str = "The body") -> Any:
    """The value of a JSON text. Raises BadInput."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput(f"{what} is no JSON that can be read.", code="json_invalid") from None
    check(value, what)
    return value


def cleaned(text: str) -> str:
    """`text` with U+FFFD for what can't be kept: for words that must not be refused, as those of a message."""
    return _UNFIT.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`text` on one line, without characters that are not seen and can turn writing around; joiners stay."""
    words = ("".join(letter for letter in word if _is_seen(letter)) for word in text.split())
    return " ".join(word for word in words if word.strip(JOINERS))


def _is_seen(letter: str) -> bool:
    return letter in JOINERS or unicodedata.category(letter) not in _UNSEEN


def split_url(text: str) -> SplitResult:
    """The parts of a URL that somebody sent; all empty for what is none, which `urlsplit` doesn't take."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def _check_text(text: str, what: str) -> None:
    if "\0" in text:
        raise BadInput(f"{what} has a NUL character in it. Remove it, then try again.", code="text_invalid")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(
            f"{what} has half of a character (a lone surrogate) in it. Remove it, then try again.", code="text_invalid"
        ) from None


def problems(errors: Sequence[Any], whole: str = "the request", *, skip: int = 0) -> str:
    """What pydantic found, as part of a sentence. `whole`: what is wrong where no field is named; `skip`: so many
    names before a field's own, such as "body", are left out."""
    found = []
    for item in errors[:MAX_PROBLEMS]:
        where = ".".join(str(step) for step in item["loc"][skip:] if not isinstance(step, int)) or whole
        found.append(f"{where}: {item['msg']}")
    return "; ".join(found)
