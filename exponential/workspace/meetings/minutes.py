"""Minutes of a meeting by rules, without a model: what was decided, who will do what by when, the main sentences."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from exponential.workspace.meetings import decisions as deciding
from exponential.workspace.meetings.commitments import Promise, promised, reply
from exponential.workspace.meetings.transcripts import TranscriptLine
from exponential.workspace.text import dates

SUMMARY_SENTENCES = 5  # of a summary
MAX_ITEMS = 200  # of each; what has more is no meeting, and would keep the database busy for minutes
REPEATED_WORD_WEIGHT = 0.3  # what a word still weighs in a summary once a chosen sentence has it
MAX_SENTENCE_CHARS = dates.MAX_CHARS  # nobody promises or decides in a longer one
LONG_SENTENCE_WORDS = 35  # words; a longer sentence rambles, and counts less
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Þ“\"'])")
_WORD = re.compile(r"[^\W\d_]{3,}")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+(?=\S)")
_MARKS = re.compile(r"\*\*|__|`")
_HEADING = re.compile(
    r"(?:#+ ?(?P<title>[^#].*)|(?P<bare>[A-Za-z][A-Za-z -]{2,24}) ?:?|\d{1,2}[.)] (?P<point>[^.!?]{2,40}))"
)
_DECISIONS = re.compile(r"(?:key\s+)?decisions?(?:\s+(?:made|taken))?|what\s+we\s+decided|resolutions?", re.IGNORECASE)
_ACTIONS = re.compile(
    r"actions?(?:\s+(?:items?|points?))?|next\s+steps?|to[\s-]?dos?|tasks|follow[\s-]?ups?", re.IGNORECASE
)
_OF_WHAT_WAS_SAID = re.compile(
    r"^\w+\s+(?:it|that|this|her|him|them)\b(?:\s+(?:by|before|until|on|today|tomorrow|this|next)\b.*)?$", re.I
)
_PEOPLE = re.compile(
    r"^[A-ZÀ-Þ][\w.'’-]+(?:\s[A-ZÀ-Þ][\w.'’-]+)*(?:,\s*(?:and\s+)?[A-ZÀ-Þ][\w.'’-]+(?:\s[A-ZÀ-Þ][\w.'’-]+)*)+"
)
_LISTED = re.compile(r"action|todo|\[ ?\]", re.IGNORECASE)
_LEFT_OVER = re.compile(r" ?\( ?\)| (?:too|as well|then)$")
_LABELLED = re.compile(
    r"^(?:date|title|present|absent|apologies|participants|attendees|agenda|minutes|location|time|topic)\s*:",
    re.IGNORECASE,
)
_STOP = frozenset(
    """the and that this with for you your are was were have has had but not they them from what when where which will
    would can could should there here just about into our out all any some then than too very also its let get got one
    going okay yes yeah like know think really right well good great thanks thank hello everyone sure maybe need want
    make see how who did does been being because more much now say said""".split()
)


@dataclass(frozen=True)
class Found:
    """A decision or an action item. `line` counts from 1; `owner` as the transcript names them."""

    text: str
    line: int
    owner: str | None = None
    due: date | None = None


@dataclass(frozen=True)
class Minutes:
    summary: list[str]
    decisions: list[Found]
    actions: list[Found]


def take(lines: Sequence[TranscriptLine], held_on: date) -> Minutes:
    """The minutes of what was said: the first MAX_ITEMS decisions and action items. Dates are meant from that day."""
    noon = datetime.combine(held_on, time(12))
    speakers = sorted({line.speaker for line in lines if line.speaker})
    decisions: list[Found] = []
    actions: list[Found] = []
    asked: Promise | None = None  # what somebody was asked to do, until they answer
    for number, speaker, sentence, section in _sentences(lines):
        if len(sentence) > MAX_SENTENCE_CHARS:
            continue
        answer = reply(sentence, noon)
        if answer is not None and asked is not None and speaker != asked.by:
            if _OF_WHAT_WAS_SAID.match(asked.what):  # "could you ask her by Friday?": what was promised a moment ago
                _, by = dates.extract(asked.what, noon)
                _set_due(actions, speaker, by.date() if isinstance(by, datetime) else by, number)
            else:
                _keep(actions, replace(asked, owner=speaker), number, noon)
            asked = None
        if answer is not None:
            _set_due(actions, speaker, answer.due, number)
        decision = deciding.decided(sentence, section == "decisions")
        if decision is not None:
            decisions.append(Found(decision, number))
            continue
        promise = promised(sentence, speaker, in_list=section == "actions")
        if promise is None:
            continue
        if promise.open:
            asked = promise
        else:
            _keep(actions, replace(promise, owner=_whole_name(promise.owner, speakers)), number, noon)
    return Minutes(_summary(lines, {found.line for found in decisions}), decisions[:MAX_ITEMS], actions)


def summarise(lines: Sequence[TranscriptLine]) -> list[str]:
    """The main sentences of a text, in its order."""
    return _summary(lines, set())


def _keep(actions: list[Found], promise: Promise, number: int, noon: datetime) -> None:
    if len(actions) == MAX_ITEMS:
        return
    words, due = dates.extract(promise.what.strip().rstrip(".!?"), noon)
    day = due.date() if isinstance(due, datetime) else due
    words = _LEFT_OVER.sub("", words).strip(" ,;")
    if len(words.split()) < 2 or words.casefold() in {known.text.casefold() for known in actions}:
        return
    actions.append(Found(words[:1].lower() + words[1:], number, promise.owner, day))


def _set_due(actions: list[Found], speaker: str | None, due: date | None, number: int) -> None:
    """ "Will do by Monday" is about what the speaker was to do last, a moment ago."""
    for place in range(len(actions) - 1, -1, -1):
        known = actions[place]
        if known.owner == speaker and speaker is not None and number - known.line <= 4:
            actions[place] = replace(known, due=known.due or due)
            return


def _whole_name(owner: str | None, speakers: Sequence[str]) -> str | None:
    """ "Tom" is Tom Becker, when one Tom alone spoke."""
    full = [name for name in speakers if owner is not None and name.split()[0] == owner]
    return full[0] if len(full) == 1 else owner


def _sentences(lines: Sequence[TranscriptLine]) -> Iterator[tuple[int, str | None, str, str | None]]:
    """(line, speaker, sentence, section): the section is "decisions" or "actions" under such a heading of notes."""
    section: str | None = None
    for number, line in enumerate(lines, start=1):
        text = " ".join(_MARKS.sub("", line.text).split())
        heading = _HEADING.fullmatch(text) if line.speaker is None else None
        if heading is not None:
            title = (heading["title"] or heading["bare"] or heading["point"]).strip(" :")
            if _DECISIONS.fullmatch(title) or _ACTIONS.fullmatch(title) or heading["bare"] is None:
                section = (
                    "decisions" if _DECISIONS.fullmatch(title) else "actions" if _ACTIONS.fullmatch(title) else None
                )
                continue
        if line.speaker is not None:
            section = None
        if line.speaker is None and (_LABELLED.match(text) or _PEOPLE.fullmatch(text)):
            continue
        for sentence in _SENTENCE.split(_BULLET.sub("", text)):
            sentence = _BULLET.sub("", sentence).strip()
            if sentence:
                yield number, line.speaker, sentence, section


def _summary(lines: Sequence[TranscriptLine], decided: set[int]) -> list[str]:
    """The sentences whose words matter most in the whole, in their order; what one has said counts less in the next."""
    sentences = [item for item in _sentences(lines) if len(item[2].split()) >= 5 and not item[2].endswith("?")]
    words = [_content(item[2]) for item in sentences]
    weights = {word: math.log1p(count) for word, count in Counter(word for some in words for word in some).items()}
    chosen: list[int] = []

    def weight(place: int) -> float:
        total = sum(weights[word] for word in set(words[place])) / math.sqrt(len(words[place]) + 4)
        rambling = 0.35 if len(sentences[place][2].split()) > LONG_SENTENCE_WORDS else 1.0
        listed = 0.5 if sentences[place][3] == "actions" or _LISTED.match(sentences[place][2]) else 1.0
        return total * rambling * listed * (1.5 if sentences[place][0] in decided else 1.0)

    while len(chosen) < min(SUMMARY_SENTENCES, len(sentences)):
        best = max((place for place in range(len(sentences)) if place not in chosen), key=weight)
        chosen.append(best)
        weights.update({word: weights[word] * REPEATED_WORD_WEIGHT for word in words[best]})
    said = ((speaker, sentence) for _, speaker, sentence, _ in (sentences[place] for place in sorted(chosen)))
    return [f"{speaker}: {sentence}" if speaker else sentence for speaker, sentence in said]


def _content(sentence: str) -> list[str]:
    return [word for word in map(str.lower, _WORD.findall(sentence)) if word not in _STOP]
