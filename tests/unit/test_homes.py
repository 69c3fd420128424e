import contextlib
import dataclasses
import errno
import os
import shutil
import sqlite3
import stat
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pinned_release
from council import app, homes
from council.backends.records import migrations
from council.domain import access, config, errors, gates, home, patches, release_pin
from council.kit import durable
from council.upkeep.engine import blueprint
from forked import outcome


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    return home.Home(tmp_path / "home")


def tokens(where: home.Home) -> list[access.Token]:
    records = app.records(config.Config(), where)
    try:
        return records.tokens()
    finally:
        records.close()


MODES = {"root": 0o700, "secrets": 0o700, **dict.fromkeys(("key", "metrics", "trial", "token"), 0o600)}


def modes(where: home.Home) -> dict[str, int]:
    keys = {"key": where.internal_key_file, "metrics": where.metrics_key_file, "trial": where.trial_key_file}
    named = {"root": where.root, "secrets": where.secrets, "token": where.token_file, **keys}
    return {name: stat.S_IMODE(path.stat().st_mode) for name, path in named.items()}


def test_a_home_is_made_whole_from_nothing(where: home.Home) -> None:
    made = homes.prepare(where, {})
    assert made.new_blueprint and made.new_token
    assert modes(where) == MODES
    assert where.library.is_dir() and (where.current / homes.CONFIG_FILE).is_file()
    [token] = tokens(where)
    assert (token.role, token.secret_sha256) == (access.Role.ADMIN, access.digest(where.token_file.read_text().strip()))


def test_the_files_are_private_whatever_the_umask(where: home.Home) -> None:
    outcome(lambda: (os.umask(0), homes.prepare(where, {})))
    assert modes(where) == MODES


def test_preparing_again_changes_nothing(where: home.Home) -> None:
    first = homes.prepare(where, {})
    before = (
        where.token_file.read_text(),
        where.metrics_key_file.read_text(),
        where.trial_key_file.read_text(),
        tokens(where),
    )
    again = homes.prepare(where, {})
    assert (again.generation, again.new_blueprint, again.new_token) == (first.generation, False, False)
    assert (
        where.token_file.read_text(),
        where.metrics_key_file.read_text(),
        where.trial_key_file.read_text(),
        tokens(where),
    ) == before


def test_what_is_missing_is_added(where: home.Home) -> None:
    generation = homes.prepare(where, {}).generation
    where.token_file.unlink()
    where.current.unlink()
    where.uploads.rmdir()
    where.library.rmdir()
    again = homes.prepare(where, {})
    assert (again.generation, again.new_blueprint, again.new_token) == (generation, False, True)
    assert where.library.is_dir() and len(tokens(where)) == 2


def test_several_that_prepare_at_once_leave_one_whole_home(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[BaseException] = []
    real, second, inside = homes.add_token, threading.Event(), 0

    def add_slowly(*arguments: object) -> str:
        # Long enough for the others to come in as well, if anything lets them.
        nonlocal inside
        inside += 1
        (second.set if inside > 1 else lambda: second.wait(0.5))()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(homes, "add_token", add_slowly)

    def prepare() -> None:
        try:
            homes.prepare(where, {})
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [token.secret_sha256 for token in tokens(where)] == [access.digest(where.token_file.read_text().strip())]


@pytest.mark.parametrize("place", ["file", "file/inside", "/proc/home"])
def test_a_home_that_cannot_be_written_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.SetupError, match="cannot be written"):
        homes.prepare(home.Home(tmp_path / place), {})


def test_a_secret_that_cannot_be_written_says_so(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    homes.prepare(where, {})
    where.token_file.unlink()
    monkeypatch.setattr(durable, "write_among_others", full)
    with pytest.raises(errors.SetupError, match="token could not be written"):
        homes.prepare(where, {})


def test_the_home_is_that_of_the_flag_then_the_environment_then_the_default() -> None:
    environment = {"COUNCIL_HOME": "/from/environment"}
    assert homes.locate("/given", environment).root == Path("/given")
    assert homes.locate(None, environment).root == Path("/from/environment")
    assert homes.locate(None, {}).root == Path("~/.council").expanduser()
    assert homes.locate("~/x", {}).root == Path("~/x").expanduser()
    assert homes.locate("relative", {}).root.is_absolute()


def test_the_default_blueprint_holds_settings_prompts_and_the_guidebook() -> None:
    files = homes.default_files()
    assert {homes.CONFIG_FILE, "prompts/code.md", "prompts/general.md", "knowledge/about.md"} <= set(files)
    assert any(path.startswith("guidebook/") for path in files)
    config.build(homes.parse_yaml(files[homes.CONFIG_FILE], homes.CONFIG_FILE), {}, {})


def test_the_guidebook_has_every_folder_of_the_docs_but_the_readme_s_pictures_in_a_checkout_and_in_a_wheel() -> None:
    root = Path(__file__).parents[2]
    folders = {folder.name for folder in (root / "docs").iterdir()} - {"images"}
    files = homes.default_files()
    assert {path.split("/")[1] for path in files if path.startswith("guidebook/")} == folders
    carried = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    pages = {f"docs/{name}": f"council/_blueprint/guidebook/{name}" for name in folders}
    assert {name: to for name, to in carried["force-include"].items() if name.startswith("docs")} == pages


def test_settings_come_from_the_live_generation_with_environment_and_flags_on_top(where: home.Home) -> None:
    homes.prepare(where, {})
    assert homes.load_config(where, None, {"COUNCIL_PORT": "18300"}, {}).port == 18300
    assert homes.load_config(where, None, {"COUNCIL_PORT": "18300"}, {"port": 18400}).port == 18400


def test_nobody_may_change_a_new_blueprint_or_one_from_before_there_were_patches(where: home.Home) -> None:
    homes.prepare(where, {})
    assert homes.read_authz(where.current).signers == {}
    blueprint.commit(where, {"authz.yaml": None}, "Go back")
    assert homes.read_authz(where.current).signers == {}


def test_who_may_change_the_blueprint_is_of_the_live_generation(where: home.Home) -> None:
    homes.prepare(where, {})
    signer = "{name: Ann, kind: human, allow: ['**']}"
    content = f"authorisation: {{signers: {{'{'a' * 40}': {signer}}}}}\n".encode()
    blueprint.commit(where, {"authz.yaml": content}, "List Ann")
    assert homes.read_authz(where.current).signers["a" * 40].name == "Ann"
    with pytest.raises(errors.ConfigError, match="seals the journal"):
        homes.read_authz(where.current, "a" * 40)


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("gates.yaml", b'monitoring_gates: {latency_p95: "<900ms"}', True),
        ("gates.yaml", None, True),
        ("gates.yaml", b"monitoring_gates: {", True),
        ("gates.yaml", b"\xff", True),
        ("sentinels.yaml", b"sentinels: {}", True),
        ("prompts/gates.yaml", b"monitoring_gates: {}", True),
    ],
)
def test_what_is_not_surely_tighter_loosens(where: home.Home, path: str, content: bytes | None, expected: bool) -> None:
    generation = homes.prepare(where, {}).generation
    action = patches.Action.DELETE if content is None else patches.Action.PUT
    assert homes.loosens(where.generations / generation, patches.Change(path, action, content, None)) is expected


def test_a_file_of_the_default_blueprint_is_found_by_its_path() -> None:
    files = homes.default_files()
    for path in ("gates.yaml", "guidebook/reference/coverage.md"):
        assert homes.default_text(path).encode() == files[path]
    assert homes.default_text("guidebook/nowhere.md") == homes.default_text("nowhere.yaml") == ""


def test_a_setting_that_is_called_on_is_no_truth_of_yaml() -> None:
    assert homes.parse_yaml(b"healing: {on: off}\nyes: {no: 1}", "council.yaml") == {
        "healing": {"on": False},
        "yes": {"no": 1},
    }


@pytest.mark.parametrize(("limit", "expected"), [(900, False), (1000, False), (1100, True)])
def test_a_limit_of_all_gates_is_compared_with_that_of_the_generation(
    where: home.Home, limit: int, expected: bool
) -> None:
    generation = homes.prepare(where, {}).generation
    content = homes.default_files()["gates.yaml"].replace(b'"<1000ms"\n', f'"<{limit}ms"\n'.encode(), 1)
    change = patches.Change("gates.yaml", patches.Action.PUT, content, None)
    assert homes.loosens(where.generations / generation, change) is expected


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("council.yaml", b"gateway: {concurrent_max: 100}", False),
        ("council.yaml", b"gateway: {concurrent_max: 100, behind_proxy: true}", True),
        ("council.yaml", b"gateway: {concurrent_max: 300}", True),
        ("council.yaml", b"# nothing\n{}", True),
        ("council.yaml", b"gateway: {concurrent_max: 0}", True),
        ("council.yaml", b"gateway: {", True),
        ("council.yaml", None, True),
        ("providers.yaml", b"escalation: {share_max: 0.03}", False),
        ("providers.yaml", b"escalation: {share_max: 0.5}", True),
        ("providers.yaml", b"providers: {near: {url: 'http://127.0.0.1:9/v1', key: none}}", True),
    ],
)
def test_settings_and_providers_need_a_person_unless_it_is_tuning(
    where: home.Home, path: str, content: bytes | None, expected: bool
) -> None:
    generation = homes.prepare(where, {}).generation
    action = patches.Action.DELETE if content is None else patches.Action.PUT
    assert homes.loosens(where.generations / generation, patches.Change(path, action, content, None)) is expected


def test_a_home_without_a_blueprint_says_what_to_run(where: home.Home) -> None:
    with pytest.raises(errors.BlueprintError, match="council init"):
        homes.load_config(where, None, {}, {})


BOMB = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c + 1, c + 1, c, c) for c in range(ord("a"), ord("x")))

UNUSABLE = {
    "twice": b"port: 8000\nport: 9000\n",
    "twice_inside": b"model: {name: a, name: b}\n",
    "a_list": b"- port\n",
    "a_text": b"port",
    "unclosed": b"port: [",
    "tab": b"\tport: 1",
    "control": b"port: \x01",
    "not_utf8": b"port: \xff\xff",
    "a_key_that_is_a_list": b"? [a, b]\n: 1\n",
    "a_key_that_is_a_mapping": b"{a: 1}: 2\n",
    "a_date_that_is_none": b"port: 2020-13-45\n",
    "a_number_of_many_digits": b"port: " + b"9" * 5_000,
    "an_object": b"!!python/object/apply:os.system [ls]\n",
    "too_deep": b"port: " + b"[" * 1_000,
    "a_bomb": BOMB,
    "around_in_a_circle": b"a: &a [*a]\n",
    "a_merge": b"a: &a {b: 1}\nc: {<<: *a}\n",
}


@pytest.mark.parametrize("raw", UNUSABLE.values(), ids=UNUSABLE)
def test_yaml_that_cannot_be_used_is_a_config_error_with_the_name_of_the_file(raw: bytes) -> None:
    with pytest.raises(errors.ConfigError, match=r"council\.yaml"):
        homes.parse_yaml(raw, "council.yaml")


@given(st.binary(max_size=100) | st.text(alphabet="ab:-[]{}&*?!|>'\" \n#%@`,~0123456789", max_size=60).map(str.encode))
def test_any_bytes_are_a_mapping_or_a_config_error(raw: bytes) -> None:
    try:
        assert isinstance(homes.parse_yaml(raw, "x"), dict)
    except errors.ConfigError:
        pass


def test_an_empty_file_is_no_settings_and_a_large_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "council.yaml"
    file.write_bytes(b"# nothing\n")
    assert homes.read_yaml(file) == {}
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(errors.ConfigError, match="Make it smaller"):
        homes.read_yaml(file)
    with pytest.raises(errors.ConfigError, match="cannot be read"):
        homes.read_yaml(tmp_path)


def test_a_first_token_that_lost_records_do_not_know_is_entered_again(tmp_path: Path) -> None:
    where = home.Home(tmp_path / "h")
    homes.prepare(where, {})
    for file in where.records.iterdir():
        file.unlink()
    assert not homes.prepare(where, {}).new_token
    records = app.records(homes.load_config(where, None, {}, {}), where)
    digests = [token.secret_sha256 for token in records.tokens()]
    records.close()
    assert digests == [access.digest(where.token_file.read_text().strip())]


def test_the_digest_of_what_a_service_began_with_is_of_its_generation_and_empty_where_that_cannot_be_read(
    where: home.Home,
) -> None:
    before = homes.prepare(where, {}).generation
    after = blueprint.commit(where, {"prompts/answer.md": b"Be brief.\n"}, "Another prompt")
    told = {name: homes.inputs_digests(where, name, ("gateway", "recall")) for name in (before, after)}
    assert told[before]["gateway"] != told[after]["gateway"] and told[before]["recall"] == told[after]["recall"]
    assert homes.inputs_digest(where, None, "gateway") == homes.inputs_digest(where, after, "gateway")
    assert homes.inputs_digest(where, after, "gateway") == told[after]["gateway"]
    (where.generations / after / "link").symlink_to("/etc/passwd")
    assert homes.inputs_digest(where, after, "gateway") == "" == homes.inputs_digest(where, "f" * 40, "gateway")


def test_what_older_releases_read_stays_while_a_generation_of_another_release_is_on_disk(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_thumbs() -> bool:
        with contextlib.closing(sqlite3.connect(where.records / "council.db")) as records:
            return bool(records.execute("SELECT 1 FROM sqlite_master WHERE name = 'thumbs'").fetchall())

    first = homes.prepare(where, {}).generation
    monkeypatch.setattr(migrations, "LAST_STEPS", (lambda connection: connection.exec_driver_sql("DROP TABLE thumbs"),))
    pin = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")
    second = blueprint.commit(where, {release_pin.FILE: pinned_release.text(pin)}, "Pin a release")
    assert homes.load_pin(where, first) is None and homes.load_pin(where, second) == pin
    homes.prepare(where, {}, is_alone=True)
    assert homes.pins(where) == {None, pin} and has_thumbs()
    odd = where.generations / first / release_pin.FILE
    odd.write_text("release: 7\n")
    homes.prepare(where, {}, is_alone=True)
    assert has_thumbs()
    shutil.rmtree(where.generations / first)
    # Beside one that runs, or by another release than the pinned one.
    homes.prepare(where, {})
    assert has_thumbs()
    homes.prepare(where, {}, is_alone=True)
    assert not has_thumbs()


def test_a_new_gate_that_has_the_healer_act_needs_a_person(where: home.Home) -> None:
    generation = homes.prepare(where, {}).generation
    gates_now = homes.read_gates(where.generations / generation)
    one = dataclasses.replace(gates_now[0], name="mine", playbooks=())
    assert gates.loosened(gates_now, [*gates_now, one]) is None
    assert gates.loosened(gates_now, [*gates_now, dataclasses.replace(one, playbooks=("kill switch",))]) == "mine"
    changed = dataclasses.replace(gates_now[0], playbooks=("kill switch",))
    assert gates.loosened(gates_now, [changed, *gates_now[1:]]) == gates_now[0].name
