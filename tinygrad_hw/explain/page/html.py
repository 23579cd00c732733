"""The page as HTML: the drawings, the steps, the explanations, the sliders, the form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.chain import Chain, Factor
from tinygrad_hw.explain.chains.from_graph import is_named
from tinygrad_hw.explain.graph.folding import owners_of
from tinygrad_hw.explain.notation.mathml import MATHML, number_parts
from tinygrad_hw.explain.page.answers import Form, Remark, answers_section, marks_table
from tinygrad_hw.explain.page.data import page_data
from tinygrad_hw.explain.page.font import font_face
from tinygrad_hw.explain.page.model import Content, Planned, identity, moved
from tinygrad_hw.explain.page.svg import UNSEEN, Drawing
from tinygrad_hw.explain.stepper.frames import Frame, Number, Steps
from tinygrad_hw.formatting import NOTHING, Html, element, join, natural_sort_key, number, printable

CONTENT = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:"
)
SCRIPTS = ("page.js", "answers.js")
BUTTONS = [
    ("first", "|◀", "To the beginning (Home)", "Home"),
    ("back", "◀ Back", "One step back (left arrow or p)", "ArrowLeft"),
    ("play", "▶ Play", "Play or pause (space)", "Space"),
    ("forth", "Step ▶", "One step forth (right arrow or n)", "ArrowRight"),
    ("last", "▶|", "To the end (End)", "End"),
]
SPEEDS = [("0.5", "slow"), ("1", "normal"), ("2", "fast"), ("6", "very fast")]
LEGEND = (
    "Box: name, value, gradient. Edge: local derivative → contribution. Deeper color: larger "
    "gradient; dotted: exactly 0. Italic: parameter. Dashed: given."
)
MOVED = "Everything is computed anew, forward and backward."
NO_SCRIPT = (
    "This page shows its numbers by a script, and scripts do not run here. If you see it within "
    "another site, download the file and open that."
)
NOT_MOVED = "No number here can be moved: there is none, or an operation has no JavaScript."
HELP = (
    "Keys: right and left arrow (or n and p) step, space plays, Home and End jump, g goes to the "
    "slider of steps, + and - change the speed, u unfolds and folds, t turns light and dark. Of a "
    "sheet, r reveals the next number and a goes to the first answer that is missing. Tab reaches "
    "every name in the drawing; Enter explains it and stays with it, and again lets the steps say "
    "what is explained."
)


def keyed_number(key: str, text: str, in_brackets: bool = False) -> Html:
    """Write a number with its key, by which the page puts another number in its place.

    With ``in_brackets`` the number has brackets whenever it is negative, here and on the page.
    """
    parts = number_parts(text)
    if in_brackets and text.startswith("-"):
        parts = join([element("mo", "("), parts, element("mo", ")")])
    return element("mrow", parts, class_="n", data_k=key, data_b="1" if in_brackets else None)


@dataclass
class Document:
    """The whole page as HTML."""

    plan: list[Planned]
    content: Content
    title: str
    remarks: list[Remark]
    form: Form | None
    nodes: list[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.views = {"a": self.content.folded}
        if self.content.unfolded is not self.content.folded:
            self.views["b"] = self.content.unfolded
        # a sheet to be answered: the page writes numbers when it is opened, its text has none
        self.is_sealed = self.form is not None and self.form.revealed is not None
        self.nodes = self.content.unfolded.nodes
        self.places = {str(node.label): i for i, node in enumerate(self.nodes) if is_named(node)}
        self.received: dict[int, list[Frame]] = {}  # the steps that give a node its gradient
        for frame in self.content.unfolded:
            if frame.edge is not None:
                self.received.setdefault(id(frame.edge.operand), []).append(frame)
        self.said: dict[str, list[Remark]] = {}
        for remark in self.remarks:
            self.said.setdefault(remark.name, []).append(remark)

    def html(self, program: str, places: list[int]) -> str:
        """Return the whole file."""
        folder = files("tinygrad_hw.explain.page")
        style = Html(font_face() + (folder / "page.css").read_text(encoding="utf-8"))
        parts = [(folder / name).read_text(encoding="utf-8") for name in SCRIPTS]
        script = Html("\n".join([*parts, "start();\n"]))
        head = element(
            "head",
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{CONTENT}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", printable(self.title)),
            element("style", style),
        )
        keys = element("p", HELP, class_="note", id="keys")
        answers = answers_section(self.remarks, self.form)
        data = page_data(self.plan, self.content, self.views, places, self.form)
        screen = element(
            "div",
            self._header(),
            element("div", *self._drawings(), id="graph"),
            element("p", LEGEND, class_="legend note"),
            self._bar(),
            self._about(),
            self._inputs(),
            self._steps(),
            id="screen",
        )
        body = element(
            "body",
            element("main", screen, answers, keys),
            element("script", Html(data), id="data", type="application/json"),
            element("script", Html(program)),
            element("script", script),
        )
        return f'<!DOCTYPE html>\n<html lang="en">{head}\n{body}</html>\n'

    # --- The graph --------------------------------------------------------------------------------

    def _header(self) -> Html:
        fold = element("button", "Unfold to scalars", id="fold", aria_pressed="false")
        theme = element("button", "Light or dark", id="theme", aria_keyshortcuts="t")
        write = element("button", "Your answers", id="write", aria_keyshortcuts="a")
        return element(
            "header",
            element("h1", printable(self.title)),
            element("noscript", element("p", NO_SCRIPT)),
            write if self.form else NOTHING,
            fold if "b" in self.views else NOTHING,
            theme,
        )

    def _drawings(self) -> Iterator[Html]:
        """Yield the drawing of each view."""
        folded = Drawing(self.views["a"], "a", is_sealed=self.is_sealed)
        yield _scrolled(folded)
        if "b" in self.views:
            yield _scrolled(self._unfolded(folded))

    def _unfolded(self, folded: Drawing) -> Drawing:
        """Draw every operation, in a frame for each box of the folded drawing with several rows."""
        boxes = {
            id(node): str(card.number)
            for card in folded.cards
            for node in card.rows
            if len(card.rows) > 1
        }
        owners = owners_of(self.nodes)
        homes = {
            id(node): boxes[id(owners[id(node)])]
            for node in self.nodes
            if id(owners[id(node)]) in boxes
        }
        titles = {str(card.number): card.title for card in folded.cards}
        return Drawing(self.views["b"], "b", homes, titles, self.is_sealed)

    def _bar(self) -> Html:
        buttons = [
            element("button", text, id=key, aria_label=said, title=said, aria_keyshortcuts=shortcut)
            for key, text, said, shortcut in BUTTONS
        ]
        position = element(
            "input", id="position", type="range", min="0", max="1", value="0", aria_label="Step"
        )
        speed = element(
            "select",
            *(
                element("option", text, value=value, selected="" if value == "1" else None)
                for value, text in SPEEDS
            ),
            id="speed",
            aria_label="Speed",
        )
        controls = [*buttons, position, element("span", id="count"), speed]
        if self.is_sealed:
            said = "Reveal the next number (r)"
            controls.insert(
                len(buttons),
                element("button", "Reveal", id="reveal", title=said, aria_keyshortcuts="r"),
            )
        return element(
            "section",
            element("p", id="said", aria_live="polite"),
            element("div", *controls, id="controls", role="group", aria_label="Steps"),
            id="bar",
            aria_label="Step by step",
        )

    # --- What is read -----------------------------------------------------------------------------

    def _steps(self) -> Html:
        lists = [
            element(
                "ol",
                *(self._step(view, prefix, frame) for frame in view),
                class_="steps",
                id=f"steps-{prefix}",
                hidden="hidden" if prefix == "b" else None,
            )
            for prefix, view in self.views.items()
        ]
        heading = element("h2", "Step by step")
        return element("section", heading, *lists, id="told", aria_label="All steps")

    def _step(self, view: Steps, prefix: str, frame: Frame) -> Html:
        parts = [
            element("data", self._text(view, part.key), class_="n", data_k=prefix + part.key)
            if isinstance(part, Number)
            else printable_part(part)
            for part in frame.parts
        ]
        return element("li", element("button", *parts))

    def _text(self, view: Steps, key: str) -> str:
        return UNSEEN if self.is_sealed else view.number_text(key)

    def _about(self) -> Html:
        articles = [self._article(i, node) for i, node in enumerate(self.nodes)]
        return element(
            "section",
            element("h2", "Explained"),
            element("p", id="explained", role="status", class_="note"),
            *articles,
            id="about",
            aria_label="Explanation",
            tabindex="0",
        )

    def _article(self, i: int, node: Node) -> Html:
        view = self.content.unfolded
        name = view.name(node)
        parts: list[Html] = []
        chain = self.content.chains.get(str(node.label)) if is_named(node) else None
        if node.constant:
            parts.append(element("p", "Given: nothing is differentiated by it.", class_="note"))
        elif chain is not None:
            if chain.ones:  # with a slider they add up to something else
                chain = dataclasses.replace(chain, simplified=None, ones=())
            parts.append(MATHML.align(chain.rows(MATHML, self._factor_number)))
            parts += [element("p", remark, class_="note") for remark in chain.remarks]
            parts += self._totals(chain)
        else:
            parts.append(self._contributions(node))
        remarks = self.said.get(name)
        return element(
            "article",
            element("h3", name),
            self._value(node),
            element("div", *parts, class_="derived"),
            marks_table(remarks, named=False) if remarks else NOTHING,
            id=f"about-{i}",
            hidden="hidden",
        )

    def _value(self, node: Node) -> Html:
        """Write how a node is computed: z4 = w7 · a1 + … = 3.999."""
        view = self.content.unfolded
        parts = [MATHML.name(view.name(node))]
        formula = view.formulas.of(node) if node.operation else None
        if formula is not None:
            parts += [MATHML.sign("="), Html(MATHML.formula(formula))]
        key = f"v{view.node_keys[id(node)]}"
        parts += [MATHML.sign("="), keyed_number(f"b{key}", self._text(view, key))]
        return element("math", element("mrow", *parts), displaystyle="true")

    def _factor_number(self, factor: Factor, in_product: bool) -> Html:
        text = UNSEEN if self.is_sealed else number(factor.value)
        return keyed_number(self.content.factors[identity(factor)], text, in_product)

    def _totals(self, chain: Chain) -> Iterable[Html]:
        """Build buttons that lead to the chains of the totals."""
        used = dict.fromkeys(x.denominator for path in chain.paths for x in path if x.total)
        buttons = [
            element("button", f"∂{chain.root}/∂{name}", data_about=str(self.places[name]))
            for name in used
        ]
        return [element("p", "From above: ", *buttons)] if buttons else []

    def _contributions(self, node: Node) -> Html:
        """Build the list of contributions to an unnamed node, in words."""
        view = self.content.unfolded
        lines = [self._step(view, "b", frame) for frame in self.received.get(id(node), [])]
        return element("ul", *lines) if lines else NOTHING

    def _inputs(self) -> Html:
        inputs = sorted(
            enumerate(moved(self.plan)), key=lambda item: natural_sort_key(item[1].name)
        )
        parts: list[Html] = []
        for heading, constant in (("Given", True), ("Parameters", False)):
            members = [(i, x) for i, x in inputs if x.constant is constant]
            if members:
                parts.append(element("h3", heading))
            for i, x in members:
                parts += _slider(i, x)
        return element(
            "section",
            element("h2", "What if?"),
            element("p", MOVED if inputs else NOT_MOVED, class_="note"),
            element("p", id="trouble", role="status"),
            element("div", *parts, class_="inputs") if inputs else NOTHING,
            element("button", "Reset", id="reset") if inputs else NOTHING,
            id="inputs",
            aria_label="Givens and parameters",
        )


def _scrolled(drawing: Drawing) -> Html:
    """Put a drawing into an element that scrolls, with a place for what the lit edge says."""
    prefix = drawing.prefix
    parts = (element("path"), element("rect"), element("text"))
    chip = element("g", *parts, class_="chip", id=f"chip-{prefix}")
    return element(
        "div",
        Html(drawing.svg().removesuffix("</svg>") + chip + "</svg>"),
        class_="drawing",
        id=f"drawing-{prefix}",
        style=f"--width: {drawing.width:.0f}px; --height: {drawing.height:.0f}px",
        hidden="hidden" if prefix == "b" else None,
    )


def printable_part(text: str) -> str:
    """Return a part of a sentence as printable text, with the blanks at its ends."""
    start, end = " " * text.startswith(" "), " " * text.endswith(" ")
    return f"{start}{printable(text)}{end}"


def _slider(i: int, given: Planned) -> list[Html]:
    """Build a name, a slider, and a field for any number."""
    reach = max(5.0, 2 * abs(given.number))
    low, high = number(given.number - reach, 3), number(given.number + reach, 3)
    typed = repr(given.number).removesuffix(".0")
    name = element("label", given.name, for_=f"type-{i}", class_="given-name")
    slide = element(
        "input",
        type="range",
        id=f"slide-{i}",
        min=low,
        max=high,
        step="any",
        value=typed,
        aria_label=f"{given.name}, slider",
    )
    field_ = element(
        "input",
        type="number",
        id=f"type-{i}",
        step="any",
        value=typed,
        aria_label=f"{given.name}, value",
    )
    return [name, slide, field_]
