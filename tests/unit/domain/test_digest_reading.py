"""A digest that is read out of its form says what it said."""

import json

import pytest

import observer_cases
from council.domain import digest_reading
from council.domain import digests as forms
from council.upkeep.observer import digests, layouts, renderings


@pytest.mark.parametrize("kind", ["upstream is slow", "memory leaks", "service ends", "budget is gone"])
def test_a_form_is_that_of_what_is_read_out_of_it(kind: str) -> None:
    made = digests.digest(observer_cases.day(kind))
    form = json.loads(json.dumps(forms.form(made)))
    read = digest_reading.read(form)
    assert forms.form(read) == form
    assert renderings.text(layouts.page(read)) == renderings.text(layouts.page(made))


def test_a_form_from_before_services_were_told_is_read() -> None:
    form = forms.form(digests.digest(observer_cases.day()))
    del form["services"]
    assert digest_reading.read(form).services == ()


@pytest.mark.parametrize(
    "change", [{"schema": "council.digest/2"}, {"plots": 1}, {"from": "yesterday"}, {"incidents": [{}]}]
)
def test_what_is_no_digest_is_an_error(change: dict[str, object]) -> None:
    form = forms.form(digests.digest(observer_cases.day())) | change
    with pytest.raises(ValueError):
        digest_reading.read(form)
