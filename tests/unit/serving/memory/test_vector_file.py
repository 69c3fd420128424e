"""The vectors on disk: kept whole, checked when read, made anew where the file is none, and no trouble where the disk is."""

import hashlib
import logging
import math
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from council.serving.memory import vector_file

WIDTH = 4


def vector(*numbers: float) -> bytes:
    length = math.sqrt(sum(number * number for number in numbers))
    return struct.pack("4f", *(number / length for number in numbers))


A, B, C = vector(1, 0, 0, 0), vector(0, 1, 1, 0), vector(3, 1, 4, 1)


@pytest.fixture(name="path")
def made_path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.db"


def opened(path: Path, model: str = "m") -> vector_file.VectorFile:
    return vector_file.VectorFile(path, model, WIDTH)


def kept(path: Path, **vectors: bytes) -> None:
    file = opened(path)
    file.write(vectors)
    file.close()


def test_what_was_written_is_there_after_another_opening(path: Path) -> None:
    kept(path, a=A, b=B)
    file = opened(path)
    assert file.read(["b", "missing", "a"]) == {"a": A, "b": B}
    file.remove(["a", "missing"])
    assert file.read(["a", "b"]) == {"b": B}
    file.close()


def test_more_names_than_one_query_takes_are_read(path: Path) -> None:
    kept(path, **{f"n{number}": A for number in range(1_203)})
    file = opened(path)
    assert len(file.read([f"n{number}" for number in range(2_000)])) == 1_203
    file.keep_only({"n7", "other"})
    assert set(file.read([f"n{number}" for number in range(2_000)])) == {"n7"}
    file.close()


def test_nothing_of_what_was_removed_is_left_on_the_disk(path: Path) -> None:
    kept(path, a=A, secret=C)
    assert C in path.read_bytes()
    file = opened(path)
    file.keep_only({"a"})
    file.close()
    assert C not in path.read_bytes() and b"secret" not in path.read_bytes() and A in path.read_bytes()
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("model", ["another", "m "])
def test_vectors_of_another_model_are_not_used(path: Path, model: str, caplog: pytest.LogCaptureFixture) -> None:
    kept(path, a=A)
    file = opened(path, model)
    assert file.read(["a"]) == {} and "made again" in caplog.text
    file.write({"a": B})
    file.close()
    assert opened(path, model).read(["a"]) == {"a": B}


DAMAGE = {
    "empty": lambda raw: b"",
    "text": lambda raw: b"This is no database. " * 400,
    "nul": lambda raw: bytes(len(raw)),
    "half": lambda raw: raw[: len(raw) // 2],
    "header_alone": lambda raw: raw[:100],
    "middle_overwritten": lambda raw: raw[:16384] + b"\xff" * (len(raw) - 16384),
    "schema_overwritten": lambda raw: raw[:100] + b"\x00\xff" * 8142 + raw[16384:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_gives_nothing_wrong_and_is_made_anew(path: Path, damage) -> None:
    kept(path, **{f"n{number}": A for number in range(50)})
    path.write_bytes(damage(path.read_bytes()))
    file = opened(path)
    found = file.read([f"n{number}" for number in range(50)])
    assert set(found.values()) <= {A}
    file.write({"new": B})
    file.keep_only({"new"})
    file.close()
    assert opened(path).read(["new"]) == {"new": B}


def checked(name: str, raw: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + raw, digest_size=8).digest()


POISON = {
    "nan": struct.pack("4f", math.nan, 0, 0, 1),
    "infinite": struct.pack("4f", math.inf, 0, 0, 1),
    "all_zero": bytes(16),
    "too_long_a_vector": struct.pack("4f", 1, 1, 1, 1),
    "short": A[:12],
    "huge": b"x" * 3_000_000,
    "text": "x" * 16,
    "number": 7,
}


@pytest.mark.parametrize("raw", POISON.values(), ids=POISON)
def test_a_poisoned_row_is_not_used_though_its_sum_is_right(path: Path, raw: object) -> None:
    kept(path, good=A)
    with sqlite3.connect(path) as database:
        summed = checked("bad", raw if isinstance(raw, bytes) else str(raw).encode())
        database.execute("INSERT INTO vectors VALUES ('bad', ?, ?)", (summed, raw))
    database.close()
    file = opened(path)
    assert file.read(["bad", "good"]) == {"good": A}
    file.write({"bad": B})
    assert file.read(["bad"]) == {"bad": B}
    file.close()


def test_a_flipped_bit_or_a_vector_of_another_name_is_not_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept(path, a=A, b=B, c=C)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE vectors SET vector = ? WHERE name = 'a'", (A[:-1] + b"\1",))
        database.execute(
            "UPDATE vectors SET sum = (SELECT sum FROM vectors WHERE name = 'c'), vector = ? WHERE name = 'b'", (C,)
        )
    database.close()
    assert opened(path).read(["a", "b", "c"]) == {"c": C} and "damaged" in caplog.text


STRANGE = {
    "no_table": "DROP TABLE vectors",
    "other_columns": "DROP TABLE vectors; CREATE TABLE vectors (x)",
    "a_view": "DROP TABLE vectors; CREATE VIEW vectors AS SELECT 'a' AS name, x'00' AS sum, x'00' AS vector",
    "a_trigger": "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT raise(ABORT, 'no'); END",
    "made_by_nobody": "DELETE FROM about",
}


@pytest.mark.parametrize("script", STRANGE.values(), ids=STRANGE)
def test_a_database_of_another_form_is_made_anew(path: Path, script: str) -> None:
    kept(path, a=A)
    database = sqlite3.connect(path)
    database.executescript(script)
    database.close()
    file = opened(path)
    assert file.read(["b"]) == {}
    file.write({"b": B})
    assert file.read(["b"]) == {"b": B}
    file.close()


@pytest.mark.parametrize("trouble", ["folder", "no_folder"])
def test_where_the_disk_fails_nothing_is_kept_and_it_is_said_once(
    path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    if trouble == "folder":
        path.mkdir()
    else:
        path = path.parent / "missing" / "vectors.db"
    file = opened(path)
    file.write({"a": A})
    file.remove(["a"])
    file.keep_only({"a"})
    assert file.read(["a"]) == {}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    # As a disk that is full and then is not.
    path.parent.mkdir(exist_ok=True)
    if trouble == "folder":
        path.rmdir()
    file.write({"a": A})
    assert file.read(["a"]) == {"a": A}
    file.close()


def test_a_full_disk_leaves_what_was_there(path: Path) -> None:
    kept(path, a=A)
    file = opened(path)
    assert file._database is not None
    file._database.execute("PRAGMA max_page_count = 5")
    file.write({f"n{number}" * 50: B for number in range(2_000)})
    assert file.read(["a", "n1" * 50]) == {"a": A}
    file.close()


WRITER = """
import sys, pathlib, struct
from council.serving.memory import vector_file
file = vector_file.VectorFile(pathlib.Path(sys.argv[1]), "m", 4)
for batch in range(100_000):
    file.write({f"{batch}.{number}": struct.pack("4f", 0, 0, 1, 0) for number in range(8)})
    print(batch, flush=True)
"""


@pytest.mark.parametrize("batches", [1, 3, 17])
def test_a_kill_between_writes_leaves_whole_batches(path: Path, batches: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(batches):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    file = opened(path)
    names = [f"{batch}.{number}" for batch in range(batches + 50) for number in range(8)]
    found = file.read(names)
    assert len(found) >= batches * 8 and len(found) % 8 == 0
    file.close()


def test_it_is_removed_with_what_lies_beside_it(path: Path) -> None:
    kept(path, a=A)
    path.with_name("vectors.db-journal").write_bytes(b"x")
    vector_file.remove(path)
    vector_file.remove(path)
    assert list(path.parent.iterdir()) == []
