"""Updates that are left out, have momentum, or take another example at each step."""

import re

import numpy as np
import pytest

from tinygrad_hw import nn
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

NO_UPDATE = """\
[given]
x = 2
y = 1
[parameters]
w = 0.5
[forward]
a = "sigmoid(w*x)"
E = "(y - a)**2 / 2"
"""


def test_without_update_the_last_value_is_differentiated() -> None:
    sheet = parse_sheet(NO_UPDATE)
    assert (sheet.loss, sheet.rate) == ("E", None)
    solution = solve(sheet)
    assert list(solution.partials) == ["dE/dw"]
    assert solution.updated == {}
    assert not [line for line in solution_lines(solution) if line.startswith("Updated")]
    asked = [(item.part, item.name) for item in mark(blanks(sheet)).items]
    assert asked == [
        *[("forward", "a"), ("forward", "E")],
        *[("factor", "dE/da"), ("factor", "da/dw"), ("partial", "dE/dw")],
    ]
    assert parse_sheet(sheet_text(sheet)) == sheet
    assert points(mark(key(sheet))) == (5.0, 5.0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[answers.updated]\nw = "1"\n', "line 10: 'w' is not asked for in this sheet"),
        ('[ask]\nupdated = ["w"]\n', "line 10: updated has 'w', which this sheet cannot ask for"),
        ('[update]\nloss = "E"\nmomentum = 0.5\n', "needs rate, a number or the name of"),
        ('[update]\nloss = "E"\nrate = 1\nmomentum = true\n', "line 12: momentum should be a numb"),
    ],
)
def test_what_needs_an_update_is_refused_without_one(more: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        parse_sheet(NO_UPDATE + more)
    assert message in str(refused.value)


LINE = """\
[[examples]]
x = 1
y = 3
[[examples]]
x = 2
y = 5
[[examples]]
x = -1
y = 0.5
[parameters]
w = 1
b = 0
[forward]
o = "w*x + b"
E = "(o - y)**2 / 2"
[update]
loss = "E"
rate = 0.1
momentum = 0.5
"""
EXAMPLES = [(1.0, 3.0), (2.0, 5.0), (-1.0, 0.5)]


def test_momentum_on_one_example_after_another_is_that_of_sgd() -> None:
    """Keras's SGD on the same examples, one a step, gives the same parameters after each."""
    model = nn.Sequential([nn.layers.Dense(1)])
    model.build((None, 1))
    model.set_weights([np.array([[1.0]]), np.array([0.0])])
    optimizer = nn.optimizers.SGD(0.1, momentum=0.5)
    model.compile(optimizer=optimizer, loss=lambda y, o: (o - y) ** 2 / 2)
    solution = solve(parse_sheet(LINE.replace("momentum", "steps = 5\nmomentum")))
    assert len(solution.steps) == 5
    for k, step in enumerate(solution.steps):
        x, y = EXAMPLES[k % 3]
        assert (step.sheet.given["x"], step.sheet.given["y"]) == (x, y)
        model.train_on_batch(np.array([[x]]), np.array([[y]]))
        w, b = (float(weight.ravel()[0]) for weight in model.get_weights())
        assert step.updated == pytest.approx({"w": w, "b": b}, rel=1e-5)


def test_there_are_as_many_steps_as_examples() -> None:
    sheet = parse_sheet(LINE)
    assert sheet.steps == 3
    assert sheet.given == {"x": 1.0, "y": 3.0}
    again = parse_sheet(sheet_text(sheet))
    assert again == sheet
    assert again.examples == ({"x": 1.0, "y": 3.0}, {"x": 2.0, "y": 5.0}, {"x": -1.0, "y": 0.5})


def test_the_key_of_it_is_marked_right_and_a_slip_is_charged_once() -> None:
    answered = key(parse_sheet(LINE))
    marks = mark(answered)
    assert {item.verdict for item in marks.items} <= {"exact", "rounded"}
    text = sheet_text(answered)
    new_w = answered.answers.updated["w"]
    wrong = mark(parse_sheet(text.replace(f'w = "{new_w}"', 'w = "1.9"', 1)))
    verdicts = [(item.step, item.name, item.verdict) for item in wrong.items]
    assert [x for x in verdicts if x[2] == "wrong"] == [(1, "w", "wrong")]


def test_each_step_shows_its_example() -> None:
    sheet = key(parse_sheet(LINE))
    lines = list(solution_lines(solve(sheet)))
    assert [x for x in lines if x.startswith("Given")] == [
        "Given x = 1, y = 3",
        "Given x = 2, y = 5",
        "Given x = -1, y = 0.5",
    ]
    assert "Updated (new = old - 0.1 × dE/d… + 0.5 × (old - old before))" in lines
    page = re.sub("<[^>]*>", "", marked_page(mark(sheet))).replace("\u00a0", " ")
    assert re.findall(r"Example: (.*?)\.\s", page) == [
        "x = 1, y = 3",
        "x = 2, y = 5",
        "x = −1, y = 0.5",
    ]


def test_the_examples_of_arrays_are_arrays() -> None:
    sheet = parse_sheet(
        "[[examples]]\nx = [1, 2]\n[[examples]]\nx = [3, 4]\n[parameters]\nw = [1, 1]\n"
        "[forward]\nE = 'w @ x'\n[update]\nloss = 'E'\nrate = 1\n"
    )
    assert solve(sheet).steps[1].forward == {"E": 0 * 3 + -1 * 4.0}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("y = 5\n", "", "line 1: example 2 has other names than the first: x"),
        ("y = 5\n", "y = [5]\n", "line 1: example 2 has other names than the first: x, y"),
        ("[parameters]", "[given]\nx = 1\n[parameters]", "x is given already; one name, one thin"),
        ("[parameters]\n", "[parameters]\nx = 1\n", "x is given already; one name, one thing"),
        (
            "rate = 0.1",
            'rate = "x"',
            "line 18: rate is x, which each of the examples has; give one",
        ),
        ("x = -1", "x = '1'", "x should be a number, without quotes"),
        ('[update]\nloss = "E"\nrate = 0.1\nmomentum = 0.5\n', "", "several examples and no [upd"),
    ],
)
def test_examples_that_do_not_fit_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(SheetError) as refused:
        parse_sheet(LINE.replace(old, new, 1))
    assert message in str(refused.value)


def test_examples_are_sections() -> None:
    with pytest.raises(SheetError, match=r"examples should be sections, \[\[examples\]\]"):
        parse_sheet("examples = 3\n" + NO_UPDATE)
    with pytest.raises(SheetError, match=r"examples should be sections, \[\[examples\]\]"):
        parse_sheet("examples = [3]\n" + NO_UPDATE)


@pytest.mark.parametrize(
    ("rate", "momentum", "slip"), [(1.0, 0.5, "rate-forgotten"), (0.1, 0.0, "momentum-forgotten")]
)
def test_what_is_forgotten_of_an_update_is_found(rate: float, momentum: float, slip: str) -> None:
    answered = key(parse_sheet(LINE.replace("momentum", "steps = 2\nmomentum")))
    second = solve(answered).steps[1]
    before = second.previous_parameters["w"]
    new_w = second.sheet.parameters["w"] - rate * second.partials["dE/dw"]
    new_w += momentum * (second.sheet.parameters["w"] - before)
    text, new = sheet_text(answered), answered.later_answers[0].updated["w"]
    i = text.index("[answers.step2.updated]")
    changed = text[:i] + text[i:].replace(f'w = "{new}"', f'w = "{new_w:.4f}"', 1)
    [wrong] = [item for item in mark(parse_sheet(changed)).items if item.verdict == "wrong"]
    assert (wrong.name, wrong.step, wrong.slip) == ("w", 2, slip)
