"""Rules that complete tasks: "done: …", "… is done", "I bought the milk", "the second one"."""

import re
from dataclasses import replace
from datetime import datetime

from exponential.assistant.offline import choosing, pointing
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.values import ASIDE_IT
from exponential.assistant.offline.words import LIST, past_to_imperative, split_past, without_article
from exponential.workspace.text import dates
from exponential.workspace.text.markdown import plain

WHICH = "Which task is done? Name it, or part of its title."
ONE_BY_ONE = "I mark tasks as done one by one. " + WHICH

_AS_DONE = r"(?:(?:as|to)\s+)?(?:done|complete[d]?|finished|closed)"
_COMPLETE = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?:i\s+|i['’]ve\s+|we\s+)?(?:have\s+)?(?:finally\s+|just\s+)?got\s+(?P<name>.+?)\s+(?:done|finished|sorted)",
        rf"(?:mark|set|tick|check|flag)\s+(?P<name>.+?)\s+{_AS_DONE}",
        rf"(?:mark|set)\s+{_AS_DONE}[\s:,-]+(?P<name>.+)",
        rf"(?:tick|check|cross|strike)\s+off[\s:]+(?P<name>.+?)(?:\s+(?:from|off|on)\s+(?:(?:my|the|our)\s+)?(?:{LIST}))?",
        rf"(?:tick|check|cross|strike|take)\s+(?P<name>.+?)\s+off(?:\s+(?:of\s+)?(?:my|the|our)\s+(?:{LIST}))?",
        r"tick\s+(?:both\s+)?(?P<name>.+)",
        r"(?:cross|strike|check)\s+(?P<name>.+?)\s+off",
        r"(?P<name>.+?)\s+can\s+(?:now\s+)?be\s+(?:closed|completed|(?:ticked|checked|crossed|struck)\s+off)",
        r"consider\s+(?P<name>.+?)\s+(?:as\s+)?(?:done|finished|sent|complete[d]?|closed|sorted|handled|dealt\s+with)",
        r"that['’]?s\s+(?P<name>(?!it\b|all\b|not\b|been\b).+?)\s+(?:done|finished|sorted|completed)(?:\s+then)?",
        r"(?P<name>[^?]+)\?\s+(?:i(?:['’]ve|\s+have)?\s+)?(?:already\s+)?(?:did|done|finished)\s+(?:it|that|those|them|this)(?:\s+(?:already|yesterday|today|earlier|this\s+morning))?",
        r"(?:we|you)\s+can\s+(?:close|tick\s+off|check\s+off|complete)\s+(?P<name>.+)",
        r"(?:mission\s+accomplished|all\s+done|job\s+done|that['’]?s\s+it)\s+(?:on|with|for)\s+(?P<name>.+)",
        r"(?:we(?:['’]re|\s+are)\s+)?(?:done|finished)\s+with\s+(?P<name>.+)",
        r"(?P<name>[^:]+?)\s+[-–—:=]\s*(?:done|finished|check|checked|complete[d]?|✓|✔️?|✅)",
        r"(?:the\s+)?(?:task\s+)?(?P<name>.+?)(?:\s+(?:is|are)|['’]s)\s+(?:ready|sorted|taken\s+care\s+of|dealt\s+with|off\s+my\s+(?:plate|list)|handled)(?:\s+(?:now|already))?",
        r"(?:have\s+)?(?:i\s*(?:['’]?ve|['’]?m|\s+am|\s+have)?\s+)?(?:just\s+|already\s+|now\s+|finally\s+)*"
        r"(?:done|finished|completed|complete|finish|close|closed|resolve|resolved|accomplished)"
        r"(?:\s+with\b|\s+doing\b)?(?:\s+(?:the\s+)?(?:task|to[\s-]?do|item)\b)?[\s:,–-]+(?P<name>.+)",
        r"(?:i(?:['’]ve|\s+have)?\s+)?(?:(?:just|already|finally)\s+)*(?:dealt\s+with|taken\s+care\s+of|took\s+care\s+of|sorted\s+out|wrapped\s+up|ticked\s+off"
        r"|crossed\s+off|seen\s+to)\s+(?P<name>.+)",
        r"(?P<name>[^:]+?)\s*:\s*(?:done|finished|completed)",
        r"(?P<name>.+?)(?:\s+(?:is|are|was|got|has\s+been|have\s+been)|['’]s)?\s+(?:already\s+|now\s+|all\s+|both\s+|finally\s+|really\s+)*"
        r"(?:done|finished|completed|complete|✅|✔️?|☑️?|✓|👍)",
        r"(?:✅|✔️?|☑️?|✓|\[x\])\s*(?P<name>.+)",
        r"(?P<name>(?!(?:i|we|you|he|she|they|it|that|this|all|get|got|have|has|not|who|what)\b)[^,;:.?!]{2,50}?)\s+(?:(?:has|have)\s+been\s+)?(?:sorted|handled|dealt\s+with|taken\s+care\s+of)(?:\s+(?:now|already))?",
    )
)
_DID = re.compile(
    r"(?:i(?:['’]ve|\s+have)?\s+)?(?:did|done|finished|completed)\s+(?P<name>(?:the\s+)?(?:numbers?\s+)?(?:\d{1,2}|one|two|three|four|five|first"
    r"|second|third|fourth|fifth|last)(?:\s+(?:ones?|two|three|tasks?))?(?:\s*(?:,|and|&)\s*(?:the\s+)?(?:\d{1,2}|one|two|three|four|five|first|second"
    r"|third|fourth|fifth|last)(?:\s+ones?)?)*)",
    re.IGNORECASE,
)
_MANAGED = re.compile(
    r"^(?:i\s+(?:have\s+|['’]ve\s+)?)?(?:finally\s+|just\s+)?managed\s+to\s+(?=\w)(?P<get>get\b)?", re.IGNORECASE
)
_NOW = re.compile(
    r"\s+(?:yesterday|today|this\s+(?:morning|afternoon|evening)|just\s+now|earlier|last\s+night|at\s+last|already|now)$",
    re.I,
)
_PASSIVE = re.compile(
    r"(?P<what>(?!(?:what|which|who|how|when|i|it|that)\b)[^,;]+?)(?:\s+(?:has|have|had|was|were|is|are|got)|['’]s)(?:\s+(?:now|already|just|finally))?(?:\s+been)?"
    r"\s+(?P<verb>[a-z]+(?:ed|en|nt|id|ne|ught|ld|t))",
    re.IGNORECASE,
)
# What is done to things: "Anna called" is no "call Anna".
_TO_THINGS = frozenset(
    """submit order book renew sign ship post pay send buy deliver prepare file clean wash schedule fix repair draft
    review update upload print publish confirm approve arrange organise organize install pack paint iron mow vacuum
    water write archive deploy merge bake assemble proofread finalise finalize invoice scan translate""".split()
)
_BARE_PASSIVE = re.compile(  # "expense claim submitted"
    r"(?P<what>(?!(?:i|we|you|he|she|they|it|that|this|who|what|well|just|already|not|never|nobody|nothing|everyone|all|have|has|got|so|oh)\b)(?!.*\b(?:i|we|you|he|she|they|who)\b)[^,;:.?!]{2,50}?)\s+"
    r"(?P<verb>[a-z]{2,}ed|paid|sent|bought|made|written|fed|sold|read)(?:\s+(?:and\s+(?:done|paid|sent|sorted|filed)|already|now))?",
    re.IGNORECASE,
)
_NOT_DEEDS = re.compile(
    r"^(?:can|could|tell|check|show|know|want|why|if|please|let|see|help|add|remind|find)\b|\b(?:remind\s+me|why|whether|if|what|can\s+you|please)\b|\b(?:changed?|made\s+up)\s+my\s+mind\b",
    re.I,
)
_GOT_DONE = re.compile(
    r"(?:i\s+)?(?:have\s+)?(?:finally\s+|just\s+)?got\s+(?P<what>(?!back\b|home\b)[^,;]+?)\s+(?P<verb>[a-z]+)",
    re.IGNORECASE,
)
_SO_IS = re.compile(
    r"(?P<one>.+?)(?:\s+(?:is|are)|['’]s)\s+(?:done|finished|complete[d]?),?\s+(?:and\s+)?so\s+(?:is|are)\s+(?P<other>.+)",
    re.IGNORECASE,
)
_AND_PLACE = re.compile(  # "the first's done, and the third too"
    r"(?P<one>[\w\s]+?)(?:\s+(?:is|are)|['’]s)\s+(?:done|finished|complete[d]?),?\s+(?:and\s+)?(?P<other>(?:the\s+)?[\w\s]+?)(?:\s+(?:too|also|as\s+well))?",
    re.IGNORECASE,
)
_MUST = re.compile(r"i(?:['’]ve|\s+have)?\s+got\s+to\b", re.IGNORECASE)
_DID_IT = re.compile(
    r"i(?:['’]ve|\s+have)?\s+(?:(?:just|already|actually)\s+)*(?:did|done|finished)\s+(?:it|(?:that|this)(?:\s+(?:one|task))?|those|them)"
    r"(?:\s+(?:already|now|yesterday|today|earlier|this\s+morning|last\s+night))*",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:is|are|was|were|did|do|does|has|have|should|may|who|when|where|why|how|what)\b", re.IGNORECASE
)
_PAST = re.compile(
    r"(?P<i>i\s*(?:['’]?ve|\s+have)?\s+)?(?:(?:just|already|finally)\s+)?(?P<deed>(?P<verb>[a-z]+)\s+.+)", re.IGNORECASE
)
_SOME = re.compile(  # "I bought some already" says why, not what
    r"\w+\s+(?:it|her|him|some|one|them|those|these|that|this|any|enough|plenty)(?:\s+(?:of\s+it|of\s+them|already|now|anyway|today|yesterday|myself|instead))*",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(
    r"(?P<all>all|everything|they)(?:\s+(?:is|are)|['’]s|['’]re)?\s+(?:all\s+)?(?:done|finished|complete[d]?)\s+(?P<but>but|except(?:\s+for)?|apart\s+from|other\s+than)\s+"
    r"(?P<left>.+)",
    re.IGNORECASE,
)
_ROW = re.compile(
    r"[\w'’]+(?:\s[\w'’]+){0,3}(?:,\s*[\w'’]+(?:\s[\w'’]+){0,3})+,?\s+and\s+[\w'’]+(?:\s[\w'’]+){0,3}"
)  # a, b and c
_AND_DONE = re.compile(
    r"\s*[,;.–-]\s*(?:so\s+)?(?:that['’]?s|it['’]?s|that\s+is|it\s+is|all)\s+(?:all\s+|now\s+)?(?:done|finished|sorted)(?:\s+now)?\W*$",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(?:(?:ok(?:ay)?|yes|yep|and|thanks|all\s+right|got\s+it|actually|oh|well)[\s,]+)*(?:(?:mark|set|tick)\s+(?:as|to)\s+|i['’]?m\s+|it['’]?s\s+|that['’]?s\s+|that\s+one['’]?s\s+|(?:it|that|this)\s+is\s+|all\s+)?(?:now\s+|all\s+|already\s+)?"
    r"(?:done|finished|completed?|did|✅|✔️?|sorted)(?:\s+(?:with\s+)?(?:it|that|this|that\s+one))?(?:\s+(?:now|already|too|as\s+well))?",
    re.IGNORECASE,
)


def complete(heard: Heard) -> list[Step] | None:
    told = _AND_DONE.sub("", heard.text)  # "called mom, that's done"
    return (_deeds(told) if told != heard.text else None) or _completed(heard)


def _completed(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _ALONE.fullmatch(text):
        return [_last(heard)]
    place = _DID.fullmatch(_NOW.sub("", text))
    if place is not None and heard.listed and heard.listed_kind == "task":
        return _complete(place["name"], heard)
    both = _AND_PLACE.fullmatch(text) if heard.listed else None
    if both is not None and pointing.is_place(both["one"]) and pointing.is_place(both["other"]):
        return _complete(f"{both['one']} and {both['other']}", heard)
    but = _ALL_BUT.fullmatch(text)
    if but is not None:  # "all done except the first"
        return _complete(f"all {but['but']} {but['left']}", heard)
    so_is = _SO_IS.fullmatch(text)
    if so_is is not None:  # "call mom is done, and so is buy milk"
        text = f"{so_is['one']} and {so_is['other']} are done"
        heard = replace(heard, text=text)
    if _QUESTION.match(text) or _is_ahead(text, heard.now):
        return None
    text = _MANAGED.sub(lambda match: "I got" if match["get"] else "I ", text)
    if _MUST.match(text):
        return None
    if _DID_IT.fullmatch(text):
        return [_last(heard)]
    deeds = split_past(text)
    if len(deeds) > 1:  # "I finished the report and paid the rent"
        found = [complete(replace(heard, text=deed if deed is deeds[0] else f"I {deed}")) for deed in deeds]
        return [step for steps in found for step in steps or ()] if all(found) else None
    for pattern in _COMPLETE:
        match = pattern.fullmatch(text)
        if match is not None:
            return _complete(match["name"], heard)
    return _said_of_last(text, heard) or _deeds(text)


def _said_of_last(text: str, heard: Heard) -> list[Step] | None:
    """ "I called her already", said of "call mom"."""
    deed = _PAST.fullmatch(text)
    verb = past_to_imperative(deed["verb"]) if deed is not None and _SOME.fullmatch(deed["deed"]) else None
    last = heard.last if heard.last_kind in ("task", "reminder") else None
    if verb is None or last is None or verb not in choosing.words_of(last).lower().split():
        return None
    return [_last(heard)]


def _is_ahead(text: str, now: datetime) -> bool:
    """ "finish the thesis in two weeks" is still to be done."""
    if not re.match(r"(?:finish|complete|close)\b", text, re.IGNORECASE):
        return False
    _, due = dates.extract(text, now)
    return due is not None


def _deeds(text: str) -> list[Step] | None:
    """ "I called mom and paid the rent" → what was to be done: "call mom", "pay rent"."""
    if _NOT_DEEDS.search(text):
        return None
    if re.search(r"\b(?:said|told|promised)\b.*\bi(?:['’](?:d|ll)|\s+(?:would|will))\b", text, re.IGNORECASE):
        return None
    text = _NOW.sub("", text)
    for pattern in (_GOT_DONE, _PASSIVE):  # "got the invoice sent", "the invoice has been sent"
        turned = pattern.fullmatch(text)
        verb = past_to_imperative(turned["verb"]) if turned is not None else None
        if turned is not None and verb is not None and verb not in ("get", "do", "say", "go", "make", "find"):
            return [Call("complete_task", {"task": f"{verb} {without_article(turned['what'])}"})]
    bare = _BARE_PASSIVE.fullmatch(text)
    verb = past_to_imperative(bare["verb"]) if bare is not None else None
    if bare is not None and verb in _TO_THINGS and past_to_imperative(bare["what"].split()[0]) is None:
        return [Call("complete_task", {"task": f"{verb} {without_article(bare['what'])}"})]
    match = _PAST.fullmatch(text)
    if match is None or re.match(
        r"i(?:['’]ve|\s+have)\s+got\s+(?:an?|some|my|two|three|lots|to)\b|(?:i\s+)?(?:(?:just|only)\s+)?got\s+(?:back|home|here|there|in|up|to|off)\b",
        text,
        re.IGNORECASE,
    ):
        return None
    if _SOME.fullmatch(match["deed"]):
        return None
    verb = past_to_imperative(match["verb"])
    if (
        verb is None or verb in ("stop", "try", "start") or (verb == match["verb"].lower() and not match["i"])
    ):  # "put …" is no past without "I"
        return None
    steps: list[Step] = []
    for deed in split_past(match["deed"]):
        done, _, what = deed.partition(" ")
        steps.append(Call("complete_task", {"task": f"{past_to_imperative(done)} {without_article(what)}".strip()}))
    return steps


def _complete(name: str, heard: Heard) -> list[Step]:
    if re.search(r"\b(?:are|both)\b", heard.text, re.IGNORECASE):
        parts = [part for part in re.split(r"\s*(?:,|\band\b|&)\s*", re.sub(r"^both\s+", "", name, flags=re.I)) if part]
        if len(parts) > 1 and not heard.listed:
            it = heard.last["id"] if heard.last is not None and heard.last_kind == "task" else None
            named = [it if it and pointing.is_pronoun(part) else pointing.named(part) for part in parts]
            return [Call("complete_task", {"task": name}) for name in named]
    name = ASIDE_IT.sub(r"\g<it>", name)
    if _ROW.fullmatch(name) and not heard.listed:
        return [
            Call("complete_task", {"task": pointing.named(part)})
            for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", name)
        ]
    name = _NOW.sub("", re.sub(r"^(?:both|also|up|just|only)\s+", "", name, flags=re.IGNORECASE))
    name = re.sub(rf"(?:\s+(?:is|are))?\s+{_AS_DONE}(?=\s*(?:,|and\b|&))", "", name, flags=re.IGNORECASE)
    name = pointing.without_reason(name)
    chosen = choosing.counted(name, heard, "task")
    if chosen is not None:
        return [Call("complete_task", {"task": target}) for target in chosen]
    several = choosing.each_of(name, heard, "task") if re.search(r",|\band\b|&", name) else None
    if several is not None:
        return [Call("complete_task", {"task": target}) for target in several]
    parts = re.split(r"\s*,?\s+and\s+(?=(?:the|my)\s)", name, flags=re.IGNORECASE)
    if len(parts) == 2 and not heard.listed and not heard.text.lower().startswith("consider"):
        return [Call("complete_task", {"task": pointing.named(part)}) for part in parts]
    if pointing.is_all(name):
        return [Say(ONE_BY_ONE)]
    try:
        found = pointing.targets(name, heard, "task", WHICH)
    except pointing.Unclear as unclear:
        return [Say(str(unclear))]
    return [Call("complete_task", {"task": target}) for target in found]


def _last(heard: Heard) -> Step:
    if heard.last_kind == "reminder" and heard.last and datetime.fromisoformat(heard.last["at"]) <= heard.now:
        return Say(f"👍 **{plain(heard.last['text'])}**: done.")  # it came, and a repeating one comes again
    task = heard.last if heard.last_kind == "task" else None
    return Call("complete_task", {"task": task["id"]}) if task and not task.get("done") else Say(WHICH)
