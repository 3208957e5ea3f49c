"""Reading transcripts of meetings (pasted text, .txt, .vtt, .srt, .docx, .json exports) into lines with speakers."""

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree

from exponential.errors import BadInput

MAX_BYTES = 8_000_000  # of a file, and of what a .docx unpacks to
_DOCX = b"PK\x03\x04"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BREAKS = {f"{_W}br": "\n", f"{_W}tab": " "}
_TIME = r"(?:(?P<h>\d{1,2}):)?(?P<m>\d{1,2}):(?P<s>\d{2})(?:[.,]\d+)?"
_CUE = re.compile(rf"^{_TIME}\s+-->\s+\S+.*$")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+(?P<name>[^>]+)>")
_TAG = re.compile(r"<[^>]+>")
_NAME = r"[A-ZÀ-Þ][\w.'’-]*(?:[ \t]+(?:[A-ZÀ-Þ(][\w.'’)-]*|\d{1,2}|van|von|de|der|da|la)){0,3}"
_SPOKEN = re.compile(
    rf"^(?:[\[(]?{_TIME}[\])]?\s*[-–]?\s*)?(?P<name>{_NAME})(?:\s*[\[(](?:\d{{1,2}}:)?\d{{1,2}}:\d{{2}}[\])])?\s*:\s+(?P<text>\S.*)$"
)
_HEADED = re.compile(rf"^(?P<name>{_NAME})[ \t]+[\[(]?{_TIME}[\])]?(?:\s*[AP]M)?$")
_TIMED = re.compile(rf"^[\[(]?{_TIME}[\])]?\s*[-–]?\s*(?P<text>\S.*)$")
_LABELS = frozenset(
    """action actions todo decision decisions agreed resolved note notes summary agenda date title attendees minutes
    participants present absent apologies topic location time transcript""".split()
) | {"action item", "action items", "next steps", "next step", "next meeting", "to do", "final decision"}
_ABOUT_IT = re.compile(  # what exports write around what was said
    r"^(?:this\s+editable\s+transcript\b.*|(?:meeting|transcription|recording)\s+(?:ended|started|stopped)\b.*|transcript|attendees"
    r"|.*-\s*(?:meeting\s+)?(?:recording|transcript)|(?:\d+h\s*)?\d+m(?:\s*\d+s)?|\w+\s+started\s+transcription"
    r"|(?:\w+,?\s+)?\w+\s+\d{1,2},\s+\d{4}(?:,\s+\d{1,2}:\d\d\s*[AP]M)?|[\[(]?(?:\d{1,2}:)?\d{1,2}:\d\d[\])]?)$",
    re.IGNORECASE,
)
_CHAT = re.compile(  # [05.05.26, 09:01:12] Nora: … as messengers export it
    r"^\[?\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?\s+\d{1,2}:\d\d(?::\d\d)?(?:\s*[AP]M)?\]?\s*[-–]?\s*(?=[^\s:][^:]{0,40}:\s)",
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
class Line:
    """Something said: by whom, if that is known, and how many seconds after the meeting began."""

    text: str
    speaker: str | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class Transcript:
    """`form`: text, vtt, srt, docx or json; `title` and `held` (ISO date) when the file names them."""

    lines: list[Line]
    form: str
    title: str | None = None
    held: str | None = None


def read(data: bytes, filename: str = "") -> Transcript:
    """A file's transcript; what it contains counts more than its name. Raises BadInput."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"The transcript is larger than {MAX_BYTES // 1_000_000} MB.", code="transcript_too_large")
    if data.startswith(_DOCX):
        found = Transcript(_spoken(_docx(data)), "docx")
    else:
        try:
            found = parse(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))
        except UnicodeDecodeError:
            raise BadInput(
                "This file is no transcript that I can read: .txt, .vtt, .srt, .docx and .json are.",
                code="transcript_unreadable",
            ) from None
    return named(found, filename)


def named(found: Transcript, filename: str) -> Transcript:
    """With the file's name for a title, if it has none of its own."""
    title = found.title or PurePath(filename).stem.replace("_", " ").strip() or None
    return Transcript(found.lines, found.form, title, found.held)


def parse(text: str) -> Transcript:
    """A transcript in whatever text form. Raises BadInput when nothing is said in it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip().removeprefix("\ufeff")
    found = _json(text) if text[:1] in ("{", "[") else None
    if found is None:
        if text.startswith("WEBVTT"):
            found = Transcript(list(_cues(text)), "vtt")
        elif re.match(rf"(?:\d+\n)?{_TIME}\s+-->", text):
            found = Transcript(list(_cues(text)), "srt")
        else:
            found = Transcript(_spoken(text), "text")
    if not found.lines:
        raise BadInput("I found nothing that was said in this transcript.", code="transcript_empty")
    return found


def _cues(text: str) -> Iterator[Line]:
    speaker: str | None = None
    for block in re.split(r"\n\s*\n", text):
        rows = block.strip().split("\n")
        at = next((place for place, row in enumerate(rows) if _CUE.match(row)), None)
        if at is None:
            continue  # the header, notes, styles
        seconds = _seconds(_CUE.match(rows[at]))
        said = " ".join(rows[at + 1 :])
        voice = _VOICE.search(said)
        said = " ".join(html.unescape(_TAG.sub("", said)).split())
        spoken = _SPOKEN.match(said)
        if voice is not None:
            speaker = voice["name"].strip()
        elif spoken is not None:
            speaker, said = spoken["name"], spoken["text"]
        if said:
            yield Line(said, speaker, seconds)


def _spoken(text: str) -> list[Line]:
    lines: list[Line] = []
    speaker: str | None = None
    seconds: int | None = None
    for row in text.split("\n"):
        row = _CHAT.sub("", row.strip())
        headed = _HEADED.match(row)
        spoken = _SPOKEN.match(row)
        timed = _TIMED.match(row)
        if not row or _ABOUT_IT.match(row):
            continue
        if _NOTE.match(row):
            speaker = None
        if headed is not None:  # a name and a time on a line of their own, then what was said
            speaker, seconds = headed["name"], _seconds(headed)
        elif spoken is not None and spoken["name"].lower() not in _LABELS:
            speaker, seconds = spoken["name"], _seconds(spoken)
            lines.append(Line(spoken["text"], speaker, seconds))
        elif timed is not None:
            lines.append(Line(timed["text"], speaker, _seconds(timed)))
        else:
            lines.append(Line(row, speaker, seconds))
    return lines


def _seconds(match: re.Match[str] | None) -> int | None:
    if match is None or match["m"] is None:
        return None
    return int(match["h"] or 0) * 3600 + int(match["m"]) * 60 + int(match["s"])


def _docx(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("word/document.xml") as document:
            xml = document.read(MAX_BYTES + 1)
        if len(xml) > MAX_BYTES:
            raise BadInput(f"The transcript is larger than {MAX_BYTES // 1_000_000} MB.", code="transcript_too_large")
        root = ElementTree.fromstring(xml)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError):
        raise BadInput("This .docx file can't be read; it may be damaged.", code="transcript_unreadable") from None
    rows = []
    for paragraph in root.iter(f"{_W}p"):
        parts = (node.text or "" if node.tag == f"{_W}t" else _BREAKS.get(node.tag, "") for node in paragraph.iter())
        rows.append("".join(parts))
    return "\n".join(rows)


def _json(text: str) -> Transcript | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    rows = _json_rows(content)
    lines = [line for row in rows if (line := _json_line(row)) is not None]
    about = content if isinstance(content, dict) else {}
    title = next((str(about[key]) for key in ("title", "topic", "subject", "meeting_title") if about.get(key)), None)
    held = next(
        (str(about[key])[:10] for key in ("date", "start_time", "held_on", "created_at") if about.get(key)), None
    )
    if not lines and isinstance(about.get("text") or about.get("transcript"), str):
        lines = _spoken(str(about.get("text") or about.get("transcript")))
    return Transcript(lines, "json", title, held)


def _json_rows(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    if isinstance(content, dict):
        for key in _JSON_LINES:
            if isinstance(content.get(key), list | dict):
                return _json_rows(content[key])
    return []


def _json_line(row: Any) -> Line | None:
    if isinstance(row, str):
        return Line(row.strip()) if row.strip() else None
    if not isinstance(row, dict):
        return None
    said = next((row[key] for key in _JSON_TEXT if isinstance(row.get(key), str)), None)
    if said is None and isinstance(row.get("elements"), list):  # monologues of words
        said = "".join(str(part.get("value", "")) for part in row["elements"] if isinstance(part, dict))
    speaker = next((row[key] for key in _JSON_SPEAKER if row.get(key) is not None), None)
    if isinstance(speaker, dict):
        speaker = speaker.get("name") or speaker.get("display_name")
    start = next((row[key] for key in _JSON_START if isinstance(row.get(key), int | float)), None)
    text = " ".join(str(said or "").split())
    return (
        Line(text, str(speaker) if speaker is not None else None, int(start) if start is not None else None)
        if text
        else None
    )
