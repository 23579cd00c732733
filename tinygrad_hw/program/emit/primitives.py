"""Primitives: the table of elementary operations, with the spelling of each in every language."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.program.emit import compositions


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
    onnx
        ONNX's operator; empty if there is none.
    composed
        The same by other operations, for a language that lacks it. ONNX has some for float32 that
        onnxruntime does not have for float64.
    """

    python: Any
    numpy: Any
    infix: str = ""
    prefix: str = ""
    loop: str = ""
    javascript: str = ""
    onnx: str = ""
    composed: Callable[..., Any] | None = None


def _row(python: Any, numpy: Any, **spellings: str) -> Primitive:
    composed = getattr(compositions, numpy.__name__, None)
    return Primitive(python, numpy, **spellings, composed=composed)


def _infix(python: Any, numpy: Any, sign: str, onnx: str = "", javascript: str = "") -> Primitive:
    written = f"{{0}} {javascript or sign} {{1}}"
    return _row(
        *(python, numpy), infix=sign, loop=f"{{0}} {sign} {{1}}", javascript=written, onnx=onnx
    )


def _function(numpy: Any, javascript: str = "", onnx: str = "", loop: str = "") -> Primitive:
    return _row(None, numpy, loop=loop, javascript=javascript, onnx=onnx)


def _of_math(numpy: Any, onnx: str = "", loop: str = "math.{name}({{0}})") -> Primitive:
    """Return a function that JavaScript's ``Math`` and, unless told, Python's have by its name."""
    name = numpy.__name__
    return _function(numpy, f"Math.{name.replace('arc', 'a')}({{0}})", onnx, loop.format(name=name))


PRIMITIVES = (
    _infix(operator.add, np.add, "+", "Add"),
    _infix(operator.sub, np.subtract, "-", "Sub"),
    _infix(operator.mul, np.multiply, "*", "Mul"),
    _infix(operator.truediv, np.divide, "/", "Div"),
    _infix(operator.lt, np.less, "<", "Less"),
    _infix(operator.le, np.less_equal, "<=", "LessOrEqual"),
    _infix(operator.gt, np.greater, ">", "Greater"),
    _infix(operator.ge, np.greater_equal, ">=", "GreaterOrEqual"),
    _infix(operator.eq, np.equal, "==", "Equal"),
    _infix(operator.ne, np.not_equal, "!="),
    _infix(operator.and_, np.bitwise_and, "&", "BitwiseAnd", javascript="&&"),
    _infix(operator.or_, np.bitwise_or, "|", "BitwiseOr", javascript="||"),
    _row(
        *(operator.floordiv, np.floor_divide),
        infix="//",
        javascript="Math.round(({0} - mod({0}, {1})) / {1})",
    ),
    _row(operator.mod, np.remainder, infix="%", javascript="mod({0}, {1})"),
    _function(np.fmod, "{0} % {1}", "Mod"),
    _row(operator.matmul, np.matmul, infix="@", onnx="MatMul"),
    _row(operator.pow, np.power, javascript="Math.pow({0}, {1})", onnx="Pow"),
    _row(operator.neg, np.negative, prefix="-", loop="-{0}", javascript="-({0})", onnx="Neg"),
    _row(operator.pos, np.positive, prefix="+", loop="{0}", javascript="+({0})", onnx="Identity"),
    _row(operator.abs, np.absolute, loop="abs({0})", javascript="Math.abs({0})", onnx="Abs"),
    _row(operator.invert, np.invert, loop="not {0}", javascript="!({0})", onnx="BitwiseNot"),
    _row(None, np.logical_not, prefix="not ", loop="not {0}", javascript="!({0})", onnx="Not"),
    _function(np.logical_and, "{0} && {1}", "And"),
    _function(np.logical_or, "{0} || {1}", "Or"),
    _function(np.square, "{0} * {0}", loop="{0} * {0}"),
    _function(np.reciprocal, "1 / {0}", "Reciprocal", loop="1 / {0}"),
    _of_math(np.exp, "Exp"),
    _of_math(np.expm1),
    _of_math(np.log, "Log"),
    _of_math(np.log1p),
    _of_math(np.sqrt, "Sqrt"),
    _of_math(np.sin, "Sin"),
    _of_math(np.cos, "Cos"),
    _of_math(np.tanh, "Tanh"),
    _of_math(np.log2, loop=""),
    _of_math(np.log10, loop=""),
    _of_math(np.cbrt, loop=""),
    _of_math(np.tan, "Tan", loop=""),
    _of_math(np.sinh, "Sinh", loop=""),
    _of_math(np.cosh, "Cosh", loop=""),
    _of_math(np.floor, "Floor", loop=""),
    _of_math(np.ceil, "Ceil", loop=""),
    _of_math(np.trunc, loop=""),
    _of_math(np.arcsin, "Asin", loop=""),
    _of_math(np.arccos, "Acos", loop=""),
    _of_math(np.arctan, "Atan", loop=""),
    _of_math(np.arcsinh, "Asinh", loop=""),
    _of_math(np.arccosh, "Acosh", loop=""),
    _of_math(np.arctanh, "Atanh", loop=""),
    _function(np.rint, "rint({0})", "Round"),
    _function(np.exp2, "Math.pow(2, {0})"),
    _function(np.arctan2, "Math.atan2({0}, {1})"),
    _function(np.hypot, "Math.hypot({0}, {1})"),
    _function(np.sign, "sign({0})", "Sign", loop="np.sign({0})"),
    _function(np.logaddexp, "logaddexp({0}, {1})"),
    _function(np.logaddexp2, "logaddexp({0} * Math.LN2, {1} * Math.LN2) / Math.LN2"),
    _function(np.heaviside, "{0} === 0 ? {1} : (sign({0}) + 1) / 2"),
    _function(np.copysign, "({1} < 0 || Object.is({1}, -0) ? -1 : 1) * Math.abs({0})"),
    _function(np.fmax, "{0} >= {1} || Number.isNaN({1}) ? {0} : {1}"),
    _function(np.fmin, "{0} <= {1} || Number.isNaN({1}) ? {0} : {1}"),
    _function(np.isnan, "Number.isNaN({0})", "IsNaN"),
    _function(np.isfinite, "Number.isFinite({0})", loop="math.isfinite({0})"),
    _function(
        np.maximum,
        *("Math.max({0}, {1})", "Max"),
        loop="{0} if {0} >= {1} or {0} != {0} else {1}",
    ),
    _function(
        np.minimum,
        *("Math.min({0}, {1})", "Min"),
        loop="{0} if {0} <= {1} or {0} != {0} else {1}",
    ),
    _function(np.where, "{0} ? {1} : {2}", "Where", loop="{1} if {0} else {2}"),
    *(
        _function(numpy, javascript, onnx)
        for numpy, javascript, onnx in (
            (np.logical_xor, "!({0}) !== !({1})", "Xor"),
            (np.bitwise_xor, "!({0}) !== !({1})", "BitwiseXor"),
            (np.fabs, "Math.abs({0})", "Abs"),
            (np.isinf, "Math.abs({0}) === Infinity", "IsInf"),
            (np.signbit, "({0} < 0 || Object.is({0}, -0))", ""),
        )
    ),
)


class Reduction(NamedTuple):
    """One operation between all elements along axes.

    Attributes
    ----------
    ufunc, numpy
        NumPy's function of two, which its method ``reduce`` repeats, and NumPy's name for that.
    neutral
        The number that changes nothing: the result of no elements.
    javascript, onnx
        Its name in our JavaScript, and ONNX's operator.
    """

    ufunc: Any
    numpy: Any
    neutral: float
    javascript: str
    onnx: str


REDUCTIONS = (
    Reduction(np.add, np.sum, -0.0, "sum", "ReduceSum"),
    Reduction(np.multiply, np.prod, 1.0, "prod", "ReduceProd"),
    Reduction(np.maximum, np.max, -math.inf, "max", "ReduceMax"),
    Reduction(np.minimum, np.min, math.inf, "min", "ReduceMin"),
    Reduction(np.logical_and, np.all, True, "all", "ReduceMin"),
    Reduction(np.logical_or, np.any, False, "any", "ReduceMax"),
)
ON_ARRAYS: dict[Any, Any] = {
    **{p.python: p.numpy for p in PRIMITIVES if p.python},
    **{r.numpy: r.ufunc.reduce for r in REDUCTIONS if r.numpy in (np.sum, np.max, np.min)},
}
ON_NUMBERS: dict[Any, Any] = {p.numpy: p.python for p in PRIMITIVES if p.python}
ON_BOOLEANS: dict[Any, Any] = {  # what these mean on booleans alone
    **dict.fromkeys((np.add, np.maximum), np.bitwise_or),
    **dict.fromkeys((np.multiply, np.minimum), np.bitwise_and),
}
