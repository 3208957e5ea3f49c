"""Rules for what needs no tool: greetings, thanks, help, and saying honestly what can't be done yet."""

import re

from exponential.assistant.offline.steps import Heard, Say, Step

HELP = """I keep your tasks. Try:

- *Add a task: buy milk tomorrow*
- *What are my tasks?* or *What's due today?*
- *Done: buy milk*

I run without a language model here, so I understand everyday requests in English and not much more."""
ONLY_TEXT = "I can only read text so far, so I don't know what is in the {kind}."

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
    r"/?help(?:\s+me)?|\?+|/start|menu|commands|(?:what|which\s+things)\s+(?:all\s+)?can\s+(?:you|i)\s+(?:do|say|ask)\b.*"
    r"|what\s+do\s+you\s+do|how\s+(?:does\s+this|do\s+you|do\s+i\s+use)\b.*|who\s+are\s+you|what\s+are\s+you"
    r"|are\s+you\s+(?:a\s+)?(?:bot|robot|ai|human|real)\b.*",
    re.IGNORECASE,
)
# What people ask for that Paddy can't do yet, and what it says it can't do. The first that fits is the one.
_NOT_YET = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (r"^(?:delete|remove|clear|drop|cancel|erase)\b", "delete tasks yet; I can mark them as done"),
        (r"^(?:undo|reopen|un-?do|uncheck|un-?complete)\b", "reopen tasks here yet; the task page can"),
        (r"^(?:move|postpone|reschedule|delay|push|shift|snooze)\b", "change a task's date yet"),
        (r"^(?:rename|change|edit|update|correct)\b", "change a task yet"),
        (r"\bprojects?\b", "work with projects yet"),
        (r"\b(?:meetings?|minutes|action\s+items?|transcripts?|summar(?:y|ies|ise|ize))\b", "work with meetings yet"),
        (r"\b(?:alarm|remind|reminders?|wake\s+me)\b", "send reminders yet"),
        (r"\b(?:calendar|appointments?|schedule)\b", "see a calendar"),
        (r"^(?:send|text|message|email|mail|write)\b", "write to other people or call them"),
        (r"\bweather\b", "look up the weather"),
        (r"^(?:search|google|look\s+up|translate|calculate|play|order|book)\b", "do that; I only keep your tasks"),
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


def not_yet(heard: Heard) -> list[Step] | None:
    for pattern, what in _NOT_YET:
        if pattern.search(heard.text):
            return [Say(f"I can't {what}. Say *help* to see what I can do.")]
    return None
