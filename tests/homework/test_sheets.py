"""The two shipped sheets hold what the homework printed, slips included."""

import pytest

from tinygrad_hw.homework import SHEETS, sheet_path
from tinygrad_hw.worksheet.sheet.model import Answers
from tinygrad_hw.worksheet.sheet.reader import read_sheet

PARAMETERS = [f"w{i}" for i in range(1, 10)] + [f"b{i}" for i in range(1, 5)]


@pytest.fixture(params=SHEETS)
def answers(request: pytest.FixtureRequest) -> Answers:
    return read_sheet(sheet_path(request.param)).answers


def test_every_partial_and_the_whole_closing_table_are_there(answers: Answers) -> None:
    assert sorted(answers.partials) == sorted(f"dE/d{p}" for p in PARAMETERS)
    assert sorted(answers.table) == sorted(PARAMETERS)
    assert all(partial.value for partial in answers.partials.values())
    assert list(answers.forward) == ["z1", "a1", "z2", "a2", "z3", "a3", "z4", "a4", "error"]


def test_the_slips_of_a_are_copied_as_printed() -> None:
    answers = read_sheet(sheet_path("q1a")).answers
    assert answers.partials["dE/dw4"].value == "-9.5345e-8"  # digits transposed
    assert answers.partials["dE/dw5"].paths[0]["da4/dz4"] == "0.17679"  # a zero lost
    assert answers.partials["dE/db3"].paths[0]["da3/dz3"] == "2999e-4"  # a point lost
    assert answers.partials["dE/db4"].struck == ("-0.0034822",)
    assert "w7" not in answers.updated  # never worked out beside its partial
    assert (answers.updated["b4"], answers.table["b4"]) == ("1.00031824", "1.000031814")
    assert (answers.updated["w1"], answers.table["w1"]) == ("1.000000057", "1.0000000057")


def test_b_leaves_out_the_factors_that_were_not_written() -> None:
    answers = read_sheet(sheet_path("q1b")).answers
    assert answers.partials["dE/dw6"].paths == ({"dz4/da3": "0"},)
    assert answers.partials["dE/dw5"].struck == ("0",)
    assert (answers.updated["b2"], answers.table["b2"]) == ("0.099413", "0.099414")
