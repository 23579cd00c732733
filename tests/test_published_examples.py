"""The sheets in examples/ have published figures, which are marked as they deserve."""

import dataclasses
from functools import cache
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import Marks, mark, read_sheet, solve

EXAMPLES = Path(__file__).parents[1] / "examples"
SHEETS = sorted(EXAMPLES.glob("*.toml"))

# What is wrong in print: computed by hand, it is not what is printed there.
WRONG_IN_PRINT = {
    "mazur-2-2-2": [("E_total", "0.291027924")],  # made with the new output weights
    "recurrent": [("h2", "0.7790")],  # tanh(1.04621) is 0.7803
    "softmax-network": [("z4", "0.185")],  # -0.0426 + 0.1 + 0.1
}


@cache
def marked(path: Path) -> Marks:
    return mark(read_sheet(path))


@pytest.fixture(params=SHEETS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


def test_printed_figures_are_right_but_for_those_that_are_wrong_in_print(path: Path) -> None:
    marks = marked(path)
    wrong = [
        (x.name, x.printed) for x in marks.items if x.verdict not in ("exact", "rounded", "follows")
    ]
    assert wrong == WRONG_IN_PRINT.get(path.stem, [])
    if not wrong:
        assert all(item.verdict != "follows" for item in marks.items)


def test_a_digit_that_is_changed_is_found(path: Path) -> None:
    sheet = read_sheet(path)
    name, printed = longest(sheet.answers.forward)
    place = next(i for i, digit in enumerate(printed) if digit in "123456789")
    changed = printed[:place] + str((int(printed[place]) + 4) % 9 + 1) + printed[place + 1 :]
    answers = dataclasses.replace(
        sheet.answers, forward=dict(sheet.answers.forward) | {name: changed}
    )
    marks = mark(dataclasses.replace(sheet, answers=answers))
    assert (name, changed, "wrong") in [(x.name, x.printed, x.verdict) for x in marks.items]


def longest(answers: dict[str, str]) -> tuple[str, str]:
    """The answer with the most digits, the first of them."""
    return max(answers.items(), key=lambda answer: len(answer[1].strip("-0.")))


def test_each_names_its_source_and_is_listed(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# The figures of: ")
    assert f"({path.name})" in (EXAMPLES / "README.md").read_text("utf-8")


def test_the_readme_counts_them() -> None:
    figures = sum(len(marked(path).items) for path in SHEETS)
    assert len(SHEETS) >= 10
    wrong = sum(map(len, WRONG_IN_PRINT.values()))
    text = (EXAMPLES / "README.md").read_text("utf-8")
    assert (
        f"Of {figures} printed figures, {['none', 'one', 'two', 'three'][wrong]} are wrong" in text
    )


@pytest.mark.parametrize(
    ("example", "target", "ends"),
    [
        ("softmax-logits", "z_2", "p_2 - y_2"),
        ("logistic-regression", "w1", "(p - y) · x1"),
        ("log-loss-2-1-1", "W2", "(p - y) · a1"),
    ],
)
def test_their_chains_end_as_a_book_ends_them(example: str, target: str, ends: str) -> None:
    lines = solve(read_sheet(EXAMPLES / f"{example}.toml")).chains[target].lines
    assert ends in [line.partition("= ")[2] for line in lines]
