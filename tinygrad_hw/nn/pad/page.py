"""The page of a pad: HTML around the network's program."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import Html, count, element, ink_and_paper, join, paragraph, printable
from tinygrad_hw.nn.layers import Rescaling
from tinygrad_hw.nn.pad.program import gray_shape, network_program
from tinygrad_hw.nn.pictures.scores import class_count

CONTENT = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
PAD_OPENING = re.compile(
    rb'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    rb'<meta http-equiv="Content-Security-Policy" content="[^"]*">'
    rb'<meta name="tinygrad-hw" content="pad">'
)
"""How every page of a pad begins: see ``files.Output``."""

MOST_ROWS = 20  # classes that are listed; of more, the likeliest
BOX = 20 / 28  # of the shorter side: how large a digit is in an image of MNIST


class Pad(NamedTuple):
    """The parts of a pad, for a page of any kind."""

    style: Html
    body: Html
    scripts: Html


def pad_parts(model: Any, labels: Sequence[str] | None = None, ink: float | None = None) -> Pad:
    """Return the style, the elements and the scripts of a pad.

    The style has no colors of its own: it uses ``--paper``, ``--panel``, ``--ink``, ``--soft``,
    ``--rule``, ``--strong-rule``, ``--ours``, ``--differs`` and the fonts ``--sans`` of the page.

    Parameters
    ----------
    model
        A model of gray images and classes, built. See ``class_scores`` for its outputs.
    labels
        The names of the classes; by default those of ``model.trained_on``, or their numbers.
    ink
        What a pixel that is wholly inked is to the model; one without ink is 0, or 255 where the
        model was trained on images with a light background. By default ink is what a ``Rescaling``
        at the beginning makes 1, or 1; on a light background it is 0.

    Raises
    ------
    InputError
        If the model's inputs are no gray images, its outputs no classes, JavaScript has no words
        for one of its operations, there are not as many labels as classes, or ink is as no ink.
    """
    program, weights = network_program(model)
    classes = class_count(model)
    about = _trained_on(model)
    known = about.get("class_names")
    names = [str(name) for name in labels or (known if isinstance(known, list) else range(classes))]
    names = [printable(name) for name in names]
    if len(names) != classes:
        raise InputError(f"got {len(names)} names for {classes} classes: {', '.join(names)}")
    paper = 255.0 if about.get("background") == 255 else 0.0
    full = _ink(model) if ink is None else float(ink)
    if not math.isfinite(full) or full == paper:
        raise InputError(
            f"ink is {full}; give what a wholly inked pixel is to the model, and not {paper:g}, "
            "which is one without ink"
        )
    rows, columns = gray_shape(model)
    box = max(1, round(BOX * min(rows, columns)))
    data = {
        "shape": [rows, columns],
        "box": box,
        "paper": paper,
        "ink": full,
        "labels": names,
        "weights": weights,
    }
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    folder = files("tinygrad_hw.nn.pad")
    script = (folder / "pad.js").read_text("utf-8")
    return Pad(
        Html((folder / "pad.css").read_text("utf-8")),
        _elements(rows, columns, box, min(classes, MOST_ROWS), classes),
        join(
            [
                element("script", Html(text), id="pad-data", type="application/json"),
                element("script", Html(f'"use strict";\n{{\n{program}\n{script}}}\n')),
            ],
            "\n",
        ),
    )


def pad_page(
    model: Any,
    labels: Sequence[str] | None = None,
    ink: float | None = None,
    title: str = "Draw, and the network answers",
) -> str:
    """Return a page of its own for a pad, as one text of HTML: see ``pad_parts``."""
    pad = pad_parts(model, labels, ink)
    style = ink_and_paper() + (files("tinygrad_hw.nn.pad") / "page.css").read_text("utf-8")
    layers = ", ".join(layer.name for layer in model.layers)
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{CONTENT}">'),
        Html('<meta name="tinygrad-hw" content="pad">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        element("title", title),
        element("style", Html(style), pad.style),
    )
    facts = printable(f"{layers}: {count(model.count_params())} parameters")
    body = element(
        "body",
        element("header", element("h1", title), paragraph(facts, class_="facts")),
        element("main", pad.body),
        pad.scripts,
    )
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n{body}</html>\n'


def _trained_on(model: Any) -> Mapping[str, Any]:
    """Return what a model knows of its data: see ``Model.trained_on``."""
    about = getattr(model, "trained_on", None)
    return about if isinstance(about, Mapping) else {}


def _ink(model: Any) -> float:
    """Return what ink is to a model: see ``pad_parts``."""
    about = _trained_on(model)
    if about.get("background") == 255:
        return 0.0
    first = next(iter(model.layers), None)
    if isinstance(first, Rescaling) and about.get("bytes", True) is True:
        scale, offset = np.asarray(first.scale, float), np.asarray(first.offset, float)
        if not scale.shape and not offset.shape and scale != 0:
            return round(float((1 - offset) / scale), 6)
    return 1.0


def _elements(rows: int, columns: int, box: int, listed: int, classes: int) -> Html:
    """Build the two squares, the bars, and what is said of them."""
    size = f"--columns: {columns}; --rows: {rows}"
    draw = element(
        "canvas",
        id="pad-draw",
        tabindex=0,
        role="application",
        aria_label="Drawing area",
        aria_describedby="pad-keys",
        style=size,
    )
    seen = element("canvas", id="pad-seen", role="img", aria_label="Nothing drawn yet", style=size)
    clear = element("button", "Clear", id="pad-clear", type="button")
    checkbox = Html('<input type="checkbox" id="pad-saliency" checked>')
    toggle = element("label", checkbox, " Gradient")
    bars = [
        element(
            "tr",
            element("th", scope="row"),
            element("td", element("div", class_="bar", aria_hidden="true")),
            element("td", class_="probability"),
        )
        for _ in range(listed)
    ]
    caption = "Probability of each class"
    if listed < classes:
        caption = f"Probability of the {listed} likeliest of {count(classes)} classes"
    head = element(
        "tr", *(element("th", x, scope="col") for x in ("Class", "Share", "Probability"))
    )
    return element(
        "div",
        element("p", "Draw in the first square.", id="pad-says", role="status"),
        element(
            "div",
            element("figure", draw, element("figcaption", "Drawing", clear)),
            element("figure", seen, element("figcaption", "Network’s input", toggle)),
            element(
                "table",
                element("caption", caption),
                element("thead", head),
                element("tbody", *bars, id="pad-bars"),
            ),
            class_="pad-parts",
        ),
        element("noscript", paragraph("The pad needs JavaScript, which is turned off here.")),
        element(
            "p",
            "Draw with a mouse, a pen or a finger; or, by keyboard: the arrow keys move the pen, "
            "the space bar sets it down and lifts it, Delete clears.",
            class_="note",
            id="pad-keys",
        ),
        paragraph(
            "The second square is what the network gets: the drawing in the form that MNIST’s "
            f"images have. This page scales it to fit a box of {box} × {box} pixels, each the mean "
            f"of what it covers, and puts that into {rows} × {columns} pixels, its center of mass "
            "in the middle. Over it lies the gradient of the likeliest class’s logit by each "
            "pixel: where it is blue, more ink would speak for the answer, where it is orange, "
            "against it; the stronger the color, the more.",
            class_="note",
        ),
        paragraph(
            "Everything is computed in this page, by a program that tinygrad_hw wrote for this "
            "network; nothing is fetched from anywhere, and the drawing stays here.",
            class_="note",
        ),
        id="pad",
    )
