"""Says by reading a program, without running it, what its result may depend on and whether it could tamper with a harness."""

import ast
import builtins

# What gives the same everywhere: no clock, no chance, no machine.
_PURE_MODULES = frozenset(
    "__future__ abc array bisect cmath collections copy dataclasses decimal enum fractions functools heapq itertools json "
    "math numbers operator re statistics string struct textwrap types typing".split()
)
_TAMPERING_NAMES = frozenset(
    "__builtins__ __import__ breakpoint compile delattr dir eval exec exit globals help id input locals memoryview open "
    "quit setattr vars hash object super getattr".split()
)
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
