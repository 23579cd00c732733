"""Where a class has several problems, what a student has handed in counts together."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import (
    FilledTable,
    Result,
    canvas_gradebook,
    mark,
    moodle_worksheet,
    parse_sheet,
    sheet_text,
)

NAMES = ("Emmy Noether", "David Hilbert", "Max Born", "Lise Meitner")
Hand = Callable[..., Result]


@pytest.fixture
def gradebook(tmp_path: Path) -> Path:
    path = tmp_path / "grades.csv"
    rows = [f"{name},{number},A,\n" for number, name in enumerate(NAMES, start=1)]
    path.write_text(f"Student,ID,Section,Homework (9)\nPoints Possible,,,20\n{''.join(rows)}")
    return path


def marks(table: FilledTable) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(table.content.decode(), newline=""))
    return {row["Student"]: row["Homework (9)"] for row in rows if row["Student"] in NAMES}


def test_points_are_added_and_a_missing_sheet_earns_nothing(gradebook: Path, hand_in: Hand) -> None:
    emmy, david, born, lise = NAMES
    results = [
        *(hand_in(f"emmy{problem}.toml", emmy, problem=problem) for problem in (1, 2)),
        *(hand_in(f"david{problem}.toml", david, "5.7", problem) for problem in (2, 1)),
        *(hand_in(f"born{problem}.toml", born, problem=problem) for problem in (1, 2)),
        hand_in("lise.toml", lise, "5.7", problem=2),
    ]
    table = canvas_gradebook(gradebook, results)
    assert marks(table) == {emmy: "20.00", david: "15.00", born: "20.00", lise: "7.50"}
    assert table.problems == ()
    assert list(table.lines(Path("out.csv")))[1:] == [
        "  a sheet is missing, and earns nothing: Lise Meitner"
    ]


def test_who_changes_what_a_sheet_is_worth_changes_nothing_for_others(
    gradebook: Path, hand_in: Hand
) -> None:
    results = [hand_in(f"{i}/{name}.toml", name, "5.7", i) for name in NAMES for i in (1, 2)]
    marked = results[0].marks
    assert marked is not None
    asks = parse_sheet(sheet_text(marked.sheet) + "[ask.points]\nz = 100\n")
    results[0] = replace(results[0], marks=mark(asks))
    of_emmy, *others = marks(canvas_gradebook(gradebook, results)).values()
    assert others == ["15.00"] * 3
    assert float(of_emmy) <= 20


def test_where_each_has_another_sheet_each_is_worth_the_whole(
    gradebook: Path, hand_in: Hand
) -> None:
    results = [hand_in(f"{i}.toml", name, problem=i) for i, name in enumerate(NAMES)]
    for some in (results, results[:2]):
        table = canvas_gradebook(gradebook, some)
        assert table.filled == NAMES[: len(some)]
        assert set(marks(table).values()) <= {"20.00", ""}
        assert table.incomplete == ()


def test_copies_are_one_sheet(gradebook: Path, hand_in: Hand) -> None:
    results = [hand_in("hw.toml", NAMES[0]), hand_in("hw (1).toml", NAMES[0])]
    assert marks(canvas_gradebook(gradebook, results))[NAMES[0]] == "20.00"


def test_what_cannot_count_together_is_said(gradebook: Path, hand_in: Hand) -> None:
    emmy, david, born, lise = NAMES
    results = [
        hand_in(f"{i}/{name}.toml", name, problem=i) for name in (emmy, david) for i in (1, 2)
    ]
    results += [hand_in(f"{i}/{born}.toml", born, problem=i) for i in (1, 2, 3)]
    results[3] = replace(results[3], marks=None, error=f"2/{david}.toml: is not TOML")
    results += [hand_in("l1.toml", lise), hand_in("l2.toml", lise, "5.7")]
    results.append(hand_in("l3.toml", lise, problem=2))
    table = canvas_gradebook(gradebook, results)
    assert table.filled == (emmy,)
    assert table.problems == (
        f"2/{david}.toml: is not TOML",
        f"3/{born}.toml: is none of the 2 problems that the class has; for marks of {born}, "
        "leave it out, or mark --against what was handed out",
        f"l1.toml, l2.toml, l3.toml: all are sheets of {lise}; leave the one to count",
    )


def test_moodle_gets_the_comments_on_all_sheets(tmp_path: Path, hand_in: Hand) -> None:
    path = tmp_path / "worksheet.csv"
    path.write_text(
        "Identifier,Full name,Grade,Maximum grade,Last modified (grade),Feedback comments\n"
        "Participant 1,Emmy Noether,,100.00,-,\n"
    )
    results = [hand_in(f"{i}.toml", NAMES[0], "5.7", problem=i) for i in (1, 2)]
    [row] = csv.DictReader(moodle_worksheet(path, results).content.decode().splitlines())
    assert row["Grade"] == "75.00"
    assert row["Feedback comments"].count("Points: 3 of 4.") == 2
    assert "Points: 3 of 4.<br><br>One neuron" in row["Feedback comments"]
