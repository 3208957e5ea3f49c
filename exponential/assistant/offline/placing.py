"""What is said of tasks by their place in the list: "the first can be low", "second and third to Monday"."""

import re

from exponential.assistant.offline.combining import combined
from exponential.assistant.offline.steps import Heard, Step
from exponential.assistant.offline.values import each

_PLACE = (
    r"(?:(?:the\s+)?(?:first|second|third|fourth|fifth|last)(?:\s+(?:one|two|task))?"
    r"|(?:number|task|#)\s*(?:\d{1,2}|one|two|three|four|five)|\d{1,2})"
)
_BE = (
    r"(?:can|could|should|must|has\s+to|have\s+to|needs?\s+to|may)\s+"
    r"(?:be|wait\s+(?:until|till)|go\s+(?:to|on|in|into|under))"
)
_PLACED = re.compile(
    rf"(?:i['’]?ll\s+do\s+|do\s+|give\s+|let['’]?s\s+(?:do|move|push)\s+)?(?P<name>both|all\s+(?:two|three|four)|{_PLACE}(?:\s*(?:,|and|&)\s*{_PLACE})*)"
    rf"(?:\s*[:–]\s*|\s+)(?P<joint>(?:to|on|for|by|until|is|are|{_BE}|belongs?\s+(?:to|in)|goe?s?\s+(?:to|in|into|under|on))\s+)?(?P<value>.+)",
    re.IGNORECASE | re.DOTALL,
)


def placed(heard: Heard) -> list[Step] | None:
    match = _PLACED.fullmatch(heard.text) if heard.listed and heard.listed_kind == "task" else None
    if match is None:
        return None
    value = combined(match["value"], heard.now, moving=True)
    value = value or combined(f"{match['joint'] or ''}{match['value']}", heard.now, moving=True)
    return each("update_task", value, match["name"], heard) if value else None
