"""Bytes to JSON that can be read in one way only.

What `json.loads` lets pass is refused: a key given twice (the last would win), NaN and Infinity, numbers that are not small
integers, lone surrogates. Depth and count are measured before it is called, because it recurses and makes an object of each
item.
"""

import json
import re
from typing import Any

from council.domain import errors, patches

DEPTH_MAX = 8
# Brackets, commas and strings. A patch of 500 files has 16 of them for each.
TOKENS_MAX = 20_000
_DIGITS_MAX = 15
# A string without an end goes to the end of the text, so that no second search begins within it.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)


def read(raw: bytes) -> dict[str, Any]:
    """Return the object that `raw` is. Raises PatchRefusedError: `document_malformed`."""
    try:
        text = raw.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8 at byte {error.start}. Write it as UTF-8") from error
    _measure(text)
    try:
        found = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise _malformed(f"is not JSON: {str(error)[:200]}. Correct it there") from error
    if not isinstance(found, dict):
        raise _malformed("is JSON, but no object. Write the fields between { and }")
    _check_text(text, found)
    return found


def _measure(text: str) -> None:
    opening = text.count("[") + text.count("{")
    if opening <= DEPTH_MAX and 2 * opening + text.count(",") + text.count('"') <= TOKENS_MAX:
        # Even if none of them stood within a string it would do.
        return
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number >= TOKENS_MAX:
            raise _malformed(f"holds more than {TOKENS_MAX} items. Split it into several patches")
        match text[token.start()]:
            case "[" | "{":
                depth += 1
                if depth > DEPTH_MAX:
                    raise _malformed(f"is nested deeper than {DEPTH_MAX}. A patch needs four levels")
            case "]" | "}":
                depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _malformed(f"has the key {key[:30]!a} twice. Leave one")
        made[key] = value
    return made


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise _malformed(f"holds a number of more than {_DIGITS_MAX} digits. Write a smaller one")
    return int(digits)


def _refuse_number(text: str) -> Any:
    raise _malformed(f"holds the number {text[:40]}. Only whole numbers are used")


def _check_text(text: str, found: Any) -> None:
    """Return if every text can be written as UTF-8. Only an escape can bring a lone surrogate, since `text` was UTF-8."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            try:
                one.encode()
            except UnicodeEncodeError as error:
                raise _malformed("holds half a surrogate pair. Write the character itself") from error


def _malformed(what: str) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(f"The patch {what}, and sign it again.", reason=patches.Reason.DOCUMENT_MALFORMED)
