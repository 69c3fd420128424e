"""Documents made for tests: PDF files, written by hand so that nothing under test has a part in them."""

from collections.abc import Sequence


def pdf(pages: Sequence[str], title: str = "", author: str = "", encrypted: bool = False) -> bytes:
    """Return a PDF with a line of text on each page."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages]
    return _file([(b"", stream) for stream in streams], title, author, encrypted)


def pdf_of_stream(compressed: bytes) -> bytes:
    """Return a PDF of one page whose content is this zlib stream."""
    return _file([(b" /Filter /FlateDecode", compressed)])


def _file(streams: Sequence[tuple[bytes, bytes]], title: str = "", author: str = "", encrypted: bool = False) -> bytes:
    count = len(streams)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, (extra, stream) in enumerate(streams):
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(stream), extra, stream))
    objects.append(f"<< /Title ({title}) /Author ({author}) >>".encode())
    trailer = f"/Size {len(objects) + 2} /Root 1 0 R /Info {len(objects)} 0 R"
    if encrypted:
        secret = "00" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{secret}> /U <{secret}> /P -4 >>".encode())
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]"
    raw, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(raw))
        raw += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return raw + head + table + b"trailer << %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer.encode(), len(raw))
