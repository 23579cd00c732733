"""A view as SVG: Graphviz places everything once, and the page writes numbers in by their keys.

Every number is an element of its own with its key, so that the page can write another into it.
Text is in a typewriter face, whose widths are known; the place of a number has room for any.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from graphviz import Digraph

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.graph.folding import Box, Edge, columns, is_parameter, outermost
from tinygrad_hw.explain.graph.graphviz import MANY, place_quickly, render
from tinygrad_hw.explain.graph.labels import title_of
from tinygrad_hw.explain.stepper.frames import Steps
from tinygrad_hw.formatting import Html, display_width, element, number, printable, shorten

UNSEEN = "·"  # a number that the page shows when it is asked to
SIZE, CHARACTER, ROW, MARGIN = 15.0, 9.0, 26.0, 10.0  # of text, in pixels
NUMBER = 10  # characters: -1.234e-05
INCH = 72.0
Point = tuple[float, float]


@dataclass(slots=True)
class Card:
    """A box on the page: its number, its rows, and where it stands (its upper left corner)."""

    number: int
    box: Box
    title: str
    rows: list[Node]
    name_width: float
    columns: list[str]
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    slots: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        first = int(bool(self.title))
        self.slots = {id(node): slot for slot, node in enumerate(self.rows, first)}

    def slot_of(self, node: Node) -> int:
        """Return the line of a node; the title has line 0."""
        return self.slots[id(node)]

    def row_of(self, node: Node) -> float:
        """Return the middle of a node's row, from the top of the page."""
        return self.y + ROW * (self.slot_of(node) + 0.5)

    def port_of(self, node: Node) -> str:
        """Return Graphviz's name for a node's row."""
        return f"s{self.slot_of(node)}:" if len(self.rows) + bool(self.title) > 1 else ""


class Drawing:
    """One view of the graph as SVG.

    Parameters
    ----------
    view
        Its boxes, edges and numbers.
    prefix
        What ids and keys begin with: one letter a view.
    homes
        For the unfolded view, the number of the folded box that each node is a part of, by its id.
    titles
        The titles of these boxes, by their numbers.
    is_sealed
        Whether the page is to write all numbers when it is opened, so that none stands in its text.
    """

    def __init__(
        self,
        view: Steps,
        prefix: str,
        homes: dict[int, str] | None = None,
        titles: dict[str, str] | None = None,
        is_sealed: bool = False,
    ) -> None:
        self.view, self.prefix, self.is_sealed = view, prefix, is_sealed
        self.homes, self.titles = homes or {}, titles or {}
        self.cards = [self._card(i, box) for i, box in enumerate(view.layout.boxes)]
        self.card_of = {id(node): card for card in self.cards for node in card.rows}
        self.frames: list[tuple[str, float, float, float, float]] = []
        self.routes: dict[int, tuple[str, Point]] = {}
        self.width = self.height = 0.0
        self.has_labels = len(self.cards) <= MANY and not view.layout.is_dense
        self._place()

    def svg(self) -> Html:
        """Return the whole drawing."""
        name = f"graph of {self.view.name(self.view.layout.root)}"
        parts = [self._frame(*frame) for frame in self.frames]
        parts += [self._edge(i, edge) for i, edge in enumerate(self.view.layout.edges)]
        parts += [self._drawn(card) for card in self.cards]
        return element(
            "svg",
            _arrow(self.prefix),
            *parts,
            viewBox=f"0 0 {self.width:.0f} {self.height:.0f}",
            role="group",
            aria_label=f"The {name}, {'unfolded' if self.homes else 'by neuron'}",
            data_width=f"{self.width:.0f}",
        )

    # --- Places -----------------------------------------------------------------------------------

    def _card(self, i: int, box: Box) -> Card:
        table = len(box.nodes) > 1
        title = title_of(box) if table else self._operation_title(box.nodes[0])
        names = [self._name(node, box) for node in box.nodes]
        name_width = max(map(display_width, names)) * CHARACTER
        shown = bool(self.view.layout.gradients) and not all(n.constant for n in box.nodes)
        columns = ["v", "g"] if shown else ["v"]
        width = name_width + len(columns) * (NUMBER + 1) * CHARACTER + 2 * MARGIN
        width = max(width, (display_width(title) + 2) * CHARACTER + 2 * MARGIN)
        height = ROW * (len(box.nodes) + bool(title))
        return Card(i, box, title, box.nodes, name_width, columns, width, height)

    def _name(self, node: Node, box: Box) -> str:
        """Return the name in a row; none where there is no label, or the title says the same."""
        is_in_title = not node.label or (box.group and node.label == title_of(box))
        return "" if is_in_title else self.view.name(node)

    def _operation_title(self, node: Node) -> str:
        if node.operation is None:
            return ""
        group = outermost(node.group)
        if group and self.view.layout.folded:
            return shorten(printable(group.name))
        return "" if self.view.layout.folded and node.label else str(node.operation.symbol)

    def _place(self) -> None:
        plan = json.loads(render(self._plan(), "json0"))
        left, bottom, right, top = map(float, plan["bb"].split(","))
        self.width, self.height = right - left + 2 * MARGIN, top - bottom + 2 * MARGIN

        def point(x: float, y: float) -> Point:
            return x - left + MARGIN, top - y + MARGIN

        for item in plan.get("objects", []):
            if item["name"].startswith("n"):
                card = self.cards[int(item["name"][1:])]
                x, y = point(*map(float, item["pos"].split(",")))
                card.x, card.y = x - card.width / 2, y - card.height / 2
            elif "bb" in item:
                x0, y0, x1, y1 = map(float, item["bb"].split(","))
                self.frames.append((item["id"], *point(x0, y1), x1 - x0, y1 - y0))
        for item in plan.get("edges", []):
            if item.get("id", "").startswith("e"):
                i = int(item["id"][1:])
                route = _route(item["pos"], point) if "pos" in item else self._straight(i)
                at = point(*map(float, item["lp"].split(","))) if "lp" in item else route[1]
                self.routes[i] = route[0], at

    def _straight(self, i: int) -> tuple[str, Point]:
        """Return the path of an edge that Graphviz has lost, as it does between some clusters."""
        edge = self.view.layout.edges[i]
        tail, head = self.card_of[id(edge.operand)], self.card_of[id(edge.node)]
        start, end = (
            (tail.x + tail.width, tail.row_of(edge.operand)),
            (head.x, head.row_of(edge.node)),
        )
        path = f"M{_px(start[0])},{_px(start[1])} L{_px(end[0])},{_px(end[1])}"
        return path, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)

    def _plan(self) -> Digraph:
        """Draw boxes and labels of the right size, for Graphviz to place."""
        plan = Digraph(
            graph_attr={"rankdir": "LR", "nodesep": "0.2", "ranksep": "0.9"},
            node_attr={"shape": "box", "fixedsize": "true", "fontsize": "1"},
            edge_attr={"fontname": "Courier", "fontsize": "14"},
        )
        place_quickly(plan, len(self.cards))
        inside: dict[str, list[int]] = {}
        for i, card in enumerate(self.cards):
            home = self.homes.get(id(card.rows[0]))
            if home:
                inside.setdefault(home, []).append(i)
            else:
                self._add(plan, i)
        for home, members in inside.items():
            with plan.subgraph(name=f"cluster_{home}") as cluster:
                cluster.attr(id=home, label=" ", fontsize="18", margin="10")
                for i in members:
                    self._add(cluster, i)
        for column in columns(self.view.layout):
            with plan.subgraph() as place:
                place.attr(rank="same")
                places = [self.card_of[id(box.nodes[0])].number for box in column]
                for above, below in pairwise(places):
                    place.edge(f"n{above}", f"n{below}", style="invis")
        label = "\\n".join(["0" * (NUMBER + 3)] * 2) if self.has_labels else ""
        for i, edge in enumerate(self.view.layout.edges):
            tail, head = self.card_of[id(edge.operand)], self.card_of[id(edge.node)]
            if tail is not head:
                plan.edge(
                    f"n{tail.number}:{tail.port_of(edge.operand)}e",
                    f"n{head.number}:{head.port_of(edge.node)}w",
                    label=label if edge.flows else "",
                    id=f"e{i}",
                )
        return plan

    def _add(self, plan: Any, i: int) -> None:
        card = self.cards[i]
        size = {"width": f"{card.width / INCH:.4f}", "height": f"{card.height / INCH:.4f}"}
        slots = len(card.rows) + bool(card.title)
        if slots > 1:
            stack = "|".join(f"<s{j}> " for j in range(slots))
            plan.node(f"n{i}", stack, shape="record", **size)
        else:
            plan.node(f"n{i}", " ", **size)

    # --- Elements ---------------------------------------------------------------------------------

    def _frame(self, home: str, x: float, y: float, width: float, height: float) -> Html:
        """Draw a frame around the parts of one folded box; its title folds it again."""
        title = self.titles[home]
        box = element("rect", x=_px(x), y=_px(y), width=_px(width), height=_px(height), rx="8")
        text = element("text", title, x=_px(x + MARGIN), y=_px(y + SIZE + 3), class_="title")
        fold = element(
            "g",
            text,
            role="button",
            tabindex="0",
            class_="fold",
            data_home=home,
            aria_label=f"Fold {title}",
        )
        return element("g", box, fold, class_="frame", id=f"{self.prefix}home{home}")

    def _edge(self, i: int, edge: Edge) -> Html:
        """Draw an edge with its local derivative and its contribution."""
        view, tail = self.view, self.card_of[id(edge.operand)]
        wire, (x, y) = self.routes.get(i, ("", (0.0, 0.0)))
        parts = [element("path", d=wire, marker_end=f"url(#{self.prefix}arrow)")] if wire else []
        if not wire:  # within a card
            x, y = tail.x + tail.width, tail.row_of(edge.operand)
            end = self.card_of[id(edge.node)].row_of(edge.node)
            bow = f"M{_px(x)},{_px(y)} C{_px(x + 28)},{_px(y)} {_px(x + 28)},{_px(end)}"
            route = f"{bow} {_px(x + 2)},{_px(end)}"
            parts = [element("path", d=route, marker_end=f"url(#{self.prefix}arrow)")]
        elif edge.flows and self.has_labels:
            for kind, sign, dy in (("l", "", -4.0), ("c", "→ ", SIZE - 2)):
                key = f"{kind}{view.edge_keys[id(edge)]}"
                if key in view.numbers:
                    spans = [element("tspan", sign)] if sign else []
                    spans.append(self._number(key))
                    where = {"x": _px(x), "y": _px(y + dy), "text_anchor": "middle"}
                    parts.append(element("text", *spans, class_=kind, **where))
        kind = "edge" if edge.flows else "edge still"
        inner = "" if wire else " inner"
        return element(
            "g",
            *parts,
            class_=kind + inner,
            id=f"{self.prefix}e{i}",
            data_at=f"{_px(x)},{_px(y)}",
            data_beside=None if wire else "",
        )

    def _drawn(self, card: Card) -> Html:
        parts = [
            element(
                "rect",
                x=_px(card.x),
                y=_px(card.y),
                width=_px(card.width),
                height=_px(card.height),
                rx="6",
                class_="card",
            )
        ]
        if card.title:
            text = element(
                "text",
                card.title,
                x=_px(card.x + MARGIN),
                y=_px(card.y + ROW / 2 + SIZE / 3),
                class_="title",
            )
            many = len(card.rows) > 1
            parts.append(
                element(
                    "g",
                    text,
                    role="button",
                    tabindex="0",
                    class_="unfold",
                    data_home=str(card.number),
                    aria_label=f"Unfold {card.title}",
                )
                if many
                else text
            )
        parts += [self._row(card, node) for node in card.rows]
        return element("g", *parts, class_="box")

    def _row(self, card: Card, node: Node) -> Html:
        """Draw one node: its name, its value, its gradient."""
        i = self.view.node_keys[id(node)]
        middle = card.row_of(node)
        baseline = _px(middle + SIZE / 3)
        x = card.x + MARGIN
        cells = [element("text", self._name(node, card.box), x=_px(x), y=baseline, class_="name")]
        x += card.name_width
        for column in card.columns:
            x += (NUMBER + 1) * CHARACTER
            if f"{column}{i}" in self.view.numbers:
                cell = self._number(f"{column}{i}")
                cells.append(
                    element("text", cell, x=_px(x), y=baseline, text_anchor="end", class_=column)
                )
        back = element(
            "rect",
            x=_px(card.x + 3),
            y=_px(middle - ROW / 2 + 2),
            width=_px(card.width - 6),
            height=_px(ROW - 4),
            rx="4",
        )
        kind = "given" if node.constant else "parameter" if is_parameter(node) else "result"
        return element(
            "g",
            back,
            *cells,
            class_=f"row {kind}",
            id=f"{self.prefix}n{i}",
            role="button",
            tabindex="0",
            aria_label=f"{self.view.name(node)}, explain",
            aria_pressed="false",
        )

    def _number(self, key: str) -> Html:
        text = UNSEEN if self.is_sealed else number(self.view.numbers[key])
        return element("tspan", text, data_k=self.prefix + key)


def _route(pos: str, point: Any) -> tuple[str, Point]:
    """Return Graphviz's spline as a path, and the middle of it."""
    parts = pos.split(" ")
    ends = {part[0]: part[2:] for part in parts if part[1:2] == ","}
    points = [point(*map(float, part.split(","))) for part in parts if part[1:2] != ","]
    if "e" in ends:
        points.append(point(*map(float, ends["e"].split(","))))
    first, *rest = [f"{_px(x)},{_px(y)}" for x, y in points]
    *curve, last = rest if "e" in ends else [*rest, ""]
    path = f"M{first} C{' '.join(curve)}" + (f" L{last}" if last else "")
    return path, points[len(points) // 2]


def _arrow(prefix: str) -> Html:
    tip = element("path", d="M0,0 L8,4 L0,8 z")
    return element(
        "defs",
        element(
            "marker",
            tip,
            id=f"{prefix}arrow",
            viewBox="0 0 8 8",
            refX="7",
            refY="4",
            markerWidth="11",
            markerHeight="11",
            markerUnits="userSpaceOnUse",
            orient="auto-start-reverse",
        ),
    )


def _px(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")
