"""Rules for what needs no tool: greetings, thanks, help, and saying honestly what can't be done yet."""

import re

from exponential.assistant.offline.steps import Heard, Say, Step
from exponential.assistant.offline.words import VERBS

HELP = """I keep your tasks, projects, meetings and reminders. Try:

- *Add a task: buy milk tomorrow, high priority*
- *What's due this week?* · *Done: buy milk* · *Move it to Friday* · *Undo*
- *Create project Website* · *How is Website going?*
- *Remind me tomorrow at 9 to call mom*
- Paste a meeting's transcript, then: *What did we decide about pricing?*
- *What did I finish last week?* · *Remember that I like tea*

I run without a language model here, so I understand everyday requests in English and not much more."""
UNKNOWN = "Sorry, I didn't understand that. I run without a language model here; say *help* to see what I can do."
ONLY_TEXT = "I can only read text and files so far, so I don't know what is in the {kind}."

_MEDIA = re.compile(r"^\[(?P<kind>[a-z ]+)\]", re.IGNORECASE)
_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|howdy|yo|good\s+(?:morning|afternoon|evening|day)|greetings|moin|hallo|servus|ping|test)"
    r"(?:\s+(?:there|paddy|again|everyone))?",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:many\s+|ok(?:ay)?,?\s+)?(?:thanks?|thank\s+you|thx|ty|cheers|great|perfect|awesome|nice|cool|well\s+done)"
    r"(?:\s+(?:a\s+lot|so\s+much|very\s+much|paddy|you|job|work))*",
    re.IGNORECASE,
)
_GOODBYE = re.compile(r"(?:good\s*)?(?:bye|night|see\s+you(?:\s+later)?|later)", re.IGNORECASE)
_FINE = re.compile(r"ok|okay|alright|all\s+right|sure|got\s+it|yes|no|yep|nope|fine|[👍🙂😀😊🙏❤️👌🎉]+", re.IGNORECASE)
_HELP = re.compile(
    r"/?help(?:\s+me)?|\?+|/start|menu|commands|(?:what|which\s+things)\s+(?:all\s+)?can\s+(?:you|i)\s+(?:do|say"
    r"|ask)\b.*"
    r"|what\s+do\s+you\s+do|how\s+does\s+this(?:\s+(?:work|thing|bot|app)\b.*)?|how\s+(?:do\s+you|do\s+i\s+use)\b.*|who\s+are\s+you|what\s+are\s+you"
    r"|are\s+you\s+(?:a\s+)?(?:bot|robot|ai|human|real)\b.*",
    re.IGNORECASE,
)
# What people ask for that Paddy can't do yet, and what it says it can't do. The first that fits is the one.
_NOT_YET = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (r"\b(?:calendar|appointments?)\b", "see a calendar"),
        (r"^(?:send|text|message|email|mail|write)\b", "write to other people or call them"),
        (r"\bweather\b", "look up the weather"),
        (r"^(?:search|google|look\s+up|translate|calculate|play|order|book)\b", "do that"),
        (r"\bprojects?\b", "tell what to do with that project; *how is project … going?* shows how one stands"),
        (
            r"\b(?:meetings?|(?<!\d\s)(?<!more\s)minutes|transcripts?)\b",
            ("tell what to do with that meeting; *summarise the last meeting* is one way"),
        ),
    )
)


def not_text(heard: Heard) -> list[Step] | None:
    media = _MEDIA.match(heard.text)
    return [Say(ONLY_TEXT.format(kind=media["kind"].lower()))] if media else None


def small_talk(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _HELP.fullmatch(text):
        return [Say(HELP)]
    if _GREETING.fullmatch(text):
        return [Say("Hi! What shall I put on your list? Say *help* to see what I can do.")]
    if _THANKS.fullmatch(text):
        return [Say("You're welcome!")]
    if _GOODBYE.fullmatch(text):
        return [Say("See you!")]
    return [Say("👍")] if _FINE.fullmatch(text) else None


_FOR_ME = re.compile(
    r"(?:hey\s+|hi\s+|paddy[\s,]+|please\s+)*(?:can|could|will|would)\s+(?:you|u)\s+(?:please\s+|pls\s+)?(?:call|ring|phone|text|e-?mail|message|whatsapp"
    r"|book|order|buy|pay|play|drive|cook|clean|translate|google|turn|sing|tell\s+(?:my|him|her|them))\b(?!\s+(?:it|that|this)\b).*",
    re.IGNORECASE | re.DOTALL,
)


_ELSEWHERE = re.compile(  # what is added to, but is no list of tasks
    r"(?:please\s+)?(?:add|invite|put)\s+(?P<first>[\w'’-]+)(?:\s.+)?\s(?:as\s+an?\s+(?:guest|attendee|participant|invitee|contact|member|admin|editor|viewer|friend|collaborator)\b.*"
    r"|(?:to|on|in)\s+(?:the|my|our|that)\s+(?:[\w-]+\s+){0,3}?(?:invite|invitation|contacts|address\s+book|group\s+chat|chat\s+group|whatsapp\s+group|playlist|channel|mailing\s+list))",
    re.IGNORECASE,
)


def for_me(heard: Heard) -> list[Step] | None:
    """ "Can you call Bob?" asks Paddy to do what only a person can."""
    elsewhere = _ELSEWHERE.fullmatch(heard.text.rstrip(" .!?"))
    if elsewhere is not None and elsewhere["first"].lower() not in VERBS:  # "add send the flyer to …" is a task
        return [Say("I can't do that: I keep your tasks, projects, meetings and reminders, and nothing elsewhere.")]
    if not _FOR_ME.fullmatch(heard.text):
        return None
    return [Say("I can't do that for you, but I can put it on your list: say *add* and what is to be done.")]


def not_yet(heard: Heard) -> list[Step] | None:
    for pattern, what in _NOT_YET:
        if pattern.search(heard.text):
            return [Say(f"I can't {what}. Say *help* to see what I can do.")]
    return None


_SUPPOSED = re.compile(
    r"(?:and\s+|but\s+)*(?:what\s+(?:would|will)\b.*\bif\s+(?:i|we|you)\b|what\s+if\s+(?:i|we|you)\b"
    r"|what\s+(?:(?:would|will|does)\s+)?(?:happens?|becomes?)\b.*\b(?:if|when|once)\s+(?:i|we|you)\b).*",
    re.IGNORECASE | re.DOTALL,
)


_NOTHING_TO_DO = re.compile(  # "just thinking out loud, no need to add anything"
    r"(?:[^\n:]*[\s,.;–-])?(?:(?:there['’]?s\s+)?no\s+need\s+to|(?:please\s+)?(?:don['’]?t|do\s+not)|you\s+(?:don['’]?t|do\s+not)\s+(?:have|need)\s+to)\s+"
    r"(?:add|create|save|note|do|change|write\s+down|make)\s+(?:anything|(?:it|this|that)(?:\s+down)?|a\s+(?:task|note|reminder)(?:\s+(?:for|of|about)\s+(?:it|this|that))?)(?:\s+(?:yet|now|for\s+(?:it|me|this|that|now)))*\W*",
    re.IGNORECASE,
)


def supposed(heard: Heard) -> list[Step] | None:
    """ "What would happen to its tasks if I put Garden on hold?": nothing is to be done yet."""
    if _NOTHING_TO_DO.fullmatch(heard.text):
        return [Say("All right, I changed nothing.")]
    if not _SUPPOSED.fullmatch(heard.text):
        return None
    return [Say("I changed nothing. Tell me to do it, and *undo* takes it back if it wasn't what you wanted.")]
