import sys
from pathlib import Path

from council.kit import environment


def test_the_environment_holds_the_interpreter_and_its_packages() -> None:
    folders = environment.python_folders()
    assert {Path(sys.prefix), Path(sys.base_prefix)} <= folders
    assert any(folder.name in ("site-packages", "dist-packages") for folder in folders)


def test_loaded_code_names_the_interpreter_and_libraries_of_c() -> None:
    found = environment.loaded_code()
    assert any(path.name.startswith(("python", "libpython")) for path in found)
    assert any(path.name.startswith("libc.") or "musl" in path.name for path in found)
    assert all(path.is_file() for path in found)
