"""The options of check that fill in a course system's tables."""

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]

GRADEBOOK = """\
Student,ID,SIS Login ID,Section,Homework (7)
    Points Possible,,,,10
"Noether, Emmy",1,emmy,A,
"""
WORKSHEET = """\
Identifier,Full name,Status,Grade,Maximum grade,Last modified (grade),Feedback comments
Participant 1,Emmy Noether,Submitted,,100.00,-,
"""


@pytest.fixture
def folder(run: Run, sheet: str) -> Path:
    """Make a folder with the sheet of Emmy, and one with no name; and the tables."""
    Path("class").mkdir()
    answers = sheet.format("w*x") + '[answers.forward]\nz = "1"\n'
    Path("class/emmy.toml").write_text(answers)
    Path("class/x.toml").write_text(answers)
    Path("grades.csv").write_text(GRADEBOOK)
    Path("worksheet.csv").write_text(WORKSHEET)
    return Path("class")


def test_check_fills_both_tables_beside_what_was_given(run: Run, folder: Path) -> None:
    tables = ("--canvas", "grades.csv", "--moodle", "worksheet.csv")
    status, out, error = run("check", "class", *tables)
    assert (status, error) == (1, "")  # x.toml is nobody's
    assert (
        "grades-marked.csv: marks of 1 of 1 students\nNot in the table\n  class/x.toml: x is" in out
    )
    assert "worksheet-marked.csv: marks of 0 of 1 students" in out
    assert Path("grades.csv").read_text() == GRADEBOOK
    rows = list(csv.DictReader(Path("grades-marked.csv").read_text().splitlines()))
    assert rows[1]["Homework (7)"] == "10.00"
    (folder / "x.toml").unlink()
    assert run("check", "class", "--canvas", "grades.csv")[0] == 0
    Path("grades-marked.csv").write_text("mine")
    _, _, error = run("check", "class", "--canvas", "grades.csv")
    assert "grades-marked.csv is there already; give another name, or --force" in error


def test_check_writes_the_results_of_one_sheet_for_gradescope(run: Run, folder: Path) -> None:
    status, out, _ = run("check", "class/emmy.toml", "--gradescope")
    assert (status, out.splitlines()[-1]) == (0, "Results: results.json")
    assert json.loads(Path("results.json").read_text())["tests"][0]["score"] == 1
    (folder / "emmy.toml").write_text("[")
    status, out, error = run("check", "class/emmy.toml", "--gradescope")  # over its earlier output
    assert (status, out) == (2, "")
    results = json.loads(Path("results.json").read_text())
    assert results["score"] == 0
    assert results["output"].endswith(error.removeprefix("tinygrad-hw: ").rstrip())


def test_gradescope_marks_the_one_sheet_of_what_is_handed_in(run: Run, folder: Path) -> None:
    """A student may hand in any files: why there are no marks is told, and not on a terminal."""
    only = Path("submission")
    only.mkdir()
    (only / "notes.pdf").write_bytes(b"%PDF")
    reasons = []
    for names in ([], ["emmy.toml"], ["emmy.toml", "x.toml"]):
        for name in names:
            shutil.copy(folder / name, only / name)
        status, _, error = run("check", "submission", "--gradescope")
        results = json.loads(Path("results.json").read_text())
        if status:
            assert results["score"] == 0
            assert results["output"].endswith(error.removeprefix("tinygrad-hw: ").rstrip())
            reasons.append(results["output"].splitlines()[1])
        else:
            assert results["tests"][0]["score"] == 1
    assert reasons == [
        "submission: there is no .toml file in it, only 1 other; give what was handed in",
        "emmy.toml, x.toml: Gradescope marks one sheet; hand in one .toml file",
    ]
    both = (str(only / "emmy.toml"), str(only / "x.toml"))
    assert run("check", *both, "--gradescope")[2] == f"tinygrad-hw: {reasons[1]}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["q1a", "--canvas", "grades.csv"], "--canvas is for a folder of sheets; "),
        (["q1a", "--moodle", "worksheet.csv"], "--moodle is for a folder of sheets; "),
        (["class", "--assignment", "x"], "--assignment is given without --canvas, whose gradebook"),
        (["class", "--canvas", "worksheet.csv"], "worksheet.csv: is no gradebook of Canvas, which"),
        (
            ["class", "--moodle", "grades.csv"],
            "grades.csv: is no grading worksheet of Moodle in En",
        ),
    ],
)
def test_what_cannot_be_filled_is_said_in_one_line(
    run: Run, folder: Path, arguments: list[str], message: str
) -> None:
    status, out, error = run("check", *arguments)
    assert (status, out) == (2, "")
    assert error.startswith(f"tinygrad-hw: {message}")
    assert error.count("\n") == 1
    assert not list(Path().glob("*-marked.csv"))


def test_exercise_writes_questions_beside_or_instead_of_sheets(run: Run) -> None:
    status, out, _ = run("exercise", "--net", "1-1", "--count", "2", "--moodle-xml", "quiz.xml")
    assert (status, out) == (0, "Written: quiz.xml\n")
    assert Path("quiz.xml").read_text("utf-8").count('type="cloze"') == 2
    status, out, _ = run("exercise", "--net", "1-1", "-o", "a.toml", "--moodle-xml", "a.xml")
    assert (status, out) == (0, "Sheet: a.toml; a.xml\n")
    assert {path.name for path in Path().iterdir()} == {"quiz.xml", "a.toml", "a.xml"}


def test_exercise_writes_a_page_to_print(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = run("exercise", "--net", "1-1", "--count", "2", "--handout", "print.html")
    assert (status, out) == (0, "Written: print.html\n")
    assert Path("print.html").read_text("utf-8").count("<article>") == 2
    status, out, _ = run("exercise", "--net", "1-1", "--count", "2", "--handout", "print.tex")
    assert (status, out) == (0, "Written: print.tex\n")
    assert Path("print.tex").read_text("utf-8").count("\\section*{A 1-1 network") == 2
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tinygrad_hw.worksheet.exercise", None)  # told before a sheet is made
    status, out, error = run("exercise", "--net", "1-1", "--handout", "print.pdf", "-o", "a.toml")
    assert (status, out) == (2, "")
    assert error.startswith(
        "tinygrad-hw: there is no Chromium, Chrome or pdflatex to make a PDF with;"
    )
    assert not Path("a.toml").exists()


@pytest.mark.parametrize("verb", [["exercise", "--net", "1-1"], ["blank", "mine.toml"]])
@pytest.mark.parametrize(
    ("option", "name", "endings"),
    [
        ("--handout", "print.docx", ".html, .tex or .pdf"),
        ("--moodle-xml", "quiz", ".xml"),
        ("--canvas-quiz", "quiz.xml", ".zip"),
        ("--qti", "quiz.imscc", ".zip"),
    ],
)
def test_a_name_says_what_the_file_is(
    run: Run, sheet: str, verb: list[str], option: str, name: str, endings: str
) -> None:
    """Moodle and Canvas refuse a file by its ending, whatever is in it."""
    Path("mine.toml").write_text(sheet.format("w*x"))
    message = f"tinygrad-hw: {option} is {name}; give a name that ends in {endings}\n"
    assert run(*verb, option, name) == (2, "", message)


def test_keys_that_are_written_are_told(run: Run, sheet: str) -> None:
    Path("mine.toml").write_text(sheet.format("w*x"))
    made = run("blank", "mine.toml", "--key", "key.toml", "--qti", "quiz.zip")
    assert made == (0, "Written: key.toml, quiz.zip\n", "")
    options = ("--net", "1-1", "--count", "2", "--key", "keys", "--qti", "two.ZIP")
    assert run("exercise", *options) == (0, "Written: keys, two.ZIP\n", "")


def test_blank_writes_questions_of_a_sheet_of_one_s_own(run: Run, sheet: str) -> None:
    Path("mine.toml").write_text(sheet.format("w*x"))
    options = ("--moodle-xml", "quiz.xml", "--handout", "print.html", "--qti", "quiz.zip")
    made = run("blank", "mine.toml", *options, "--canvas-quiz", "canvas.zip")
    assert made == (0, "Written: print.html, quiz.xml, canvas.zip, quiz.zip\n", "")
    assert len(zipfile.ZipFile("canvas.zip").namelist()) == 2
    assert zipfile.ZipFile("quiz.zip").namelist() == ["imsmanifest.xml", "item-0001.xml"]
    assert Path("quiz.xml").read_text("utf-8").count('type="cloze"') == 1
    assert Path("print.html").read_text("utf-8").count("<article>") == 1
