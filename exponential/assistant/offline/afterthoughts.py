"""What is added after something to say what it was meant as: "…, you can tick it off", "… - make it a task"."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from exponential.assistant.offline import details
from exponential.assistant.offline.asides import turned
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.words import LIST, VERBS
from exponential.workspace.text import dates

Understand = Callable[[str], list[Step] | None]
_NOTED = 9  # words that are noted down as they are, when they have a day


_JOINT = r"(?:\s*[,.;:!…–-]+\s+|\s+(?=(?:so|and)\s+(?:please|pls|you\s+can|can\s+you|could\s+you)\b))"
_POLITE = (
    r"(?:(?:so|and|please|pls|kindly|just|now|then|again|(?:can|could|would|will)\s+(?:you|u)|(?:you|we)\s+(?:can|may|could)"
    r"|feel\s+free\s+to|let['’]?s|maybe|i['’]d\s+like\s+you\s+to)\s+)*"
)
_IT = r"(?:it|that|this|them|these|both|all(?:\s+of\s+(?:them|these)|\s+(?:three|four|five))?|that\s+one|this\s+one)"
_ENDING = r"(?:[\s,]+(?:please|pls|thanks|thank\s+you|thx|for\s+me|now|too))*"
_TICKED = whole(
    rf"(?P<head>[^\n]+?){_JOINT}{_POLITE}(?:(?:tick|check|cross|strike|take)\s+{_IT}\s+off(?:\s+(?:of\s+)?(?:the|my)\s+list)?"
    rf"|(?:mark|tick|check|close)\s+{_IT}(?:\s+(?:as\s+)?(?:done|finished|completed?))?|mark\s+(?:as\s+)?(?:done|finished|completed?)|tick){_ENDING}"
)
_PLACE = (
    rf"(?:down|in(?=[\s,.!]*(?:please|pls|thanks|for\s+me|$))|(?:down\s+)?(?:on|to|onto|in|into)\s+(?:(?:my|the|our)\s+)?(?:{LIST})"
    r"|(?:(?:as|into|to)\s+)?(?:an?|my)\s+(?:new\s+)?(?:tasks?|to-?dos?)(?:\s+(?:of|from|out\s+of)\s+(?:it|that))?)"
)
_PUT_DOWN = whole(
    rf"(?P<head>[^\n]+?){_JOINT}{_POLITE}(?:(?:put|write|note|jot|log|get|pop|stick|throw|add|make|turn|save|create|have)"
    rf"\s+(?:{_IT}\s+)?{_PLACE}|add\s+{_IT}|don['’]?t\s+let\s+me\s+forget(?:\s+{_IT})?|(?:make\s+sure\s+)?(?:that\s+)?i\s+(?:don['’]?t|won['’]?t)\s+forget(?:\s+{_IT})?){_ENDING}(?P<rest>(?:[\s,.;–-]+.+)?)"
)
_MOVED_THERE = whole(  # "the bug belongs to Website, can you move it there?"
    rf"(?P<head>[^\n]+?){_JOINT}{_POLITE}(?:move|put|file|add|assign)\s+{_IT}\s+(?:in\s+|over\s+)?(?:there|to\s+(?:it|that\s+project)){_ENDING}"
)
_NEXT_SENTENCE = re.compile(r"[.!?;:…]\s+|,\s*(?:but|so|and)\s+|\s[–-]+\s")
_WISH = whole(
    r"(?:(?:i|we)(?:['’]ve|\s+have)?\s+(?:(?:also|just|sort\s+of|kind\s+of)\s+)?(?:(?P<given>promised|owe)|agreed\s+to|offered\s+to|forgot\s+to|keep\s+forgetting\s+to"
    r"|(?:wanted|hoped|meant|planned|intended|was\s+going)\s+to|said\s+(?:that\s+)?(?:i|we)(?:['’]d|\s+would)|told\s+[\w'’.]+(?:\s+[A-Z][\w'’]*)?\s+(?:that\s+)?(?:i|we)(?:['’]d|\s+would)"
    r"|(?:(?:still|also|really)\s+)*(?:must|should|(?:have|need|ought)\s+to)|(?:would|['’]d)\s+(?:like|love)\s+to)|(?:i|we)['’]d\s+(?:like|love)\s+to|(?:it|that)\s+would\s+be\s+(?:good|nice|great)\s+to"
    r"|[A-Z][\w'’]*(?:\s+[A-Z][\w'’]*)?\s+(?:asked|wants|needs|told|expects)\s+(?:me|us)\s+to|(?:the\s+|my\s+|our\s+)?[\w'’]+(?:\s+[\w'’]+)?\s+needs?(?!\s+to\b))\s+(?P<rest>.+)"
)
_FILLING = re.compile(
    r"\b(?:for|with|at|as|on|by|due|and|it|is|please|pls|then|a|the|in|priority|prio)\b|[\s,.;!–-]", re.I
)


_CHANGING = frozenset("move mark set change update close complete add put rename reschedule cancel show list".split())
_NO_DATE = re.compile(
    r"\b(?:without|with\s+no|no)\s+(?:an?\s+)?(?:due\s+)?(?:date|deadline)\b|\bw/(?=\s)", re.IGNORECASE
)


def read(heard: Heard, understand: Understand) -> list[Step] | None:
    """The steps for what was said before such an afterthought; None when there is none."""
    text = heard.text.strip(" .!?")
    ticked = _TICKED.fullmatch(text)
    if ticked is not None and not turned(ticked["head"]):
        return _only(understand(ticked["head"]), "complete_task")
    there = _MOVED_THERE.fullmatch(text)
    if there is not None and not turned(there["head"]):
        return _only(understand(there["head"]), "update_task")
    put_down = _PUT_DOWN.fullmatch(text)
    if put_down is None or '"' in text or "“" in text:
        return None
    more = _said_of_it(put_down["rest"], heard)
    if more is None:
        return None
    for words in _wishes(put_down["head"], heard):
        steps = _only(understand(words), "create_task")
        if steps is not None:
            return [Call("create_task", step.args | more) for step in steps if isinstance(step, Call)]
    return None


def _wishes(head: str, heard: Heard) -> Iterator[str]:
    yield from _needs(head)
    if dates.extract(head, heard.now)[1] is not None and len(head.split()) <= _NOTED and "?" not in head:
        yield f"add task: {head}"


def _needs(head: str) -> Iterator[str]:
    """The words that may say what is to be done: all, or those after an introduction ("nothing pressing, but …")."""
    starts = [0, *(joint.end() for joint in _NEXT_SENTENCE.finditer(head))]
    for start in starts[:4]:
        words = head[start:].strip(" ,.;!")
        if not words or turned(head[:start]):
            continue
        wish = _WISH.fullmatch(words)
        if wish is None:
            yield words
            if words.split()[0].lower() in VERBS - _CHANGING:
                yield f"add task: {words}"
            continue
        what = re.sub(r"^to\s+", "", wish["rest"], flags=re.IGNORECASE)
        is_deed = what.split()[0].lower() in VERBS or what != wish["rest"]
        yield f"add task: {'give ' if wish['given'] and not is_deed else ''}{what}"


def _said_of_it(rest: str, heard: Heard) -> dict[str, Any] | None:
    """ "with low prio", "for Friday", "under Research"; None when it is more than that."""
    rest, priority = details.take_priority(_NO_DATE.sub("", rest))
    rest, project = details.take_project(rest)
    rest, due = dates.extract(rest.strip(" ,.;–-"), heard.now)
    if _FILLING.sub("", rest):
        return None
    found = {"priority": priority, "project": project, "due": due.isoformat() if due else None}
    return {key: value for key, value in found.items() if value is not None}


def _only(steps: list[Step] | None, tool: str) -> list[Step] | None:
    return steps if steps and all(isinstance(step, Call) and step.tool == tool for step in steps) else None
