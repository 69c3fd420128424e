"""Memories as JSON: there and back again, and nothing that is not one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import errors, memory, memory_wire

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
GOOD = {
    "id": ID, "session": "s", "kind": "fact", "subject": "user", "attribute": "home", "value": "Lyon", "text": "I moved",
    "source": "r", "confidence": 0.95, "at_us": 1_790_000_000_000_000, "superseded_by": "", "superseded_us": 0,
}  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
MEMORIES = st.builds(
    memory.Memory,
    id=st.just(ID),
    user_id=st.just("ada"),
    session_id=st.from_regex(r"[A-Za-z0-9._:@-]{0,20}", fullmatch=True),
    kind=st.sampled_from(memory.Kind),
    subject=TEXT,
    attribute=TEXT,
    value=TEXT,
    text=TEXT.filter(str.strip),
    source=TEXT,
    confidence=st.floats(0, 1),
    at_us=st.integers(0, 1 << 50),
    superseded_by=st.just(""),
    superseded_us=st.just(0),
)


@given(one=MEMORIES)
def test_a_memory_survives_the_way_there_and_back(one: memory.Memory) -> None:
    there = json.loads(json.dumps(memory_wire.form(one)))
    assert "user_id" not in there
    assert memory_wire.memory_of(there, "ada") == one


@given(ones=st.lists(MEMORIES, max_size=3), score=st.floats(0, 1), complete=st.booleans())
def test_what_is_recalled_survives_it_too(ones: list[memory.Memory], score: float, complete: bool) -> None:
    found = tuple(memory.Found(one, score, score, score) for one in ones)
    recalled = memory.Recalled(tuple(ones), found, tuple(ones), complete)
    assert memory_wire.recalled_of(json.loads(json.dumps(memory_wire.recalled_form(recalled))), "ada") == recalled


def test_selections_and_vectors_survive_it_too() -> None:
    for selection in (memory.Selection(), memory.Selection("s", memory.Kind.TURN, ("a", "b"), "c")):
        assert memory_wire.selection_of(json.loads(json.dumps(memory_wire.selection_form(selection)))) == selection
    embedded = memory.Embedded((b"\0" * 8, b"\xff" * 8), 2, 5)
    assert memory_wire.embedded_of(json.loads(json.dumps(memory_wire.embedded_form(embedded)))) == embedded


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "short"), ("id", ID.lower()), ("id", 7), ("id", "8" + ID[1:]), ("kind", "rumour"), ("kind", None),
        ("text", ""), ("text", "  "), ("text", "x" * 100_001), ("text", "a\0b"), ("text", "half \ud800"),
        ("text", None), ("value", "x" * 501), ("confidence", 1.1), ("confidence", True), ("confidence", "1"),
        ("confidence", float("nan")), ("at_us", -1), ("at_us", 1.5), ("at_us", True), ("at_us", 1 << 62),
        ("session", "a b"), ("session", "x" * 129), ("superseded_by", "nobody"), ("source", ["r"]),
    ],
)  # fmt: skip
def test_what_is_no_memory_is_refused_with_the_field_named(field: str, value: object) -> None:
    with pytest.raises(errors.InvalidRequestError) as raised:
        memory_wire.memory_of({**GOOD, field: value}, "ada")
    assert raised.value.parameter in (field, "id") and raised.value.message.endswith((".", "?"))


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(GOOD)), inner),
        max_leaves=20,
    )
)
def test_any_json_is_a_memory_or_is_refused(raw: object) -> None:
    try:
        memory_wire.memory_of(raw, "ada")
    except errors.InvalidRequestError:
        pass
