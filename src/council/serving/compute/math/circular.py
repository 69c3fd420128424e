"""Equations in which the unknown stands in one sine, cosine or tangent: 2 sin(x) = 1, cos(2x) = 0, tan(x) = sqrt(3).

Their solutions repeat without end, so the answer names those of one period and the period, in radians and in degrees. Only
values of the angles that everybody learns are taken: the others have no shorter name than the question.
"""

from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    evaluate,
    formulas,
    limits,
    polynomials,
    regions,
    requests,
    tree,
)

_STAND_IN = "s"
_TURNS = (-3, -2, -1, 0, 1, 2, 3)
# So many places of a period are tried for solutions that were not found.
_PLACES = 1_009
_CHECKED = "several turns of each put into the equation, and a whole period searched for others, by other code"
_NEAR = arithmetic.REAL.mpf(10) ** -12


def sites(node: tree.Node) -> list[tree.Call]:
    """Return the different sines, cosines and tangents of an unknown."""
    found = [part for part in tree.walk(node) if isinstance(part, tree.Call) and part.function in tree.ANGLE_FUNCTIONS]
    return list(dict.fromkeys(part for part in found if tree.unknowns(part)))


def solve(relation: requests.Relation, name: str, reading: str) -> results.Solved:
    """Solve an equation that has such sites. Raises UndecidedError where it has another form than those above."""
    difference = tree.Binary("-", relation.left, relation.right)
    found = sites(difference)
    if name == _STAND_IN or len(found) != 1:
        raise limits.UndecidedError("Several sines, cosines or tangents are not solved here.")
    [site] = found
    value, factor = _value(difference, site), _factor(site, name)
    reading = f"{reading}, which may be an angle"
    shown = f"{tree.text(relation.left)} = {tree.text(relation.right)}"
    if site.function != "tan" and abs(value) > 1:
        reason = f"a {'sine' if site.function == 'sin' else 'cosine'} lies between -1 and 1"
        return evaluate.solved(f"{shown} has no real solution", reading, reason, "none")
    angles, period = _angles(site.function, value)
    angles, period = [angle / factor for angle in angles], period / factor
    _confirm(relation, name, angles, period, is_tangent=site.function == "tan")
    exact = _told(name, angles, period)
    degrees = _told(name, [180 * angle / sympy.pi for angle in angles], 180 * period / sympy.pi)
    return evaluate.solved(
        f"{exact}, for every whole number {_count(name)} (in degrees: {degrees})", reading, _CHECKED, exact
    )


def _value(difference: tree.Node, site: tree.Call) -> Any:
    """Return what the sine, cosine or tangent must be."""
    rest = regions.replaced(difference, site, tree.Unknown(_STAND_IN))
    if tree.unknowns(rest) != [_STAND_IN]:
        raise limits.UndecidedError("The unknown stands outside of the sine, cosine or tangent too.")
    arithmetic.guard(rest)
    symbol = formulas.symbol(_STAND_IN)
    row = sympy.Poly(formulas.build(rest), symbol, extension=True).all_coeffs()
    if len(row) != 2:
        raise limits.UndecidedError("The sine, cosine or tangent must stand by itself once.")
    return sympy.nsimplify(sympy.radsimp(-row[1] / row[0]))


def _factor(site: tree.Call, name: str) -> Any:
    """Return the positive whole number or fraction by which the unknown is multiplied in the angle, and nothing added."""
    row = polynomials.coefficients(polynomials.polynomial(site.arguments[0]), name)
    if len(row) != 2 or row[0] <= 0 or row[1]:
        raise limits.UndecidedError("The angle must be a positive multiple of the unknown.")
    return sympy.Rational(row[0].numerator, row[0].denominator)


def _angles(function: str, value: Any) -> tuple[list[Any], Any]:
    """Return the angles of one period with this sine, cosine or tangent, and the period."""
    pi = sympy.pi
    if function == "tan":
        return [_known(sympy.atan(value))], pi
    angle = _known(sympy.asin(value) if function == "sin" else sympy.acos(value))
    if value == 0:
        return [angle], pi
    if abs(value) == 1:
        return [angle], 2 * pi
    return [angle, pi - angle] if function == "sin" else [angle, -angle], 2 * pi


def _known(angle: Any) -> Any:
    """Return an angle that is a multiple of 15 degrees."""
    if not (12 * angle / sympy.pi).is_integer:
        raise limits.UndecidedError("The angle has no shorter name.")
    return angle


def _told(name: str, angles: list[Any], period: Any) -> str:
    turn = formulas.text(period * sympy.Symbol(_count(name)))
    return " or ".join(
        f"{name} = {turn}" if angle == 0 else f"{name} = {formulas.text(angle)} + {turn}" for angle in angles
    )


def _count(name: str) -> str:
    """Return the letter that counts the periods."""
    return "n" if name == "k" else "k"


def _confirm(relation: requests.Relation, name: str, angles: list[Any], period: Any, *, is_tangent: bool) -> None:
    """Put several turns into the equation, and go through a period: nothing else satisfies it, and every crossing is known."""
    turn = arithmetic.real(arithmetic.value(formulas.read_back(formulas.text(period))))
    known = [arithmetic.real(arithmetic.value(formulas.read_back(formulas.text(angle)))) for angle in angles]
    for start in known:
        for count in _TURNS:
            check.require(
                abs(_apart(relation, name, start + count * turn)) < _NEAR, "a solution does not satisfy the equation"
            )
    # A half away from the grid of the solutions, so that no place falls on one.
    step = turn / _PLACES
    signs: list[tuple[Any, bool]] = []
    for number in range(_PLACES):
        place = known[0] + (number + arithmetic.REAL.mpf(1) / 3) * step
        try:
            apart = _apart(relation, name, place)
        except limits.UndefinedError:
            continue
        near = min(abs((place - one) - turn * arithmetic.REAL.nint((place - one) / turn)) for one in known)
        check.require(abs(apart) > near * near / 10**6, "a place that was not found satisfies the equation")
        signs.append((place, apart > 0))
    check.require(len(signs) > _PLACES // 2, "too few places have a value")
    # The two ends of a period meet at a solution.
    changes = sum(one[1] != other[1] for one, other in zip(signs, [*signs[1:], signs[0]], strict=True))
    check.require(changes == (2 if is_tangent or len(known) == 2 else 0), "there are other solutions than were found")


def _apart(relation: requests.Relation, name: str, place: Any) -> Any:
    left, right = (arithmetic.real(arithmetic.value(side, {name: place})) for side in (relation.left, relation.right))
    return left - right
