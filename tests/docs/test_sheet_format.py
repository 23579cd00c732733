"""The page on the sheet format says all that the reader knows, and nothing else."""

import re
from pathlib import Path

import pytest

from tinygrad_hw.symbolic import FUNCTIONS, arrays, expression
from tinygrad_hw.worksheet import SheetError, mark, parse_sheet, read_number
from tinygrad_hw.worksheet.marking import mark_sheet
from tinygrad_hw.worksheet.rounding import written_number
from tinygrad_hw.worksheet.sheet import answers, reader
from tinygrad_hw.worksheet.sheet.answers import STEP_SECTIONS
from tinygrad_hw.worksheet.sheet.reader import SECTIONS

PAGE = (Path(__file__).parents[2] / "docs/sheet-format.md").read_text("utf-8")
SHEETS = [text for text in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)]
WHOLE = [text for text in SHEETS if "[forward]" in text]
PARTS = [text for text in SHEETS if "[forward]" not in text]


def table_below(heading: str) -> list[list[str]]:
    """Read the first table after a heading: its rows of cells."""
    after = f"\n{PAGE}".split(f"\n{heading}\n", 1)[1]
    rows = re.search(r"(^\|.*\n)+", after, re.M)
    assert rows
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows[0].splitlines()[2:]
    ]


def codes_in(cells: list[str]) -> set[str]:
    """Collect what is set in `code`, without the brackets of a table."""
    return {code.strip("[]") for cell in cells for code in re.findall(r"`([^`]+)`", cell)}


def known_keys(text: str, place: str) -> set[str]:
    """Ask the reader which keys a table may have, by giving it one that it cannot."""
    with pytest.raises(SheetError) as refused:
        parse_sheet(text)
    found = re.search(rf"is not part of {re.escape(place)}; known are (.*)", str(refused.value))
    assert found, str(refused.value)
    return set(found[1].split(", "))


MINIMAL = '[parameters]\nw = 1\n[forward]\nE = "w"\n[update]\nloss = "E"\nrate = 1\nsteps = 2\n'


def test_every_table_of_a_sheet() -> None:
    described = codes_in([row[0] for row in table_below("# The sheet format")])
    assert described == set(SECTIONS)
    assert known_keys("nonsense = 1\n" + MINIMAL, "a sheet") == set(SECTIONS)


def test_every_key_of_update() -> None:
    described = codes_in([row[0] for row in table_below("## `[update]`")])
    assert described == known_keys(MINIMAL + "nonsense = 1\n", "[update]")


def test_the_tables_of_the_page_s_examples_are_all_there_are() -> None:
    shown = {name for text in SHEETS for name in re.findall(r"^\[+(\w+)", text, re.M)}
    assert shown == {name for name, kind in SECTIONS.items() if kind is not str}


def test_every_key_of_ask() -> None:
    described = codes_in([row[0] for row in table_below("## `[ask]`")])
    assert described == known_keys(MINIMAL + "[ask]\nnonsense = 1\n", "[ask]")


def test_every_key_of_rounding() -> None:
    said = PAGE.split("\n## `[rounding]`\n\n")[1].split("\n\n")[0]
    assert codes_in([said]) >= known_keys(MINIMAL + "[rounding]\nnonsense = 1\n", "[rounding]")


def test_every_key_of_answers() -> None:
    rows = [row[0] for row in table_below("## `[answers]`")]
    described = {code.removeprefix("answers.").split(".")[0] for code in codes_in(rows)}
    partial = f'{MINIMAL}[answers.partials."dE/dw"]\n'
    keys = known_keys(MINIMAL + "[answers.nonsense]\n", "[answers]")
    keys |= known_keys(partial + "nonsense = 1\n", '[answers.partials."dE/dw"]')
    assert described - {"step3"} == keys
    later = table_below("## `[answers]`")[-1][1]
    assert codes_in([later]) - {"steps"} == set(STEP_SECTIONS)


def test_every_function() -> None:
    rows = [row[0] for row in table_below("## `[forward]`")]
    assert {code.partition("(")[0] for code in codes_in(rows)} == set(FUNCTIONS)


def test_every_function_of_arrays() -> None:
    rows = [row[0] for row in table_below("## Vectors and matrices")]
    described = {code.partition("(")[0] for code in codes_in(rows) if "(" in code}
    assert described - set(FUNCTIONS) == set(arrays.ARRAY_FUNCTIONS)


def test_every_operator() -> None:
    said = next(line for line in PAGE.splitlines() if "precedence" in line)
    assert {"+", "-", "*", "/", "**"} <= codes_in([said])
    source = 'E = "-w**2 + 2**3**2"'
    sheet = parse_sheet(MINIMAL.replace('E = "w"', source))
    assert sheet.evaluate()["E"].data == 511.0  # as the page says: -(w**2), and 2**9


def test_the_limits() -> None:
    limits = " ".join(row[1] for row in table_below("## Limits"))
    for number in (
        reader.MAX_BYTES,
        expression.LONGEST,
        reader.MAX_STEPS,
        reader.MAX_DOTS,
        answers.MOST_ASKED,
        arrays.MOST_ELEMENTS,
        mark_sheet.MOST_NAMES,
        mark_sheet.MOST_PARTS,
        mark_sheet.LONGEST,
        mark_sheet.MOST_FACTORS,
    ):
        assert f"{number:,}" in limits
    assert f"at most {written_number.LONGEST} characters" in PAGE
    assert f"10^{written_number.LARGEST_EXPONENT}" in PAGE


def test_every_way_to_write_a_number() -> None:
    rows = table_below("### How a number may be written")
    values = {
        text: read_number(text).value for row in rows for text in re.findall(r"`([^`]+)`", row[0])
    }
    assert values["-0.000318"] == values["-.000318"] == -0.000318
    assert {values[text] for text in values if "3.18" in text} == {-0.000318}
    assert values["12 345.678"] == 12345.678
    assert (read_number("1,234").value, read_number("1,234.5").value) == (1.234, 1234.5)
    assert values["½"] == values["= 0.5"] == 0.5
    assert values["(-0.5)"] == -0.5
    with pytest.raises(ValueError, match="is not a number"):
        read_number("1 1/2")


@pytest.mark.parametrize("text", WHOLE)
def test_a_sheet_is_read_and_solved(text: str) -> None:
    sheet = parse_sheet(text)
    assert sheet.evaluate()[sheet.loss].data >= 0
    if "[answers" in text:
        summary = mark(sheet).summary
        assert summary["wrong"] == summary["follows"] == summary["missing"] == 0


@pytest.mark.parametrize("text", PARTS)
def test_a_part_fits_into_the_first_sheet(text: str) -> None:
    name = re.match(r"\[(\w+)\]", text)
    assert name
    rest = re.sub(rf"^\[{name[1]}\]\n([^\[].*\n)*", "", WHOLE[0], flags=re.M)
    assert parse_sheet(rest + text) != parse_sheet(WHOLE[0])
