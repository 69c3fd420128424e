"""Documents that are more than text: HTML, PDF and tables into passages. Pure, but for the memory and time they may take.

Whatever stands in a document is untrusted, and the libraries that take it apart may fail in any way, so `services/reader.py`
runs this in a child with limits and without rights.
"""

from collections.abc import Callable

from council.serving.memory import documents
from council.serving.memory.reading import html_pages, pdf_pages, tables

Read = Callable[[bytes, int], documents.Document]

READ: dict[str, Read] = {
    ".html": html_pages.read,
    ".htm": html_pages.read,
    ".xhtml": html_pages.read,
    ".pdf": pdf_pages.read,
    ".csv": tables.read,
    ".tsv": tables.read,
}


def read(suffix: str, raw: bytes, chars_max: int) -> documents.Document:
    """Return the passages of a document by its suffix, one of `documents.TAKEN_APART_SUFFIXES`.

    Raises UnreadableError, and whatever its library raises.
    """
    return READ[suffix](raw, chars_max)
