import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.domain import errors
from council.domain import home as home_module
from council.services import table

# A worker that counts, says so, and waits to be told to end.
WORKER = """
import os, sys
from pathlib import Path
from council.domain import home
from council.services import table
table.share_metrics(home.Home(Path(sys.argv[1])))
from council import telemetry
telemetry.ANSWERS.labels("computed").inc()
telemetry.LEDGER_SECONDS.observe(0.3)
telemetry.HTTP_IN_FLIGHT.inc()
for line in telemetry.render().decode().splitlines():
    if line.startswith(("council_answers_total{", "council_ledger_commit_seconds_count ", "council_http_in_flight ")):
        print(line.split()[1], end=" ")
print(flush=True)
sys.stdin.read()
"""


begun: list["Worker"] = []


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    while begun:
        begun.pop().end()


class Worker:
    def __init__(self, root: Path):
        self.popen = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        begun.append(self)

    def figures(self) -> list[float]:
        """Return what it saw of all: answers, workers alive, and rows written, in the order of their names."""
        assert self.popen.stdout is not None
        return sorted(float(figure) for figure in self.popen.stdout.readline().split())

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.communicate()


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "run" / "metrics").glob("*.db"))


@pytest.mark.long
def test_sums_outlive_workers_and_their_files_do_not_pile_up(tmp_path: Path) -> None:
    for count in (1, 2, 3):
        worker = Worker(tmp_path)
        # One in flight, whatever those before it left, beside `count` answers and as many rows.
        assert worker.figures() == [1.0, count, count]
        assert {name.rpartition("_")[2] for name in files(tmp_path)} == {"0.db"}
        worker.end()


@pytest.mark.long
def test_workers_that_start_at_once_have_files_of_their_own(tmp_path: Path) -> None:
    workers = [Worker(tmp_path) for _ in range(3)]
    for worker in workers:
        worker.figures()
    assert {name for name in files(tmp_path) if name.startswith("counter")} == {f"counter_{n}.db" for n in range(3)}
    for worker in workers:
        worker.end()
    last = Worker(tmp_path)
    assert last.figures() == [1.0, 4.0, 4.0]
    assert [name for name in files(tmp_path) if name.startswith("gauge_livesum")] == ["gauge_livesum_0.db"]
    last.end()


@pytest.mark.long
@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 100, b"\x00\x01\x00\x00"])
def test_a_damaged_file_does_not_keep_a_worker_from_starting(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "run" / "metrics"
    folder.mkdir(parents=True)
    (folder / "counter_0.db").write_bytes(content)
    worker = Worker(tmp_path)
    assert worker.figures() == [1.0, 1.0, 1.0]
    worker.end()


@pytest.mark.parametrize("generation", ["../../etc", "a" * 39, "a" * 40 + "/.."])
def test_only_a_commit_is_a_generation(tmp_path: Path, generation: str) -> None:
    with pytest.raises(errors.ConfigError, match="COUNCIL_GENERATION"):
        table.run("worker", home_module.Home(tmp_path), {"COUNCIL_GENERATION": generation})


def test_gauges_of_workers_that_ended_go_when_asked_and_their_sums_stay(tmp_path: Path) -> None:
    first = Worker(tmp_path)
    first.figures()
    second = Worker(tmp_path)
    second.figures()
    before = files(tmp_path)
    first.end()
    table.forget_ended(home_module.Home(tmp_path))
    gone = set(before) - set(files(tmp_path))
    assert gone == {name for name in before if name.startswith("gauge_live") and name.endswith("_0.db")}
    assert gone and second.popen.poll() is None
