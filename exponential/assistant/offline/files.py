"""Messages with files: transcripts are kept, voice notes are heard, what can't be looked at is said."""

import re
from collections.abc import Callable
from dataclasses import replace

from exponential.assistant.offline import transcripts
from exponential.assistant.offline.proposals import UNKNOWN
from exponential.assistant.offline.utterance import Call, Context, File, Message, Say, Step
from exponential.workspace.text.markdown import plain

BLIND = "I can't look at pictures without a language model."
NO_ANSWERS = "Without a language model I can't answer questions about “{name}”, but I can read it. It says:"
NO_FILES = "I can't pass on files, only words."
_SUMMARY = re.compile(
    r"^(?:(?:please|pls|can\s+you|could\s+you)\s+)*(?:summar\w+|read|sum\s+up|tl;?dr|what(?:['’]?s|\s+is|\s+does)\b.*"
    r"|look(?:\s+at)?|see|here\w*|this|fyi)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def answer(message: Message, context: Context, understand: Callable[[Message, Context], list[Step]]) -> list[Step]:
    """The steps for a message with files; `understand` reads its words."""
    words = message.text.strip()
    documents = [file for file in message.files if file.kind == "document" and file.text]
    spoken = [file.text for file in message.files if file.kind == "voice" and file.text]
    of_meeting = transcripts.names_meeting(words)
    kept = [file for file in documents if file.is_talk or of_meeting]
    steps: list[Step] = [_kept(file, words if of_meeting else "", context) for file in kept]
    words = "" if documents and (of_meeting or _SUMMARY.fullmatch(words)) else words
    for said in filter(None, (words, *spoken)):
        found = understand(replace(message, text=said, files=()), context)
        steps += found if found != [Say(UNKNOWN)] or not kept else []  # "Q3" beside a transcript asks for nothing
    steps += [_read(file) for file in documents if file not in kept and not words]
    steps += [Say(file.note or BLIND) for file in message.files if not file.text]
    return steps


def words_of(message: Message) -> list[str]:
    """The words of a forwarded message, and of its voice notes, one by one."""
    spoken = [file.text for file in message.files if file.kind == "voice" and file.text]
    kept = any(file.is_talk for file in message.files)
    return [words for words in ("" if kept else message.text.strip(), *spoken) if words]


def passed_on(message: Message, context: Context) -> list[Step]:
    """The steps for the files of a forwarded message: transcripts are kept, documents are read, all else is said."""
    steps: list[Step] = []
    for file in message.files:
        if file.is_talk:
            steps.append(_kept(file, "", context))
        elif file.kind == "document" and file.text:
            steps.append(_read(file))
        elif not file.text:
            steps.append(Say(file.note or BLIND))
    return steps


def of_guest(message: Message, understand: Callable[[str], list[Step]]) -> list[Step]:
    """A guest's words, spoken ones too, are understood; nothing is done with their files."""
    spoken = [file.text for file in message.files if file.kind == "voice" and file.text]
    said = [words for words in (message.text.strip(), *spoken) if words]
    steps = [step for words in said for step in understand(words)]
    left = any(file.kind != "voice" for file in message.files)
    unheard = [file.note for file in message.files if file.kind == "voice" and not file.text]
    return steps + [Say(note) for note in ([NO_FILES] if left else []) + unheard]


def _kept(file: File, words: str, context: Context) -> Call:
    """The title is the file's own, or what the words call the meeting."""
    return Call("import_meeting", {"attachment": file.id} | transcripts.named(words, context.now))


def _read(file: File) -> Say:
    """What a document says, in its main sentences. They and its name are whoever's who made it."""
    name = plain(file.name) or "this document"
    sentences = (f"> {plain(sentence[:400])}" for sentence in file.summary[:5])
    return Say("\n\n".join((NO_ANSWERS.format(name=name), *sentences)))
