"""The computing half of the math specialist: from a user's text to a checked answer, or a clear no.

LaTeX and Unicode become plain text first (`notation`). The grammar reads the whole text or passes it on (`requests`,
`grammar`); SymPy computes from the tree that was read
(`formulas`, `evaluate`, `algebra`, `calculus`); other code checks the printed result (`check`, `arithmetic`,
`polynomials`). Answers are over the real numbers: the square root of -4 is refused. No user text reaches an evaluator.
"""

from typing import assert_never

from council.domain import ways
from council.serving.compute import results
from council.serving.compute.math import (
    algebra,
    asked_in_words,
    behaviour,
    calculus,
    equations,
    evaluate,
    functions,
    given,
    improper,
    integers,
    inverse_angles,
    inverses,
    limits,
    linear_algebra,
    notation,
    plane,
    primes_and_bases,
    quadratics,
    requests,
    scientific,
    slopes,
    sums,
    vectors,
    wording,
)


def solve(text: str) -> results.Result:
    """Answer `text` if it is wholly a mathematical question of the grammar. Never raises on any text."""
    task: wording.Task | None = None
    try:
        task = _read(wording.bare(notation.plain(text)))
        return task.answer()
    except limits.TooLargeError as stop:
        return results.Refused(stop.reason, task.reading if task else "")
    except limits.UndefinedError as stop:
        return results.Refused(stop.reason, task.reading) if task else results.PassedOn(stop.reason)
    except limits.UndecidedError as stop:
        return results.PassedOn(stop.reason, ways.Why.UNDECIDED)
    except limits.MathStopError as stop:
        return results.PassedOn(stop.reason)
    except limits.SYMPY_ERRORS as error:
        return results.PassedOn(f"{COMPUTING_FAILED} ({type(error).__name__}).", ways.Why.UNDECIDED)


_FRAMES = (
    *integers.FRAMES,
    *primes_and_bases.FRAMES,
    *linear_algebra.FRAMES,
    *functions.FRAMES,
    *given.FRAMES,
    *inverses.FRAMES,
    *quadratics.FRAMES,
    *plane.FRAMES,
    *vectors.FRAMES,
    *sums.FRAMES,
    *behaviour.FRAMES,
    *improper.FRAMES,
    *slopes.FRAMES,
    *asked_in_words.FRAMES,
    *inverse_angles.FRAMES,
    *scientific.FRAMES,
)


def _read(text: str) -> wording.Task:
    """Return what is asked: by a frame of a topic, else by the sentences around a formula."""
    found = wording.read(text, _FRAMES)
    if isinstance(found, wording.Task):
        return found
    try:
        request = requests.read(text)
    except limits.UnreadableError as error:
        raise wording.telling(found, error) from error
    return wording.Task(requests.text(request), lambda: _answered(request))


def _solved(request: requests.Solve) -> results.Solved:
    """Solve by polynomials alone where that is enough."""
    try:
        return algebra.solve(request)
    except (limits.UndecidedError, limits.UnreadableError) as stop:
        try:
            return equations.solve(request)
        except (limits.UndecidedError, limits.UnreadableError):
            if any(relation.operator != "=" for relation in request.relations):
                raise
            raise stop from None


COMPUTING_FAILED = "The computation stopped with an error"


def _answered(request: requests.Request) -> results.Solved:
    match request:
        case requests.Calculate():
            return evaluate.calculate(request)
        case requests.Percentage():
            return evaluate.percentage(request)
        case requests.Compare():
            return evaluate.compare(request)
        case requests.Prime():
            return evaluate.prime(request)
        case requests.Rewrite():
            return algebra.rewrite(request)
        case requests.Solve():
            return _solved(request)
        case requests.Derive():
            return calculus.derive(request)
        case requests.Integrate():
            return calculus.integrate(request)
        case _:
            assert_never(request)
