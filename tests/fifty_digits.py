"""A second opinion on formulas: random ones, evaluated with fifty digits."""

import re
from collections.abc import Callable, Mapping

import mpmath
from hypothesis import assume
from hypothesis import strategies as st

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import Formula, add, multiply

NAMES = "abc"


def mp_sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-x))


WORDS = {
    "sigmoid": mp_sigmoid,
    "tanh": mpmath.tanh,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "abs": abs,
    "sign": mpmath.sign,
    "mpf": mpmath.mpf,
}


class NoNumberError(Exception):
    """The expression has no finite real value there."""


def exactly(text: str, values: Mapping[str, float]) -> mpmath.mpf:
    """Evaluate a text of the sheet language; Python's own grammar, fifty digits."""
    code = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e[+-]?\d+)?)", r"mpf('\1')", text)
    known = {name: mpmath.mpf(x) for name, x in values.items()}
    try:
        result = eval(code, {"__builtins__": {}, "max": max}, WORDS | known)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError):
        raise NoNumberError from None
    if isinstance(result, mpmath.mpc) or not mpmath.isfinite(result) or abs(result) > 1e200:
        raise NoNumberError
    return result


def of_tree(formula: Formula, values: Mapping[str, float]) -> mpmath.mpf:
    """Evaluate a tree with fifty digits."""
    if isinstance(formula, str):
        return mpmath.mpf(values[formula])
    if isinstance(formula, float):
        return mpmath.mpf(formula)
    operands = [of_tree(operand, values) for operand in formula.operands]
    try:
        if formula.operation is ops.add:
            result = mpmath.fsum(operands)
        elif formula.operation is ops.mul:
            result = mpmath.fprod(operands)
        elif formula.operation is ops.div:
            result = operands[0] / operands[1]
        elif formula.operation is ops.pow:
            result = mpmath.power(*operands)
        else:
            result = WORDS[formula.operation.name](*operands)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError):
        raise NoNumberError from None
    if isinstance(result, mpmath.mpc) or not mpmath.isfinite(result):
        raise NoNumberError
    return result


def otherwise_skip(function: Callable[..., mpmath.mpf], *arguments: object) -> mpmath.mpf:
    try:
        return function(*arguments)
    except NoNumberError:
        assume(False)
        raise


constants = st.sampled_from(["0", "1", "2", "4", "0.5", "0.25", "3", "8"])

leaves = st.sampled_from(NAMES) | st.sampled_from(NAMES) | constants

SMOOTH = ("sigmoid", "tanh", "exp", "softplus")

KINKED = ("relu", "abs")

PARTLY = ("log", "sqrt")  # defined on a part of the line


def texts(functions: tuple[str, ...], most: int = 8) -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
            | st.builds("({} / {})".format, inner, st.sampled_from(["2", "4", "a", "(1 + b**2)"]))
            | st.builds("({} / {})".format, inner, inner)
            | st.builds("(-{})".format, inner)
            | st.builds("({})**{}".format, inner, st.sampled_from(["2", "3", "-1", "0", "1"]))
            | st.builds("{}({})".format, st.sampled_from(functions), inner)
            | st.builds("(1 / (1 + exp(-({}))))".format, inner)
        )

    return st.recursive(leaves, larger, max_leaves=most)


anything = texts(SMOOTH + KINKED + PARTLY)

smooth = texts(SMOOTH + PARTLY)

points = st.fixed_dictionaries(
    {name: st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3) for name in NAMES}
)


def long_ones() -> list[tuple[str, Formula]]:
    many = [f"w{i}" for i in range(3000)]
    return [
        ("a sum of one name", add(*["a"] * 3000)),
        ("a product", multiply(*many)),
        ("a difference of products", add(*(multiply(-1.0, x, "a") for x in many))),
    ]
