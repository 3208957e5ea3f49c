"""English verbs that begin a task, and their past forms."""

# What a person does and Paddy can't: said alone, it can only be meant as a task.
ERRANDS = frozenset(
    """
    accept adjust align analyse analyze announce answer apply approve archive arrange assemble attend
    audit back backup bake balance bathe bid block borrow brainstorm breathe bring browse brush build buy
    calculate calibrate call carry catch celebrate certify charge chase check choose claim clean clear close
    coach code collect color comb commit compare compile compose compress configure confirm congratulate
    consider consult contact convert convince cook coordinate copy correct count cover crop cut cycle darn deal
    debug decide declutter decorate dedicate define defrost delegate deliver demo deploy descale design detail
    determine develop diagnose dig disable discard discuss dispatch distribute do donate draft drain
    dress drill drink drive drop dry dust eat edit empty encourage engage enter escalate estimate evaluate
    examine exchange execute exercise expand explain explore export feed fetch figure file fill finalise
    finalize fit fix flip fold follow forward frame freeze fund gather generate glue go grab grade greet groom
    grow guide hand handle hang harvest help hem hire hoover host hunt identify implement import improve inflate
    inform inspect install insure interview introduce investigate iron issue jog join kick knit label
    launch lay learn leave lend level lift link load lock log lower lubricate mail maintain manage map measure
    meet merge migrate mix monitor mount mow negotiate nominate notify observe obtain offer oil onboard operate
    organise organize outline oversee pack paint park patch pay peel perform phone photograph pick pitch place
    plan plant polish pop pour practice practise pray prep prepare present press prioritise process
    proofread propose protect prove prune publish pull punch purchase push qualify query quit quote raise rank
    reach rearrange rebook recharge recommend reconcile record recruit recycle redeem redesign reduce refactor
    reference refill refinance refresh refund register regroup rehearse reinstall release relocate renew
    renovate rent reorder reorganise reorganize repair replace reply report reproduce request research reserve
    reset resolve respond restart restock retrieve retrofit return reuse review revise rewrite ring rinse roll
    rotate run sand save scan scrub seal secure select sell service settle sew sharpen shave ship shop shovel
    shower shred shut sign sketch sleep solve sort sponsor spray spread stain stamp steam stir stock store strip
    structure study style submit summarise summarize supervise support swap sweep swim switch sync
    tackle tag take talk tape taste teach tend test thank throw tidy tie tighten toast top touch track train
    treat trim try tune type unblock uninstall unpack unplug unsubscribe upgrade upskill vacuum
    validate verify video visit vote wait wake walk warm warn wash watch water weed welcome whitelist winterise
    wipe withdraw work wrap
    """.split()
)
# What people also ask an assistant to do for them: said alone, it may be meant either way.
FAVOURS = frozenset(
    """
    transfer post invite assign extend print download upload subscribe
    ask book email   google  message open order play  schedule search send   text
    translate turn write
    """.split()
)
# "buy milk and water" is one task: these are things as often as deeds.
NOUNS = frozenset(
    """
    archive audit back backup balance bid block book brainstorm brush code color comb cook copy count cover crop
    cut cycle deal demo detail dress drill drink dust exchange export figure file fill frame fund glue grade
    hand help host hunt import interview iron issue jog kick label level lift link load lock look mail map oil
    order paint park phone pitch place plan plant play polish post practice present press print process purchase
    quote record rent repair report research reserve return review ring run sand seal service show shower sign
    sketch sleep spray stain stamp steam stock store strip study support swap switch tag talk tape taste test
    text tie toast top touch track train transfer treat trim type video visit vote walk warm wash watch water
    work
    """.split()
)
_PAST = {
    "bought": "buy", "brought": "bring", "built": "build", "chose": "choose", "did": "do", "drank": "drink",
    "drove": "drive", "ate": "eat", "fed": "feed", "found": "find", "got": "get", "gave": "give", "went": "go",
    "hung": "hang", "left": "leave", "made": "make", "met": "meet", "paid": "pay", "put": "put", "read": "read",
    "rang": "ring", "ran": "run", "said": "say", "saw": "see", "sold": "sell", "sent": "send", "set": "set",
    "taught": "teach", "told": "tell", "took": "take", "threw": "throw", "woke": "wake", "wrote": "write",
    "learnt": "learn", "cut": "cut", "began": "begin", "spoke": "speak", "done": "do", "written": "write",
    "taken": "take", "given": "give", "driven": "drive", "chosen": "choose", "eaten": "eat", "seen": "see",
    "shown": "show", "drawn": "draw", "hidden": "hide", "caught": "catch", "thought": "think", "kept": "keep",
    "swept": "sweep", "held": "hold", "rung": "ring", "gone": "go",
}  # fmt: skip


def imperative(past: str) -> str | None:
    """ "bought" → "buy", "called" → "call"; None when it is no past form of a verb known here."""
    word = past.lower()
    if word in _PAST:
        return _PAST[word]
    for ending, instead in (("ied", "y"), ("ed", ""), ("ed", "e")):
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and (stem in ERRANDS or stem in FAVOURS or stem in _COMMANDS):
            return stem
    if word.endswith("ed") and len(word) > 5 and word[-3] == word[-4] and word[:-3] in ERRANDS:  # planned
        return word[:-3]
    return None


_COMMANDS = frozenset("cancel finish complete change move update start add rename mark".split())
