"""The live generation's settings files as the gateway reads them."""

from pathlib import Path

import pytest

from council.backends.blueprint import folder
from council.domain import errors


def test_the_files_are_those_of_the_generation_that_is_current(tmp_path: Path) -> None:
    for name in ("a" * 40, "b" * 40):
        (tmp_path / name).mkdir()
        (tmp_path / name / "council.yaml").write_text(f"# {name}")
        (tmp_path / name / "gates.yaml").write_text("not asked for")
    current = tmp_path / "current"
    made = folder.FolderBlueprint(current)
    with pytest.raises(errors.BlueprintError):
        made.look()
    current.symlink_to("a" * 40)
    assert made.look() == ("a" * 40, {"council.yaml": b"# " + b"a" * 40})
    current.unlink()
    current.symlink_to("b" * 40)
    assert made.look()[0] == "b" * 40
    (tmp_path / ("b" * 40) / "authz.yaml").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(errors.BlueprintError, match=r"authz\.yaml"):
        made.look()
