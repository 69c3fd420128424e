"""Which layers are said to hold when some are missing."""

import pytest

from council.serving.sandbox import front
from council.zygote import layers

ALL = layers.present({}, root=True)


def test_all_layers_hold_where_none_is_missing() -> None:
    assert len(ALL) == len(set(ALL)) == 18
    assert {layers.MEMORY_CGROUP, layers.PROCESSES_CGROUP, layers.UID} <= set(ALL)
    assert not {layers.MEMORY_RLIMIT, layers.PROCESSES_RLIMIT} & set(ALL)


def test_without_root_no_user_of_its_own_is_claimed() -> None:
    assert set(ALL) - set(layers.present({}, root=False)) == {layers.UID}


@pytest.mark.parametrize("layer", [one for one in ALL if one != layers.UID])
def test_a_missing_layer_is_not_said_to_hold_and_the_others_are(layer: str) -> None:
    found = layers.present({layer: "because"}, root=True)
    assert layer not in found
    assert set(ALL) - set(found) == {layer}


def test_limits_of_processes_stand_in_for_a_missing_cgroup() -> None:
    found = layers.present({layers.MEMORY_CGROUP: "x", layers.PROCESSES_CGROUP: "x"}, root=False)
    assert {layers.MEMORY_RLIMIT, layers.PROCESSES_RLIMIT} <= set(found)


def test_what_may_be_missing_without_a_word_has_its_stand_in_among_the_layers() -> None:
    assert front.ALLOWED_BY_DEFAULT == {
        layers.MEMORY_CGROUP: layers.MEMORY_RLIMIT,
        layers.PROCESSES_CGROUP: layers.PROCESSES_RLIMIT,
    }


def test_what_no_sandbox_can_do_without_is_among_the_layers() -> None:
    assert set(ALL) >= layers.REQUIRED
