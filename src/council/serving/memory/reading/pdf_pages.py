"""PDF: the text of each page, headed by its number. Metadata, scripts, forms and attachments are not looked at."""

import io
import logging
import re

import pypdf
from pypdf import errors as pypdf_errors

from council.serving.memory import documents

PAGES_MAX = 2_000
_PAGE_CHARS_MAX = 100_000
_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")


def read(raw: bytes, chars_max: int) -> documents.Document:
    """Return the pages' text as passages. Raises UnreadableError."""
    # What it complains of goes to the reason that is shown, not to a log by the page.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        found = pypdf.PdfReader(io.BytesIO(raw))
        open_to_all = not found.is_encrypted or bool(found.decrypt(""))
        sections, count = _sections(found, chars_max) if open_to_all else ([], 0)
    except pypdf_errors.DependencyError:
        # AES needs a package that is not installed with us.
        sections, count, open_to_all = [], 0, False
    except _BROKEN as error:
        raise documents.UnreadableError(f"a broken PDF ({type(error).__name__}); print it to a new one") from error
    if not open_to_all:
        raise documents.UnreadableError("encrypted; save it without a password")
    if not sections:
        raise documents.UnreadableError("no text in it; pictures of pages are not read, so have their text recognised")
    note = f"in part: only its first {PAGES_MAX:,} pages are read; split it" if count > PAGES_MAX else ""
    return documents.Document(sections, note)


_BROKEN = (
    pypdf_errors.PyPdfError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RecursionError,
)


def _sections(found: pypdf.PdfReader, chars_max: int) -> tuple[list[documents.Section], int]:
    """Return the passages of the first PAGES_MAX pages, and how many pages there are."""
    count = len(found.pages)
    sections = []
    for number in range(min(count, PAGES_MAX)):
        text = documents.visible(found.pages[number].extract_text()[:_PAGE_CHARS_MAX])
        parts = documents.pieces(_HYPHEN.sub("", text), chars_max)
        sections += [documents.Section(f"page {number + 1}", part) for part in parts]
    return sections, count
