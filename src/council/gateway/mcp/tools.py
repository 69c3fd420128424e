"""The tools: what each takes, who may call it, what it gives back.

The annotations are hints by which a client decides what it lets a model call unasked, so they claim no more than holds: `run`
and `remember` change something or spend something, `ask` may cost money.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pydantic

from council.domain import access, answers, errors, memory_wire, sandbox_wire
from council.gateway import limits, memory, parts, single
from council.serving.specialists import searching

_TEXT_CHARS_MAX = 20_000
_CODE_CHARS_MAX = 200_000
_QUERY_CHARS_MAX = 2_000
_FOUND_MAX = 20
_OUTPUT_CHARS_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls. `memory` is whether this caller's user wants memory used."""

    principal: access.Principal
    admission: limits.Admission
    request_id: str
    memory: bool = False
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool gives back: a text for models and people, and the same with its evidence as JSON."""

    text: str
    content: Mapping[str, Any]


class _Arguments(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")


class _Ask(_Arguments):
    question: str = pydantic.Field(min_length=1, max_length=_TEXT_CHARS_MAX, description="The whole question.")
    specialist: Literal["auto", "math", "logic", "code", "knowledge", "general"] = pydantic.Field(
        "auto", description="Who shall answer; `auto` lets Council choose."
    )
    max_tokens: int | None = pydantic.Field(None, ge=1, le=32_768, description="Bound on a language model's words.")


class _Calculate(_Arguments):
    problem: str = pydantic.Field(
        min_length=1,
        max_length=_TEXT_CHARS_MAX,
        description="Mathematics in words or plain signs, such as `17% of 2,340` or `solve x^2 - 4 = 0`.",
    )


class _Solve(_Arguments):
    puzzle: str = pydantic.Field(
        min_length=1,
        max_length=_TEXT_CHARS_MAX,
        description="Facts and rules in short sentences, then the question: deduction, ordering, knights and knaves.",
    )


class _Search(_Arguments):
    query: str = pydantic.Field(
        min_length=1, max_length=_QUERY_CHARS_MAX, description="A question for the guidebook and the user's documents."
    )


class _Run(_Arguments):
    code: str = pydantic.Field(min_length=1, max_length=_CODE_CHARS_MAX, description="The program.")
    language: Literal["python", "bash"] = pydantic.Field("python", description="What it is written in.")
    stdin: str = pydantic.Field("", max_length=_CODE_CHARS_MAX, description="What it reads from standard input.")


class _Remember(_Arguments):
    text: str = pydantic.Field(
        min_length=1, max_length=2_000, description="What the user said, in their words: `I live in Lyon.`"
    )


class _Recall(_Arguments):
    query: str = pydantic.Field(min_length=1, max_length=_QUERY_CHARS_MAX, description="What to look for.")
    limit: int = pydantic.Field(5, ge=1, le=_FOUND_MAX, description="Most memories returned.")


_Runner = Callable[[parts.Parts, Call, Any], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `right` is what a caller needs; `memory` says that it is for callers with memory on alone."""

    name: str
    title: str
    description: str
    arguments: type[_Arguments]
    output: Mapping[str, Any]
    runner: _Runner
    reads_only: bool
    open_world: bool = False
    right: access.Right = access.Right.CHAT
    memory: bool = False

    def offered(self, call: Call) -> bool:
        """Return whether a caller may call it."""
        return self.right in call.principal.rights and (call.memory or not self.memory)

    def form(self) -> dict[str, Any]:
        """Return the tool as it is listed."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        for field in schema["properties"].values():
            field.pop("title", None)
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": schema,
            "outputSchema": dict(self.output),
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.reads_only,
                "destructiveHint": False,
                "idempotentHint": self.reads_only,
                "openWorldHint": self.open_world,
            },
        }

    async def call(self, made: parts.Parts, call: Call, arguments: Mapping[str, Any]) -> Outcome:
        """Run it. Raises InvalidRequestError for arguments that are wrong, and as what it asks does."""
        if self.right not in call.principal.rights:
            raise errors.ForbiddenError(
                f"`{self.name}` needs the right to {self.right}. Use a token whose role has it; "
                "`council tokens add` makes one."
            )
        if self.memory and not call.memory:
            raise errors.ForbiddenError(
                f"`{self.name}` needs memory to be on. Start the client with `council mcp --memory`, send "
                "`x-council-memory: true`, or use a token made with `council tokens add --memory`."
            )
        try:
            asked = self.arguments.model_validate(dict(arguments))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])[:100] or "arguments"
            raise errors.InvalidRequestError(f"`{place}`: {first['msg']}. Correct it and call again.") from error
        return await self.runner(made, call, asked)


async def _ask(made: parts.Parts, call: Call, asked: _Ask) -> Outcome:
    route = None if asked.specialist == "auto" else answers.Route(asked.specialist)
    return await _answered(made, call, asked.question, route, asked.max_tokens)


async def _calculate(made: parts.Parts, call: Call, asked: _Calculate) -> Outcome:
    return await _answered(made, call, asked.problem, answers.Route.MATH)


async def _solve(made: parts.Parts, call: Call, asked: _Solve) -> Outcome:
    return await _answered(made, call, asked.puzzle, answers.Route.LOGIC)


async def _search(made: parts.Parts, call: Call, asked: _Search) -> Outcome:
    quoted = await _answered(made, call, asked.query, answers.Route.KNOWLEDGE)
    if not quoted.content["refused"]:
        return quoted
    searched = await searching.near(made.retriever, asked.query, call.request_id)
    found = [searching.form(passage) for passage in searched.passages]
    text = f"{quoted.text}\n\n{searching.shown(searched.passages)}" if found else quoted.text
    return Outcome(text, {**quoted.content, "found": found, "note": searched.note})


async def _answered(
    made: parts.Parts, call: Call, text: str, route: answers.Route | None, tokens_max: int | None = None
) -> Outcome:
    # Tools for one specialist are exact; only a question to all of them is part of what a user says.
    remembers = call.memory and route is None
    answer = await single.answer(
        made,
        call.principal,
        call.admission,
        text,
        call.request_id,
        route,
        tokens_max=tokens_max,
        memory=remembers,
        session_id=call.session_id,
    )
    finding = answer.finding
    evidence = finding.evidence
    mark = "refused" if finding.refused else "verified" if evidence.level.verified else "not verified"
    content = {
        "answer": finding.text,
        "verified": evidence.level.verified,
        "refused": finding.refused,
        "level": str(evidence.level),
        "summary": evidence.summary,
        "detail": dict(evidence.detail),
        "specialist": answer.specialist,
        "confidence": finding.confidence,
        "model": finding.model,
        "cost_usd_micros": answer.cost_usd_micros,
        "degraded": list(answer.degraded),
        "request_id": answer.request_id,
    }
    return Outcome(
        f"{finding.text}\n\n[{answer.specialist}, {mark}, level {evidence.level}: {evidence.summary}]", content
    )


async def _run(made: parts.Parts, call: Call, asked: _Run) -> Outcome:
    body = {"language": asked.language, "code": asked.code, "stdin": asked.stdin}
    job = sandbox_wire.job_of(body, sandbox_wire.default_limits(made.config.sandbox))
    caller = f"{call.principal.user_id}/{call.principal.token_id}"
    result = await made.sandbox.run(job, caller, call.request_id)
    lines = [f"status: {result.status}"]
    if result.limit:
        lines.append(f"limit met: {result.limit}")
    if result.exit_code is not None:
        lines.append(f"exit code: {result.exit_code}")
    if result.reason:
        lines.append(f"reason: {result.reason}")
    for name, raw in (("stdout", result.stdout), ("stderr", result.stderr)):
        if raw:
            lines.append(f"{name}:\n{raw.decode(errors='replace')[:_OUTPUT_CHARS_SHOWN]}")
    return Outcome("\n".join(lines), sandbox_wire.result_form(result))


async def _remember(made: parts.Parts, call: Call, asked: _Remember) -> Outcome:
    user_id = memory.owner(call.principal)
    kept = await made.memories.remember(user_id, call.session_id, asked.text, call.request_id)
    text = "\n".join(f"kept: {one.text}" for one in kept) or "Nothing new to keep."
    return Outcome(text, {"kept": [memory_wire.form(one) for one in kept]})


async def _recall(made: parts.Parts, call: Call, asked: _Recall) -> Outcome:
    user_id = memory.owner(call.principal)
    found = await made.memories.search(user_id, asked.query, asked.limit, call.request_id)
    text = (
        "\n".join(f"- {one.memory.text} (score {one.score:.2f})" for one in found) or "Nothing is remembered of that."
    )
    return Outcome(text, {"found": [memory_wire.found_form(one) for one in found]})


_STRING: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["answer", "verified", "refused", "level", "summary", "detail", "specialist", "request_id"],
    "properties": {
        "answer": _STRING,
        "verified": {**_FLAG, "description": "Problem and check both come from the caller's own text or tests."},
        "refused": {**_FLAG, "description": "A clear no, with its reason as the answer."},
        "level": {"type": "string", "enum": [str(level) for level in answers.Level]},
        "summary": _STRING,
        "detail": {"type": "object", "description": "The evidence: reading and check, program, passages, run."},
        "specialist": _STRING,
        "confidence": {"type": "number"},
        "model": {"type": ["string", "null"]},
        "cost_usd_micros": {"type": "integer"},
        "degraded": {"type": "array", "items": _STRING},
        "request_id": _STRING,
    },
}
_FOUND: dict[str, Any] = {
    **_ANSWER,
    "properties": {
        **_ANSWER["properties"],
        "found": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Where nothing is quoted, passages that are near and may not answer; `found_by` says how.",
        },
        "note": {**_STRING, "description": "What of passages' meanings was missing in this search."},
    },
}
_RESULT: dict[str, Any] = {
    "type": "object",
    "required": ["status", "stdout", "stderr", "exit_code"],
    "properties": {
        "status": _STRING,
        "exit_code": {"type": ["integer", "null"]},
        "stdout": {"type": ["string", "object"], "description": "Text, or base64 where it is not UTF-8."},
        "stderr": {"type": ["string", "object"]},
    },
}


def _list_of(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "array", "items": {"type": "object"}}},
    }


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "ask",
            "Ask Council",
            "Ask anything. Council tries what can check its answer first (mathematics, logic, quoted documents), then the "
            "local language model, then, only if its owner allows, a paid one. The result says who answered and how far the "
            "answer was checked.",
            _Ask,
            _ANSWER,
            _ask,
            reads_only=False,
            open_world=True,
        ),
        Tool(
            "calculate",
            "Calculate",
            "Compute mathematics exactly: arithmetic, percent, equations, inequalities, calculus, number theory. The reading "
            "of the problem and an independent check come with the result. Refuses what it cannot read for certain.",
            _Calculate,
            _ANSWER,
            _calculate,
            reads_only=True,
        ),
        Tool(
            "solve",
            "Solve a logic puzzle",
            "Decide what follows from rules and facts by a solver, with the program or proof as evidence. Says so when the "
            "text contradicts itself or leaves the answer open.",
            _Solve,
            _ANSWER,
            _solve,
            reads_only=True,
        ),
        Tool(
            "search",
            "Search documents",
            "Find the passage that answers in Council's guidebook and in the user's documents, and quote it with its source. "
            "When there is none, say so and show the passages nearest by words or meaning, which may not answer.",
            _Search,
            _FOUND,
            _search,
            reads_only=True,
        ),
        Tool(
            "run",
            "Run code in the sandbox",
            "Run a Python or bash program in a fresh sandbox that is used once: no network, no files of this machine, limits "
            "on time, memory and output. Nothing is kept between calls.",
            _Run,
            _RESULT,
            _run,
            reads_only=False,
            right=access.Right.EXECUTE,
        ),
        Tool(
            "remember",
            "Remember",
            "Keep something that the user said about themselves, to be found by `recall`. Later facts take the place of "
            "earlier ones.",
            _Remember,
            _list_of("kept"),
            _remember,
            reads_only=False,
            memory=True,
        ),
        Tool(
            "recall",
            "Recall",
            "Find what the user said before, by meaning and by words, best first.",
            _Recall,
            _list_of("found"),
            _recall,
            reads_only=True,
            memory=True,
        ),
    )
}
