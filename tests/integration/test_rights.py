"""What each service can still reach once it is confined: each case in a forked child, with the row of the table."""

import contextlib
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import forked
import single_service
from council import homes
from council.backends.records import engines
from council.domain import config, home
from council.kit import confine
from council.services import records_rights, rights, table
from council.supervisor import specs

CONFIG = config.Config(port=18300)
DENIED = "PermissionError"


@pytest.fixture(scope="module")
def where() -> Iterator[home.Home]:
    with single_service.short_folder() as folder:
        made = home.Home(folder / "h")
        homes.prepare(made, {})
        (made.library / "note.md").write_text("note")
        (made.models / "model.gguf").write_text("model")
        (made.store / "file").write_text("store")
        (made.run / "metrics").mkdir()
        made.sandbox_work.mkdir()
        made.patch_work.mkdir()
        made.steward_work.mkdir()
        (made.forge / "HEAD").write_text("forge")
        (made.lineage / "000000000001.jsonl").write_text("journal")
        (made.sandbox / "audit-00000001.jsonl").write_text("audit")
        made.meanings_file.write_text("vectors")
        made.bot_key_file("docs").write_text("key of docs")
        made.bot_key_file("cost").write_text("key of cost")
        made.bot_pause_file("docs").write_text("pause")
        (made.logs / "log").write_text("log")
        made.provider_key_file("far").write_text("key of a provider")
        (folder / "outside").write_text("outside")
        yield made


def confined(service: str, where: home.Home, action: Callable[[], object], settings: config.Config = CONFIG) -> str:
    return forked.outcome(lambda: (rights.confine_service(service, settings, where), action())[1])


def places(where: home.Home) -> dict[str, Path]:
    return {
        "token": where.token_file,
        "key": where.internal_key_file,
        "metrics key": where.metrics_key_file,
        "trial key": where.trial_key_file,
        "patches key": where.patches_key_file,
        "steward key": where.steward_key_file,
        "bots key": where.bots_key_file,
        "key of a bot": where.bot_key_file("docs"),
        "pause of a bot": where.bot_pause_file("docs"),
        "key of a provider": where.provider_key_file("far"),
        "forge": where.forge / "HEAD",
        "journal key": where.journal_key_file,
        "records": where.records / "council.db",
        "meanings": where.meanings_file,
        "generation": where.current / "council.yaml",
        "library": where.library / "note.md",
        "models": where.models / "model.gguf",
        "store": where.store / "file",
        "logs": where.logs / "log",
        "audit": where.sandbox / "audit-00000001.jsonl",
        "blueprint": where.blueprint / "HEAD",
        "journal": where.lineage / "000000000001.jsonl",
        "outside": where.root.parent / "outside",
    }


READABLE = {
    "gateway": {"key", "metrics key", "trial key", "records", "generation", "key of a provider"},
    "model": {"key", "models"},
    "recall": {"generation", "library", "records", "meanings"},
    "store": {"store"},
    "sandboxd": {"audit"},
    "watcher": {"generation", "records"},
    "messenger": {"records"},
    "patchctl": {
        "metrics key",
        "trial key",
        "patches key",
        "steward key",
        "journal key",
        "generation",
        "blueprint",
        "journal",
    },
    "steward": {"steward key", "bots key", "generation", "forge", "library", "records"},
    # Not the keys that they sign with.
    "bots": {"bots key", "pause of a bot", "generation", "records"},
    # All of a home that is not made anew.
    "backup": {
        *(
            "token",
            "key",
            "metrics key",
            "trial key",
            "patches key",
            "steward key",
            "bots key",
            "key of a bot",
            "key of a provider",
            "journal key",
        ),
        *("forge", "records", "generation", "library", "store", "audit", "blueprint", "journal"),
    },
    "worker": set(),
    "installer": set(),
    "migrator": {"records"},
}
WRITABLE = {
    "gateway": {"records", "metrics"},
    "store": {"store"},
    "model": set(),
    "recall": {"records", "recall", "uploads"},
    "sandboxd": {"sandbox"},
    "watcher": {"monitoring", "notices", "records", "watch"},
    "messenger": {"notices", "records"},
    # The keys of providers it puts there, and reads none.
    "patchctl": {"blueprint.git", "generations", "lineage", "patchctl", "providers"},
    "steward": {"forge.git", "steward", "records"},
    "bots": {"records"},
    "backup": {"records"},
    "worker": set(),
    "installer": set(),
    "migrator": {"records"},
}
PLACES = [
    "token",
    "key",
    "metrics key",
    "trial key",
    "patches key",
    "steward key",
    "bots key",
    "key of a bot",
    "pause of a bot",
    "key of a provider",
    "forge",
    "journal key",
    "records",
    "meanings",
    "generation",
    "library",
    "models",
    "store",
    "logs",
    "audit",
    "blueprint",
    "journal",
    "outside",
]
CONFINED = [name for name in table.NAMES if not rights.why_not_confined(name, CONFIG)]


def test_every_service_has_a_row() -> None:
    assert set(READABLE) == set(CONFINED) == set(WRITABLE)
    assert set(table.NAMES) - set(CONFINED) == {"zygote"}
    with pytest.raises(AssertionError):
        rights.confinement_of("never", CONFIG, home.Home(Path("/nowhere")))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("service", CONFINED)
def test_a_service_reads_only_what_its_row_names(where: home.Home, service: str, place: str) -> None:
    found = confined(service, where, lambda: len(places(where)[place].read_bytes()) > 0)
    assert found == ("True" if place in READABLE[service] else DENIED)


def test_only_what_keeps_the_keys_of_bots_reads_them_and_who_signs_reads_one(where: home.Home) -> None:
    def readable(confine_to: Callable[[], object]) -> set[str]:
        looks = {**places(where), "key of another bot": where.bot_key_file("cost")}

        def look() -> str:
            confine_to()
            found = set()
            for name, path in looks.items():
                with contextlib.suppress(PermissionError):
                    path.read_bytes()
                    found.add(name)
            return ",".join(sorted(found))

        return set(forked.outcome(look).strip("'").split(","))

    def one_after_the_other() -> None:
        rights.confine_keys(where)
        rights.confine_signing(where, where.bot_key_file("docs"))

    keys = {"key of a bot", "key of another bot", "generation"}
    assert readable(lambda: rights.confine_keys(where)) == keys
    assert readable(one_after_the_other) == {"key of a bot", "generation"}
    assert forked.outcome(lambda: (one_after_the_other(), socket.socket(socket.AF_INET))[1]) == DENIED


@pytest.mark.parametrize("service", CONFINED)
def test_a_service_writes_only_what_its_row_names(where: home.Home, service: str) -> None:
    def write() -> str:
        allowed = set()
        folders = [
            where.root,
            where.secrets,
            where.records,
            where.recall,
            where.library,
            where.models,
            where.store,
            where.logs,
            where.run,
            where.sandbox,
            where.watch,
            where.notices,
            where.monitoring,
        ]
        folders += [
            where.run / "metrics",
            where.sandbox_work,
            where.patch_work,
            where.steward_work,
            where.lineage,
            where.forge,
            where.provider_keys,
            where.uploads,
        ]
        for folder in [*folders, where.generations, where.blueprint, where.root.parent]:
            try:
                (folder / "new").write_text("x")
                (folder / "new").unlink()
                allowed.add(folder.name)
            except PermissionError:
                pass
        return repr(sorted(allowed))

    assert confined(service, where, write) == repr(sorted(WRITABLE[service]))


@pytest.mark.parametrize("service", CONFINED)
def test_a_service_neither_lists_the_home_nor_takes_its_keys_away(where: home.Home, service: str) -> None:
    assert confined(service, where, lambda: list(where.root.iterdir())) == DENIED
    assert confined(service, where, where.token_file.unlink) == DENIED
    assert confined(service, where, lambda: where.secrets.rename(where.root / "mine")) == DENIED
    assert where.token_file.exists() and where.internal_key_file.exists()


@pytest.mark.parametrize("service", CONFINED)
def test_a_service_connects_nowhere_but_where_its_row_says(where: home.Home, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = other.getsockname()
        assert confined(service, where, lambda: socket.create_connection(address)) == DENIED
    # The gateway asks it over a Unix socket.
    model = ("127.0.0.1", CONFIG.port + 5)
    found = confined(service, where, lambda: socket.create_connection(model, 1))
    assert (found != DENIED) == (service in ("watcher", "messenger", "patchctl"))


def test_the_watcher_may_connect_to_every_service_that_tells_metrics(where: home.Home) -> None:
    told = [one["targets"][0] for one in specs.targets(specs.specs(CONFIG, where, "0" * 40), CONFIG)]
    ports = [int(one.rpartition(":")[2]) for one in told]
    assert CONFIG.patchctl_port in ports

    def connect() -> list[int]:
        def refused(port: int) -> bool:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except PermissionError:
                return True
            except OSError:
                return False
            return False

        return [port for port in ports if refused(port)]

    assert confined("watcher", where, connect) == "[]"


@pytest.mark.parametrize("service", CONFINED)
def test_only_the_model_opens_a_port_of_its_own(where: home.Home, service: str) -> None:
    found = confined(service, where, lambda: socket.create_server(("127.0.0.1", 0)).close())
    assert found == ("None" if service == "model" else DENIED)


def test_an_installer_reaches_the_network_a_release_and_one_folder_and_nothing_else_of_the_home(
    where: home.Home,
) -> None:
    release, target, other = (where.root.parent / "release", where.releases / "mine", where.releases / "other")
    for folder in (release, target, other):
        folder.mkdir(parents=True)
    (release / "SHA256SUMS").write_text("sums")

    def able(action: Callable[[], object]) -> str:
        return forked.outcome(lambda: (rights.confine_installer(where, release, target, {}), action())[1])

    with socket.create_server(("127.0.0.1", 0)) as index:
        address = index.getsockname()
        assert able(lambda: socket.create_connection(address).close()) == "None"
    assert able((release / "SHA256SUMS").read_text) == "sums"
    assert able(lambda: (target / "link").symlink_to("/usr/bin/python3")) == "None"
    assert able(lambda: socket.create_server(("127.0.0.1", 0))) == DENIED
    for place in places(where).values():
        assert able(place.read_bytes) == DENIED
    for folder in (release, other, where.releases, where.generations, where.records, where.root):
        assert able(lambda folder=folder: (folder / "new").write_text("x")) == DENIED  # type: ignore[misc]


def test_a_gateway_with_a_database_elsewhere_may_connect_to_it(where: home.Home) -> None:
    elsewhere = config.build({"store": {"url": "valkey://x:1"}}, {}, {})
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = other.getsockname()
        found = confined("gateway", where, lambda: socket.create_connection(address).close(), elsewhere)
    assert found == "None"


def test_a_file_that_the_config_names_is_readable_and_its_neighbour_is_not(where: home.Home) -> None:
    folder = where.root.parent
    (folder / "own.gguf").write_text("mine")
    settings = config.build({"model": {"file": str(folder / "own.gguf")}}, {}, {})
    assert confined("model", where, (folder / "own.gguf").read_text, settings) == "mine"
    assert confined("model", where, (folder / "outside").read_text, settings) == DENIED


def test_a_home_in_opt_is_as_closed_as_any_other() -> None:
    row = rights.confinement_of("worker", CONFIG, home.Home(Path("/opt/council")))
    assert Path("/opt") not in row.read
    assert Path("/opt") in rights.confinement_of("worker", CONFIG, home.Home(Path("/srv/council"))).read


@pytest.mark.parametrize("place", ["usr/local/council", "usr/lib/inner/council", "etc/ssl/certs/council", "usr"])
def test_a_home_in_a_folder_of_the_system_is_closed_and_its_neighbours_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(rights, "_SYSTEM", (str(tmp_path / "usr"), *rights._SYSTEM))
    monkeypatch.setattr(rights, "_ETC", (str(tmp_path / "etc/ssl/certs"),))
    made = home.Home(tmp_path / place)
    beside = [tmp_path / "usr/lib/libc.so", tmp_path / "usr/local/file", tmp_path / "etc/ssl/certs/root.pem"]
    for file in [*beside, made.token_file]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    assert confined("worker", made, made.token_file.read_text) == DENIED
    readable = [file for file in beside if not file.is_relative_to(made.root)]
    assert confined("worker", made, lambda: [file.read_text() for file in readable]) == str(["text"] * len(readable))


def test_a_link_beside_the_home_does_not_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_SYSTEM", (str(tmp_path), *rights._SYSTEM))
    made = home.Home(tmp_path / "home")
    made.root.mkdir()
    made.token_file.write_text("text")
    (tmp_path / "way").symlink_to("home")
    assert confined("worker", made, made.token_file.read_text) == DENIED


@pytest.mark.parametrize(
    "place", ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/machine-id", "/etc/ssl/private"]
)
@pytest.mark.parametrize("service", CONFINED)
def test_a_service_reads_no_secret_of_the_system(where: home.Home, service: str, place: str) -> None:
    denied = ("FileNotFoundError", DENIED) if not Path(place).exists() else (DENIED,)
    assert confined(service, where, lambda: os.close(os.open(place, os.O_RDONLY))) in denied


@pytest.mark.parametrize("service", CONFINED)
def test_a_service_opens_no_device_but_the_harmless_ones(where: home.Home, service: str) -> None:
    devices = [one for one in sorted(Path("/dev").iterdir()) if not one.is_symlink() and not one.is_file()]

    def opened() -> list[str]:
        found = []
        for device in devices:
            with contextlib.suppress(OSError):
                os.close(os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
                found.append(device.name)
        return found

    assert confined(service, where, opened) == str(["full", "null", "random", "urandom", "zero"])
    assert confined(service, where, lambda: Path("/dev/null").write_text("x")) == "1"
    assert confined(service, where, lambda: Path("/dev/zero").write_text("x")) == DENIED
    assert confined(service, where, lambda: Path("/dev/shm/council-test").write_text("x")) == DENIED


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("service", CONFINED)
def test_a_service_without_tcp_makes_no_socket_but_unix_ones(
    where: home.Home, service: str, kind: socket.SocketKind
) -> None:
    found = confined(service, where, lambda: socket.socket(socket.AF_INET, kind).close())
    assert found == (
        "None"
        if service in ("gateway", "model", "watcher", "messenger", "patchctl", "steward", "bots", "backup", "installer")
        else DENIED
    )
    assert confined(service, where, lambda: socket.socket(socket.AF_UNIX).close()) == "None"


def test_what_the_kernel_cannot_take_away_is_said(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(confine, "seal", lambda: None)
    monkeypatch.setattr(confine, "apply", lambda _: 3)
    monkeypatch.setattr(confine, "_MACHINES", {})
    monkeypatch.setattr(records_rights, "limit", lambda _: None)
    caplog.set_level("INFO")
    rights.confine_service("worker", CONFIG, where)
    [tcp, last] = [record for record in caplog.records if "TCP" in record.message or record.message == "confined"][-2:]
    assert tcp.levelname == "WARNING" and vars(last)["sockets"] == "all"
    assert "no socket filter" in caplog.text


RECORDS = ("ledger", "incidents", "messages", "memories")


@pytest.mark.parametrize("service", CONFINED)
def test_a_confined_service_reaches_its_tables_of_the_records_and_no_other(where: home.Home, service: str) -> None:
    def reached() -> list[str]:
        return [table for table in RECORDS if _counts(where, table)]

    row = records_rights.ROWS.get(service)
    # The file itself is closed to who has no row, the migrator has it whole.
    may = RECORDS if service == "migrator" else () if row is None else [one for one in RECORDS if one in row.reads]
    assert confined(service, where, reached) == str(list(may))


def _counts(where: home.Home, table: str) -> bool:
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(engines.connect_sqlite(where.records / "council.db", 1.0, "NORMAL")) as opened,
    ):
        return opened.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)
    return False


@pytest.mark.parametrize("service", CONFINED)
def test_a_service_still_reports_about_itself(where: home.Home, service: str) -> None:
    assert int(confined(service, where, lambda: Path("/proc/self/statm").read_text().split()[0])) > 0


def unconfined(service: str, where: home.Home, settings: config.Config, caplog: pytest.LogCaptureFixture) -> str:
    """Return what the log says of a service that goes on with all its rights; it may still read the token."""
    caplog.clear()
    # Not forked: what would confine it would confine the test.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confine, "seal", lambda: pytest.fail("sealed"))
        patch.setattr(confine, "apply", lambda _: pytest.fail("confined"))
        patch.setattr(confine, "deny_sockets", lambda: pytest.fail("no sockets"))
        patch.setattr(records_rights, "limit", lambda _: None)
        rights.confine_service(service, settings, where)
    [said] = caplog.records
    assert (said.levelname, said.message, vars(said)["service"]) == ("WARNING", "not confined", service)
    return str(vars(said)["reason"])


def test_the_zygote_is_not_confined(where: home.Home, caplog: pytest.LogCaptureFixture) -> None:
    assert "mounts" in unconfined("zygote", where, CONFIG, caplog)


@pytest.mark.parametrize(("kind", "program"), [("firejail", "setuid program firejail"), ("gvisor", "runsc")])
def test_a_service_that_starts_the_jobs_programs_itself_is_not_confined_and_says_so(
    where: home.Home, caplog: pytest.LogCaptureFixture, kind: str, program: str
) -> None:
    settings = config.build({"sandbox": {"kind": kind}}, {}, {})
    assert program in unconfined("sandboxd", where, settings, caplog)
    assert [name for name in table.NAMES if rights.why_not_confined(name, settings)] == ["zygote", "sandboxd"]


def test_sandboxd_reaches_the_zygotes_socket(where: home.Home) -> None:
    with socket.socket(socket.AF_UNIX) as zygote:
        zygote.bind(str(where.socket("zygote")))
        zygote.listen()

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(where.socket("zygote")))

        assert confined("sandboxd", where, connect) == "None"
    where.socket("zygote").unlink()
