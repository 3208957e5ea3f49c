"""All messages of one turn, answered in order: a guest's, forwarded ones, transcripts and files, requests."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from exponential.assistant.offline import dialogue_state, files, forwarded, guests, interpreter, transcripts
from exponential.assistant.offline.language import foreign
from exponential.assistant.offline.utterance import Context, Message, Say, Step

ONLY_TEXT = "I can only read text and files so far, so I don't know what is in the {kind}."
_MEDIA = re.compile(r"^\[(?P<kind>[a-z ]+)\]", re.IGNORECASE)


def answer(messages: Sequence[Message], context: Context, has: AbstractSet[str]) -> list[Step]:
    """The steps that answer these messages, in order; what would be said twice is said once.

    Who has no tool but leaving a note is a guest.
    """
    if not has - {guests.TOOL}:
        return _distinct([step for message in messages for step in _of_guest(message, has)])
    return _distinct(_of_owner(messages, context))


def _of_guest(message: Message, has: AbstractSet[str]) -> list[Step]:
    mine = frozenset[str]() if message.forwarded else has  # what stands in a forwarded message is no wish
    return files.of_guest(message, partial(guests.answer, has=mine))


def _of_owner(messages: Sequence[Message], context: Context) -> list[Step]:
    passed_on = [text for message in messages if message.forwarded for text in files.words_of(message)]
    steps: list[Step] = []
    was_chosen = False
    for message in messages:
        if message.forwarded:
            steps += files.passed_on(message, context)
            continue
        outside = passed_on or ([message.quoted] if message.quoted else []) or context.offered
        offered = not passed_on and not message.quoted
        chosen = (
            forwarded.chosen(message.text, outside, context, offered=offered) if outside and not message.files else None
        )
        was_chosen = was_chosen or chosen is not None
        found = chosen if chosen is not None else _understood(message, context)
        context = interpreter.after_steps(context, found)
        steps += found
    return steps + ([] if was_chosen else forwarded.offer(passed_on))


def _understood(message: Message, context: Context) -> list[Step]:
    if message.quoted:
        context = dialogue_state.of_quoted(context, message.quoted)
    if message.files:
        return files.answer(message, context, _understood)
    media = _MEDIA.match(message.text)
    if media is not None:
        return [Say(ONLY_TEXT.format(kind=media["kind"].lower()))]
    kept = transcripts.pasted(message.text, context.now)
    if kept is not None:
        return kept
    in_its_language = foreign.answer(message.text)
    return [Say(in_its_language)] if in_its_language else interpreter.interpret(message.text, context)


def _distinct(steps: Sequence[Step]) -> list[Step]:
    return [step for place, step in enumerate(steps) if not isinstance(step, Say) or step not in steps[:place]]
