"""Checks on what people name things: trimmed, not empty, not too long, storable."""

from exponential.core.errors import BadInput


def valid_title(text: str, noun: str, longest: int) -> str:
    """`text` with single spaces. `noun` says whose title it is ("task"). Raises BadInput."""
    text = " ".join(text.split())
    if not text:
        raise BadInput(f"A {noun} needs a title. Say what it is.", code="title_empty")
    if len(text) > longest:
        raise BadInput(
            f"That title has {len(text)} characters; a {noun}'s title holds up to {longest}. Make it shorter.",
            code="title_too_long",
        )
    return _storable(text)


def valid_text(text: str, noun: str, longest: int) -> str:
    """`text` as it is, trimmed. Raises BadInput."""
    text = text.strip()
    if not text:
        raise BadInput(f"The {noun} is empty. Write something.", code="text_empty")
    if len(text) > longest:
        raise BadInput(
            f"This {noun} has {len(text):,} characters; it may have up to {longest:,}. Make it shorter.",
            code="text_too_long",
        )
    return _storable(text)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise BadInput("The title or text contains a character that can't be stored. Remove it.", code="title_invalid")
    return text
