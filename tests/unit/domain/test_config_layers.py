"""What happens where two layers of settings meet."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import config, errors, money

keys = st.sampled_from(["gateway", "model", "prices", "port", "workers", "smollm2-135m-instruct", "input_usd_micros"])
trees = st.recursive(
    st.integers(0, 9) | st.text(max_size=3) | st.none(),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def test_a_flag_deep_in_a_section_leaves_the_callers_mapping_alone() -> None:
    file = {"prices": {"smollm2-135m-instruct": {"input_usd_micros": 1}}}
    before = copy.deepcopy(file)
    built = config.build(file, {}, {"prices": {"smollm2-135m-instruct": {"output_usd_micros": 2}}})
    assert built.prices["smollm2-135m-instruct"] == money.Price(1, 2)
    assert file == before


@pytest.mark.parametrize("value", [3, "text", None, [1], True])
def test_a_value_where_a_section_belongs_is_an_error_whatever_other_layers_say(value: Any) -> None:
    with pytest.raises(errors.ConfigError, match=r"`gateway` is .* in one place and a section"):
        config.build({"gateway": value}, {"COUNCIL_GATEWAY_WORKERS": "2"}, {})
    with pytest.raises(errors.ConfigError, match=r"`gateway` is .* in one place and a section"):
        config.build({"gateway": value}, {}, {"gateway": {"workers": 2}})


def test_a_price_that_is_no_mapping_is_an_error_by_its_whole_name() -> None:
    flags = {"prices": {"smollm2-135m-instruct": {"input_usd_micros": 1}}}
    with pytest.raises(errors.ConfigError, match=r"`prices\.smollm2-135m-instruct` is 3"):
        config.build({"prices": {"smollm2-135m-instruct": 3}}, {}, flags)


@given(file=st.dictionaries(keys, trees, max_size=3), flags=st.dictionaries(keys, trees, max_size=3))
def test_no_layer_is_ever_written(file: dict[str, Any], flags: dict[str, Any]) -> None:
    before = copy.deepcopy((file, flags))
    try:
        config.build(file, {"COUNCIL_MODEL_SLOTS": "3"}, flags)
    except errors.ConfigError:
        pass
    assert (file, flags) == before
