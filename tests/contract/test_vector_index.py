"""Vector indexes: what goes in is found, what goes out is not, whatever the index does to itself meanwhile."""

import random
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.backends.vector_index import faiss
from council.testing import memory as fake

WIDTH = 32
KINDS = ["flat", "lists", "fake"]


def made(kind: str):
    match kind:
        case "flat":
            return faiss.FaissIndex(WIDTH, 1_000_000)
        case "lists":
            return faiss.FaissIndex(WIDTH, 50)
        case _:
            return fake.PlainIndex()


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest):
    return made(request.param)


def vector(seed: int) -> bytes:
    chance = random.Random(seed)
    numbers = [chance.gauss(0, 1) for _ in range(WIDTH)]
    length = sum(number * number for number in numbers) ** 0.5
    # Within the range of the quantiser, as those of 384 numbers are.
    return struct.pack(f"{WIDTH}f", *(max(-0.3, min(0.3, number / length)) for number in numbers))


def nearest(index, seed: int) -> int:
    return index.search(vector(seed), 1)[0][0]


def test_an_empty_index_finds_nothing(index) -> None:
    assert (index.search(vector(1), 5), index.similarity(vector(1), [3]), len(index)) == ([], [0.0], 0)
    index.remove([1, 2])
    index.settle()
    index.add([], [])
    assert len(index) == 0


def test_a_vector_is_nearest_to_itself(index) -> None:
    index.add(range(200), [vector(seed) for seed in range(200)])
    index.settle()
    assert [nearest(index, seed) for seed in range(200)] == list(range(200))
    found = index.search(vector(7), 5)
    assert len(found) == 5 and [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert all(-1.0 <= score <= 1.0 for _, score in found)
    assert index.similarity(vector(7), [7, 999])[1] == 0.0
    assert index.similarity(vector(7), [found[1][0]]) == pytest.approx([found[1][1]], abs=0.02)


def test_more_than_there_are_cannot_be_found(index) -> None:
    index.add([5, 9], [vector(5), vector(9)])
    assert {number for number, _ in index.search(vector(5), 100)} == {5, 9}
    assert index.search(vector(5), 0) == []


def test_what_was_removed_is_not_found_again(index) -> None:
    index.add(range(100), [vector(seed) for seed in range(100)])
    index.settle()
    index.remove([7, 8, 9, 1_000])
    assert len(index) == 97
    assert not {7, 8, 9} & {number for number, _ in index.search(vector(7), 97)}
    assert index.similarity(vector(7), [7]) == [0.0]
    index.add([7], [vector(7)])
    assert nearest(index, 7) == 7


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    changes=st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 150)),
            st.tuples(st.just("remove"), st.integers(0, 150)),
            st.just(("settle", 0)),
        ),
        max_size=200,
    )
)
def test_it_holds_what_a_set_would_hold(kind: str, changes: list[tuple[str, int]]) -> None:
    index, held = made(kind), set(range(200, 260))
    index.add(sorted(held), [vector(number) for number in sorted(held)])
    for change, number in changes:
        if change == "settle":
            index.settle()
        elif change == "remove":
            index.remove([number])
            held.discard(number)
        elif number not in held:
            index.add([number], [vector(number)])
            held.add(number)
    assert len(index) == len(held)
    assert {number for number, _ in index.search(vector(1), 300)} <= held
    assert all(
        (value != 0.0) == (number in held) for number, value in enumerate(index.similarity(vector(1), range(151)))
    )


def test_searches_and_changes_go_on_while_it_settles() -> None:
    index = faiss.FaissIndex(WIDTH, 50)
    index.add(range(4_000), [vector(seed) for seed in range(4_000)])
    settling = threading.Thread(target=index.settle)
    settling.start()
    added = 4_000
    while settling.is_alive() or added < 4_100:
        index.add([added], [vector(added)])
        index.remove([added - 4_000])
        assert nearest(index, added) == added
        added += 1
    settling.join()
    assert len(index) == 4_000
    for number in (4_000, added - 1):
        assert nearest(index, number) == number
    assert index.similarity(vector(0), [0, 1]) == [0.0, 0.0]


def test_many_vectors_in_lists_are_found_nearly_as_well_as_by_comparing_all() -> None:
    vectors = [vector(seed) for seed in range(3_000)]
    lists, plain = faiss.FaissIndex(WIDTH, 50), faiss.FaissIndex(WIDTH, 1_000_000)
    for one in (lists, plain):
        one.add(range(3_000), vectors)
        one.settle()
    hits = sum(
        len({n for n, _ in lists.search(vector(seed), 10)} & {n for n, _ in plain.search(vector(seed), 10)})
        for seed in range(9_000, 9_100)
    )
    assert hits / 1_000 > 0.6
