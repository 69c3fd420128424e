from pathlib import Path

import pytest

import staging_rig as rig
from council.domain import errors, inputs
from council.upkeep.engine import blueprint, staging
from council.upkeep.engine import inputs as reading


def test_a_patch_of_a_prompt_concerns_the_gateway_alone(tmp_path: Path) -> None:
    where = rig.begin(tmp_path / "home")
    live = blueprint.current(where)
    content = rig.FILES["prompts/code.md"]
    made = staging.stage(where, rig.patch(live, rig.put("prompts/code.md", content + b"Truly.\n", content)))
    before, after = reading.read(where.generations / live), reading.read(where.generations / made)
    assert before.keys() == rig.FILES.keys() and before["council.yaml"] == rig.sha256(rig.FILES["council.yaml"])
    assert inputs.touched(inputs.USES, before, after) == {"gateway"}


def test_a_mode_tells_files_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = reading.read(tmp_path)
    (tmp_path / "a").chmod(0o500)
    assert reading.read(tmp_path) != before


def test_a_folder_with_more_than_plain_files_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(errors.BlueprintError, match="council init"):
            reading.read(folder)
