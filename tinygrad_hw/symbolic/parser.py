"""Read the text of a formula as a tree."""

from __future__ import annotations

import ast
import functools
from functools import lru_cache

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.compile_rule import LANGUAGE
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.numpy_api.elementwise import heaviside
from tinygrad_hw.symbolic.expression import FUNCTIONS
from tinygrad_hw.symbolic.formula import Apply, Formula
from tinygrad_hw.symbolic.simplification import add, divide, multiply, power


@lru_cache(maxsize=4096)
def read_formula(source: str) -> Formula:
    """Read a text that ``read_expression`` has accepted, or the displayed formula of a rule."""
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
        if node.func.id == "share":  # the derivative of max, which is 1/2 where two are equal
            return _step(node.args[0])
        operation = FUNCTIONS.get(node.func.id) or LANGUAGE.get(node.func.id)
        if isinstance(operation, Operation):
            operands = [_tree(operand) for operand in node.args]
            if operation.arity == 2:  # max(a, b, c)
                return functools.reduce(lambda x, y: Apply(operation, (x, y)), operands)
            return Apply(operation, tuple(operands))
    raise TypeError(f"{type(node).__name__} is no part of a formula")


def _step(node: ast.expr) -> Formula:
    """Return the formula of ``x > y`` or ``x < y`` that is 1/2 where they are equal."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Gt | ast.Lt):
        raise TypeError("a share is that of the larger or of the smaller")
    larger, smaller = _tree(node.left), _tree(node.comparators[0])
    if isinstance(node.ops[0], ast.Lt):
        larger, smaller = smaller, larger
    return Apply(heaviside, (add(larger, multiply(-1.0, smaller)), 0.5))


def _signed(node: ast.UnaryOp) -> Formula:
    if not isinstance(node.op, ast.USub | ast.UAdd):
        raise TypeError("a formula has no other sign than + and -")
    inner = _tree(node.operand)
    return multiply(-1.0, inner) if isinstance(node.op, ast.USub) else inner


def _is_positive(node: ast.Compare) -> bool:
    """Return whether a comparison is ``… > 0``."""
    [operator, *others] = node.ops
    [right, *_] = node.comparators
    is_zero = isinstance(right, ast.Constant) and right.value == 0
    return isinstance(operator, ast.Gt) and is_zero and not others


def _binary(node: ast.BinOp) -> Formula:
    """Gather a long sum or product without recursion; Python's parser nests it to the left."""
    kind = (ast.Add, ast.Sub) if isinstance(node.op, ast.Add | ast.Sub) else (ast.Mult,)
    if not isinstance(node.op, kind):
        make = divide if isinstance(node.op, ast.Div) else power
        return make(_tree(node.left), _tree(node.right))
    parts: list[Formula] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, kind):
        right = _tree(left.right)
        parts.append(multiply(-1.0, right) if isinstance(left.op, ast.Sub) else right)
        left = left.left
    parts.append(_tree(left))
    return (multiply if kind == (ast.Mult,) else add)(*reversed(parts))
