"""Single values of a YAML file changed, and nothing else in it: comments and order stay where they can. Pure.

Each edit is first made where the value stands in the text. Whether that says what was meant is read back; where it does not, or
the place is of another form, the file is written anew below its opening comments.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import errors
from council.kit import strict_yaml, yaml_text


@dataclass(frozen=True, slots=True)
class Edit:
    """`path` leads from the top of the file to a key, a number as text to a place in a list. A value of None removes it."""

    path: tuple[str, ...]
    value: Any


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return the file with the edits made. Raises InvalidRequestError for one that leads nowhere, or changes nothing."""
    wanted: Any = _loaded(text) or {}
    found = text
    for one in edits:
        before = copy.deepcopy(wanted)
        _apply(wanted, one)
        if wanted == before and not _is_new_kind(before, wanted):
            raise errors.InvalidRequestError(f"`{_shown(one)}` is so already. Leave it out, or give another value.")
        is_scalar = isinstance(one.value, bool | int | float | str)
        in_place = yaml_text.put(found, one.path, one.value) if is_scalar else None
        found = in_place if in_place is not None and _says(in_place, wanted) else yaml_text.anew(found, wanted)
    return found


def _is_new_kind(before: Any, after: Any) -> bool:
    """Return whether two equal values are written differently, as true and 1 are."""
    return repr(before) != repr(after)


def _loaded(text: str) -> Any:
    try:
        found = strict_yaml.load(text)
    except strict_yaml.FAULTS as error:
        raise errors.InvalidRequestError(
            f"The file is not valid YAML now: {strict_yaml.told(error)}. Mend it by hand first."
        ) from error
    if not isinstance(found, dict | None):
        raise errors.InvalidRequestError("The file holds no sections now. Mend it by hand first.")
    return found


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool((strict_yaml.load(text) or {}) == wanted)
    except strict_yaml.FAULTS:
        return False


def _apply(tree: Any, one: Edit) -> None:
    """Change the parsed file."""
    place = tree
    for step in one.path[:-1]:
        if isinstance(place, dict):
            if place.get(step) is None:
                if one.value is None:
                    raise _nowhere(one)
                place[step] = {}
            place = place[step]
        else:
            place = _items(place, one)[_index(place, step, one)]
    last = one.path[-1]
    if isinstance(place, dict):
        if one.value is None and last not in place:
            raise _nowhere(one)
        if one.value is None:
            del place[last]
        else:
            place[last] = one.value
        return
    items, number = _items(place, one), _index(place, last, one, further=one.value is not None)
    if one.value is None:
        del items[number]
    else:
        items[number : number + 1] = [one.value]


def _items(place: Any, one: Edit) -> list[Any]:
    if not isinstance(place, list):
        raise _nowhere(one)
    return place


def _index(place: Any, step: str, one: Edit, *, further: bool = False) -> int:
    number = yaml_text.index_of(step)
    if number is None or number >= len(_items(place, one)) + further:
        raise _nowhere(one)
    return number


def _nowhere(one: Edit) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(f"`{_shown(one)}` leads nowhere in this file. GET /api/blueprint/files shows it.")


def _shown(one: Edit) -> str:
    return ".".join(one.path)[:200]
