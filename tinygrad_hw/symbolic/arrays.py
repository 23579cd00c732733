"""Expand a formula on vectors and matrices into one scalar formula for each element.

The operations are NumPy's, shapes and broadcasting included, on arrays whose elements are the texts
of formulas. Rows, columns and elements are counted from 1, as in a textbook.
"""

from __future__ import annotations

import ast
import functools
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_hw.symbolic.expression import (
    ARRAY_FUNCTIONS,
    FUNCTIONS,
    LONGEST,
    ExpressionError,
    quote_piece,
    syntax_of,
    unknown_function,
)
from tinygrad_hw.symbolic.source import ATOM, FormulaText, binary, negative

ALONG_AN_AXIS = ("softmax", "sum", "mean", "max", "min", "concat")
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
    written = source
    source, body = syntax_of(source)
    if not any(_is_on_arrays(node, shapes) for node in ast.walk(body)):
        return (), [source]
    if dot := next((sign for sign in "·⋅" if sign in written), ""):
        raise ExpressionError(f"contains {dot}; write * for a product by element, @ of matrices")
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
            case ast.Call(func=func, args=arguments):
                name = func.id if isinstance(func, ast.Name) else ""
                if name not in FUNCTIONS and name not in ARRAY_FUNCTIONS:
                    raise unknown_function(node, self.source)
                if arguments and (options := _options(node)) is not None:
                    return self.call(node, name, [self.value(x) for x in arguments], **options)
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
            if isinstance(node.op, ast.MatMult):
                if 0 in (left.ndim, right.ndim):
                    raise ValueError
                if left.size * right.shape[-1] > MOST_PRODUCTS:
                    raise ExpressionError("multiplies matrices too large for hand work")
                return left @ right
            _check_fit(left, right)
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
                case ast.Div():
                    return left / right
            return left**right
        except ValueError as error:
            if isinstance(error, ExpressionError):
                raise
            raise self.misfit(node, [left, right], OPERATORS[type(node.op)]) from None

    def misfit(self, node: ast.expr, parts: list[Terms], sign: str = "and") -> ExpressionError:
        """Return the error of parts whose shapes do not fit each other."""
        shapes = f" {sign} ".join(describe(part.shape) for part in parts)
        piece = quote_piece(node, self.source)
        return ExpressionError(f"contains {piece}: {shapes}, which do not fit")

    def listed(self, node: ast.expr, items: list[Terms]) -> Terms:
        if any(item.shape != items[0].shape for item in items) or items[0].ndim > 1:
            raise ExpressionError(
                f"contains {quote_piece(node, self.source)}; a list is of numbers, or of rows of "
                "one length; concat(…) joins vectors"
            )
        return np.stack(items)

    def element(self, node: ast.expr, terms: Terms, index: ast.expr) -> Any:
        indices = index.elts if isinstance(index, ast.Tuple) else [index]
        lengths = terms.shape[: len(indices)]
        if len(lengths) == len(indices):
            place = [_place(i, length) for i, length in zip(indices, lengths, strict=True)]
            if None not in place:
                return terms[tuple(place)]
        raise ExpressionError(
            f"contains {quote_piece(node, self.source)}, and there {describe(terms.shape)} "
            "stands before the brackets; elements are counted from 1, and z[1:2] has two"
        )

    def call(
        self,
        node: ast.expr,
        name: str,
        arguments: list[Terms],
        axis: int | None = None,
        keepdims: bool = False,
    ) -> Any:
        [first, *others] = arguments
        has_axis = name == "concat" or (name in ALONG_AN_AXIS and not others)
        if axis is not None and not (has_axis and all(axis < x.ndim for x in arguments)):
            raise ExpressionError(
                f"contains {quote_piece(node, self.source)}, which has no axis {axis}; that of a "
                "matrix is 0 down each column and 1 along each row"
            )
        if name == "concat":
            return self.joined_up(node, arguments, axis)
        if name == "conv":
            if len(others) != 1:
                raise ExpressionError("gives conv() something other than two vectors or matrices")
            return self.convolution(node, first, others[0])
        if name in ARRAY_FUNCTIONS and (others or not first.ndim):
            raise ExpressionError(f"gives {name}() something other than one vector or matrix")
        if name == "softmax":
            return self.softmax(first, -1 if axis is None else axis)
        if name in ALONG_AN_AXIS and not others and first.ndim:
            total = {"max": _largest, "min": _smallest, "mean": _mean}.get(name, _total)
            return _reduced(total, first, axis, keepdims)
        try:
            _check_fit(*arguments)
            return np.frompyfunc(lambda *terms: _call(name, *terms), len(arguments), 1)(*arguments)
        except ValueError as error:
            if isinstance(error, ExpressionError):
                raise
            shapes = " and ".join(describe(x.shape) for x in arguments)
            raise ExpressionError(f"gives {name}() {shapes}, which do not fit") from None

    def softmax(self, terms: Terms, axis: int) -> Terms:
        """Return the softmax of a vector, or of each row or column of a matrix."""
        powers = np.frompyfunc(lambda term: _call("exp", term), 1, 1)(terms)
        return np.asarray(powers / _reduced(_total, powers, axis, keepdims=True), dtype=object)

    def joined_up(self, node: ast.expr, parts: list[Terms], axis: int | None) -> Terms:
        """Return vectors and numbers as one vector, or matrices as one matrix."""
        try:
            return np.concatenate([np.atleast_1d(part) for part in parts], axis or 0)
        except ValueError:
            raise self.misfit(node, parts) from None

    def convolution(self, node: ast.expr, terms: Terms, kernel: Terms) -> Terms:
        """Return the sum of products of a kernel and each part of its shape, not turned over."""
        fits = 0 < terms.ndim == kernel.ndim and np.all(np.less_equal(kernel.shape, terms.shape))
        if not fits:
            raise self.misfit(node, [terms, kernel])
        shape = np.subtract(terms.shape, kernel.shape) + 1
        if np.prod(shape) * kernel.size > MOST_PRODUCTS:
            raise ExpressionError("multiplies matrices too large for hand work")
        windows = sliding_window_view(terms, kernel.shape)
        sums = [_total(windows[place] * kernel) for place in np.ndindex(*shape)]
        return np.array(sums, dtype=object).reshape(shape)


def _options(node: ast.Call) -> dict[str, Any] | None:
    """Return the axis of a call, and whether it keeps its dimensions; None for any other option."""
    options = {
        x.arg: x.value.value for x in node.keywords if x.arg and isinstance(x.value, ast.Constant)
    }
    axis, keepdims = options.get("axis"), options.get("keepdims", False)
    is_known = len(options) == len(node.keywords) and options.keys() <= {"axis", "keepdims"}
    has_axis = type(axis) is int and 0 <= axis <= 1 and isinstance(keepdims, bool)
    return options if is_known and (has_axis or not options) else None


def _check_fit(*parts: Terms) -> None:
    """Raise a ValueError unless one part has the shape of all, as a column and a row have not."""
    if np.broadcast_shapes(*(part.shape for part in parts)) not in [part.shape for part in parts]:
        raise ValueError


def _place(index: ast.expr, length: int) -> int | slice | None:
    """Return an index, or a range with both its ends, counted from 0; None for any other."""
    if isinstance(index, ast.Slice):
        first = 0 if index.lower is None else _place(index.lower, length)
        last = length - 1 if index.upper is None else _place(index.upper, length)
        if index.step or not isinstance(first, int) or not isinstance(last, int) or first > last:
            return None
        return slice(first, last + 1)
    number = index.value if isinstance(index, ast.Constant) else None
    return number - 1 if type(number) is int and 0 < number <= length else None


def _call(name: str, *terms: _Term) -> _Term:
    return _Term(f"{name}({', '.join(term.text for term in terms)})")


def _reduced(
    reduce: Callable[[Terms], _Term], terms: Terms, axis: int | None, keepdims: bool = False
) -> Any:
    """Reduce all terms, or those along an axis, to one."""
    lanes = terms.reshape(1, -1) if axis is None else np.moveaxis(terms, axis, -1)
    reduced = np.empty(lanes.shape[:-1], dtype=object)
    for place in np.ndindex(*reduced.shape):
        reduced[place] = reduce(lanes[place])
    if axis is None:
        return reduced[0]
    return np.expand_dims(reduced, axis) if keepdims else reduced


def _total(terms: Terms) -> _Term:
    total: _Term = functools.reduce(operator.add, terms.flat)
    return total


def _mean(terms: Terms) -> _Term:
    return _total(terms) / _Term(str(terms.size))


def _largest(terms: Terms) -> _Term:
    return _call("max", *terms.flat) if terms.size > 1 else terms.flat[0]


def _smallest(terms: Terms) -> _Term:
    return _call("min", *terms.flat) if terms.size > 1 else terms.flat[0]
