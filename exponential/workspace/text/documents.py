"""Text of documents: PDF, Word and plain text in the usual encodings. Only the sandbox reads what strangers send."""

import contextlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal
from xml.etree import ElementTree

from exponential.core.errors import BadInput

MAX_CHARS = 8_000_000  # of the text of one document
MAX_PAGES = 500
MAX_XML_BYTES = 30_000_000  # of a .docx's text, unpacked
MAX_FOREIGN_SHARE = 0.25  # share of letters beyond ASCII up to which bytes that aren't Unicode pass for Windows-1252
DAMAGED = "This file can't be opened; it may be damaged."
UNREADABLE = "I can't read this kind of file; text, PDF and Word (.docx) files I can."
TOO_LARGE = "This file is too large inside for me to read."
MISNAMED = "This file is named {suffix}, but it isn't one; it may be damaged. Save it again, or send its text."
Form = Literal["text", "pdf", "docx"]
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MAIN_PART = re.compile(r"word/document\d{0,3}\.xml")  # Office 365 writes document2.xml, too
_BREAKS = {f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}tab": "\t"}
_BINARY = (".pdf", ".docx", ".doc", ".odt", ".rtf", ".xlsx", ".pptx")
_UNICODE = (  # https://www.unicode.org/faq/utf_bom.html#bom4; a UTF-32 mark begins like one of UTF-16
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ALLOWED = frozenset("\t\n\r\f\x1b\x85")
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160))) | {0x09: "\t", 0x0A: "\n", 0x0C: "\n", 0x85: "\n"}


class Unreadable(BadInput):
    code = "file_unreadable"


@dataclass(frozen=True)
class Document:
    """`text` as `plain` makes it; `note` says what of the file it lacks. `is_cut`: there is more than MAX_CHARS."""

    text: str
    form: Form
    note: str = ""
    is_cut: bool = False


def read(data: bytes, name: str = "") -> Document:
    """The first MAX_CHARS of what a document says. What it contains counts; a `name` that promises something else is a
    sign of damage.

    Raises Unreadable with a sentence that says why, whatever the bytes are.
    """
    try:
        form, reader = _reader(data, name)
        text, note = reader(data)
    except Unreadable:
        raise
    except (MemoryError, RecursionError):
        raise Unreadable(TOO_LARGE) from None
    except Exception:  # libraries raise whatever they like at a damaged file
        raise Unreadable(DAMAGED) from None
    return Document(plain(text[:MAX_CHARS]), form, note, len(text) > MAX_CHARS)


def plain(text: str) -> str:
    """`text` as it can be stored and shown: "\\n" between lines, no control characters, no half of a surrogate pair."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").strip("\ufeff")


def _reader(data: bytes, name: str) -> tuple[Form, Callable[[bytes], tuple[str, str]]]:
    if b"%PDF-" in data[:1024]:
        return "pdf", _pdf
    if data.startswith(b"PK\x03\x04"):
        return "docx", _docx
    suffix = PurePath(name).suffix.lower()
    if suffix in _BINARY:
        raise Unreadable(MISNAMED.format(suffix=suffix) if suffix in (".pdf", ".docx") else UNREADABLE)
    return "text", _text


def _pdf(data: bytes) -> tuple[str, str]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("This PDF is protected by a password, so I can't read it.")
    pages, size = [], 0
    for page in reader.pages[:MAX_PAGES]:
        pages.append(page.extract_text())
        size += len(pages[-1])
        if size > MAX_CHARS:
            break
    if not size:
        raise Unreadable("There is no text in this PDF, only pictures of its pages.")
    count = len(reader.pages)
    return "\n\n".join(pages), f"I read only the first {MAX_PAGES} of its {count} pages." if count > MAX_PAGES else ""


def _docx(data: bytes) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            part = next(name for name in archive.namelist() if _MAIN_PART.fullmatch(name))
            with archive.open(part) as document:
                xml = document.read(MAX_XML_BYTES + 1)
    except StopIteration:
        raise Unreadable(UNREADABLE) from None
    if len(xml) > MAX_XML_BYTES:
        raise Unreadable(TOO_LARGE)
    words = _Words()
    parser = ElementTree.XMLParser(target=words)
    with contextlib.suppress(_Enough):
        parser.feed(xml)
        parser.close()
    return "".join(words.parts), ""


class _Enough(Exception):
    """There is more text than is wanted."""


class _Words:
    """Target of an XMLParser: each text of a .docx once, however paragraphs are nested. No tree is built."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._left = MAX_CHARS
        self._in_text = self._in_tabs = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._in_text = tag == f"{_W}t"
        self._in_tabs = tag == f"{_W}tabs" or (self._in_tabs and tag == f"{_W}tab")  # where tabs are, not one
        if tag in _BREAKS and not self._in_tabs:
            self._add(_BREAKS[tag])

    def end(self, tag: str) -> None:
        self._in_text = False
        if tag == f"{_W}p":
            self._add("\n")

    def data(self, text: str) -> None:
        if self._in_text:
            self._add(text)

    def close(self) -> None:
        pass

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self._left -= len(text)
        if self._left < 0:
            raise _Enough


def _text(data: bytes) -> tuple[str, str]:
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise Unreadable(UNREADABLE) from None
    if text.startswith("{\\rtf") or any(ord(sign) < 32 and sign not in _ALLOWED for sign in text[:4096]):
        raise Unreadable(UNREADABLE)
    return text, ""


def _encoding(data: bytes) -> str:
    """By its mark; UTF-16 without one by where its zeros are; else UTF-8, or, in Latin letters, Windows-1252."""
    for mark, encoding in _UNICODE:
        if data.startswith(mark):
            return encoding
    sample = data[:65_536]
    high, low = sample[::2].count(0), sample[1::2].count(0)
    if low and not high:
        return "utf-16-le"
    if high and not low:
        return "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        foreign = sum(byte > 127 for byte in sample)
        return "cp1252" if foreign <= MAX_FOREIGN_SHARE * len(sample) else "utf-8"
    return "utf-8"
