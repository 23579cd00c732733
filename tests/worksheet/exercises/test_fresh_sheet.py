"""Exercises are fair, blank and the same every time."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import exercise, key, parse_sheet, read_sheet, sheet_text
from tinygrad_hw.worksheet.exercises.detectability import unseen_slips
from tinygrad_hw.worksheet.exercises.fresh_sheet import ExerciseError
from tinygrad_hw.worksheet.sheet.model import Answers
from tinygrad_hw.worksheet.solution.solve import solve

nets = st.sampled_from(["2-3-1", "2-2-1", "2-2-2", "3-2-2", "1-1-1", "2-1", "2-2-2-1", "1-4"])


@pytest.fixture(autouse=True)
def any_sheet_is_fair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the first draw, for speed, where a test does not ask what goes unseen."""
    if "unseen" not in request.node.name:
        monkeypatch.setattr(
            "tinygrad_hw.worksheet.exercises.fresh_sheet.unseen_slips", lambda key: iter(())
        )


def written(answers: Answers) -> list[str]:
    """Every number of a step, in order."""
    partials = [
        text
        for answer in answers.partials.values()
        for text in (*(t for path in answer.paths for t in path.values()), answer.value or "")
    ]
    return [
        *answers.forward.values(),
        *partials,
        *answers.updated.values(),
        *answers.table.values(),
    ]


def test_an_exercise_is_laid_out_as_the_homework_is() -> None:
    sheet, homework = exercise("2-3-1", seed=7), read_sheet(sheet_path("q1a"))
    assert list(sheet.given) == list(homework.given)
    assert list(sheet.parameters) == list(homework.parameters)
    assert list(sheet.forward) == [name for name in homework.forward if name != "error"]
    assert sheet.forward["z4"].source == "w7*a1 + w8*a2 + w9*a3 + b4"
    assert sheet.forward["E"].source == homework.forward["E"].source
    assert sheet.answers.partials.keys() == solve(homework).partials.keys()
    assert list(sheet.answers.partials["dE/dw1"].paths[0]) == [
        *("dE/da4", "da4/dz4", "dz4/da1", "da1/dz1", "dz1/dw1")
    ]
    assert (sheet.rounding, sheet.student, sheet.steps) == (("figures", 4), "", 1)
    assert 'rate = "alpha"' in sheet_text(sheet)


def test_several_results_are_summed_and_several_paths_asked_for() -> None:
    sheet = exercise("2-2-2", seed=1)
    assert sheet.forward["E"].source == "(y1 - a3)**2 / 2 + (y2 - a4)**2 / 2"
    assert len(sheet.answers.partials["dE/dw1"].paths) == 2
    assert len(sheet.answers.partials["dE/dw5"].paths) == 1


def test_a_seed_gives_the_same_numbers_on_every_machine() -> None:
    sheet = exercise("2-2-1", seed=3)
    assert sheet.given == {"x1": -2.1, "x2": -2.0, "y": 0.8, "alpha": 0.5}
    assert sheet.parameters == {
        "w1": 0.48,
        "w2": 0.22,
        "w3": 0.13,
        "w4": 0.44,
        "w5": 0.27,
        "w6": 0.65,
        "b1": -0.15,
        "b2": 0.7,
        "b3": 0.31,
    }


@settings(deadline=None, max_examples=40)
@given(nets, st.integers(0, 10**6), st.integers(3, 6), st.integers(1, 2))
def test_an_exercise_is_fair_and_empty(net: str, seed: int, figures: int, steps: int) -> None:
    sheet = exercise(net, seed, figures, steps)
    assert parse_sheet(sheet_text(sheet)) == sheet
    assert sheet == exercise(net, seed, figures, steps)
    assert all(not any(written(answers)) for answers in (sheet.answers, *sheet.later_answers))
    numbers = [*sheet.given.values(), *sheet.parameters.values()]
    assert len(set(map(abs, numbers))) == len(numbers)
    assert all(round(x, 2) == x for x in numbers)
    for step in solve(sheet).steps:
        assert all(abs(x) <= 4 for name, x in step.forward.items() if name[0] == "z")
        factors = [f for c in step.chains.values() for path in c.paths for f in path]
        assert all([*step.forward.values(), *step.partials.values(), *(f.value for f in factors)])
        slopes = sorted(map(abs, step.partials.values()))
        assert all(b / a > 1.02 for a, b in pairwise(slopes))
        assert all(
            f.value == 1 if f.denominator[0] == "b" else abs(abs(f.value) - 1) > 0.02
            for f in factors
        )
        for name, new in step.updated.items():
            asked = f".{figures - 1}e"
            assert format(new, asked) != format(step.sheet.parameters[name], asked)


def test_no_slip_of_the_catalogue_goes_unseen_on_an_exercise() -> None:
    key_of = key(exercise("2-3-1", seed=7))
    assert not list(unseen_slips(key_of))


def test_a_slip_that_goes_unseen_is_named() -> None:
    """Two equal inputs: to take one for the other shows nowhere."""
    text = (
        "[given]\nx1 = 2\nx2 = 2\n[parameters]\nw1 = 0.5\nw2 = -0.25\n"
        '[forward]\nz = "w1*x1 + w2*x2"\nE = "(1 - z)**2 / 2"\n'
        '[update]\nloss = "E"\nrate = 0.1\n[rounding]\nfigures = 4\n'
    )
    unseen = list(unseen_slips(key(parse_sheet(text))))
    assert "wrong-input at dz/dw1 in dE/dw1" in unseen


def test_a_network_without_a_fair_sheet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tinygrad_hw.worksheet.exercises.fresh_sheet.unseen_slips", lambda key: iter("x")
    )
    monkeypatch.setattr("tinygrad_hw.worksheet.exercises.fresh_sheet.MAX_TRIES", 20)
    with pytest.raises(ExerciseError, match=r"no fair 1-1 network .* in 20 tries with seed 5"):
        exercise("1-1", seed=5)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("", "the network is ''; give the units of two to nine layers, 1 to 9 each, such as 2-3-1"),
        ("2", "the network is '2'"),
        ("2-0-1", "the network is"),
        ("2-10", "the network is"),
        ("2-3-1-", "the network is"),
        ("2-3-１", "the network is"),
        ("-".join("1" * 10), "the network is"),
        ("9" * 1000, "the network is '9{39};"),
        ("9-9-9", "a 9-9-9 network has 180 parameters; the most is 40: give a smaller one"),
    ],
)
def test_what_is_no_network(net: str, message: str) -> None:
    with pytest.raises(ExerciseError, match=message):
        exercise(net, seed=0)


def test_figures_that_cannot_show_the_updates_are_an_error() -> None:
    with pytest.raises(
        ExerciseError, match=r"with 1 figures in .*; take another seed, more figures"
    ):
        exercise("2-3-1", seed=0, figures=1)
