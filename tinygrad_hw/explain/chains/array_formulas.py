"""The formulas that arrays are computed by, and automatic names for arrays without labels.

A formula that would be too long is cut at an array without a label, which gets an automatic name,
t1, and a definition. So each formula is short, and all of them together grow with the graph and
not with the number of paths through it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

import numpy as np

from tinygrad_hw.engine import ANY_NUMBER, Linearized, ops
from tinygrad_hw.engine.core.data import StandIn, shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Linear
from tinygrad_hw.explain.chains.from_graph import LONGEST, apply, is_named
from tinygrad_hw.explain.chains.shapes import (
    Shape,
    ShapedApply,
    is_identity,
    named_operation,
    shape_in,
    shape_text,
    spread,
    swaps_last_axes,
    transpose_of,
)
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    Literal,
    Partial,
    add,
    is_call_of,
    multiply,
    node_count,
    read_formula,
    rule_bindings,
    substitute,
    walk,
)

LONGEST_ATTRIBUTE = 60  # letters; a longer one gets a name
UNREADABLE = (TypeError, ValueError, SyntaxError, KeyError, IndexError)


class ArrayFormulas:
    """The formulas of a graph's nodes over labels and automatic names.

    Attributes
    ----------
    shapes
        The shape of everything that has a name.
    meaning
        What each automatic name stands for: a node, or an attribute such as a condition.
    marked
        The ids of the nodes that have an automatic name, or get one as soon as it is needed.
    """

    def __init__(self, nodes: Iterable[Node], marked: Iterable[int] = ()) -> None:
        self.shapes: dict[str, Shape] = {str(x.label): x.shape for x in nodes if x.label}
        self.meaning: dict[str, Any] = {}
        self.marked = set(marked)
        self._taken = {label.replace("_", "") for label in self.shapes}  # t_1 is shown as t1 is
        self._numbers = {letter: count(1) for letter in "tc"}
        self._automatic_names: dict[int, str] = {}
        self._attribute_names: dict[tuple[int, str], str] = {}
        self._attribute_texts: dict[str, Literal] = {}  # of attributes with names
        self._trees: dict[int, Formula] = {}
        self._defined: set[str] = set()

    def is_named(self, node: Node) -> bool:
        """Return whether a node has a name, or gets one as soon as it is needed."""
        return is_named(node) or id(node) in self.marked

    def name(self, node: Node) -> str:
        """Return the label of a node, or else its automatic name."""
        if is_named(node):
            return str(node.label)
        if id(node) not in self._automatic_names:
            self.marked.add(id(node))
            self._automatic_names[id(node)] = self._new("t" if node.operation else "c", node)
        self._trees[id(node)] = self._automatic_names[id(node)]
        return self._automatic_names[id(node)]

    def _new(self, letter: str, thing: Any) -> str:
        names = (f"{letter}{i}" for i in self._numbers[letter])
        name = next(name for name in names if name not in self._taken)
        self.meaning[name], self.shapes[name] = thing, shape_of(thing)
        return name

    def shape(self, formula: Formula) -> Shape:
        """Return the shape of a formula that is read literally."""
        return shape_in(formula, self.shapes)

    # --- Formulas of nodes ------------------------------------------------------------------------

    def tree(self, node: Node) -> Formula:
        """Return the formula of a node over names; its own name, if it has one."""
        if id(node) not in self._trees:
            for inner in topological_order(node, stop=self._is_known):
                if id(inner) not in self._trees:
                    self._trees[id(inner)] = self._tree(inner)
        return self._trees[id(node)]

    def _is_known(self, node: Node) -> bool:
        return id(node) in self._trees or self.is_named(node)

    def _tree(self, node: Node) -> Formula:
        if self.is_named(node):
            return self.name(node)
        body = self._body(node)
        if body is None or node_count(body) > LONGEST or self.shape(body) != node.shape:
            return self.name(node)
        return body

    def _body(self, node: Node) -> Formula | None:
        """Return the formula that a node is computed by; None where there is none."""
        operation = node.operation
        if operation is None:
            is_number = not node.shape and not isinstance(node.raw, StandIn)
            return float(node.raw) if is_number else None
        operands = [self.tree(x) for x in node.inputs]
        if is_identity(node):
            return operands[0]
        if operation is ops.transpose and swaps_last_axes(node):
            return transpose_of(operands[0], node.shape)
        if operation is ops.matmul:
            return self._matrix_product(node)
        if operation.defaults:
            is_plain = operation is not ops.select and not self._attributes(node)
            return (
                ShapedApply(named_operation(operation.name), tuple(operands), node.shape)
                if is_plain
                else None
            )
        return apply(node, operands)

    def _matrix_product(self, node: Node) -> Formula:
        """Return X · Y; beside a vector, factors that are products get names and no brackets."""
        if any(len(x.shape) < 2 for x in node.inputs):
            for x in node.inputs:
                if is_call_of(self.tree(x), ops.matmul):
                    self.name(x)
        return ShapedApply(ops.matmul, tuple(self.tree(x) for x in node.inputs), node.shape)

    def shorten(self, nodes: Iterable[Node]) -> None:
        """Name each of the nodes, except those that are numbers."""
        for node in nodes:
            if isinstance(self.tree(node), Apply):
                self.name(node)

    # --- Attributes -------------------------------------------------------------------------------

    def _attributes(self, node: Node, except_for: tuple[str, ...] = ()) -> list[Literal]:
        """Return the attributes that are not the defaults, as literals."""
        return [
            self._attribute(node, name)
            for name, value in node.attributes.items()
            if name not in except_for and repr(value) != repr(node.operation.defaults[name])
        ]

    def _attribute(self, node: Node, name: str) -> Literal:
        text = " ".join(repr(node.attributes[name]).split())
        if len(text) <= LONGEST_ATTRIBUTE and "..." not in text.replace("Ellipsis", ""):
            return Literal(f"{name}={text}")
        automatic = self._attribute_name(node, name)
        return Literal(f"{name}={automatic}", uses=automatic)

    def _attribute_name(self, node: Node, name: str) -> str:
        """Return the automatic name of a node's attribute, the same everywhere."""
        key = (id(node), name)
        if key not in self._attribute_names:
            automatic = self._attribute_names[key] = self._new("c", node.attributes[name])
            self._attribute_texts[automatic] = Literal(f"the {name} of {node.operation.name}")
        return self._attribute_names[key]

    # --- Local derivatives ------------------------------------------------------------------------

    def local(self, node: Node, position: int) -> Formula:
        """Return the derivative of a pointwise operation by one operand, shortened by names."""
        slope = self._local(node, position)
        if node_count(slope) > LONGEST:
            self.shorten((*node.inputs, node))
            slope = self._local(node, position)
        return slope

    def _local(self, node: Node, position: int) -> Formula:
        operation, inputs = node.operation, node.inputs
        if operation is ops.affine:
            last = len(inputs) - 1
            return 1.0 if position == last else self.tree(inputs[(position + last // 2) % last])
        if operation is ops.select:
            return self._selection_mask(node, position)
        formula = self._displayed_derivative(node, position)
        return self._named_derivative(node, position) if formula is None else formula

    def _selection_mask(self, node: Node, position: int) -> Formula:
        """Return the condition of a selection, 1 where it holds, or its opposite."""
        condition = node.attributes["condition"]
        if isinstance(condition, bool | np.bool_):
            return float(bool(condition) == (position == 0))
        mask = self._attribute_name(node, "condition")
        return mask if position == 0 else add(1.0, multiply(-1.0, mask))

    def _displayed_derivative(self, node: Node, position: int) -> Formula | None:
        """Return the derivative that the record shows; None where attributes make it another."""
        operation = node.operation
        if operation.arity == ANY_NUMBER or self._attributes(node, ("axis", "keepdims")):
            return None
        try:
            rule = read_formula(str(operation.formulas[position]))
        except UNREADABLE:
            return None
        out: Formula = 0.0
        if "out" in walk(rule):
            out = self.tree(node)
            if operation.reduces:
                out = spread(out, node, node.inputs[position].shape)
        known = rule_bindings(out, operation, tuple(map(self.tree, node.inputs)))
        for part in walk(rule):
            if part not in known if isinstance(part, str) else has_attributes(part):
                return None
        return substitute(rule, known)

    def _named_derivative(self, node: Node, position: int) -> Formula:
        """Return a derivative without a formula as a named operation: ``maximum′[2](A, v)``."""
        shape = node.inputs[position].shape
        if not node.operation.reduces:
            shape = np.broadcast_shapes(shape, node.shape)
        self.shorten(node.inputs)
        operands = [self.tree(x) for x in node.inputs]
        name = named_operation(f"{node.operation.name}′{index_of(node, position)}")
        return ShapedApply(name, (*operands, *self._attributes(node)), shape)

    def transposed(self, node: Node, position: int, upstream: Formula) -> Formula:
        """Return a transpose as a named operation: ``cumsumᵀ(∂E/∂Y, axis=1)``.

        The transpose by one operand is that of the map in which the others are held. What is linear
        at a point only, as an inverse is, has its derivative's there: ``inv′ᵀ(∂E/∂Y, A)``.
        """
        others, mark = [x for i, x in enumerate(node.inputs) if i != position], "ᵀ"
        if isinstance(node.operation, Linearized):
            others, mark = list(node.inputs), "′ᵀ"
        elif isinstance(node.operation, Linear):  # in all at once: nothing else is held
            others = []
        self.shorten(others)
        held = [self.tree(x) for x in others]
        name = named_operation(f"{node.operation.name}{mark}{index_of(node, position)}")
        shape = node.inputs[position].shape
        return ShapedApply(name, (upstream, *held, *self._attributes(node)), shape, True)

    # --- Definitions ------------------------------------------------------------------------------

    def definitions(self, formulas: Iterable[Formula]) -> list[tuple[str, Formula]]:
        """Return the definitions of the automatic names in formulas, and in definitions.

        A name comes after those that its row has in it.
        """
        found: list[tuple[str, Formula]] = []
        pending: list[tuple[str, Formula | None]] = [(x, None) for x in self._names_in(formulas)]
        while pending:
            name, formula = pending.pop()
            if formula is not None:
                found.append((name, formula))
            elif name not in self._defined:
                self._defined.add(name)
                formula = self._definition(name)
                pending.append((name, formula))
                pending += [(x, None) for x in self._names_in([formula])]
        return found

    def _names_in(self, formulas: Iterable[Formula]) -> list[str]:
        """Return the automatic names in formulas, the first one last."""
        names: dict[str, None] = {}
        for part in (part for formula in formulas for part in walk(formula)):
            name = part.denominator if isinstance(part, Partial) else part
            name = part.uses if isinstance(part, Literal) else name
            if isinstance(name, str) and name in self.meaning:
                names[name] = None
        return list(names)[::-1]

    def _definition(self, name: str) -> Formula:
        """Return the definition of an automatic name; of one step where it would be long."""
        if name in self._attribute_texts:
            return self._attribute_texts[name]
        node = self.meaning[name]
        if node.operation is None:
            kind = "a constant" if node.constant else "a Value without a label"
            return Literal(f"{kind}, {shape_text(node.shape)}")
        body = self._body(node)
        if body is None or node_count(body) > LONGEST or self.shape(body) != node.shape:
            self.shorten(node.inputs)
            body = self._call(node) if body is None else self._body(node)
        if body is None or self.shape(body) != node.shape:
            body = self._call(node)
        return body

    def _call(self, node: Node) -> Formula:
        """Return an operation by its name, with its operands and attributes."""
        operands = (*map(self.tree, node.inputs), *self._attributes(node))
        return ShapedApply(named_operation(node.operation.name), operands, node.shape)


def has_attributes(formula: Formula) -> bool:
    """Return whether an operation has attributes, which no rule's text says."""
    return isinstance(formula, Apply) and bool(formula.operation.defaults)


def index_of(node: Node, position: int) -> str:
    """Write the index of an operand, where there are several."""
    return f"[{position + 1}]" if len(node.inputs) > 1 else ""
