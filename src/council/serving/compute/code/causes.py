"""What a cause of an error is: a line of the catalogues beside this module."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """`pattern` is looked for in the message; the first of a list that is found holds, an empty one always."""

    pattern: str
    means: str
    usually: str
    do: str
