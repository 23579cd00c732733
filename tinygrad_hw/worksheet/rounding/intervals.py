"""Interval arithmetic, rounded outward: a result always holds the true result.

Every operation returns an interval that contains the result for every choice of numbers in its
operands. After each step the ends move outward by a few units in the last place of a float, more
than the error of the elementary functions. Source: Moore, Kearfott, Cloud, Introduction to Interval
Analysis (SIAM, 2009), chapters 2 and 5.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.numpy_api.elementwise import heaviside

OUTWARD = 4 * 2.0**-52  # relative; sigmoid and pow are right to some 2 units in the last place
TINY = 1e-300  # anything smaller counts as 0
LARGEST, SMALLEST = sys.float_info.max, math.ulp(0.0)
SMALLEST_NORMAL = sys.float_info.min  # a smaller float has fewer digits
POINT_WIDTH = 1e-12  # relative; an interval no wider is one number and its floating-point error


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``low`` to ``high``, ends included."""

    low: float
    high: float

    @property
    def magnitude(self) -> float:
        """The largest absolute value in it."""
        return max(abs(self.low), abs(self.high))

    @property
    def middle(self) -> float:
        """The number half way between the ends."""
        return self.low + (self.high - self.low) / 2

    @property
    def is_point(self) -> bool:
        """Whether it holds one number, floating-point error aside."""
        return (
            self.high - self.low <= POINT_WIDTH * self.magnitude < math.inf or self.magnitude < TINY
        )

    @property
    def short_decimal(self) -> float | None:
        """The decimal of at most eight digits that the interval stands for; None if there is none.

        Such a decimal is an exact number, and no digits beyond its own can be cut off.
        """
        if self.magnitude < TINY:
            return 0.0
        if not self.high - self.low <= 1e-11 * self.magnitude < math.inf:
            return None
        short = float(f"{self.middle:.8g}")
        return short if short in self else None

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def overlaps(self, other: Interval) -> bool:
        """Whether the two have a number in common."""
        return self.low <= other.high and other.low <= self.high

    def intersection(self, other: Interval) -> Interval:
        """Return the numbers in both; where there are none, the nearest point of this interval."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low <= high:
            return Interval(low, high)
        return point(self.high if self.high < other.low else self.low)

    def hull(self, *others: Interval | float) -> Interval:
        """Return the smallest interval that holds this interval and all the others."""
        lows = [o.low if isinstance(o, Interval) else o for o in others]
        highs = [o.high if isinstance(o, Interval) else o for o in others]
        return Interval(min(self.low, *lows), max(self.high, *highs))

    def widened(self, towards_zero: float, away: float) -> Interval:
        """Return a wider interval: each end is moved by an amount for its direction."""
        low = self.low - (towards_zero if self.low > 0 else away)
        high = self.high + (towards_zero if self.high < 0 else away)
        return Interval(low, high)


def point(number: float) -> Interval:
    """Return the interval that holds one number."""
    return Interval(number, number)


def _outward(low: float, high: float) -> Interval:
    """Move the ends apart by more than an operation's error, over- and underflow included."""
    if math.isnan(low) or math.isnan(high):  # 0 · inf, inf - inf
        return Interval(-math.inf, math.inf)
    low, high = min(low, LARGEST), max(high, -LARGEST)
    return Interval(low - _error(low), high + _error(high))


def _error(end: float) -> float:
    """Bound the error of what an operation gave; that of a subnormal number is absolute."""
    return abs(end) * OUTWARD + (4 * SMALLEST if end else 0.0)


def _is_underflow(result: float, *operands: float) -> bool:
    """Whether a result has lost digits, or all of them, since it is too small for a float."""
    return abs(result) < SMALLEST_NORMAL and all(operands)


def _add(*terms: Interval) -> Interval:
    low, high = sum(t.low for t in terms), sum(t.high for t in terms)
    if not (math.isfinite(low) and math.isfinite(high)):
        return _outward(low, high)
    size = sum(t.magnitude for t in terms) * 2.0**-53 * len(terms)  # what the additions round away
    exact = size < 1 and all(t.low == t.high and t.low.is_integer() for t in terms)
    return Interval(low, high) if exact else Interval(low - size, high + size)


def _multiply(*factors: Interval) -> Interval:
    if all(f.low == f.high and f.low.is_integer() for f in factors):
        product = math.prod(f.low for f in factors)
        if abs(product) < 2**53:
            return point(product)
    return reduce(_multiply_two, factors)


def _multiply_two(x: Interval, y: Interval) -> Interval:
    corners = (x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high)
    if any(map(math.isnan, corners)):
        return Interval(-math.inf, math.inf)
    low, high = min(corners), max(corners)
    if abs(low) < SMALLEST_NORMAL or abs(high) < SMALLEST_NORMAL:
        ends = ((a, b) for a in (x.low, x.high) for b in (y.low, y.high))
        if any(_is_underflow(a * b, a, b) for a, b in ends):
            low, high = low - SMALLEST, high + SMALLEST
    return _outward(low, high)


def _divide(x: Interval, y: Interval) -> Interval:
    if y.low <= 0 <= y.high:
        return Interval(-math.inf, math.inf)
    return _multiply(x, _outward(1 / y.high, 1 / y.low))


def _power(x: Interval, y: Interval) -> Interval:
    n = y.low
    if n == y.high and n.is_integer():
        powers = [_raise(x.low, n), _raise(x.high, n)]
        underflows = _is_underflow(powers[0], x.low) or _is_underflow(powers[1], x.high)
        if n % 2 == 0 and x.low <= 0 <= x.high:
            powers.append(_raise(0.0, n))
        if n < 0 and x.low <= 0 <= x.high:
            return Interval(-math.inf, math.inf)
        low, high = min(powers), max(powers)
        if underflows:
            low, high = low - SMALLEST, high + SMALLEST
        return _outward(low, high)
    if x.low <= 0:
        return Interval(-math.inf, math.inf)
    return _exp(_multiply(y, _log(x)))


def _raise(x: float, n: float) -> float:
    try:
        return float(x**n)
    except OverflowError:
        return math.inf if x > 0 or n % 2 == 0 else -math.inf
    except ZeroDivisionError:
        return math.inf


def _increasing(
    operation: Operation, least: float = -math.inf, positive: bool = False
) -> Callable[[Interval], Interval]:
    """Extend an increasing function to intervals; it is not defined below ``least``."""
    compute = operation.compute

    def extended(x: Interval) -> Interval:
        if x.high < least:
            return Interval(-math.inf, math.inf)
        image = _outward(float(compute(max(x.low, least))), float(compute(x.high)))
        return Interval(image.low, image.high or SMALLEST) if positive else image

    return extended


_exp, _log = _increasing(ops.exp, positive=True), _increasing(ops.log, least=0.0)


def _absolute(x: Interval) -> Interval:
    low = 0.0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    return Interval(low, x.magnitude)


def _sine(x: Interval) -> Interval:
    """Enclose the sine: its ends, and 1 or -1 where a maximum or a minimum lies between them."""
    if not x.magnitude < 1e15 or x.high - x.low >= 2 * math.pi:  # a turn has too few digits there
        return Interval(-1.0, 1.0)
    ends = math.sin(x.low), math.sin(x.high)
    slack = OUTWARD * (1 + x.magnitude)  # of the turns below
    turns = [(end / math.pi - 0.5) / 2 for end in (x.low - slack, x.high + slack)]  # maxima: whole
    has_maximum = math.floor(turns[1]) >= math.ceil(turns[0])
    has_minimum = math.floor(turns[1] + 0.5) >= math.ceil(turns[0] + 0.5)
    inner = _outward(min(ends), max(ends))
    low = -1.0 if has_minimum else max(inner.low, -1.0)
    return Interval(low, 1.0 if has_maximum else min(inner.high, 1.0))


def _cosine(x: Interval) -> Interval:
    quarter = Interval(math.pi / 2 * (1 - OUTWARD), math.pi / 2 * (1 + OUTWARD))
    return _sine(_add(x, quarter))


def _tangent(x: Interval) -> Interval:
    """Enclose the tangent: everything where a pole may lie between the ends."""
    slack = OUTWARD * (1 + x.magnitude)
    turns = [end / math.pi + 0.5 for end in (x.low - slack, x.high + slack)]
    if not x.magnitude < 1e15 or math.floor(turns[0]) != math.floor(turns[1]):
        return Interval(-math.inf, math.inf)
    low, high = math.tan(x.low), math.tan(x.high)
    return _outward(low, high) if low <= high else Interval(-math.inf, math.inf)


def _maximum(x: Interval, y: Interval) -> Interval:
    return Interval(max(x.low, y.low), max(x.high, y.high))


def _minimum(x: Interval, y: Interval) -> Interval:
    return Interval(min(x.low, y.low), min(x.high, y.high))


def _step(x: Interval, middle: Interval) -> Interval:
    """Enclose what is 0 below 0, 1 above 0, and something between at 0."""
    low = 1.0 if x.low > 0 else middle.low if x.low == x.high == 0 else 0.0
    high = 0.0 if x.high < 0 else middle.high if x.low == x.high == 0 else 1.0
    return Interval(low, high)


EXTENSIONS: dict[Operation, Callable[..., Interval]] = {
    ops.add: _add,
    ops.mul: _multiply,
    ops.div: _divide,
    ops.pow: _power,
    ops.sigmoid: _increasing(ops.sigmoid, positive=True),
    ops.tanh: _increasing(ops.tanh),
    ops.relu: _increasing(ops.relu),
    ops.exp: _exp,
    ops.log: _log,
    ops.sqrt: _increasing(ops.sqrt, least=0.0),
    ops.softplus: _increasing(ops.softplus, positive=True),
    ops.abs: _absolute,
    ops.sign: _increasing(ops.sign),
    ops.log10: _increasing(ops.log10, least=0.0),
    ops.sin: _sine,
    ops.cos: _cosine,
    ops.tan: _tangent,
    ops.maximum: _maximum,
    ops.minimum: _minimum,
    heaviside: _step,
}
"""The extension of each operation of a formula to intervals; a formula writes x - y as a sum."""
