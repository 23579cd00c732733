"""Vectors and matrices on a sheet: it is the sheet of scalars that it expands to."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw import Value
from tinygrad_hw.worksheet import (
    SheetError,
    fill,
    key,
    mark,
    parse_sheet,
    points,
    read_number,
    sheet_text,
    solve,
)

NETWORK = """\
title = "Two layers"
[given]
x = [0.05, 0.10]
y = [1, 0]
[parameters]
W1 = [[0.15, 0.20], [0.25, 0.30], [0.1, -0.2]]
b1 = [0.35, 0.35, 0]
W2 = [[0.40, 0.45, 0.1], [0.50, 0.55, 0.2]]
b2 = [0.6, 0.6]
[forward]
z1 = "W1 @ x + b1"
h = "tanh(z1)"
z2 = "W2 @ h + b2"
p = "softmax(z2)"
E = "-sum(y * ln(p))"
[update]
loss = "E"
rate = 0.5
"""


def test_the_numbers_are_those_of_the_engine_on_arrays() -> None:
    solution = solve(parse_sheet(NETWORK))
    w1, w2 = [[0.15, 0.2], [0.25, 0.3], [0.1, -0.2]], [[0.4, 0.45, 0.1], [0.5, 0.55, 0.2]]
    arrays = {"W1": w1, "b1": [0.35, 0.35, 0], "W2": w2, "b2": [0.6, 0.6]}
    values = {name: Value(np.array(x)) for name, x in arrays.items()}
    hidden = np.tanh(values["W1"] @ np.array([0.05, 0.1]) + values["b1"])
    logits = values["W2"] @ hidden + values["b2"]
    loss = np.log(np.sum(np.exp(logits))) - logits[0]
    loss.backward()
    assert solution.forward["E"] == pytest.approx(float(loss.data))
    slopes = np.concatenate([np.ravel(value.grad) for value in values.values()])
    assert [*solution.partials.values()] == pytest.approx([*slopes])
    assert list(solution.partials)[:3] == ["dE/dW1_11", "dE/dW1_12", "dE/dW1_21"]
    assert solution.sheet.forward["z1_2"].source == "W1_21*x_1 + W1_22*x_2 + b1_2"


def test_what_it_expands_to_is_the_same_sheet() -> None:
    sheet = parse_sheet(NETWORK)
    again = parse_sheet(sheet_text(sheet))
    assert again == sheet
    assert not again.shapes
    assert sheet.shapes["z1"] == (3,)


WAYS = """\
[answers.forward]
z1 = ["0.3775", "0.3925", "-0.015"]
"h[1]" = "0.3605"
h_2 = "0.3735"
[answers.partials."dE/db2"]
value = ["-0.5", ""]
[answers.partials."dE/dW2[1, 2]"]
factors = { "dE/dz2[1]" = "-0.5", "dz2[1]/dW2[1,2]" = "0.3735" }
[answers.updated]
W1 = [["1", "2"], ["3", "4"], ["5", "6"]]
[answers.step2.forward]
p = ["0.6", "0.4"]
[answers.table]
"b1[3]" = "7"
"""


def test_answers_are_given_by_element_or_as_a_list() -> None:
    sheet = parse_sheet(NETWORK + "steps = 2\n" + WAYS)
    first, second = sheet.answers, sheet.later_answers[0]
    written = {"z1_1": "0.3775", "z1_2": "0.3925", "z1_3": "-0.015", "h_1": "0.3605"}
    assert first.forward == written | {"h_2": "0.3735"}
    assert {name: answer.value for name, answer in first.partials.items()} == {
        "dE/db2_1": "-0.5",
        "dE/db2_2": "",
        "dE/dW2_12": None,
    }
    [path] = first.partials["dE/dW2_12"].paths
    assert path == {"dE/dz2_1": "-0.5", "dz2_1/dW2_12": "0.3735"}
    assert first.updated["W1_31"] == "5"
    assert second.forward == {"p_1": "0.6", "p_2": "0.4"}
    assert first.table == {"b1_3": "7"}


def test_a_long_list_of_decimals_may_stand_on_one_line() -> None:
    x = [i / 4 + 0.1 for i in range(400)]
    text = f'[given]\nx = {x}\n[parameters]\nw = 1\n[forward]\nE = "w*sum(x)"\n'
    assert list(parse_sheet(text).given.values()) == x


def test_a_key_of_many_parts_is_refused() -> None:
    key_of_parts = ".".join("1" * 300)
    with pytest.raises(SheetError, match="line 2: has a key with more than 200 points in it"):
        parse_sheet(f"[given]\n{key_of_parts} = 1\n")


DERIVATIVES = """\
[given]
x = [1, 2]
[parameters]
w = 0.5
W = [[1, 2], [3, 4]]
[forward]
z = "w*x"
u = "W @ x"
E = "sum(z) + sum(u)"
"""


@pytest.mark.parametrize(
    ("name", "value", "elements"),
    [
        ("dz/dw", '["1", "2"]', {"dz_1/dw": "1", "dz_2/dw": "2"}),
        ("dE/dx", '["4.5", "6.5"]', {"dE/dx_1": "4.5", "dE/dx_2": "6.5"}),
        ("dz[2]/dx", '["0", "0.5"]', {"dz_2/dx_1": "0", "dz_2/dx_2": "0.5"}),
        (
            "du/dx",
            '[["1", "2"], ["3", "4"]]',
            {"du_1/dx_1": "1", "du_1/dx_2": "2", "du_2/dx_1": "3", "du_2/dx_2": "4"},
        ),
    ],
)
def test_a_derivative_has_an_element_for_each_pair(
    name: str, value: str, elements: dict[str, str]
) -> None:
    sheet = parse_sheet(f'{DERIVATIVES}[answers.partials."{name}"]\nvalue = {value}\n')
    assert {partial: x.value for partial, x in sheet.answers.partials.items()} == elements
    assert mark(sheet).summary["exact"] == len(elements)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('[answers.partials."du/dx"]\nvalue = ["1", "2"]', "line 11: du/dx is a 2×2 matrix; give"),
        ('[answers.partials."du/dW"]\nvalue = ["1"]', "line 11: du/dW has 8 elements; answer each"),
        (
            '[answers.partials."dE/dW[1,2]"]\nfactors = { "dE/du" = "1" }',
            "dE/du names u, which is not in this sheet",
        ),
    ],
)
def test_a_derivative_of_another_shape_is_refused(answer: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        mark(parse_sheet(f"{DERIVATIVES}{answer}\n"))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ("forward = [" + '"z", ' * 100_000 + "]", ""),  # the same thing, asked for once
        ('partials = ["dz/dx"]', "line 9: partials has 'dz/dx', which this sheet cannot ask for"),
        (
            "partials = [" + ", ".join(f'"dz[{i}]/dx"' for i in range(1, 9)) + "]",
            "line 9: partials asks for more than 5,000 numbers",
        ),
        (
            "[ask.points]\n" + "\n".join(f'"dz[{i}]/dx" = 1' for i in range(1, 9)),
            "line 15: more than 5,000 numbers have points of their own",
        ),
    ],
    ids=["repeated", "product", "many", "points"],
)
def test_what_a_short_sheet_asks_for_is_bounded(ask: str, message: str) -> None:
    numbers = ", ".join("1" * 900)
    text = f'[given]\nx = [{numbers}]\n[parameters]\nw = 1\n[forward]\nz = "w*x"\nE = "sum(z)"\n'
    if not message:
        asked = parse_sheet(f"{text}[ask]\n{ask}\n").ask
        assert asked
        assert asked.forward == tuple(f"z_{i}" for i in range(1, 901))
        return
    with pytest.raises(SheetError) as refused:
        parse_sheet(f"{text}[ask]\n{ask}\n")
    assert message in str(refused.value)


def test_ask_names_arrays_and_elements() -> None:
    ask = 'partials = ["dE/dW1[2,1]", "dE/db2"]\nforward = ["p"]\n[ask.points]\np = 2\n"p[1]" = 3\n'
    sheet = key(parse_sheet(NETWORK + "[ask]\n" + ask))
    assert list(sheet.answers.forward) == ["p_1", "p_2"]
    assert list(sheet.answers.partials) == ["dE/dW1_21", "dE/db2_1", "dE/db2_2"]
    assert points(mark(sheet)) == (3.0 + 2.0 + 3.0, 8.0)


def test_the_questions_of_fill_name_the_elements(tmp_path: Path) -> None:
    path = tmp_path / "sheet.toml"
    path.write_text(
        NETWORK + '[answers.forward]\nz1 = ["", "", "1"]\n"h[2]" = ""\n'
        '[answers.partials."dE/db2"]\nvalue = ["", "1"]\n[answers.updated]\nb2 = ["0", ""]\n'
    )
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt.strip(" ="))
        return "1/3"

    fill(path, answer, lambda _: None, read_number)
    assert asked == ["z1_1", "z1_2", "h_2", "dE/db2_1", "new b2_2"]
    assert 'z1 = ["1/3", "1/3", "1"]' in path.read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x = [0.05, 0.10]", "x = [0.05, [1]]", "line 3: x should be a number, a list of numb"),
        ("x = [0.05, 0.10]", "x = []", "line 3: x should be a number, a list of numbers, or rows"),
        ("x = [0.05, 0.10]", "x = [[[1]]]", "line 3: x should be a number, a list of numbers"),
        ("x = [0.05, 0.10]", "x = [1, '2']", "line 3: x should be a number, without quotes"),
        ("y = [1, 0]", "y = [1, 0]\ny_1 = 2", "line 5: y_1 is defined already; one name, one th"),
        ("b2 = [0.6, 0.6]", "x = 1", "line 9: x is a number and an array; one name, one thing"),
        ('z1 = "W1 @ x', 'z1 = "x @ W1', "line 11: z1 contains 'x @ W1': a vector of 2 @ a 3×2"),
        ('h = "', 'x = "1"\nh = "', "line 12: x is defined already; one name, one thing"),
        (
            'z1 = "W1 @ x',
            'z1 = "W1^T @ x',
            "uses 'T', which is nowhere defined; the transpose of x",
        ),
        (
            'h = "',
            "h = tanh(z1)  # ",
            "is not TOML: Invalid value (at line 12, column 5); formulas ",
        ),
        ('loss = "E"', 'loss = "p"', "is a vector of 2; give one number, such as sum(p)"),
        ("rate = 0.5", 'rate = 1\n[answers.forward]\nz1 = ["1"]', "line 20: z1 is a vector of 3;"),
        ("rate = 0.5", 'rate = 1\n[answers.forward]\np = "1"', "line 20: p is a vector of 2; give"),
        ("rate = 0.5", 'rate = 1\n[answers.forward]\n"p[3]" = "1"', "'p[3]' is not asked for in"),
        (
            "rate = 0.5",
            'rate = 1\n[answers.forward]\np = ["1", "1"]\np_2 = "1"',
            "line 21: p_2 is answered twice",
        ),
        (
            "rate = 0.5",
            'rate = 1\n[answers.partials."dE/db1"]\nfactors = {}',
            "line 19: dE/db1 has 3 elements; give factors to each by itself",
        ),
    ],
)
def test_what_does_not_fit_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        parse_sheet(NETWORK.replace(old, new, 1))
    assert message in str(refused.value)


def test_softmax_is_there_for_numbers_too() -> None:
    sheet = parse_sheet(
        '[parameters]\na = 1\nb = 2\n[forward]\np = "softmax([a, b, 0])"\nE = "-ln(p[2])"\n'
        '[update]\nloss = "E"\nrate = 1\n'
    )
    right = np.exp([1, 2, 0]) / np.exp([1, 2, 0]).sum()
    solution = solve(sheet)
    assert [solution.forward[f"p_{i}"] for i in (1, 2, 3)] == pytest.approx([*right])
    assert solution.partials["dE/db"] == pytest.approx(right[1] - 1)
