"""The benchmark's measure of probabilities: one that means what it says has no error, and one sure and wrong has all."""

import random
from pathlib import Path
from xml.etree import ElementTree

import pytest

import reliability


def test_what_comes_true_as_often_as_was_said_has_next_to_no_error() -> None:
    chance = random.Random(5)
    pairs = [(said, chance.random() < said) for said in (chance.random() for _ in range(20_000))]
    assert reliability.error(reliability.binned(pairs)) < 0.02


def test_sure_and_wrong_is_all_error() -> None:
    pairs = [(1.0, False)] * 10
    assert reliability.error(reliability.binned(pairs)) == 1.0
    assert reliability.brier(pairs) == 1.0


def test_tenths_that_nothing_fell_in_are_left_out_and_every_pair_is_in_one() -> None:
    bins = reliability.binned([(0.05, False), (0.07, True), (0.95, True), (1.0, True)])
    assert bins == [(pytest.approx(0.06), 0.5, 2), (pytest.approx(0.975), 1, 2)]


def test_the_picture_has_a_line_and_a_name_for_each_curve(tmp_path: Path) -> None:
    place = tmp_path / "new" / "picture.svg"
    reliability.draw(
        place, "confidence", {name: reliability.binned([(0.2, False), (0.8, True)]) for name in ("ours", "theirs")}
    )
    root = ElementTree.fromstring(place.read_text())
    lines = root.findall("{*}polyline")
    texts = {one.text for one in root.findall("{*}text")}
    assert len(lines) == 3
    assert {"ours", "theirs", "confidence"} <= texts
