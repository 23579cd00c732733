"""Primitives: the table of elementary operations, with the spelling of each in every language."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np


class Primitive(NamedTuple):
    """One operation on numbers and arrays.

    Attributes
    ----------
    python
        Python's operator, which is used on Python's numbers; None if there is none.
    numpy
        NumPy's function, which is used on arrays.
    infix, prefix
        Python's sign for it, between or before its operands.
    loop, javascript
        How it is written in a compiled loop and in JavaScript, with ``{0}`` for the first operand;
        empty if it is not.
    """

    python: Any
    numpy: Any
    infix: str = ""
    prefix: str = ""
    loop: str = ""
    javascript: str = ""


def _infix(python: Any, numpy: Any, sign: str, javascript: str = "") -> Primitive:
    written = f"{{0}} {javascript or sign} {{1}}"
    return Primitive(python, numpy, sign, loop=f"{{0}} {sign} {{1}}", javascript=written)


def _function(numpy: Any, javascript: str) -> Primitive:
    return Primitive(None, numpy, javascript=javascript)


def _of_math(numpy: Any) -> Primitive:
    """Return a function that Python's ``math`` has under NumPy's name, and JavaScript too."""
    name = numpy.__name__
    return Primitive(None, numpy, loop=f"math.{name}({{0}})", javascript=f"Math.{name}({{0}})")


PRIMITIVES = (
    _infix(operator.add, np.add, "+"),
    _infix(operator.sub, np.subtract, "-"),
    _infix(operator.mul, np.multiply, "*"),
    _infix(operator.truediv, np.divide, "/"),
    _infix(operator.lt, np.less, "<"),
    _infix(operator.le, np.less_equal, "<="),
    _infix(operator.gt, np.greater, ">"),
    _infix(operator.ge, np.greater_equal, ">="),
    _infix(operator.eq, np.equal, "=="),
    _infix(operator.ne, np.not_equal, "!="),
    _infix(operator.and_, np.bitwise_and, "&", javascript="&&"),
    _infix(operator.or_, np.bitwise_or, "|", javascript="||"),
    Primitive(
        operator.floordiv,
        np.floor_divide,
        infix="//",
        javascript="Math.round(({0} - mod({0}, {1})) / {1})",
    ),
    Primitive(operator.mod, np.remainder, infix="%", javascript="mod({0}, {1})"),
    _function(np.fmod, "{0} % {1}"),
    Primitive(operator.matmul, np.matmul, infix="@"),
    Primitive(operator.pow, np.power, javascript="Math.pow({0}, {1})"),
    Primitive(operator.neg, np.negative, prefix="-", loop="-{0}", javascript="-({0})"),
    Primitive(operator.pos, np.positive, prefix="+", loop="{0}", javascript="+({0})"),
    Primitive(operator.abs, np.absolute, loop="abs({0})", javascript="Math.abs({0})"),
    Primitive(operator.invert, np.invert, loop="not {0}", javascript="!({0})"),
    Primitive(None, np.logical_not, prefix="not ", loop="not {0}", javascript="!({0})"),
    _function(np.logical_and, "{0} && {1}"),
    _function(np.logical_or, "{0} || {1}"),
    Primitive(None, np.square, loop="{0} * {0}", javascript="{0} * {0}"),
    Primitive(None, np.reciprocal, loop="1 / {0}", javascript="1 / {0}"),
    *map(_of_math, (np.exp, np.expm1, np.log, np.log1p, np.sqrt, np.sin, np.cos, np.tanh)),
    *(
        _function(f, f"Math.{f.__name__}({{0}})")
        for f in (np.log2, np.log10, np.cbrt, np.tan, np.sinh, np.cosh)
    ),
    *(_function(f, f"Math.{f.__name__}({{0}})") for f in (np.floor, np.ceil, np.trunc)),
    _function(np.rint, "rint({0})"),
    _function(np.exp2, "Math.pow(2, {0})"),
    *(
        _function(f, f"Math.{f.__name__.replace('arc', 'a')}({{0}})")
        for f in (np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh)
    ),
    _function(np.arctan2, "Math.atan2({0}, {1})"),
    _function(np.hypot, "Math.hypot({0}, {1})"),
    _function(np.sign, "sign({0})"),
    _function(np.logaddexp, "logaddexp({0}, {1})"),
    _function(np.logaddexp2, "logaddexp({0} * Math.LN2, {1} * Math.LN2) / Math.LN2"),
    _function(np.heaviside, "{0} === 0 ? {1} : (sign({0}) + 1) / 2"),
    _function(np.copysign, "({1} < 0 || Object.is({1}, -0) ? -1 : 1) * Math.abs({0})"),
    _function(np.fmax, "{0} >= {1} || Number.isNaN({1}) ? {0} : {1}"),
    _function(np.fmin, "{0} <= {1} || Number.isNaN({1}) ? {0} : {1}"),
    _function(np.isnan, "Number.isNaN({0})"),
    Primitive(None, np.isfinite, loop="math.isfinite({0})", javascript="Number.isFinite({0})"),
    Primitive(
        None,
        np.maximum,
        loop="{0} if {0} >= {1} or {0} != {0} else {1}",
        javascript="Math.max({0}, {1})",
    ),
    Primitive(
        None,
        np.minimum,
        loop="{0} if {0} <= {1} or {0} != {0} else {1}",
        javascript="Math.min({0}, {1})",
    ),
    Primitive(None, np.where, loop="{1} if {0} else {2}", javascript="{0} ? {1} : {2}"),
)
ON_ARRAYS: dict[Any, Any] = {
    **{p.python: p.numpy for p in PRIMITIVES if p.python},
    np.sum: np.add.reduce,
    np.max: np.maximum.reduce,
    np.min: np.minimum.reduce,
}
ON_NUMBERS: dict[Any, Any] = {p.numpy: p.python for p in PRIMITIVES if p.python}
