"""The schema says to other programs what the parser decides. Run this file to write it anew."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

import patch_cases as cases
import patch_documents as forms
from council.domain import authz, errors, patches
from council.upkeep.patchctl import schema
from council.upkeep.patchctl.core import documents

FILE = Path(__file__).parents[4] / "schema" / "patch.schema.json"
CHECKER = jsonschema.Draft202012Validator(schema.schema())
# What a pattern does not say: meaning of bytes and characters, and times of day that no month has.
BEYOND = {
    "an author of two lines", "a title that turns text round", "a title with a terminal's escape", "a reason with a zero byte",
    "a time that is none", "a control character in a text", "base64 with bits left over", "base64 with a line end",
    "a base with a line end",
}  # fmt: skip


def text() -> str:
    return json.dumps(schema.schema(), indent=2) + "\n"


def test_the_file_is_that_of_the_code() -> None:
    assert FILE.read_text() == text(), f"run {Path(__file__).name}"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@settings(max_examples=50, deadline=None)
@given(patch=forms.PATCHES)
def test_what_the_parser_takes_the_schema_takes(patch: patches.Patch) -> None:
    CHECKER.validate(json.loads(patches.dump(patch)))


@pytest.mark.parametrize("case", sorted(forms.INVALID.keys() - BEYOND))
def test_what_the_schema_says_of_a_field_the_parser_says_too(case: str) -> None:
    assert not CHECKER.is_valid(json.loads(forms.INVALID[case]()))


def with_path(path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(patches.dump(cases.PATCH))
    document["files"][0]["path"] = path
    return document


@pytest.mark.parametrize("path", forms.GOOD_PATHS, ids=ascii)
def test_the_schema_takes_a_plain_path(path: str) -> None:
    CHECKER.validate(with_path(path))


@pytest.mark.parametrize("path", forms.BAD_PATHS, ids=ascii)
def test_the_schema_refuses_a_path_or_leaves_a_device_to_the_parser(path: str) -> None:
    device = path.rsplit("/", maxsplit=1)[-1].partition(".")[0].lower() in {"con", "nul", "com1", "lpt9", "aux"}
    assert device or not CHECKER.is_valid(with_path(path))
    with pytest.raises(errors.PatchRefusedError):
        documents.parse(json.dumps(with_path(path)).encode(), authz.Sizes())


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
