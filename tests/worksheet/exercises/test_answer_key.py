"""A key answers all that a sheet asks for, right to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import blanks, exercise, key, parse_sheet, read_sheet, sheet_text
from tinygrad_hw.worksheet.exercises.answer_key import rounded_text
from tinygrad_hw.worksheet.sheet.model import Answers, SheetError
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


@settings(deadline=None, max_examples=40)
@given(nets, st.integers(0, 1000), st.integers(3, 6), st.integers(1, 3))
def test_a_key_answers_all_that_is_asked_and_nothing_else(
    net: str, seed: int, figures: int, steps: int
) -> None:
    sheet = exercise(net, seed, figures, steps)
    answered = key(sheet)
    assert blanks(answered) == sheet
    assert key(answered) == answered
    assert parse_sheet(sheet_text(answered)) == answered
    solution = solve(sheet)
    for step, answers in zip(
        solution.steps, (answered.answers, *answered.later_answers), strict=True
    ):
        close = 0.5001 * 10 ** (1 - figures)
        exact = [*step.forward.values(), *step.updated.values(), *step.partials.values()]
        partials = [answer.value or "" for answer in answers.partials.values()]
        texts = [*answers.forward.values(), *answers.updated.values(), *partials]
        assert [float(t) for t in texts] == pytest.approx(exact, rel=close)
        for parameter, chain in step.chains.items():
            paths = answers.partials[f"dE/d{parameter}"].paths
            for path, factors in zip(paths, chain.paths, strict=len(chain.paths[0]) > 1):
                assert list(path) == [str(factor) for factor in factors]
                values = [factor.value for factor in factors]
                assert [float(t) for t in path.values()] == pytest.approx(values, rel=close)
    assert answered.answers.table == (answered.answers, *answered.later_answers)[-1].updated


def test_the_key_of_the_homework_has_what_its_author_was_asked() -> None:
    sheet = read_sheet(sheet_path("q1a"))
    answers = key(sheet).answers
    assert answers.forward["a1"] == "0.9997"
    assert answers.forward["z1"] == "8"
    assert answers.partials["dE/dw1"].paths == (
        {
            "dE/da4": "-0.01800",
            "da4/dz4": "0.01768",
            "dz4/da1": "1",
            "da1/dz1": "0.0003352",
            "dz1/dw1": "6",
        },
    )
    assert answers.partials["dE/dw1"].value == "-6.403e-7"
    assert "w7" not in answers.updated  # as it was not in the homework
    assert answers.table["w1"] == "1.00000006403"
    assert (key(sheet).student, answers.partials["dE/dw7"].struck) == ("", ())


TEXT = """
[given]
x = 3
[parameters]
w = 2
unused = 5
[forward]
p = "w*x"
q = "w**2"
E = "p*q"
[update]
loss = "E"
rate = 0.1
[rounding]
decimals = 2
"""


def test_of_a_sheet_without_answers_everything_is_asked() -> None:
    answers = key(parse_sheet(TEXT)).answers
    assert answers.forward == {"p": "6", "q": "4", "E": "24"}
    assert answers.partials["dE/dw"].paths == (
        {"dE/dp": "4", "dp/dw": "3"},
        {"dE/dq": "6", "dq/dw": "4"},
    )
    assert (answers.partials["dE/dunused"].paths, answers.partials["dE/dunused"].value) == ((), "0")
    assert answers.updated == answers.table == {"w": "-1.60", "unused": "5"}


def test_a_factor_is_local_where_it_can_be_and_total_elsewhere() -> None:
    asked = """
[answers.partials."dE/dw"]
factors = { "dE/dp" = "", "dE/dw" = "", "dp/dx" = "", "dE/dx" = "", "dp/dq" = "", "dE/dE" = "" }
"""
    factors = key(parse_sheet(TEXT + asked)).answers.partials["dE/dw"].paths[0]
    assert factors == {
        **{"dE/dp": "4", "dE/dw": "36", "dp/dx": "2", "dE/dx": "8", "dp/dq": "0", "dE/dE": "1"}
    }
    for wrong in ("dE/dv", "dv/dw"):
        with pytest.raises(SheetError, match=f"{wrong} is asked for, and is no derivative of the"):
            key(parse_sheet(TEXT + asked.replace("dE/dE", wrong)))


def test_a_factor_that_is_not_finite_has_no_digits() -> None:
    text = '[parameters]\nw = 1\n[forward]\nq = "w - 1"\nr = "sqrt(q)"\nE = "0*r + w"\n'
    text += '[update]\nloss = "E"\nrate = 1\n[answers.partials."dE/dw"]\nfactors = {"dr/dq" = ""}\n'
    with pytest.raises(SheetError, match="dr/dq is inf, which has no digits to write down"):
        key(parse_sheet(text))


@pytest.mark.parametrize(
    ("x", "rounding", "text"),
    [
        (0.99997, ("figures", 4), "1.000"),
        (9.9995, ("figures", 4), "10.00"),
        (0.5, ("figures", 4), "0.5000"),
        (6.0, ("figures", 4), "6"),
        (1.0000000000000002, ("figures", 4), "1"),  # of 0.1*10, say
        (123456.0, ("figures", 3), "123456"),
        (1234.5, ("figures", 3), "1.23e3"),
        (-0.00012345, ("figures", 3), "-0.000123"),
        (-6.4034e-7, None, "-6.403e-7"),
        (0.285, ("figures", 2), "0.29"),  # whose float is below the tie
        (-1.005, ("decimals", 2), "-1.01"),
        (2.5, ("figures", 1), "3"),
        (-0.0001, ("decimals", 3), "0.000"),
        (-0.0, None, "0"),
        (2e20 / 3, ("decimals", 2), "6.66666666666667e19"),
        (5e-324, ("figures", 3), "4.94e-324"),
    ],
)
def test_rounded(x: float, rounding: tuple[str, int] | None, text: str) -> None:
    assert rounded_text(x, rounding) == text


@given(
    st.floats(-1e9, 1e9).filter(lambda x: not float(f"{x:.15g}").is_integer()), st.integers(1, 12)
)
def test_rounding_is_by_half_a_unit_at_most_and_shows_all_figures(x: float, digits: int) -> None:
    figures = Decimal(rounded_text(x, ("figures", digits)))
    assert len(figures.as_tuple().digits) == digits
    decimals = Decimal(rounded_text(x, ("decimals", digits)))
    assert decimals.as_tuple().exponent == -digits or decimals == decimals.to_integral_value()
    for number in (figures, decimals):
        unit = Decimal((0, (1,), int(number.as_tuple().exponent)))
        assert abs(Decimal(x) - number) <= unit / 2 + abs(Decimal(x)) * Decimal("1e-14")
