from typing import Any

import pytest

from council.domain import errors, release_pin

GOOD = {"version": "0.2.0", "sums_sha256": "ab" * 32, "folder": "/srv/releases/0.2.0"}


def test_what_is_written_is_what_is_pinned() -> None:
    pin = release_pin.build({"release": GOOD})
    assert pin == release_pin.Pin("0.2.0", "ab" * 32, "/srv/releases/0.2.0")
    assert str(pin) == "0.2.0 (abababababababab)"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": 1.2}, "in quotes"),
        ({"version": "../0.2.0"}, "in quotes"),
        ({"sums_sha256": "AB" * 32}, "sha256sum SHA256SUMS"),
        ({"sums_sha256": "ab" * 31}, "sha256sum SHA256SUMS"),
        ({"sums_sha256": None}, "sha256sum SHA256SUMS"),
        ({"folder": "releases/0.2.0"}, "absolute path"),
        ({"folder": "/srv/../root"}, "absolute path"),
        ({"folder": "/srv/a\nb"}, "absolute path"),
        ({"folder": "/" + "a" * 1024}, "absolute path"),
        ({"index": "https://packages.example"}, "from a folder of this machine alone"),
        ({"key": "abc"}, r"Unknown key `release\.key`"),
    ],
)
def test_what_is_no_pin_is_refused_with_what_to_write(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(errors.ConfigError, match=why):
        release_pin.build({"release": {**GOOD, **changed}})


@pytest.mark.parametrize("file", [{}, {"release": "0.2.0"}, {"release": GOOD, "other": 1}])
def test_a_file_holds_one_pin_and_nothing_else(file: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError, match=r"release\.yaml"):
        release_pin.build(file)
