import json
from importlib import resources

import pytest

from council.domain import errors
from council.serving.router import features, head

FOLDER = resources.files("council.serving.router")
DESCRIPTION = (FOLDER / "weights.json").read_bytes()
WEIGHTS = (FOLDER / "weights.bin").read_bytes()


def test_the_weights_are_small() -> None:
    assert len(WEIGHTS) + len(DESCRIPTION) <= 300_000


def test_probabilities_add_up_to_one() -> None:
    found = head.packaged().probabilities(features.of("What is 2 + 2?"))
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found) == list(features.route_names())


def test_weights_with_one_byte_changed_are_refused() -> None:
    changed = bytes([WEIGHTS[0] ^ 1]) + WEIGHTS[1:]
    with pytest.raises(errors.SetupError, match="digest"):
        head.read(DESCRIPTION, changed)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("form", 99, "form"),
        ("buckets", [1, 2], "other features"),
        ("routes", ["math"], "length"),
        ("routes", ["nowhere"], "nowhere"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(key: str, value: object, why: str) -> None:
    told = json.loads(DESCRIPTION) | {key: value}
    with pytest.raises(errors.SetupError, match=why):
        head.read(json.dumps(told).encode(), WEIGHTS)


def test_which_number_it_is_changes_nothing() -> None:
    one, other = features.of("What is 17% of 80?"), features.of("What is 93% of 61?")
    assert set(one.words) == set(other.words) and set(one.pieces) == set(other.pieces)


def test_what_lies_between_the_ends_of_a_long_text_is_not_read() -> None:
    filling = "x " * 5_000
    assert features.of("begin " + filling + " end") == features.of("begin " + filling + filling + " end")
