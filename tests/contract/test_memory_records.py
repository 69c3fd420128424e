"""Memories in the records, on both databases and in the fake; and that what is forgotten is gone from SQLite's files."""

import dataclasses
import random
import string
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.records import memories as sql_memories
from council.domain import errors, memory
from council.kit import ids
from council.testing import memory as fake

T0 = 1_790_000_000_000_000
VECTOR = bytes(range(256)) * 6


@pytest.fixture(params=["sqlite", "postgresql", "fake"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """Migrated, empty records of each kind."""
    if request.param == "fake":
        yield fake.PlainRecords()
        return
    url = f"sqlite:///{tmp_path / 'records' / 'council.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create_database()
    made = sql_memories.SqlMemories(url, 5.0)
    made.migrate()
    yield made
    made.close()


def row(number: int, user: str = "ada", **values: object) -> memory.Memory:
    usual = memory.Memory(
        id=ids.ulid_from(T0 + number * 1_000, number.to_bytes(10)),
        user_id=user,
        session_id="s",
        kind=memory.Kind.TURN,
        subject="",
        attribute="",
        value="",
        text=f"text {number}",
        source="request",
        confidence=1.0,
        at_us=T0 + number * 1_000,
    )
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def fact(number: int, attribute: str, value: str, user: str = "ada") -> memory.Memory:
    return row(number, user, kind=memory.Kind.FACT, subject="user", attribute=attribute, value=value, confidence=0.95)


def everything(records: object, user: str = "ada") -> list[memory.Memory]:
    return records.memories(user, memory.Selection(), 10_000)


def test_a_memory_comes_back_as_it_was(records) -> None:
    kept = row(1, text="Zoë said «hello» 😀", confidence=0.25, session_id="")
    records.add_memories([(kept, VECTOR)], "m")
    assert everything(records) == [kept]
    assert records.vectors("ada", "", 10) == [(kept.id, kept.text, VECTOR, "m")]


def test_an_id_that_is_there_is_left_as_it_is(records) -> None:
    records.add_memories([(row(1), VECTOR)], "m")
    records.add_memories([(row(1, "bob", text="mine now"), VECTOR)], "m")
    assert [one.text for one in everything(records)] == ["text 1"]
    assert everything(records, "bob") == []


def test_a_fact_that_is_superseded_no_longer_holds(records) -> None:
    paris, lyon = fact(1, "home", "Paris"), fact(2, "home", "Lyon")
    records.add_memories([(paris, VECTOR)], "m")
    assert records.facts("ada", "user", "home") == [paris]
    records.add_memories([(lyon, VECTOR)], "m", {paris.id: lyon.id})
    assert records.facts("ada", "user", "home") == [lyon]
    [old, _] = everything(records)
    assert (old.superseded_by, old.superseded_us) == (lyon.id, lyon.at_us)


def test_nobody_supersedes_what_is_anothers(records) -> None:
    theirs, mine = fact(1, "home", "Paris", "bob"), fact(2, "home", "Lyon", "ada")
    records.add_memories([(theirs, VECTOR)], "m")
    records.add_memories([(mine, VECTOR)], "m", {theirs.id: mine.id})
    assert records.facts("bob", "user", "home") == [theirs]


def test_a_selection_chooses_and_resumes(records) -> None:
    rows = [row(1), fact(2, "home", "Lyon"), row(3, session_id="t"), row(4)]
    records.add_memories([(one, VECTOR) for one in rows], "m")
    chosen = memory.Selection
    assert records.memories("ada", chosen(session_id="t"), 9) == [rows[2]]
    assert records.memories("ada", chosen(kind=memory.Kind.FACT), 9) == [rows[1]]
    assert records.memories("ada", chosen(ids=(rows[3].id, "nothing")), 9) == [rows[3]]
    assert records.memories("ada", chosen(after=rows[1].id), 1) == [rows[2]]
    assert records.memories("ada", chosen(), 2, newest_first=True) == [rows[3], rows[2]]
    assert [one[0] for one in records.vectors("ada", rows[2].id, 1)] == [rows[1].id]


def test_a_vector_can_be_replaced(records) -> None:
    kept = row(1)
    records.add_memories([(kept, VECTOR)], "old")
    records.set_vectors("bob", [(kept.id, b"no" * 8)], "new")
    assert records.vectors("ada", "", 9)[0][2:] == (VECTOR, "old")
    records.set_vectors("ada", [(kept.id, VECTOR[::-1])], "new")
    assert records.vectors("ada", "", 9)[0][2:] == (VECTOR[::-1], "new")


def test_forgetting_deletes_what_was_chosen_of_that_user_alone(records) -> None:
    mine = [row(1), row(2, session_id="t"), row(3)]
    records.add_memories([(one, VECTOR) for one in (*mine, row(4, "bob"))], "m")
    assert records.forget("ada", memory.Selection(session_id="t")) == [mine[1].id]
    assert records.forget("ada", memory.Selection(ids=(row(4).id,))) == []
    assert records.forget("ada", memory.Selection(session_id="t")) == []
    assert records.counts() == {"ada": 2, "bob": 1}
    assert sorted(records.forget("ada", memory.Selection())) == sorted([mine[0].id, mine[2].id])
    assert records.counts() == {"bob": 1}


def test_more_ids_than_one_statement_holds_can_be_forgotten(records) -> None:
    rows = [row(number) for number in range(1_201)]
    records.add_memories([(one, b"v") for one in rows], "m")
    assert len(records.forget("ada", memory.Selection(ids=tuple(one.id for one in rows)))) == 1_201


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[sql_memories.SqlMemories]:
    made = sql_memories.SqlMemories(f"sqlite:///{tmp_path / 'records' / 'council.db'}", 5.0)
    made.migrate()
    yield made
    made.close()


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if not file.name.endswith("-shm"))


def secret_row(number: int, chance: random.Random) -> tuple[memory.Memory, bytes]:
    """A memory whose text, value and vector are found nowhere else."""
    word = "".join(chance.choices(string.ascii_letters, k=40))
    kept = fact(number, "home", f"value-{word}")
    long = f"text-{word} " * chance.randrange(1, 30)
    return dataclasses.replace(kept, text=long[: chance.randrange(50, 3000)]), chance.randbytes(60)


def marks_of(kept: memory.Memory, vector: bytes) -> list[bytes]:
    return [kept.text[:45].encode(), kept.value.encode(), vector[:30], vector[-30:]]


# Overwriting alone, without writing the file anew, leaves a copy of a row at seeds 10, 21 and 29.
@pytest.mark.parametrize("seed", [1, 10, 21, 29])
def test_what_is_forgotten_is_gone_from_the_database_and_its_log(
    lite: sql_memories.SqlMemories, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    kept: dict[str, tuple[memory.Memory, bytes]] = {}
    gone: list[tuple[memory.Memory, bytes]] = []
    for turn in range(15):
        new = [secret_row(turn * 100 + place, chance) for place in range(chance.randrange(1, 60))]
        superseded = {chance.choice(list(kept)): new[0][0].id} if kept else {}
        lite.add_memories(new, "m", superseded)
        kept |= {one.id: (one, vector) for one, vector in new}
        chosen = chance.sample(list(kept), min(len(kept), chance.randrange(1, 50)))
        assert sorted(lite.forget("ada", memory.Selection(ids=tuple(chosen)))) == sorted(chosen)
        gone += [kept.pop(identifier) for identifier in chosen]
    disk = bytes_on_disk(tmp_path / "records")
    assert not [mark for pair in gone for mark in marks_of(*pair) if mark in disk]
    # What was not forgotten is found in the same way, so the search itself finds things.
    assert all(mark in disk for pair in kept.values() for mark in marks_of(*pair)[1:])


def test_what_a_slow_reader_holds_is_erased_with_the_next_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lite = sql_memories.SqlMemories(f"sqlite:///{tmp_path / 'records' / 'council.db'}", 0.2)
    lite.migrate()
    lite.add_memories([(row(1, text="a secret that shall go"), VECTOR)], "m")
    other = sql_memories.SqlMemories(f"sqlite:///{tmp_path / 'records' / 'council.db'}", 5.0)
    begun, free = threading.Event(), threading.Event()

    def read() -> None:
        with other._reader.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM memories").fetchone()
            begun.set()
            assert free.wait(30)

    reading = threading.Thread(target=read)
    reading.start()
    assert begun.wait(30)
    with caplog.at_level("WARNING"):
        assert len(lite.forget("ada", memory.Selection())) == 1
    assert "reader keeps deleted memories" in caplog.text
    assert everything(lite) == []
    free.set()
    reading.join()
    other.close()
    lite.forget("ada", memory.Selection())
    assert b"a secret that shall go" not in bytes_on_disk(tmp_path / "records")


def test_a_database_without_tables_is_said_so(tmp_path: Path) -> None:
    bare = sql_memories.SqlMemories(f"sqlite:///{tmp_path / 'none.db'}", 0.1)
    with pytest.raises(errors.RecordsUnavailableError):
        bare.counts()
    bare.close()


def noted(did: memory.Did, at_us: int = T0, user: str = "ada", source: str = "request-1") -> memory.Noted:
    return memory.Noted(at_us, user, did, source)


def test_the_change_log_tells_what_was_done_and_outlives_what_was_forgotten(records) -> None:
    records.add_memories([(row(1), VECTOR), (row(2), VECTOR)], "m", noted=noted(memory.Did.KEPT))
    records.add_memories([(row(3), VECTOR)], "m")
    records.forget("ada", memory.Selection(), noted(memory.Did.FORGOT, T0 + 1, source=""))
    records.forget("ada", memory.Selection(), noted(memory.Did.FORGOT, T0 + 2))
    records.note(noted(memory.Did.REBUILT, T0 + 3, "", "start"), 7)
    assert records.changes(10) == [
        memory.Change(T0 + 3, "", memory.Did.REBUILT, 7, "start"),
        memory.Change(T0 + 1, "ada", memory.Did.FORGOT, 3, ""),
        memory.Change(T0, "ada", memory.Did.KEPT, 2, "request-1"),
    ]
    assert len(records.changes(1)) == 1


def test_the_oldest_lines_of_the_change_log_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CHANGES_MAX", 3)
    url = f"sqlite:///{tmp_path / 'records' / 'council.db'}"
    for number in range(8):
        # Each process cuts the log with the first line that it writes.
        made = sql_memories.SqlMemories(url, 5.0)
        made.migrate()
        made.note(noted(memory.Did.REBUILT, T0 + number), number)
        kept = [one.count for one in made.changes(10)]
        made.close()
    assert kept == [7, 6, 5]


def test_a_corrected_memory_is_another_and_nothing_is_left_of_what_it_was(records, tmp_path: Path) -> None:
    before, other = row(1, text="lighthouse seventeen"), row(2)
    records.add_memories([(before, VECTOR), (other, VECTOR)], "m")
    now = dataclasses.replace(before, text="harbour", value="v", source="later")
    assert records.correct(now, VECTOR[::-1], "n", T0 + 5)
    assert everything(records) == [now, other]
    assert records.vectors("ada", "", 10)[-1] == (now.id, "harbour", VECTOR[::-1], "n")
    assert [(one.did, one.count, one.source) for one in records.changes(2)] == [
        (memory.Did.KEPT, 1, "later"),
        (memory.Did.FORGOT, 1, "later"),
    ]
    assert not records.correct(dataclasses.replace(now, user_id="bob"), VECTOR, "n", T0)
    assert not records.correct(row(9), VECTOR, "n", T0)
    assert everything(records) == [now, other] and len(records.changes(9)) == 2
    files = list(tmp_path.rglob("council.db*"))
    assert all(b"lighthouse seventeen" not in path.read_bytes() for path in files)
