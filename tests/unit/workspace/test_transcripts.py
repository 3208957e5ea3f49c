"""One short talk in every form that meeting software exports."""

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exponential.errors import BadInput
from exponential.workspace.transcripts import Line, parse, read

SAID = [Line("We ship in June.", "Anna Berg", 1), Line("I'll tell Tom.", "Bob", 65)]
VTT = """WEBVTT

NOTE made by a machine

1
00:00:01.000 --> 00:00:04.000 align:start
<v Anna Berg>We ship
in June.</v>

2
00:01:05.500 --> 00:01:07.000
<v Bob>I&#39;ll tell Tom.</v>
"""
SRT = """1
00:00:01,000 --> 00:00:04,000
Anna Berg: We ship in June.

2
00:01:05,500 --> 00:01:07,000
Bob: I'll tell Tom.
"""
EXPORTS = [
    VTT,
    VTT.replace("\n", "\r\n"),
    SRT,
    "[00:00:01] Anna Berg: We ship in June.\n[00:01:05] Bob: I'll tell Tom.",
    "Anna Berg  0:01\nWe ship in June.\n\nBob  1:05\nI'll tell Tom.\n",
    json.dumps({"segments": [{"speaker": s.speaker, "start": s.seconds, "text": s.text} for s in SAID]}),
    json.dumps([{"speakerName": s.speaker, "startTime": float(s.seconds or 0), "content": s.text} for s in SAID]),
    json.dumps(
        {"results": {"lines": [{"speaker": {"name": s.speaker}, "ts": s.seconds, "text": s.text} for s in SAID]}}
    ),
    json.dumps(
        {"monologues": [{"speaker": s.speaker, "start": s.seconds, "elements": [{"value": s.text}]} for s in SAID]}
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", EXPORTS)
def test_every_export(text: str) -> None:
    assert parse(text).lines == SAID
    assert read(b"\xef\xbb\xbf" + text.encode()).lines == SAID
    assert read(text.encode("utf-16")).lines == SAID


def test_pasted_text_keeps_what_has_no_speaker() -> None:
    found = parse("Team weekly\n\nAnna: hello\nand welcome\nAction: Bob to book the venue\nhttps://example.org: x")
    assert [(line.speaker, line.text) for line in found.lines] == [
        (None, "Team weekly"),
        ("Anna", "hello"),
        ("Anna", "and welcome"),
        ("Anna", "Action: Bob to book the venue"),
        ("Anna", "https://example.org: x"),
    ]


def test_a_json_export_names_itself() -> None:
    found = parse(json.dumps({"title": "Weekly", "date": "2026-05-04T09:00:00Z", "transcript": "Anna: hello"}))
    assert (found.title, found.held, found.lines) == ("Weekly", "2026-05-04", [Line("hello", "Anna")])
    assert read(SRT.encode(), "Sales_call.srt").title == "Sales call"


def docx(*paragraphs: str) -> bytes:
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


def test_word() -> None:
    found = read(docx("Anna Berg: We ship in June.", "Bob: I'll tell Tom."), "Weekly.docx")
    assert [(line.speaker, line.text) for line in found.lines] == [(line.speaker, line.text) for line in SAID]
    assert (found.form, found.title) == ("docx", "Weekly")


def test_a_word_file_that_unpacks_to_too_much() -> None:
    with pytest.raises(BadInput, match="larger than 8 MB"):
        read(docx("x" * 9_000_000))


@pytest.mark.parametrize(
    "data", [b"", b"  \n", b"PK\x03\x04broken", b"\xff\xd8\xff\xe0 picture", b"WEBVTT\n", b"{}", b"[]"]
)
def test_what_is_no_transcript(data: bytes) -> None:
    with pytest.raises(BadInput):
        read(data)


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    try:
        assert parse(text).lines
    except BadInput:
        pass
