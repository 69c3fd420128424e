"""The OpenAPI document: FastAPI's own for /api, and by hand what the hot-path routes take and give."""

from collections.abc import Sequence
from typing import Any

import fastapi
from fastapi.openapi import utils

from council.gateway import wire

_REFERENCE = "#/components/schemas/"


def document(app: fastapi.FastAPI, models: Sequence[str]) -> dict[str, Any]:
    """Return the document, made once. `models` are the names that callers may ask for."""
    if app.openapi_schema is None:
        made = utils.get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        request = wire.ChatRequest.model_json_schema(ref_template=_REFERENCE + "{model}")
        schemas.update(request.pop("$defs", {}))
        request["properties"]["model"]["enum"] = list(models)
        schemas.update(_SCHEMAS, ChatRequest=request)
        made["paths"].update(_paths())
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for operations in made["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = _content("An error.", _ref("Error"))
                operation.setdefault("security", [{"token": []}, {}])
        app.openapi_schema = made
    return app.openapi_schema


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REFERENCE + name}


def _content(description: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _object(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required, **more}


_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: dict[str, Any] = {"type": "boolean"}
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event.",
    "required": ["data"],
    "properties": {
        "data": {"type": "string", "description": "A chat.completion.chunk or an error as JSON, or [DONE]."}
    },
}
_LEVELS = ["proved", "computed", "user-tested", "self-tested", "agreed", "quoted", "none"]

_SCHEMAS: dict[str, Any] = {
    "Error": _object(
        {
            "error": _object(
                {
                    "message": _TEXT,
                    "type": _TEXT,
                    "param": {"type": ["string", "null"]},
                    "code": _TEXT,
                    "request_id": _TEXT,
                }
            )
        }
    ),
    "Council": _object(
        {
            "request_id": _TEXT,
            "route": _TEXT,
            "specialist": _TEXT,
            "model": {"type": ["string", "null"]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "verified": _FLAG,
            "refused": _FLAG,
            "evidence": _object(
                {"level": {"type": "string", "enum": _LEVELS}, "summary": _TEXT, "detail": {"type": "object"}}
            ),
            "escalated": _FLAG,
            "cost_usd_micros": _COUNT,
            "tokens": _object({"prompt": _COUNT, "completion": _COUNT}),
            "timings_ms": {"type": "object", "additionalProperties": {"type": "number"}},
            "route_reasons": {"type": "array", "items": _TEXT},
            "passed_on": {"type": "object", "additionalProperties": _TEXT},
            "degraded": {"type": "array", "items": _TEXT},
            "generation": _TEXT,
        },
        description="What Council tells about an answer beside its text.",
    ),
    "ChatCompletion": _object(
        {
            "id": _TEXT,
            "object": {"const": "chat.completion"},
            "created": _COUNT,
            "model": _TEXT,
            "choices": {"type": "array", "items": {"type": "object"}, "minItems": 1},
            "usage": {"type": "object"},
            "council": _ref("Council"),
        }
    ),
    "Model": _object({"id": _TEXT, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT}),
    "Models": _object({"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}}),
    "Live": _object({"live": _FLAG, "generation": _TEXT}),
    "Ready": _object(
        {
            "ready": _FLAG,
            "degraded": {"type": "array", "items": _TEXT},
            "parts": {"type": "object", "additionalProperties": _TEXT},
            "generation": _TEXT,
        }
    ),
}


def _paths() -> dict[str, Any]:
    answered = _content("The answer; server-sent events when `stream` is true.", _ref("ChatCompletion"))
    answered["content"]["text/event-stream"] = {"schema": _EVENT}
    name = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    not_ready = _content("Questions cannot be answered now.", _ref("Ready"))
    return {
        "/v1/chat/completions": {
            "post": {
                "operationId": "chat",
                "tags": ["openai"],
                "summary": "Answer a conversation.",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ChatRequest")}}},
                "responses": {"200": answered},
            }
        },
        "/v1/models": {
            "get": {
                "operationId": "models",
                "tags": ["openai"],
                "summary": "List the models.",
                "responses": {"200": _content("The models.", _ref("Models"))},
            }
        },
        "/v1/models/{name}": {
            "get": {
                "operationId": "model",
                "tags": ["openai"],
                "summary": "Show one model.",
                "parameters": [name],
                "responses": {"200": _content("The model.", _ref("Model"))},
            }
        },
        "/livez": {"get": _probe("live", "Say that this process serves.", "Live")},
        "/readyz": {"get": _probe("ready", "Say whether questions can be answered.", "Ready", {"503": not_ready})},
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "tags": ["health"],
                "summary": "Show the metrics in Prometheus text form.",
                "responses": {"200": _content("The metrics.", _TEXT, "text/plain")},
            }
        },
    }


def _probe(name: str, summary: str, schema: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    responses = {"200": _content("As it is.", _ref(schema)), **(more or {})}
    return {"operationId": name, "tags": ["health"], "summary": summary, "responses": responses}
