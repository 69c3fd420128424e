"""The bodies that patchctl takes. What is shown on terminals is one line that a person can read."""

from typing import Annotated, Literal

import pydantic

from council.upkeep.patchctl import freeze
from council.upkeep.patchctl.core import judging


class Sent(pydantic.BaseModel):
    """A submission. The bytes of each are base64."""

    model_config = pydantic.ConfigDict(extra="forbid")

    patch: str
    signature: str
    cosignatures: Annotated[list[str], pydantic.Field(max_length=judging.COSIGNATURES_MAX)] = []
    target: str = "live"


def _line(text: str) -> str:
    """Return it if a person can read all of it: it is shown on terminals."""
    if not text.isprintable():
        raise ValueError("should be one line of characters that can be seen")
    return text


_Line = Annotated[str, pydantic.AfterValidator(_line)]


class Unwanted(pydantic.BaseModel):
    """A patch that is to be taken back, the newest without `cid`; `by` is who says so."""

    model_config = pydantic.ConfigDict(extra="forbid")

    cid: Annotated[str, pydantic.Field(pattern="^[0-9a-f]{4,64}$")] | None = None
    reason: Annotated[_Line, pydantic.Field(min_length=1, max_length=freeze.REASON_CHARS_MAX)]
    by: Annotated[_Line, pydantic.Field(min_length=1, max_length=100)]


class Freeze(pydantic.BaseModel):
    """Whether a freeze is to be in force, and why."""

    model_config = pydantic.ConfigDict(extra="forbid")

    frozen: pydantic.StrictBool
    reason: Annotated[str, pydantic.Field(max_length=freeze.REASON_CHARS_MAX)] = ""
    by: Annotated[_Line, pydantic.Field(min_length=1, max_length=100)]


_Short = Annotated[_Line, pydantic.Field(max_length=64)]
_Long = Annotated[_Line, pydantic.Field(max_length=500)]


class RepairStep(pydantic.BaseModel):
    """A step of a repair, for the lineage."""

    model_config = pydantic.ConfigDict(extra="forbid")

    id: Annotated[str, pydantic.Field(pattern="^[0-9A-Za-z-]{1,64}$")]
    step: Literal["began", "ended", "undone", "called"]
    playbook: _Short
    action: _Short
    component: _Short
    by: _Short
    why: _Long
    incident: _Short = ""
    outcome: _Short = ""
    told: _Long = ""
    cid: _Short = ""


class Override(pydantic.BaseModel):
    """A person's signed word on today's quota, each base64."""

    model_config = pydantic.ConfigDict(extra="forbid")

    statement: str
    signature: str
