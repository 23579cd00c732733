import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.solution.as_program import sheet_program
from tinygrad_hw.worksheet.solution.solve import solve


@pytest.mark.parametrize("name", ["q1a", "q1b"])
def test_the_chain_rule_can_be_read_in_the_program(name):
    source = sheet_program(read_sheet(sheet_path(name))).source
    for line in [
        "z1 = t3 + b1",
        "a4 = sigmoid(z4)",
        "dE_dz4 = dE_da4 * da4_dz4",
        "dE_db4 = dE_dz4",
        "dE_dw7 = dE_dz4 * a1",
        "new_w1 = w1 - ",
    ]:
        assert f"\n    {line}" in source
    headings = [line.strip() for line in source.splitlines() if line.strip().startswith("# ")]
    assert headings == ["# forward", "# backward", "# update"]


@pytest.mark.parametrize("name", ["q1a", "q1b"])
def test_it_runs_by_itself_to_the_sheet_s_numbers(name):
    """The text alone, with nothing of ours but a sigmoid and a check that all is finite."""
    import math

    sheet = read_sheet(sheet_path(name))
    words = {
        "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
        "finite": lambda *numbers: all(map(math.isfinite, numbers)),
    }
    exec(sheet_program(sheet).source, words)
    found = words["sheet"](**sheet.given, **sheet.parameters)
    solution = solve(sheet)
    expected = [*solution.forward.values(), *solution.updated.values()]
    assert found[: len(expected)] == pytest.approx(expected, rel=1e-12)
    assert found[len(expected) :] == pytest.approx([*solution.partials.values()], rel=1e-9)


def test_what_is_not_finite_is_said_as_when_solving():
    sheet = parse_sheet(
        '[parameters]\nw = 0\n[forward]\nE = "1/w"\n[update]\nloss = "E"\nrate = 1\n', "s.toml"
    )
    with pytest.raises(SheetError, match=r"s\.toml, line 4: E = '1/w' is inf: a division by zero"):
        sheet_program(sheet)


def test_a_loss_without_parameters_is_refused_as_when_solving():
    sheet = parse_sheet(
        '[parameters]\nw = 2\n[forward]\nE = "3"\n[update]\nloss = "E"\nrate = 1\n', "s.toml"
    )
    for work in (solve, sheet_program):
        with pytest.raises(SheetError, match=r"s\.toml: E does not depend on any parameter"):
            work(sheet)
