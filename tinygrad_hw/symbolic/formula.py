"""A formula as a tree: to be differentiated, computed, altered, and written down.

Sums and products have any number of operands, and a difference is a sum with a factor of -1: to
leave out a term or a factor is to leave out an operand. Derivatives come from the engine's table.
There the formula that a record *shows* is read as a formula itself, since a student computes with
a(1 - a) and not with the engine's stabler form.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.operation import LANGUAGE, Operation


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on formulas."""

    operation: Operation
    operands: tuple[Formula, ...]


class Partial(str):
    """The derivative of one name by another, where it stands in a formula itself."""

    __slots__ = ("denominator", "numerator")
    numerator: str
    denominator: str

    def __new__(cls, numerator: str, denominator: str) -> Partial:
        """Make one."""
        self = super().__new__(cls, f"d{numerator}/d{denominator}")
        self.numerator, self.denominator = numerator, denominator
        return self


Formula = str | float | Apply  # a name, a number, an operation


# --- Building, simplified as one would by hand ----------------------------------------------------


def total(*terms: Formula) -> Formula:
    """The sum; zeros fall away, and numbers add up."""
    kept: list[Formula] = []
    constant = 0.0
    for term in _flat(ops.add, terms):
        if isinstance(term, float):
            constant += term
        else:
            kept.append(term)
    if constant or not kept:
        kept.append(constant)
    return kept[0] if len(kept) == 1 else Apply(ops.add, tuple(kept))


def product(*factors: Formula) -> Formula:
    """The product; ones fall away, numbers multiply, a lone -1 turns the signs of a sum."""
    kept: list[Formula] = []
    constant = 1.0
    for factor in _flat(ops.mul, factors):
        if isinstance(factor, float):
            constant *= factor
        else:
            kept.append(factor)
    if constant == 0 or not kept:
        return constant
    if constant == -1 and len(kept) == 1 and is_made_by(kept[0], ops.add):
        return total(*(product(-1.0, term) for term in operands_of(kept[0])))
    if constant != 1:
        kept.insert(0, constant)
    return kept[0] if len(kept) == 1 else Apply(ops.mul, tuple(kept))


def quotient(top: Formula, bottom: Formula) -> Formula:
    """The quotient; 1 / (1 + exp(-z)) is known for the sigmoid that it is."""
    terms = operands_of(bottom) if is_made_by(bottom, ops.add) else ()
    if top == 1.0 and len(terms) == 2 and 1.0 in terms and is_made_by(terms[0], ops.exp):
        return Apply(ops.sigmoid, (product(-1.0, *operands_of(terms[0])),))
    if isinstance(bottom, float) and abs(math.frexp(bottom)[0]) == 0.5:
        return product(1 / bottom, top)  # half of it, or a quarter: nothing is rounded
    return 0.0 if top == 0.0 else Apply(ops.div, (top, bottom))


def power(base: Formula, exponent: Formula) -> Formula:
    """The power; an exponent of 1 or 0 falls away."""
    if exponent == 1.0:
        return base
    return 1.0 if exponent == 0.0 else Apply(ops.pow, (base, exponent))


def _flat(operation: Operation, parts: tuple[Formula, ...]) -> Iterator[Formula]:
    for part in parts:
        if isinstance(part, Apply) and part.operation is operation:
            yield from part.operands
        else:
            yield part


def is_made_by(formula: Formula, operation: Operation) -> bool:
    """Whether the last thing done in a formula is this operation."""
    return isinstance(formula, Apply) and formula.operation is operation


def is_negative(formula: Formula) -> bool:
    """Whether turning its sign takes a minus sign away."""
    if is_made_by(formula, ops.mul):
        return isinstance(operands_of(formula)[0], float) and is_negative(operands_of(formula)[0])
    if is_made_by(formula, ops.add):
        return all(map(is_negative, operands_of(formula)))
    return isinstance(formula, float) and formula < 0


def operands_of(formula: Formula) -> tuple[Formula, ...]:
    """What the last operation is done on; nothing for a name or a number."""
    return formula.operands if isinstance(formula, Apply) else ()


# --- Reading --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def read_formula(source: str) -> Formula:
    """Read a text that ``read_expression`` has accepted, or the formula of a record."""
    return _tree(ast.parse(" ".join(source.split()), mode="eval").body)


def _tree(node: ast.AST) -> Formula:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp):
        return _binary(node)
    if isinstance(node, ast.UnaryOp):
        return _signed(node)
    if isinstance(node, ast.Compare) and _is_positive(node):  # the derivative of relu
        return Apply(ops.relu, (Apply(ops.sign, (_tree(node.left),)),))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        operation = LANGUAGE.get(node.func.id)
        if isinstance(operation, Operation):
            return Apply(operation, tuple([_tree(operand) for operand in node.args]))
    raise TypeError(f"{type(node).__name__} is no part of a formula")


def _signed(node: ast.UnaryOp) -> Formula:
    if not isinstance(node.op, ast.USub | ast.UAdd):
        raise TypeError("a formula has no other sign than + and -")
    inner = _tree(node.operand)
    return product(-1.0, inner) if isinstance(node.op, ast.USub) else inner


def _is_positive(node: ast.Compare) -> bool:
    """Whether it says ``… > 0``."""
    [operator, *others] = node.ops
    [right, *_] = node.comparators
    is_zero = isinstance(right, ast.Constant) and right.value == 0
    return isinstance(operator, ast.Gt) and is_zero and not others


def _binary(node: ast.BinOp) -> Formula:
    """Gather a long sum or product without recursion; Python's parser nests it to the left."""
    kind = (ast.Add, ast.Sub) if isinstance(node.op, ast.Add | ast.Sub) else (ast.Mult,)
    if not isinstance(node.op, kind):
        make = quotient if isinstance(node.op, ast.Div) else power
        return make(_tree(node.left), _tree(node.right))
    parts: list[Formula] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, kind):
        right = _tree(left.right)
        parts.append(product(-1.0, right) if isinstance(left.op, ast.Sub) else right)
        left = left.left
    parts.append(_tree(left))
    return (product if kind == (ast.Mult,) else total)(*reversed(parts))


# --- Differentiating ------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def differentiate(formula: Formula, name: str) -> Formula:
    """Differentiate by a name that stands in the formula, others held constant."""
    if isinstance(formula, str):
        return 1.0 if formula == name else 0.0
    if isinstance(formula, float):
        return 0.0
    operands = formula.operands
    if formula.operation is ops.add:  # each term's partial is 1
        return total(*(differentiate(term, name) for term in operands))
    slopes = [differentiate(operand, name) for operand in operands]
    if formula.operation is ops.mul:  # each factor's partial is the product of the others
        return total(
            *(
                product(slope, *operands[:i], *operands[i + 1 :])
                for i, slope in enumerate(slopes)
                if slope != 0.0
            )
        )
    known = rule_names(formula, formula.operation, operands)
    return total(
        *(
            product(replace(read_formula(rule), known), slope)
            for rule, slope in zip(formula.operation.formulas, slopes, strict=True)
            if slope != 0.0
        )
    )


def rule_names(
    out: Formula, operation: Operation, operands: tuple[Formula, ...]
) -> dict[Formula, Formula]:
    """What the names in the text of an operation's rule stand for."""
    known: dict[Formula, Formula] = {"pi": math.pi, "upstream": 1.0, "out": out}
    return known | dict(zip(operation.operands(), operands, strict=True))


def replace(formula: Formula, known: Mapping[Formula, Formula]) -> Formula:
    """Put other formulas in the place of names or parts, simplifying anew."""
    if formula in known:
        return known[formula]
    if not isinstance(formula, Apply):
        return formula
    return rebuilt(formula, tuple(replace(operand, known) for operand in formula.operands))


def rebuilt(formula: Apply, operands: tuple[Formula, ...]) -> Formula:
    """The same operation on other operands."""
    make: dict[Operation, Callable[..., Formula]] = {
        ops.add: total,
        ops.mul: product,
        ops.div: quotient,
        ops.pow: power,
    }
    if formula.operation in make:
        return make[formula.operation](*operands)
    return Apply(formula.operation, operands)


# --- Computing ------------------------------------------------------------------------------------


def walk(formula: Formula) -> Iterator[Formula]:
    """Every part of a formula, each as often as it stands there; the whole first."""
    pending = [formula]
    while pending:
        part = pending.pop()
        yield part
        pending += operands_of(part)


def names_in(formula: Formula) -> Counter[str]:
    """How often each name stands in a formula."""
    return Counter(part for part in reversed(list(walk(formula))) if isinstance(part, str))


@lru_cache(maxsize=4096)
def size_of(formula: Formula) -> int:
    """How many names, numbers and operations a formula has."""
    return sum(1 for _ in walk(formula))


def compute(formula: Formula, values: Mapping[str, float]) -> float:
    """Compute with floats; nan where that cannot be done."""
    try:
        return float(_compute(formula, values))
    except (ZeroDivisionError, OverflowError):
        return math.nan


def _compute(formula: Formula, values: Mapping[str, float]) -> Any:
    if isinstance(formula, str):
        return values[formula]
    if isinstance(formula, float):
        return formula
    return (
        reduce(formula.operation.compute, [_compute(x, values) for x in formula.operands])
        if (len(formula.operands) > 1)
        else formula.operation.compute(_compute(formula.operands[0], values))
    )
