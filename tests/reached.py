"""Which tables of the records the code of a process leads to, by its text: what a service's module names, and what that names.

Coarser than a run, since whoever holds a kind of records is taken to use all of it; but no path is missed for being rare.
"""

import ast
import functools
import pathlib

import council
from council.backends.records import schema

_ROOT = pathlib.Path(council.__file__).parent
_RECORDS = "council.backends.records."
_TABLES = frozenset(schema.ledger.metadata.tables)


def tables_of(service: str) -> frozenset[str]:
    """Return the tables of every kind of records that the code of a service opens."""
    seen: set[str] = set()
    waiting = [f"council.services.{service}"]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.startswith(_RECORDS):
            found |= _tables_in(name.rpartition(".")[0])
        else:
            waiting += _named_in(name)
    return frozenset(found)


def _named_in(name: str) -> frozenset[str]:
    """Return the full names of what the definition `name` mentions: of a service's own module, everything in it."""
    module, rest = _parted(name)
    if module is None or (not rest and not module.startswith("council.services.")):
        return frozenset()
    return _mentioned(module, rest)


@functools.cache
def _mentioned(module: str, definition: str) -> frozenset[str]:
    tree, imported = _module(module)
    defined = _defined(module)
    wanted = defined.get(definition, []) if definition else tree.body
    found: set[str] = set()
    for node in (inner for one in wanted for inner in ast.walk(one)):
        match node:
            case ast.Attribute(value=ast.Name(id=alias), attr=attr) if alias in imported:
                found |= {f"{one}.{attr}" for one in imported[alias]}
            case ast.Name(id=alias) if alias in imported:
                found |= imported[alias]
            case ast.Name(id=other) if definition and other in defined:
                found.add(f"{module}.{other}")
    return frozenset(found)


@functools.cache
def _defined(module: str) -> dict[str, list[ast.stmt]]:
    """Return what a module defines at its top, by name."""
    found: dict[str, list[ast.stmt]] = {}
    for node in _module(module)[0].body:
        for name in _names(node):
            found.setdefault(name, []).append(node)
    return found


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for one in targets if isinstance(one, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


@functools.cache
def _parted(name: str) -> tuple[str | None, str]:
    """Return the module in a full name, and the rest up to its first dot."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        if _file(module) is not None:
            return module, parts[length] if length < len(parts) else ""
    return None, ""


@functools.cache
def _file(module: str) -> pathlib.Path | None:
    if module.split(".", maxsplit=1)[0] != "council":
        return None
    plain = _ROOT.joinpath(*module.split(".")[1:])
    return next((one for one in (plain.with_suffix(".py"), plain / "__init__.py") if one.is_file()), None)


@functools.cache
def _module(module: str) -> tuple[ast.Module, dict[str, set[str]]]:
    """Return the text of a module, and what each name that it imports stands for: functions may differ in that."""
    file = _file(module)
    assert file is not None
    tree = ast.parse(file.read_text())
    imported: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                imported.setdefault(one.asname or one.name, set()).add(f"{node.module}.{one.name}")
    return tree, imported


@functools.cache
def _tables_in(module: str) -> frozenset[str]:
    """Return the tables that a module of the records names, with those of helpers that are no records themselves."""
    tree, imported = _module(module)
    helpers = {name for names in imported.values() for name in names if name.startswith(_RECORDS)} - {module}
    found = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "schema"
    }
    beside = (_tables_in(one) for one in sorted(helpers) if not _is_records(one))
    return frozenset(found & _TABLES).union(*beside)


def _is_records(module: str) -> bool:
    return _file(module) is None or any(
        isinstance(one, ast.ClassDef) and one.name.startswith("Sql") for one in _module(module)[0].body
    )
