"""English words that the rules know: verbs that begin a task, their past forms, and how to tell two requests apart."""

import re

# What tasks stand on, as people call it.
LIST = (
    r"(?:(?:shopping|grocery|groceries|chores?|packing|to[\s-]?dos?|tasks?)\s+)?lists?"
    r"(?:\s+of\s+(?:things\s+to\s+do|stuff\s+to\s+do|to[\s-]?dos|tasks|chores|stuff|things))?|to[\s-]?dos?|tasks?|chores"
)
LISTS = (
    LIST.removesuffix(r"to[\s-]?dos?|tasks?|chores") + r"to[\s-]?dos|tasks|chores"
)  # "my tasks", but not "that task"
# Words that begin a task of their own, so that "buy milk and call mom" is two and "buy milk and bread" is one.
VERBS = frozenset(
    """add hoover answer apply arrange ask assemble attend back bake book borrow bring build buy call cancel change
    charge check choose clean clear collect complete confirm contact cook copy create cut decide defrost
    deliver design discuss do download draft drink drive drop dry eat email empty exercise feed figure file
    fill find finish fix fold follow get give go grab hand hang help hire install invite iron join learn leave
    make measure meet message move mow order organise organize pack paint pay phone pick plan plant play post
    practice practise prepare print process publish pull purchase push put read record refill register renew
    rent repair replace reply request research reserve reset respond return review ring run say scan schedule
    search see sell send set ship shop sign sort start stop study submit take talk teach tell test text thank
    throw tidy train transfer translate try turn update upgrade upload vacuum visit wake walk wash watch water
    wipe work wrap write accept adjust align analyse analyze announce approve archive assign audit backup
    balance bathe bid block brainstorm breathe browse brush calculate calibrate carry catch celebrate certify
    chase claim close coach code color comb commit compare compile compose compress configure congratulate
    consider consult convert convince coordinate correct count cover crop cycle darn deal debug declutter
    decorate dedicate define delegate demo deploy descale detail determine develop diagnose dig disable
    discard dispatch distribute donate drain dress drill dust edit encourage engage enter escalate estimate
    evaluate examine exchange execute expand explain explore export extend fetch finalise finalize fit flip
    forward frame freeze fund gather generate glue grade greet groom grow guide handle harvest hem host hunt
    identify implement import improve inform inspect inflate insure interview introduce investigate issue jog
    kick knit label launch lay lend let level lift link list load lock log look lower lubricate mail maintain
    manage map mark merge migrate mix monitor mount negotiate nominate note notify observe obtain offer oil
    onboard open operate outline oversee park patch peel perform photograph pitch place polish pop pour
    practise pray prep present press prioritise proofread propose protect prove prune punch push qualify query
    quit quote raise rank reach rearrange rebook recharge recommend reconcile record recruit recycle redeem
    redesign reduce refactor reference refinance refresh refund regroup rehearse reinstall release relocate
    remind remove renovate reorder reorganise reorganize report reproduce reschedule resolve restart restock
    retrieve retrofit reuse revise rewrite rinse roll rotate sand save scrub seal secure select service settle
    sew sharpen shave shovel show shower shred shut sketch sleep solve sponsor spray spread stain stamp steam
    stir stock store strip structure style subscribe summarise summarize supervise support swap sweep swim
    switch sync tackle tag tape taste tend tie tighten toast top touch track train treat trim tune type
    unblock uninstall unpack unplug unsubscribe upskill validate verify video vote warm warn weed weigh
    welcome whitelist wind winterise withdraw""".split()
)
# What a person does with hands and feet: said alone, it can only be meant as a task.
ERRANDS = frozenset(
    """buy call clean cook drop feed get fix iron mow pack paint pay phone pick plant purchase renew repair
    return ring vacuum visit walk wash water""".split()
)
# "buy milk and water" is one thing to buy; "… and water the plants" is another thing to do.
_NOUNS = frozenset(
    """water book drink cook copy cut figure file fill finish hand help iron move order paint phone plant play
    post practice print process purchase record rent repair report research reserve return ring run sign start
    stop study talk test text transfer visit walk wash watch work back oil stamp list video label glue brush
    polish dust sand stock salt milk load lock mail map mark note park pitch place plan present quote seal
    service shower sketch sleep spray stain steam store strip support swap switch tag tape taste tie toast top
    touch track train treat trim type vote warm wind frame comb bid block code color count cover crop cycle
    deal demo detail dress drill exchange export fund grade group host hunt import interview issue jog kick
    level lift link look review brainstorm audit archive balance backup press show""".split()
)
_COMMANDS = frozenset(
    "mark show list tell remind delete remove rename reopen snooze create reschedule postpone".split()
)
_IRREGULAR = {
    "bought": "buy", "brought": "bring", "built": "build", "chose": "choose", "did": "do", "drank": "drink",
    "drove": "drive", "ate": "eat", "fed": "feed", "found": "find", "got": "get", "gave": "give", "went": "go",
    "hung": "hang", "left": "leave", "made": "make", "met": "meet", "paid": "pay", "put": "put", "read": "read",
    "rang": "ring", "ran": "run", "said": "say", "saw": "see", "sold": "sell", "sent": "send", "set": "set",
    "taught": "teach", "told": "tell", "took": "take", "threw": "throw", "woke": "wake", "wrote": "write",
    "learnt": "learn", "cut": "cut", "began": "begin", "spoke": "speak", "done": "do", "written": "write",
    "taken": "take", "given": "give", "driven": "drive", "chosen": "choose", "eaten": "eat", "seen": "see",
    "shown": "show", "drawn": "draw", "hidden": "hide", "caught": "catch", "thought": "think", "kept": "keep",
    "swept": "sweep", "held": "hold",
}  # fmt: skip
_ARTICLES = re.compile(r"^(?:the|my|a|an|some|our)\s+", re.IGNORECASE)
_I = re.compile(
    r"^(?:i(?:['’]ve|\s+have)?|have|we(?:['’]ve|\s+have)?)\s+(?:(?:also|just|already|finally|then)\s+)*|^(?:also|then|just)\s+(?:i\s+)?(?:also\s+)?",
    re.I,
)
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)]|\[ ?\])\s+")
_JOINT = re.compile(
    r"\s*(?:;|,\s*(?:and|then)?|\band\s+then\b|\band\s+also\b|\band\b|\bthen\b|\bplus\b|&)\s*", re.IGNORECASE
)


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


def gerund_to_imperative(verb: str) -> str | None:
    """ "adding" → "add", "moving" → "move"; None when it is no such form of a verb known here."""
    stem = verb.lower().removesuffix("ing")
    doubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
    return next((form for form in (stem, f"{stem}e", doubled) if form in VERBS or form in _COMMANDS), None)


def split_past(text: str) -> list[str]:
    """ "called mom and paid the rent" → ["called mom", "paid the rent"]."""
    parts = [text]
    for joint in reversed(list(_JOINT.finditer(text))):
        head, after = parts[0][: joint.start()], _I.sub("", parts[0][joint.end() :])
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
        if (
            listed
            or ";" in joint[0]
            or (after[0].lower() in VERBS and (len(after) > 1 or after[0].lower() not in _NOUNS))
        ):
            head = parts[0]
            parts[:1] = [head[: joint.start()], head[joint.end() :]]
    return parts
