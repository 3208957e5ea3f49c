"""What people say around a request: greetings, "could you be a star and …", "…, by any chance", and asides."""

import re
from datetime import datetime

from exponential.assistant.offline.words import gerund_to_imperative
from exponential.workspace.text import dates

_SOUNDS = (
    r"(?:hey+|hi+|hello|hiya|yo|yes|yeah|yep|yup|nope|oh+|ah+|aha|um+|uh+|er+m?|hm+|wait|oops|well(?!\s+done)|right"
    r"|ok(?:ay)?|alright|all\s+right|so|and|also|but|please|pls|plz|kindly|paddy|love|mate|buddy|dear|then|thanks"
    r"|thank\s+you|great|perfect|nice|cool|good\s+(?:morning|afternoon|evening)|morning(?!\s+(?:is|works?|would|suits?|will|instead|rather|please)\b)|btw|by\s+the\s+way|anyway"
    r"|lol|haha|basically|listen|look|maybe|perhaps|quick(?:ly|\s+one|\s+question)|guess\s+what|as\s+well|plus"
    r"|ps|p\.s\.|one\s+more\s+thing|another\s+thing|before\s+i\s+forget|while\s+i\s+remember|while\s+you(?:['’]re|"
    r"\s+are)\s+at\s+it|if\s+(?:possible|you\s+(?:can|could|don['’]t\s+mind|would|have\s+(?:a\s+)?(?:sec|moment|minute"
    r"|time)))|when\s+you\s+(?:can|get\s+(?:a|the)\s+chance|have\s+(?:a\s+)?(?:sec|moment|minute|time))"
    r"|now(?=\s+\w)|got\s+it(?=[\s,.!]+\w)|no\s+(?:more\s+)?need(?:\s+(?:any\s?more|for\s+(?:it|that)(?:\s+any\s?more)?))?(?=\s*[,.;!]+\s*\w)|(?:it['’]?s\s+)?(?:not|no\s+longer)\s+needed(?:\s+any\s?more)?(?=[\s,.!]+\w)|(?:forget\s+(?:it|that|about\s+it)|never\s?mind|nvm)"
    r"(?:\s+that)?(?=[,.!]+\s*(?:just\s+)?(?:delete|remove|move|make|mark|rename|add|show|set|change|cancel)\b)"
    r"|(?:no+|nah)(?=[\s,.!]+(?:not\s+(?:done|finished)|bring|restore|scrap|drop|make|delete|remove|cancel|move|make|mark|rename|add|show|put|set|change|undo|snooze|remind)\b)"
    r"|actually(?=[\s,]+(?:call|rename|add|create|show|list|remind|put|mark)\b)|as\s+of\s+(?:now|today)|(?:it\s+)?turns\s+out(?:\s+that)?|i\s+meant\s+to\s+say|i\s+mean|just\s+so\s+you\s+know|fyi(?=[\s,]+(?:please|can|could|add|remind)))"
)
_ASKING = (
    r"(?:(?:would|do)\s+you\s+mind|(?:(?:can|could|would|will)\s+(?:you|u|we)|(?:can|could|may)\s+i(?=\s+(?:please\s+|just\s+)?(?:see|get\s+you|get\s+an?\s+(?:(?:daily|morning|short|quick)\s+)*(?:briefing|reminder|nudge|list|overview|summary)|have\s+(?:a\s+look|you)|add|set|put|change|move)\b))(?!\s+mind\b)(?:\s+(?:please|pls|kindly|just|quickly|maybe|possibly|also"
    r"|now))*"
    r"|(?:would|is)\s+it\s+(?:be\s+)?possible(?:\s+for\s+you)?\s+to"
    r"|any\s+chance\s+(?:that\s+)?(?:you|u|we)\s+(?:could|can)|(?:i\s+was\s+wondering|i\s+wonder)\s+if\s+you\s+(?:could"
    r"|can|would)|i(?:['’]d|\s+would)?\s+(?:like|love|want|need)\s+(?:you|u)\s+to|i(?:['’]d|\s+would)\s+(?:like|love)"
    r"\s+to(?=\s+(?:add|create|make|see|set|change|move|rename|delete|cancel|know|have|start|get|mark)\b)"
    r"|i\s+want(?=\s+(?:see|know)\b)|i\s+want(?:ed)?\s+to(?=\s+(?:add|create|see|set|change|move|rename|delete|cancel|know|start|mark|reschedule)"
    r"\b)|you\s+(?:can|may)(?:\s+now)?|go\s+ahead\s+and|feel\s+free\s+to|be\s+so\s+(?:kind|good)(?:\s+as)?\s+(?:to|and)"
    r"|(?:do\s+me\s+a\s+favou?r|be\s+an?\s+(?:star|dear|darling|angel|love|legend|pal|sweetheart))\s+(?:and|,)"
    r"|let\s+me(?=\s+(?:add|put|note|create)\b)|we\s+can(?:\s+now)?(?=\s+(?:tick|check|cross|close|mark)\b)|let['’]?s|help\s+me(?:\s+to)?(?=\s+\w)|i\s+(?:need|have)\s+to(?=\s+(?:reopen|re-open|uncheck|reschedule|rename"
    r"|postpone|undo|snooze)\b)|(?:get|have)\s+you\s+to|i\s+think\s+(?:that\s+)?(?:we|i|you)\s+(?:should|can))"
)
_START = re.compile(rf"^(?:{_SOUNDS}(?!['’\w])[\s,!.:…–-]*|{_ASKING}\s+(?=\w))+", re.IGNORECASE)
_TO_KNOW = re.compile(  # "i need to know …" asks
    r"^(?:i\s+(?:really\s+|just\s+|also\s+)*(?:need|want|wanna|gotta|must|have|would\s+like|wish)|i['’]d\s+(?:really\s+)?(?:like|love)|gotta)(?:\s+to)?\s+"
    r"(?:know|hear|see|find\s+out|understand|be\s+told|check)\b\s*(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_BE_REMINDED = re.compile(
    r"^(?:i\s+(?:need|want|would\s+like|have)\s+to\s+be\s+reminded|i['’]d\s+like\s+to\s+be\s+reminded|you\s+(?:need|have|should|must)\s+(?:to\s+)?remind\s+me"
    r"|(?:don['’]?t\s+forget\s+to\s+)?tell\s+me(?=\s+(?:to|tomorrow|later|at|on)\b)"
    r"|i\s+don['’]?t\s+want\s+to\s+forget)\b", re.IGNORECASE,
)  # fmt: skip
_NEED_LIST = re.compile(
    r"^i\s+(?:need|want|would\s+like)\s+(?=(?:the|an?|my)\s+(?:full\s+|complete\s+|quick\s+)?(?:list|overview|summary|minutes|status|number|rundown)\s+(?:of|from|for|on)\b)",
    re.IGNORECASE,
)
_PULL_UP = re.compile(
    r"^(?:pull|bring|call)\s+up\s+(?:me\s+)?(?=.*\b(?:tasks|to-?dos|list|projects|meetings|minutes|reminders|everything|overdue|due|status)\b)",
    re.IGNORECASE,
)
_ABLE = re.compile(  # "should I delete it?" and "can I delete it?" ask; nothing is to be done
    r"(?:can|could|may|might|should)\s+(?:i|we)\s+(?:\w+\s+)?(?:delete|remove|erase|cancel|forget)\b", re.IGNORECASE
)
_END = re.compile(
    r"(?:[\s,;]+(?:and\s+|but\s+)?(?:keep|leave)\s+(?:the\s+)?(?:others?|rest)(?:\s+ones?)?$|(?<!items)(?<!points)(?<!notes)[\s,.!?–-]+(?:please|pls|plz|thanks|thank\s+you|thx|ta|cheers|paddy|mate|love|dear"
    r"|buddy|for\s+me|too|as\s+well|a\s+lot|so\s+much|will\s+you|would\s+you|can\s+you|could\s+you|ok(?:ay)?|alright"
    r"|by\s+any\s+chance|if\s+(?:possible|you\s+(?:can|could|don['’]t\s+mind|want|like))|when\s+you\s+(?:can"
    r"|get\s+(?:a|the)\s+chance|have\s+(?:a\s+)?(?:sec|moment|minute|time))|real\s+quick|lol|haha|xx?|again\s+please|right"
    r"|until\s+further\s+notice|for\s+the\s+(?:time\s+being|moment)|for\s+now|same\s+time|(?:there['’]?s\s+|it['’]?s\s+|with\s+)?no\s+(?:rush|hurry)|btw|by\s+the\s+way|from\s+now\s+on"
    r"|so\s+(?:you\s+can|please|pls)\s+(?:tick|check|cross|strike|mark)\s+(?:that|it)(?:\s+off|\s+(?:as\s+)?done)?"
    r"|[\U0001F600-\U0001F64F\U0001F44D\U0001F64F❤️💕😊]+))*[\s.!?,]*$",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"^(?P<head>(?:[\w'’]+\s+){1,3}?)(?:please|pls|plz|kindly)\s+(?:to\s+)?(?=\S)", re.IGNORECASE)
_AS_TASK = re.compile(  # "two things for tomorrow, add both as tasks: …"
    r",?\s+(?:and\s+)?(?:please\s+|pls\s+)?(?:add|put|note|save)\s+(?:it|this|that|them|both|these|all)\s+(?:down\s+)?as\s+(?:an?\s+)?(?:new\s+)?(?:tasks?|to-?dos?)\s*(?=:)",
    re.IGNORECASE,
)
_NO_NEED = re.compile(  # "…, no need to add it to the calendar"
    r"(?<=\w)\s*[,;.–-]\s*(?:but\s+|so\s+)?(?:(?:there['’]?s\s+)?no\s+need\s+to|you\s+(?:don['’]?t|do\s+not)\s+(?:have|need)\s+to)\s+"
    r"(?:add|put|set|give|create|make|save|note|file|reply|answer|confirm|do)\b[^.;:\n]*[.!]?\s*$",
    re.IGNORECASE,
)
_NOT_GONE = re.compile(  # "put it on hold, but don't delete it"
    r"(?<=\w)\s*[,;.–-]\s*(?:but\s+|and\s+)?(?:please\s+)?(?:don['’]?t|do\s+not)\s+(?:delete|remove|cancel)\s+(?:it|them|that|this|anything|the\s+\w+)\s*[.!]?$",
    re.IGNORECASE,
)
_GOES = re.compile(r"\b(?:delete|remove|cancel|erase|drop|forget|clear)\b", re.IGNORECASE)
_NOTED = re.compile(r"(?:add\s+)?(?:an?\s+)?(?:note|update|remember|log|record)\b[^:]*:", re.IGNORECASE)  # word by word
_FOR_THE_DAY = re.compile(
    r"\bfor(?=\s+the\s+(?:[12]?\d|3[01])(?:st|nd|rd|th)\b(?:\s*$|\s*[,.:;!?]|\s+(?:at|to(?!\s+the)|and|in\s+the|with|please|pls|as)\b))",
    re.IGNORECASE,
)
_FIRST = re.compile(r"^(?P<verb>[a-z]+ing)\b(?P<rest>\s+.+)", re.IGNORECASE | re.DOTALL)
# Said in front of a request or after it, these may turn its meaning round.
HEDGES = re.compile(
    r"\b(?:if|unless|whether|don['’]?t|do\s+not|never|not|no|nothing|none|neither|should|would|could|might|maybe|perhaps"
    r"|sa(?:id|ys?)|told|tells?|asks?|asked|wants?|thinks?|thought|suppose|imagine|pretend|joking|kidding|wait|except"
    r"|but|only|until|when|after|once|instead|cancel(?:led)?|example|quote|hypothetical\w*)\b|[\"“”]",
    re.IGNORECASE,
)


_RESTART = re.compile(
    r"^(?P<head>.+?)\s*(?:\.{2,}|…|[,;–—-]|[.!](?=\s+(?:oh\s+|ah\s+)?(?:no[\s,]+(?:sorry|wait|actually|just|only|rather|make)|sorry[\s,]+no|scratch\s+that|correction|i\s+mean|make\s+that)\b))"
    r"\s*(?:oh\s+|ah\s+|hm+\s+)?(?:no(?!\s+(?:need|rush|hurry|longer|problem|worries|one|more|date|deadline)\b)|wait|sorry|actually|scratch\s+that|correction|i\s+mean|make\s+that)\b[\s,.!…]*"
    r"(?:(?:no|wait|sorry|actually|just|only|rather|i\s+mean|i\s+meant|make\s+that|make\s+it)\b[\s,.!…]*)*(?P<rest>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)


def restarted(text: str, now: datetime) -> str | None:
    """What is meant by "move all… no, just move the report" and by "dentist on monday, no, tuesday": the second."""
    match = _RESTART.match(text)
    if match is None or re.search(r"[\"“”]", text):
        return None
    head, rest = match["head"].strip(), match["rest"].strip(" .!")
    left, due = dates.extract(rest, now)
    if due is None or left.strip(" .,").lower() not in ("", "on", "at"):
        return rest
    words, first = dates.extract(head, now)
    if first is None:
        return None
    if isinstance(due, datetime) and not dates.names_day(rest, now):  # only another hour
        words, rest = f"{words} {first:%Y-%m-%d}", rest if rest.lower().startswith("at") else f"at {rest}"
    led = left or rest.lower().startswith(("at", "in ", "on ", "next", "tom", "tod"))
    return f"{words} {rest}" if led else f"{words} on {rest}"


def taken_back(text: str) -> str:
    """What was said before it was begun anew: "move all" in "move all… no, just move the report"."""
    match = _RESTART.match(text)
    return match["head"].strip() if match is not None else ""


def core(text: str) -> str:
    """The request without what is only polite; `text` itself when nothing else is in it."""
    whole = text.strip().rstrip(" .!")
    start = _START.match(whole)
    rest = whole if start is None or _ABLE.search(whole[: start.end() + 40]) else whole[start.end() :]
    rest = _END.sub("", rest) or whole
    asked = _TO_KNOW.match(rest)
    if asked is not None and asked["rest"]:
        return (
            f"{'show me' if re.match(r'(?:my|the|all|which|what)', asked['rest'], re.I) else 'tell me'} {asked['rest']}"
        )
    rest = re.sub(r"^(?:lmk|let\s+me\s+know)\b", "tell me", rest, flags=re.IGNORECASE)
    rest = _BE_REMINDED.sub("remind me", rest)
    rest = _NEED_LIST.sub("show ", _PULL_UP.sub("show ", rest))
    gerund = _FIRST.match(rest)
    if gerund is not None and start is not None:  # would you mind adding …
        verb = gerund_to_imperative(gerund["verb"])
        rest = f"{verb}{gerund['rest']}" if verb else rest
    return rest


_EMOJI = re.compile(r"[\s]*[\U0001F300-\U0001FAFF\u2600-\u2704\u2706-\u2712\u2715-\u27BF\uFE0F\u200D]+$")


_MARKED_DONE = re.compile(r"\b(?P<done>done|finished|completed)\W*(?:✅|✔️?|☑️?|✓)\s*$", re.IGNORECASE)


def without_emoji(text: str) -> str:
    """Without what decorates the end; marks of being done stay, and so does a message of nothing else."""
    text = _MARKED_DONE.sub(r"\g<done>", text)
    bare = _EMOJI.sub("", text).rstrip() if not text.rstrip().endswith(("👍", "✔️")) else text
    return bare if re.search(r"\w", bare) else text


def plainer(text: str) -> str:
    """Without politeness after the first words: "delete please the report"; "for the 20th" is "on the 20th"."""
    text = _NO_NEED.sub("", _AS_TASK.sub("", _INSIDE.sub(r"\g<head>", text)))
    kept = _NOT_GONE.sub("", text)
    text = text if _GOES.search(kept) else kept
    return text if _NOTED.match(text) else _FOR_THE_DAY.sub("on", text)
