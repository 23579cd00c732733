"""Start a sheet from a Python function: what the engine records becomes the formulas."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.symbolic import FUNCTIONS, is_name, read_expression
from tinygrad_hw.symbolic.source import (
    ATOM,
    BINARY,
    POWER,
    PRODUCT,
    QUOTIENT,
    SIGN,
    SUM,
    FormulaText,
    binary,
    bracketed,
    negative,
)
from tinygrad_hw.worksheet.sheet.model import Answers, Sheet, SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text

LONGEST = 200  # characters of an inlined formula: a longer one is a name of its own

NAMES = {operation: name for name, operation in reversed(FUNCTIONS.items())}  # log, not ln


def sheet_from(
    function: Callable[..., Any],
    given: Mapping[str, float],
    parameters: Mapping[str, float],
    rate: float,
    figures: int | None = None,
    title: str = "",
) -> Sheet:
    """Run a function of named scalars once, and make a sheet of what it computed.

    A result with a label becomes a name of the sheet, if its label can be one. What has none is
    written into the formula that uses it; where several use it, or it is long, it becomes t1, t2
    and so on. What the function returns is E, unless it has a label.

    Parameters
    ----------
    function
        Takes the given numbers and the parameters by name, as Values, and returns one.
    given, parameters
        Numbers by name. Parameters are differentiated, given numbers are not.
    rate
        The learning rate.
    figures
        Significant figures that the sheet asks for.
    title
        Of the sheet.

    Raises
    ------
    SheetError
        If the function takes other names, uses an operation that a sheet has not, or returns
        something other than a scalar that was computed from what it was given.
    """
    values = {name: Value(x, name, constant=True) for name, x in given.items()}
    values |= {name: Value(x, name) for name, x in parameters.items()}
    where = getattr(function, "__name__", "function")
    try:
        inspect.signature(function).bind(**values)
    except TypeError as error:
        raise SheetError(
            f"{where}: {error}; it is called with what is given and the parameters: "
            f"{', '.join(values)}"
        ) from None
    result = function(**values)
    if not isinstance(result, Value) or result.shape:
        raise SheetError(f"{where}: returns {result!r:.60}; return a Value that is one number")
    forward, loss = _Formulas(where, values).write_all(result)
    draft = Sheet(
        title=title,
        student="",
        given={name: float(x) for name, x in given.items()},
        parameters={name: float(x) for name, x in parameters.items()},
        forward={name: read_expression(source) for name, source in forward.items()},
        loss=loss,
        rate=float(rate),
        rounding=None if figures is None else ("figures", figures),
        answers=Answers(),
        where=where,
        lines=[],
    )
    return parse_sheet(sheet_text(draft), where)  # which says what is wrong with a name or number


class _Formulas:
    """The formulas of the named nodes of a graph."""

    def __init__(self, where: str, values: Mapping[str, Value]) -> None:
        self.where = where
        self.values = values
        self.texts: dict[int, FormulaText] = {
            id(value): (name, ATOM) for name, value in values.items()
        }
        self.taken = {*values}

    def write_all(self, result: Value) -> tuple[dict[str, str], str]:
        """Return the formulas by name, in order, and the name of the result."""
        order = topological_order(result)
        uses = Counter(id(operand) for node in order for operand in node.inputs)
        labeled = [node for node in order if node.operation and _has_name(node)]
        for node in labeled:
            self.reserve_label(node)
        if result.operation is None:
            raise SheetError(f"{self.where}: computes nothing; return a result of its arguments")
        forward: dict[str, str] = {}
        named = set(map(id, labeled))
        for node in order:
            if id(node) in self.texts:
                continue
            text, precedence = self.write(node)
            is_own = id(node) in named or node is result
            if is_own or (node.inputs and uses[id(node)] > 1) or len(text) > LONGEST:
                name = str(node.label) if id(node) in named else self.new_name(node is result)
                forward[name] = text
                text, precedence = name, ATOM
            self.texts[id(node)] = text, precedence
        return forward, self.texts[id(result)][0]

    def reserve_label(self, node: Node) -> None:
        label = str(node.label)
        if label in self.taken:
            raise SheetError(
                f"{self.where}: two values are labelled {label}; give each a label of its own"
            )
        self.taken.add(label)

    def new_name(self, is_result: bool) -> str:
        name = next(name for name in _names(is_result) if name not in self.taken)
        self.taken.add(name)
        return name

    def write(self, node: Node) -> FormulaText:
        """Write the formula of a node from those of its operands."""
        if node.operation is None:
            return self.constant(node)
        operands = [self.texts[id(operand)] for operand in node.inputs]
        name = node.operation.name
        if node.shape:
            raise SheetError(
                f"{self.where}: {name} gives an array of shape {node.shape}; "
                "a sheet is of single numbers"
            )
        if name == "affine":  # w1, w2, …, x1, x2, …, b: what a Neuron of nn computes
            half = len(operands) // 2
            products = map(_product, operands[:half], operands[half:-1])
            return " + ".join([*products, bracketed(operands[-1], QUOTIENT)]), SUM
        if name in BINARY:
            return binary(name, operands[0], operands[1])
        if name == "neg":
            return negative(operands[0])
        if name == "square":
            return f"{bracketed(operands[0], ATOM)}**2", POWER
        if name == "pos":
            return operands[0]
        if node.operation in NAMES:
            return f"{NAMES[node.operation]}({', '.join([x[0] for x in operands])})", ATOM
        raise SheetError(
            f"{self.where}: uses {name}, which a sheet has not; it has + - * / ** and "
            f"{', '.join(FUNCTIONS)}"
        )

    def constant(self, node: Node) -> FormulaText:
        """Write a constant that stands in the function."""
        if node.shape or not node.constant or _has_name(node):
            what = node.label or ("an array" if node.shape else "a Value")
            raise SheetError(
                f"{self.where}: uses {what}, which it was not given; "
                "put it with the given numbers or the parameters"
            )
        number = float(node.raw)
        if not math.isfinite(number):
            raise SheetError(f"{self.where}: uses the number {number}; a sheet's are finite")
        text = str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
        return text, SIGN if text.startswith("-") else ATOM


def _has_name(node: Node) -> bool:
    return node.label is not None and is_name(node.label)


def _names(is_result: bool) -> Iterator[str]:
    if is_result:
        yield "E"
    stem = "E" if is_result else "t"
    yield from (f"{stem}{k}" for k in range(1, 10**9))


def _product(weight: FormulaText, x: FormulaText) -> str:
    return f"{bracketed(weight, PRODUCT)}*{bracketed(x, POWER)}"
