import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from council.kit import recently_used


def test_what_was_used_longest_ago_goes_first() -> None:
    kept = recently_used.RecentlyUsed[str, int](2)
    kept.put("a", 1, 10)
    kept.put("b", 2, 10)
    assert kept.get("a") == 1
    kept.put("c", 3, 10)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept), kept.bytes) == (1, None, 3, 2, 20)


def test_what_takes_the_place_of_another_counts_once() -> None:
    kept = recently_used.RecentlyUsed[str, int](9, 100)
    kept.put("a", 1, 60)
    kept.put("a", 2, 70)
    assert (kept.get("a"), kept.bytes) == (2, 70)
    assert (kept.pop("a"), kept.pop("a"), kept.bytes) == (2, None, 0)


def test_what_is_larger_than_all_may_be_is_not_held() -> None:
    kept = recently_used.RecentlyUsed[str, int](9, 100)
    kept.put("a", 1, 101)
    assert (len(kept), kept.bytes) == (0, 0)


def test_a_narrower_bound_holds_at_once_and_frees_memory_and_a_wider_one_lets_it_fill_again() -> None:
    kept = recently_used.RecentlyUsed[int, bytes](1000)
    tracemalloc.start()
    try:
        for number in range(1000):
            kept.put(number, bytes(10_000), 10_000)
        full = tracemalloc.get_traced_memory()[0]
        kept.bound(1000, 100_000)
        assert (len(kept), kept.bytes) == (10, 100_000)
        assert list(kept) == list(range(990, 1000))
        assert full - tracemalloc.get_traced_memory()[0] > 9_000_000
    finally:
        tracemalloc.stop()
    kept.bound(3, None)
    assert len(kept) == 3
    kept.bound(1000, None)
    kept.put(0, b"", 0)
    assert len(kept) == 4


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50))), st.integers(0, 4), st.none() | st.integers(0, 120))
def test_it_never_holds_more_than_its_bounds(
    puts: list[tuple[int, int]], entries_max: int, bytes_max: int | None
) -> None:
    kept = recently_used.RecentlyUsed[int, int](entries_max, bytes_max)
    for key, size_bytes in puts:
        kept.put(key, size_bytes, size_bytes)
        held = [kept.get(one) or 0 for one in kept]
        assert len(held) <= entries_max and sum(held) == kept.bytes
        assert bytes_max is None or kept.bytes <= bytes_max
