"""Confirming with a passkey, in the WhatsApp Connection window: the extension, the line for the console, the answer."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from exponential.core.errors import BadInput

EXTENSION = Path(__file__).parent.parent / "extension"
MAX_ANSWER_CHARS = 50_000  # of an answer
_FOLDER = "exponential-passkey"  # what it is unpacked to
_MADE = (2026, 1, 1, 0, 0, 0)  # the same archive each time
# What a browser says when it brings no answer (https://www.w3.org/TR/webauthn-3/ §5.1.4; our extension adds two).
_FAILURES = {
    "NotAllowedError": "The browser brought no answer: you cancelled, or it has no passkey of this WhatsApp account. "
    "If the passkey is on your phone, try again and choose “Use a phone or tablet”; Bluetooth must be on in both.",
    "TimeoutError": "The browser waited too long for the passkey. Try again while there is time left, or start over.",
    "Cancelled": "You cancelled, so nothing was confirmed. Try again, or start over.",
    "AbortError": "The question was called off in the browser. Try again.",
    "SecurityError": "The passkey was asked for on another site. It works only on web.whatsapp.com: try again there.",
    "TypeError": "This browser is too old for this. Update it, or use a current Chrome, Edge or Firefox.",
}


def extension() -> bytes:
    """The browser extension, as a ZIP file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
        for path in sorted(EXTENSION.iterdir()):
            pack.writestr(zipfile.ZipInfo(f"{_FOLDER}/{path.name}", _MADE), path.read_bytes())
    return archive.getvalue()


def snippet(options: dict[str, Any]) -> str:
    """A line for the console on web.whatsapp.com, which asks for the passkey and puts the answer on the clipboard."""
    asked = json.dumps(options, separators=(",", ":"))
    return (
        "(async (copy, asked) => { let answer; try { const { id, rawId, type, response } = (await navigator."
        "credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) })).toJSON(); answer = "
        "{ id, rawId, type, response }; } catch (failure) { answer = { error: failure.name }; } copy(JSON.stringify("
        f"answer)); console.log('Copied. Go back to Exponential and paste it there.'); }})(copy, {asked})"
    )


def parse(text: str) -> Any:
    """What was brought back from the browser. Raises BadInput, with what helps, when it is no answer."""
    try:
        answer = json.loads(text.strip(), parse_float=str, parse_constant=str)  # an answer has no numbers
    except (ValueError, RecursionError):
        raise BadInput(
            "This isn’t the passkey’s answer, or not all of it. Do the steps again; the answer is on the clipboard "
            "afterwards.",
            code="passkey_invalid",
        ) from None
    failure = answer.get("error") if isinstance(answer, dict) else None
    if failure is not None:
        sentence = _FAILURES.get(str(failure), f"The browser could not confirm ({str(failure)[:40]}). Try again.")
        raise BadInput(sentence, code="passkey_not_confirmed")
    return answer
