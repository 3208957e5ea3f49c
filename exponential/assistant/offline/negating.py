"""What is wished instead of what is not: "don't delete it, just move it to sunday", "delete nothing, just set …"."""

import re

_NOT_BUT = re.compile(
    r"^(?:(?:no|nah|please|pls|oh|wait|hey)[\s,]+)*(?:(?:do\s+not|don['’]?t|never|no\s+need\s+to|you\s+(?:needn['’]?t|don['’]?t\s+(?:have|need)\s+to))\s+"
    r"(?P<verb>(?!forget\b|let\b|worry\b|know\b|think\b|have\b|need\b|want\b|remind\b|miss\b)\w+\b[^.;,!?\n–—]{0,60}?)|(?:\w+\s+nothing|not\s+\w+ing)\b[^.;,!?\n–—]{0,60}?)"
    r"(?:\s*[.;,!–—-]+\s*(?P<sure>(?:but|just|only|rather|instead|simply|please|pls)\b[\s,]*)*"
    r"|\s+(?:but|just|only|rather|instead)\s+(?:(?:just|only|rather|instead|simply)\s+)*)(?P<rest>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = re.compile(r"\w+\s+(?P<name>(?!(?:it|that|this|them|any|anything)\b)\w.*\w)$", re.IGNORECASE)
_POINTS = re.compile(r"\b(?:it|that|this)\b", re.IGNORECASE)
_CHANGES = re.compile(
    r"(?:move|push|postpone|set|make|mark|rename|change|put|snooze|tick|complete|come\s+back|shift|reschedule|leave\s+it|remind"
    r"|update|bump|try\s+again|ask\s+(?:me\s+)?again)\b",
    re.IGNORECASE,
)


def instead(text: str) -> str | None:
    """The part that is wished; None where the message isn't made that way."""
    match = _NOT_BUT.match(text)
    if match is None:
        return None
    rest = match["rest"].strip()
    named = _NAMED.match(match["verb"]) if match["verb"] else None
    if named is not None and (points := _POINTS.search(rest)) is not None:  # "don't cancel the second, move it to 10am"
        rest = f"{rest[: points.start()]}{named['name']}{rest[points.end() :]}"
    plain = match["sure"] is None and re.search(r"[.;,!–—-]\s*$", text[: match.start("rest")]) is not None
    return rest if not plain or _CHANGES.match(rest) else None
