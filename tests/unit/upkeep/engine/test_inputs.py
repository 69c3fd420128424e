from pathlib import Path

import pytest

import staging_rig as rig
from council import homes
from council.domain import errors, inputs
from council.upkeep.engine import blueprint, staging
from council.upkeep.engine import inputs as reading


def test_a_patch_of_a_prompt_concerns_the_gateway_alone(tmp_path: Path) -> None:
    where = rig.begin(tmp_path / "home")
    live = blueprint.current(where)
    content = rig.FILES["prompts/code.md"]
    made = staging.stage(where, rig.patch(live, rig.put("prompts/code.md", content + b"Truly.\n", content)))
    before, after = (reading.read(where.generations / name, homes.parse_settings) for name in (live, made))
    assert {path for path in before if not path.startswith("council.yaml/")} == rig.FILES.keys() - {"council.yaml"}
    assert before["prompts/code.md"] == rig.sha256(rig.FILES["prompts/code.md"])
    assert inputs.touched(inputs.USES, before, after) == {"gateway"}


def parts(folder: Path, settings: bytes) -> dict[str, str]:
    (folder / "council.yaml").write_bytes(settings)
    return reading.read(folder, homes.parse_settings)


def test_of_the_settings_only_what_they_say_counts(tmp_path: Path) -> None:
    before = parts(tmp_path, b"recall:\n  files_max: 7\n  poll_s: 3\nlearning: true\n")
    same = b"# Why not?\n{learning: yes, port: 8000, recall: {poll_s: 3.0, files_max: 7}}\n"
    assert parts(tmp_path, same) == before
    after = parts(tmp_path, b"recall:\n  files_max: 7\n  poll_s: 4\nlearning: true\n")
    assert inputs.touched(inputs.USES, before, after) == {"recall", "gateway"}


@pytest.mark.parametrize("broken", [b"port: [", b"prot: 1\n", b"\xff", b"- 1\n", b"gateway: {host: 0.0.0.0}\n"])
def test_settings_that_nobody_could_read_concern_everybody(tmp_path: Path, broken: bytes) -> None:
    before = parts(tmp_path, b"")
    assert parts(tmp_path, broken) == {"council.yaml": rig.sha256(broken)}
    assert inputs.touched(inputs.USES, before, parts(tmp_path, broken)) == inputs.USES.keys()


def test_a_mode_tells_files_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = reading.read(tmp_path, homes.parse_settings)
    (tmp_path / "a").chmod(0o500)
    assert reading.read(tmp_path, homes.parse_settings) != before


def test_a_folder_with_more_than_plain_files_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(errors.BlueprintError, match="council init"):
            reading.read(folder, homes.parse_settings)
