"""What patterns see of a message: one spelling of characters and abbreviations, no emoji, no politeness around it.

Done once, and every character knows where it stood, so that a title is kept as it was written.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz.distance import OSA

MAX_CHARS = 400  # of a message; a transcript may be longer
_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "‛": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
)
_ABBREVIATIONS = {
    "rmnd": "remind", "tsk": "task", "tsks": "tasks", "teh": "the", "r": "are", "wat": "what", "wat's": "what's",
    "yesterdays": "yesterday's", "hw": "how", "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow",
    "tomo": "tomorrow", "2moro": "tomorrow", "2morrow": "tomorrow", "tomoz": "tomorrow", "2day": "today",
    "tdy": "today", "2nite": "tonight", "tonite": "tonight", "nxt": "next", "pls": "please", "plz": "please",
    "u": "you", "ur": "your", "im": "i'm", "ive": "i've", "dont": "don't", "cant": "can't", "wanna": "want to",
    "gotta": "have to", "gonna": "going to", "hafta": "have to", "lemme": "let me", "gimme": "give me",
    "whats": "what's", "wats": "what's", "hows": "how's", "whens": "when's", "thats": "that's", "its": "it's",
    "rmd": "remind", "abt": "about", "prio": "priority", "proj": "project", "mtg": "meeting", "mtgs": "meetings",
    "w/": "with", "wk": "week", "wknd": "weekend", "b4": "before", "min": "minutes", "mins": "minutes",
    "hrs": "hours", "todays": "today's", "tomorrows": "tomorrow's", "thx": "thanks", "ty": "thanks", "n": "and",
    "&": "and", "til": "until", "till": "until", "whos": "who's", "didnt": "didn't", "isnt": "isn't",
    "havent": "haven't", "lets": "let's",
}  # fmt: skip
_KEYWORDS = (
    "remind", "reminder", "reminders", "create", "delete", "remove", "cancel", "complete", "completed", "finished",
    "snooze", "reschedule", "postpone", "rename", "priority", "project", "projects", "meeting", "meetings",
    "tomorrow", "tonight", "tasks", "urgent", "overdue", "remember", "summary", "briefing", "monday", "tuesday",
    "wednesday", "thursday", "friday", "saturday", "sunday", "weekend", "morning", "evening", "afternoon", "change",
    "already", "please",
)  # fmt: skip
_SHORT = (
    "show",
    "list",
    "task",
    "tasks",
    "todo",
    "done",
    "move",
    "mark",
    "today",
    "friday",
    "monday",
    "sunday",
    "create",
    "remind",
    "delete",
)  # letters swapped
_NOT_TYPOS = frozenset(
    "created deleted removed changed tasked masks tastes asks created creates meetings meeting chance charge "
    "proceed plead pleased projector reminds".split()
) | {"most", "slit", "silt", "node", "dote", "skat", "kast"}
_WORD = re.compile(r"[^\s,.!?;:\"()]+")
_RUN = re.compile(r"([^\w\s])\1{3,}")

_GREETING = (
    r"hi|hey+|hello|hiya|yo|dear|good (?:morning|afternoon|evening)|ok(?:ay)?|so|well|alright|also|and|then|but"
    r"|oh+|ah+|um+|uh+|hm+|btw|by the way|paddy|please|kindly|just|quickly|quick one|lol|haha|thanks|thank you|yes"
    r"|yeah|great|perfect|nice|cool|sorry|actually|oops|wait|now|maybe|perhaps|basically|anyway|mate|bro|listen"
)
_ASKING = (
    r"(?:(?:can|could|would|will) (?:you|we|i)|(?:would|do) you mind|i(?:'d| would) (?:like|love"
    r"|want)(?: you)? to|i (?:want|need) you to|i want to|let's|let me|you can|you could|help me(?: to)?"
    r"|be so (?:kind|good)(?: as)? (?:to|and)|is it possible to|any chance you (?:could|can)|i think (?:we|i"
    r"|you) should|we should|(?:do you think )?you could|go ahead and|feel free to|i was wondering if you (?:could"
    r"|can)|(?:remind|tell|show) me(?= (?:what|which|who|when|where|how|why)\b)|make sure to|we need you to"
    r"|i'm gonna need you to)"
)
_LEAD = re.compile(
    rf"(?:(?:{_GREETING})(?![\w'])[\s,!.:…–—-]*|{_ASKING}\s+(?:please\s+|just\s+|maybe\s+|also\s+|quickly\s+)*(?=\w))",
    re.IGNORECASE,
)
_ONLY_POLITE = re.compile(
    rf"(?:(?:{_GREETING}|so much|a lot|very much|you|there|again)(?![\w'])[\s,.!]*)+", re.IGNORECASE
)
_TAIL = re.compile(
    r"[\s,.!?–—-]+(?:please|thanks(?: a lot| so much| in advance)?|thank you(?: so much)?|ta|cheers|paddy"
    r"|mate|bro|dear|love|for me|too|as well|instead|"
    r"(?:if|when) (?:possible|you (?:can|could|don't mind|get a (?:chance|sec|minute|moment)|have (?:a sec"
    r"|a minute|time)))|ok(?:ay)?|alright|"
    r"by any chance|for now|for the time being|for good|for ever|forever|altogether|for the moment|no rush"
    r"|lol|haha|btw|will you|would you|can you|could you|real quick|right|yeah|x{1,3}|again please|now please)"
    r"[\s.!?,]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Text:
    """Normalised text and, for each of its characters, the place in the `message` that it comes from.

    `start` and `end` are the edges of the request in it, without the politeness around it; `asks_paddy`: that said
    "can you".
    """

    text: str
    places: tuple[int, ...]
    message: str
    start: int = 0
    end: int = 0
    asks_paddy: bool = False

    @property
    def request(self) -> str:
        return self.text[self.start : self.end]

    def part(self, start: int, end: int) -> "Text":
        """A part of it, by places in `text`, without the politeness around that."""
        return _without_politeness(self, start, end)

    def as_written(self, words: str) -> str:
        """`words`, as they stand in the message, where they stand in the request; else as they are."""
        start = self.text.find(words, self.start, self.end)
        if start < 0 or not words:
            return words
        last = start + len(words) - 1
        return " ".join(self.message[self.places[start] : self.places[last] + 1].split())


def normalise(message: str) -> Text:
    """Single spaces and plain quotes, no invisible marks, abbreviations spelled out, typing errors in command words
    put right; lines stay apart. What is quoted stays as it is."""
    letters: list[tuple[str, int]] = []
    for place, letter in enumerate(message):
        for one in unicodedata.normalize("NFKC", letter).translate(_QUOTES):
            category = unicodedata.category(one)
            if category in ("Cf", "Mn", "Cc") and one not in "\n\t" and not letter.isalpha():
                continue
            is_picture = category in ("So", "Sk") and one not in "✅☑✔"
            one = "\n" if one == "\n" else " " if is_picture or one.isspace() else one
            before = letters[-1][0] if letters else "\n"
            if one == " " and before in " \n":
                continue
            if one == "\n" and before == " ":
                letters.pop()
            letters.append((one, place))
    text = "".join(letter for letter, _ in letters)
    spelled, places, done = [], [], 0
    for start, end, instead in [*_replacements(text), (len(text), len(text), "")]:
        spelled += [text[done:start], instead]
        places += [place for _, place in letters[done:start]]
        # All of a replaced word stands for all of what was written.
        places += [letters[start][1]] * (len(instead) - 1) + [letters[end - 1][1]] if instead else []
        done = end
    text = "".join(spelled).rstrip()
    return _without_politeness(Text(text, tuple(places), message), 0, len(text))


def _replacements(text: str) -> Iterator[tuple[int, int, str]]:
    quoted = [match.span() for match in re.finditer(r'"[^"]*"', text)]
    for word in _WORD.finditer(text):
        if any(start <= word.start() < end for start, end in quoted):
            continue
        said = word[0].lower()
        instead = _ABBREVIATIONS.get(said) or _keyword(said)
        if instead and instead != said:
            yield word.start(), word.end(), instead


def _keyword(word: str) -> str | None:
    """The command word that is one slip away: "remnid" is "remind"."""
    if len(word) < 4 or not word.isalpha() or word in (*_KEYWORDS, *_SHORT) or word in _NOT_TYPOS:
        return None
    if any(word.removesuffix(ending) in _KEYWORDS for ending in ("s", "d", "ed", "ing", "er")):
        return None
    if len(word) < 6:
        return next((known for known in _SHORT if word != known and sorted(word) == sorted(known)), None)
    return next(
        (known for known in _KEYWORDS if word[0] == known[0] and OSA.distance(word, known, score_cutoff=1) == 1), None
    )


def _without_politeness(text: Text, start: int, end: int) -> Text:
    asks = False
    if _ONLY_POLITE.fullmatch(text.text, start, end):
        return Text(text.text, text.places, text.message, start, end, text.asks_paddy)
    while start < end and (lead := _LEAD.match(text.text, start, end)) is not None and lead.end() < end:
        asks = asks or "you" in lead[0].lower()
        start = lead.end()
    while (tail := _TAIL.search(text.text, start, end)) is not None and tail.start() > start:
        end = tail.start()
    while start < end and text.text[start] in " \n,.;:!-–—":
        start += 1
    while end > start and text.text[end - 1] in " \n,;":
        end -= 1
    return Text(text.text, text.places, text.message, start, end, asks or text.asks_paddy)
