"""What is said when a turn falls short: the model away or at its limit, the turn stopped or failed for good.

What was done until then stays done, and is named.
"""

from collections.abc import Sequence
from datetime import datetime

from exponential.assistant import tools
from exponential.assistant.llm.client import ModelFailed
from exponential.assistant.offline.proposals import UNKNOWN
from exponential.assistant.tables import ToolCall

STOPPED = "(stopped)"
_REASONS = {
    "away": "My language model doesn't answer right now",
    "refused": "My language model refuses me (EXPONENTIAL_MODEL or its key needs a look)",
    "rejected": "My language model doesn't take this message",
    "garbled": "My language model's answer made no sense",
}


def reason(error: Exception) -> str:
    """Why the model gave no answer, as the beginning of a sentence."""
    return _REASONS[error.kind if isinstance(error, ModelFailed) else "garbled"]


def by_rules(why: str, reply: str) -> str:
    """The offline model's answer in place of the language model's."""
    if reply == UNKNOWN:
        return f"⚠️ {why}, and my built-in rules don't understand this. Say *help* to see what they can do."
    return f"⚠️ {why}, so this comes from my built-in rules:\n\n{reply}"


def over_limit(limit: int, reply: str) -> str:
    """The same, when the user's tokens of the day are used up."""
    return f"⚠️ Today's {limit:,} tokens are used up. Until midnight I answer with my built-in rules.\n\n{reply}"


def broken_off(why: str, done: Sequence[str]) -> str:
    """The model gave no answer after its tools had done something: doing the rest by rules might do it twice."""
    return f"⚠️ {why}, so I stopped in the middle. {_stays(done)}\n\nAsk again for what is missing."


def stopped(text: str, done: Sequence[str]) -> str:
    """A turn that its user stopped, with what was said until then."""
    said = f"{text.rstrip()}\n\n{STOPPED}" if text.strip() else STOPPED
    return f"{said}\n\n{_stays(done)}" if done else said


def failed(error: Exception | None, tries: int, done: Sequence[str]) -> str:
    """The one answer to a turn that could not be answered."""
    said = f"I couldn't answer: I tried {tries} times and failed each time. Please send it again in a few minutes."
    if error is None:
        said = (
            "I couldn't answer: my process stopped each time I tried. Send the request again, perhaps in smaller parts."
        )
    return f"{said}\n\n{_stays(done)}" if done else said


def effects(entries: Sequence[ToolCall], now: datetime) -> list[str]:
    """What a turn's tools have changed, one sentence each. `now` is the user's local time."""
    looked_up = {name for name, spec in tools.specs().items() if not spec.changes}
    changed = [entry for entry in entries if entry.name not in looked_up and "error" not in entry.result]
    return [tools.tell(entry.name, entry.args, entry.result, now) for entry in changed]


def _stays(done: Sequence[str]) -> str:
    return "What I had done stays done:\n\n" + "\n".join(f"- {sentence}" for sentence in done)
