"""Canvas's gradebook: the marks of one assignment are filled in, and nothing else changes.

The table is laid out as Canvas's ``GradebookExporter`` writes it, and read as its
``GradebookImporter`` does.
"""

import csv
import io
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import WEIGHTS, Result, RosterError, canvas_gradebook
from tinygrad_hw.worksheet.classroom.downloads import Owner

GRADEBOOK = '''\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Quiz (501),Backprop by hand (502),Final Score
,,,,,,,Manual Posting,
    Points Possible,,,,,,10.00,20.00,(read only)
"Noether, Emmy",1234,A1,enoether,Math,"a ""word"", or two",3.00,,80
"Hilbert, David",77,A2,dhilbert,Math,,,4.00,80
"Hilbert, Franz",78,A3,franz@hilbert.org,Math,,,5.00,80
"=""=1+1, Mallory""",79,A4,mallory,Math,,,,0
"Student, Test",9,,,Math,,,,
'''
Hand = Callable[..., Result]


@pytest.fixture
def gradebook(tmp_path: Path) -> Path:
    path = tmp_path / "grades.csv"
    path.write_text(GRADEBOOK)
    return path


def cells(content: bytes | str, delimiter: str = ",") -> list[list[str]]:
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_marks_are_scaled_to_the_points_possible_and_nothing_else_changes(
    gradebook: Path, hand_in: Hand
) -> None:
    results = [hand_in("a.toml", "Emmy Noether"), hand_in("b.toml", "dhilbert", loss="5.7")]
    table = canvas_gradebook(gradebook, results, assignment="Backprop")
    before, after = cells(GRADEBOOK), cells(table.content)
    changed = {
        (old[0], column): new[column]
        for old, new in zip(before, after, strict=True)
        for column in range(len(before[0]))
        if old[column] != new[column]
    }
    assert changed == {("Noether, Emmy", 7): "20.00", ("Hilbert, David", 7): "15.00"}
    assert table.filled == ("Noether, Emmy", "Hilbert, David")
    assert table.replaced == ("Hilbert, David",)
    assert table.left == ("Hilbert, Franz", '="=1+1, Mallory"', "Student, Test")
    assert table.problems == ()


@pytest.mark.parametrize(
    ("file", "student", "name"),
    [
        ("x.toml", "noether, EMMY", "Noether, Emmy"),
        ("x.toml", "Emmy  Noether", "Noether, Emmy"),
        ("x.toml", "A1", "Noether, Emmy"),
        ("x.toml", "1234", "Noether, Emmy"),
        ("x.toml", "franz@hilbert.org", "Hilbert, Franz"),
        ("dhilbert.toml", "", "Hilbert, David"),
        ("noetheremmy_1234_5678_sheet.toml", "", "Noether, Emmy"),
        ("noetheremmy_LATE_1234_5678_sheet-1.toml", "Franz Hilbert", "Noether, Emmy"),
        ("submissions.zip/hilbertdavid_77_1234_sheet.toml", "", "Hilbert, David"),
    ],
)
def test_a_sheet_finds_its_student(
    gradebook: Path, hand_in: Hand, file: str, student: str, name: str
) -> None:
    table = canvas_gradebook(gradebook, [hand_in(file, student)], assignment="Backprop")
    assert (table.filled, table.problems) == ((name,), ())


def test_what_is_not_in_the_table_is_said(gradebook: Path, hand_in: Hand) -> None:
    results = [
        hand_in("a.toml", "Nobody"),
        hand_in("b.toml", "Emmy Noether"),
        hand_in("c.toml", "enoether", loss="5.7"),
        replace(
            hand_in("hilbertdavid_77_1_a.toml"),
            marks=None,
            error="hilbertdavid_77_1_a.toml: is not TOML",
        ),
    ]
    table = canvas_gradebook(gradebook, results, assignment="Backprop")
    assert table.filled == ()
    assert table.content.decode() == GRADEBOOK
    assert table.problems == (
        "a.toml: Nobody is no student of grades.csv; write a login or a number of it as student",
        "b.toml, c.toml: all are sheets of Noether, Emmy; leave the one to count",
        "hilbertdavid_77_1_a.toml: is not TOML",
    )
    lines = list(table.lines(Path("out.csv")))
    assert lines[0] == "out.csv: marks of 0 of 5 students"
    assert lines[2:] == ["Not in the table", *(f"  {problem}" for problem in table.problems)]


def test_a_row_without_a_number_takes_no_sheets(gradebook: Path, hand_in: Hand) -> None:
    gradebook.write_text(GRADEBOOK + "Average,,,,,,5.00,10.00,50\n")
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "Emmy Noether")], assignment="Backprop")
    assert table.filled == ("Noether, Emmy",)
    assert table.problems == ()


def test_two_students_of_one_name_are_told_apart_by_login_alone(
    gradebook: Path, hand_in: Hand
) -> None:
    gradebook.write_text(GRADEBOOK.replace("Hilbert, Franz", "Hilbert, David"))
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "David Hilbert")], assignment="Back")
    assert table.filled == ()
    assert table.problems[0].startswith("a.toml: David Hilbert is 2 students of grades.csv;")
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "dhilbert")], assignment="Back")
    assert table.filled == ("Hilbert, David",)


def test_a_number_of_another_system_is_not_canvas_s(gradebook: Path, hand_in: Hand) -> None:
    result = hand_in("Amy Adams_77_assignsubmission_file_/sheet.toml", "Emmy Noether")
    assert canvas_gradebook(gradebook, [result], assignment="B").filled == ("Noether, Emmy",)
    owner = Owner("Amy Adams", "A2", "Gradescope")  # the student's number at the university
    result = replace(result, submission=replace(result.submission, owner=owner))
    assert canvas_gradebook(gradebook, [result], assignment="B").filled == ("Hilbert, David",)


def test_a_group_s_sheet_is_of_the_member_whose_number_it_has(
    gradebook: Path, hand_in: Hand
) -> None:
    """Canvas puts the group's name before the number of one of them."""
    table = canvas_gradebook(gradebook, [hand_in("thegreeks_77_9_a.toml")], assignment="Back")
    assert table.filled == ("Hilbert, David",)


@pytest.mark.parametrize(
    ("student", "file"),
    [
        ("Müller-Lüdenscheidt, Hans", "müllerlüdenscheidthans_5_9_a.toml"),
        ("Li, Bo", "libo_5_9_a.toml"),
        ("李, 明", "李明_5_9_a.toml"),
        ("O'Neill, Zoe\u0308", "oneillzoe\u0308_5_9_a.toml"),
        ("Ⅷ, ﬁrst", "ⅷﬁrst_5_9_a.toml"),
    ],
)
def test_names_of_any_script_are_those_of_their_files(
    gradebook: Path, hand_in: Hand, student: str, file: str
) -> None:
    gradebook.write_text(f'Student,ID,Section,Quiz (1)\n"{student}",5,A,\n')
    table = canvas_gradebook(gradebook, [hand_in(file)])
    assert table.filled == (unicodedata.normalize("NFC", student),)


@pytest.mark.parametrize("student", ["", "???", "\U0001f600"])
def test_a_sheet_without_a_name_is_not_that_of_a_row_without_one(
    gradebook: Path, hand_in: Hand, student: str
) -> None:
    gradebook.write_text('Student,ID,Section,Quiz (1)\n"Noether, Emmy",5,A,\n???,,,\n-,,B,\n')
    table = canvas_gradebook(gradebook, [hand_in("-.toml", student)])
    assert table.filled == ()
    assert " is no student of grades.csv; " in table.problems[0]


def test_who_is_excused_gets_a_mark_and_who_was_not_assigned_it_does_not(
    gradebook: Path, hand_in: Hand
) -> None:
    gradebook.write_text(GRADEBOOK.replace("4.00", "EX").replace("5.00", "N/A"))
    results = [hand_in("a.toml", "dhilbert"), hand_in("b.toml", "A3")]
    table = canvas_gradebook(gradebook, results, assignment="Backprop")
    assert [row[7] for row in cells(table.content)[4:6]] == ["20.00", "N/A"]
    assert table.replaced == ("Hilbert, David",)
    reason = "Backprop by hand (502) is not assigned to Hilbert, Franz, Canvas says"
    assert table.problems == (f"b.toml: {reason}",)


def test_without_points_possible_points_are_as_they_are(gradebook: Path, hand_in: Hand) -> None:
    gradebook.write_text(GRADEBOOK.replace("20.00", ""))
    result = hand_in("a.toml", "enoether", loss="5.7")
    table = canvas_gradebook(gradebook, [result], {**WEIGHTS, "forward": 2.0}, "Backprop")
    assert cells(table.content)[3][7] == "4.00"


@pytest.mark.parametrize(
    ("worth", "mark"), [("1,000.00", "750.00"), ("1.000,00", "750.00"), ("20,5", "15.38")]
)
def test_points_possible_are_read_as_canvas_reads_them(
    gradebook: Path, hand_in: Hand, worth: str, mark: str
) -> None:
    gradebook.write_text(GRADEBOOK.replace("20.00", f'"{worth}"'))
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "enoether", loss="5.7")], assignment="B")
    assert cells(table.content)[3][7] == mark


def test_a_student_cannot_say_what_the_assignment_is_worth(gradebook: Path, hand_in: Hand) -> None:
    gradebook.write_text(GRADEBOOK + "Points Possible,80,A5,p,Math,,1,1,\n")
    results = [hand_in("a.toml", "enoether"), hand_in("b.toml", "Points Possible")]
    table = canvas_gradebook(gradebook, results, assignment="Back")
    assert [row[7] for row in cells(table.content)[3:] if row[7]] == [
        "20.00",
        "4.00",
        "5.00",
        "20.00",
    ]


def test_excel_s_unicode_text_becomes_a_table_that_canvas_reads(
    gradebook: Path, hand_in: Hand
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\r\n").writerows(cells(GRADEBOOK))
    gradebook.write_bytes(text.getvalue().encode("utf-16"))
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "enoether")], assignment="Back")
    assert table.content.startswith(b"\xef\xbb\xbfStudent,ID,SIS User ID,")
    after = cells(table.content)
    assert after[3][7] == "20.00"
    after[3][7] = ""
    assert after == cells(GRADEBOOK)


def test_a_gradebook_of_semicolons_and_commas_stays_one(gradebook: Path, hand_in: Hand) -> None:
    rows = cells(GRADEBOOK.replace("10.00", "10,00").replace("20.00", '"12,50"'))
    text = io.StringIO()
    rows[2][6:] = ["10,00", "12,50", "(read only)"]
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    gradebook.write_bytes(text.getvalue().encode("utf-8-sig"))
    result = hand_in("a.toml", "enoether", loss="5.7")
    table = canvas_gradebook(gradebook, [result], assignment="Backprop")
    assert table.content.startswith(b"\xef\xbb\xbfStudent;ID;")
    assert table.content.count(b"\r\n") == len(rows)
    assert cells(table.content, ";")[3][7] == "9,38"


def test_last_and_first_names_in_two_columns(gradebook: Path, hand_in: Hand) -> None:
    gradebook.write_text(
        "LastName,FirstName,ID,SIS Login ID,Section,Quiz (1)\n"
        "    Points Possible,,,,,4\nNoether,Emmy,12,en,M,\n"
    )
    table = canvas_gradebook(gradebook, [hand_in("a.toml", "Emmy Noether")])
    assert table.filled == ("Noether, Emmy",)
    assert cells(table.content)[2][5] == "4.00"


@pytest.mark.parametrize(
    ("text", "assignment", "message"),
    [
        (GRADEBOOK, "", "has 2 assignments; give --assignment as one of 'Quiz', 'Backprop by ha"),
        (GRADEBOOK, "x", "has 0 assignments called 'x'; give --assignment as one of 'Quiz', 'Back"),
        (GRADEBOOK, "q", ""),
        (GRADEBOOK, "Quiz (501)", ""),
        (
            GRADEBOOK.replace("20.00", "twenty"),
            "Back",
            "Backprop by hand (502) has 'twenty' points possible, which is no number; export it",
        ),
        ("a,b\n1,2\n", "", "is no gradebook of Canvas, which has the columns Student, ID and Sect"),
        ("", "", "is empty; give the exported table"),
        ('a,"b\n', "", "is not CSV: unexpected end of data"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(
    gradebook: Path, text: str, assignment: str, message: str
) -> None:
    gradebook.write_text(text)
    if not message:
        canvas_gradebook(gradebook, [], assignment=assignment)
        return
    with pytest.raises(RosterError) as caught:
        canvas_gradebook(gradebook, [], assignment=assignment)
    assert str(gradebook) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_in_another_encoding_or_too_large_is_refused(
    gradebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradebook.write_bytes("Student,ID\nNöther,1\n".encode("latin-1"))
    with pytest.raises(RosterError, match=r"byte 13 is not UTF-8; give .* save it in Excel as CSV"):
        canvas_gradebook(gradebook, [])
    gradebook.write_bytes(b"\xff\xfeS\x00t")
    with pytest.raises(
        RosterError, match=r"byte 5 is not UTF-16; give the file as it was exported"
    ):
        canvas_gradebook(gradebook, [])
    with pytest.raises(RosterError, match=r"nowhere.csv: No such file or directory; give the"):
        canvas_gradebook(gradebook.with_name("nowhere.csv"), [])
    monkeypatch.setattr("tinygrad_hw.worksheet.courses.roster.LARGEST", 4)
    with pytest.raises(RosterError, match="is larger than 4 bytes; give a table of students"):
        canvas_gradebook(gradebook, [])
