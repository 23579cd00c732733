"""What a sheet defines by its partials."""

import math

import pytest

from tinygrad_hw.worksheet import (
    SheetError,
    blanks,
    key,
    mark,
    marked_page,
    parse_sheet,
    points,
    sheet_text,
    solution_lines,
    solve,
)

# A network of two layers in the notation of Rumelhart, Hinton and Williams: δ = -∂E/∂net.
SHEET = """\
[given]
x = 2
t = 1
[parameters]
w = 0.5
v = -1.5
[forward]
net_h = "w*x"
h = "sigmoid(net_h)"
net_o = "v*h"
o = "sigmoid(net_o)"
E = "(t - o)**2 / 2"
[define]
delta_o = "-dE/dnet_o"
delta_h = "-dE/dnet_h"
back = "delta_o*v"
slope = "dE/dw / x"
[update]
loss = "E"
rate = 0.1
"""


def test_definitions_are_the_formulas_of_a_book() -> None:
    solution = solve(parse_sheet(SHEET))
    h, o, v = solution.forward["h"], solution.forward["o"], -1.5
    delta_o = (1 - o) * o * (1 - o)  # (t - o) f'(net)
    delta_h = h * (1 - h) * delta_o * v  # f'(net) Σ δ w
    assert solution.forward["delta_o"] == pytest.approx(delta_o)
    assert solution.forward["delta_h"] == pytest.approx(delta_h)
    assert solution.forward["back"] == pytest.approx(delta_o * v)
    assert solution.forward["slope"] == pytest.approx(-delta_h)
    assert solution.partials["dE/dw"] == pytest.approx(-delta_h * 2)
    assert f"  delta_o = -dE/dnet_o = {delta_o:.4f}" in list(solution_lines(solution))


def test_they_are_written_down_asked_for_and_answered() -> None:
    sheet = parse_sheet(SHEET + '[ask]\nforward = ["delta_o", "back"]\npartials = ["dE/dv"]\n')
    assert parse_sheet(sheet_text(sheet)) == sheet
    asked = [item.name for item in mark(blanks(sheet)).items]
    assert asked == ["dE/dv", "delta_o", "back"]
    marks = mark(key(sheet))
    assert points(marks) == (3.0, 3.0)
    assert "back" in marked_page(marks)


@pytest.mark.parametrize("partial", ["", '[answers.partials."dE/dnet_o"]\nvalue = "-0.1281"\n'])
def test_a_wrong_delta_is_charged_once(partial: str) -> None:
    """The delta is 0.1409, not 0.1281; what is worked out from it follows."""
    right = solve(parse_sheet(SHEET))
    wrong, h = 0.1281, right.forward["h"]
    assert abs(right.forward["delta_o"] - wrong) > 0.001
    delta_h = h * (1 - h) * wrong * -1.5
    sheet = parse_sheet(
        SHEET
        + f'[answers.forward]\nh = "{h:.6f}"\ndelta_o = "{wrong}"\ndelta_h = "{delta_h:.5f}"\n'
        + partial
        + f'[answers.partials."dE/dv"]\nvalue = "{-wrong * h:.5f}"\n'
        + f'[answers.partials."dE/dw"]\nvalue = "{-delta_h * 2:.5f}"\n'
    )
    verdicts = [item.verdict for item in mark(sheet).items if item.name != "h"]
    assert verdicts.count("wrong") == 1
    assert verdicts.count("follows") == len(verdicts) - 1


def test_definitions_of_arrays_have_elements() -> None:
    sheet = parse_sheet(
        "[given]\nx = [1, 2]\n[parameters]\nW = [[1, 2], [0, 1]]\n[forward]\nz = 'W @ x'\n"
        "E = 'z @ z / 2'\n[define]\ndelta = '-dE/dz'\none = 'dE/dW[1,2] + 2*delta[2]'\n"
    )
    solution = solve(sheet)
    assert solution.forward["delta_1"] == -5.0
    assert solution.forward["one"] == 5 * 2 - 2 * 2
    assert sheet.sources["delta_2"] == "-dE/dz_2"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("d = 'dE/dq'", "d uses 'dE', which is nowhere defined"),
        ("d = 'dw/dE'", "d uses 'dw', which is nowhere defined"),
        ("d = 'dE/dE'", "d uses 'dE', which is nowhere defined"),
        ("d = 'c + dE/dw'", "line 18: d uses 'c', which is nowhere defined"),
        ("h = 'dE/dw'", "line 18: h is defined already; one name, one thing"),
        ("back = 'dE/dw'", "is not TOML"),
        ("d = 1", "line 18: d should be a formula in quotes"),
        ("exp = 'dE/dw'", "line 18: 'exp' cannot be a name"),
        ("lambda = 'dE/dw'", "and no word that is a function's or Python's own, such as lambda_"),
        ("d = 'dE/dw > 1'", "line 18: d contains 'dE/dw > 1'; allowed are"),
    ],
)
def test_what_cannot_be_defined_is_said(definition: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        parse_sheet(SHEET.replace("[update]", f"{definition}\n[update]"))
    assert message in str(refused.value)


ADAM = """\
[given]
x = [1, 2]
y = 1
alpha = 0.1
eps = 0.00000001
[parameters]
w = [0.5, -0.5]
[forward]
z = "2*w - x"
E = "sum((z - y)^2)"
[define]
g = "dE/dw"
m = "0.1*g"
v = "0.001*g^2"
new = "w - alpha * (m/0.1) / (sqrt(v/0.001) + eps)"
J = "dz/dw"
column = "dz/dw[2]"
"""


def test_an_update_of_another_kind_and_a_jacobian_are_definitions() -> None:
    """The first step of Adam has the size of its rate, as its authors say of it."""
    sheet = parse_sheet(ADAM)
    found = solve(sheet).forward
    assert [found["new_1"], found["new_2"]] == pytest.approx([0.6, -0.4], abs=1e-9)
    assert [found[f"J_{place}"] for place in (11, 12, 21, 22)] == [2, 0, 0, 2]
    assert [found["column_1"], found["column_2"]] == [0, 2]
    assert parse_sheet(sheet_text(sheet)) == sheet
    assert {item.verdict for item in mark(key(sheet)).items} == {"exact"}


def test_constants_and_printed_partials_are_read() -> None:
    definitions = "d = '2*pi*∂E/∂w'\nk = 'e**(dE/dw)'\n[update]"
    sheet = parse_sheet(SHEET.replace("[update]", definitions))
    solution = solve(sheet)
    slope = solution.partials["dE/dw"]
    assert solution.forward["d"] == pytest.approx(2 * math.pi * slope)
    assert solution.forward["k"] == pytest.approx(math.exp(slope))
    assert parse_sheet(sheet_text(sheet)) == sheet
    assert {item.verdict for item in mark(key(sheet)).items} == {"exact"}
    own = SHEET.replace("[given]", "[given]\ne = 3").replace("[update]", "k = 'e*dE/dw'\n[update]")
    assert solve(parse_sheet(own)).forward["k"] == pytest.approx(3 * slope)


def test_a_definition_that_is_not_finite_is_refused() -> None:
    with pytest.raises(SheetError, match=r"line 18: d is nan"):
        solve(parse_sheet(SHEET.replace("[update]", "d = 'dE/dw/(x - 2)'\n[update]")))


def test_definitions_do_not_grow_without_bound() -> None:
    chain = "".join(f"d{i + 1} = 'd{i}*d{i} + x'\n" for i in range(1, 40))
    with pytest.raises(SheetError, match="d7 is longer than 400 names and operations"):
        parse_sheet(SHEET.replace("[update]", f"d1 = 'dE/dw + 1'\n{chain}[update]"))
    many = "".join(f"d{i} = 'dE/dw'\n" for i in range(40_000))
    with pytest.raises(SheetError, match=r"has 40,0\d\d definitions; the most are 500"):
        parse_sheet(SHEET.replace("[update]", f"{many}[update]"))
