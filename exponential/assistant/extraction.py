"""What a file says, in a process of its own with little memory and time: `python -m exponential.assistant.extraction`.

The file comes on stdin, and what was found of it goes to stdout as JSON: {"text"} or {"view"} (a JPEG in base64), and
{"note"}, a sentence, where something can't be read. What hostile files do here ends with this process.
"""

import base64
import io
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

MEMORY = 2**30  # bytes of address space
CPU = 20  # seconds
MAX_TEXT = 1_000_000  # characters kept of a document
MAX_PAGES = 500
MAX_XML = 30_000_000  # bytes of a .docx's text, unpacked
MAX_PIXELS = 50_000_000
VIEW = 1568  # pixels of the longer side of a picture as a model gets it; more is scaled down there anyway
DAMAGED = "This file can't be opened; it may be damaged."
UNREADABLE = "I can't read this kind of file; text, PDF and Word (.docx) files I can."
TOO_LARGE = "This file is too large inside for me to read."
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BREAKS = {f"{_W}br": "\n", f"{_W}tab": "\t"}
Found = dict[str, Any]


class Unreadable(Exception):
    """`str(error)` is the sentence for people."""


def read(kind: str, data: bytes) -> Found:
    """What an image or a document says. Never raises for what is wrong with the file."""
    try:
        return _picture(data) if kind in ("image", "sticker") else _document(data)
    except Unreadable as problem:
        return {"note": str(problem)}
    except (MemoryError, RecursionError):
        return {"note": TOO_LARGE}
    except Exception:  # libraries raise whatever they like at a damaged file
        return {"note": DAMAGED}


def _document(data: bytes) -> Found:
    text, note = _reader(data)(data)
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    text = text.replace("\x00", "").encode(errors="replace").decode().strip()
    if not text:
        raise Unreadable(note or "There is no text in this file.")
    if len(text) > MAX_TEXT:
        text, note = text[:MAX_TEXT], f"I read only its first {MAX_TEXT:,} characters."
    return {"text": text, **({"note": note} if note else {})}


def _reader(data: bytes) -> Callable[[bytes], tuple[str, str]]:
    """By what the file is, not by what it is called."""
    if b"%PDF-" in data[:1024]:
        return _pdf
    if data.startswith(b"PK\x03\x04"):
        return _docx
    return _plain


def _pdf(data: bytes) -> tuple[str, str]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("This PDF is protected by a password, so I can't read it.")
    pages, size = [], 0
    for page in reader.pages[:MAX_PAGES]:
        pages.append(page.extract_text())
        size += len(pages[-1])
        if size > MAX_TEXT:
            break
    if not size:
        raise Unreadable("There is no text in this PDF, only pictures of its pages.")
    count = len(reader.pages)
    return "\n\n".join(pages), f"I read only the first {MAX_PAGES} of its {count} pages." if count > MAX_PAGES else ""


def _docx(data: bytes) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("word/document.xml") as document:
            xml = document.read(MAX_XML + 1)
    except KeyError:
        raise Unreadable(UNREADABLE) from None
    if len(xml) > MAX_XML:
        raise Unreadable(TOO_LARGE)
    rows = []
    for paragraph in ElementTree.fromstring(xml).iter(f"{_W}p"):
        parts = (node.text or "" if node.tag == f"{_W}t" else _BREAKS.get(node.tag, "") for node in paragraph.iter())
        rows.append("".join(parts))
    return "\n".join(rows), ""


def _plain(data: bytes) -> tuple[str, str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16"), ""
    sample = data[:4096]
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample) or sample.startswith(b"{\\rtf"):
        raise Unreadable(UNREADABLE)
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), ""


def _picture(data: bytes) -> Found:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", (VIEW, VIEW))
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail((VIEW, VIEW))
            if picture.mode in ("RGBA", "LA", "PA", "P"):
                clear = picture.convert("RGBA")
                picture = Image.new("RGB", clear.size, "white")
                picture.paste(clear, mask=clear.getchannel("A"))
            view = io.BytesIO()
            picture.convert("RGB").save(view, "JPEG", quality=85)  # without where and when it was taken
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unreadable("This picture has too many pixels for me to open.") from None
    except MemoryError:
        raise
    except Exception:
        raise Unreadable("This picture can't be opened; it may be damaged, or of a kind that I don't know.") from None
    return {"view": base64.b64encode(view.getvalue()).decode()}


def main() -> None:
    """`python -m exponential.assistant.extraction KIND`, the file on stdin."""
    data = sys.stdin.buffer.read()
    try:
        import resource
    except ImportError:  # Windows has none; there the time-out alone holds
        pass
    else:
        os.nice(10)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(read(sys.argv[1], data)))


if __name__ == "__main__":
    main()
