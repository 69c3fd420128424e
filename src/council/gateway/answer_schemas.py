"""What stands beside an answer, as JSON Schema: the `council` object and the evidence in it.

What a specialist has found differs from one to the next. So of the detail no field is always there, and what is named here is
what people are shown; more may come beside it.
"""

from collections.abc import Mapping
from typing import Any

from council.domain import answers, ways
from council.gateway import schemas

_LEVEL = {"type": "string", "enum": [str(level) for level in answers.Level]}
_TEXTS = schemas.listed(schemas.TEXT)

_PASSED_ON = schemas.object_of(
    {
        "by": {**schemas.TEXT, "description": "The specialist."},
        "why": {"type": "string", "enum": [str(why) for why in ways.Why]},
        "words": {**schemas.TEXT, "description": "`why` in a sentence."},
        "reason": {**schemas.TEXT, "description": "What the specialist itself says of it."},
    },
    description="That a specialist passed the question on.",
)
_ESCALATION = schemas.object_of(
    {
        "escalated": schemas.FLAG,
        "why": {"type": "string", "enum": [str(why) for why in ways.Escalating]},
        "words": {**schemas.TEXT, "description": "`why` in a sentence."},
        "model": {**schemas.TEXT_OR_NULL, "description": "The paid model that was, or was to be, asked."},
        "reason": {**schemas.TEXT, "description": "More of why, where there is more."},
    },
    description="Whether the question was escalated to a paid model, and why or why not.",
)
_PASSAGE = schemas.object_of(
    dict.fromkeys(("id", "url", "root", "source", "heading", "text", "quote"), schemas.TEXT)
    | {"coverage": schemas.SHARE},
    description="A passage of a document; `quote` are the sentences of it that were quoted.",
)
_TEST = schemas.object_of(
    {"test": schemas.TEXT, "passed": schemas.FLAG, "gave": schemas.TEXT},
    description="A test that was run, and what came out.",
)
_RUN = schemas.object_of(
    {"outcome": {**schemas.TEXT, "description": "How it ended, in words."}, "reason": schemas.TEXT},
    {
        "status": schemas.TEXT,
        "limit": schemas.TEXT_OR_NULL,
        "exit_code": {"type": ["integer", "null"]},
        "signal": {"type": ["integer", "null"]},
        "stdout": schemas.TEXT,
        "stderr": schemas.TEXT,
        "wall_s": {"type": "number"},
        "layers_missing": _TEXTS,
        "audit_id": schemas.TEXT,
    },
    description="A run in the sandbox; where nothing was run, only how that came.",
)
_PROGRAM = schemas.object_of(
    {"code": schemas.TEXT, "printed": schemas.TEXT_OR_NULL, "reason": schemas.TEXT},
    description="A program of a model, and what it printed.",
)
_TOOL = schemas.object_of(
    {
        "tool": schemas.TEXT,
        "input": schemas.TEXT,
        "result": schemas.TEXT,
        "answered": schemas.FLAG,
        "level": schemas.ref("EvidenceLevel"),
    },
    description="A tool that the model used before it spoke.",
)
_PART = schemas.object_of(
    {
        "question": schemas.TEXT,
        "specialist": schemas.TEXT,
        "level": schemas.ref("EvidenceLevel"),
        "verified": schemas.FLAG,
        "summary": schemas.TEXT,
        "detail": schemas.ref("EvidenceDetail"),
    },
    {
        "model": schemas.TEXT_OR_NULL,
        "confidence": schemas.SHARE,
        "refused": schemas.FLAG,
        "passed_on": schemas.listed(schemas.ref("PassedOn")),
    },
    description="One of several questions that were asked at once, with the evidence of its own answer.",
)
_DETAIL: dict[str, Any] = {
    "type": "object",
    "description": "What was found. Which of this is there hangs on who answered; more may be.",
    "additionalProperties": True,
    "properties": {
        "reading": {**schemas.TEXT, "description": "How the question was read."},
        "check": {**schemas.TEXT, "description": "The independent check that held."},
        "steps": _TEXTS,
        "exact": {**schemas.TEXT, "description": "The exact value where the answer is rounded."},
        "program": {**schemas.TEXT, "description": "The program that the solver was given."},
        "facts": schemas.listed(schemas.object_of({"sentence": schemas.TEXT, "reading": schemas.TEXT})),
        "translation": {**schemas.TEXT, "description": "How a model put the question."},
        "code": {**schemas.TEXT, "description": "Code that was run."},
        "stdin": schemas.TEXT,
        "run": schemas.ref("EvidenceRun"),
        "why_not_verified": schemas.TEXT,
        "tests": schemas.listed(schemas.ref("EvidenceTest")),
        "own_tests": schemas.listed(schemas.ref("EvidenceTest"), description="Tests that the model wrote itself."),
        "by": {**schemas.TEXT, "description": "What wrote the code."},
        "programs": schemas.listed(schemas.ref("EvidenceProgram")),
        "tools": schemas.listed(schemas.ref("EvidenceTool")),
        "from": schemas.TEXT,
        "reason": {**schemas.TEXT, "description": "Why there is no answer."},
        "passages": schemas.listed(schemas.ref("EvidencePassage")),
        "confidence_from": schemas.TEXT,
        "parts": schemas.listed(
            schemas.ref("EvidencePart"), description="Of several questions at once: the evidence of each."
        ),
    },
}
_EVIDENCE = schemas.object_of(
    {
        "level": schemas.ref("EvidenceLevel"),
        "summary": schemas.TEXT,
        "detail": schemas.ref("EvidenceDetail"),
    },
    {
        "passed_on": schemas.listed(
            schemas.ref("PassedOn"), description="In their order. Of several questions each part has its own."
        ),
        "escalation": schemas.ref("Escalation"),
    },
    description="What makes an answer checkable, and how it came about. An answer kept from an older release lacks the latter.",
)
_MENTION = schemas.object_of(
    {"id": schemas.TEXT, "kind": schemas.TEXT, "text": schemas.TEXT},
    {"at_us": schemas.COUNT},
    description="A memory that was used or kept.",
)
_MEMORY = schemas.object_of(
    {
        "used": schemas.listed(schemas.ref("MemoryMention")),
        "stored": schemas.listed(schemas.ref("MemoryMention")),
        "storing": schemas.TEXT,
    },
    description="What memory gave and kept, where it is on.",
)
_TRIAL = schemas.object_of(
    {
        "generation": schemas.TEXT,
        "calls": schemas.COUNT,
        "calls_failed": schemas.COUNT,
        "paid": schemas.FLAG,
        "worst_usd_micros": schemas.COUNT,
    },
    description="What a marked request came to.",
)
_COUNCIL = schemas.object_of(
    {
        "request_id": schemas.TEXT,
        "route": schemas.TEXT,
        "specialist": schemas.TEXT,
        "model": schemas.TEXT_OR_NULL,
        "confidence": schemas.SHARE,
        "verified": schemas.FLAG,
        "refused": schemas.FLAG,
        "evidence": schemas.ref("Evidence"),
        "escalated": schemas.FLAG,
        "cost_usd_micros": schemas.COUNT,
        "tokens": schemas.object_of({"prompt": schemas.COUNT, "completion": schemas.COUNT}),
        "timings_ms": {"type": "object", "additionalProperties": {"type": "number"}},
        "route_reasons": _TEXTS,
        "passed_on": {"type": "object", "additionalProperties": schemas.TEXT},
        "degraded": _TEXTS,
        "generation": schemas.TEXT,
        "cid": schemas.CID,
    },
    {
        "cached": {
            "description": "Where the answer was given before: to which question, and whether to the same.",
            "anyOf": [schemas.object_of({"kind": schemas.TEXT, "question": schemas.TEXT_OR_NULL}), {"type": "null"}],
        },
        "provider": schemas.TEXT_OR_NULL,
        "tried": _TEXTS,
        "memory": schemas.ref("MemoryUsed"),
        "trial": _TRIAL,
    },
    description="What Council tells about an answer beside its text.",
)

SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Council": _COUNCIL,
    "Evidence": _EVIDENCE,
    "EvidenceLevel": _LEVEL,
    "EvidenceDetail": _DETAIL,
    "EvidencePart": _PART,
    "EvidencePassage": _PASSAGE,
    "EvidenceTest": _TEST,
    "EvidenceRun": _RUN,
    "EvidenceProgram": _PROGRAM,
    "EvidenceTool": _TOOL,
    "PassedOn": _PASSED_ON,
    "Escalation": _ESCALATION,
    "MemoryMention": _MENTION,
    "MemoryUsed": _MEMORY,
}
