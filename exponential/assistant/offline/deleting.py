"""Rules that delete and reopen tasks, and undo. Deleting is only ever read from plain words."""

import re

from exponential.assistant.offline import pointing
from exponential.assistant.offline.asides import turned
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.values import WHICH, each
from exponential.assistant.offline.words import LIST

ONE_BY_ONE = "I delete tasks one by one, to be sure. Name the one that shall go."
NOT_DELETED = "Nothing was deleted. To delete a task, say *delete* and its title."


_UNDO = whole(
    r"(?:(?:o+ps|oh|wait|no+|nope|sorry|whoops|damn|argh|please|hang\s+on|hold\s+on|(?:but\s+)?i\s+(?:(?:do|still|actually)\s+)*need(?:ed)?\s+(?:it|that)(?:\s+one)?)[\s,!.]*)*"
    r"(?:(?:undo|revert|reverse|roll\s+back|take\s+back)(?:\s+(?:it|that|this|(?:(?:the|my|that|this|your)\s+)?(?:very\s+)?last(?:\s+\w+)?"
    r"|(?:(?:that|the)\s+)?(?:delete|deletion|move|change|rename)))?"
    r"|take\s+(?:that|it)\s+back|bring\s+(?:it|that)(?:\s+one)?\s+back|restore\s+(?:it|that)(?:\s+one)?"
    r"|(?:bring\s+back|restore|recover|get\s+back|undelete)\s+(?:it|that|the\s+(?:deleted\s+|removed\s+|last\s+)?(?:task|item|one|reminder|entry))"
    r"(?:\s+(?:that\s+)?i\s+(?:just\s+|accidentally\s+)?(?:deleted|removed|cancelled)(?:\s+by\s+(?:mistake|accident))?)?"
    r"|put\s+it\s+back"
    r"|(?:undo|revert|reverse|roll\s+back)\s+(?:what\s+(?:you|i)\s+(?:just\s+)?did|the\s+(?:deletion|delete|change|move|rename)|(?:my|your)\s+last.*)"
    r"|(?:get|give\s+me)\s+(?:it|that)\s+back|i\s+did(?:n['’]?t|\s+not)\s+(?:mean|want)\s+(?:to\s+(?:do\s+)?)?(?:that|it|this)"
    r"|(?:that|this)\s+was\s+(?:a\s+mistake|wrong|the\s+wrong\s+(?:one|task)|not\s+what\s+i\s+(?:meant|wanted)).*)(?:\s+again)?"
    r"(?:[\s,]+(?:please|pls|i\s+did(?:n['’]?t|\s+not)\s+mean\s+.*|that\s+was\s+.*|sorry))*"
)
_GONE = r"(?:delete|remove|erase|get\s+rid\s+of|scratch|scrap|trash|discard|throw\s+(?:away|out)|bin|nix|axe|ditch)"
_DELETE = whole(
    rf"{_GONE}(?:\s+(?P<name>.+?))?"
    rf"(?:\s+(?:from|off)(?:\s+of)?\s+(?:(?:my|the|our)\s+)?(?:{LIST}))?"
)
_DROP = whole(
    r"(?:drop|cancel|clear)\s+(?:(?P<name>.+?)\s+(?:from|off)\s+(?:my|the)\s+(?:to[\s-]?do\s+)?(?:list|tasks?"
    r"|to[\s-]?dos?)"
    r"|(?:the\s+)?task\s+(?P<task>.+)|(?P<task2>.+?)\s+task|(?P<all>(?:(?:all|my|the)\s+)+(?:list|tasks?"
    r"|to[\s-]?dos?)|all|everything))"
)
_FOR_GOOD = re.compile(
    r"(?:\s+(?:permanently|for\s+good|completely|entirely|altogether|right\s+away|right\s+now|immediately|now|again|please|pls)|[\s,]+(?:sorry|thanks)|!+)+$",
    re.IGNORECASE,
)
_ON_LIST = re.compile(
    rf"^(?:from|on|in)\s+(?:my|the)\s+(?:{LIST})\s*[,:]?\s+(?=(?:delete|remove|erase)\b)", re.IGNORECASE
)
_ONCE_MORE = re.compile(r"[\s,;.–-]+(?:completely\s+|just\s+|please\s+)*(?:delete|remove|erase)\s+it$", re.IGNORECASE)
_OFF_LIST = whole(
    rf"(?:i\s+(?:no\s+longer|don['’]?t)\s+(?:need|want)\s+.+?\s+(?:on|in)\s+(?:my|the)\s+(?:{LIST})(?:\s+any\s?more)?"
    rf"|(?:clear|empty|wipe|clean)\s+(?:out\s+)?.*\b(?:{LIST}))"
)
_NAMELESS = whole(
    r"(?:(?:the|my|last|next|first|second|third|upcoming|scheduled|old|new|this|that|an?|one|other|previous|latest)\s+)*(?:items?|tasks?|to-?dos?|entry|entries|events?|things?|one|ones|lists?"
    r"|reminders?|notes?|stuff|what\s+(?:i|you|we)\b.*)(?:\s+(?:that\s+)?(?:i|you)\s+(?:just\s+)?\w+)?"
)
_REASON = re.compile(  # "…, she's ill"
    r"(?:\s+(?:please|pls))?\s*[,;.–]\s*(?:because\s+)?(?:she|he|it|they|we|i|that|this|there|you)(?:['’]\w+|\s+\w+)\b.*$"
    r"|\s+(?:because|since)\s+.+$|\s*[,;.]\s*changed\s+my\s+mind\W*$",
    re.IGNORECASE | re.DOTALL,
)
_NOT_A_TASK = re.compile(
    r"\b(?:project|meeting|transcript|account|chat|conversation|history|message)s?\b", re.IGNORECASE
)
_HEDGED = re.compile(
    r"\b(?:except|but|or|nothing|none|not|these|those|only|if|unless)\b|^(?:it|that|this|them)\s+(?!one\b|again\b"
    r"|task\b)",
    re.IGNORECASE,
)
_MAYBE_DELETE = re.compile(
    r"^(?:(?:should|shall|can|may|could|would)\s+(?:i|we)\b|(?:i|he|she|they|you|we)\b|(?:do\s+not|don['’]?t|never|please\s+don['’]?t)\b"
    r"|can\b.*\bbe\b|what\s+(?:happens\s+|would\s+happen\s+)?(?:if|when)\b|how\b)"
    r".*\b(?:delete[d]?|remove[d]?|erase[d]?)\b",
    re.IGNORECASE,
)
_REOPEN = (
    whole(
        r"(?:re-?open|uncheck|untick|unmark|un-?complete|un-?finish|re-?activate)\s+(?P<name>.+?)(?:\s+as\s+(?:done|completed?|finished))?"
    ),
    whole(r"open\s+(?P<name>.+?)\s+again"),
    whole(
        r"(?:put|set|move|bring|restore|change|switch)\s+(?P<name>.+?)(?:\s+back)?\s+to\s+(?:open|not\s+done|to-?do|undone|active)"
    ),
    whole(r"(?P<name>.+?)\s+(?:needs?|has|have)\s+to\s+be\s+(?:re-?opened|done\s+again|redone)"),
    whole(r"(?P<name>it|that|this)(?:['’]s|\s+is)\s+still\s+(?:open|to\s+do|not\s+done|undone)"),
    whole(r"(?P<name>.+?)\s+(?:is|are)\s+(?:open|undone|unfinished|incomplete)(?:\s+again)?"),
    whole(
        r"i\s+(?:ticked|checked|crossed|marked|completed|closed|finished)\s+(?:off\s+)?(?P<name>.+?)(?:\s+off)?(?:\s+as\s+done)?\s+(?:by\s+(?:mistake"
        r"|accident)|too\s+(?:early|soon)|accidentally)(?:[\s,.]+(?:please\s+|can\s+you\s+)?(?:re-?open|undo|uncheck)\s+(?:it|that))?"
    ),
    whole(r"(?P<name>it|that|this)?\s*(?:actually\s+)?not\s+(?:done|finished|complete[d]?)(?:\s+yet|\s+after\s+all)?"),
    whole(
        r"(?:mark|set)\s+(?P<name>.+?)(?:\s+back)?\s+(?:as|to)\s+(?:not\s+(?:yet\s+)?(?:done|complete[d]?|finished)"
        r"|open(?:\s+again)?|undone|incomplete|unfinished)"
    ),
    whole(
        r"(?:put|add|bring|move)\s+(?P<name>.+?)\s+back\s+(?:on|onto|in|into|to)\s+(?:my|the)\s+(?:to[\s-]?do\s+)?(?:list|tasks?)(?:\s+as\s+(?:open|not\s+done|undone))?"
    ),
    whole(
        r"(?P<name>.+?)\s*(?:(?:is|was|are|were)(?:\s+not|n['’]?t)|['’]s\s+not)\s+(?:really\s+|actually\s+|quite\s+"
        r")?(?:done|finished|complete[d]?|fixed|solved|over|through)(?:\s+yet|\s+after\s+all|[\s,]+sorry)*"
    ),
    whole(
        r"(?P<name>[^?]+?)\s+(?:still\s+)?not\s+(?:yet\s+)?(?:done|finished|complete[d]?)(?:\s+(?:yet|after\s+all))?"
    ),
    whole(
        r"i\s+(?:did\s+not|didn['’]?t|have\s+not|haven['’]?t)\s+(?:actually\s+|really\s+)?(?:finish(?:ed)?"
        r"|complete[d]?|do(?:ne)?)\s+(?P<name>.+?)(?:\s+yet|\s+after\s+all)?"
    ),
)


_WRONG_ONE = whole(
    r"(?:(?:sorry|argh|damn|whoops)[\s,!.]+)*(?:(?:that|this|it)(?:['’]s|\s+was|\s+is)\s+)?(?:the\s+)?wrong\s+(?:one|task|thing|item)(?:[\s,]+sorry)?"
)
_THEN_UNDO = whole(
    r"(?P<head>[^?]{2,60})[,.!–-]\s+(?:(?:please|pls)\s+)?undo(?:\s+(?:it|that))?|go\s+back\s+(?:one|a)\s+step"
)
_SORRY = re.compile(
    r"^(?:(?:actually|but|sorry|o+ps|oh|no+|wait|hm+|damn|argh|whoops|my\s+(?:bad|mistake)|i\s+was\s+(?:wrong|mistaken)|turns\s+out(?:\s+that)?)[\s,!.:–-]+)+",
    re.IGNORECASE,
)
_AGAIN = re.compile(  # "that isn't done yet, please open it again"
    r"[\s,;.!–-]+(?:(?:so|and|please|pls|can\s+you|could\s+you)\s+)*(?:re-?open(?=\W*$)|(?:re-?open|open|put|bring|set|mark|untick|uncheck)\s+(?:it|that|this))"
    r"(?:\s+(?:one|again|back|up|on|to|onto|as|my|the|list|open|not\s+done))*$",
    re.IGNORECASE,
)
_UNDONE = whole(  # "I didn't send the invoice", before "please reopen it"
    r"(?:but\s+)?(?:i|we)\s+(?:did\s+not|didn['’]?t)\s+(?:actually\s+|really\s+|even\s+)?(?!do\b|finish\b|complete\b)(?P<verb>[a-z]+)\s+(?:the\s+)?(?P<what>.+?)(?:\s+(?:yet|after\s+all))?"
)
_BACK = whole(
    r"(?:bring|get|put|give\s+me)\s+(?:the\s+)?(?P<name>.+?)(?:\s+(?:task|one))?\s+back"
    r"|(?:bring\s+back|restore|recover|undelete)\s+(?:the\s+)?(?P<name2>.+?)(?:\s+(?:task|one))?"
)


def undo(heard: Heard) -> list[Step] | None:
    then = _THEN_UNDO.fullmatch(heard.text)
    if then is not None and not turned(then["head"] or ""):
        return [Call("undo", {})]
    wrong = heard.last is not None and _WRONG_ONE.fullmatch(heard.text)
    return [Call("undo", {})] if wrong or _UNDO.fullmatch(heard.text) or _is_brought_back(heard) else None


def _is_brought_back(heard: Heard) -> bool:
    """ "bring the milk back", said of the task spoken of last."""
    match = _BACK.fullmatch(heard.text)
    title = str((heard.last or {}).get("title") or "") if heard.last_kind == "task" else ""
    return match is not None and set((match["name"] or match["name2"]).lower().split()) <= set(title.lower().split())


def delete(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _MAYBE_DELETE.search(text) or _OFF_LIST.fullmatch(text):
        return [Say(NOT_DELETED)]
    text = _ON_LIST.sub("", _FOR_GOOD.sub("", _ONCE_MORE.sub("", text)))
    match = _DELETE.fullmatch(text) or _DROP.fullmatch(text)
    if match is None:
        return None
    found = match.groupdict()
    name = found.get("name") or found.get("task") or found.get("task2") or found.get("all") or ""
    if heard.listed_kind == "reminder" and heard.listed and re.search(r"\s+one$", name, re.IGNORECASE):
        return [Call("cancel_reminder", {"reminder": pointing.named(name)})]
    if re.fullmatch(
        r"(?:yourself|myself|you|me|us|him|her|them|everyone|everybody|anything|something)", name, re.IGNORECASE
    ):
        return [Say(NOT_DELETED)]
    whole = name
    if pointing.is_all(f"{name} task" if found.get("task2") else name) or re.match(
        r"(?:every|each|any|all)\b", name, re.I
    ):
        return [Say(ONE_BY_ONE)]
    if '"' not in name and "“" not in name:
        name = _FOR_GOOD.sub("", _REASON.sub("", name))
        name = re.sub(r"\s+task$", "", name, flags=re.IGNORECASE)
    if _NOT_A_TASK.search(name):
        return [
            Say(
                "I can only delete tasks. A project can be put on hold or marked as done; *undo* takes back the last"
                " change."
            )
        ]
    if re.search(r"\breminders?$", name, re.IGNORECASE):
        return [Say(NOT_DELETED)]  # a task must not go instead of a reminder
    if pointing.is_all(name):
        return [Say(ONE_BY_ONE)]
    if _NAMELESS.fullmatch(name) and not pointing.is_pronoun(name) and not pointing.is_place(name):
        return [Say(WHICH)]
    if (_HEDGED.search(whole) and name[:1] not in "\"“'") or (
        name.strip().isdigit() and not (heard.listed and heard.listed_kind == "task")
    ):
        return [Say(NOT_DELETED)]
    return each("delete_task", {}, name, heard)


def reopen(heard: Heard) -> list[Step] | None:
    if re.match(
        r"(?:what|which|who|why|how|show|list|add|create|make|new|to-?do|task|note|remember)\b",
        heard.text,
        re.IGNORECASE,
    ):
        return None
    text = _SORRY.sub("", heard.text)
    again = _AGAIN.search(text)
    undone = _UNDONE.fullmatch(text[: again.start()]) if again is not None else None
    if undone is not None:
        return each("reopen_task", {}, f"{undone['verb']} {undone['what']}", heard)
    if again is not None and _reopened(text[: again.start()], heard):
        text = text[: again.start()]
    return _reopened(text, heard)


def _reopened(text: str, heard: Heard) -> list[Step] | None:
    for pattern in _REOPEN:
        match = pattern.fullmatch(text)
        if match is not None and not re.search(r"\bprojects?\b", match["name"] or "", re.IGNORECASE):
            return each("reopen_task", {}, match["name"] or "it", heard)
    return None
