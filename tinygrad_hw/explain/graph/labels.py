"""The texts and colors of a drawing: numbers, names, derivatives."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_hw.engine import ANY_NUMBER
from tinygrad_hw.engine.core.data import Data, shape_of
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.graph.folding import Box, Edge, Layout, outermost
from tinygrad_hw.formatting import display_width, number, printable, shorten

LONGEST_IN_FRACTION = 6

DUST = 2.0**-50  # of the largest gradient

WHITE, UNKNOWN = "#ffffff", "#e4e4e4"
PALE, DEEP = (255, 239, 214), (240, 128, 50)  # black is readable on both, and on all between

Cells = tuple[str, str, str, str]


class Words:
    """The texts of the boxes and edges of one drawing."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.between: list[Edge] = []
        self.inside: dict[int, list[Edge]] = {}  # by operand: the edges that stay within its table
        self.uses = Counter(id(edge.operand) for edge in layout.edges)
        self.unnamed = {
            id(e.node) for e in layout.edges if e.operand.operation and not e.operand.label
        }
        homes = layout.homes
        for edge in layout.edges:
            if homes[id(edge.node)] is homes[id(edge.operand)]:
                self.inside.setdefault(id(edge.operand), []).append(edge)
            else:
                self.between.append(edge)

    def lines(self, node: Node) -> list[str]:
        """Return the lines in the box of a single node."""
        equals = " " if node.shape else " = "
        lines = [equals.join(filter(None, (name_of(node), value_text(node.raw))))]
        if operation := self._operation(node):
            lines.insert(0, operation)
        if self.layout.gradients and not node.constant:
            name = fraction(self.layout.root, node) if self.layout.folded else ""
            lines.append(
                f"{name} = {self.gradient(node)}" if name else f"grad {self.gradient(node)}"
            )
        return lines

    def _operation(self, node: Node) -> str:
        """Return the group or the operation of a node; a name may stand for several."""
        if not node.operation:
            return ""
        group = outermost(node.group)
        if group and self.layout.folded:
            return shorten(printable(group.name))
        return "" if self.layout.folded and node.label else node.operation.symbol

    def gradient(self, node: Node) -> str:
        """Write the gradient of a node; nothing where there is none."""
        wanted = self.layout.gradients and not node.constant
        return gradient_text(self.layout.gradients.get(id(node))) if wanted else ""

    def table(self, box: Box) -> list[list[Cells]]:
        """Return a heading and, for each node, a line for each edge within the table."""
        shown = bool(self.layout.gradients)
        heading = ("", "value", "gradient" * shown, "local derivative" * shown)
        return [[heading], *map(self._row, box.nodes)]

    def _row(self, node: Node) -> list[Cells]:
        local, *more = [self._within(edge) for edge in self.inside.get(id(node), [])] or [""]
        name = name_of(node) or (node.operation.symbol if node.operation else "")
        first = (name, value_text(node.raw), self.gradient(node), local)
        return [first, *(("", "", "", text) for text in more)]

    def _within(self, edge: Edge) -> str:
        """Write the texts of an edge within a table; no contribution if it is the gradient."""
        passing = self.passing(edge)
        return "  ".join(passing[:1] if self.uses[id(edge.operand)] == 1 else passing)

    def passing(self, edge: Edge) -> list[str]:
        """Return the lines at an edge: local derivative and, after an arrow, contribution."""
        if not edge.flows:
            return []
        local, contribution = local_text(edge), f"→ {size_text(edge.contribution)}"
        name = self._derivative(edge)
        return [f"{name} = {local}" if name else local, contribution] if local else [contribution]

    def _derivative(self, edge: Edge) -> str:
        """Write the name of a derivative if its edge is the only way from one name to the other.

        Another way leads through unnamed results, or along a second edge of the same operand.
        """
        whole = self.layout.folded and id(edge.node) not in self.unnamed
        return fraction(edge.node, edge.operand) if whole else ""


class Scale:
    """The depth of color by the magnitude of a gradient, among those of one drawing.

    What is no more than the rounding of the largest is colored as 0 is.
    """

    def __init__(self, gradients: Iterable[Any]) -> None:
        sizes = [magnitude(gradient) for gradient in gradients]
        self.dead = 0.0 in sizes
        finite = [size for size in sizes if size < math.inf]
        self.dust = DUST * max(finite, default=0.0)
        finite = [size for size in finite if size > self.dust]
        self.low, self.high = (min(finite), max(finite)) if finite else (1.0, 1.0)

    def depth(self, gradient: Any) -> float:
        """Return 0 for the smallest gradient, 1 for the largest or one that is not finite."""
        size = magnitude(gradient)
        if not size < self.high:
            return 1.0
        if size <= self.low:
            return 0.0
        return (math.log(size) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))

    def color(self, gradient: Any) -> str:
        """Return the fill for a gradient: white where it is 0, gray where there is none."""
        if gradient is None:
            return UNKNOWN
        return WHITE if magnitude(gradient) <= self.dust else shade(self.depth(gradient))


def shade(depth: float) -> str:
    """Return a color between pale and deep as #rrggbb."""
    return "#" + "".join(
        f"{round(p + depth * (d - p)):02x}" for p, d in zip(PALE, DEEP, strict=True)
    )


# --- Numbers --------------------------------------------------------------------------------------


def magnitude(data: Any) -> float:
    """Return the largest absolute value; nan where there is one, 0 where there is no element."""
    return float(np.max(np.abs(data), initial=0.0))


def size_text(data: Any) -> str:
    """Write a number, or an array's largest absolute value."""
    return f"max {number(magnitude(data))}" if shape_of(data) else number(data)


def value_text(data: Data) -> str:
    """Write a number, or an array's shape."""
    shape = shape_of(data)
    return str(shape) if shape else number(float(data))


def gradient_text(gradient: Any) -> str:
    """Write a gradient; one that is exactly 0 is called dead, since nothing flows back to it."""
    if gradient is None:
        return "—"
    return "dead 0" if magnitude(gradient) == 0 else size_text(gradient)


def local_text(edge: Edge) -> str:
    """Write a local derivative: a number, an array's largest, or a sentence about the operands."""
    if edge.local is None:
        return ""
    if not isinstance(edge.local, str):
        return size_text(edge.local)
    operation = edge.node.operation
    if operation.arity == ANY_NUMBER:  # one rule for them all, told by position: no sentence
        return f"{operation.name}ᵀ(upstream)"
    inputs = edge.node.inputs
    names = {x: name_of(node) or x for x, node in zip("xyz"[: len(inputs)], inputs, strict=True)}
    named = re.sub(r"\b[xyz]\b", lambda found: names.get(found[0], found[0]), edge.local)
    return named.replace(".mT", "ᵀ")


def title_of(box: Box) -> str:
    """Return the title of a table: its group, or its last result with the operation."""
    if box.group:
        return shorten(printable(box.group.name))
    last = box.results[-1]
    name = name_of(last) or (last.operation.symbol if last.operation else "")
    before = name_of(last.inputs[0]) if len(box.results) > 1 and len(last.inputs) == 1 else ""
    return f"{name} = {last.operation.symbol}({before})" if before and last.operation else name


# --- Names ----------------------------------------------------------------------------------------


def fraction(numerator: Node, denominator: Node) -> str:
    """Write dE/dw; nothing where a name is missing or long."""
    names = name_of(numerator), name_of(denominator)
    short = all(0 < len(name) <= LONGEST_IN_FRACTION for name in names)
    return "d{}/d{}".format(*names) if short else ""


def name_of(node: Node) -> str:
    """Return a label as it can be drawn, shortened in the middle; empty where there is none."""
    return shorten(printable(str(node.label or "")))


def aligned(rows: list[Cells], widths: list[int]) -> list[str]:
    """Write rows below each other: names and derivatives from the left, numbers to the right."""
    lines = []
    for cells in rows:
        space = [
            " " * (width - display_width(cell)) for cell, width in zip(cells, widths, strict=True)
        ]
        name, value, gradient, local = cells
        lines.append(
            f"{name}{space[0]}  {space[1]}{value}  {space[2]}{gradient}  {local}{space[3]}"
        )
    return lines
