"""What recall's memory part is asked to do, by name: JSON in, the keeper's work, JSON out. Blocking."""

from collections.abc import Callable, Mapping
from typing import Any

from council.domain import errors, memory_wire
from council.serving.memory import keeper as keeper_module

_LIMIT_MAX = 1_000
_USER_CHARS_MAX = 256

_Operation = Callable[[keeper_module.Keeper, str, Mapping[str, Any]], dict[str, Any]]


def run(keeper: keeper_module.Keeper, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply to a request. Errors of ours become replies too; anything else is a bug of the caller's and raised."""
    operation = _OPERATIONS.get(str(request.get("operation")))
    try:
        if operation is None:
            raise errors.InvalidRequestError("Recall knows no such operation. Update Council.")
        user_id = request.get("user")
        # Nothing without a user: "" is only for what is nobody's.
        if not isinstance(user_id, str) or len(user_id) > _USER_CHARS_MAX or (not user_id and operation is not _embed):
            raise errors.InvalidRequestError("Memories belong to a user, and this call names none.")
        return operation(keeper, user_id, request)
    except errors.CouncilError as error:
        return error_form(error)


def at_once(keeper: keeper_module.Keeper, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the reply to a question that was asked before and whose answer still holds, without any waiting; else None."""
    if request.get("operation") != "recall":
        return None
    user_id, session, query = str(request.get("user", "")), str(request.get("session", "")), _text(request, "query")
    known = keeper.known(user_id, session, query, _limit(request))
    return None if known is None else memory_wire.recalled_form(known)


def error_form(error: errors.CouncilError) -> dict[str, Any]:
    """Return the reply that tells of an error."""
    told = {"code": error.code, "message": error.message, "detail": error.detail, "parameter": error.parameter}
    return {"error": told}


def _remember(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    session = memory_wire.session_of(str(request.get("session", "")))
    kept = keeper.remember(user_id, session, _text(request, "text"), _text(request, "request_id"))
    return {"memories": [memory_wire.form(one) for one in kept]}


def _recall(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    session = memory_wire.session_of(str(request.get("session", "")))
    return memory_wire.recalled_form(keeper.recall(user_id, session, _text(request, "query"), _limit(request)))


def _search(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    found = keeper.search(user_id, _text(request, "query"), _limit(request))
    return {"found": [memory_wire.found_form(one) for one in found]}


def _entries(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    rows = keeper.entries(user_id, memory_wire.selection_of(request["selection"]), _limit(request))
    return {"memories": [memory_wire.form(one) for one in rows]}


def _forget(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"forgotten": keeper.forget(user_id, memory_wire.selection_of(request["selection"]))}


def _correct(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    changed = keeper.correct(user_id, str(request["id"]), _text(request, "text"), _text(request, "request_id"))
    return {"memory": memory_wire.form(changed)}


def _import(keeper: keeper_module.Keeper, user_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    rows = [memory_wire.memory_of(one, user_id) for one in request["memories"]]
    return {"imported": keeper.take_in(user_id, rows)}


def _embed(keeper: keeper_module.Keeper, _: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return memory_wire.embedded_form(keeper.embed([str(text) for text in request["texts"]]))


def _text(request: Mapping[str, Any], name: str) -> str:
    # What a database cannot hold is replaced here, once.
    return str(request.get(name, "")).encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _limit(request: Mapping[str, Any]) -> int:
    return max(0, min(int(request.get("limit", 10)), _LIMIT_MAX))


_OPERATIONS: dict[str, _Operation] = {
    "remember": _remember,
    "recall": _recall,
    "search": _search,
    "entries": _entries,
    "forget": _forget,
    "correct": _correct,
    "import": _import,
    "embed": _embed,
}
