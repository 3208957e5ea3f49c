"""Moments, lists and records (as JSON) in Markdown, as Paddy writes them without a language model."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

Result = dict[str, Any]
_MARKS = re.compile(r"([\\`*_~\[\]<>|])")
_LEADING_MARK = re.compile(r"^(\s*)([#+-]|\d+\.)(?=\s)")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is."""
    return _LEADING_MARK.sub(r"\1\\\2", _MARKS.sub(r"\\\1", text))


def when(due: str, now: datetime) -> str:
    """An ISO date or datetime as people say it: "today", "tomorrow at 17:00", "Friday, 8 May", "1 Feb 2027"."""
    moment = datetime.fromisoformat(due) if "T" in due else None
    day = moment.date() if moment else date.fromisoformat(due)
    days = (day - now.date()).days
    names = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if days in names:
        said = names[days]
    elif day.year == now.year or 0 < days < 60:
        said = f"{day:%A}, {day.day} {day:%B}"
    else:
        said = f"{day.day} {day:%B %Y}"
    return f"{said} at {moment:%H:%M}" if moment else said


def task(record: Result, now: datetime) -> str:
    """A task's title with what is known of it."""
    due = f", due {when(record['due'], now)}" if record["due"] else ""
    project = f", in {plain(record['project'])}" if record.get("project") else ""
    priority = f", {record['priority']}" if record.get("priority") in ("urgent", "high", "low") else ""
    return f"**{plain(record['title'])}**{due}{project}{priority}"


def beginning(text: str, longest: int | None) -> str:
    """`text`, cut after `longest` characters."""
    return text if longest is None or len(text) <= longest else f"{text[:longest].rstrip()}…"


def count(number: int, noun: str) -> str:
    """ "no tasks", "1 task", "2 tasks"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def numbered(lines: Sequence[str]) -> str:
    """A numbered list, from 1."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
