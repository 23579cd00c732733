"""What a page says, read back from its HTML, and its program, run by an engine for JavaScript."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quickjs
from growth import labeled, outgrowing

import tinygrad_hw
from tinygrad_hw import Value, backward_steps, group
from tinygrad_hw.engine import Pointwise, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.errors import InputError
from tinygrad_hw.explain import DrawError, Remark, explain_all, page_html, write_page
from tinygrad_hw.explain.graph.folding import fold, unfold
from tinygrad_hw.explain.page.model import Content, content_of, moved, planned, program_of
from tinygrad_hw.explain.page.svg import CHARACTER, MARGIN, NUMBER, ROW, Drawing
from tinygrad_hw.explain.stepper.frames import Steps
from tinygrad_hw.files import OutputError
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.micrograd import MLP
from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.solution.blanks import blanks

LARGEST = 400_000  # bytes
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]></svg><b>",
    "\"'`${x}\\",
    "&lt;&#60;",
    "a\x00b\u202ec\u2028d",
    "⟦0⟧",
    "constructor",
    "__proto__",
]


# --- Reading a page -------------------------------------------------------------------------------


class Element:
    """A tag with its attributes and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str], above: Element | None) -> None:
        self.tag, self.attributes, self.above = tag, attributes, above
        self.children: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    @property
    def text(self) -> str:
        return "".join(x if isinstance(x, str) else x.text for x in self.children)

    @property
    def all(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.all

    def find(self, tag: str = "", **attributes: str) -> list[Element]:
        """All elements below, of a tag, with these attributes; one of several classes will do."""
        wanted = {name.rstrip("_").replace("_", "-"): x for name, x in attributes.items()}
        return [
            element
            for element in self.all
            if (not tag or element.tag == tag)
            and all(
                x in (element.get(name) or "").split()
                if name == "class"
                else element.get(name) == x
                for name, x in wanted.items()
            )
        ]

    def one(self, tag: str = "", **attributes: str) -> Element:
        [found] = self.find(tag, **attributes)
        return found


class Reader(HTMLParser):
    """Builds the tree, and insists that every tag is closed by its own end."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag != "meta":
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag
        assert self.here.above is not None
        self.here = self.here.above

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def read(text: str) -> Element:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root
    return reader.root


def data_of(tree: Element) -> dict[str, Any]:
    """What the script reads, which must be JSON in the strict sense, as browsers read it."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    found: dict[str, Any] = json.loads(tree.one("script", id="data").text, parse_constant=refuse)
    return found


def in_math(text: str, brackets: bool) -> str:
    """A number as its MathML reads."""
    digits, _, exponent = text.partition("e")
    written = digits.replace("-", "−").replace("inf", "∞")
    if exponent:
        written += f"×10{int(exponent)}".replace("-", "−")
    return f"({written})" if brackets and text.startswith("-") else written


# --- Graphs ---------------------------------------------------------------------------------------


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def constant(x: float, label: str | None = None) -> Value:
    return Value(x, label, constant=True)


def loss_of(name: str) -> Value:
    sheet = read_sheet(sheet_path(name))
    return sheet.evaluate()[sheet.loss]


def random_graph(seed: int, operations: int = 14) -> Value:
    """A graph of named and unnamed nodes, in which some are used several times."""
    rng = random.Random(seed)
    nodes = [Value(round(rng.uniform(-2, 2), 3), f"w{i}") for i in range(4)]
    nodes += [constant(round(rng.uniform(-2, 2), 3), f"x{i}") for i in range(2)]
    made: list[Callable[[Value, Value], Value]] = [
        lambda a, b: a * b,
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * a,
        lambda a, b: ops.tanh(a),
        lambda a, b: ops.sigmoid(a),
        lambda a, b: ops.relu(a) + 0.5 * b,
        lambda a, b: abs(a) * b,
        ops.maximum,
        lambda a, b: a / (1.5 + b * b),
        lambda a, b: ops.exp(-(a * a)),
        lambda a, b: ops.tanh(a) ** 3,
        lambda a, b: ops.where(a > b, a * 2.0, b),
    ]
    for i in range(operations):
        node = rng.choice(made)(rng.choice(nodes[-6:]), rng.choice(nodes[-8:]))
        if rng.random() < 0.6:
            node.label = f"v{i}"
        nodes.append(node)
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node * 0.5
    return named(total, "E")


def multilayer() -> Value:
    random.seed(3)
    result: Value = MLP(2, [16, 16, 1])([1.0, -2.0])
    return result


def squared() -> Value:
    a = Value(3.0, "a")
    return named(a * a, "E")


def unlabelled() -> Value:
    a, b = Value(3.0), Value(-2.0)
    return ops.relu(a * b + a) - a * a


def constants() -> Value:
    return constant(3.0, "x") * constant(2.0, "y") + 1.0


def same_names() -> Value:
    return named(Value(2.0, "x") * Value(3.0, "x") * Value(4.0, "x"), "x")


def extremes() -> Value:
    a = Value(1e200, "a")
    with np.errstate(all="ignore"):
        return named(a * a - a * a * constant(1e-300, "c"), "E")


def grouped() -> Value:
    a, b = Value(0.3, "a"), Value(-0.7, "b")
    with group("a <group> & more"):
        c = ops.tanh(a * b + a)
    return named(c * c + b, "E")


GRAPHS: dict[str, Callable[[], Value]] = {
    "q1a": lambda: loss_of("q1a"),
    "q1b": lambda: loss_of("q1b"),
    **{f"random {seed}": lambda seed=seed: random_graph(seed) for seed in range(6)},
    "mlp": multilayer,
    "a times a": squared,
    "unlabelled": unlabelled,
    "constants": constants,
    "leaf": lambda: Value(3.0, "x"),
    "unlabelled leaf": lambda: Value(3.0),
    "constant leaf": lambda: constant(3.0, "x"),
    "same names": same_names,
    "extremes": extremes,
    "group": grouped,
    "relu": lambda: named(ops.relu(Value(-2.0, "a")) * Value(3.0, "b"), "E"),
    "max": lambda: named(ops.maximum(Value(2.0, "a"), Value(2.0, "b")), "E"),
    "abs": lambda: named(abs(Value(-2.0, "a")) * abs(Value(0.0, "b")), "E"),
    "pow": lambda: named(Value(2.0, "a") ** Value(-0.5, "b") + Value(-3.0, "c") ** 2, "E"),
    "where": lambda: named(ops.where(True, Value(2.0, "a") * 3.0, Value(5.0, "b")), "E"),
}


@pytest.fixture(scope="module")
def written() -> Callable[[str], tuple[Value, str]]:
    """The graph of a name, and its page, written once."""
    kept: dict[str, tuple[Value, str]] = {}

    def give(name: str) -> tuple[Value, str]:
        if name not in kept:
            root = GRAPHS[name]()
            kept[name] = root, page_html(root)
        return kept[name]

    return give


Written = Callable[[str], tuple[Value, str]]


# --- What the page says ---------------------------------------------------------------------------


def totals_of(root: Value) -> dict[int, float]:
    """The engine's own gradients by id; of nothing where there is nothing to differentiate."""
    if root.constant:
        return {}
    totals = {id(root): 1.0}
    with np.errstate(all="ignore"):
        for step in backward_steps(root):
            totals[id(step.operand)] = float(step.total)
    return totals


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", GRAPHS)
def test_every_number_of_the_content_is_the_engine_s(name: str) -> None:
    root = GRAPHS[name]()
    order = topological_order(root)
    content = content_of(planned(root))
    totals = totals_of(root)
    assert len(content.unfolded.nodes) == len(order)
    for i, node in enumerate(order):
        assert same(content.numbers[f"bv{i}"], float(node.raw))
        total = totals.get(id(node))
        assert (f"bg{i}" in content.numbers) == (total is not None)
        assert total is None or same(content.numbers[f"bg{i}"], total)
    with np.errstate(all="ignore"):
        steps = [] if root.constant else list(backward_steps(root))
    contributions = Counter(str(float(step.contribution)) for step in steps)
    found = [x for key, x in content.numbers.items() if key.startswith("bc")]
    assert Counter(str(float(x)) for x in found) == contributions
    locals_ = [x for key, x in content.numbers.items() if key.startswith("bl")]
    assert sorted(map(float, locals_), key=str) == sorted(
        (float(step.local) for step in steps), key=str
    ) or any(map(math.isnan, map(float, locals_)))


@pytest.mark.parametrize("name", ["q1a", "q1b", *(f"random {seed}" for seed in range(6)), "mlp"])
def test_folded_numbers_add_up(name: str) -> None:
    """Local × upstream is the contribution; contributions add up to the gradient."""
    content = content_of(planned(GRAPHS[name]()))
    view = content.folded
    sums: dict[int, float] = {}
    for i, edge in enumerate(view.layout.edges):
        if edge.flows:
            upstream = view.numbers[f"g{view.node_keys[id(edge.node)]}"]
            product = upstream * view.numbers[f"l{i}"]
            assert view.numbers[f"c{i}"] == pytest.approx(product, rel=1e-12, abs=1e-300)
            home = id(edge.operand)
            sums[home] = sums.get(home, 0.0) + view.numbers[f"c{i}"]
    for node in view.nodes:
        if id(node) in sums:
            gradient = view.numbers[f"g{view.node_keys[id(node)]}"]
            assert gradient == pytest.approx(sums[id(node)], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_number_on_the_page_is_written_as_numbers_are(name: str, written: Written) -> None:
    root, text = written(name)
    content = content_of(planned(root))
    keyed = [element for element in read(text).all if element.get("data-k")]
    assert keyed
    for element in keyed:
        expected = number(content.numbers[element["data-k"]])
        if element.tag == "mrow":
            expected = in_math(expected, element.get("data-b") is not None)
        assert element.text == expected


@pytest.mark.parametrize("name", GRAPHS)
def test_the_page_is_sound(name: str, written: Written) -> None:
    root, text = written(name)
    tree, content = read(text), content_of(planned(root))
    ids = [element["id"] for element in tree.all if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert tree.one("html")["lang"] == "en"
    assert len(tree.find("h1")) == 1
    assert len(tree.find("script")) == 3
    assert "default-src 'none'" in tree.find("meta")[1]["content"]
    data = data_of(tree)
    for prefix, view in (("a", content.folded), ("b", content.unfolded)):
        if prefix not in data["views"]:
            assert view is content.folded
            continue
        assert {f"{prefix}n{i}" for i in range(len(view.nodes))} <= set(ids)
        assert {f"{prefix}e{i}" for i in range(len(view.layout.edges))} <= set(ids)
        steps = tree.one("ol", id=f"steps-{prefix}")
        assert [item.text for item in steps.find("li")] == [frame.sentence for frame in view]
        assert len(data["views"][prefix]["frames"]) == len(view)
    for element in tree.all:
        assert not any(name.startswith("on") for name in element.attributes)
        for attribute in ("src", "href", "action", "xlink:href"):
            assert element.get(attribute) is None
        if element.get("role") == "button":
            assert element["aria-label"].strip()
            assert element["tabindex"] == "0"
    loaded = text.replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")  # a name, not a place
    assert not [
        word for word in ("http:", "https:", "url(//", "@import", "import(") if word in loaded
    ]


@pytest.mark.parametrize("name", ["q1a", "random 1", "mlp", "unlabelled"])
def test_the_same_graph_gives_the_same_text(name: str) -> None:
    root = GRAPHS[name]()
    before = [(node.label, node.group, float(node.raw)) for node in topological_order(root)]
    first = page_html(root)
    assert page_html(root) == first
    assert page_html(GRAPHS[name]()) == first
    assert before == [(n.label, n.group, float(n.raw)) for n in topological_order(root)]


def test_a_page_leaves_gradients_as_they_are() -> None:
    root = GRAPHS["q1a"]()
    root.backward()
    gradients = [getattr(node, "grad", None) for node in topological_order(root)]
    page_html(root)
    assert gradients == [getattr(node, "grad", None) for node in topological_order(root)]


@pytest.mark.parametrize("sheet", ["q1a", "q1b"])
def test_a_2_3_1_network_is_small(sheet: str) -> None:
    assert len(sheet_page(read_sheet(sheet_path(sheet))).encode()) < LARGEST


@pytest.mark.parametrize("seed", range(2))
def test_an_exercise_of_that_size_is_small_too_answered_or_not(seed: int) -> None:
    blank = exercise("2-3-1", seed)
    assert len(sheet_page(blank).encode()) < LARGEST
    assert len(sheet_page(key(blanks(blank))).encode()) < LARGEST


@pytest.mark.parametrize("name", ["q1a", "q1b", "random 0", "random 3"])
def test_articles_show_the_chain_of_every_name(name: str, written: Written) -> None:
    root, text = written(name)
    tree = read(text)
    nodes = topological_order(root)
    for i, node in enumerate(nodes):
        article = tree.one("article", id=f"about-{i}")
        numbers = [x.text for x in article.find("mrow") if x.get("data-k")]
        assert numbers[0] == in_math(number(float(node.raw)), brackets=False)
        if node.label and not node.constant:
            chain = explain_all(root, [node])[node.label]
            factors = [
                in_math(number(factor.value), brackets=True)
                for path in chain.paths
                for factor in path
            ]
            result = [in_math(number(chain.value), brackets=False)]
            if node is root:  # ∂E/∂E = 1 without factors
                factors, result = [], []
            elif len(factors) == 1:  # it is the result
                factors = []
            assert numbers[1:] == [*factors, *result]
        elif node.constant:
            assert "nothing is differentiated" in article.text


def test_a_name_that_others_refer_to_can_be_reached_from_their_chains() -> None:
    a = Value(0.5, "a")
    e = a
    for i in range(16):
        e = named(ops.tanh(e) * ops.sigmoid(e) + e * a, f"v{i}")
    tree = read(page_html(e))
    buttons = tree.find("button")
    targets = [button["data-about"] for button in buttons if button.get("data-about")]
    assert targets
    assert all(tree.find("article", id=f"about-{target}") for target in targets)


# --- Names ----------------------------------------------------------------------------------------


def names_of(root: Value) -> list[str]:
    return [node.name for node in planned(root)]


def test_what_has_no_name_gets_one_where_it_needs_one() -> None:
    a, b = Value(2.0), Value(3.0)
    assert names_of(a * b + 1.0) == ["p1", "p2", "", "", "result"]
    assert names_of(named(a * Value(1.0, "p1"), "E")) == ["p2", "p1", "E"]


def test_the_result_of_a_group_has_its_name_and_a_chain_goes_through_it() -> None:
    a, b = Value(0.3, "a"), Value(-0.7, "b")
    with group("n1"):
        c = ops.tanh(a * b + a)
    root = named(c * b, "E")
    assert names_of(root) == ["a", "b", "", "", "n1", "E"]
    [path] = content_of(planned(root)).chains["a"].paths
    assert [str(factor) for factor in path] == ["dE/dn1", "dn1/da"]
    chains_of_net = content_of(planned(multilayer())).chains.values()
    assert all(
        len(path) > 1 for chain in chains_of_net if len(chain.paths) > 1 for path in chain.paths
    )
    assert any("layer 1, neuron 1" in str(f) for c in chains_of_net for p in c.paths for f in p)


def test_names_that_are_used_twice_are_told_apart() -> None:
    assert names_of(same_names()) == ["x", "x (2)", "", "x (3)", "x (4)"]


@pytest.mark.parametrize(
    "labels", [["x (2)", "x", "x"], ["x", "x", "x (2)"], ["x", "x (2)", "x"], ["result", "x", "x"]]
)
def test_names_are_told_apart_from_those_that_look_like_it(labels: list[str]) -> None:
    a, b, c = (Value(x, label) for x, label in zip([2.0, 3.0, 4.0], labels, strict=True))
    root = a * b * c
    names = [name for name in names_of(root) if name]
    assert len(set(names)) == len(names)
    read(page_html(root))


def test_long_labels_that_are_cut_are_told_apart() -> None:
    long = "a" * 40 + "{}" + "b" * 40
    root = named(Value(2.0, long.format(1)) * Value(3.0, long.format(2)), "E")
    names = names_of(root)
    assert len(set(names)) == 3
    read(page_html(root))


def test_blank_labels_are_none() -> None:
    root = Value(2.0, "  ") * Value(3.0, "\n")
    assert names_of(root) == ["p1", "p2", "result"]


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_only_text(label: str) -> None:
    a = Value(2.0, label)
    with group(label):
        b = ops.tanh(a * constant(3.0, f"{label}!"))
    tree = read(page_html(named(b * a, f"{label}?"), title=label))
    assert tree.one("h1").text == tree.one("title").text
    assert not tree.find("img")
    assert not tree.find("b")
    assert len(tree.find("script")) == 3
    assert "\x00" not in tree.one("h1").text
    assert "\u202e" not in tree.text
    assert data_of(tree)["inputs"][0]["name"] in tree.text


def test_hostile_remarks_are_only_text() -> None:
    evil = "</td><script>alert(1)</script>"
    remarks = [Remark("x", evil, evil, verdict, evil) for verdict in ("wrong", "exact")]
    root = Value(2.0, "x") * 3.0
    tree = read(page_html(root, remarks=remarks))
    assert len(tree.find("script")) == 3
    assert evil in tree.text


def test_the_title() -> None:
    assert read(page_html(squared())).one("h1").text == "How E is computed"
    assert read(page_html(unlabelled())).one("h1").text == "How result is computed"
    assert read(page_html(squared(), title="A & B")).one("title").text == "A & B"


# --- What moves -----------------------------------------------------------------------------------


def run(root: Value, given: list[float]) -> dict[str, float]:
    """Every number of the page by its key, recomputed by the page's program."""
    program, places = program_of(planned(root))
    names = {f"given_{i + 1}": x for i, x in enumerate(given)}
    text = f"{program}JSON.stringify(page({json.dumps(names)}).results.map(String))"
    results = [float(x) for x in json.loads(quickjs.Context().eval(text))]  # no true, no false
    keys = content_of(planned(root)).numbers
    return {key: results[place] for key, place in zip(keys, places, strict=True)}


def afresh(root: Value, given: list[float]) -> dict[str, float]:
    """The same by Python."""
    with np.errstate(all="ignore"):
        return {key: float(x) for key, x in Content(planned(root), given).numbers.items()}


def given_of(root: Value) -> list[float]:
    return [node.number for node in moved(planned(root))]


@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "mlp"])
def test_the_program_gives_every_number(name: str) -> None:
    root = GRAPHS[name]()
    given = given_of(root)
    rng = random.Random(name)
    tried = [given] + [[x + rng.uniform(-2, 2) for x in given] for _ in range(4)]
    for numbers in [*tried, [0.0] * len(given)]:
        expected = afresh(root, numbers)
        found = run(root, numbers)
        assert found.keys() == expected.keys()
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-13, nan_ok=True)


def test_moved_numbers_are_those_of_a_new_computation() -> None:
    """Of the function itself, run again, not of the page's plan for it."""
    sheet = read_sheet(sheet_path("q1b"))
    root = sheet.evaluate()[sheet.loss]
    inputs = [node.name for node in moved(planned(root))]
    given = given_of(root)
    given[inputs.index("w2")] = 12.5
    found = run(root, given)
    sheet.parameters["w2"] = 12.5
    again = sheet.evaluate()[sheet.loss]
    totals = totals_of(again)
    for i, node in enumerate(topological_order(again)):
        assert found[f"bv{i}"] == pytest.approx(float(node.raw), rel=1e-12)
        if id(node) in totals:
            assert found[f"bg{i}"] == pytest.approx(totals[id(node)], rel=1e-12, abs=1e-300)


def test_a_sigmoid_saturates_and_its_gradient_dies() -> None:
    root = GRAPHS["q1a"]()
    names = [node.name for node in moved(planned(root))]
    given = given_of(root)
    place = [node.label for node in topological_order(root)].index("w1")
    sizes = []
    for w1 in (0.0, 1.0, 5.0, 200.0):
        given[names.index("w1")] = w1
        sizes.append(abs(run(root, given)[f"bg{place}"]))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1e-6
    assert sizes[-1] == 0.0


def test_an_operation_that_asks_which_way_is_not_computed_along_the_wrong_one() -> None:
    """Either the other branch is computed, or the program says that it is another one."""
    kink = Pointwise("kink", lambda x: x if x > 0 else 0.1 * x, "where(x > 0, 1.0, 0.1)")
    root = named(kink(Value(2.0, "x")) * 1.0, "E")
    assert run(root, [2.0])["bv0"] == 2.0
    with suppress(quickjs.JSException):
        assert run(root, [-2.0]) == pytest.approx(afresh(root, [-2.0]))


def test_what_moves_is_named_and_stands_in_order() -> None:
    data = data_of(read(page_html(loss_of("q1a"))))
    names = [given["name"] for given in data["inputs"]]
    assert sorted(names) == sorted(
        [*(f"w{i}" for i in range(1, 10)), *(f"b{i}" for i in range(1, 5)), "x1", "x2", "y"]
    )
    tree = read(page_html(loss_of("q1a")))
    for i, name in enumerate(names):
        assert tree.one("label", for_=f"type-{i}").text == name
        assert tree.one("input", id=f"slide-{i}")["aria-label"].startswith(name)


@pytest.mark.parametrize("x", [0.0, 1e-9, -3.0, 1e300, -1e300, 123456.0, 5e-324, -0.0])
def test_a_slider_reaches_both_ways_and_holds_its_number(x: float) -> None:
    root = named(Value(x, "w") * 1.0, "E")
    slide = read(page_html(root)).one("input", id="slide-0")
    low, high, value = (float(slide[name]) for name in ("min", "max", "value"))
    assert value == x
    assert low < x < high
    assert low <= x - abs(x) / 2
    assert high >= x + abs(x) / 2
    assert math.isfinite(high - low)


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("is_constant", [False, True])
def test_what_is_not_finite_is_given_and_the_data_can_still_be_read(
    x: float, is_constant: bool
) -> None:
    root = named(Value(2.0, "b") * Value(x, "a", constant=is_constant), "E")
    tree = read(page_html(root))
    assert data_of(tree)["inputs"]
    for element in tree.find("input"):
        if element.get("type") in ("range", "number"):
            for attribute in ("value", "min", "max"):
                if element.get(attribute):
                    assert math.isfinite(float(element[attribute]))


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
def test_an_unnamed_number_that_is_not_finite(x: float) -> None:
    root = named(Value(2.0, "b") * x, "E")
    assert number(x) in read(page_html(root)).one("svg").text


def test_what_overflows_only_on_the_page_is_shown_without_a_warning() -> None:
    text = read(page_html(extremes())).text
    assert "inf" in text


# --- What cannot be shown -------------------------------------------------------------------------


def line(nodes: int) -> Value:
    """One operation after the other."""
    value = Value(0.5, "x")
    for i in range(nodes - 1):
        value = ops.tanh(value) if i % 2 else -value
    return value


def test_up_to_2000_nodes_are_planned() -> None:
    assert len(planned(line(2000))) == 2000


def test_more_are_refused_in_one_line_that_helps() -> None:
    with pytest.raises(DrawError) as error:
        page_html(line(2001))
    said = str(error.value)
    assert said.startswith("2,001 nodes are too many for a page, 2,000 at most: ")
    assert "\n" not in said
    assert "no_grad() or with detach()" in said
    assert isinstance(error.value, InputError)


def test_that_help_helps() -> None:
    long = line(2001)
    page_html(named(long.detach() * Value(2.0, "w"), "E"))


def test_a_refusal_comes_at_once_even_for_a_large_graph() -> None:
    with pytest.raises(DrawError, match="30,000 nodes are too many"):
        planned(line(30_000))


@pytest.mark.parametrize("label", ["A", None, "<A>\n"])
def test_arrays_are_refused(label: str | None) -> None:
    with pytest.raises(DrawError) as error:
        page_html(named(np.sum(Value(np.ones((2, 3)), label) * 2.0), "E"))
    said = str(error.value)
    assert "array of shape (2, 3)" in said
    assert said.isprintable()


@pytest.mark.parametrize("thing", [3.0, None, "E", [1.0]])
def test_what_is_no_value_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match="a page is of a Value, such as a loss; got"):
        page_html(thing)


@pytest.mark.parametrize(
    "root",
    [
        lambda: ops.logaddexp(Value(1.0, "a"), Value(2.0, "b")),
        lambda: Pointwise("soft", lambda x: x / (1 + np.fabs(x)), "1 / (1 + abs(x))**2")(
            Value(1.0, "a")
        ),
        lambda: np.sum(Value(1.0, "a") * 2.0),
    ],
)
def test_what_has_no_javascript_is_shown_or_refused_as_input(root: Callable[[], Value]) -> None:
    """Any scalar graph has a page; at the least, the refusal is one that callers know of."""
    with suppress(InputError):
        read(page_html(named(root() * 1.0, "E")))


def test_page_writes_the_file(tmp_path: Path) -> None:
    root = squared()
    write_page(root, tmp_path / "new" / "out.html", title="T")
    text = (tmp_path / "new" / "out.html").read_bytes().decode()
    assert text == page_html(root, title="T")
    tinygrad_hw.page(root, str(tmp_path / "out.html"))
    tinygrad_hw.page(root, str(tmp_path / "out.html"))  # once more, over it
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == page_html(root)


def test_page_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_page(squared(), tmp_path / "file" / "out.html")
    with pytest.raises(OutputError):
        write_page(squared(), tmp_path)


# --- The drawing ----------------------------------------------------------------------------------

DRAWN = ["q1a", "q1b", "random 0", "random 4", "mlp", "same names", "group", "leaf", "unlabelled"]


def drawings(root: Value) -> list[Drawing]:
    return [Drawing(Steps(fold(root, 2000)), "a"), Drawing(Steps(unfold(root, 2000)), "b")]


@pytest.mark.parametrize("name", DRAWN)
def test_boxes_stand_apart_and_inside_the_drawing(name: str) -> None:
    for drawing in drawings(GRAPHS[name]()):
        boxes = [(c.x, c.y, c.x + c.width, c.y + c.height) for c in drawing.cards]
        for left, top, right, bottom in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= drawing.width
            assert bottom <= drawing.height
        for a, b in combinations(boxes, 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart


@pytest.mark.parametrize("name", DRAWN)
def test_there_is_room_for_names_and_for_any_number(name: str) -> None:
    for drawing in drawings(GRAPHS[name]()):
        for card in drawing.cards:
            rows = len(card.rows) + bool(card.title)
            assert card.height == pytest.approx(ROW * rows)
            numbers = len(card.columns) * NUMBER * CHARACTER
            longest = max(len(drawing._name(node, card.box)) for node in card.rows) * CHARACTER
            assert card.width >= longest + numbers + 2 * MARGIN
            assert card.width >= len(card.title) * CHARACTER + 2 * MARGIN
    rng = random.Random(0)
    written = [number(rng.choice([-1, 1]) * 10 ** rng.uniform(-99, 99)) for _ in range(2000)]
    assert max(map(len, written)) <= NUMBER


@pytest.mark.parametrize("name", DRAWN)
def test_every_edge_is_drawn_from_its_operand_to_its_result(name: str) -> None:
    for drawing in drawings(GRAPHS[name]()):
        for i, edge in enumerate(drawing.view.layout.edges):
            tail, head = drawing.card_of[id(edge.operand)], drawing.card_of[id(edge.node)]
            if tail is head:
                assert i not in drawing.routes
                continue
            path, (x, y) = drawing.routes[i]
            first = [float(n) for n in path[1:].split(" ")[0].split(",")]
            last = [float(n) for n in path.replace("L", "").split(" ")[-1].split(",")]
            assert first[0] == pytest.approx(tail.x + tail.width, abs=3)
            assert first[1] == pytest.approx(tail.row_of(edge.operand), abs=3)
            assert last[0] == pytest.approx(head.x, abs=3)
            assert last[1] == pytest.approx(head.row_of(edge.node), abs=ROW)
            assert 0 <= x <= drawing.width
            assert 0 <= y <= drawing.height


def test_a_repeated_operand_has_two_edges_unfolded() -> None:
    tree = read(page_html(squared()))
    edges = [g for g in tree.find("g", class_="edge") if g["id"].startswith("a")]
    assert len(edges) == 2
    assert "with what came before 6" in tree.text


def test_only_what_can_be_unfolded_has_a_second_view() -> None:
    tree = read(page_html(squared()))
    assert not tree.find("button", id="fold")
    assert not tree.find(id="drawing-b")
    tree = read(page_html(loss_of("q1a")))
    assert tree.one("button", id="fold")["aria-pressed"] == "false"
    homes = {g["data-home"] for g in tree.find("g", class_="unfold")}
    frames = {g["id"] for g in tree.find("g", class_="frame")}
    assert {f"bhome{home}" for home in homes} == frames
    titles = {g.text for g in tree.find("g", class_="unfold")}
    assert titles == {f"a{i} = σ(z{i})" for i in range(1, 5)}


# --- Sheets ---------------------------------------------------------------------------------------

SMALL = """\
title = "{title}"
student = "S"
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "w*x"
E = "z**2"
[update]
loss = "E"
rate = 0.1
"""


def saved(tree: Element, answers: Callable[[int, str], str] = lambda i, value: value) -> str:
    """What the page saves, with these answers in its fields."""
    data = data_of(tree)
    fields = [field["value"] for field in tree.one("form").find("input")]
    quoted = [json.dumps(answers(i, value), ensure_ascii=False) for i, value in enumerate(fields)]
    quoted.append("")  # at -1: nothing has been revealed
    return "".join(quoted[part] if isinstance(part, int) else part for part in data["sheet"])


def shipped(name: str) -> Sheet:
    return read_sheet(sheet_path(name))


@pytest.mark.parametrize("name", ["q1a", "q1b"])
def test_a_sheet_with_answers_is_saved_as_it_is(name: str) -> None:
    sheet = shipped(name)
    assert parse_sheet(saved(read(sheet_page(sheet)))) == sheet


@pytest.mark.parametrize("steps", [1, 3])
def test_a_sheet_without_answers_asks_for_all_of_them(steps: int) -> None:
    sheet = exercise("2-2-1", seed=1, steps=steps)
    tree = read(sheet_page(sheet))
    assert not tree.find("table", class_="marks")
    solved = key(sheet)
    assert parse_sheet(saved(tree)) == blanks(sheet)
    wanted = iter(
        [
            text
            for answers in (solved.answers, *solved.later_answers)
            for text in [
                *answers.forward.values(),
                *(
                    x
                    for partial in answers.partials.values()
                    for x in [*(f for path in partial.paths for f in path.values()), partial.value]
                ),
                *answers.updated.values(),
            ]
        ]
        + list(solved.answers.table.values())
    )
    # the first field is that of the name
    assert parse_sheet(saved(tree, lambda i, value: (next(wanted) or "") if i else value)) == solved


def test_marks_stand_at_their_names_and_in_one_table() -> None:
    from tinygrad_hw.worksheet.marking.mark_sheet import mark

    sheet = shipped("q1a")
    tree = read(sheet_page(sheet))
    items = mark(sheet).items
    rows = tree.one(id="sheet").one("tbody").find("tr")
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        assert item.verdict in row.find("td", class_="mark")[0].text
        assert item.printed in row.text
        assert item.explanation in row.text
    names = [node.label for node in topological_order(sheet.evaluate()["E"])]
    article = tree.one("article", id=f"about-{names.index('w1')}")
    assert len(article.one("tbody").find("tr")) == sum(
        item.name in ("w1", "dE/dw1") or item.of == "dE/dw1" for item in items
    )


@pytest.mark.parametrize("title", ["⟦0⟧", "⟦999⟧", "⟦-1⟧", '\\"⟦1⟧\\"', "a ⟦0⟧ b", "</script>"])
def test_a_title_is_saved_as_it_is(title: str) -> None:
    sheet = blanks(parse_sheet(SMALL.format(title=title)))
    assert parse_sheet(saved(read(sheet_page(sheet)))) == sheet


def test_what_was_crossed_out_is_saved_as_it_is() -> None:
    text = SMALL.format(title="") + '[answers.partials."dE/dw"]\nvalue = "8"\nstruck = ["⟦0⟧"]\n'
    sheet = parse_sheet(text)
    assert parse_sheet(saved(read(sheet_page(sheet)))) == sheet


def test_answers_in_fields_are_only_text() -> None:
    evil = '\\"><script>alert(1)</script>'
    text = SMALL.format(title="") + f'[answers.forward]\nz = "{evil}"\n'
    sheet = parse_sheet(text)
    with suppress(InputError):  # it is no number
        assert len(read(sheet_page(sheet)).find("script")) == 3


def test_a_sheet_too_large_for_a_page_is_refused_in_one_line() -> None:
    terms = " + ".join(["w*x"] * 1001)
    sheet = parse_sheet(SMALL.format(title="").replace('"w*x"', f'"{terms}"'))
    with pytest.raises(DrawError, match="too many for a page"):
        sheet_page(sheet)


def test_the_cost_of_a_page_grows_with_its_size() -> None:
    assert not outgrowing(page_html, labeled([2, 8, 1]), labeled([2, 20, 1]))


def test_a_page_of_400_parameters_explains_each_in_a_chain_that_fits_a_screen() -> None:
    tree = read(page_html(labeled([10, 16, 12, 1])))
    articles = {article.one("h3").text: article for article in tree.find("article")}
    names = [name for name in articles if name[0] in "wb"]
    assert len(names) == 393
    assert max(len(articles[name].find("mtr")) for name in names) < 20


def test_what_given_numbers_are_presupposed_to_be_is_not_said_where_they_can_be_moved() -> None:
    """The targets of a cross-entropy add up to 1, until a slider moves one of them."""
    y = [Value(float(i == 1), f"y{i}", constant=True) for i in (1, 2)]
    z = [Value(0.3 * i, f"z{i}") for i in (1, 2)]
    total = ops.exp(z[0]) + ops.exp(z[1])
    p = [ops.exp(score) / total for score in z]
    for i, result in enumerate(p, 1):
        result.label = f"p{i}"
    loss = -(y[0] * ops.log(p[0]) + y[1] * ops.log(p[1]))
    loss.label = "L"
    assert explain_all(loss, [z[0]])["z1"].ones == (("y1", "y2"),)
    assert "since" not in page_html(loss)
