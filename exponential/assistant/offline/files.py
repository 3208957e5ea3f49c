"""Rules for messages with files: transcripts are kept, voice notes are heard, what can't be looked at is said."""

import re
from collections.abc import Callable
from dataclasses import replace

from exponential.assistant.offline import pasting
from exponential.assistant.offline.steps import Call, File, Heard, Say, Step, distinct
from exponential.assistant.offline.talking import UNKNOWN
from exponential.workspace.text.markdown import plain

BLIND = "I can't look at pictures without a language model."
NO_ANSWERS = "Without a language model I can't answer questions about “{name}”, but I can read it. It says:"
NO_FILES = "I can't pass on files, only words."
_SUMMARY = re.compile(
    r"^(?:(?:please|pls|can\s+you|could\s+you)\s+)*(?:summar\w+|read|sum\s+up|tl;?dr|what(?:['’]?s|\s+is|\s+does)\b.*"
    r"|look(?:\s+at)?|see|here\w*|this|fyi)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def answer(heard: Heard, understand: Callable[[Heard], list[Step]]) -> list[Step]:
    """The steps for a message with files; `understand` reads its words."""
    words = heard.text.strip()
    documents = [file for file in heard.files if file.kind == "document" and file.text]
    spoken = [file.text for file in heard.files if file.kind == "voice" and file.text]
    of_meeting = pasting.names_meeting(words)
    kept = [file for file in documents if file.is_talk or of_meeting]
    steps: list[Step] = [_kept(file, words if of_meeting else "", heard) for file in kept]
    words = "" if documents and (of_meeting or _SUMMARY.fullmatch(words)) else words
    for said in filter(None, (words, *spoken)):
        found = understand(replace(heard, text=said, files=()))
        steps += found if found != [Say(UNKNOWN)] or not kept else []  # "Q3" beside a transcript asks for nothing
    steps += [_read(file) for file in documents if file not in kept and not words]
    for file in heard.files:
        if not file.text:
            steps.append(Say(file.note or BLIND))
    return distinct(steps)


def words_of(heard: Heard) -> list[Heard]:
    """The words of a forwarded message, and of its voice notes, one by one."""
    spoken = [file.text for file in heard.files if file.kind == "voice" and file.text]
    kept = any(file.is_talk for file in heard.files)
    said = [words for words in ("" if kept else heard.text.strip(), *spoken) if words]
    return [replace(heard, text=words, files=()) for words in said]


def passed_on(heard: Heard) -> list[Step]:
    """The steps for the files of a forwarded message: transcripts are kept, documents are read, all else is said."""
    steps: list[Step] = []
    for file in heard.files:
        if file.is_talk:
            steps.append(_kept(file, "", heard))
        elif file.kind == "document" and file.text:
            steps.append(_read(file))
        elif not file.text:
            steps.append(Say(file.note or BLIND))
    return steps


def of_guest(heard: Heard, understand: Callable[[Heard], list[Step]]) -> list[Step]:
    """A guest's words, spoken ones too, are understood; nothing is done with their files."""
    spoken = [file.text for file in heard.files if file.kind == "voice" and file.text]
    said = [words for words in (heard.text.strip(), *spoken) if words]
    steps = [step for words in said for step in understand(replace(heard, text=words, files=()))]
    left = any(file.kind != "voice" for file in heard.files)
    unheard = [file.note for file in heard.files if file.kind == "voice" and not file.text]
    return steps + [Say(note) for note in ([NO_FILES] if left else []) + unheard]


def _kept(file: File, words: str, heard: Heard) -> Call:
    """The title is the file's own, or what the words call the meeting."""
    return Call("import_meeting", {"attachment": file.id} | pasting.named(words, heard))


def _read(file: File) -> Say:
    """What a document says, in its main sentences. They and its name are whoever's who made it."""
    name = plain(file.name) or "this document"
    sentences = (f"> {plain(sentence[:400])}" for sentence in file.summary[:5])
    return Say("\n\n".join((NO_ANSWERS.format(name=name), *sentences)))
