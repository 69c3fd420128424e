"""CSV and TSV: each row becomes an item that names its columns, so that it says something when it stands alone."""

import csv
import io
import re

from council.serving.memory import documents

ROWS_MAX = 20_000
# The names of the columns are said in every row, so a table may grow many times over.
_CHARS_MAX = 16 * 1024 * 1024
_COLUMNS_MAX = 60
_CELL_CHARS_MAX = 400
_NAME_CHARS_MAX = 80
_SAMPLE_CHARS = 16 * 1024
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")


def read(raw: bytes, chars_max: int) -> documents.Document:
    """Return the rows as passages headed by their numbers, the first row being number 1. Raises UnreadableError."""
    text = documents.visible(documents.decoded(raw))
    rows = csv.reader(io.StringIO(text), _dialect(text[:_SAMPLE_CHARS]))
    names: list[str] = []
    sections: list[documents.Section] = []
    lines: list[str] = []
    first = size = total = 0
    note = ""
    try:
        for number, row in enumerate(rows, 1):
            if number > ROWS_MAX or total > _CHARS_MAX:
                note = f"in part: only its first {number - 1:,} rows are read; split it into more files"
                break
            if number == 1 and _are_names(row):
                names = [" ".join(cell.split())[:_NAME_CHARS_MAX] for cell in row[:_COLUMNS_MAX]]
                continue
            line = _line(row, names)
            if lines and size + len(line) > chars_max:
                sections.append(_section(first, first + len(lines) - 1, lines))
                lines, size = [], 0
            first = first if lines else number
            # An empty row keeps its place in the count.
            lines.append(line)
            size += len(line)
            total += len(line)
    except csv.Error as error:
        raise documents.UnreadableError(f"no table: {error}") from error
    if lines:
        sections.append(_section(first, first + len(lines) - 1, lines))
    filled = [section for section in sections if section.text]
    if not filled:
        raise documents.UnreadableError("no rows with anything in them")
    return documents.Document(filled, note)


def _dialect(sample: str) -> type[csv.Dialect]:
    """Return how cells are parted: by the mark that parts the first lines into equally many, a comma where none does."""
    lines = [line for line in sample.splitlines()[:20] if line.strip()]
    chosen, most = ",", 1
    for mark in (",", ";", "\t", "|"):
        counts = {len(row) for row in csv.reader(lines[: max(1, len(lines) - 1)], delimiter=mark)}
        if len(counts) == 1 and (count := counts.pop()) > most:
            chosen, most = mark, count
    return type("_Found", (csv.excel,), {"delimiter": chosen})


def _are_names(row: list[str]) -> bool:
    """Return whether a first row names columns: words, none twice."""
    cells = [cell.strip() for cell in row]
    return len(cells) > 1 and all(cells) and len(set(cells)) == len(cells) and not any(map(_NUMBER.fullmatch, cells))


def _line(row: list[str], names: list[str]) -> str:
    cells = [" ".join(cell.split())[:_CELL_CHARS_MAX] for cell in row[:_COLUMNS_MAX]]
    if not any(cells):
        return ""
    if not names:
        return "- " + "; ".join(cell for cell in cells if cell)
    named = zip([*names, *[""] * len(cells)], cells, strict=False)
    return "- " + "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def _section(first: int, last: int, lines: list[str]) -> documents.Section:
    heading = f"row {first}" if first == last else f"rows {first} to {last}"
    return documents.Section(heading, "\n".join(line for line in lines if line))
