"""Chains end as a teacher would end them."""

import math

import pytest

from tinygrad_hw import Value
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import Chain, explain, explain_all
from tinygrad_hw.symbolic import compute
from tinygrad_hw.worksheet import mark, parse_sheet, solve


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def given(number: float, label: str) -> Value:
    return Value(number, label, constant=True)


def lines(chain: Chain) -> list[str]:
    """The right sides, from the formulas on."""
    return [line.partition("= ")[2] for line in chain.lines if "= " in line]


def test_log_loss_after_a_sigmoid_ends_in_a_minus_y() -> None:
    x, y, w = given(2.0, "x"), given(1.0, "y"), Value(0.5, "w")
    z = named(w * x, "z")
    a = named(ops.sigmoid(z), "a")
    loss = named(-(y * ops.log(a) + (1 - y) * ops.log(1 - a)), "L")
    chain = explain_all(loss, [w])["w"]
    assert "(a - y) · x" in lines(chain)
    assert "(a - y) / (a · (1 - a)) · (a · (1 - a)) · x" in lines(chain)
    assert chain.value == pytest.approx((1 / (1 + math.exp(-1.0)) - 1) * 2)


def softmax(scores: list[Value], form: str) -> list[Value]:
    """Three ways in which a book writes a softmax."""
    powers = [ops.exp(z) for z in scores]
    if form == "all named":
        powers = [named(e, f"e{i}") for i, e in enumerate(powers, 1)]
    if form == "in one":
        results = [
            ops.exp(z) / (ops.exp(scores[0]) + ops.exp(scores[1]) + ops.exp(scores[2]))
            for z in scores
        ]
    else:
        s = named(powers[0] + powers[1] + powers[2], "s")
        results = [e / s for e in powers]
    return [named(p, f"p{i}") for i, p in enumerate(results, 1)]


@pytest.mark.parametrize("form", ["sum named", "in one", "all named"])
@pytest.mark.parametrize("targets", [(1.0, 0.0, 0.0), (0.2, 0.5, 0.3), (0.2, 0.5, 0.2)])
def test_softmax_with_cross_entropy_ends_in_p_minus_y(
    form: str, targets: tuple[float, ...]
) -> None:
    x = given(1.5, "x")
    y = [given(number, f"y{i}") for i, number in enumerate(targets, 1)]
    w = [Value(number, f"w{i}") for i, number in enumerate((0.1, 0.4, -0.2), 1)]
    p = softmax([named(v * x, f"z{i}") for i, v in enumerate(w, 1)], form)
    loss = named(
        -sum((t * ops.log(q) for t, q in zip(y[1:], p[1:], strict=True)), y[0] * ops.log(p[0])), "L"
    )
    chains = explain_all(loss, w)
    for i, v in enumerate(w, 1):
        chain = chains[f"w{i}"]
        ends_well = f"(p{i} - y{i}) · x" in lines(chain)
        assert ends_well == (sum(targets) == 1), chain.text
        assert ("since y1 + y2 + y3 = 1" in chain.text) == ends_well
        total = sum(targets)
        assert chain.value == pytest.approx((p[i - 1].item() * total - y[i - 1].item()) * 1.5)
        assert v.label == chain.target


def test_what_a_total_simplifies_to_is_used_below() -> None:
    """With a hidden layer there are more paths than can be written out."""
    x = given(1.5, "x")
    y = [given(float(i == 1), f"y{i}") for i in (1, 2, 3)]
    w = Value(0.3, "w")
    hidden = [named(ops.tanh(named(w * x + 0.1 * k, f"n{k}")), f"h{k}") for k in (1, 2, 3)]
    scores = [
        named(hidden[0] * 0.1 * i + hidden[1] * 0.2 + hidden[2] * 0.3 * i, f"z{i}")
        for i in (1, 2, 3)
    ]
    p = softmax(scores, "in one")
    loss = named(-(y[0] * ops.log(p[0]) + y[1] * ops.log(p[1]) + y[2] * ops.log(p[2])), "L")
    chains = explain_all(loss, [w])
    assert "p1 - y1" in lines(chains["z1"])
    assert "since y1 + y2 + y3 = 1" in chains["z1"].text
    above = [line for line in lines(chains["h1"]) if "p1" in line]
    assert above == ["0.1 · (p1 - y1) + 0.2 · (p2 - y2) + 0.3 · (p3 - y3)"]
    assert "p1" not in chains["n1"].text  # else the formulas would grow with the depth
    assert chains["w"].value == pytest.approx(slope(loss, w), rel=1e-12)


def slope(root: Value, leaf: Value) -> float:
    root.backward()
    assert leaf.grad is not None
    return float(leaf.grad)


def test_ten_classes_are_not_too_many() -> None:
    y = [given(float(i == 3), f"y{i}") for i in range(1, 11)]
    z = [Value(i / 10, f"z{i}") for i in range(1, 11)]
    total: Value = sum((ops.exp(score) for score in z[1:]), ops.exp(z[0]))
    p = [named(ops.exp(score) / total, f"p{i}") for i, score in enumerate(z, 1)]
    terms = [t * ops.log(q) for t, q in zip(y, p, strict=True)]
    chain = explain_all(named(-sum(terms[1:], terms[0]), "L"), [z[9]])["z10"]
    assert "p10 - y10" in lines(chain)
    assert "since y1 + y2 + y3 + y4 + y5 + y6 + y7 + y8 + y9 + y10 = 1" in chain.text


def test_squares_are_left_as_they_are() -> None:
    x, y, w = given(2.0, "x"), given(1.0, "y"), Value(0.5, "w")
    a = named(ops.sigmoid(named(w * x, "z")), "a")
    chain = explain_all(named((y - a) ** 2 / 2, "E"), [w])["w"]
    assert chain.simplified is None
    assert "(a - y) · (a · (1 - a)) · x" in lines(chain)


def test_a_number_is_written_once() -> None:
    w = Value(0.5, "w")
    assert explain_all(named(w + 2.0, "E"), [w])["w"].lines == ["∂E/∂w = 1"]
    assert explain_all(named(w / 3.0, "E"), [w])["w"].lines == ["∂E/∂w = 1/3", "      = 0.3333"]


def test_a_mean_of_three_has_thirds() -> None:
    w = Value(0.5, "w")
    loss = named(((1 - w) ** 2 + (2 - w) ** 2 + (3 - w) ** 2) * 2 / 3, "L")
    [factors] = explain_all(loss, [w])["w"].paths
    assert "0.333" not in factors[0].formula
    assert "1.333" not in factors[0].formula


# --- The direct path ------------------------------------------------------------------------------


def test_a_direct_path_beside_others_has_a_symbol_of_its_own() -> None:
    w = Value(2.0, "w")
    h = named(3 * w, "h")
    chain = explain(named(h * w, "E"), w)
    assert isinstance(chain, Chain)
    assert chain.text.splitlines()[:2] == ["∂E/∂w = ∂E/∂h · ∂h/∂w", "      + ∂⁺E/∂w"]
    assert chain.ascii.splitlines()[1] == "      + d+E/dw"
    assert r"\frac{\partial^{+} E}{\partial w}" in chain.latex
    assert '<msup><mi mathvariant="normal">∂</mi><mi>+</mi></msup>' in chain.mathml
    assert "direct path" in chain.remarks[0]
    assert [str(path[-1]) for path in chain.paths] == ["dh/dw", "dE/dw"]  # as a sheet says it


def test_a_weight_used_at_each_step_has_direct_paths() -> None:
    """Backpropagation through time: s3 depends on w by itself and through s2."""
    w, s = Value(0.5, "w"), given(1.0, "s0")
    for t in range(1, 4):
        s = named(w * s + 0.1, f"s{t}")
    short = explain(s, w)
    assert isinstance(short, Chain)
    direct = {str(x) for path in short.paths for x in path if x.direct}
    assert direct == {"ds3/dw", "ds2/dw"}  # s1 has no other way to w


def test_direct_paths_are_known_where_totals_are_written() -> None:
    w, s = Value(0.5, "w"), given(1.0, "s0")
    for t in range(1, 21):
        s = named(w * s + 0.1, f"s{t}")
    chain = explain_all(s, [w])["w"]
    assert any(x.total for path in chain.paths for x in path)
    last = {str(path[-1]): path[-1].direct for path in chain.paths}
    assert last == {f"ds{t}/dw": t > 1 for t in range(1, 21)}


def test_no_path_is_direct_where_there_is_one() -> None:
    w = Value(2.0, "w")
    a, b = named(3 * w, "a"), named(w * w, "b")
    chain = explain(named(a * b, "E"), w)
    assert isinstance(chain, Chain)
    assert not any(x.direct for path in chain.paths for x in path)
    assert "⁺" not in chain.text


# --- Zero by nature -------------------------------------------------------------------------------

SHIFTED = """
[given]
x1 = 0.7
x2 = 0.1
x3 = 0.4
y1 = 1
y2 = 0
y3 = 0
[parameters]
c = 0.3
[forward]
z1 = "x1 + c"
z2 = "x2 + c"
z3 = "x3 + c"
s = "exp(z1) + exp(z2) + exp(z3)"
p1 = "exp(z1)/s"
p2 = "exp(z2)/s"
p3 = "exp(z3)/s"
L = "-(y1*log(p1) + y2*log(p2) + y3*log(p3))"
[update]
loss = "L"
rate = 0.1
[answers.partials."dL/dc"]
value = "0"
[answers.updated]
c = "0.3"
"""


@pytest.mark.parametrize("shift", [0.3, 0.1, 1.7, -2.6])
def test_a_gradient_that_is_0_by_nature_is_0(shift: float) -> None:
    """What is added to every score of a softmax changes nothing."""
    sheet = parse_sheet(SHIFTED.replace("0.3", str(shift)))
    solution = solve(sheet)
    assert solution.partials == {"dL/dc": 0.0}
    assert solution.updated == {"c": shift}
    assert [item.verdict for item in mark(sheet).items] == ["exact", "exact"]


def test_a_local_derivative_that_is_0_by_nature_is_0() -> None:
    """The variance by the mean, in batch normalization: what is left is rounding."""
    sheet = parse_sheet(
        "[given]\nx = [1, 2, 4]\n[parameters]\ng = 2\n[forward]\nm = 'mean(x)'\n"
        "v = 'mean((x - m)^2)'\nn = '(x - m) / sqrt(v)'\nL = 'g*n[1]*n[2]'\n"
        "[answers.partials.'dv/dm']\nvalue = '0'\n[answers.partials.'dL/dm']\nvalue = ''\n"
    )
    solution = solve(sheet)
    assert solution.partials["dv/dm"] == 0.0
    chain = solution.other_chains["dL/dm"]
    assert {x.value for path in chain.paths for x in path if str(x) == "dv/dm"} == {0.0}
    assert mark(sheet).items[0].verdict == "exact"
    h = 1e-6  # n by the mean, with the variance as it is

    def loss(m: float) -> float:
        v = ((1 - m) ** 2 + (2 - m) ** 2 + (4 - m) ** 2) / 3
        return 2 * (1 - m) * (2 - m) / v

    slope = (loss(7 / 3 + h) - loss(7 / 3 - h)) / (2 * h)
    assert chain.value == pytest.approx(slope, rel=1e-6)


def test_a_small_gradient_that_is_not_dust_stays() -> None:
    w = Value(1.0, "w")
    u, v = named(w * 1.0, "u"), named(w * (1.0 - 1e-12), "v")
    chain = explain_all(named(u - v, "E"), [w])["w"]
    assert chain.value == pytest.approx(1e-12, rel=1e-3)


# --- Whatever the network -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss", ["-sum(y * ln(p))", "-mean(y * ln(p)) / 3", "sum((p - y)**2) / 2", "-ln(p[1])"]
)
@pytest.mark.parametrize("targets", [[0, 1, 0], [0.2, 0.5, 0.3], [0.9, 0.4, 0.1]])
@pytest.mark.parametrize("hidden", ["", 'a = "tanh(x)"\n'], ids=["flat", "hidden"])
def test_what_a_chain_simplifies_to_is_the_gradient(
    loss: str, targets: list[float], hidden: str
) -> None:
    above = "a" if hidden else "x"
    sheet = parse_sheet(
        f"[given]\ny = {targets}\n[parameters]\nx = [0.3, -0.8]\n"
        "W = [[0.1, -0.7], [0.4, 0.9], [1.1, 0.2]]\n"
        f'[forward]\n{hidden}z = "W @ {above}"\np = "softmax(z)"\nL = "{loss}"\n'
    )
    solution = solve(sheet)
    values = {name: float(value.data) for name, value in solution.values.items()}
    slopes = {f"dL/d{name}": chain.value for name, chain in solution.chains.items()}
    simplified = [chain for chain in solution.chains.values() if chain.simplified is not None]
    for chain in simplified:
        assert chain.simplified is not None
        shown = compute(chain.simplified, values | slopes)
        assert shown == pytest.approx(chain.value, rel=1e-9, abs=1e-12), chain.text
    assert bool(simplified) == ("ln" in loss)


def chain_of(name: str, text: str) -> Chain:
    return solve(parse_sheet(text)).chains[name]


def test_a_layer_before_a_softmax_ends_in_the_errors_times_its_weights() -> None:
    chain = chain_of(
        "W1_11",
        "[given]\nx = [0.1, 0.5]\ny = [0, 1]\n[parameters]\nW1 = [[0.1, 0.2], [0.3, 0.1]]\n"
        "W2 = [[0.1, 0.2], [0.3, 0.1]]\n[forward]\nh = 'tanh(W1 @ x)'\nz = 'W2 @ h'\n"
        "p = 'softmax(z)'\nL = '-sum(y * ln(p))'\n",
    )
    ends = "((p_1 - y_1) · W2_11 + (p_2 - y_2) · W2_21) · (1 - h_1^2) · x_1"
    assert [line for line in lines(chain) if line.startswith("((p_1")] == [ends]


@pytest.mark.parametrize(
    ("mean", "factor", "ends"),
    [
        ("sum(Y * ln(P)) / 4", "(-0.25 · Y_11 / P_11) · ", "0.25 · (P_11 - Y_11)"),
        ("sum(Y * ln(P)) / 3", "(-Y_11 / (3 · P_11)) · ", "(P_11 - Y_11) / 3"),
        ("sum(Y * ln(P))", "(-Y_11 / P_11) · ", "P_11 - Y_11"),
    ],
)
def test_the_mean_over_a_batch_ends_in_p_minus_y(mean: str, factor: str, ends: str) -> None:
    """Four examples of three classes: more than would stand in one line."""
    chain = chain_of(
        "Z_11",
        "[given]\nX = [[1, 2], [0, 1], [2, 1], [1, 1]]\n"
        "Y = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]\n[parameters]\n"
        "W = [[0.1, 0.2, 0.3], [0.2, 0.1, 0]]\n[forward]\n"
        f"Z = 'X @ W'\nP = 'softmax(Z)'\nL = '-{mean}'\n",
    )
    assert ends in lines(chain)
    assert any(line.startswith(factor) for line in lines(chain)), chain.text


def test_the_slope_of_relu_is_told_by_its_result_where_its_operand_has_no_name() -> None:
    sheet = "[given]\nx = 2\n[parameters]\nw = 3\n[forward]\n{}h = 'relu({})'\nE = 'h**2'\n"
    assert "(2 · h) · ([h > 0] · x)" in lines(chain_of("w", sheet.format("", "w*x - 1")))
    named_operand = sheet.format("z = 'w*x - 1'\n", "z")
    assert "(2 · h) · [z > 0] · x" in lines(chain_of("w", named_operand))


@pytest.mark.parametrize("numbers", [(1, 2, 0.5), (2, 2, 1), (1, 2, 2), (2, 1, 2), (1, 1, 1)])
@pytest.mark.parametrize("function", ["max", "min"])
def test_the_slope_of_a_largest_of_three_is_told_in_one_condition(
    function: str, numbers: tuple[float, ...]
) -> None:
    a, b, c = numbers
    text = f"[parameters]\na = {a}\nb = {b}\nc = {c}\n[forward]\nE = '{function}(a, b, c)'\n"
    solution = solve(parse_sheet(text))
    for name, chain in solution.chains.items():
        [[factor]] = chain.paths
        assert factor.tree is not None
        assert compute(factor.tree, dict(zip("abc", numbers, strict=True))) == factor.value
        others = ", ".join(other for other in "abc" if other != name)
        condition = (
            f"[{name} > max({others})]" if function == "max" else f"[min({others}) > {name}]"
        )
        assert factor.formula == condition or len(set(numbers)) == 1


def test_a_largest_of_a_name_twice_is_told_as_it_is_computed() -> None:
    text = "[parameters]\na = 1\nb = 1\n[forward]\nE = 'max(a, b, b)'\n"
    for chain in solve(parse_sheet(text)).chains.values():
        [[factor]] = chain.paths
        assert factor.tree is not None
        assert compute(factor.tree, {"a": 1.0, "b": 1.0}) == factor.value


def test_a_layer_before_a_sigmoid_with_log_loss_and_weight_decay_ends_in_a_minus_y() -> None:
    text = (
        "[given]\nx = 0.5\ny = 1\nlambda_ = 0.1\n[parameters]\nw = 0.6\nv = 0.3\n[forward]\n"
        "h = 'sigmoid(w*x)'\nz = 'v*h'\na = 'sigmoid(z)'\n"
        "C = '-(y*ln(a) + (1 - y)*ln(1 - a)) + lambda_/2*(w² + v²)'\n"
    )
    assert "(a - y) · h · (1 - h) · v · x + w · lambda_" in lines(chain_of("w", text))
    assert "(a - y) · h + v · lambda_" in lines(chain_of("v", text))
