"""A process that judges and tells is killed again and again: no incident is lost, none is begun twice, everyone is told."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from council import app, care_records
from council.domain import config, home, incidents

# Red from the first second on, until a file appears; then green.
WATCHER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from council import care_app
    from council.domain import config, gates, home, incidents
    where = home.Home(Path(sys.argv[1]))
    settings = config.build({"alerts": {"hold_up_s": 0, "group_s": 0, "hold_down_s": 1, "channels": ["file"]}}, {}, {})
    care = care_app.alerts(settings, where)
    while True:
        verdict = gates.Verdict.GREEN if (where.root / "mended").exists() else gates.Verdict.RED
        care.observe([incidents.Observation("latency", verdict, time.time_ns() // 1_000, "late")])
        care.deliver()
        print("round", flush=True)
        time.sleep(0.01)
""")


def test_whoever_is_killed_at_any_moment_finds_the_incident_again_and_tells_what_was_not_told(tmp_path: Path) -> None:
    where, die = home.Home(tmp_path), random.Random(19)
    records = app.records(config.Config(), where)
    records.migrate()
    records.close()
    kept = care_records.incidents(config.Config(), where)
    for turn in range(6):
        if turn == 4:
            (tmp_path / "mended").touch()
        child = subprocess.Popen([sys.executable, "-c", WATCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(die.randint(1, 8)):
            assert child.stdout.readline() == "round\n"
        deadline_s = time.monotonic() + 30
        while turn == 5 and kept.newest(1)[0].standing is incidents.Standing.OPEN:
            assert time.monotonic() < deadline_s
            assert child.stdout.readline() == "round\n"
        time.sleep(die.random() * 0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    (one,) = kept.newest(10)
    kept.close()
    told = [json.loads(line) for line in (where.notices / "notices.jsonl").read_text().splitlines()]
    assert one.standing is incidents.Standing.REPAIRED
    assert {notice["kind"] for notice in told} >= {"began"}
    assert {notice["incident_id"] for notice in told} == {one.id}
    assert len({notice["id"] for notice in told if notice["kind"] == "began"}) == 1
