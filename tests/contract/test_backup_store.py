"""The store's append-only file, copied while a real Valkey writes it."""

import threading
from pathlib import Path

import valkey

import servers
from council.backends.store import bundled
from council.backups import copying
from council.domain import home


def test_a_copy_of_the_store_has_all_that_it_had_answered_for(tmp_path: Path) -> None:
    servers.need("valkey")
    with servers.valkey_bundled() as server:
        where, acknowledged, ending = home.Home(server.folder), 0, threading.Event()

        def write() -> None:
            nonlocal acknowledged
            with valkey.Valkey(unix_socket_path=str(bundled.socket(where))) as client:
                while not ending.is_set():
                    client.set(f"council:test:{acknowledged}", acknowledged)
                    acknowledged += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while acknowledged < 500:
                pass
            before = acknowledged
            copying._copy_store(where, copying.Copy(tmp_path))
        finally:
            ending.set()
            writer.join()
        server.stop()
        # In the place of what it had.
        (where.store / "appendonlydir").rename(where.store / "of-before")
        (tmp_path / "store" / "appendonlydir").rename(where.store / "appendonlydir")
        server.start()
        with valkey.Valkey(unix_socket_path=str(bundled.socket(where))) as client:
            there = client.mget([f"council:test:{number}" for number in range(before)])
    assert there == [str(number).encode() for number in range(before)]
