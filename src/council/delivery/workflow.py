"""The files by which a forge's workflow takes pull requests to their merge, put into a blueprint once and kept up to date.

They are the owner's: no patch can name a path below `.github`, and the scripts are protected by the default policy.
"""

from pathlib import Path

from council.domain import errors, home
from council.upkeep.engine import blueprint, shipped

# The app that runs workflows, by whose name its checks are told.
APP = "github-actions"
WORKFLOW = ".github/workflows/autonomous-deploy.yml"
_SCRIPTS = ("council.lock", "health_check.py", "install_council.sh", "validate_patch_auth.py")


def files() -> dict[str, bytes]:
    """Return GitHub's files by their paths in a blueprint, as this installation ships them. Raises SetupError."""
    folder = _folder()
    found = {WORKFLOW: folder / Path(WORKFLOW).name} | {
        f"scripts/{name}": folder / "scripts" / name for name in _SCRIPTS
    }
    try:
        return {path: file.read_bytes() for path, file in found.items()}
    except OSError as error:
        raise errors.SetupError(
            f"The workflow of the forge is missing from this installation ({error.strerror}). Install Council again."
        ) from error


def add(where: home.Home) -> list[str]:
    """Put those that are missing into the live blueprint, as a new generation; return their paths. Raises BlueprintError."""
    live = where.generations / blueprint.current(where)
    missing = {path: content for path, content in files().items() if not (live / path).exists()}
    if missing:
        blueprint.commit(where, dict(missing), shipped.FORGED)
    return sorted(missing)


def present(where: home.Home) -> dict[str, bytes]:
    """Return the files as this installation ships them if the live blueprint has the workflow, none otherwise."""
    is_there = (where.generations / blueprint.current(where) / WORKFLOW).exists()
    return files() if is_there else {}


def _folder() -> Path:
    package = Path(__file__).parents[1]
    packaged = package / "_forge" / "github"
    return packaged if packaged.is_dir() else package.parents[1] / "deploy" / "github"
