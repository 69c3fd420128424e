import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.kit import accounts

NAMES = ("store", "model", "worker")
ids = st.integers(accounts.FIRST, accounts.LAST)
every = frozenset(range(accounts.FIRST, accounts.LAST + 1))


@given(taken=st.frozensets(ids), start=st.integers(0, 2**32), noted=st.lists(ids, unique=True, max_size=2))
def test_numbers_are_distinct_free_and_stay_what_they_were(taken: frozenset[int], start: int, noted: list[int]) -> None:
    before = dict(zip(NAMES, noted, strict=False))
    chosen = accounts.choose(NAMES, before, taken.__contains__, start)
    assert set(chosen) == set(NAMES) and len(set(chosen.values())) == len(NAMES)
    assert before.items() <= chosen.items()
    new = [number for name, number in chosen.items() if name not in before]
    assert every.issuperset(new) and taken.isdisjoint(new)


@given(free=ids, start=st.integers(0, 2**32))
def test_the_last_free_number_is_found_wherever_the_search_begins(free: int, start: int) -> None:
    assert accounts.choose(("a",), {}, lambda number: number != free, start) == {"a": free}


def test_a_full_range_is_an_error_and_no_endless_search() -> None:
    with pytest.raises(LookupError, match="in use"):
        accounts.choose(("a",), {}, lambda _: True, 0)


def test_the_range_ends_below_what_containers_have_and_systemd_gives_out() -> None:
    assert 60_577 < accounts.FIRST < accounts.LAST < 61_184


def test_a_root_without_its_capabilities_is_seen() -> None:
    assert accounts.missing_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n") == []
    assert accounts.missing_capabilities("CapEff:\t0000000000000000\n")[0] == "CAP_CHOWN"
    assert accounts.missing_capabilities("CapEff:\t000001ffffffff7f\n") == ["CAP_SETUID"]


def test_a_container_without_the_numbers_is_seen() -> None:
    assert accounts.maps_all("         0          0 4294967295\n", accounts.FIRST, accounts.LAST)
    assert accounts.maps_all("0 100000 65536\n", accounts.FIRST, accounts.LAST)
    assert not accounts.maps_all("0 1000 1\n", accounts.FIRST, accounts.LAST)
    assert not accounts.maps_all("0 1000 1\n1 100000 61183\n61184 0 1\n", accounts.FIRST, accounts.LAST + 1)
    assert not accounts.maps_all("", accounts.FIRST, accounts.LAST)


def test_users_and_groups_of_a_process_are_read_from_its_status() -> None:
    status = "Name:\tGid:\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \nThreads:\t99\n"
    assert accounts.ids_in(status) == set(range(1, 11))


def test_our_own_user_is_in_use_and_root_has_a_name() -> None:
    assert {os.getuid(), os.getgid()} <= accounts.ids_of_processes()
    assert accounts.is_named(0)


def test_only_root_can_start_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert accounts.why_not_able() == "not started as root"
