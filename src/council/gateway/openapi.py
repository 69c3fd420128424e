"""The OpenAPI document: FastAPI's own for /api, and by hand what the hot-path routes take and give."""

from collections.abc import Sequence
from typing import Any

import fastapi
from fastapi.openapi import utils

from council.domain import config as config_module
from council.domain import sandbox, sandbox_wire
from council.gateway import answer_schemas, embeddings, schemas
from council.gateway.drafts import routes as drafts
from council.gateway.wire import chat as wire
from council.gateway.wire import completions, fields, messages, responses


def document(app: fastapi.FastAPI, models: Sequence[str], settings: config_module.SandboxConfig) -> dict[str, Any]:
    """Return the document, made once. `models` are the names that callers may ask for."""
    if app.openapi_schema is None:
        made = utils.get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        known = made.setdefault("components", {}).setdefault("schemas", {})
        known.pop("HTTPValidationError", None)
        known.pop("ValidationError", None)
        request = wire.ChatRequest.model_json_schema(ref_template=schemas.REFERENCE + "{model}")
        known.update(request.pop("$defs", {}))
        request["properties"]["model"]["enum"] = list(models)
        known["EmbeddingsRequest"] = embeddings.EmbeddingsRequest.model_json_schema(
            ref_template=schemas.REFERENCE + "{model}"
        )
        known["EmbeddingsRequest"]["properties"]["model"]["enum"] = [embeddings.MODEL]
        # What is sent in is told inline by its route; this part of it has a name, for who writes a client.
        known["EditForm"] = drafts.EditForm.model_json_schema()
        for name, form in _FORMS.items():
            known[name] = {
                **form,
                "properties": {**form["properties"], "model": {**schemas.TEXT, "enum": list(models)}},
            }
        known.update(
            answer_schemas.SCHEMAS, **_SCHEMAS, ChatRequest=request, SandboxLimits=_limits(settings), **_SANDBOX_SCHEMAS
        )
        told = {"anyOf": [schemas.ref("Council"), {"type": "null"}]}
        known["MessageForm"]["properties"]["council"] = told
        made["paths"].update({**_paths(), **_form_paths(), **_sandbox_paths()})
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in made["paths"].items():
            error = "MessagesError" if path == "/v1/messages" else "Error"
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = schemas.content("An error.", schemas.ref(error))
                operation.setdefault("security", [{"token": []}, {}])
        app.openapi_schema = made
    return app.openapi_schema


_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event.",
    "required": ["data"],
    "properties": {
        "data": {"type": "string", "description": "A chat.completion.chunk or an error as JSON, or [DONE]."}
    },
}

_SCHEMAS: dict[str, Any] = {
    "Error": schemas.object_of(
        {
            "error": schemas.object_of(
                {
                    "message": schemas.TEXT,
                    "type": schemas.TEXT,
                    "param": {"type": ["string", "null"]},
                    "code": schemas.TEXT,
                    "request_id": schemas.TEXT,
                }
            )
        }
    ),
    "MessagesError": schemas.object_of(
        {
            "type": {"const": "error"},
            "error": schemas.object_of({"type": schemas.TEXT, "message": schemas.TEXT}),
            "request_id": schemas.TEXT,
        }
    ),
    "ChatCompletion": schemas.object_of(
        {
            "id": schemas.TEXT,
            "object": {"const": "chat.completion"},
            "created": schemas.COUNT,
            "model": schemas.TEXT,
            "choices": {"type": "array", "items": {"type": "object"}, "minItems": 1},
            "usage": {"type": "object"},
            "council": schemas.ref("Council"),
        }
    ),
    "Embeddings": schemas.object_of(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"type": "object"}},
            "model": schemas.TEXT,
            "usage": {"type": "object"},
        }
    ),
    "Model": schemas.object_of(
        {"id": schemas.TEXT, "object": {"const": "model"}, "created": schemas.COUNT, "owned_by": schemas.TEXT}
    ),
    "Models": schemas.object_of(
        {"object": {"const": "list"}, "data": {"type": "array", "items": schemas.ref("Model")}}
    ),
    "Live": schemas.object_of({"live": schemas.FLAG, "generation": schemas.TEXT, "cid": schemas.CID}),
    "Ready": schemas.object_of(
        {
            "ready": schemas.FLAG,
            "degraded": {"type": "array", "items": schemas.TEXT},
            "parts": {"type": "object", "additionalProperties": schemas.TEXT},
            "generation": schemas.TEXT,
            "cid": schemas.CID,
            "inputs_digest": schemas.TEXT,
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
_ONE_TEXT = {"type": ["string", "array"], "minItems": 1, "maxItems": 1, "items": schemas.TEXT}
_TURNS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"type": "string", "enum": ["user", "assistant"]}, "content": schemas.TEXT},
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
        "properties": {"input": {"anyOf": [schemas.TEXT, _TURNS]}, "max_output_tokens": _LIMIT_OR_NONE, **_SAMPLING}
        | fields.refused(responses.REFUSED),
    },
    "MessagesRequest": {
        "type": "object",
        "required": ["model", "messages", "max_tokens"],
        "properties": {"messages": _TURNS, "max_tokens": _LIMIT, **_SAMPLING} | fields.refused(messages.REFUSED),
    },
}


def _form(name: str, tag: str, summary: str, request: str, reply: dict[str, Any]) -> dict[str, Any]:
    answered = schemas.content("The answer; server-sent events when `stream` is true.", reply)
    answered["content"]["text/event-stream"] = {"schema": _EVENT}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schemas.ref(request)}}},
        "responses": {"200": answered},
    }


def _form_paths() -> dict[str, Any]:
    listed: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
    told = {"id": schemas.TEXT, "model": schemas.TEXT, "council": schemas.ref("Council")}
    text = schemas.object_of({**told, "object": {"const": "text_completion"}, "choices": listed})
    response = schemas.object_of({**told, "object": {"const": "response"}, "output": listed})
    message = schemas.object_of({**told, "type": {"const": "message"}, "content": listed})
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
    answered = schemas.content("The answer; server-sent events when `stream` is true.", schemas.ref("ChatCompletion"))
    answered["content"]["text/event-stream"] = {"schema": _EVENT}
    name = {"name": "name", "in": "path", "required": True, "schema": schemas.TEXT}
    not_ready = schemas.content("Questions cannot be answered now.", schemas.ref("Ready"))
    return {
        "/v1/chat/completions": {
            "post": {
                "operationId": "chat",
                "tags": ["openai"],
                "summary": "Answer a conversation.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": schemas.ref("ChatRequest")}},
                },
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
                    "content": {"application/json": {"schema": schemas.ref("EmbeddingsRequest")}},
                },
                "responses": {"200": schemas.content("A vector for each text.", schemas.ref("Embeddings"))},
            }
        },
        "/v1/models": {
            "get": {
                "operationId": "models",
                "tags": ["openai"],
                "summary": "List the models.",
                "responses": {"200": schemas.content("The models.", schemas.ref("Models"))},
            }
        },
        "/v1/models/{name}": {
            "get": {
                "operationId": "model",
                "tags": ["openai"],
                "summary": "Show one model.",
                "parameters": [name],
                "responses": {"200": schemas.content("The model.", schemas.ref("Model"))},
            }
        },
        "/livez": {"get": _probe("live", "Say that this process serves.", "Live")},
        "/readyz": {"get": _probe("ready", "Say whether questions can be answered.", "Ready", {"503": not_ready})},
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "tags": ["health"],
                "summary": "Show the metrics in Prometheus text form.",
                "responses": {"200": schemas.content("The metrics.", schemas.TEXT, "text/plain")},
            }
        },
    }


def _probe(name: str, summary: str, schema: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    responses = {"200": schemas.content("As it is.", schemas.ref(schema)), **(more or {})}
    return {"operationId": name, "tags": ["health"], "summary": summary, "responses": responses}


# The sandbox

_NUMBER: dict[str, Any] = {"type": "number"}
_NAMES: dict[str, Any] = {"type": "array", "items": schemas.TEXT}
_TEXTS_BY_NAME: dict[str, Any] = {"type": "object", "additionalProperties": schemas.TEXT}
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
    "limits": {
        "cpu_s": 5.0,
        "wall_s": 2.0,
        "memory_bytes": 1_073_741_824,
        "output_bytes": 1_048_576,
        "files_bytes": 33_554_432,
        "processes": 32,
    },
    "lowered": {},
    "blocked": {},
    "reason": "",
    "audit_id": "17-0a1b2c3d4e5f6071",
}

_SANDBOX_SCHEMAS: dict[str, Any] = {
    "SandboxBytes": {
        "description": "Text, or base64 where the bytes are not UTF-8.",
        "anyOf": [
            schemas.TEXT,
            schemas.object_of({"base64": {"type": "string", "pattern": _BASE64}}, additionalProperties=False),
        ],
    },
    "SandboxJob": {
        "type": "object",
        "required": ["language", "code"],
        "additionalProperties": False,
        "properties": {
            "language": {"type": "string", "enum": list(sandbox.LANGUAGES)},
            "code": schemas.TEXT,
            "stdin": schemas.ref("SandboxBytes"),
            "files": {
                "type": "object",
                "description": "Files put beside the code, by relative name.",
                "additionalProperties": schemas.ref("SandboxBytes"),
                "maxProperties": _FILES_MAX,
            },
            "collect": {
                **_NAMES,
                "description": "Names of the files that come back.",
                "maxItems": _FILES_MAX,
            },
            "limits": schemas.ref("SandboxLimits"),
        },
        "example": _JOB_EXAMPLE,
    },
    "SandboxResult": schemas.object_of(
        {
            "status": {"type": "string", "enum": [str(status) for status in sandbox.Status]},
            "limit": {"type": ["string", "null"], "description": "The limit that ended it, or that it met."},
            "exit_code": _OR_NONE,
            "signal": _OR_NONE,
            "stdout": schemas.ref("SandboxBytes"),
            "stderr": schemas.ref("SandboxBytes"),
            "files": {"type": "object", "additionalProperties": schemas.ref("SandboxBytes")},
            "not_collected": {**_TEXTS_BY_NAME, "description": "Why a file did not come back, by name."},
            "truncated": schemas.FLAG,
            "wall_s": _NUMBER,
            "cpu_s": _NUMBER,
            "memory_peak_bytes": _OR_NONE,
            "layers": _NAMES,
            "layers_missing": _NAMES,
            "limits": schemas.ref("SandboxLimitsHeld"),
            "lowered": {
                "type": "object",
                "description": "Limits that could not be given in full, with what the job had.",
                "additionalProperties": schemas.COUNT,
            },
            "blocked": {
                "type": "object",
                "description": "Refused system calls, by class.",
                "additionalProperties": schemas.COUNT,
            },
            "reason": {"type": "string", "description": "Why it was rejected."},
            "audit_id": schemas.TEXT,
        },
        example=_RESULT_EXAMPLE,
    ),
    "SandboxLimitsHeld": {
        "description": "Limits that hold: of a job that named none, or of one that was run. Null where sandboxd does not tell.",
        "anyOf": [
            schemas.object_of(
                {name: _NUMBER if name.endswith("_s") else schemas.COUNT for name in sandbox.LIMIT_NAMES}
            ),
            {"type": "null"},
        ],
    },
    "SandboxSessionRequest": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"limits": schemas.ref("SandboxLimits")},
        "example": {"limits": {"memory_bytes": 268_435_456}},
    },
    "SandboxSession": schemas.object_of({"id": schemas.TEXT}),
    "SandboxSessionClosed": schemas.object_of({"id": schemas.TEXT, "closed": schemas.FLAG}),
    "SandboxState": schemas.object_of(
        {
            "kind": schemas.TEXT,
            "layers": _NAMES,
            "layers_missing": {**_TEXTS_BY_NAME, "description": "Why a layer is missing, by layer."},
            "refuses": {"type": "string", "description": "Why no job is run; empty where jobs are."},
            "stopped": schemas.FLAG,
            "stopped_by": schemas.TEXT,
            "pool_ready": schemas.COUNT,
            "pool_target": schemas.COUNT,
            "refills_per_s": _NUMBER,
            "running": schemas.COUNT,
            "waiting": schemas.COUNT,
            "sessions": schemas.COUNT,
            "jobs": schemas.COUNT,
            "stopped_reason": schemas.TEXT,
            "walls": {"type": "string", "description": "How the last isolation self-test ended."},
            "walls_untried_s": {"type": ["number", "null"], "description": "Since one told."},
            "limits": schemas.ref("SandboxLimitsHeld"),
        }
    ),
    "SandboxReason": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"reason": {"type": "string", "maxLength": sandbox_wire.REASON_CHARS_MAX}},
    },
    "SandboxKilled": schemas.object_of({"stopped": schemas.FLAG, "killed": schemas.COUNT}),
    "SandboxLifted": schemas.object_of({"stopped": schemas.FLAG}),
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
    identifier = {"name": "id", "in": "path", "required": True, "schema": schemas.TEXT}
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
        "responses": {
            "200": schemas.content("As it ended." if reply == "SandboxResult" else "Done.", schemas.ref(reply))
        },
    }
    if request:
        content = {"application/json": {"schema": schemas.ref(request)}}
        operation["requestBody"] = {"required": request != _WHY, "content": content}
    return operation
