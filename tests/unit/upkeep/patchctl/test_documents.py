"""Bytes are one patch, or are refused; nothing else happens whatever they are."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import patch_cases as cases
import patch_documents as forms
from council.domain import authz, errors, patches
from council.upkeep.patchctl.core import documents, strict_json

SIZES = authz.Sizes()


def refusal(raw: bytes, sizes: authz.Sizes = SIZES) -> errors.PatchRefusedError:
    with pytest.raises(errors.PatchRefusedError) as raised:
        documents.parse(raw, sizes)
    return raised.value


@settings(max_examples=50, deadline=None)
@given(patch=forms.PATCHES)
def test_what_is_written_is_read_again(patch: patches.Patch) -> None:
    assert documents.parse(patches.dump(patch), SIZES) == patch


@settings(deadline=None)
@given(raw=st.binary(max_size=400))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"null")
@example(b"{}")
def test_any_bytes_are_a_patch_or_refused(raw: bytes) -> None:
    assert refusal(raw).reason in ("document_malformed", "document_invalid")


@settings(max_examples=50, deadline=None)
@given(patch=forms.PATCHES, data=st.data())
def test_a_document_with_any_bytes_changed_is_a_patch_or_refused(patch: patches.Patch, data: st.DataObject) -> None:
    raw = bytearray(patches.dump(patch))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not raw:
            break
    try:
        documents.parse(bytes(raw), SIZES)
    except errors.PatchRefusedError as error:
        assert error.reason in set(patches.Reason)
        assert error.message.endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(field=st.sampled_from([*forms.GOOD, *forms.FILE]), value=JSON)
def test_any_json_in_any_field_is_a_patch_or_refused(field: str, value: Any) -> None:
    raw = forms.changed(**{field: value}) if field in forms.GOOD else forms.with_file(**{field: value})
    try:
        documents.parse(raw, SIZES)
    except errors.PatchRefusedError as error:
        assert error.reason in set(patches.Reason)


MALFORMED: dict[str, Callable[[], bytes]] = {
    "a key twice": lambda: patches.dump(cases.PATCH).replace(b'"title"', b'"reason"', 1),
    "a key twice in a file": lambda: forms.changed().replace(b'"mode"', b'"path"'),
    "a key twice, once escaped": lambda: b'{"titl\\u0065":1,' + forms.changed()[1:],
    "NaN": lambda: forms.changed(ticket=float("nan")),
    "Infinity": lambda: forms.changed(ticket=float("-inf")),
    "1e400": lambda: forms.changed(ticket=7).replace(b'"ticket": 7', b'"ticket": 1e400'),
    "a fraction": lambda: forms.changed(ticket=7.0),
    "5,000 digits": lambda: forms.changed(ticket=7).replace(b'"ticket": 7', b'"ticket": ' + b"9" * 5000),
    "deep arrays": lambda: b"[" * 100_000 + b"]" * 100_000,
    "deep objects": lambda: b'{"a":' * 9 + b"1" + b"}" * 9,
    "half a surrogate pair": lambda: forms.changed(reason="\ud800"),
    "half a surrogate pair in a key": lambda: forms.changed(**{"\udfff": 1}),
    "half a surrogate pair in a file": lambda: forms.with_file(content="\udc00"),
    "a surrogate as bytes": lambda: forms.changed().replace(b"Answer", b"\xed\xa0\x80", 1),
    "overlong UTF-8": lambda: forms.changed().replace(b"Answer", b"\xc0\xaf", 1),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + forms.changed(),
    "UTF-16": lambda: forms.changed().decode().encode("utf-16"),
    "an array": lambda: b"[" + forms.changed() + b"]",
    "two documents": lambda: forms.changed() * 2,
    "what follows": lambda: forms.changed() + b"\0",
    "a raw line end within a text": lambda: forms.changed().replace(b"Answer ", b"Answer\n", 1),
    "a comment": lambda: b"/* */" + forms.changed(),
    "a comma at the end": lambda: forms.changed()[:-1] + b",}",
    "single quotes": lambda: b"{'schema': 1}",
    "too many items": lambda: forms.changed(ticket=[1] * strict_json.TOKENS_MAX),
    "a text without an end": lambda: b'{"a":"' + b'\\"' * 200_000,
}


@pytest.mark.parametrize("case", MALFORMED)
def test_json_that_is_not_plain_is_refused_quickly(case: str) -> None:
    began = time.process_time()
    assert refusal(MALFORMED[case]()).reason == "document_malformed"
    assert time.process_time() - began < 5


@pytest.mark.parametrize("case", forms.INVALID)
def test_a_document_of_another_form_is_refused_and_the_field_is_named(case: str) -> None:
    found = refusal(forms.INVALID[case]())
    assert found.reason == "document_invalid"
    assert found.message.isascii() and len(found.message) < 400


def test_limits_are_of_the_policy() -> None:
    raw = patches.dump(cases.patch(cases.put("a", b"x" * 100), cases.put("b")))
    assert refusal(raw, dataclasses.replace(SIZES, patch_bytes=len(raw) - 1)).reason == "too_large"
    assert refusal(raw, dataclasses.replace(SIZES, files=1)).reason == "too_many"
    assert refusal(raw, dataclasses.replace(SIZES, file_bytes=99)).reason == "too_large"
    assert documents.parse(raw, authz.Sizes(len(raw), 2, 100))


def test_a_patch_of_as_many_files_as_are_ever_allowed_is_read() -> None:
    raw = patches.dump(cases.patch(*[cases.put(f"prompts/{number}.md") for number in range(patches.FILES_MAX)]))
    assert len(documents.parse(raw, authz.ceilings()).changes) == patches.FILES_MAX


def test_a_text_in_another_language_is_read() -> None:
    patch = cases.patch(cases.put("prompts/a.md", "Antworte kürzer. 短く 🙂\n".encode()), title="Kürzer — 短く 🙂")
    assert documents.parse(patches.dump(patch), SIZES) == patch
