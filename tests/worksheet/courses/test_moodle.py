"""Moodle's grading worksheet: marks and comments are filled in, and nothing else changes.

The table has the columns that Moodle's ``assign_grading_table`` downloads.
"""

import csv
import html
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.worksheet import Result, RosterError, moodle_worksheet
from tinygrad_hw.worksheet.courses.moodle import comment_html

WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 1234","Emmy Noether",emmy@x.org,"Submitted for grading",,50.00,Yes,\
"Monday, 3 November 2026, 1:00 PM",-,
"Participant 5","David Hilbert",david@x.org,"Submitted for grading",3.00,50.00,No,\
"Monday, 3 November 2026, 1:00 PM",-,"by hand"
"Participant 6","Max Born",max@x.org,"No submission",,50.00,Yes,-,-,
"""
Hand = Callable[..., Result]
FILE = "Emmy Noether_1234_assignsubmission_file_"


@pytest.fixture
def worksheet(tmp_path: Path) -> Path:
    path = tmp_path / "grades.csv"
    path.write_text(WORKSHEET)
    return path


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_marks_and_comments_are_filled_in(worksheet: Path, hand_in: Hand) -> None:
    table = moodle_worksheet(worksheet, [hand_in("a.toml", "emmy@x.org", loss="5.7")])
    before, after = rows(WORKSHEET.encode()), rows(table.content)
    emmy = after[0]
    assert emmy["Grade"] == "37.50"
    assert emmy["Feedback comments"].startswith("One neuron · emmy@x.org<br><br>Wrong<br>E = 5.7 ")
    assert emmy["Feedback comments"].endswith("Points: 3 of 4.")
    assert after[1:] == before[1:]
    assert {**emmy, "Grade": "", "Feedback comments": ""} == before[0]
    assert table.left == ("David Hilbert", "Max Born")


def test_a_comment_tells_what_was_changed(worksheet: Path, hand_in: Hand) -> None:
    result = replace(hand_in("a.toml", "emmy@x.org"), changes=("x in [given] is 3, and was 2",))
    comment = rows(moodle_worksheet(worksheet, [result]).content)[0]["Feedback comments"]
    assert "Not as it was handed out<br>x in [given] is 3, and was 2<br>" in comment


def test_comments_give_away_no_more_than_the_hints_allow(worksheet: Path, hand_in: Hand) -> None:
    result = hand_in("a.toml", "emmy@x.org", loss="5.7")
    comment = rows(moodle_worksheet(worksheet, [result], hints=1).content)[0]["Feedback comments"]
    assert "Somewhere on this sheet" in comment
    assert "E =" not in comment


def test_a_comment_does_not_say_where_the_teacher_keeps_the_sheet(
    worksheet: Path, hand_in: Hand
) -> None:
    result = hand_in("secret/a.toml", "emmy@x.org", loss="four")
    comment = rows(moodle_worksheet(worksheet, [result]).content)[0]["Feedback comments"]
    assert "<br>line 16: E = &#x27;four&#x27; is not a number<br>" in comment
    assert "secret" not in comment


@pytest.mark.parametrize(
    "file", [f"{FILE}/sheet.toml", f"{FILE}sheet.toml", f"all.zip/{FILE}/s.toml"]
)
def test_a_download_s_names_say_who_it_is(worksheet: Path, hand_in: Hand, file: str) -> None:
    table = moodle_worksheet(worksheet, [hand_in(file, "David Hilbert")])
    assert table.filled == ("Emmy Noether",)


def test_the_number_of_a_group_is_no_student_s(worksheet: Path, hand_in: Hand) -> None:
    file = "Group A_1234_assignsubmission_file_/sheet.toml"
    table = moodle_worksheet(worksheet, [hand_in(file, "Max Born")])
    assert table.filled == ()
    assert table.problems == (
        f"{file}: is of Group A, and its number 1234 is that of Emmy Noether; "
        "rename it to a login of its student",
    )


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("Hans Müller-Lüdenscheidt", "Hans Müller-Lüdenscheidt"),
        ("O'Neill, Zoe\u0308", "ONeill Zoë"),  # Moodle drops the apostrophe
        ("Li Bo", "Li Bo"),
        ("李 明", "李 明"),
        ("मीना हिन्दी", "मीना हिन्दी"),
    ],
)
def test_a_number_counts_beside_a_name_of_any_script(
    worksheet: Path, hand_in: Hand, name: str, of: str
) -> None:
    worksheet.write_text(WORKSHEET.replace("Emmy Noether", name))
    table = moodle_worksheet(worksheet, [hand_in(f"{of}_1234_assignsubmission_file_/s.toml")])
    assert table.filled == (unicodedata.normalize("NFC", name),)


def test_a_blind_worksheet_has_numbers_alone(worksheet: Path, hand_in: Hand) -> None:
    worksheet.write_text(
        'Identifier,Status,Grade,"Maximum grade","Last modified (grade)"\n'
        '"Participant 1234",Submitted,,100.00,-\n'
    )
    name = "Participant_1234_assignsubmission_file_sheet.toml"
    table = moodle_worksheet(worksheet, [hand_in(name, "Emmy Noether")])
    assert table.filled == ("Participant 1234",)
    assert rows(table.content)[0]["Grade"] == "100.00"
    assert moodle_worksheet(worksheet, [hand_in("a.toml", "participant 1234")]).filled

    name = "Teilnehmer_1234_assignsubmission_file_sheet.toml"  # downloaded in German
    assert moodle_worksheet(worksheet, [hand_in(name)]).filled


def test_what_excel_has_saved_with_semicolons_gets_back_what_moodle_reads(
    worksheet: Path, hand_in: Hand
) -> None:
    """Moodle's ``importgradeslib.php`` reads commas alone, and "37,50" as 37."""
    lines = csv.reader(io.StringIO(WORKSHEET.replace("50.00", '"50,00"'), newline=""))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([*lines, [""] * 10])
    worksheet.write_bytes(text.getvalue().encode("utf-8-sig"))
    table = moodle_worksheet(worksheet, [hand_in("a.toml", "emmy@x.org", loss="5.7")])
    assert table.content.decode("utf-8-sig").startswith(
        "Identifier,Full name,Email address,Status,"
    )
    assert rows(table.content)[0]["Grade"] == "37.50"
    assert table.left == ("David Hilbert", "Max Born")


def test_a_grade_that_moodle_has_locked_is_left(worksheet: Path, hand_in: Hand) -> None:
    table = moodle_worksheet(worksheet, [hand_in("a.toml", "David Hilbert")])
    assert rows(table.content) == rows(WORKSHEET.encode())
    assert table.problems == ("a.toml: the grade of David Hilbert cannot be changed, Moodle says",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Identifier", "ID", "it has no column 'Identifier'; switch Moodle to English"),
        ('"Last modified (grade)"', "Changed", "it has no column 'Last modified (grade)'"),
        ('"Maximum grade"', "Scale", "its grades are words of a scale; have the assignment"),
    ],
)
def test_another_table_is_refused_in_one_line(
    worksheet: Path, old: str, new: str, message: str
) -> None:
    worksheet.write_text(WORKSHEET.replace(old, new))
    with pytest.raises(RosterError) as caught:
        moodle_worksheet(worksheet, [])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.text("=+-@＝＠;,|\t\n '\"\\<&1a", max_size=8), max_size=4))
def test_a_comment_is_html_of_the_lines_and_no_part_of_it_a_formula(lines: list[str]) -> None:
    comment = comment_html(lines)
    for cell in re.split("[;,|\t]", comment):
        assert not re.match(r"[\s\"']*[=+\-@＝＠]", cell)
    text = html.unescape(comment.replace("<br>", "\n"))
    assert text.split() == "\n".join(lines).split()
    assert not re.search(r"<(?!br>)", comment)
    assert not set('"\\') & set(comment)  # after a backslash, PHP does not see the end of a cell


def test_a_name_of_signs_alone_is_soon_written() -> None:
    """Half a million of them took hours."""
    assert comment_html(["=" * 500_000]) == "&#61;" * 500_000
