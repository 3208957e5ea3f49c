"""What is read of files, and the sentence where nothing can be."""

import base64
import io
import secrets

import pytest
from PIL import Image
from support.cpu_time import limited
from support.sample_files import docx, pdf, picture, pixel_bomb, scan

from exponential.assistant.files import extraction
from exponential.assistant.files.extraction import read
from exponential.workspace.text import documents
from exponential.workspace.text.documents import DAMAGED, TOO_LARGE, UNREADABLE


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        (b"\xef\xbb\xbfhello\r\nyou", "hello\nyou"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße aus Köln".encode("cp1252"), "Grüße aus Köln"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi", "WEBVTT\n\n00:01.000 --> 00:02.000\nhi"),
        (docx("First", "Second &amp; last"), "First\nSecond & last"),
        (pdf("Page one", "Page two"), "Page one\n\nPage two"),
    ],
)
def test_documents_say_what_stands_in_them(data: bytes, text: str) -> None:
    assert read("document", data)["text"] == text


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b" \n ", "no text in this file"),
        (secrets.token_bytes(2000), UNREADABLE),
        (b"\x00\x01\x02 binary", UNREADABLE),
        (b"{\\rtf1 old}", UNREADABLE),
        (docx("a sheet", name="xl/workbook.xml"), UNREADABLE),
        (b"PK\x03\x04 broken", DAMAGED),
        (b"%PDF-1.7 broken", DAMAGED),
        (pdf("cut off")[:300], DAMAGED),
        (scan(), "only pictures of its pages"),
        (scan(password="x"), "protected by a password"),
        (docx("bomb", padding=40_000_000), TOO_LARGE),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, note: str) -> None:
    assert note in read("document", data)["note"]


def test_a_long_document_is_cut_and_says_so() -> None:
    found = read("document", b"words " * 300_000)
    assert len(found["text"]) == extraction.MAX_CHARS and "first 1,000,000 characters" in found["note"]


def test_a_line_of_spaces_is_read_in_no_time() -> None:
    with limited(5.0):
        found = read("document", b"t" + b" " * 23_000 + b"!")
    assert found["text"].endswith("!") and not found["talk"]


@pytest.mark.parametrize("again", ["", "\nItem: flour\nPrice: 2 euros\nItem: sugar\nPrice: 3 euros"])
def test_an_invoice_is_no_transcript(again: str) -> None:
    assert not read("document", f"Invoice: 12\nCustomer: Bob\nAmount: 5 euros\nDue: 5 May{again}".encode())["talk"]


def test_many_pages_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 2)
    found = read("document", pdf("one", "two", "three"))
    assert (found["text"], found["note"]) == ("one\n\ntwo", "I read only the first 2 of its 3 pages.")


def test_entities_that_grow_are_not_followed() -> None:
    grow = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{grow}]><x>&a9;</x>'
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", xml)
    assert read("document", out.getvalue())["note"] == DAMAGED


def view(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(read("image", data)["view"])))


@pytest.mark.parametrize(
    "data",
    [
        picture(),
        picture(form="JPEG"),
        picture(form="WEBP"),
        picture(form="GIF", mode="P"),
        picture(mode="RGBA"),
        picture(mode="LA"),
        picture(mode="1"),
        picture(form="JPEG", mode="CMYK"),
        picture(form="TIFF", mode="I;16"),
    ],
)
def test_pictures_become_modest_jpegs(data: bytes) -> None:
    shown = view(data)
    assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", (40, 30))


def test_large_pictures_are_made_smaller_and_stand_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    turned[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    shown = view(picture((4000, 3000), "JPEG", exif=turned))
    assert shown.size == (1176, 1568)
    assert not shown.getexif()  # not even where it was taken


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"no picture", "can't be opened"),
        (picture()[:50], "can't be opened"),
        (picture((400, 300), "JPEG")[:700], "can't be opened"),
        (pixel_bomb(), "too many pixels"),
    ],
)
def test_a_picture_that_is_none(data: bytes, note: str) -> None:
    assert note in read("image", data)["note"]


@pytest.mark.parametrize("form", extraction.PICTURES)
def test_pictures_of_the_usual_kinds_are_opened(form: str) -> None:
    assert "view" in read("image", picture(form=form))


@pytest.mark.parametrize("form", ["EPS", "PPM", "PCX"])
def test_pictures_of_other_kinds_are_left(form: str) -> None:
    """For EPS, Pillow would call Ghostscript."""
    assert "of a kind that I don't know" in read("image", picture(form=form))["note"]
