"""Settings that were damaged on disk: who only looks goes by what the generation was made with, and it may be put back."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from council import homes
from council.domain import errors, home
from council.patching import recorded
from council.upkeep.engine import blueprint, repository

DAMAGED = b"gateway: [\n3f7a"
MADE = b"observe:\n  digest_at: '04:30'\n"


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    found = home.Home(tmp_path / "h")
    blueprint.commit(found, {recorded.FILE: MADE, "prompts/x.md": b"x"}, "Start")
    return found


def file_of(where: home.Home) -> Path:
    return where.generations / blueprint.current(where) / recorded.FILE


def damage(where: home.Home, content: bytes = DAMAGED) -> Path:
    file = file_of(where)
    file.chmod(0o600)
    file.write_bytes(content)
    file.chmod(0o400)
    return file


def test_who_only_looks_goes_by_what_the_generation_was_made_with_and_is_told_where_the_file_is_wrong(
    where: home.Home,
) -> None:
    assert recorded.config_of(where, None, {}, {})[1] == ""
    damage(where)
    found, told = recorded.config_of(where, None, {}, {"port": 9100})
    assert (found.observe.digest_at, found.port) == ("04:30", 9100)
    assert "`council.yaml` is not valid YAML: line 2, column 5" in told and "\n" not in told
    assert f"generation {blueprint.current(where)[:8]} was made with" in told
    with pytest.raises(errors.ConfigError, match="not valid YAML"):
        homes.load_config(where, None, {}, {})


def test_without_the_commit_it_goes_by_the_defaults_only_where_that_is_asked_for(where: home.Home) -> None:
    damage(where)
    where.blueprint.rename(where.root / "elsewhere")
    found, told = recorded.config_of(where, None, {}, {})
    assert found.observe.digest_at == "03:00" and "the default settings" in told
    with pytest.raises(errors.ConfigError, match="not valid YAML"):
        recorded.config_of(where, None, {}, {}, defaults=False)


def test_what_is_wrong_elsewhere_than_in_the_file_stays_an_error(where: home.Home) -> None:
    with pytest.raises(errors.ConfigError, match="port"):
        recorded.config_of(where, None, {"COUNCIL_PORT": "no port"}, {})
    damage(where)
    with pytest.raises(errors.ConfigError, match="YAML"):
        recorded.config_of(where, None, {"COUNCIL_PORT": "no port"}, {})


def test_damaged_settings_are_put_back_exactly_and_what_lay_there_is_kept(where: home.Home) -> None:
    live, file = blueprint.current(where), damage(where)
    told = recorded.put_back(where, {})
    assert file.read_bytes() == MADE and stat.S_IMODE(file.stat().st_mode) == 0o400
    kept = where.root / told.rpartition("what lay there is ")[2]
    assert kept.read_bytes() == DAMAGED and kept.is_relative_to(where.lineage) and live[:8] in told
    assert (blueprint.current(where), recorded.fault(where, live, {})) == (live, "")
    assert sorted(one.name for one in file.parent.iterdir()) == [recorded.FILE, "prompts"]
    assert recorded.put_back(where, {}) == ""


def test_of_several_generations_the_one_that_is_named_is_put_back(where: home.Home) -> None:
    before, file = blueprint.current(where), damage(where)
    blueprint.commit(where, {recorded.FILE: MADE + b"\n# More.\n"}, "Wait for the next start")
    assert blueprint.current(where) != before
    assert recorded.put_back(where, {}) == "" and file.read_bytes() == DAMAGED
    assert before[:8] in recorded.put_back(where, {}, before) and file.read_bytes() == MADE


def test_a_missing_file_is_put_back_and_one_that_the_group_reads_stays_readable_to_it(where: home.Home) -> None:
    file = file_of(where)
    file.parent.chmod(0o750)
    file.unlink()
    assert "it was missing" in recorded.put_back(where, {})
    assert file.read_bytes() == MADE and stat.S_IMODE(file.stat().st_mode) == 0o440


def test_settings_that_can_be_read_are_left_as_they_are_whoever_wrote_them(where: home.Home) -> None:
    file = damage(where, b"observe:\n  digest_at: '05:00'\n")
    with pytest.raises(errors.InvalidRequestError, match="can be read"):
        recorded.put_back(where, {})
    assert b"05:00" in file.read_bytes()


def test_nothing_is_put_back_that_is_not_what_the_commit_was_made_of(where: home.Home) -> None:
    file, live = damage(where), blueprint.current(where)
    entry = next(one for one in repository.entries(where, live) if one.path == recorded.FILE)
    evil = subprocess.run(
        ["git", "-C", str(where.blueprint), "hash-object", "-w", "--stdin"], input=b"port: 1\n", capture_output=True,
        check=True,
    ).stdout.decode().strip()  # fmt: skip
    objects = where.blueprint / "objects"
    own = objects / entry.digest[:2] / entry.digest[2:]
    own.unlink()
    os.link(objects / evil[:2] / evil[2:], own)
    with pytest.raises(errors.BlueprintError, match=r"cannot be read .* either"):
        recorded.put_back(where, {})
    assert file.read_bytes() == DAMAGED


def test_a_link_in_the_place_of_the_settings_is_left_to_a_person(where: home.Home, tmp_path: Path) -> None:
    file = file_of(where)
    file.unlink()
    (tmp_path / "x.yaml").write_bytes(DAMAGED)
    file.symlink_to(tmp_path / "x.yaml")
    with pytest.raises(errors.BlueprintError, match="is a link"):
        recorded.put_back(where, {})
    assert file.is_symlink()


def test_no_more_damaged_files_are_kept_than_are_worth_it(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "KEPT_MAX", 2)
    for number in range(4):
        damage(where, DAMAGED + b"%d" % number)
        recorded.put_back(where, {})
    assert len(list((where.lineage / "damaged").iterdir())) == 2
