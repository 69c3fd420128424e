"""The schema says to other programs what the reader decides. Run this file to write it anew."""

import json
from pathlib import Path

import jsonschema
import pytest

from council.domain import guides
from council.upkeep.guides import schema

FILE = Path(__file__).parents[4] / "schema" / "guide.schema.json"
CHECKER = jsonschema.Draft202012Validator(schema.schema())


def text() -> str:
    return json.dumps(schema.schema(), indent=2) + "\n"


def test_the_file_is_that_of_the_code() -> None:
    assert FILE.read_text() == text(), f"run {Path(__file__).name}"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ({}, True),
        ({"slug": "a-b", "title": "A", "description": "B", "tags": ["c"], "order": 1}, True),
        ({"slug": "A"}, False),
        ({"slug": "index"}, False),
        ({"title": ""}, False),
        ({"title": " "}, False),
        ({"title": 1}, False),
        ({"tags": "a"}, False),
        ({"tags": [""]}, False),
        ({"order": 1.5}, False),
        ({"order": guides.ORDER_MAX + 1}, False),
        ({"colour": "red"}, False),
    ],
)
def test_schema_and_reader_agree(given: dict[str, object], good: bool) -> None:
    assert CHECKER.is_valid(given) == good
    if good:
        guides.front_matter(given, {})
    else:
        with pytest.raises(guides.FaultyError):
            guides.front_matter(given, {})


if __name__ == "__main__":
    FILE.write_text(text())
