"""One short talk in every form that meeting software exports."""

import io
import json
import zipfile
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cpu_time import limited

from exponential.core.errors import BadInput
from exponential.workspace.meetings import minutes, transcripts
from exponential.workspace.meetings.transcripts import TranscriptLine, parse, read
from exponential.workspace.text import documents

SAID = [TranscriptLine("We ship in June.", "Anna Berg", 1), TranscriptLine("I'll tell Tom.", "Bob", 65)]
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
    assert (found.title, found.held, found.lines) == ("Weekly", "2026-05-04", [TranscriptLine("hello", "Anna")])
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
    with pytest.raises(BadInput, match="longer than 8 million characters"):
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


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: b"PK\x03\x04" + data))
def test_any_bytes_are_survived(data: bytes) -> None:
    try:
        assert read(data, "x").lines
    except BadInput:
        pass


NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 10**400, 1e308])
TEXTS = st.text(max_size=20) | st.sampled_from(["\x00", "\ud800", "a\ud83d", "&#" + "9" * 5_000 + ";"])
EXPORT = st.recursive(
    NUMBERS | TEXTS | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["segments", "text", "speaker", "start", "name", "elements", "value", "title", "date"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(EXPORT)
def test_any_json_is_survived(content: object) -> None:
    try:
        found = read(json.dumps(content).encode(), "x.json")
    except BadInput:
        return
    for line in found.lines:
        assert "\x00" not in f"{line.text}{line.speaker}{found.title}"
        json.dumps([line.text, line.speaker, found.title], ensure_ascii=False).encode()
        assert line.seconds is None or 0 <= line.seconds <= transcripts.MAX_SECONDS


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    with pytest.raises(BadInput, match="Infinity or NaN"):
        read(f'[{{"text": "hello", "start": {number}}}]'.encode())


def test_a_json_export_nested_without_end() -> None:
    for depth in (500, 900, 20_000):
        with pytest.raises(BadInput):
            read(b'{"segments":' * depth + b"[]" + b"}" * depth)


def nested(depth: int) -> bytes:
    """A .docx with paragraphs inside paragraphs: a few hundred bytes, packed."""
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "<w:p><w:r><w:t>Anna: hello</w:t></w:r>" * depth + "</w:p>" * depth
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


def test_paragraphs_inside_paragraphs_are_read_once() -> None:
    document = documents.read(nested(5_000), "nested.docx")
    assert document.text.count("Anna: hello") == 5_000
    assert len(nested(200)) < 600


def test_what_is_said_without_a_break_becomes_several_lines() -> None:
    found = parse("Anna: " + "all in one line " * 2_000)
    assert len(found.lines) == 4 and {line.speaker for line in found.lines} == {"Anna"}
    assert max(len(line.text) for line in found.lines) <= transcripts.MAX_LINE_CHARS
    assert " ".join(line.text for line in found.lines) == ("all in one line " * 2_000).strip()


def test_more_lines_than_a_meeting_has_are_refused() -> None:
    with pytest.raises(BadInput, match="20,000 lines"):
        parse("hello\n" * 20_001)


@pytest.mark.parametrize(
    "unit",
    ["<v ", "<v.a ", "<", "&#", "&amp", "-->", "00:01 --> ", "[", "1:", "A ", "Anna ", "- ", "\n", " \n", '{"', "["],
)
@pytest.mark.parametrize(
    "head", ["WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n", "1\n00:01 --> 00:02\n", "", "Anna: ", "["]
)
def test_a_hostile_transcript_takes_no_longer_than_another(head: str, unit: str) -> None:
    with limited(5.0):
        try:
            minutes.take(read((head + unit * 300_000)[:1_000_000].encode()).lines, date(2026, 5, 5))
        except BadInput:
            pass


def test_word_files_as_other_programs_write_them() -> None:
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    stops = '<w:pPr><w:tabs><w:tab w:pos="720"/><w:tab w:pos="1440"/></w:tabs></w:pPr>'
    body = f"<w:p>{stops}<w:r><w:t>Anna:</w:t><w:tab/><w:t>hello</w:t></w:r></w:p>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document2.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    assert documents.read(file.getvalue(), "x.docx").text == "Anna:\thello\n"
