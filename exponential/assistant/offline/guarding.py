"""The last look before something is deleted, cancelled or forgotten: whether the words really ask for it.

Whatever a rule has read, a request that is hedged, asked, quoted, told of others or taken back does nothing.
"""

import re
from collections.abc import Sequence

from exponential.assistant import tools
from exponential.assistant.offline.steps import Call, Say, Step

NOT_DONE = "Nothing was deleted or cancelled. If it shall go, say *delete* and its name, and no more."

_VERB = re.compile(
    r"\b(?:delet\w*|del|rm|remov\w*|eras\w*|get(?:ting)?\s+rid\s+of|scratch|scrap|trash|discard|throw\w*|bin|nix|axe|ditch|drop|cancel\w*"
    r"|clear|stop\w*|turn\s+off|kill|disable|forget|wipe|(?:don['’]?t|do\s+not)\s+remind|no\s+longer\s+remind"
    r"|(?:don['’]?t|do\s+not)\s+(?:need|have)\s+to\s+remember|no\s+need\s+to\s+re\w+)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:if|unless|whether|don['’]?t|dont|do\s+not|never|not|should|shall|would(?!\s+(?:you|like|love))|what|why|how|when|who|where|did|didn['’]?t"
    r"|have\s+you|said|says?|told|tells?|asks?|asked|thinks?|might|may|maybe|perhaps|wonder\w*|about\s+to|i\s+will|i['’]ll|(?:i|we)\s+(?:could|can)|(?:can|could)\s+(?:i|we|one)"
    r"|i\s+(?:need|have|must|got)\s+(?:to\s+)?|gotta|is\s+it|was\s+it|remind\s+me|translate|note\s+to|todo|to-do:|rename|wait|almost|nearly|tried)\b|[\"“”‘]",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"\b(?:or\s+(?:not|maybe|what|should)|no\s+wait|kidding|joking|wait|if|unless|until|nothing|none|except|yet|maybe|not)\b"
    r"|\b(?:when|once|after|before|as\s+soon\s+as)\s+(?:i|we|it|that|he|she|they|you)\b|\bdon['’]?t\b|(?:^|[,.;!?…–—-])\s*(?:(?:oh|ah|h+m+|uh|um|er|eh|well|hang\s+on)\b[\s,.…]*)*(?:no+|nope|nah)\b(?!\s+(?:longer|need|use|rush|hurry|point|one)\b)"
    r"|\b(?:sorry|sry|oops|whoops|actually|rather|instead|scratch\s+that|on\s+second\s+thoughts?|i\s+mean(?:t)?|make\s+(?:it|that)|(?:keep|leave)\b(?!\s+(?:the\s+)?(?:others?|rest)\b))\b[\s,]*\w|\bor\b.*\?\s*$",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(  # of a fact, which may say "no" and "don't" itself
    r"\b(?:or\s+(?:not|maybe)|(?:no[\s,]+)?wait|kidding|joking|maybe\s+not)\b"
    r"|[,.;:!?…–—-]\s*(?:(?:oh|ah|h+m+|uh|um|er|well|but|actually|sorry)\b[\s,.…]*)*"
    r"(?:no+|nope|nah|never\s?mind|nvm|don['’]?t|(?:keep|leave)\s+(?:it|that))[\s.!…]*$",
    re.IGNORECASE,
)
_FINE = re.compile(
    r"\b(?:(?:it['’]?s\s+)?(?:not|no\s+longer)\s+needed|(?:i|we)\s+(?:don['’]?t|do\s+not|no\s+longer)\s+(?:need|want)\b[^,;.]*)[\s,;.]+|\b(?:can|could|would|will)\s+you\b|\bi\s+need\s+you\s+to\b",
    re.IGNORECASE,
)
_FILLER = (  # "don't remind me again": no name of a reminder
    r"(?:again|ever|today|tomorrow|tonight|now|later|before|until|till|so|too|early|often|late|much|every|each|day|week|month|morning|evening|night"
    r"|time|about|of|to|on|at|in|for|anything|anymore|any|more|yet|here|please)"
)
_NO_NAME = re.compile(
    r"^(?:(?:show|tell|remind|give)\s+me|list\s+(?:my|the|all)|what|which|how|who|when|where|why)\b|"
    rf"^{_FILLER}(?:\s+{_FILLER})*$|\?\s+\w|^(?:it|that|this|them|these|those)\b.+|^(?:other|others|rest|remaining|same)(?:\s+\w+)?$|[.!?;]\s+(?:no+|nope|nah|sorry|wait|actually|just|only|i|it|that|but|rather|or|not|instead|please|on\s+second)\b"
    r"|,\s*(?:no|nope|nah|sorry|wait|just|but|or|actually|rather|i\s+mean)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|(?<!\w)'[^']*'(?!\w)|‘[^’]*’")


_LATER_NO = re.compile(  # what takes a message back, said anywhere after the verb
    r"(?:[,.;:!?…–—(-]\s*(?:(?:oh|ah|h+m+|uh|um|er|eh|well|haha|lol|ok|but|or|and)\b[\s,.…-]*)*"
    r"(?:no+(?!\s+(?:longer|need|use|rush|hurry|point|one|more))|hold\s+on|hang\s+on|wait|joke|on\s+second\s+thoughts?|better\s+not|rather|not\s+sure"
    r"|(?:leave|keep|skip)\s+(?:it|that|them)|let\s+me\s+think|is\s+(?:that|it|this)\s+(?:ok|fine|possible)|what\s+do\s+you\s+think|actually|sorry,?\s+\w+"
    r"|oops,?\s+\w+|i\s+mean(?:t)?|make\s+(?:that|it)\b|(?:just|only|instead)\s+\w+\s+(?:it|that)|hmm+\W*$|later\W*$)"
    r"|\s(?:nope|nah|never\s?mind|nvm|kidding|joking|jk))\b|hmm+\W*$",
    re.IGNORECASE,
)
_TAKEN_AWAY = re.compile(  # "delete the gym task, cancel that"
    r"[,.;!?…–—-]\s*(?:(?:oh|ah|no|h+m+|ok|but|and)\b[\s,.…]*)*(?:(?:cancel|forget|scratch|undo|stop|drop)(?:\s+(?:it|that|this))?(?:\s+again)?)[\s.!]*$",
    re.IGNORECASE,
)


def destroys(steps: Sequence[Step] | None) -> bool:
    """Whether something would be deleted, cancelled or forgotten."""
    return any(_destroys(step) for step in steps or ())


def kept_back(steps: Sequence[Step], text: str) -> list[Step]:
    """`steps` of a whole message, where something that goes was taken back later in it, without that."""
    if not any(_destroys(step) and not _forgets(step) for step in steps):
        return list(steps)
    back = _TAKEN_AWAY.search(text)
    bare = _QUOTED.sub(" ", text)
    verbs = list(_VERB.finditer(bare))
    twice = back is not None and bool(verbs) and verbs[0].end() < back.start()
    if not twice and not (verbs and _LATER_NO.search(bare[verbs[-1].end() :])):
        return list(steps)
    left = [step for step in steps if not _destroys(step)]
    return [*left, Say(NOT_DONE)]


def guarded(steps: Sequence[Step] | None, text: str) -> list[Step] | None:
    """`steps` as they are, or, where they would destroy something that `text` doesn't plainly ask for, a refusal."""
    if steps is None or not destroys(steps):
        return list(steps) if steps is not None else None
    if any(_names_badly(step) for step in steps):
        return [Say(NOT_DONE)]
    return list(steps) if is_plain(text, forgetting=all(_forgets(step) for step in steps)) else [Say(NOT_DONE)]


def is_plain(text: str, *, forgetting: bool = False) -> bool:
    """Whether the words ask for it, here and now. `forgetting`: what follows is a fact, and may say "not" and "if"."""
    verb = _VERB.search(text)
    if verb is None:
        return False
    before, after = _FINE.sub(" ", text[: verb.start()]), _QUOTED.sub(" ", text[verb.end() :])
    if _BEFORE.search(before):
        return False
    return not (_TAKEN_BACK if forgetting else _AFTER).search(after)


def _destroys(step: Step) -> bool:
    spec = tools.find(step.tool) if isinstance(step, Call) else None
    return spec is not None and spec.destructive


def _names_badly(step: Step) -> bool:
    """Whether what would go is named by a whole sentence, or by "that" and more: words that were read wrongly."""
    if not isinstance(step, Call) or not _destroys(step) or _forgets(step):
        return False
    return any(_NO_NAME.search(str(value)) for value in step.args.values())


def _forgets(step: Step) -> bool:
    return isinstance(step, Call) and step.tool == "forget"
