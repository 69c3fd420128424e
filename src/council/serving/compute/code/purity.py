"""Says by reading a program, without running it, what its result may depend on and whether it could tamper with a harness."""

import ast
import builtins
import importlib
import types

# What gives the same everywhere: no clock, no chance, no machine.
_PURE_MODULES = frozenset(
    "__future__ abc array bisect cmath collections copy dataclasses decimal enum fractions functools heapq itertools json "
    "math numbers operator re statistics string struct textwrap types typing".split()
)
_TAMPERING_NAMES = frozenset(
    "__builtins__ __import__ breakpoint compile delattr dir eval exec exit globals help id input locals memoryview open "
    "quit setattr vars hash object super getattr copyright credits license".split()
)
# Of `math`, what gives whole numbers for whole numbers.
_WHOLE = frozenset("ceil comb factorial floor gcd isqrt lcm perm prod trunc".split())
_GIVE_FLOATS = frozenset("array cmath json operator statistics struct".split())
_NODES_MAX = 20_000


def impurity(code: str, *, with_input: bool = False) -> str:
    """Return why the result of `code` may depend on more than its text, or "" where nothing says so.

    What passes has only pure modules, reaches no names behind double underscores, sets no attributes but of `self`, and
    holds no set whose order a run may choose. `with_input` allows input(), whose text the user then gave.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it does not parse as Python"
    nodes = list(ast.walk(tree))
    if len(nodes) > _NODES_MAX:
        return "it is too long to look through"
    for node in nodes:
        if reason := _reason(node, with_input):
            return reason
    if reason := _beyond_modules(nodes) or _limits_seen(nodes):
        return reason
    if _has_set(nodes) and _may_order_by_hash(tree, nodes):
        return "the order of a set may differ from run to run"
    return ""


def _reason(node: ast.AST, with_input: bool) -> str:
    match node:
        case ast.Import(names):
            for alias in names:
                if alias.name.split(".")[0] not in _PURE_MODULES:
                    return f"it uses the module {alias.name[:40]}"
        case ast.ImportFrom(module, _, level) if level or (module or "").split(".")[0] not in _PURE_MODULES:
            return f"it uses the module {(module or '.')[:40]}"
        case ast.Name(name) if name.startswith("__") and name != "__name__":
            return f"it uses {name[:40]}"
        case ast.Name(name) if name in _TAMPERING_NAMES:
            if name == "super" or (name == "input" and with_input):
                return ""
            return f"it uses {name}"
        case ast.Attribute(value, name, context):
            if name.startswith("__") and name != "__init__":
                return f"it uses {name[:40]}"
            if not isinstance(context, ast.Load) and not (isinstance(value, ast.Name) and value.id == "self"):
                return "it sets an attribute of something else"
        case ast.Global() | ast.AsyncFunctionDef() | ast.Await():
            return "" if isinstance(node, ast.Global) else "it is asynchronous"
    return ""


def _beyond_modules(nodes: list[ast.AST]) -> str:
    """Return what is reached through a pure module that is no part of it, as `json.codecs.sys`, or ""."""
    modules: dict[str, str] = {}
    for node in nodes:
        match node:
            case ast.Import(names):
                modules |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in names if alias.asname}
                modules |= {alias.name.split(".")[0]: alias.name.split(".")[0] for alias in names if not alias.asname}
            case ast.ImportFrom(module, names):
                for alias in names:
                    if alias.name.startswith("_") or _is_foreign(module or "", alias.name):
                        return f"it uses {module}.{alias.name}"[:80]
                    modules[alias.asname or alias.name] = f"{module}.{alias.name}"
    for node in nodes:
        if isinstance(node, ast.Attribute) and (path := _path(node)) and path[0] in modules:
            place = modules[path[0]]
            for name in path[1:]:
                if name.startswith("_") or _is_foreign(place, name):
                    return f"it uses {'.'.join(path)}"[:80]
                place = f"{place}.{name}"
    return ""


def _path(node: ast.expr) -> list[str]:
    match node:
        case ast.Name(name):
            return [name]
        case ast.Attribute(value, name):
            inner = _path(value)
            return [*inner, name] if inner else []
    return []


def _is_foreign(place: str, name: str) -> bool:
    """Say whether an attribute of a pure module is a module of another package. Only pure modules are looked at."""
    if place.split(".", maxsplit=1)[0] not in _PURE_MODULES:
        return False
    try:
        found = getattr(importlib.import_module(place), name, None)
    except ImportError:
        # Not a module but something in one.
        return False
    return isinstance(found, types.ModuleType) and found.__name__.split(".")[0] not in _PURE_MODULES


def _limits_seen(nodes: list[ast.AST]) -> str:
    """Return why the program may tell how deep this Python goes, or what it calls an error; "" where it cannot."""
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in ("RecursionError", "MemoryError"):
            return f"it uses {node.id}, whose limit is each machine's"
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.id if isinstance(node.type, ast.Name) else ""
        if node.name and caught not in own:
            return "it may show the words of an error, which depend on the version of Python"
        if caught in ("", "Exception", "BaseException", "RuntimeError") and functions & called:
            return "it may catch that it goes too deep, whose limit is each machine's"
    return ""


def version_seen(code: str) -> str:
    """Return why what `code`, which parses, prints may hang on the version of Python, or "" where nothing says so.

    Of code that is tested this matters less: the tests say which value is right.
    """
    nodes = list(ast.walk(ast.parse(code)))
    sums = any(isinstance(node, ast.Name) and node.id == "sum" for node in nodes)
    if sums and any(map(_may_give_float, nodes)):
        return "sum() rounds numbers with a point in another way from Python 3.12 on"
    return ""


def _may_give_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(float() | complex()) | ast.Name("float" | "complex") | ast.Attribute(_, "fromhex"):
            return True
        case ast.BinOp(_, ast.Div(), _) | ast.AugAssign(_, ast.Div(), _) | ast.BinOp(_, ast.Pow(), ast.UnaryOp()):
            return True
        case ast.Import(names):
            return any(alias.name in _GIVE_FLOATS or (alias.name == "math" and alias.asname) for alias in names)
        case ast.ImportFrom("math", names):
            return any(alias.name not in _WHOLE for alias in names)
        case ast.ImportFrom(module):
            return module in _GIVE_FLOATS
        case ast.Attribute(ast.Name("math"), name):
            return name not in _WHOLE
    return False


def _has_set(nodes: list[ast.AST]) -> bool:
    for node in nodes:
        match node:
            case ast.Set() | ast.SetComp() | ast.Name("set" | "frozenset"):
                return True
            case ast.Attribute(_, "intersection" | "union" | "difference" | "symmetric_difference"):
                return True
            # Views of a dictionary's keys make sets.
            case ast.BinOp(left, ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), right):
                if any(isinstance(side, ast.Call) and isinstance(side.func, ast.Attribute) for side in (left, right)):
                    return True
    return False


def _collects_functions(nodes: list[ast.AST]) -> bool:
    """Say whether functions may be elements of a set: their hash is where they lie in memory."""
    functions = {name for name in dir(builtins) if not isinstance(getattr(builtins, name), type)} - {"True", "False"}
    functions |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    elements: list[ast.expr] = []
    for node in nodes:
        match node:
            case ast.Set(found) | ast.List(found) | ast.Tuple(found):
                elements += found
            case ast.Call(ast.Attribute(_, "add" | "append"), found):
                elements += found
    return any(isinstance(one, ast.Lambda) or (isinstance(one, ast.Name) and one.id in functions) for one in elements)


def _may_order_by_hash(tree: ast.Module, nodes: list[ast.AST]) -> bool:
    """Say whether there may be elements whose hash differs from run to run: anything but numbers."""
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    if _collects_functions(nodes):
        return True
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.JoinedStr):
            return True
        if isinstance(node, ast.Constant) and id(node) not in prose and not isinstance(node.value, int | float):
            return True
        if isinstance(node, ast.Name) and node.id in ("str", "repr", "input", "chr", "bin", "hex"):
            return True
    return not tree.body
