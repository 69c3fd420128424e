"""What a memory becomes when its user corrects it. Pure.

Of a turn the words are new. A fact has to be stated again, in words that say the same kind of thing about the same subject:
what is known by it is what these words say, and no guess.
"""

import dataclasses

from council.domain import errors, memory
from council.serving.memory import statements


def corrected(before: memory.Memory, said: str, source: str) -> memory.Memory:
    """Return the memory by its user's new words. Raises InvalidRequestError, and ConflictError for what no longer holds."""
    if before.superseded_by:
        raise errors.ConflictError(
            "Another fact has taken the place of this one. Correct that one, or forget this one.", parameter="id"
        )
    if before.kind is memory.Kind.TURN:
        return dataclasses.replace(before, text=said, source=source)
    stated = statements.found_in(said)
    of_its_kind = [one for one in stated if (one.subject, one.attribute) == (before.subject, before.attribute)]
    if len(stated) != 1 or len(of_its_kind) != 1:
        raise errors.InvalidRequestError(
            f"These words do not state one `{before.attribute}` of `{before.subject}`. Say it as before, with the new value in "
            f"place of {before.value!r}: {before.text!r}",
            parameter="text",
        )
    fact = of_its_kind[0]
    return dataclasses.replace(before, text=fact.text, value=fact.value, confidence=fact.confidence, source=source)
