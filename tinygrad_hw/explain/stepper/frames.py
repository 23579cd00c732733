"""A computation as a sequence of frames: forward, then backward.

    for frame in steps(E):
        print(frame)

A frame says one thing: that a node gets its value, or that an operand receives the contribution
of one edge. Frames speak of the nodes that a drawing shows (see ``folding``); their numbers come
from one ``backward_steps``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, overload

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.from_graph import Formulas, is_named
from tinygrad_hw.explain.graph.folding import Edge, Layout, fold, is_parameter, outermost, unfold
from tinygrad_hw.explain.graph.labels import local_text, name_of, size_text, value_text
from tinygrad_hw.explain.notation.text import formula_text
from tinygrad_hw.formatting import printable

LONGEST_NAME = 24  # of an unnamed node, which is called by its formula
FORWARD, BACKWARD = "forward", "backward"


class Number(NamedTuple):
    """A number in a sentence, by its key in ``Steps.numbers``."""

    key: str


Part = str | Number


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """One step of a computation.

    Attributes
    ----------
    index
        The index of the frame among the steps, from 0.
    phase
        "forward" or "backward".
    node
        The node that gets a value or receives a contribution.
    edge
        The edge that the contribution comes along; None in the forward phase.
    parts
        The sentence in pieces, numbers by their keys.
    gradient_key
        The key of the gradient that the node has after a step of the backward phase.
    """

    steps: Steps
    index: int
    phase: str
    node: Node
    edge: Edge | None
    parts: tuple[Part, ...]
    gradient_key: str

    @property
    def sentence(self) -> str:
        """The step in words and numbers."""
        return "".join(
            self.steps.number_text(part.key) if isinstance(part, Number) else part
            for part in self.parts
        )

    @property
    def highlighted(self) -> tuple[str, ...]:
        """The names in the step: of a node; or of the operand and the result of an edge."""
        name = self.steps.name
        return (name(self.edge.operand), name(self.edge.node)) if self.edge else (name(self.node),)

    @property
    def known(self) -> dict[str, tuple[Any, Any]]:
        """Value and gradient of every node by its name, as far as they are known in this step.

        A gradient is the sum of the contributions so far; None where there are none.
        """
        values: dict[str, tuple[Any, Any]] = {}
        for node in self.steps.leaves:
            values[self.steps.name(node)] = (node.raw, None)
        for frame in self.steps[: self.index + 1]:
            name = self.steps.name(frame.node)
            if frame.phase == FORWARD:
                values[name] = (frame.node.raw, None)
            else:
                values[name] = (frame.node.raw, self.steps.numbers[frame.gradient_key])
        return values

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"<step {self.index + 1} of {len(self.steps)}, {self.phase}: {self.sentence}>"


class Steps(Sequence[Frame]):
    """The frames of a computation, forward, then backward.

    Attributes
    ----------
    layout
        The drawing of the same computation.
    leaves
        The nodes that are not computed: parameters, and constants that are drawn.
    formulas
        The formulas of the nodes.
    numbers
        Every number in a sentence by its key: ``v3`` the value of node 3, ``g3`` its gradient,
        ``l5`` and ``c5`` the local derivative and the contribution of edge 5, and ``s5`` the sum of
        the contributions to its operand so far. Nodes and edges are counted as in ``layout``.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.nodes = [node for box in layout.boxes for node in box.nodes]
        self.node_keys = {id(node): str(i) for i, node in enumerate(self.nodes)}
        self.leaves = [node for node in self.nodes if node.operation is None]
        self.formulas = Formulas()
        self.numbers: dict[str, Any] = {}
        self._collect_numbers()

    def name(self, node: Node) -> str:
        """Return the name of a node in sentences: its label, or the formula it is computed by."""
        return self.names[id(node)]

    def number_text(self, key: str) -> str:
        """Write a number; of an array its shape or, of a derivative, its largest element."""
        value = self.numbers[key]
        return value_text(value) if key[0] == "v" else size_text(value)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        return self._frames[index]

    def __len__(self) -> int:
        return len(self._frames)

    @cached_property
    def names(self) -> dict[int, str]:
        """The name of each node in sentences, by the node's id."""
        return _names(self.nodes, self.layout.folded, self.formulas)

    @cached_property
    def _frames(self) -> list[Frame]:
        """The frames, written when they are first asked for."""
        return [Frame(self, i, *data) for i, data in enumerate(self._frame_data())]

    def __repr__(self) -> str:
        return f"<{len(self)} steps of {self.name(self.layout.root)}>"

    def __str__(self) -> str:
        return "\n".join(f"{frame.index + 1:>4}  {frame}" for frame in self)

    def _collect_numbers(self) -> None:
        """Collect every number; sums in the order in which contributions arrive."""
        layout = self.layout
        for node in self.nodes:
            self.numbers[f"v{self.node_keys[id(node)]}"] = node.raw
            gradient = layout.gradients.get(id(node))
            if gradient is not None:
                self.numbers[f"g{self.node_keys[id(node)]}"] = gradient
        self.edge_keys = {id(edge): str(i) for i, edge in enumerate(layout.edges)}
        arriving = Counter(id(edge.operand) for edge in layout.edges if edge.flows)
        sums: dict[int, Any] = {}
        self.backward: list[Edge] = []
        leaving: dict[int, list[Edge]] = {}
        for edge in layout.edges:
            leaving.setdefault(id(edge.node), []).append(edge)
        for node in reversed(_in_order(layout)):
            for edge in leaving.get(id(node), []):
                if not edge.flows:
                    continue
                self.backward.append(edge)
                key, operand = self.edge_keys[id(edge)], id(edge.operand)
                if edge.local is not None and not isinstance(edge.local, str):
                    self.numbers[f"l{key}"] = edge.local
                self.numbers[f"c{key}"] = edge.contribution
                before = sums.get(operand)
                sums[operand] = edge.contribution if before is None else before + edge.contribution
                arriving[operand] -= 1
                done = arriving[operand] == 0  # all digits of the engine's own sum
                self.numbers[f"s{key}"] = layout.gradients[operand] if done else sums[operand]

    # --- Sentences --------------------------------------------------------------------------------

    def _frame_data(self) -> Iterator[tuple[str, Node, Edge | None, tuple[Part, ...], str]]:
        """Yield the phase, node, edge, sentence and gradient's key of each frame."""
        for node in _in_order(self.layout):
            if node.operation is not None:
                yield FORWARD, node, None, tuple(self._computed(node)), ""
        root = self.layout.root
        if not self.layout.gradients:
            return
        name = self.name(root)
        start = f"Backward from {name}: ∂{name}/∂{name} = 1"
        yield BACKWARD, root, None, (start,), f"g{self.node_keys[id(root)]}"
        reached: set[int] = set()
        for edge in self.backward:
            gradient_key = f"s{self.edge_keys[id(edge)]}"
            again = id(edge.operand) in reached
            reached.add(id(edge.operand))
            yield BACKWARD, edge.operand, edge, tuple(self._received(edge, again)), gradient_key

    def _computed(self, node: Node) -> Iterator[Part]:
        formula = self.formulas.of(node)
        text = self._call(node) if formula is None else formula_text(formula)
        if is_named(node) or (node.group and self.layout.folded):
            yield f"{self.name(node)} = "
        if node.shape:
            yield f"{text}, an array of shape "
        elif not isinstance(formula, float):
            yield f"{text} = "
        yield Number(f"v{self.node_keys[id(node)]}")

    def _call(self, node: Node) -> str:
        """Write the operation and operands of a node that has no formula: mean(a1)."""
        named = [self.name(operand) for operand in node.inputs if id(operand) in self.node_keys]
        operands = ", ".join(name.removeprefix("(").removesuffix(")") for name in named)
        return f"{node.operation.name}({operands})"

    def _received(self, edge: Edge, again: bool) -> Iterator[Part]:
        """Yield ``z4 receives -0.0003183 from a4: upstream -0.018 × local 0.01768`` in pieces."""
        key = self.edge_keys[id(edge)]
        yield f"{self.name(edge.operand)} receives "
        yield Number(f"c{key}")
        yield f" from {self.name(edge.node)}: upstream "
        yield Number(f"g{self.node_keys[id(edge.node)]}")
        if f"l{key}" in self.numbers:
            yield " × local "
            yield Number(f"l{key}")
        elif sentence := local_text(edge):
            yield f", {sentence}"
        if again:
            yield "; with what came before "
            yield Number(f"s{key}")


def steps(root: Node, *, unfolded: bool = False) -> Steps:
    """Return a computation as frames, one for each step forward and backward.

    Parameters
    ----------
    root
        The Value to explain; an array or a constant has the forward phase only.
    unfolded
        True for a step for every operation, not only for nodes with names.

    Raises
    ------
    DrawError
        If there are more nodes than anybody can read.
    """
    if not isinstance(root, Node):
        raise TypeError(f"steps are of a Value, such as model(x); got {type(root).__name__}")
    return Steps(unfold(root) if unfolded else fold(root))


def _in_order(layout: Layout) -> list[Node]:
    """Return the computed nodes in the order of computation, which is that of the edges."""
    drawn = {id(node) for box in layout.boxes for node in box.nodes}
    found = {id(node): node for edge in layout.edges for node in (edge.operand, edge.node)}
    computed = dict.fromkeys(id(edge.node) for edge in layout.edges)
    return [found[key] for key in computed if key in drawn]


def _names(nodes: list[Node], folded: bool, formulas: Formulas) -> dict[int, str]:
    """Give each node a name, no two the same."""
    names: dict[int, str] = {}
    used = Counter(name_of(node) for node in nodes if is_named(node))
    for node in nodes:
        name = name_of(node) or _description(node, folded, formulas)
        if not is_named(node):
            used[name] += 1
            name = name if used[name] == 1 else f"{name} ({used[name]})"
        names[id(node)] = name
    return names


def _description(node: Node, folded: bool, formulas: Formulas) -> str:
    """Describe an unnamed node by its formula or, folded, by the group it is the result of."""
    if node.operation is None:
        return "a parameter" if is_parameter(node) else value_text(node.raw)
    group = outermost(node.group)
    if group and folded:
        return printable(group.name)
    formula = formulas.of(node)
    if formula is None:
        return str(node.operation.name)
    text = formula_text(formula)
    return f"({text if len(text) <= LONGEST_NAME else f'{text[: LONGEST_NAME - 1]}…'})"
