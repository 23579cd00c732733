"""Expand a formula on vectors and matrices into one scalar formula for each element.

The operations are NumPy's, shapes and broadcasting included, on arrays whose elements are the texts
of formulas. Rows, columns and elements are counted from 1, as in a textbook.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.symbolic.expression import (
    FUNCTIONS,
    LONGEST,
    ExpressionError,
    quote_piece,
    syntax_of,
)
from tinygrad_hw.symbolic.source import ATOM, FormulaText, binary, negative

ARRAY_FUNCTIONS = ("softmax", "sum", "mean")
MOST_ELEMENTS = 1_000  # of one array
MOST_PRODUCTS = 10_000  # of one product of matrices
MOST_CHARACTERS = 1_000_000  # of all that one formula expands to, step by step

Shape = tuple[int, ...]
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
}


def element_names(name: str, shape: Shape) -> list[str]:
    """Return the names of an array's elements, row by row: z_1, z_2; W_11, W_12.

    An index of two digits keeps its distance: W_1_12.
    """
    between = "" if max(shape, default=0) < 10 else "_"
    places = itertools.product(*(range(1, length + 1) for length in shape))
    return [f"{name}_{between.join(map(str, place))}" if place else name for place in places]


def expand_formula(source: str, shapes: Mapping[str, Shape]) -> tuple[Shape, list[str]]:
    """Expand a formula; return the shape of its value, and the formula of each element row by row.

    A formula on no arrays is returned as it is written.

    Parameters
    ----------
    shapes
        The shapes of the names that are arrays.

    Raises
    ------
    ExpressionError
        If the shapes do not fit, or it expands to too much.
    """
    source, body = syntax_of(source)
    if not any(_is_on_arrays(node, shapes) for node in ast.walk(body)):
        return (), [source]
    try:
        value = _Expansion(source, shapes).value(body)
    except RecursionError:
        raise ExpressionError("is too long or nested too deeply") from None
    return value.shape, [term.text for term in value.flat]


def describe(shape: Shape) -> str:
    """Describe the shape of an array, as "a 2×3 matrix"."""
    if not shape:
        return "a number"
    return f"a vector of {shape[0]}" if len(shape) == 1 else f"a {shape[0]}×{shape[1]} matrix"


def _is_on_arrays(node: ast.AST, shapes: Mapping[str, Shape]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in shapes
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ARRAY_FUNCTIONS
    return isinstance(node, ast.List | ast.Subscript | ast.MatMult)


@dataclass(frozen=True, slots=True)
class _Term:
    """The formula of one element, which NumPy can add and multiply."""

    text: str
    precedence: int = ATOM

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST:
            raise ExpressionError(
                f"expands to a formula of more than {LONGEST:,} characters; name a part of it"
            )

    def __add__(self, other: _Term) -> _Term:
        return _Term(*binary("add", self.pair, other.pair))

    def __sub__(self, other: _Term) -> _Term:
        return _Term(*binary("sub", self.pair, other.pair))

    def __mul__(self, other: _Term) -> _Term:
        return _Term(*binary("mul", self.pair, other.pair))

    def __truediv__(self, other: _Term) -> _Term:
        return _Term(*binary("div", self.pair, other.pair))

    def __pow__(self, other: _Term) -> _Term:
        return _Term(*binary("pow", self.pair, other.pair))

    def __neg__(self) -> _Term:
        return _Term(*negative(self.pair))

    @property
    def pair(self) -> FormulaText:
        return self.text, self.precedence


Terms = np.ndarray[Any, Any]  # an array of _Terms; of no dimension for a number


class _Expansion:
    """The expansion of one formula."""

    def __init__(self, source: str, shapes: Mapping[str, Shape]) -> None:
        self.source, self.shapes = source, shapes
        self.characters = 0

    def value(self, node: ast.expr) -> Terms:
        """Return the terms of a part of the formula."""
        terms = np.asarray(self.terms(node), dtype=object)
        self.characters += sum(len(term.text) for term in terms.flat)
        if terms.size > MOST_ELEMENTS or self.characters > MOST_CHARACTERS:
            raise ExpressionError("expands to too much for hand work; take smaller arrays")
        return terms

    def terms(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.Constant():
                return _Term(ast.get_source_segment(self.source, node) or "")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.BinOp() if type(node.op) in OPERATORS:
                return self.joined(node)
            case ast.Attribute(value=inner, attr="T"):
                return self.value(inner).T
            case ast.List(elts=items) if items:
                return self.listed(node, [self.value(item) for item in items])
            case ast.Subscript(value=inner, slice=index):
                return self.element(node, self.value(inner), index)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if arguments:
                return self.call(node, name, [self.value(x) for x in arguments])
        raise ExpressionError(
            f"contains {quote_piece(node, self.source)}; allowed on vectors and matrices are "
            f"+ - * / ** @ .T, brackets, elements as in z[1] or W[1,2], lists, "
            f"{', '.join((*FUNCTIONS, *ARRAY_FUNCTIONS))}"
        )

    def named(self, name: str) -> Terms:
        shape = self.shapes.get(name, ())
        terms = [_Term(element) for element in element_names(name, shape)]
        return np.array(terms, dtype=object).reshape(shape)

    def joined(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        try:
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
                case ast.Div():
                    return left / right
                case ast.Pow():
                    return left**right
            if 0 in (left.ndim, right.ndim):
                raise ValueError
            if left.size * right.shape[-1] > MOST_PRODUCTS:
                raise ExpressionError("multiplies matrices too large for hand work")
            return left @ right
        except ValueError as error:
            if isinstance(error, ExpressionError):
                raise
            sign = OPERATORS[type(node.op)]
            shapes = f"{describe(left.shape)} {sign} {describe(right.shape)}"
            piece = quote_piece(node, self.source)
            raise ExpressionError(f"contains {piece}: {shapes}, which do not fit") from None

    def listed(self, node: ast.expr, items: list[Terms]) -> Terms:
        if any(item.shape != items[0].shape for item in items) or items[0].ndim > 1:
            raise ExpressionError(
                f"contains {quote_piece(node, self.source)}; a list is of numbers, or of rows of "
                "one length"
            )
        return np.stack(items)

    def element(self, node: ast.expr, terms: Terms, index: ast.expr) -> Any:
        indices = index.elts if isinstance(index, ast.Tuple) else [index]
        place = [i.value for i in indices if isinstance(i, ast.Constant) and type(i.value) is int]
        fits = 0 < len(place) == len(indices) <= terms.ndim
        if not fits or not all(
            0 < i <= length for i, length in zip(place, terms.shape[: len(place)], strict=True)
        ):
            raise ExpressionError(
                f"contains {quote_piece(node, self.source)}, and there {describe(terms.shape)} "
                "stands before the brackets; elements are counted from 1"
            )
        return terms[tuple(i - 1 for i in place)]

    def call(self, node: ast.expr, name: str, arguments: list[Terms]) -> Any:
        [first, *others] = arguments
        if name in ARRAY_FUNCTIONS:
            if others or not first.ndim:
                raise ExpressionError(f"gives {name}() something other than one vector or matrix")
            return self.softmax(first) if name == "softmax" else _total(first, name == "mean")
        if name in ("max", "min") and not others and first.ndim:
            return _call(name, *first.flat)
        try:
            return np.frompyfunc(lambda *terms: _call(name, *terms), len(arguments), 1)(*arguments)
        except ValueError as error:
            if isinstance(error, ExpressionError):
                raise
            shapes = " and ".join(describe(x.shape) for x in arguments)
            raise ExpressionError(f"gives {name}() {shapes}, which do not fit") from None

    def softmax(self, terms: Terms) -> Terms:
        """Return the softmax of a vector, or of each row of a matrix."""
        powers = np.frompyfunc(lambda term: _call("exp", term), 1, 1)(terms)
        totals = np.apply_along_axis(lambda row: np.array(_total(row), object), -1, powers)
        return np.asarray(powers / totals[..., None], dtype=object)


def _call(name: str, *terms: _Term) -> _Term:
    return _Term(f"{name}({', '.join(term.text for term in terms)})")


def _total(terms: Terms, is_mean: bool = False) -> Any:
    total = terms.ravel()[0]
    for term in terms.ravel()[1:]:
        total = total + term
    return total / _Term(str(terms.size)) if is_mean else total
