"""The OpenAPI document: FastAPI's own for /api, and by hand what the hot-path routes take and give."""

from collections.abc import Sequence
from typing import Any

import fastapi
from fastapi.openapi import utils

from council.domain import config as config_module
from council.domain import sandbox, sandbox_wire
from council.gateway import embeddings
from council.gateway.drafts import routes as drafts
from council.gateway.wire import chat as wire
from council.gateway.wire import completions, fields, messages, responses

_REFERENCE = "#/components/schemas/"


def document(app: fastapi.FastAPI, models: Sequence[str], settings: config_module.SandboxConfig) -> dict[str, Any]:
    """Return the document, made once. `models` are the names that callers may ask for."""
    if app.openapi_schema is None:
        made = utils.get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        request = wire.ChatRequest.model_json_schema(ref_template=_REFERENCE + "{model}")
        schemas.update(request.pop("$defs", {}))
        request["properties"]["model"]["enum"] = list(models)
        schemas["EmbeddingsRequest"] = embeddings.EmbeddingsRequest.model_json_schema(
            ref_template=_REFERENCE + "{model}"
        )
        schemas["EmbeddingsRequest"]["properties"]["model"]["enum"] = [embeddings.MODEL]
        # What is sent in is told inline by its route; this part of it has a name, for who writes a client.
        schemas["EditForm"] = drafts.EditForm.model_json_schema()
        for name, form in _FORMS.items():
            schemas[name] = {**form, "properties": {**form["properties"], "model": {**_TEXT, "enum": list(models)}}}
        schemas.update(_SCHEMAS, ChatRequest=request, SandboxLimits=_limits(settings), **_SANDBOX_SCHEMAS)
        made["paths"].update({**_paths(), **_form_paths(), **_sandbox_paths()})
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in made["paths"].items():
            error = "MessagesError" if path == "/v1/messages" else "Error"
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = _content("An error.", _ref(error))
                operation.setdefault("security", [{"token": []}, {}])
        app.openapi_schema = made
    return app.openapi_schema


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REFERENCE + name}


def _content(description: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _object(required: dict[str, Any], properties_more: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    properties = {**required, **(properties_more or {})}
    return {"type": "object", "required": list(required), "properties": properties, **more}


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
_CID: dict[str, Any] = {"type": ["string", "null"], "description": "Of the patch that made the generation, if one did."}
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
    "MessagesError": _object(
        {
            "type": {"const": "error"},
            "error": _object({"type": _TEXT, "message": _TEXT}),
            "request_id": _TEXT,
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
            "cid": _CID,
        },
        properties_more={
            "memory": {"type": "object", "description": "What memory gave and kept, where it is on."},
            "trial": _object(
                {
                    "generation": _TEXT,
                    "calls": _COUNT,
                    "calls_failed": _COUNT,
                    "paid": _FLAG,
                    "worst_usd_micros": _COUNT,
                },
                description="What a marked request came to.",
            ),
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
    "Embeddings": _object(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"type": "object"}},
            "model": _TEXT,
            "usage": {"type": "object"},
        }
    ),
    "Model": _object({"id": _TEXT, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT}),
    "Models": _object({"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}}),
    "Live": _object({"live": _FLAG, "generation": _TEXT, "cid": _CID}),
    "Ready": _object(
        {
            "ready": _FLAG,
            "degraded": {"type": "array", "items": _TEXT},
            "parts": {"type": "object", "additionalProperties": _TEXT},
            "generation": _TEXT,
            "cid": _CID,
            "inputs_digest": _TEXT,
        }
    ),
}


# The other wire forms, as far as every model takes them. A provider's own parameters pass beside these.
_SAMPLING: dict[str, Any] = {
    "stream": {"type": ["boolean", "null"]},
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
    "top_p": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 1_048_576}
_LIMIT_OR_NONE = {**_LIMIT, "type": ["integer", "null"]}
_ONE_TEXT = {"type": ["string", "array"], "minItems": 1, "maxItems": 1, "items": _TEXT}
_TURNS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"type": "string", "enum": ["user", "assistant"]}, "content": _TEXT},
    },
}
_FORMS: dict[str, dict[str, Any]] = {
    "CompletionRequest": {
        "type": "object",
        "required": ["model", "prompt"],
        "properties": {"prompt": _ONE_TEXT, "max_tokens": _LIMIT_OR_NONE, **_SAMPLING}
        | fields.refused(completions.REFUSED),
    },
    "ResponsesRequest": {
        "type": "object",
        "required": ["model", "input"],
        "properties": {"input": {"anyOf": [_TEXT, _TURNS]}, "max_output_tokens": _LIMIT_OR_NONE, **_SAMPLING}
        | fields.refused(responses.REFUSED),
    },
    "MessagesRequest": {
        "type": "object",
        "required": ["model", "messages", "max_tokens"],
        "properties": {"messages": _TURNS, "max_tokens": _LIMIT, **_SAMPLING} | fields.refused(messages.REFUSED),
    },
}


def _form(name: str, tag: str, summary: str, request: str, reply: dict[str, Any]) -> dict[str, Any]:
    answered = _content("The answer; server-sent events when `stream` is true.", reply)
    answered["content"]["text/event-stream"] = {"schema": _EVENT}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request)}}},
        "responses": {"200": answered},
    }


def _form_paths() -> dict[str, Any]:
    listed: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
    told = {"id": _TEXT, "model": _TEXT, "council": _ref("Council")}
    text = _object({**told, "object": {"const": "text_completion"}, "choices": listed})
    response = _object({**told, "object": {"const": "response"}, "output": listed})
    message = _object({**told, "type": {"const": "message"}, "content": listed})
    return {
        "/v1/completions": {
            "post": _form("completion", "openai", "Continue a text, as of old.", "CompletionRequest", text)
        },
        "/v1/responses": {
            "post": _form("response", "openai", "Answer, as the Responses API does.", "ResponsesRequest", response)
        },
        "/v1/messages": {
            "post": _form("message", "anthropic", "Answer, as Anthropic's API does.", "MessagesRequest", message)
        },
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
        "/v1/embeddings": {
            "post": {
                "operationId": "embeddings",
                "tags": ["openai"],
                "summary": "Turn texts into vectors.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _ref("EmbeddingsRequest")}},
                },
                "responses": {"200": _content("A vector for each text.", _ref("Embeddings"))},
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


# The sandbox

_NUMBER: dict[str, Any] = {"type": "number"}
_NAMES: dict[str, Any] = {"type": "array", "items": _TEXT}
_TEXTS_BY_NAME: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_OR_NONE = {"type": ["integer", "null"]}
_FILES_MAX = 100
_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

_JOB_EXAMPLE = {
    "language": "python",
    "code": "print(input().upper())",
    "stdin": "hello",
    "limits": {"wall_s": 2},
}
_RESULT_EXAMPLE: dict[str, Any] = {
    "status": "ok",
    "limit": None,
    "exit_code": 0,
    "signal": None,
    "stdout": "HELLO\n",
    "stderr": "",
    "files": {},
    "not_collected": {},
    "truncated": False,
    "wall_s": 0.004,
    "cpu_s": 0.002,
    "memory_peak_bytes": 9_437_184,
    "layers": ["user namespace", "seccomp", "landlock"],
    "layers_missing": [],
    "lowered": {},
    "blocked": {},
    "reason": "",
    "audit_id": "17-0a1b2c3d4e5f6071",
}

_SANDBOX_SCHEMAS: dict[str, Any] = {
    "SandboxBytes": {
        "description": "Text, or base64 where the bytes are not UTF-8.",
        "anyOf": [
            _TEXT,
            _object({"base64": {"type": "string", "pattern": _BASE64}}, additionalProperties=False),
        ],
    },
    "SandboxJob": {
        "type": "object",
        "required": ["language", "code"],
        "additionalProperties": False,
        "properties": {
            "language": {"type": "string", "enum": list(sandbox.LANGUAGES)},
            "code": _TEXT,
            "stdin": _ref("SandboxBytes"),
            "files": {
                "type": "object",
                "description": "Files put beside the code, by relative name.",
                "additionalProperties": _ref("SandboxBytes"),
                "maxProperties": _FILES_MAX,
            },
            "collect": {
                **_NAMES,
                "description": "Names of the files that come back.",
                "maxItems": _FILES_MAX,
            },
            "limits": _ref("SandboxLimits"),
        },
        "example": _JOB_EXAMPLE,
    },
    "SandboxResult": _object(
        {
            "status": {"type": "string", "enum": [str(status) for status in sandbox.Status]},
            "limit": {"type": ["string", "null"], "description": "The limit that ended it, or that it met."},
            "exit_code": _OR_NONE,
            "signal": _OR_NONE,
            "stdout": _ref("SandboxBytes"),
            "stderr": _ref("SandboxBytes"),
            "files": {"type": "object", "additionalProperties": _ref("SandboxBytes")},
            "not_collected": {**_TEXTS_BY_NAME, "description": "Why a file did not come back, by name."},
            "truncated": _FLAG,
            "wall_s": _NUMBER,
            "cpu_s": _NUMBER,
            "memory_peak_bytes": _OR_NONE,
            "layers": _NAMES,
            "layers_missing": _NAMES,
            "lowered": {
                "type": "object",
                "description": "Limits that could not be given in full, with what the job had.",
                "additionalProperties": _COUNT,
            },
            "blocked": {
                "type": "object",
                "description": "Refused system calls, by class.",
                "additionalProperties": _COUNT,
            },
            "reason": {"type": "string", "description": "Why it was rejected."},
            "audit_id": _TEXT,
        },
        example=_RESULT_EXAMPLE,
    ),
    "SandboxSessionRequest": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"limits": _ref("SandboxLimits")},
        "example": {"limits": {"memory_bytes": 268_435_456}},
    },
    "SandboxSession": _object({"id": _TEXT}),
    "SandboxSessionClosed": _object({"id": _TEXT, "closed": _FLAG}),
    "SandboxState": _object(
        {
            "kind": _TEXT,
            "layers": _NAMES,
            "layers_missing": {**_TEXTS_BY_NAME, "description": "Why a layer is missing, by layer."},
            "refuses": {"type": "string", "description": "Why no job is run; empty where jobs are."},
            "stopped": _FLAG,
            "stopped_by": _TEXT,
            "pool_ready": _COUNT,
            "pool_target": _COUNT,
            "refills_per_s": _NUMBER,
            "running": _COUNT,
            "waiting": _COUNT,
            "sessions": _COUNT,
            "jobs": _COUNT,
            "stopped_reason": _TEXT,
            "walls": {"type": "string", "description": "How the last isolation self-test ended."},
            "walls_untried_s": {"type": ["number", "null"], "description": "Since one told."},
        }
    ),
    "SandboxReason": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"reason": {"type": "string", "maxLength": sandbox_wire.REASON_CHARS_MAX}},
    },
    "SandboxKilled": _object({"stopped": _FLAG, "killed": _COUNT}),
    "SandboxLifted": _object({"stopped": _FLAG}),
}


def _limits(settings: config_module.SandboxConfig) -> dict[str, Any]:
    """Return the schema of limits, with the defaults and ceilings of this service."""
    properties = {
        name: {
            "type": "number" if name.endswith("_s") else "integer",
            "exclusiveMinimum": 0,
            "maximum": getattr(settings, f"{name}_max"),
            "default": getattr(settings, name),
        }
        for name in sandbox.LIMIT_NAMES
    }
    properties["memory_bytes"]["minimum"] = sandbox.MEMORY_BYTES_MIN
    return {"type": "object", "additionalProperties": False, "properties": properties}


_WHY = "SandboxReason"


def _sandbox_paths() -> dict[str, Any]:
    identifier = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
    sessions = "/v1/sandbox/sessions"
    return {
        "/v1/sandbox/run": {
            "post": _sandbox("run", "Run code in a sandbox of its own.", "SandboxResult", "SandboxJob")
        },
        sessions: {
            "post": _sandbox(
                "open_session",
                "Open a sandbox that keeps its state between calls.",
                "SandboxSession",
                "SandboxSessionRequest",
            )
        },
        f"{sessions}/{{id}}": {
            "delete": {
                **_sandbox("close_session", "End a session.", "SandboxSessionClosed"),
                "parameters": [identifier],
            }
        },
        f"{sessions}/{{id}}/run": {
            "post": {
                **_sandbox("run_in_session", "Run code in a session.", "SandboxResult", "SandboxJob"),
                "parameters": [identifier],
            }
        },
        "/v1/sandbox/status": {"get": _sandbox("status", "Show pool, queue, layers and kill switch.", "SandboxState")},
        "/v1/sandbox/kill": {
            "post": _sandbox("kill", "End all that runs, and refuse new jobs until lifted.", "SandboxKilled", _WHY)
        },
        "/v1/sandbox/lift": {"post": _sandbox("lift", "Take jobs again.", "SandboxLifted", _WHY)},
    }


def _sandbox(name: str, summary: str, reply: str, request: str = "") -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"sandbox_{name}",
        "tags": ["sandbox"],
        "summary": summary,
        "responses": {"200": _content("As it ended." if reply == "SandboxResult" else "Done.", _ref(reply))},
    }
    if request:
        content = {"application/json": {"schema": _ref(request)}}
        operation["requestBody"] = {"required": request != _WHY, "content": content}
    return operation
