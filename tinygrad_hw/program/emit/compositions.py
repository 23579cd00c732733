"""Compositions: elementary functions written with others, for languages that lack them.

Each is a function of arrays, accurate to a few units in the last place, that uses NumPy's
functions. On arrays it computes, which is how the tests hold it to NumPy's own function; recorded
on stand-ins it becomes instructions that a language does have.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LN_2, LN_10 = math.log(2), math.log(10)
_LARGEST_TANGENT = 1e30  # its arctangent is π/2 to the last bit
_STEP = 0.5  # of the trapezoidal rule for erfc
_NODES = (np.arange(13) + 0.5) * _STEP
_WEIGHTS = np.exp(-np.square(_NODES))


def not_equal(x: Any, y: Any) -> Any:
    """Return whether elements differ."""
    return np.logical_not(np.equal(x, y))


def isfinite(x: Any) -> Any:
    """Return whether elements are neither infinite nor nan."""
    return np.logical_not(np.logical_or(np.isnan(x), np.isinf(x)))


def signbit(x: Any) -> Any:
    """Return whether numbers are negative; -0.0 is."""
    return np.logical_or(x < 0, 1 / x < 0)


def copysign(x: Any, y: Any) -> Any:
    """Return x with the sign of y."""
    size = np.absolute(x)
    return np.where(signbit(y), -size, size)


def square(x: Any) -> Any:
    """Return x · x."""
    return x * x


def trunc(x: Any) -> Any:
    """Return the whole part, towards 0."""
    return np.sign(x) * np.floor(np.absolute(x))


def remainder(x: Any, y: Any) -> Any:
    """Return the remainder of a division rounded down: it has the sign of y."""
    rest = np.fmod(x, y)
    return np.where(np.logical_and(rest != 0, (rest < 0) != (y < 0)), rest + y, rest)


def floor_divide(x: Any, y: Any) -> Any:
    """Return the quotient, rounded down."""
    return np.rint((x - remainder(x, y)) / y)


def heaviside(x: Any, middle: Any) -> Any:
    """Return 0 below 0, 1 above it, and ``middle`` at 0."""
    return np.where(x == 0, middle, (np.sign(x) + 1) / 2)


def fmax(x: Any, y: Any) -> Any:
    """Return the larger; of a number and nan, the number."""
    return np.where(np.logical_or(x >= y, np.isnan(y)), x, y)


def fmin(x: Any, y: Any) -> Any:
    """Return the smaller; of a number and nan, the number."""
    return np.where(np.logical_or(x <= y, np.isnan(y)), x, y)


def log1p(x: Any) -> Any:
    """Return log(1 + x), with the rounding of 1 + x divided out (Kahan)."""
    y = 1 + x
    return np.where(y == x, np.log(y), np.where(y == 1, x, np.log(y) * (x / (y - 1))))


def expm1(x: Any) -> Any:
    """Return exp(x) - 1."""
    return np.tanh(x / 2) * (np.exp(x) + 1)


def exp2(x: Any) -> Any:
    """Return 2 to the power of x."""
    return np.power(2.0, x)


def log2(x: Any) -> Any:
    """Return the logarithm to base 2."""
    return np.log(x) / LN_2


def log10(x: Any) -> Any:
    """Return the logarithm to base 10."""
    return np.log(x) / LN_10


def cbrt(x: Any) -> Any:
    """Return the third root, which of a negative number is negative."""
    return np.sign(x) * np.power(np.absolute(x), 1 / 3)


def logaddexp(x: Any, y: Any) -> Any:
    """Return log(exp(x) + exp(y)) without overflow."""
    apart = np.maximum(x, y) + log1p(np.exp(-np.absolute(x - y)))
    return np.where(x == y, x + LN_2, apart)


def logaddexp2(x: Any, y: Any) -> Any:
    """Return the logarithm to base 2 of 2ˣ + 2ʸ, without overflow."""
    return logaddexp(x * LN_2, y * LN_2) / LN_2


def hypot(x: Any, y: Any) -> Any:
    """Return the root of x² + y² without overflow."""
    return _hypotenuse(np.absolute(x), np.absolute(y))


def _hypotenuse(x: Any, y: Any) -> Any:
    """Return the root of x² + y² of two numbers that are not negative."""
    large, small = np.maximum(x, y), np.minimum(x, y)
    apart = large * np.sqrt(1 + square(small / large))
    return np.where(large == small, large * math.sqrt(2), apart)


def cos(x: Any) -> Any:
    """Return the cosine by sines: sin(2x) / (2 sin(x)), or where that is 0/0, 1 - 2 sin²(x/2)."""
    sine = np.sin(x)
    is_far = np.absolute(sine) > 0.5
    by_double = np.sin(2 * x) / np.where(is_far, 2 * sine, 1)
    return np.where(is_far, by_double, 1 - 2 * square(np.sin(x / 2)))


def tan(x: Any) -> Any:
    """Return the tangent."""
    return np.sin(x) / np.cos(x)


def cosh(x: Any) -> Any:
    """Return the hyperbolic cosine; it overflows no earlier than its result."""
    root = np.exp(np.absolute(x) / 2)
    return root / 2 * root + 1 / root / root / 2


def sinh(x: Any) -> Any:
    """Return the hyperbolic sine."""
    return np.tanh(x) * cosh(x)


def arctan(x: Any) -> Any:
    """Return the arctangent: that of 32 bits, and the small angle between it and the true one."""
    x = np.minimum(np.maximum(x, -_LARGEST_TANGENT), _LARGEST_TANGENT)
    near = np.arctan(x.astype(np.float32)).astype(np.float64)
    sine, cosine = np.sin(near), np.cos(near)
    return near + (x * cosine - sine) / (cosine + x * sine)


def arctan2(y: Any, x: Any) -> Any:
    """Return the angle of the point (x, y)."""
    slope = np.where(y == 0, 0.0, np.absolute(y) / np.absolute(x))
    angle = np.arctan(slope)
    return copysign(np.where(signbit(x), math.pi - angle, angle), y)


def arcsin(x: Any) -> Any:
    """Return the arcsine, by half its angle."""
    return 2 * np.arctan(x / (1 + np.sqrt((1 - x) * (1 + x))))


def arccos(x: Any) -> Any:
    """Return the arccosine, by half its angle."""
    return 2 * np.arctan(np.sqrt(1 - x) / np.sqrt(1 + x))


def arcsinh(x: Any) -> Any:
    """Return the inverse of the hyperbolic sine."""
    size = np.absolute(x)
    return np.sign(x) * log1p(size + size * (size / (1 + _hypotenuse(size, 1.0))))


def arccosh(x: Any) -> Any:
    """Return the inverse of the hyperbolic cosine."""
    above = x - 1
    return log1p(above + np.sqrt(above) * np.sqrt(x + 1))


def arctanh(x: Any) -> Any:
    """Return the inverse of the hyperbolic tangent."""
    size = np.absolute(x)
    return np.sign(x) / 2 * log1p(2 * size / (1 - size))


def erfc(x: Any) -> Any:
    """Return the complementary error function, by the trapezoidal rule on its integral.

    erfc(x) = (2x / π) exp(-x²) ∫ exp(-t²) / (t² + x²) dt over positive t, for a positive x. With
    steps of 1/2 the rule is exact to 16 digits but for the pole at t = ix, whose residue is added
    (Goodwin 1949; Hunter and Regan 1972).
    """
    size = np.absolute(x)
    terms = _WEIGHTS / (np.square(_NODES) + np.square(size)[..., None])
    tail = 2 * _STEP / math.pi * size * np.exp(-np.square(size)) * np.sum(terms, axis=-1)
    residue = 2 / (np.exp(np.minimum(size, math.pi / _STEP) * (2 * math.pi / _STEP)) + 1)
    tail = tail + np.where(size < math.pi / _STEP, residue, 0.0)
    return np.where(x < 0, 2 - tail, tail)
