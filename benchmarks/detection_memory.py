"""Has the watcher know processes for longer than they have run, so that fast leaks can be measured within minutes.

The rule for fast leaks leaves out half an hour of warm-up and wants to have seen forty minutes more. What a process of that age
would have told is put before what the live one tells: the memory of the same services of another Council, recorded over 43
minutes of changing load (see leaks_recorded), played twice, moved to the level that the live process has reached. The watcher
takes it up after a restart as it does with its own. So what is usual for a process is real memory, though not this process's.

Leaks in processes that really were 75 minutes old took 98 s (recall), 109 s (gateway) and 124 s (sandboxd): one run, seed 31,
after 72 minutes of the same load, in which nothing was told.
"""

import json
import sqlite3
import time
from collections.abc import Iterator

import leaks_recorded
from council.backends.runtime import local
from council.backends.samples import sqlite
from council.domain import home as home_module
from council.domain import watching
from council.kit import permissions

_TIMES = 2
# The watcher keeps one reading in fifteen seconds.
_EVERY = 5
_HEAP, _BEGAN = "heap_mb", "council_process_start_seconds"


async def age(where: home_module.Home) -> None:
    """Put the recorded memory before what each live service tells from now on. The watcher is away for some seconds."""
    runtime = local.LocalRuntime(where)
    await runtime.stop("watcher")
    file = where.watch / "samples.db"
    samples = sqlite.SqliteSamples(file)
    newest = {one.service: one for one in samples.since(time.time() - 120) if not one.problem}
    recorded = json.loads(leaks_recorded.RECORDED.read_text())
    with sqlite3.connect(file) as connection:
        # Its own youth is nothing that an old process tells.
        connection.executemany("DELETE FROM scrapes WHERE service = ?", [(one,) for one in recorded])
    connection.close()
    for service, once_mb in recorded.items():
        samples.keep(list(_scrapes(newest[service], once_mb)), [], [])
    samples.close()
    permissions.follow_owner(where.watch)
    await runtime.start("watcher")


def _scrapes(live: watching.Scrape, once_mb: list[float]) -> Iterator[watching.Scrape]:
    sizes_mb = [size + times * (once_mb[-1] - once_mb[0]) for times in range(_TIMES) for size in once_mb][::_EVERY]
    heap = next(one for one in live.readings if one.metric == _HEAP)
    began = next(one for one in live.readings if one.metric == _BEGAN)
    step_s = leaks_recorded.STEP_S * _EVERY
    for place, size_mb in enumerate(sizes_mb):
        at_s = live.at_s - (len(sizes_mb) - 1 - place) * step_s
        told = watching.Reading(_HEAP, heap.labels, heap.value + size_mb - sizes_mb[-1])
        yield watching.Scrape(live.service, at_s, [told, began])
