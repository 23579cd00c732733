r"""Chains read back as mathematics: what text, LaTeX and MathML show, evaluated, is the gradient.

The readers below know nothing of formulas as trees. They read as a person does: a power belongs to
what stands directly before it, products and quotients go from left to right.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import Chain, MatrixChain, explain

LAW = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SPACE = "{http://www.w3.org/1998/Math/MathML}"


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


WORDS: dict[str, Any] = {
    "abs": abs,
    "relu": lambda x: max(x, 0.0),
    "sigmoid": sigmoid,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "sign": lambda x: float(np.sign(x)),
    **{f: getattr(math, f) for f in ("exp", "log", "sqrt", "sin", "cos", "tanh", "cosh", "sinh")},
}


def evaluated(source: str, values: dict[str, float]) -> float:
    return float(eval(source, {"__builtins__": {}, **WORDS, **values}))


# --- Three readers: from what is shown to Python --------------------------------------------------


def from_text(shown: str) -> str:
    for sign, python in (("·", "*"), ("×", "*"), ("^", "**"), ("σ", "sigmoid")):
        shown = shown.replace(sign, python)
    return shown.replace("[", "(").replace("]", ")")


def group(text: str, start: int) -> tuple[str, int]:
    """The inside of the braces that open at a place, and the place after them."""
    assert text[start] == "{", text[start:]
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i], i + 1
    raise AssertionError(f"unbalanced: {text}")


COMMANDS = {"left": "", "right": "", "cdot": "*", "times": "*", "sigma": "sigmoid"}


def from_latex(shown: str) -> str:
    out, i = "", 0
    while i < len(shown):
        rest = shown[i:]
        if rest.startswith(r"\frac"):
            above, i = group(shown, i + 5)
            below, i = group(shown, i)
            out += f"(({from_latex(above)})/({from_latex(below)}))"
        elif rest.startswith(r"\sqrt"):
            inside, i = group(shown, i + 5)
            out += f"sqrt({from_latex(inside)})"
        elif command := re.match(r"\\(operatorname|mathrm)\{([^{}]*)\}", rest):
            out, i = out + command[2], i + command.end()
        elif rest.startswith(r"\left|"):
            out, i = out + "abs(", i + 6
        elif rest.startswith(r"\right|"):
            out, i = out + ")", i + 7
        elif command := re.match(r"\\([a-z]+) ?", rest):
            out, i = out + COMMANDS.get(command[1], command[1]), i + command.end()
        elif rest.startswith("^{"):
            raised, i = group(shown, i + 1)
            out += f"**({from_latex(raised)})"
        elif rest.startswith("_{"):
            below, i = group(shown, i + 1)
            out += below
        elif rest[0] == "{":  # braces are not seen
            inside, i = group(shown, i)
            out += from_latex(inside)
        else:
            out, i = out + {"[": "(", "]": ")"}.get(rest[0], rest[0]), i + 1
    return out


def from_mathml(element: ET.Element) -> str:
    tag = element.tag.removeprefix(SPACE)
    parts = [from_mathml(child) for child in element]
    if tag in ("mfrac", "msup", "msub"):
        assert len(parts) == 2
    if tag == "mfrac":
        return f"(({parts[0]})/({parts[1]}))"
    if tag == "msup":
        return f"{parts[0]}**({parts[1]})"
    if tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    if tag == "mo" and element.text == "|":
        return "|"
    signs = {"·": "*", "×": "*", "−": "-", "σ": "sigmoid", "[": "(", "]": ")"}
    own = (element.text or "").strip()
    text = signs.get(own, own) + "".join(parts)
    return f"abs({text.strip('|')})" if text.startswith("|") and text.endswith("|") else text


def shown_formulas(chain: Chain | MatrixChain) -> list[str]:
    """The formula of a single factor in three notations, each as Python."""
    text = chain.text.splitlines()[0].partition(" = ")[2]
    latex = chain.latex.splitlines()[1].partition(" &= ")[2].removesuffix(r" \\")
    right = ET.fromstring(chain.mathml).find(f".//{SPACE}mtr/{SPACE}mtd[3]")
    assert right is not None
    return [from_text(text), from_latex(latex), from_mathml(right)]


# --- Every formula, in every notation, is the derivative ------------------------------------------

NAMES = ["w7", "b", "x", "out"]
CONSTANTS = ["2.0", "0.5", "3.0", "(-1.0)", "(-2.5)", "1e-07", "12345.0", "1e16"]
ATOMS = st.sampled_from([*NAMES, *NAMES, *CONSTANTS])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.flatmap(lambda p: st.sampled_from([f"({p[0]} {s} {p[1]})" for s in "+-*/"])),
        inner.map(lambda p: f"(-{p})"),
        inner.map(lambda p: f"(1.0 / (1.0 + exp(-{p})))"),
        st.tuples(inner, st.sampled_from(["2.0", "3.0", "(-1.0)", "(-2.0)", "0.5"])).map(
            lambda p: f"({p[0]} ** {p[1]})"
        ),
        inner.map(lambda p: f"(2.5 ** {p})"),
        st.tuples(st.sampled_from(["exp", "sin", "cos", "tanh", "relu", "sqrt", "abs"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
    )


FORMULAS = st.recursive(ATOMS, compound, max_leaves=7)


@LAW
@given(FORMULAS, st.sampled_from(NAMES), st.lists(st.floats(-2, 2), min_size=4, max_size=4))
@np.errstate(all="ignore")
def test_what_is_shown_evaluates_to_the_derivative(
    source: str, name: str, numbers: list[float]
) -> None:
    values = {n: Value(round(x, 2), n) for n, x in zip(NAMES, numbers, strict=True)}
    functions = {f: getattr(ops, f) for f in ("exp", "sin", "cos", "tanh", "relu", "sqrt", "abs")}
    try:
        made = eval(source, {**functions, **values})
    except (ArithmeticError, ValueError, TypeError):  # of the constants alone
        return
    if not isinstance(made, Value) or made.label:
        return
    root = named(made * 1.0, "E")
    chain = explain(root, values[name])
    assert isinstance(chain, Chain)
    if not chain.paths or chain.paths[0][0].tree is None:
        return
    known = {n: v.item() for n, v in values.items()} | {"E": root.item()}
    if not 1e-12 < abs(chain.value) < 1e12:
        return
    for shown in shown_formulas(chain):
        try:
            result = evaluated(shown, known)
        except (ZeroDivisionError, OverflowError, ValueError):
            continue
        if not isinstance(result, float) or not math.isfinite(result):
            continue
        assert result == pytest.approx(chain.value, rel=1e-4), (source, shown)


def one_factor(make: Callable[..., Any], **values: float) -> tuple[Chain, dict[str, float]]:
    given_values = {label: Value(x, label) for label, x in values.items()}
    root = named(make(**given_values), "E")
    chain = explain(root, next(iter(given_values.values())))
    assert isinstance(chain, Chain)
    return chain, values | {"E": root.item()}


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b, c: (1e-7**a) * 3,
        lambda a, b, c: ops.pow(1e-7, b) * a,
        lambda a, b, c: ops.pow(1e-7 * b, 3) * a,
        lambda a, b, c: (b / c) ** 2 * a,
        lambda a, b, c: a / (b / c),
        lambda a, b, c: a / (b * c),
        lambda a, b, c: a / -b,
        lambda a, b, c: c / a,
        lambda a, b, c: a * (b / c) / (c / b),
        lambda a, b, c: (-b) ** 2 * a,
        lambda a, b, c: ops.exp(b) ** 2 * a,
        lambda a, b, c: (2.0**b) ** c * a,
        lambda a, b, c: a ** (b**c),
        lambda a, b, c: a ** (b - c),
        lambda a, b, c: a ** -(b + c),
        lambda a, b, c: a * (b - (c - 1)),
        lambda a, b, c: a * (-b - c),
        lambda a, b, c: a * (3 * b + (-b - c) * c),
        lambda a, b, c: a * -((-b - c) * c),
        lambda a, b, c: ops.abs(b - c) * a,
        lambda a, b, c: ops.abs(ops.abs(b) - c) * a,
        lambda a, b, c: ops.relu(a - 0.5 * b) ** 2,
        lambda a, b, c: ops.sqrt(b + ops.sqrt(c)) * a,
        lambda a, b, c: ops.sqrt(b) ** 3 * a,
        lambda a, b, c: a * -3.5e-20,
        lambda a, b, c: a * (b - 1e20) * 1e-20,
    ],
)
def test_signs_brackets_and_powers(make: Any) -> None:
    chain, values = one_factor(make, a=0.7, b=0.9, c=1.3)
    for shown in shown_formulas(chain):
        assert evaluated(shown, values) == pytest.approx(chain.value, rel=1e-8), shown


def test_the_slope_of_a_relu_is_a_condition_in_every_notation() -> None:
    for make in (ops.relu, lambda x: ops.relu(x) * 3.0):
        chain, _ = one_factor(make, x=0.7)
        assert "[x > 0]" in chain.text
        assert "[x > 0]" in chain.latex
        shown = "".join(ET.fromstring(chain.mathml).itertext())
        assert "[x>0]" in shown
        assert "<" not in shown


def test_no_two_signs_stand_behind_each_other() -> None:
    chain, _ = one_factor(lambda a, b, c: a * (3 * b + (-b - c) * c), a=0.7, b=0.9, c=1.3)
    assert not re.search(r"[-+] -", chain.text)
    assert not re.search(r"[-+] -", chain.latex)


# --- Numbers --------------------------------------------------------------------------------------


def chain_of(*locals_: float) -> Chain:
    """A chain whose local derivatives are these."""
    z = w = Value(1.0, "w")
    for i, local in enumerate(locals_):
        z = named(z * local, f"z{i}")
    chain = explain(named(z, "E"), w)
    assert isinstance(chain, Chain)
    return chain


@pytest.mark.parametrize(
    ("x", "text", "latex", "mathml"),
    [
        (-3.183e-4, "(-0.0003183)", "(-0.0003183", "−0.0003183"),
        (-3.18e-6, "(-3.18e-06)", r"-3.18 \times 10^{-6}", "−3.18×10−6"),
        (-6.4034e-7, "(-6.403e-07)", r"-6.403 \times 10^{-7}", "−6.403×10−7"),
        (1.5e300, "1.5e+300", r"1.5 \times 10^{300}", "1.5×10300"),
        (-4e-320, "(-4", r"\times 10^{-320}", "×10−320"),
        (123456.7, "1.235e+05", r"1.235 \times 10^{5}", "1.235×105"),
        (2 / 3, "0.6667", "0.6667", "0.6667"),
    ],
)
def test_significant_figures_in_every_notation(
    x: float, text: str, latex: str, mathml: str
) -> None:
    chain = chain_of(x, 0.5)
    if x == -3.183e-4:
        latex = r"\left(-0.0003183\right)"
        assert "0.0003183" in chain.text
    assert text in chain.text
    assert text in chain.ascii
    assert latex in chain.latex
    shown = "".join(ET.fromstring(chain.mathml).itertext())
    assert mathml in shown
    for where in (chain.text, chain.ascii, chain.latex, shown):
        assert not re.search(r"[-−]0(\.0*)?(?![.\d])", where)


@given(st.lists(st.floats(-1e100, 1e100).filter(bool), min_size=2, max_size=3))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_a_negative_number_that_is_multiplied_stands_in_brackets(numbers: list[float]) -> None:
    chain = chain_of(*numbers)
    for text, times, minus in ((chain.text, "×", "-"), (chain.ascii, " x ", "-")):
        line = [part for part in text.splitlines() if times in part][-1]
        for factor in line.partition("=")[2].split(times):
            assert minus not in re.sub(r"e[+-]\d+|\(-[^()]*\)", "", factor)
    assert not re.search(r"(=|\\times|\\cdot) -\d[^\n]*(\\times|\\cdot) (?!10\^)", chain.latex)
    for row in ET.fromstring(chain.mathml).iter(f"{SPACE}mtr"):
        written = "".join(row.itertext())
        if written.count("×") - written.count("×10") > 0:
            assert not re.search(r"(?<!\()(?<!10)−", written.replace("×10−", "×10"))


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_shown_in_every_notation(x: float) -> None:
    for printed in (False, True):
        w = Value(1.0, "w")
        p = named(w * x, "p")
        chain = explain(named(p * 2.0 - p * w, "E"), w, printed=printed)
        check_bundle(chain)


# --- Whatever a label says ------------------------------------------------------------------------

HOSTILE = [
    *(r"\input{/etc/passwd}", r"\end{aligned}", "}", "{", "{{", r"\\", "\\", "$$", "$", "%", "&"),
    *("#1", "_", "^", "~", r"\left(", r"\right", "a_b_c", "x^2", r"\text{", r"\)", r"\]"),
    *("</math><script>alert(1)</script>", "<!--", "]]>", "&amp;", "&#0;", '"', "'", "`"),
    *("a\nb", "\r\n", "\t", "\x00", "\x0b", "\x1b[31m", "\x7f", "\ud800", "\u202e", "\ufeff"),
    *("w" * 10_000, "w7" * 5000, " ", "Ж", "重み", "é", "e\u0301", "👩‍👩‍👧", "ᵀ", "∂", "×", "σ(z)"),
    *("x", "y", "z", "out", "upstream", "condition", "constant", "sum", "1", "-1", "0", "(", ")"),
    *("dE/dw", "∂E/∂w", "=", "+", "…", "[", "]", "None", "nan"),
]


def check_latex(latex: str) -> None:
    assert latex.startswith("\\begin{aligned}\n")
    assert latex.endswith("\n\\end{aligned}")
    assert latex.count(r"\begin") == latex.count(r"\end") == 1
    plain = re.sub(r"\\\\|\\[{}&%#_$]", "", latex)  # escaped signs; a new row
    depth = 0
    for sign in plain:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[$%#~]", plain)
    for row in latex.splitlines()[1:-1]:
        shown = re.sub(r"\\[{}&%#_$]", "", row.removesuffix(r" \\"))
        assert shown.count("&") == 1
        assert len(re.findall(r"\\left[(|]", shown)) == len(re.findall(r"\\right[)|]", shown))
    for text in re.findall(r"\\text\{([^{}]*)", plain):  # only mathematics may have these
        assert not re.search(r"\\(hat|sim|backslash|cdot|times|frac|left|right)", text), text
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in latex if c != "\n")


def check_bundle(explained: Any) -> dict[str, str]:
    bundle: dict[str, str] = explained._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "text/html", "text/latex"}
    assert bundle["text/plain"] == explained.text == str(explained)
    check_latex(explained.latex)
    assert bundle["text/latex"] == f"$${explained.latex}$$"
    mathematics = re.search("<math.*</math>", bundle["text/html"], re.DOTALL)
    assert mathematics is not None
    root = ET.fromstring(mathematics[0])
    assert root.tag == f"{SPACE}math"
    known = "math mtable mtr mtd mrow mi mn mo mtext mfrac msup msub msqrt".split()
    for element in root.iter():
        tag = element.tag.removeprefix(SPACE)
        assert tag in known
        if tag in ("mfrac", "msup", "msub"):
            assert len(element) == 2
        if tag == "mtr":
            assert len(element) == 3
    assert explained.ascii.isascii()
    return bundle


@pytest.mark.parametrize("label", HOSTILE, ids=[repr(label[:20]) for label in HOSTILE])
@pytest.mark.parametrize("printed", [False, True])
def test_a_label_is_shown_and_never_obeyed(label: str, printed: bool) -> None:
    w = Value(0.5, label)
    middle = named(ops.sigmoid(w) * w, label + "'")
    root = named(middle * middle - w, label + '"')
    chain = explain(root, w, printed=printed)
    check_bundle(chain)
    check_bundle(explain(root, Value(1.0, label + "?")))


@pytest.mark.parametrize("label", HOSTILE, ids=[repr(label[:20]) for label in HOSTILE])
def test_a_label_of_an_array_is_shown_and_never_obeyed(label: str) -> None:
    w = Value(np.ones((3, 2)), label)
    h = named(ops.tanh(np.ones((4, 3)) @ w), label + "'")
    root = named((h @ w.T @ Value(np.ones(3), label + "b")).mean(), label + '"')
    check_bundle(explain(root, w))
    check_bundle(explain(root, Value(np.ones(2), label + "?")))


@given(st.text(max_size=12).filter(bool), st.text(max_size=12).filter(bool))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_text_at_all_is_a_label(first: str, second: str) -> None:
    if first == second:
        second += "'"
    w = Value(0.5, first)
    root = named(ops.exp(w) / 3, second)
    check_bundle(explain(root, w))
    check_bundle(explain(root * 1.0 if not root.label else root, Value(1.0, second + first)))


@pytest.mark.parametrize(("one", "other"), [("w7", "w7_"), ("alpha", "α"), ("sigma", "σ")])
def test_two_labels_are_never_shown_as_one(one: str, other: str) -> None:
    v, w = Value(2.0, one), Value(3.0, other)
    root = named(v * w * w, "E")
    both = [explain(root, v), explain(root, w)]
    in_latex = {chain.latex.splitlines()[1].partition("&")[0] for chain in both}
    cells = [ET.fromstring(chain.mathml).find(f".//{SPACE}mtd") for chain in both]
    in_mathml = {ET.tostring(cell) for cell in cells if cell is not None}
    assert (len(in_latex), len(in_mathml)) == (2, 2)


@pytest.mark.parametrize(
    ("label", "latex", "base", "subscript"),
    [
        ("w7", "w_{7}", "w", "7"),
        ("w11", "w_{11}", "w", "11"),
        ("out_h1", r"\mathrm{out}_{h1}", "out", "h1"),
        ("net_o", r"\mathrm{net}_{o}", "net", "o"),
        ("E_total", r"E_{\mathrm{total}}", "E", "total"),
        ("z_2", "z_{2}", "z", "2"),  # elements of vectors and matrices
        ("W_12", "W_{12}", "W", "12"),
        ("W1_12", "W_{1,12}", "W", "1,12"),
        ("W_1_12", "W_{1,12}", "W", "1,12"),
        ("delta_o1", r"\delta_{o1}", "δ", "o1"),
        ("eta", r"\eta", "η", ""),
    ],
)
def test_subscripts_are_typeset(label: str, latex: str, base: str, subscript: str) -> None:
    w = Value(0.5, label)
    chain = explain(named(w * 3.0, "L"), w)
    assert rf"\frac{{\partial L}}{{\partial {latex}}}" in chain.latex
    fraction = ET.fromstring(chain.mathml).find(f".//{SPACE}mfrac")
    assert fraction is not None
    below = fraction[1][1]
    letters = [part.text for part in below] if subscript else [below.text]
    assert letters == [base, subscript][: 1 + bool(subscript)]
    assert below.tag == f"{SPACE}{'msub' if subscript else 'mi'}"


@pytest.mark.parametrize("label", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\x0bb", "a\u2028b", "a\tb"])
def test_a_label_does_not_begin_a_line_or_steer_a_terminal(label: str) -> None:
    w = Value(0.5, label)
    plain = named(Value(0.5, "w") * 3, "E")
    lines = len(explain(plain, plain.inputs[0]).text.splitlines())
    chain = explain(named(w * 3, "E"), w)
    for shown in (chain.text, chain.ascii):
        assert len(shown.splitlines()) == lines
        assert all(c.isprintable() for line in shown.split("\n") for c in line)


def test_equals_signs_stand_below_each_other() -> None:
    w = Value(0.5, "w")
    z = named(w * w * w, "a_long_name")
    for chain in (explain(named(ops.tanh(z), "E"), w), explain(named(z + ops.tanh(z), "E2"), w)):
        equations = [line for line in chain.text.splitlines() if " = " in line]
        assert len({line.index("=") for line in equations}) == 1


# --- ASCII, and what was multiplied ---------------------------------------------------------------


def test_ascii_says_the_same_as_text() -> None:
    w, b = Value(0.5, "w"), Value(-1.0, "b")
    chain = explain(named(ops.relu(named(ops.sigmoid(w * b), "a") - 0.1), "E"), w)
    assert "sigmoid" in chain.ascii or "a * (1 - a)" in chain.ascii
    assert "dE/da * da/dw" in chain.ascii
    assert len(chain.ascii.splitlines()) == len(chain.text.splitlines())
    assert chain.ascii.isascii()


@pytest.mark.parametrize("printed", [False, True])
def test_it_says_once_what_was_multiplied(printed: bool) -> None:
    w = Value(0.3, "w")
    chain = explain(named(ops.exp(named(w * w, "p")), "E"), w, printed=printed)
    word = "printed" if printed else "exact"
    for shown in (chain.text, chain.ascii, chain.latex, chain.mathml):
        assert len(re.findall("factors", shown)) == 1
        assert word in shown.lower()


def test_the_shown_product_of_printed_factors_gives_the_shown_result() -> None:
    w = Value(1 / 3, "w")
    chain = explain(named(ops.exp(named(w * 2 / 3, "p")) * 1.7, "E"), w, printed=True)
    assert isinstance(chain, Chain)
    product, result = [line.partition("= ")[2] for line in chain.text.splitlines()[-3:-1]]
    by_hand = math.prod(float(x.strip("() ")) for x in product.split("×"))
    assert float(result) == pytest.approx(by_hand, rel=5e-4)
    assert chain.result == pytest.approx(by_hand, rel=1e-12)
    exact = [step.total for step in backward_steps(root_of(chain, w)) if step.operand is w][-1]
    assert chain.value == exact


def root_of(chain: Chain, w: Value) -> Value:
    return named(ops.exp(named(w * 2 / 3, "p")) * 1.7, chain.root)


def test_formulas_too_long_for_one_line_have_one_each():
    a = Value(0.5, "a")
    v = a
    for i in range(5):
        v = np.tanh(v) * ops.sigmoid(v) + v * a
        v.label = f"v{i}"
    lines = explain(v, a).text.splitlines()
    assert "∂v4/∂v3 = (1 - tanh(v3)^2) · σ(v3) + σ(v3) · (1 - σ(v3)) · tanh(v3) + a" in lines
    assert [line for line in lines if line.startswith("∂v4/∂v3 =")] == [lines[5]]
    assert sum(line.startswith("∂v4/∂a =") for line in lines) == 2  # in symbols and in numbers
    assert max(map(len, lines)) < 100
