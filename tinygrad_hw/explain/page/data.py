"""The data that the page's script reads: names, keys, edges and frames of each view."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.graph.dust import ROUNDING
from tinygrad_hw.explain.graph.folding import is_parameter, owners_of
from tinygrad_hw.explain.page.answers import Form
from tinygrad_hw.explain.page.model import Content, Planned, moved
from tinygrad_hw.explain.stepper.frames import FORWARD, Steps


def page_data(
    plan: list[Planned],
    content: Content,
    views: Mapping[str, Steps],
    places: list[int],
    form: Form | None,
) -> str:
    """Return the data as JSON that cannot end the element it stands in.

    Parameters
    ----------
    plan, content
        The graph, and everything that the page says about it.
    views
        The views by the letter that their keys begin with.
    places
        The place of each of the content's numbers in the results of the page's program.
    form
        Fields for answers, if there are any.
    """
    nodes = content.unfolded.nodes
    articles = {id(node): i for i, node in enumerate(nodes)}
    data: dict[str, Any] = {
        "inputs": [{"name": x.name, "value": x.number} for x in moved(plan)],
        "keys": dict(zip(content.numbers, places, strict=True)),
        "views": {prefix: _view(view, articles) for prefix, view in views.items()},
        # explained at first: a parameter, since its chain is the longest
        "start": next((i for i, node in enumerate(nodes) if is_parameter(node)), 0),
        "totals": _totals(content, list(views)[-1]),
        "rounding": ROUNDING,
    }
    if "b" not in views:
        data["keys"] |= {f"b{k[1:]}": n for k, n in data["keys"].items() if k[0] == "a"}
    if form:
        text = json.dumps([form.sheet, form.groups])
        store = f"tinygrad-hw {sha256(text.encode()).hexdigest()[:24]}"
        data |= {"sheet": form.sheet, "file": form.file, "store": store}
        if form.revealed is not None:
            data["sealed"] = _sealed(content, form.revealed)
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _totals(content: Content, prefix: str) -> dict[str, str]:
    """Return the key of the gradient that each total of a chain is, by the total's key."""
    view = content.unfolded
    keys = {view.name(node): f"{prefix}g{view.node_keys[id(node)]}" for node in view.nodes}
    totals = {key: what[1] for what, key in content.factors.items() if what[2]}
    return {key: keys[name] for key, name in totals.items() if name in keys}


def _sealed(content: Content, revealed: tuple[str, ...]) -> dict[str, Any]:
    """Return what each step of the folded view reveals, and after which step the rest is known.

    Steps are revealed in order. A part of a named node is known as soon as that node is.
    """
    root = content.folded.name(content.folded.layout.root)
    last = len(content.folded) - 1
    values: dict[int, int] = {}  # by the id of a node, the step that gives it its value
    gradients: dict[int, int] = {}  # and the last one that adds to its gradient
    for frame in content.folded:
        known = values if frame.phase == FORWARD else gradients
        known[id(frame.node)] = frame.index
    names = [
        content.folded.name(frame.node)
        if frame.phase == FORWARD
        else f"d{root}/d{content.folded.name(frame.node)}"
        if frame.edge and gradients[id(frame.node)] == frame.index
        else ""
        for frame in content.folded
    ]
    owners = owners_of(content.unfolded.nodes)

    def step(known: dict[int, int], node: Node) -> int:
        return known.get(id(node), known.get(id(owners[id(node)]), last))

    return {
        "names": names,
        "from": max((i + 1 for i, name in enumerate(names) if name in revealed), default=0),
        "after": [
            step(values if frame.phase == FORWARD else gradients, frame.node)
            for frame in content.unfolded
        ],
        "articles": [
            [-1 if node.operation is None else step(values, node), step(gradients, node)]
            for node in content.unfolded.nodes
        ],
    }


def _view(view: Steps, articles: dict[int, int]) -> dict[str, Any]:
    """Return what the script knows of one view; nodes, edges and numbers by their keys."""
    index = {id(node): i for i, node in enumerate(view.nodes)}
    edges = []
    for i, edge in enumerate(view.layout.edges):
        entry: dict[str, Any] = {"from": index[id(edge.node)]}
        if edge.flows:
            entry |= {"contribution": f"c{i}", "upstream": f"g{index[id(edge.node)]}"}
        if f"l{i}" in view.numbers:
            entry |= {"local": f"l{i}"}
        edges.append(entry)
    return {
        "nodes": [view.name(node) for node in view.nodes],
        "given": [index[id(node)] for node in view.leaves],
        "gradients": [i for i in range(len(view.nodes)) if f"g{i}" in view.numbers],
        "about": [articles[id(node)] for node in view.nodes],
        "edges": edges,
        "frames": [
            {
                "phase": frame.phase,
                "node": index[id(frame.node)],
                "edge": int(view.edge_keys[id(frame.edge)]) if frame.edge else None,
                "sum": frame.gradient_key,
            }
            for frame in view
        ],
    }
