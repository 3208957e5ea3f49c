"""English words that the rules know: verbs that begin a task, their past forms, and how to tell two requests apart."""

import re

# Words that begin a task of their own, so that "buy milk and call mom" is two and "buy milk and bread" is one.
VERBS = frozenset(
    """add answer apply arrange ask assemble attend back bake book borrow bring build buy call cancel change charge
    check choose clean clear collect complete confirm contact cook copy create cut decide defrost deliver
    design discuss do download draft drink drive drop dry eat email empty exercise feed figure file fill find
    finish fix fold follow get give go grab hand hang help hire install invite iron join learn leave make
    measure meet message move mow order organise organize pack paint pay phone pick plan plant play post
    practice practise prepare print process publish pull purchase push put read record refill register renew
    rent repair replace reply request research reserve reset respond return review ring run say scan schedule
    search see sell send set ship shop sign sort start stop study submit take talk teach tell test text thank
    throw tidy train transfer translate try turn update upgrade upload vacuum visit wake walk wash watch water
    wipe work wrap write""".split()
)
# What a person does with hands and feet: said alone, it can only be meant as a task.
ERRANDS = frozenset(
    """buy call clean cook drop feed fix iron mow pack paint pay phone pick plant purchase renew repair return ring
    vacuum visit walk wash water""".split()
)
_IRREGULAR = {
    "bought": "buy", "brought": "bring", "built": "build", "chose": "choose", "did": "do", "drank": "drink",
    "drove": "drive", "ate": "eat", "fed": "feed", "found": "find", "got": "get", "gave": "give", "went": "go",
    "hung": "hang", "left": "leave", "made": "make", "met": "meet", "paid": "pay", "put": "put", "read": "read",
    "rang": "ring", "ran": "run", "said": "say", "saw": "see", "sold": "sell", "sent": "send", "set": "set",
    "taught": "teach", "told": "tell", "took": "take", "threw": "throw", "woke": "wake", "wrote": "write",
    "learnt": "learn", "cut": "cut", "began": "begin", "spoke": "speak",
}  # fmt: skip
_ARTICLES = re.compile(r"^(?:the|my|a|an|some|our)\s+", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)]|\[ ?\])\s+")
_JOINT = re.compile(r"\s*(?:;|,\s*(?:and|then)?|\band\s+then\b|\band\s+also\b|\band\b|\bthen\b|&)\s*", re.IGNORECASE)


def split_requests(text: str, *, listed: bool = False) -> list[str]:
    """One request or several: by lines, by ";", and by "and" or "," where a verb follows.

    `listed`: the words before said that several follow ("tasks: milk, bread"), so each comma and "and" parts them.
    """
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines()]
    parts = [part for line in lines if line for part in _split_line(line, listed=listed)]
    return [part.strip(" ,;") for part in parts if part.strip(" ,;")]


def past_to_imperative(verb: str) -> str | None:
    """ "bought" → "buy", "called" → "call"; None when it is no past form of a verb known here."""
    word = verb.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead in (("ied", "y"), ("ed", ""), ("ed", "e")):
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and stem in VERBS:
            return stem
    if word.endswith("ed") and len(word) > 4 and word[-3] == word[-4] and word[:-3] in VERBS:  # planned
        return word[:-3]
    return None


def split_past(text: str) -> list[str]:
    """ "called mom and paid the rent" → ["called mom", "paid the rent"]."""
    parts = [text]
    for joint in reversed(list(_JOINT.finditer(text))):
        head, after = parts[0][: joint.start()], parts[0][joint.end() :].removeprefix("I ").removeprefix("i ")
        if head and after and past_to_imperative(after.split()[0]):
            parts[:1] = [head, after]
    return parts


def without_article(text: str) -> str:
    """ "the milk" → "milk"."""
    return _ARTICLES.sub("", text)


def _split_line(line: str, *, listed: bool) -> list[str]:
    parts = [line]
    for joint in reversed(list(_JOINT.finditer(line))):
        after = line[joint.end() :].split(maxsplit=1)
        if joint.start() == 0 or not after:
            continue
        if listed or ";" in joint[0] or after[0].lower() in VERBS:
            head = parts[0]
            parts[:1] = [head[: joint.start()], head[joint.end() :]]
    return parts
