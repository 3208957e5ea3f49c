"""Transcripts of meetings: pasted text and files (.txt, .vtt, .srt, .docx, .pdf, .json) as lines with speakers.

This is the one place that judges what is a transcript, whichever way it came. What strangers send, only the sandbox
reads.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from exponential.core import validation
from exponential.core.errors import BadInput
from exponential.workspace.text import documents
from exponential.workspace.text.days import WEEKDAYS
from exponential.workspace.text.documents import Document

MAX_BYTES = 8_000_000  # of a file
MAX_LINES = 20_000
MAX_LINE_CHARS = 10_000  # what is said longer without a break becomes several lines
MAX_SPEAKER_CHARS = 100
MAX_SECONDS = 10 * 24 * 3600  # after the beginning; a larger number is no such time
MIN_SPEAKER_TURNS = 3  # times that a speaker is named, from which on a text may be a transcript
FIRST_SECONDS = 60  # after which, at most, somebody speaks in a recording; a timetable begins later
_HEAD_CHARS = 300  # of a row, in which its time and speaker stand
_BROKEN_JSON = "This JSON is broken or cut off. Export the transcript again."
_TIME = r"(?:(?P<h>\d{1,2}):)?(?P<m>\d{1,2}):(?P<s>\d{2})(?:[.,]\d+)?"
_CUE = re.compile(rf"^{_TIME}\s+-->\s+\S")
_NUMBERED_CUE = re.compile(rf"(?:\d{{1,9}}\n)?{_TIME}\s+-->")
_VOICE = re.compile(r"<v(?:\.[\w.]{1,80})?[ \t](?P<name>[^<>]{1,200})>")
_TAG = re.compile(r"<[^<>]*>")
_LIKE_JSON = re.compile(r"\{|\[\s*[\[{\"]")  # "[00:01] Anna: hello" isn't
_NAME = r"[A-ZÀ-Þ][\w.'’-]*(?: (?:[A-ZÀ-Þ(][\w.'’)-]*|\d{1,2}|van|von|de|der|da|la)){0,3}"
_SPOKEN = re.compile(
    rf"^(?:[\[(]?{_TIME}[\])]? ?(?:[-–] ?)?)?(?P<name>{_NAME})(?: ?[\[(](?:\d{{1,2}}:)?\d{{1,2}}:\d{{2}}[\])])? ?: "
    r"(?P<text>\S.*)$"
)
_HEADED = re.compile(rf"^(?P<name>{_NAME}) [\[(]?{_TIME}[\])]?(?: ?[AP]M)?$")
_TIMED = re.compile(rf"^[\[(]?{_TIME}[\])]? ?(?:[-–] ?)?(?P<text>\S.*)$")
_LABELS = frozenset(
    """action actions todo decision decisions agreed resolved note notes summary agenda date title attendees minutes
    participants present absent apologies topic location time transcript task tasks add done reminder
    from to cc sent subject re name phone mobile tel fax email
    e-mail mail address web website url invoice item qty quantity price amount total due""".split()
) | {*WEEKDAYS, "action item", "action items", "next steps", "next step", "next meeting", "to do", "final decision"}
_ABOUT_IT = re.compile(  # what exports write around what was said
    r"^(?:this editable transcript\b.*|(?:meeting|transcription|recording) (?:ended|started|stopped)\b.*"
    r"|transcript|attendees|.*- ?(?:meeting )?(?:recording|transcript)|(?:\d{1,3}h ?)?\d{1,3}m(?: ?\d{1,3}s)?"
    r"|\w+ started transcription|(?:\w+,? )?\w+ \d{1,2}, \d{4}(?:, \d{1,2}:\d\d ?(?:[AP]M)?)?"
    r"|[\[(]?(?:\d{1,2}:)?\d{1,2}:\d\d[\])]?)$",
    re.IGNORECASE,
)
_CHAT = re.compile(  # [05.05.26, 09:01:12] Nora: … as messengers export it
    r"^\[?\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?\]? ?(?:[-–] ?)?(?=[^\s:][^:]{0,40}: )",
    re.IGNORECASE,
)
_NOTE = re.compile(r"^(?:[-*•]|\d{1,2}[.)]|#+|\[[ x]\])\s+\S", re.IGNORECASE)  # notes are nobody's words
_JSON_LINES = (
    "segments",
    "transcript",
    "utterances",
    "monologues",
    "entries",
    "sentences",
    "lines",
    "results",
    "paragraphs",
)
_JSON_TEXT = ("text", "transcript", "content", "sentence", "caption", "value")
_JSON_SPEAKER = ("speaker", "speaker_name", "speakerName", "name", "participant", "author")
_JSON_START = ("start", "start_time", "startTime", "offset", "timestamp", "ts")


@dataclass(frozen=True)
class TranscriptLine:
    """Something said: by whom, if that is known, and how many seconds after the meeting began. One that `goes_on` names
    no speaker itself; it has the one of the line before."""

    text: str
    speaker: str | None = None
    seconds: int | None = None
    goes_on: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Transcript:
    """`form`: text, vtt, srt, docx, pdf or json; `title` and `held` (ISO date) when the file names them."""

    lines: list[TranscriptLine]
    form: str
    title: str | None = None
    held: str | None = None

    @property
    def is_talk(self) -> bool:
        """Whether it reads like a transcript even to somebody who wasn't told that it is one: in a list with a label in
        each line, no label comes twice."""
        if self.form in ("vtt", "srt"):
            return True
        turns = self._turns()
        times = [line.seconds for line in turns if line.seconds is not None]
        recorded = 0 < len(times) == len(turns) and times[0] < FIRST_SECONDS
        again = len({line.speaker for line in turns}) < len(turns)
        return self.has_speakers and (again or recorded or self.form == "json")

    @property
    def has_speakers(self) -> bool:
        """Whether it looks like a transcript. A list with a label in each line does so, too."""
        turns = self._turns()
        spoken = sum(line.speaker is not None for line in self.lines)
        enough = len(turns) >= MIN_SPEAKER_TURNS and spoken * 2 >= len(self.lines)
        return enough and (len({line.speaker for line in turns}) > 1 or self.form == "json")

    def _turns(self) -> list[TranscriptLine]:
        return [line for line in self.lines if line.speaker is not None and not line.goes_on]


def read(data: bytes, filename: str = "") -> Transcript:
    """A file's transcript, titled by its name if by nothing else. Raises BadInput, whatever the bytes are."""
    check_size(data)
    return of_document(documents.read(data, filename), filename)


def check_size(data: bytes) -> None:
    """Raises BadInput for a file that is larger than a transcript may be."""
    if len(data) > MAX_BYTES:
        raise _too_large(f"larger than {MAX_BYTES // 1_000_000} MB")


def of_document(document: Document, filename: str) -> Transcript:
    """The transcript that a file's text is. Raises BadInput."""
    if document.is_cut:
        raise _too_large(f"longer than {documents.MAX_CHARS // 1_000_000} million characters")
    found = parse(document.text)
    title = found.title or documents.plain(PurePath(filename).stem).replace("_", " ").strip() or None
    return replace(found, title=title, form=document.form if found.form == "text" else found.form)


def parse(text: str) -> Transcript:
    """A transcript in whatever text form (`documents.plain`). Raises BadInput when nothing is said in it."""
    text = text.strip()
    found = _json(text) if text.startswith(("{", "[")) else None
    if found is None:
        found = _words(text)
    if not found.lines:
        raise BadInput("I found nothing that was said in this transcript.", code="transcript_empty")
    return found


def _words(text: str) -> Transcript:
    if text.startswith("WEBVTT"):
        return Transcript(_limited(_cues(text)), "vtt")
    if _NUMBERED_CUE.match(text):
        return Transcript(_limited(_cues(text)), "srt")
    return Transcript(_limited(_spoken(text)), "text")


def _too_large(how: str) -> BadInput:
    return BadInput(f"The transcript is {how}. Split it, and import its parts.", code="transcript_too_large")


def _limited(lines: Iterable[TranscriptLine]) -> list[TranscriptLine]:
    """At most MAX_LINES lines of at most MAX_LINE_CHARS."""
    kept: list[TranscriptLine] = []
    for line in lines:
        start = 0
        while len(line.text) - start > MAX_LINE_CHARS:
            end = line.text.rfind(" ", start + 1, start + MAX_LINE_CHARS)
            end = end if end > 0 else start + MAX_LINE_CHARS
            kept.append(replace(line, text=line.text[start:end].strip()))
            start = end
        kept.append(replace(line, text=line.text[start:].strip()) if start else line)
        if len(kept) > MAX_LINES:
            raise _too_large(f"longer than {MAX_LINES:,} lines")
    return kept


def _cues(text: str) -> Iterator[TranscriptLine]:
    speaker: str | None = None
    for block in re.split(r"\n\s*\n", text):
        rows = block.strip().split("\n")
        at = next((place for place, row in enumerate(rows) if _CUE.match(row)), None)
        if at is None:
            continue  # the header, notes, styles
        seconds = _seconds(_CUE.match(rows[at]))
        said = " ".join(" ".join(rows[at + 1 :]).split())
        voice = _VOICE.search(said)
        said = " ".join(_unescaped(_TAG.sub("", said)).split())
        spoken = _SPOKEN.match(said[:_HEAD_CHARS])
        if voice is not None:
            speaker = voice["name"].strip()[:MAX_SPEAKER_CHARS] or None
        elif spoken is not None:
            speaker, said = spoken["name"], spoken["text"] + said[_HEAD_CHARS:]
        if said:
            yield TranscriptLine(said, speaker, seconds)


def _unescaped(text: str) -> str:
    try:
        return documents.plain(html.unescape(text))
    except ValueError:  # "&#999…;" with more digits than Python reads
        return text


def _spoken(text: str) -> Iterator[TranscriptLine]:
    speaker: str | None = None
    seconds: int | None = None
    goes_on = False
    for row in text.split("\n"):
        row = _CHAT.sub("", " ".join(row.split()))
        head, rest = row[:_HEAD_CHARS], row[_HEAD_CHARS:]
        headed = _HEADED.match(head) if not rest else None
        spoken = _SPOKEN.match(head)
        timed = _TIMED.match(head)
        if not row or (not rest and _ABOUT_IT.match(head)):
            continue
        if _NOTE.match(head):
            speaker = None
        if headed is not None:  # a name and a time on a line of their own, then what was said
            speaker, seconds, goes_on = headed["name"], _seconds(headed), False
            continue
        if spoken is not None and spoken["name"].lower() not in _LABELS:
            speaker, seconds = spoken["name"], _seconds(spoken)
            yield TranscriptLine(spoken["text"] + rest, speaker, seconds)
        elif timed is not None:
            yield TranscriptLine(timed["text"] + rest, speaker, _seconds(timed), goes_on)
        else:
            yield TranscriptLine(row, speaker, seconds, goes_on)
        goes_on = True


def _seconds(match: re.Match[str] | None) -> int | None:
    if match is None or match["m"] is None:
        return None
    return int(match["h"] or 0) * 3600 + int(match["m"]) * 60 + int(match["s"])


def _json(text: str) -> Transcript | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        if _LIKE_JSON.match(text) is None:
            return None
        raise BadInput(_BROKEN_JSON, code="transcript_unreadable") from None
    validation.check(content, "This transcript")
    lines = _limited(line for row in _json_rows(content) if (line := _json_line(row)) is not None)
    about = content if isinstance(content, dict) else {}
    title = _json_words(about, ("title", "topic", "subject", "meeting_title"))
    held = _json_words(about, ("date", "start_time", "held_on", "created_at"))
    if not lines:
        lines = _limited(_spoken(documents.plain(_json_words(about, ("text", "transcript")) or "")))
    return Transcript(lines, "json", " ".join((title or "").split()) or None, held[:10] if held else None)


def _json_words(about: dict[str, Any], keys: Iterable[str]) -> str | None:
    return next((documents.plain(about[key]) for key in keys if isinstance(about.get(key), str) and about[key]), None)


def _json_rows(content: Any) -> list[Any]:
    while isinstance(content, dict):
        inside = (content[key] for key in _JSON_LINES if isinstance(content.get(key), list | dict))
        content = next(inside, [])
    return content if isinstance(content, list) else []


def _json_line(row: Any) -> TranscriptLine | None:
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, dict):
        return None
    said = next((row[key] for key in _JSON_TEXT if isinstance(row.get(key), str)), None)
    if said is None and isinstance(row.get("elements"), list):  # monologues of words
        said = "".join(str(part.get("value", "")) for part in row["elements"] if isinstance(part, dict))
    text = " ".join(documents.plain(said or "").split())
    return TranscriptLine(text, _json_speaker(row), _json_seconds(row)) if text else None


def _json_speaker(row: dict[str, Any]) -> str | None:
    speaker = next((row[key] for key in _JSON_SPEAKER if row.get(key) is not None), None)
    if isinstance(speaker, dict):
        speaker = speaker.get("name") or speaker.get("display_name")
    if not isinstance(speaker, str | int):
        return None
    return " ".join(documents.plain(str(speaker)).split())[:MAX_SPEAKER_CHARS] or None


def _json_seconds(row: dict[str, Any]) -> int | None:
    start = next((row[key] for key in _JSON_START if isinstance(row.get(key), int | float)), None)
    return int(start) if start is not None and 0 <= start <= MAX_SECONDS else None
