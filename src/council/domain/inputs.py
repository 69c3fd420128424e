"""Which files of a generation each service uses, and a digest of them: the one table of decision 18. Pure.

A service whose digest is the same in two generations need not be started anew for the second. So the table may say too much,
which costs a start, and must not say too little: a file that nobody is known to use counts as everybody's, and a service that
is not known uses every file.
"""

import hashlib
import types
from collections.abc import Iterable, Mapping

from council.domain import authz, baking, gates, model_catalogue, providers, sentinels

# What ends in `/` is a folder with all that it holds.
EVERYBODY = ("council.yaml",)
# Read anew by whoever wants it: the pair by those who look at patches, the rules for patches and the questions that try a
# generation at each of them, the models that may be fetched by the command that fetches one.
NOBODY = (".council/", authz.FILE, f"{authz.KEYS_FOLDER}/", baking.FILE, model_catalogue.FILE)
USES: Mapping[str, tuple[str, ...]] = types.MappingProxyType(
    {
        "store": (),
        "model": (),
        "worker": (),
        "recall": ("guidebook/", "knowledge/"),
        "zygote": (),
        "sandboxd": (),
        # Its rules it reads anew for each patch.
        "patchctl": (),
        "watcher": (gates.FILE, providers.FILE, sentinels.FILE),
        "messenger": (),
        "gateway": ("prompts/", providers.FILE),
    }
)
_SOMEBODY = frozenset(path for paths in USES.values() for path in paths)


def uses(service: str, path: str) -> bool:
    """Return whether a service uses the file at a path of the generation."""
    if _lies(path, NOBODY):
        return False
    if service not in USES or _lies(path, EVERYBODY) or _lies(path, USES[service]):
        return True
    return not _lies(path, _SOMEBODY)


def digest(service: str, files: Mapping[str, str]) -> str:
    """Return the SHA-256, in hex, of what a service uses. `files` maps each path to what tells its content and mode."""
    lines = (f"{files[path]} {path}\n" for path in sorted(files) if uses(service, path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def touched(services: Iterable[str], before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Return the services that have to be started anew when the files of one generation give way to those of another."""
    return frozenset(each for each in services if digest(each, before) != digest(each, after))


def _lies(path: str, places: Iterable[str]) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)
