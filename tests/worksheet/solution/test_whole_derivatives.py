"""A name that the loss uses directly and through others: its derivative has two meanings.

So it is in a recurrent network with a loss at each step.
"""

import dataclasses
import math
import random

import pytest

from tinygrad_hw.worksheet import (
    Answers,
    PartialAnswer,
    Sheet,
    key,
    mark,
    parse_sheet,
    points,
    solve,
)
from tinygrad_hw.worksheet.quizzes.questions import questions_of
from tinygrad_hw.worksheet.solution.dependencies import Dependencies

RECURRENT = """\
[given]
x = [1.0, 0.5, -1]
y = [0.5, 0.3, 0.1]
[parameters]
W = 0.5
U = 0.8
b = 0.1
[forward]
h1 = "tanh(W*x[1] + b)"
h2 = "tanh(W*x[2] + U*h1 + b)"
h3 = "tanh(W*x[3] + U*h2 + b)"
h4 = "tanh(W*x[3] + U*h3 + b)"
E = "sum(([h1, h2, h3] - y)**2) / 2 + h4**2 / 2"
[update]
loss = "E"
rate = 0.1
[rounding]
figures = 6
"""
# By hand, from the last step back: each state's own error and what comes from the step after.
H = [math.tanh(0.6)]
for x in (0.5, -1, -1):
    H.append(math.tanh(0.5 * x + 0.8 * H[-1] + 0.1))
DIRECT = [h - y for h, y in zip(H, (0.5, 0.3, 0.1, 0.0), strict=True)]
WHOLE = [DIRECT[3]]
for direct, later in zip(DIRECT[2::-1], H[:0:-1], strict=True):
    WHOLE.insert(0, direct + WHOLE[0] * (1 - later**2) * 0.8)
SLOPES = [(1 - h**2) * x for h, x in zip(H, (1.0, 0.5, -1, -1), strict=True)]


def answered(factors: list[float], value: float) -> Sheet:
    """Return the sheet with the chain of W in derivatives by the states."""
    paths = tuple(
        {f"dE/dh{i}": f"{error:.6g}", f"dh{i}/dW": f"{slope:.6g}"}
        for i, (error, slope) in enumerate(zip(factors, SLOPES, strict=True), 1)
    )
    answers = Answers(partials={"dE/dW": PartialAnswer(paths, f"{value:.6g}")})
    return dataclasses.replace(parse_sheet(RECURRENT), answers=answers)


def test_the_key_has_the_derivative_that_the_chain_needs() -> None:
    sheet = key(parse_sheet(RECURRENT))
    (one, *others) = sheet.answers.partials["dE/dW"].paths
    for i, path in enumerate((one, *others)):
        assert float(path[f"dE/dh{i + 1}"]) == pytest.approx(WHOLE[i], rel=1e-5)
    for partial, answer in sheet.answers.partials.items():
        products = [math.prod(map(float, path.values())) for path in answer.paths]
        assert sum(products) == pytest.approx(float(answer.value or ""), rel=1e-4), partial
    assert {item.verdict for item in mark(sheet).items} == {"exact"}


def test_a_quiz_asks_for_the_derivative_that_the_chain_needs() -> None:
    _, questions = questions_of(parse_sheet(RECURRENT))
    asked = {(x.item.of, x.item.name): float(x.answer) for x in questions}
    for i, (whole, direct) in enumerate(zip(WHOLE, DIRECT, strict=True), 1):
        assert asked["dE/dW", f"dE/dh{i}"] == pytest.approx(whole, rel=1e-5)
        if i in (2, 3):  # in the chain of U each path stands by itself
            assert asked["dE/dU", f"dE/dh{i}"] == pytest.approx(direct, rel=1e-5)


def test_both_derivatives_of_that_name_are_right() -> None:
    right = sum(e * s for e, s in zip(WHOLE, SLOPES, strict=True))
    assert solve(parse_sheet(RECURRENT)).partials["dE/dW"] == pytest.approx(right, rel=1e-12)
    for factors in (WHOLE, DIRECT):
        marks = mark(answered(factors, right))
        assert {item.verdict for item in marks.items} <= {"exact", "rounded"}, marks.items
        assert {item.name for item in marks.items} >= {"dE/dh1", "dE/dh3", "dE/dW"}


def test_who_forgets_the_steps_after_is_charged_once() -> None:
    forgotten = sum(e * s for e, s in zip(DIRECT, SLOPES, strict=True))
    marks = mark(answered(DIRECT, forgotten))
    assert [item.name for item in marks.items if item.verdict == "wrong"] == ["dE/dW"]
    assert points(marks) == (8.0, 9.0)


def test_what_is_neither_is_wrong_and_charged_once() -> None:
    wrong = [WHOLE[0], 2 * WHOLE[1], *WHOLE[2:]]
    marks = mark(answered(wrong, sum(e * s for e, s in zip(wrong, SLOPES, strict=True))))
    verdicts = {item.name: item.verdict for item in marks.items}
    assert verdicts["dE/dh2"] == "wrong"
    assert verdicts["dE/dW"] == "follows"
    assert "‡" not in "".join(item.explanation + item.formula for item in marks.items)


FORMULAS = [
    "{}*{} + {}",
    "tanh({} - {}*{})",
    "sigmoid({} + {})",
    "{}*{}",
    "({} - {})**2 / 2",
    "max({}, {})",
    "{} - {}*{}",
    "exp(-{}*{})",
    "max({}, {}, {})",
    "relu({} + {})",
]


def random_sheet(seed: int) -> Sheet:
    """Return a sheet whose loss uses several names directly, and some of them through others."""
    chance = random.Random(seed)
    names = ["x", "v", "w", "b"]
    lines = ["[given]", f"x = {chance.choice([0.5, -1, 2])}", "[parameters]"]
    lines += [f"{name} = {chance.uniform(-1, 1):.2f}" for name in names[1:]]
    lines.append("[forward]")
    for i in range(chance.randint(5, 7)):
        formula = chance.choice(FORMULAS)
        operands = [chance.choice(names[-5:]) for _ in range(formula.count("{}"))]
        lines.append(f'h{i} = "{formula.format(*operands)}"')
        names.append(f"h{i}")
    used = [*chance.sample(names[4:], 3), "b", "w"]
    lines.append(f'E = "{" + ".join(f"({name} - 0.3)**2 / 2" for name in used)}"')
    lines += ["[update]", 'loss = "E"', "rate = 0.1", "[rounding]", "figures = 5"]
    return parse_sheet("\n".join(lines) + "\n")


def test_the_key_of_any_sheet_is_right_and_its_chains_add_up() -> None:
    found = 0
    for seed in range(50):
        sheet = random_sheet(seed)
        solution = solve(sheet)
        whole = {f for chain in solution.chains.values() for path in chain.paths for f in path}
        dependencies = Dependencies(solution)
        both = [f for f in whole if f.total and dependencies.is_local(str(f))]
        found += len(both)
        if not both and seed % 10:  # the others, but for a few, have no name of two meanings
            continue
        answered = key(sheet)
        assert {item.verdict for item in mark(answered).items} == {"exact"}, seed
        for partial, answer in answered.answers.partials.items():
            products = [math.prod(map(float, path.values())) for path in answer.paths]
            size = max(map(abs, products), default=0.0)
            right = float(answer.value or "")
            assert not products or abs(sum(products) - right) <= 1e-3 * size, (seed, partial)
    assert found > 2
