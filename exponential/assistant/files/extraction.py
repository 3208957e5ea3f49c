"""What a file says or shows, found in the sandbox: `python -m exponential.assistant.files.extraction`.

The answer is {"text", "talk", "summary"} of a document, or {"view"} of a picture (a JPEG in base64), and {"note"}, a
sentence, where something can't be read. `talk`: it reads like the transcript of a meeting; `summary`: main sentences.
"""

import base64
import io
import json
import sys
import warnings
from typing import Any

from exponential.core import sandbox
from exponential.core.errors import BadInput
from exponential.workspace.meetings import minutes, transcripts
from exponential.workspace.text import documents

CPU_SECONDS = 20  # for one file
MAX_CHARS = 1_000_000  # kept of a document, unless less is wanted
MAX_PIXELS = 50_000_000
PICTURES = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")  # Pillow's names of what phones and browsers send
VIEW_PIXELS = 1568  # pixels of the longer side of a picture as a model gets it; more is scaled down there anyway
SUMMARISED_CHARS = 24_000  # characters of a document, in which its main sentences are sought
Found = dict[str, Any]


def read(kind: str, data: bytes, name: str = "", most: int = MAX_CHARS) -> Found:
    """What an image or a document says, `most` characters of it. Never raises for what is wrong with the file."""
    try:
        return _picture(data) if kind in ("image", "sticker") else _document(data, name, most)
    except BadInput as problem:
        return {"note": str(problem)}
    except (MemoryError, RecursionError):
        return {"note": documents.TOO_LARGE}


def _document(data: bytes, name: str, most: int) -> Found:
    document = documents.read(data, name)
    text = "\n".join(line.rstrip() for line in document.text[:most].split("\n")).strip()
    if not text:
        raise documents.Unreadable(document.note or "There is no text in this file.")
    note = f"I read only its first {most:,} characters." if len(document.text) > most else document.note
    found: Found = {"text": text, "talk": _is_talk(data, document, name), "summary": _summary(text)}
    return found | ({"note": note} if note else {})


def _is_talk(data: bytes, document: documents.Document, name: str) -> bool:
    try:
        transcripts.check_size(data)
        return transcripts.of_document(document, name).is_talk
    except BadInput:
        return False


def _summary(text: str) -> list[str]:
    rows = [transcripts.TranscriptLine(row.strip()) for row in text[:SUMMARISED_CHARS].split("\n") if row.strip()]
    return minutes.summarise(rows) or [row.text for row in rows[:3]]


def _picture(data: bytes) -> Found:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=PICTURES) as opened:
            opened.draft("RGB", (VIEW_PIXELS, VIEW_PIXELS))
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail((VIEW_PIXELS, VIEW_PIXELS))
            if picture.mode in ("RGBA", "LA", "PA", "P"):
                clear = picture.convert("RGBA")
                picture = Image.new("RGB", clear.size, "white")
                picture.paste(clear, mask=clear.getchannel("A"))
            view = io.BytesIO()
            picture.convert("RGB").save(view, "JPEG", quality=85)  # without where and when it was taken
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise documents.Unreadable("This picture has too many pixels for me to open.") from None
    except MemoryError:
        raise
    except Exception:
        raise documents.Unreadable(
            "This picture can't be opened; it may be damaged, or of a kind that I don't know."
        ) from None
    return {"view": base64.b64encode(view.getvalue()).decode()}


def main() -> None:
    about, data = sandbox.given()
    sandbox.confine(CPU_SECONDS)
    sys.stdout.write(json.dumps(read(about["kind"], data, about["name"], int(about["most"]))))


if __name__ == "__main__":
    main()
