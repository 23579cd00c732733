"""Any partial may be asked for: deltas, factors, and derivatives by what is given."""

import dataclasses
import random

import pytest

from tinygrad_hw.worksheet import (
    Sheet,
    SheetError,
    blanks,
    key,
    mark,
    marked_page,
    parse_sheet,
    points,
    read_weights,
    sheet_text,
    solution_lines,
    solve,
)

# The first network of Matt Mazur, "A Step by Step Backpropagation Example" (2015), and the numbers
# that he prints: the deltas of the output layer, and what he multiplies on the way to w1 and w5.
MAZUR = """\
[given]
i1 = 0.05
i2 = 0.10
t1 = 0.01
t2 = 0.99
[parameters]
w1 = 0.15
w2 = 0.20
w3 = 0.25
w4 = 0.30
w5 = 0.40
w6 = 0.45
w7 = 0.50
w8 = 0.55
b1 = 0.35
b2 = 0.60
[forward]
net_h1 = "w1*i1 + w2*i2 + b1"
net_h2 = "w3*i1 + w4*i2 + b1"
out_h1 = "sigmoid(net_h1)"
out_h2 = "sigmoid(net_h2)"
net_o1 = "w5*out_h1 + w6*out_h2 + b2"
net_o2 = "w7*out_h1 + w8*out_h2 + b2"
out_o1 = "sigmoid(net_o1)"
out_o2 = "sigmoid(net_o2)"
E_o1 = "(t1 - out_o1)**2 / 2"
E_o2 = "(t2 - out_o2)**2 / 2"
E = "E_o1 + E_o2"
[update]
loss = "E"
rate = 0.5
"""
PRINTED = {
    "dE/dnet_o1": "0.138498562",
    "dE_o1/dnet_o1": "0.138498562",
    "dE_o1/dout_h1": "0.055399425",
    "dE_o2/dout_h1": "-0.01904912",
    "dE/dout_h1": "0.036350306",
    "dout_h1/dnet_h1": "0.241300709",
    "dnet_h1/dw1": "0.05",
    "dE/dw1": "0.000438568",
    "dE/dw5": "0.082167041",
}


def with_values(values: dict[str, str]) -> Sheet:
    """Return Mazur's sheet with these answers to partials."""
    answers = (f'[answers.partials."{name}"]\nvalue = "{x}"\n' for name, x in values.items())
    return parse_sheet(MAZUR + "".join(answers))


def test_published_partials_are_right_in_any_order() -> None:
    names = list(PRINTED)
    for seed in range(5):
        random.Random(seed).shuffle(names)
        marks = mark(with_values({name: PRINTED[name] for name in names}))
        assert [item.name for item in marks.items] == names
        assert {item.verdict for item in marks.items} <= {"exact", "rounded"}
        assert points(marks) == (9.0, 9.0)


def test_a_wrong_delta_is_charged_once_wherever_it_stands() -> None:
    wrong = PRINTED | {"dE/dnet_o1": "0.148498562", "dE/dw5": "0.0881"}  # 0.1485 times 0.5933
    for names in (sorted(wrong), sorted(wrong, reverse=True)):
        marks = mark(with_values({name: wrong[name] for name in names}))
        verdicts = {item.name: item.verdict for item in marks.items}
        assert verdicts["dE/dnet_o1"] == "wrong"
        assert verdicts["dE/dw5"] == "follows"
        assert list(verdicts.values()).count("wrong") == 1


def test_a_delta_is_judged_before_its_copies_in_chains() -> None:
    sheet = parse_sheet(
        MAZUR
        + '[answers.partials."dE/dw5"]\nvalue = "0.0881"\n'
        + 'factors = { "dE/dnet_o1" = "0.1485", "dnet_o1/dw5" = "0.5933" }\n'
        + '[answers.partials."dE/dnet_o1"]\nvalue = "0.1485"\n'
    )
    verdicts = [(item.part, item.name, item.verdict) for item in mark(sheet).items]
    assert verdicts == [
        ("factor", "dE/dnet_o1", "follows"),
        ("factor", "dnet_o1/dw5", "exact"),
        ("partial", "dE/dw5", "follows"),
        ("partial", "dE/dnet_o1", "wrong"),
    ]


@pytest.mark.parametrize("name", ["dE/di1", "dout_o2/dw1", "dE_o1/dw7", "dnet_o1/dt1", "dE/dE_o1"])
def test_any_partial_is_that_of_finite_differences(name: str) -> None:
    top, _, bottom = name[1:].partition("/d")
    solution = solve(with_values({name: ""}))
    ends = []
    for step in (1e-6, -1e-6):
        sheet = solution.sheet
        if bottom in sheet.forward:  # a small change to what it computes
            source = f"{sheet.forward[bottom].source} + {step:.7f}"
            changed = parse_sheet(MAZUR.replace(sheet.forward[bottom].source, source))
        else:
            given = {n: x + step * (n == bottom) for n, x in sheet.given.items()}
            parameters = {n: x + step * (n == bottom) for n, x in sheet.parameters.items()}
            changed = dataclasses.replace(sheet, given=given, parameters=parameters)
        ends.append(float(changed.evaluate()[top].data))
    assert solution.partials[name] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


def test_a_sheet_asks_for_deltas_and_each_factor_once() -> None:
    ask = '[ask]\nfactors = true\npartials = ["dE/dnet_o1", "dE/dw5", "dE/dw6", "dE/di1"]\n'
    sheet = parse_sheet(MAZUR + ask)
    items = [item.name for item in mark(blanks(sheet)).items]
    first = ["dE/dE_o1", "dE_o1/dout_o1", "dout_o1/dnet_o1", "dE/dnet_o1"]
    assert items[:8] == [*first, "dnet_o1/dw5", "dE/dw5", "dnet_o1/dw6", "dE/dw6"]
    marks = mark(key(sheet))
    earned, possible = points(marks)
    assert earned == possible == len(items)
    assert {item.verdict for item in marks.items} <= {"exact", "rounded"}


def test_a_partial_with_a_way_around_is_not_the_local_factor_of_its_name() -> None:
    sheet = parse_sheet(
        "[parameters]\nw = 2\n[forward]\na = 'w'\nb = '3*a'\nE = 'a*b'\n"
        "[update]\nloss = 'E'\nrate = 1\n"
        "[answers.partials.'dE/dw']\nvalue = '12'\npaths = [{'dE/da' = '6', 'da/dw' = '1'},"
        " {'dE/db' = '2', 'db/da' = '3', 'da/dw' = '1'}]\n"
        "[answers.partials.'dE/da']\nvalue = '12'\n"
    )
    marks = mark(sheet)
    assert [item.verdict for item in marks.items] == ["exact"] * 7
    assert points(marks) == (6.0, 6.0)  # of the two factors da/dw, one


CONSTANTS = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
[forward]
k = "3"
u = "x**2"
s = "k*u"
z = "w*s"
L = "(z - y)**2"
"""
SLOPES = {  # by hand: dL/dz is 2 · (6 - 1)
    "dL/du": 10 * 0.5 * 3,
    "dL/dk": 10 * 0.5 * 4,
    "ds/du": 3,
    "ds/dk": 4,
    "ds/dx": 3 * 2 * 2,
    "dL/dx": 10 * 0.5 * 12,
    "dL/dy": -10,
    "ds/dw": 0,
    "du/dk": 0,
    "dk/du": 0,
}


@pytest.mark.parametrize("asked", [[name] for name in SLOPES] + [[*SLOPES]], ids=len)
def test_a_partial_by_what_is_made_from_given_numbers(asked: list[str]) -> None:
    answers = "".join(f'[answers.partials."{x}"]\nvalue = "{SLOPES[x]:g}"\n' for x in asked)
    sheet = parse_sheet(CONSTANTS + answers)
    solution = solve(sheet)
    assert {name: solution.partials[name] for name in asked} == {x: SLOPES[x] for x in asked}
    assert {item.verdict for item in mark(sheet).items} == {"exact"}
    assert key(sheet).answers == sheet.answers


def test_they_are_shown_like_any_other() -> None:
    sheet = with_values({"dE/dnet_o1": "0.1385", "dnet_h1/di1": "0.15"})
    assert "  ∂E/∂net_o1 = ∂E/∂E_o1 · ∂E_o1/∂out_o1 · ∂out_o1/∂net_o1" in [
        *solution_lines(solve(sheet))
    ]
    assert parse_sheet(sheet_text(sheet)) == sheet
    marks = mark(sheet)
    assert points(marks, read_weights("partial=2")) == (4.0, 4.0)
    assert 'class="partial"' in marked_page(marks)


def test_a_softmax_with_cross_entropy_ends_in_p_minus_t_where_a_given_number_is_asked_for() -> None:
    sheet = parse_sheet("""
[given]
t = [1, 0]
x = 0.3
[parameters]
w = [1, 2]
[forward]
z = "w*x"
p = "softmax(z)"
E = "-sum(t*ln(p))"
[ask]
partials = ["dE/dz", "dE/dx"]
""")
    lines = [line.strip() for line in solution_lines(solve(sheet))]
    assert {"= p_1 - t_1", "= p_2 - t_2", "since t_1 + t_2 = 1"} <= {*lines}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ('"dE/dE"', "sheet: 'dE/dE' is not asked for in this sheet"),
        ('"dw1/dE"', "sheet: 'dw1/dE' is not asked for in this sheet"),
        ('"dE/dv"', "sheet: 'dE/dv' is not asked for in this sheet"),
        ('"dE_o1"', "sheet: 'dE_o1' is not asked for in this sheet"),
    ],
)
def test_what_is_no_partial_is_refused(answers: str, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        parse_sheet(f"{MAZUR}[answers.partials.{answers}]\nvalue = '1'\n")


def test_a_factor_off_the_way_of_its_partial_is_refused() -> None:
    text = '[answers.partials."dE_o1/dw5"]\nfactors = { "dE/dE_o1" = "1" }\n'
    with pytest.raises(SheetError, match="dE/dE_o1 is on no way from E_o1 to w5"):
        mark(parse_sheet(MAZUR + text))
