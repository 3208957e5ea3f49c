"""Rules for what Paddy is told to remember, asked to recall, and told to forget."""

import re

from exponential.assistant.offline import pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.words import ERRANDS

ONE_BY_ONE = "I forget things one by one, to be sure. Say *what do you remember?* to see them."
WHAT = "What shall I forget? Say *what do you remember?* to see what I know."


_VERB = (
    r"(?:remember(?:\s+for\s+me)?|(?:keep|bear)(?:\s+(?:this|it))?\s+in\s+mind|memori[sz]e|don['’]?t\s+forget|do\s+not\s+forget|note|for\s+the\s+record|fyi"
    r"|you\s+should\s+know|for\s+(?:future|later|your)\s+(?:reference|information|use)|for\s+your\s+(?:records|memory|notes)"
    r"|worth\s+(?:knowing|remembering)|good\s+to\s+know|mental\s+note|note\s+to\s+(?:yourself|you|paddy))"
)
_REMEMBER = (
    whole(rf"{_VERB}(?:\s*[:,]\s*(?:that\s+)?|\s+that\s+)(?P<fact>.+)"),
    whole(
        r"(?:remember|memori[sz]e)\s+(?P<fact>(?:i|my|we|our|he|she|they|his|her|the\s+\w+|[a-z]+)\b.*\b(?:is|are|am"
        r"|was|were|likes?|loves?|expires?|meets?|start|starts|hates?|prefers?|has|have|works?|lives?|needs?|parks?"
        r"|use|uses|drinks?|eats?|sleeps?|go|goes|wants?|keeps?|can|can['’]t|do|does|don['’]t|['’]s"
        r"|['’]m)\b.*)"
    ),
)
_THIS = whole(  # "…, please remember that"
    r"(?P<fact>.+?)[\s,.;:–-]+(?:and\s+)?(?:do\s+|please\s+|pls\s+|can\s+you\s+|could\s+you\s+)*(?:remember|keep(?=\s+\w+\s+in\s+mind)|note|save|store|memori[sz]e|don['’]?t\s+forget)\s+"
    r"(?:that|this|it)(?:\s+in\s+mind|\s+down|\s+for\s+(?:me|later)|\s+somewhere)?"
)
_STORED = whole(
    r"(?:save|store|keep|memori[sz]e|write\s+down|note\s+down|note|record)\s+(?:this|that|the\s+following|as\s+a\s+fact)\s*(?:fact|info\w*)?\s*[:,–-]\s*(?P<fact>.+)"
)
_UNREMEMBER = whole(
    r"(?:you\s+(?:don['’]?t|do\s+not)\s+(?:need|have)\s+to|no\s+need\s+to|stop)\s+remember(?:ing)?\s+(?:that\s+)?(?P<fact>.+?)(?:\s+any\s?more)?"
    r"|(?:delete|remove|erase|clear|wipe)\s+(?:what\s+you\s+(?:know|remember(?:ed)?)|the\s+(?:fact|memory|info\w*)|your\s+memory|everything\s+you\s+know|that\s+fact)\s+"
    r"(?:about|of|that|on)\s+(?P<fact2>.+)"
)
_I_MUST = re.compile(r"(?:i|we)\s+(?:still\s+)?(?:(?:have|need|ought)\s+to|must|should)\b", re.IGNORECASE)
_NOT_A_FACT = re.compile(r"^(?:to|the\s+milk)\b", re.IGNORECASE)
_RECALL = (
    whole(
        r"what\s+(?:do|have|did|can)\s+(?:you|u)\s+(?:know|remember(?:ed)?|memori[sz]ed?|recall|learn(?:ed)?)(?:\s+"
        r"(?:about|of|on)\s+(?P<about>.+))?(?:\s+so\s+far)?"
    ),
    whole(
        r"(?:do\s+you|can\s+you)\s+(?:still\s+)?(?:(?:remember|recall)\s+(?:anything\s+|something\s+)?(?:about\s+)?|know\s+(?:(?:anything\s+|something\s+)?about\s+|(?=(?:what|when|where|who|which)\s+(?:i|my|our|we|is\s+my|are\s+my)"
        r"\b|my\b|our\b)))(?P<about>.+)"
    ),
    whole(
        r"what\s+(?:(?:all|else)\s+)?(?:did\s+i|was\s+it\s+(?:that\s+)?i|(?:were|are)\s+(?:the|those)\s+things\s+(?:that\s+)?i|(?:things|items|stuff)\s+did\s+i|have\s+i)\s+(?:ever\s+)?(?:want(?:ed)?|ask(?:ed)?|told)\s+(?:you\s+)?(?:to\s+)?(?:remember|recall|keep\s+in\s+mind|memori[sz]e|note|not\s+forget)"
    ),
    whole(
        r"(?:tell|show|give)\s+me\s+(?:everything|all|what)\s+(?:that\s+)?you\s+(?:know|remember)(?:\s+about\s+(?P<about>.+))?"
    ),
    whole(
        r"(?:(?:tell|show|give)\s+me\s+)?(?:anything|everything|what)\s+(?:that\s+)?you(?:['’]ve|\s+have)?\s+(?:know|remember|(?:got\s+)?(?:stored|saved|noted|kept))"
        r"\s+(?:about|on|of)\s+(?P<about>.+)"
    ),
    whole(r"what\s+did\s+i\s+(?:tell|ask)\s+you(?:\s+to\s+remember)?(?:\s+about\s+(?P<about>.+))?"),
    whole(r"recall(?:\s+(?P<about>.+))?"),
    whole(
        r"(?:show|list)\s+(?:me\s+)?(?:your\s+memory|what\s+you\s+(?:know|remember)|(?:my|all|the)\s+(?:facts"
        r"|memories))(?:\s+about\s+(?P<about>.+))?"
    ),
    whole(r"(?:what['’]?s|what\s+is)\s+in\s+your\s+memory"),
)
_OWN_QUESTION = whole(
    r"(?:what|where|when|who)(?:['’]s|\s+is|\s+are)\s+(?:my|our|(?=the\s+(?:[\w'’-]+\s?){1,3}$)the)\s+(?!time\b|date\b|day\b|weather\b|news\b|capital\b|meaning\b|temperature\b)"
    r"(?P<about>.+)"
    r"|(?:what|where|when|which)\s+(?:\w+\s+)?(?:do|did|am)\s+(?P<about2>i\s+(?!finish|complete|have\s+to).+)"
    r"|(?:what|where|when|which|how)\s+(?P<about3>.+?)\s+again"
    r"|(?:what(?:\s+time)?|where|when|who)(?:['’]s|\s+(?:is|are|was|does|do|did))\s+(?P<about4>(?:my|our)\s+.+)"
)
_FORGET = whole(
    r"/?forget\s*:?(?:\s+(?:about|that|what\s+i\s+(?:said|told\s+you)(?:\s+about)?|(?:what|everything|all)\s+(?:that\s+)?you\s+(?:know|remember)\s+about|the\s+(?:fact|thing)\s+(?:that"
    r"|about)))?(?:\s+(?P<fact>.+))?"
)
_NOT_SAID = re.compile(
    r"(?:what|who|where|when|why|how|which|do|does|did|is|are|can|could|would|will|should|if|i\s+(?:don['’]?t|can['’]?t)|please|project)\b.*",
    re.I,
)
_REASON = re.compile(  # "…, it's been changed"
    r"\s*[,;.–]\s*(?:because\s+|since\s+)?(?:it|they|that|this|we|i)(?:['’](?:s|ve|re)\b(?!\s+(?:just\s+)?(?:a\s+joke|joking|kidding|what))"
    r"|\s+(?:has|have|is|are|was|were|moved|changed|sold|got|expired|switched|(?:don['’]?t|no\s+longer|doesn['’]?t)\s+(?:need|use|apply)))\b.*$"
    r"|\s+(?:because|since)\s+(?:it|they|that|we|i)\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_NEVER_MIND = re.compile(
    r"(?:it|that|this|about\s+(?:it|that))(?:[\s,.!]+(?:never\s?mind|nvm|thanks|ok(?:ay)?|please|then|for\s+now))*",
    re.IGNORECASE,
)


def memory(heard: Heard) -> list[Step] | None:
    text = heard.text.rstrip(" ?!.")
    for pattern in _REMEMBER:
        match = pattern.fullmatch(heard.text)
        if match is not None and not _NOT_A_FACT.match(match["fact"]) and not _is_errand(match["fact"], heard.text):
            return [Call("remember", {"fact": match["fact"].strip(" .")})]
    for pattern in _RECALL:
        match = pattern.fullmatch(text)
        if match is not None:
            about = (match.groupdict().get("about") or "").strip(pointing.EDGES)
            return [Call("recall", {"about": about} if about and about.lower() not in ("me", "myself", "it") else {})]
    for pattern in (_STORED, _THIS):
        match = pattern.fullmatch(heard.text)
        if match is not None and not _NOT_SAID.match(match["fact"]):
            return [
                Call("remember", {"fact": re.sub(r"^(?:that|fyi)[\s,:]+", "", match["fact"], flags=re.I).strip(" .,")})
            ]
    match = _UNREMEMBER.fullmatch(text)
    if match is not None:
        return _forget(match["fact"] or match["fact2"])
    match = _FORGET.fullmatch(text)
    return _forget(match["fact"]) if match is not None else None


def perhaps(heard: Heard) -> list[Step] | None:
    """A question that nothing else answers may be about what the user once told."""
    match = _OWN_QUESTION.fullmatch(heard.text.rstrip(" ?!."))
    if match is None:
        return None
    about = match["about"] or match["about2"] or match["about3"] or match["about4"]
    about = re.sub(r"\s+(?:called|named|again)$", "", about, flags=re.IGNORECASE)
    about = re.sub(r"^(?:is|are|was|were|i)\s+|^(?:my|our|the)\s+", "", about, flags=re.IGNORECASE)
    return [Call("recall", {"about": about.strip(pointing.EDGES)})]


def _is_errand(fact: str, text: str) -> bool:
    """ "note: pay the plumber" is something to do; "remember: pay day is Friday" is not."""
    return text.lower().startswith(("note", "don")) and (
        fact.split()[0].lower() in ERRANDS or _I_MUST.match(fact) is not None
    )


def _forget(fact: str | None) -> list[Step]:
    words = (fact or "").strip(pointing.EDGES)
    if not words or re.fullmatch(
        r"(?:to|i|you|what|that|do|say|said|told|it|me|about|just|we|the|\s)+", words, re.IGNORECASE
    ):
        return [Say(WHAT)]
    if _NEVER_MIND.fullmatch(words):
        return [Say("All right, never mind.")]
    if re.match(r"(?:it|that|this)\s*[,.;!]", words, re.IGNORECASE):
        return [Say(WHAT)]
    if pointing.is_all(words) or re.search(r"\b(?:everything|all)\b", words, re.IGNORECASE):
        return [Say(ONE_BY_ONE)]
    if _NEVER_MIND.fullmatch(words):
        return [Say("All right, never mind.")]
    words = _REASON.sub("", words)
    return [Call("forget", {"fact": re.sub(r"^(?:the|my)\s+(?=\w+$)", "", words, flags=re.IGNORECASE)})]
