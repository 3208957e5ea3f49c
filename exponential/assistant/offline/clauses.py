"""Several requests in one message: where one ends and the next begins."""

import re
from collections.abc import Callable
from functools import cache
from itertools import islice

MAX_JOINTS = 12  # places where a message may be cut

# A request begins here, as far as its first words tell; whether it is one, the rules decide.
_OPENER = (
    r"(?:please\s+|pls\s+|also\s+|then\s+)*(?:add|create|make|new|put|mark|assign|bump|raise|lower|complete|tick|check\s+off|done(?!\s+(?:or|and)\b)|delete"
    r"|remove(?=.*\b(?:tasks?|list|reminder)\b|\s+[“\']|\s+(?:the\s+)?(?:first|second|third|fourth|fifth|last|number|it|that|\d)\b)|move|push|postpone"
    r"|rename|reopen|reschedule|set(?!\s+(?:the\s+|its\s+|a\s+)?(?:first\s+|next\s+)?review)|change|remind|every|snooze|cancel|undo|remember\s+that|forget|show|list|tell\s+"
    r"me|see|what"
    r"|which|how|who|when|where"
    r"|did|is|are|any|i\s+(?:also\s+|just\s+|already\s+)?(?:finished|did|paid|bought|called|sent|completed|have|need|must|['’]ve|\w+ed)|i['’]ve|status|summari[sz]e"
    r"|give|pause|resume"
    r"|update|turn|start|any|(?:all\s+)?my\s+(?:tasks|projects|reminders|meetings)|the\s+(?:action|second|first|third|last)|and|(?:first|second|third|fourth|fifth|last)(?=\s+(?:one|task|is|can|should|to|on|goes|belongs|today|tomorrow|next|mon|tue|wed|thu|fri|sat|sun))"
    r"|(?:number\s+|\#)\d|\d{1,2}(?=\s*:\s|\s+(?:is|can|should|goes|belongs|done|today|tomorrow|next|high|low|urgent|mon|tues?|wed|thu|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b)|bring\b.*\bback|both|search|brief|wake|keep|close|finish|reopen|archive"
    r"|[^,;.]{1,40}?\s(?:instead\s+of)\s+(?:today|tomorrow|mon|tue|wed|thu|fri|sat|sun))\b"
)
# Of the record named before: a request after "reopen the form", but only a part of "add the form, it's urgent".
_OF_IT = r"(?:(?:i\s+|we\s+)?need\s+(?:it|that)|it['’]?s|(?:it|that)\s+(?:is|has|belongs|goes|should|needs|can))\b"
_MAKES = re.compile(
    r"(?:please\s+|pls\s+|also\s+|then\s+|can\s+you\s+)*(?:reopen|open|uncheck|move|push|rename|mark|set|put|tick|finished|done)\b",
    re.IGNORECASE,
)
_JOINTS = re.compile(
    rf"(?:(?<=[.!?;✅✔✓👍])\s+|\s*;\s*|\s*\n+\s*|\s*,?\s*\b(?:and\s+then|and\s+also|and|then|also|plus)\s+"
    rf"|\s*[,&]\s*)(?:(?={_OPENER})|(?=(?P<of_it>{_OF_IT})))",
    re.IGNORECASE,
)


def split(text: str, is_request: Callable[[str], bool]) -> list[str]:
    """`text` cut where both sides are requests by themselves; whole when it is one, or too many to tell."""
    if len(list(islice(_JOINTS.finditer(text), MAX_JOINTS + 1))) > MAX_JOINTS:
        return [text]
    known = cache(is_request)

    @cache
    def parts(rest: str) -> tuple[str, ...]:
        for joint in _JOINTS.finditer(rest):
            head, tail = rest[: joint.start()].strip(), rest[joint.end() :].strip()
            if joint["of_it"] and not _MAKES.match(rest):
                continue
            if head and tail and known(head) and all(map(known, parts(tail))):
                return (head, *parts(tail))
        return (rest,)

    return list(parts(text))
