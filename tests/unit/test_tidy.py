"""Rules of this repository that no linter checks: sizes, names, places, dependencies, links."""

import ast
import functools
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "council"

SOURCE_LINES_MAX = 500
OTHER_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
FILE_BYTES_MAX = 1024 * 1024
FORBIDDEN_MODULES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}

# Put together here so that this file does not hold what it forbids. No place of one machine, no address of a registry.
FORBIDDEN_TEXT = re.compile(
    r"(?<![\w.~$}*-])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me/[A-Za-z0-9_.-]+)/"
    r"|\b(?:pypi|test\.pypi)\." + r"org\b|\bfiles\.python" + r"hosted\b|\bregistry\.(?:npm" + r"js|yarn" + r"pkg)\b"
    r"|\bproxy\.golang\."
    + r"org\b|\bcrates\."
    + r"io\b|\b(?:deb|security)\.deb"
    + r"ian\.org\b|\barchive\.ubu"
    + r"ntu\b"
)


@functools.cache
def _files() -> list[Path]:
    """Return what is tracked or would be: everything that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    files = [ROOT / name for name in sorted(set(listed.split("\0"))) if name]
    return [file for file in files if file.is_file() and not file.is_symlink()]


def _python_files(*folders: str) -> list[Path]:
    inside = [ROOT / folder for folder in folders]
    return [file for file in _files() if file.suffix == ".py" and any(file.is_relative_to(each) for each in inside)]


def _texts() -> Iterator[tuple[Path, str]]:
    for file in _files():
        content = file.read_bytes()
        if b"\0" not in content[:8192]:
            yield file, content.decode(errors="replace")


@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_the_listing_sees_the_sources() -> None:
    names = {_name(file) for file in _files()}
    assert {"pyproject.toml", "src/council/domain/errors.py", "tests/unit/test_tidy.py"} <= names


def test_files_are_short() -> None:
    long = {}
    for file in _python_files("src", "tests", "benchmarks", "tools"):
        limit = SOURCE_LINES_MAX if file.is_relative_to(ROOT / "src") else OTHER_LINES_MAX
        lines = len(file.read_text().splitlines())
        if lines > limit:
            long[_name(file)] = lines
    assert not long


def test_functions_fit_a_screen() -> None:
    long = {}
    for file in _python_files("src"):
        for node in ast.walk(_tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{_name(file)}:{node.lineno} {node.name}"] = lines
    assert not long


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = [
        _name(file)
        for file in _python_files("src", "tests", "benchmarks", "tools")
        if FORBIDDEN_MODULES & set(file.relative_to(ROOT).with_suffix("").parts)
    ]
    assert not drawers


def test_no_text_names_a_machine_or_a_registry() -> None:
    found = [
        f"{_name(file)}:{number} {match.group()}"
        for file, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        for match in FORBIDDEN_TEXT.finditer(line)
    ]
    assert not found


@pytest.mark.parametrize("before", ["", " ", '"', "(", "="])
@pytest.mark.parametrize("place", ["/ro" + "ot/x", "/wo" + "rk/x", "/ho" + "me/ann/x", "https://pypi." + "org/simple"])
def test_the_search_for_machines_and_registries_finds_them(before: str, place: str) -> None:
    assert FORBIDDEN_TEXT.search(before + place)


@pytest.mark.parametrize("text", ["src/wo" + "rk/x", "~/ro" + "ot/", "$HOME/wo" + "rk/", "/home/", "network/"])
def test_the_search_for_machines_leaves_other_paths_alone(text: str) -> None:
    assert not FORBIDDEN_TEXT.search(text)


def test_no_file_is_over_a_mebibyte() -> None:
    assert not {_name(file): file.stat().st_size for file in _files() if file.stat().st_size > FILE_BYTES_MAX}


# Dependencies


# Where the name to import is not that of the distribution. httptools is reached through uvicorn's protocol on top of it.
IMPORT_NAMES = {
    "pyyaml": "yaml", "httptools": "httptools_impl", "faiss-cpu": "faiss", "nvidia-ml-py": "pynvml",
    "opentelemetry-sdk": "opentelemetry", "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
}  # fmt: skip


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _runtime_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    return [_package(each) for each in wanted]


def _package(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _pins(lock: str) -> dict[str, list[tuple[str, bool]]]:
    """Map each package of a lock file to its versions, each with whether hashes stand below it."""
    pins: dict[str, list[tuple[str, bool]]] = {}
    text = (ROOT / lock).read_text()
    for match in re.finditer(r"^([A-Za-z0-9._-]+)==(\S+)([^\n]*\n(?:[ \t]+[^\n]*\n?)*)", text, re.MULTILINE):
        hashed = re.search(r"--hash=sha256:[0-9a-f]{64}\b", match.group(3)) is not None
        pins.setdefault(_normal(match.group(1)), []).append((match.group(2), hashed))
    return pins


def _mentions() -> set[str]:
    """Return every top module and name that src imports, and every word of its strings that are not docstrings.

    Some dependencies are never imported by us but named: uvicorn loads its loop and parser, SQLAlchemy its driver.
    """
    words: set[str] = set()
    for file in _python_files("src"):
        tree = _tree(file)
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                words |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                words |= {node.module.split(".")[0], *(alias.name for alias in node.names)}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                words |= set(re.findall(r"\w+", node.value))
    return words


def test_every_runtime_dependency_is_used() -> None:
    mentions = _mentions()
    unused = [
        name
        for name in _runtime_dependencies()
        if IMPORT_NAMES.get(_normal(name), _normal(name).replace("-", "_")) not in mentions
    ]
    assert not unused


def test_every_runtime_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    bare = [
        name
        for name in _runtime_dependencies()
        if not any(re.search(rf'"{re.escape(name)}[\[>=<~! "].*#\s*\S', line) for line in lines)
    ]
    assert not bare


def test_every_runtime_dependency_is_pinned_with_hashes() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    only_dev = {_normal(_package(each)) for extra in ("postgres", "notify", "otel") for each in extras[extra]}
    for lock in ("requirements.lock", "requirements-dev.lock"):
        pins = _pins(lock)
        wanted = {_normal(name) for name in _runtime_dependencies()} - (
            only_dev if lock == "requirements.lock" else set()
        )
        assert not wanted - pins.keys(), lock
        assert not [name for name, versions in pins.items() if not all(hashed for _, hashed in versions)], lock


def test_the_development_lock_holds_all_of_the_base_lock() -> None:
    base, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert base
    assert {name: dev.get(name) for name in base} == base


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-release.lock"])
def test_lock_files_name_no_host(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()


# Links


def _prose(text: str) -> str:
    """Return Markdown without its code, in which brackets are no links."""
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def _anchors(file: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    anchors: set[str] = set()
    text = re.sub(r"^(```|~~~).*?^\1[^\n]*$", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (made := f"{slug}-{number}" if number else slug) in anchors:
            number += 1
        anchors.add(made)
    return anchors | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def _broken_links(file: Path) -> list[str]:
    text = _prose(file.read_text())
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)", text) + re.findall(
        r"^\[[^\]]+\]:\s*<?(\S+?)>?\s*$", text, re.MULTILINE
    )
    broken = []
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        page = (file.parent / path).resolve() if path else file
        if not page.exists() or (anchor and page.suffix == ".md" and anchor not in _anchors(page)):
            broken.append(target)
    return broken


def test_every_local_link_leads_somewhere() -> None:
    pages = [file for file in _files() if file.suffix == ".md"]
    assert pages
    assert not {_name(page): broken for page in pages if (broken := _broken_links(page))}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# What it *is*, `x`\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#what-it-is-x) [c](there.md#twice-1) [d](#own) [e](https://example.com/x)\n"
        "[f](gone.md) [g](there.md#gone) `[h](code.md)`\n\n# Own\n\n```\n[i](code.md)\n```\n\n[j]: gone-too.md\n"
    )
    assert _broken_links(page) == ["gone.md", "there.md#gone", "gone-too.md"]
