"""Files for tests, made on the spot: documents, pictures, and what hostile people send."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image
from pypdf import PdfWriter

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: str, bomb: int = 0) -> bytes:
    """A PDF with these pages of one line each; the last one's drawing unpacks to `bomb` more bytes."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages]
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for place, stream in enumerate(streams):
        last = place == len(streams) - 1
        packed = zlib.compress(stream + b" " * (bomb if last else 0), 9)
        objects.append(b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed))
        kids.append(len(objects) + 1)
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
        objects.append(page % len(objects))
    numbers = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), numbers)
    return _assembled(objects)


def _assembled(objects: Sequence[bytes]) -> bytes:
    out, offsets = io.BytesIO(b""), []
    out.write(b"%PDF-1.5\n")
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return out.getvalue()


def scan(*, password: str = "") -> bytes:
    """A PDF without any text, as scanners make them."""
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(*paragraphs: str, name: str = "word/document.xml", padding: int = 0) -> bytes:
    """A Word file; `padding` bytes more of it when it is unpacked."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    xml = f'<?xml version="1.0"?><w:document xmlns:w="{_W}"><w:body>{body}{" " * padding}</w:body></w:document>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, xml)
    return out.getvalue()


def picture(size: tuple[int, int] = (40, 30), form: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode in ("RGB", "P") else 0).save(out, form, **options)
    return out.getvalue()


def pixel_bomb() -> bytes:
    """A small PNG that says it has 3.6 billion pixels."""
    small = picture()
    head = small[:16] + (60_000).to_bytes(4, "big") * 2 + small[24:29]
    return head + zlib.crc32(head[12:29]).to_bytes(4, "big") + small[33:]


def recording(form: str, codec: str, seconds: float = 2.0) -> bytes:
    """A tone, in a container that FFmpeg calls `form`."""
    import av
    import numpy

    out, rate = io.BytesIO(), 16_000
    tone = numpy.sin(numpy.arange(int(seconds * rate)) * 2 * numpy.pi * 440 / rate) * 8_000
    frame = av.AudioFrame.from_ndarray(tone.astype(numpy.int16).reshape(1, -1), "s16", "mono")
    frame.sample_rate = rate
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        for part in (frame, None):
            container.mux(stream.encode(part))
    return out.getvalue()


def sample_bomb(samples: int) -> bytes:
    """An .m4a of some hundred bytes that says it has so many samples (ISO/IEC 14496-12, "stsz")."""

    def box(name: bytes, *content: bytes) -> bytes:
        body = b"".join(content)
        return (8 + len(body)).to_bytes(4, "big") + name + body

    def full(name: bytes, *numbers: int, rest: bytes = b"") -> bytes:
        return box(name, b"".join(number.to_bytes(4, "big") for number in (0, *numbers)), rest)

    kind = box(b"ftyp", b"M4A ", bytes(4), b"M4A mp42isom")
    format = b"\x00\x01\x00\x10" + bytes(4) + (16_000 << 16).to_bytes(4, "big")
    entry = box(b"sowt", bytes(6), b"\x00\x01", bytes(8), format)
    table = box(
        b"stbl",
        full(b"stsd", 1, rest=entry),
        full(b"stts", 1, samples, 2),
        full(b"stsc", 1, 1, samples, 1),
        full(b"stsz", 1, samples),
        full(b"stco", 1, len(kind)),
    )
    media = box(
        b"mdia",
        full(b"mdhd", 0, 0, 16_000, samples, 0x55C40000),
        full(b"hdlr", 0, rest=b"soun" + bytes(12) + b"s\x00"),
        box(b"minf", full(b"smhd", 0), table),
    )
    track = box(b"trak", full(b"tkhd", 0, 0, 1, 0, samples, rest=bytes(60)), media)
    return (
        kind + box(b"mdat", b"\x01\x02" * 8) + box(b"moov", full(b"mvhd", 0, 0, 16_000, samples, rest=bytes(80)), track)
    )
