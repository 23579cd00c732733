"""Simplify a formula with quotients: gather its numbers as one fraction, cancel common factors.

A formula is written as a number times powers of *bases*: names, calls of functions, and sums. Sums
are polynomials in those, so a denominator cancels where it divides the numerator.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import TypeGuard

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic.formula import (
    Apply,
    Formula,
    is_call_of,
    is_negative,
    operands_of,
    walk,
)
from tinygrad_hw.symbolic.simplification import add, divide, multiply, power, with_operands

MOST_TERMS = 40  # of a sum that is multiplied out
LARGEST_POWER = 6  # of such a sum
ARITHMETIC = (ops.add, ops.mul, ops.div, ops.pow)

Monomial = frozenset[tuple[Formula, int]]  # bases with their exponents


class _NotSimplifiedError(Exception):
    """A formula that is too long, or has in it a number that is no fraction."""


@dataclass(frozen=True)
class _Sum:
    """A sum of at least two terms without a common factor; the first in its order is positive."""

    terms: frozenset[tuple[Monomial, Fraction]]
    written: tuple[tuple[Monomial, Fraction], ...] = field(compare=False)  # in order of appearance

    @property
    def numbers(self) -> list[Fraction]:
        """The term that is a number, if there is one."""
        return [x for monomial, x in self.written if not monomial]


_Base = Formula | _Sum
Powers = dict[_Base, int]


@dataclass(frozen=True)
class _Product:
    """A number times powers of bases."""

    number: Fraction
    powers: Powers

    def __mul__(self, other: _Product) -> _Product:
        powers = dict(self.powers)
        for base, exponent in other.powers.items():
            powers[base] = powers.get(base, 0) + exponent
        return _Product(self.number * other.number, {b: n for b, n in powers.items() if n})

    def raised(self, exponent: int) -> _Product:
        """Return this to the power of a whole number."""
        if exponent < 0 and not self.number:
            raise _NotSimplifiedError
        powers = {b: n * exponent for b, n in self.powers.items()} if exponent else {}
        return _Product(self.number**exponent, powers)


def cancel(
    formula: Formula,
    quotients: Mapping[str, Formula] | None = None,
    ones: Collection[frozenset[str]] = (),
) -> Formula:
    """Simplify a formula, with common factors canceled.

    Parameters
    ----------
    formula
        What to simplify.
    quotients
        Names that stand for quotients such as ``exp(z1) / s``. The formula may be written in them.
    ones
        Sets of names, each of which adds up to 1.

    Returns
    -------
    Formula
        The shortest that was found; the formula itself if none is shorter.
    """
    best = _shortened(formula, _Canceler({}, ()))
    if quotients or ones:
        best = min(best, _shortened(formula, _Canceler(quotients or {}, ones)), key=_length)
    return best


def _shortened(formula: Formula, canceler: _Canceler) -> Formula:
    """Simplify the operands of a formula, then the whole; keep what is shorter."""
    if not isinstance(formula, Apply):
        return formula
    whole = with_operands(formula, tuple(_shortened(x, canceler) for x in formula.operands))
    if is_call_of(whole, ops.div) and is_negative(operands_of(whole)[0]):
        above, below = operands_of(whole)
        whole = multiply(-1.0, divide(multiply(-1.0, above), below))  # -y / p, not (-y) / p
    if not (isinstance(whole, Apply) and whole.operation in ARITHMETIC):
        return whole
    try:
        shorter = canceler.formula(canceler.product(whole))
    except (_NotSimplifiedError, OverflowError):
        return whole
    return shorter if _length(shorter) < _length(whole) else whole


def _length(formula: Formula) -> int:
    """Count the parts of a formula, a power as one more, a number of many digits as four more."""
    parts = list(walk(formula))
    numbers = [part for part in parts if isinstance(part, float)]
    long = sum(float(f"{x:.6g}") != x for x in numbers)
    return len(parts) + 4 * long + sum(is_call_of(part, ops.pow) for part in parts)


class _Canceler:
    """A writer of formulas as products, with what is known about some of their parts."""

    def __init__(self, quotients: Mapping[str, Formula], ones: Collection[frozenset[str]]) -> None:
        self.ones = ones
        self.order: dict[Formula, int] = {}  # of the names and functions, as they occur
        self.numerators: dict[Formula, tuple[str, Formula]] = {}  # of names, with denominators
        for name, formula in quotients.items():
            above, below = operands_of(formula)
            self.numerators.setdefault(above, (name, below))
        denominators = [below for _, below in self.numerators.values()]
        self.opaque = frozenset(
            x for x in denominators if is_call_of(x, ops.add)
        )  # not taken apart

    # --- From a formula ---------------------------------------------------------------------------

    def _base(self, formula: Formula) -> _Product:
        self.order.setdefault(formula, len(self.order))
        return _Product(Fraction(1), {formula: 1})

    def product(self, formula: Formula) -> _Product:
        """Write a formula as a product."""
        if isinstance(formula, float):
            return _Product(_fraction(formula), {})
        if formula in self.numerators:
            name, below = self.numerators[formula]
            factors = operands_of(below) if is_call_of(below, ops.mul) else (below,)
            numbers = [x for x in factors if isinstance(x, float)]
            bases = [name, *(x for x in factors if not isinstance(x, float))]
            whole = reduce(_Product.__mul__, map(self._base, bases))
            return reduce(_Product.__mul__, map(self.product, numbers), whole)
        if not isinstance(formula, Apply) or formula in self.opaque:
            return self._base(formula)
        operation, operands = formula.operation, formula.operands
        if operation is ops.mul:
            return reduce(_Product.__mul__, map(self.product, operands))
        if operation is ops.div:
            return self.product(operands[0]) * self.product(operands[1]).raised(-1)
        if operation is ops.pow and _is_whole(operands[1]):
            return self.product(operands[0]).raised(int(operands[1]))
        if operation is ops.add:
            total = self._sum([self.product(x) for x in operands])
            if all(len(x.terms) <= len(operands) for x in total.powers if isinstance(x, _Sum)):
                return total
        return self._base(formula)

    def _sum(self, terms: Iterable[_Product]) -> _Product:
        """Add products: their common factor times what is left, multiplied out."""
        terms = [term for term in terms if term.number]
        if not terms:
            return _Product(Fraction(0), {})
        bases = dict.fromkeys(base for term in terms for base in term.powers)
        least = {base: min(term.powers.get(base, 0) for term in terms) for base in bases}
        common = _Product(Fraction(1), {base: n for base, n in least.items() if n})
        polynomial: dict[Monomial, Fraction] = {}
        for term in terms:
            for monomial, number in self._expanded(term * common.raised(-1)).items():
                polynomial[monomial] = polynomial.get(monomial, Fraction(0)) + number
        polynomial = {m: number for m, number in polynomial.items() if number}
        polynomial = self._with_ones(polynomial)
        for base, exponent in common.powers.items():
            if isinstance(base, _Sum) and exponent < 0:
                for _ in range(-exponent):
                    quotient = self._divided(polynomial, dict(base.written))
                    if quotient is None:
                        break
                    polynomial = quotient
                    common *= _Product(Fraction(1), {base: 1})
        return common * self._factored(polynomial)

    def _expanded(self, product: _Product) -> dict[Monomial, Fraction]:
        """Multiply a product out, all of whose exponents are positive."""
        atoms = frozenset((b, n) for b, n in product.powers.items() if not isinstance(b, _Sum))
        result = {atoms: product.number}
        for base, exponent in product.powers.items():
            if not isinstance(base, _Sum):
                continue
            if exponent > LARGEST_POWER:
                raise _NotSimplifiedError
            for _ in range(exponent):
                result = _times(result, dict(base.written))
        return result

    def _with_ones(self, polynomial: dict[Monomial, Fraction]) -> dict[Monomial, Fraction]:
        """Put 1 for the sum of names that add up to it, where the sum is a factor."""
        for names in self.ones:
            for monomial in [m for m in polynomial if len(m) > 1]:
                for name in sorted(names & {base for base, n in monomial if n == 1}):
                    rest = monomial - {(name, 1)}
                    group = [rest | {(other, 1)} for other in names]
                    numbers = {polynomial.get(m) for m in group}
                    if len(numbers) == 1 and None not in numbers:
                        kept = {m: x for m, x in polynomial.items() if m not in group}
                        polynomial = kept | {rest: kept.get(rest, 0) + polynomial[monomial]}
        return {m: number for m, number in polynomial.items() if number}

    def _divided(
        self, polynomial: dict[Monomial, Fraction], divisor: dict[Monomial, Fraction]
    ) -> dict[Monomial, Fraction] | None:
        """Divide a polynomial by another; None where something is left."""
        rest, quotient = dict(polynomial), dict[Monomial, Fraction]()
        lead = max(divisor, key=self._rank)
        while rest:
            first = max(rest, key=self._rank)
            exponents = dict(first)
            for base, n in lead:
                exponents[base] = exponents.get(base, 0) - n
            if min(exponents.values(), default=0) < 0 or len(quotient) > MOST_TERMS:
                return None
            monomial = frozenset((b, n) for b, n in exponents.items() if n)
            number = rest[first] / divisor[lead]
            quotient[monomial] = number
            for m, x in _times({monomial: -number}, divisor).items():
                rest[m] = rest.get(m, Fraction(0)) + x
                if not rest[m]:
                    del rest[m]
        return quotient

    def _rank(self, monomial: Monomial) -> list[tuple[int, int]]:
        """Return a key that sorts monomials, and their products by one more in the same way."""
        return sorted((-self.order[base], n) for base, n in monomial)[::-1]

    def _factored(self, polynomial: dict[Monomial, Fraction]) -> _Product:
        """Write a polynomial as its common factor times a sum."""
        if not polynomial:
            return _Product(Fraction(0), {})
        first, *others = polynomial
        least = dict(first)
        for monomial in others:
            exponents = dict(monomial)
            least = {b: min(n, exponents[b]) for b, n in least.items() if b in exponents}
        sizes = [abs(number) for number in polynomial.values()]
        divisor = math.gcd(*(x.numerator for x in sizes))
        content = Fraction(divisor, math.lcm(*(x.denominator for x in sizes)))
        if polynomial[max(polynomial, key=self._rank)] < 0:
            content = -content
        written = tuple(
            (frozenset((b, n - least.get(b, 0)) for b, n in m if n > least.get(b, 0)), x / content)
            for m, x in polynomial.items()
        )
        powers: Powers = {base: n for base, n in least.items()}
        if len(written) > 1:
            powers[_Sum(frozenset(written), written)] = 1
        return _Product(content, powers)

    # --- To a formula -----------------------------------------------------------------------------

    def formula(self, product: _Product) -> Formula:
        """Write a product as a formula: a fraction where there are negative exponents."""
        number = product.number
        above: list[Formula] = []
        below: list[Formula] = []
        turned: dict[_Sum, bool] = {}
        sums = [base for base in product.powers if isinstance(base, _Sum)]
        for total in sorted(sums, key=lambda total: not total.numbers):  # 1 - a before others
            turned[total] = self._is_turned(total, product.powers[total], number)
            number = -number if turned[total] and product.powers[total] % 2 else number
        for base in sorted(product.powers, key=self._place):
            exponent = product.powers[base]
            whole = self._whole(base, turned[base]) if isinstance(base, _Sum) else base
            (above if exponent > 0 else below).append(power(whole, float(abs(exponent))))
        if number == 0:
            return 0.0
        if below or (above and abs(number.numerator) == 1 and not _is_decimal(number)):
            size = abs(number)
            if below and above and size != 1 and _is_decimal(size):
                return multiply(float(number), divide(multiply(*above), multiply(*below)))
            if not _is_decimal(size):
                below.insert(0, float(size.denominator))
                size = Fraction(size.numerator)
            quotient = divide(multiply(float(size), *above), multiply(*below))
            return multiply(-1.0, quotient) if number < 0 else quotient
        return multiply(_number(number), *above)

    def _is_turned(self, base: _Sum, exponent: int, number: Fraction) -> bool:
        """Return whether to turn the signs of a sum: 1 - a for a - 1, y - a for -(a - y)."""
        if base.numbers:
            return base.numbers[0] < 0
        return number < 0 and exponent == 1 and any(x < 0 for _, x in base.written)

    def _whole(self, base: _Sum, is_turned: bool) -> Formula:
        """Write a sum, by the factors that its terms share in groups where that is no longer."""
        terms = [(m, -x if is_turned else x) for m, x in base.written]
        whole = add(*(self._term(m, x) for m, x in terms))
        groups: list[Formula] = []
        while terms:  # (p1 - y1) · w1 + (p2 - y2) · w2
            counts = Counter(part for m, _ in terms for part in m)
            part = max(counts, key=lambda part: (counts[part], -self.order[part[0]]), default=None)
            if part is None or counts[part] < 2:
                return whole
            inner = add(*(self._term(m - {part}, x) for m, x in terms if part in m))
            factor = power(part[0], float(part[1]))
            first = min(self.order[name] for m, _ in terms if part in m for name, _ in m)
            pair = (factor, inner) if self.order[part[0]] == first else (inner, factor)
            groups.append(multiply(*pair))
            terms = [(m, x) for m, x in terms if part not in m]
        return min(add(*groups), whole, key=_length)

    def _place(self, base: _Base) -> tuple[int, bool]:
        """Return a key that sorts bases by their first occurrence, a name before its sum."""
        if not isinstance(base, _Sum):
            return self.order[base], False
        return min(self.order[part] for m, _ in base.written for part, _ in m), True

    def _term(self, monomial: Monomial, number: Fraction) -> Formula:
        parts = sorted(monomial, key=lambda part: self.order[part[0]])
        return multiply(_number(number), *(power(base, float(n)) for base, n in parts))


def _times(
    left: dict[Monomial, Fraction], right: dict[Monomial, Fraction]
) -> dict[Monomial, Fraction]:
    result: dict[Monomial, Fraction] = {}
    for m, x in left.items():
        for n, y in right.items():
            exponents = dict(m)
            for base, exponent in n:
                exponents[base] = exponents.get(base, 0) + exponent
            monomial = frozenset(exponents.items())
            result[monomial] = result.get(monomial, Fraction(0)) + x * y
    if len(result) > MOST_TERMS:
        raise _NotSimplifiedError
    return {monomial: number for monomial, number in result.items() if number}


# --- Numbers --------------------------------------------------------------------------------------


def _fraction(number: float) -> Fraction:
    """Return the fraction that a number is written as: 2/3 for 0.6666666666666666."""
    if not 1e-30 < abs(number) < 1e30:
        if number == 0:
            return Fraction(0)
        raise _NotSimplifiedError
    short = Fraction(number).limit_denominator(100)
    return short if float(short) == number else Fraction(repr(number))


def _number(number: Fraction) -> Formula:
    """Write a fraction as a decimal number if that has few digits, else as a quotient."""
    if _is_decimal(number):
        return float(number)
    return divide(float(number.numerator), float(number.denominator))


def _is_decimal(number: Fraction) -> bool:
    """Return whether a number has few digits, or a quotient would be longer than they are."""
    return (10**6 * number).denominator == 1 or number.denominator > 1000


def _is_whole(formula: Formula) -> TypeGuard[float]:
    return isinstance(formula, float) and abs(formula) <= LARGEST_POWER and formula == int(formula)
