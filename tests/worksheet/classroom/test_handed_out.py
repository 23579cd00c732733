"""A sheet against what was handed out: what was changed is told, what was deleted is missing."""

import re
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import (
    WEIGHTS,
    Sheet,
    blanks,
    class_lines,
    compare,
    handed_in,
    key,
    mark,
    mark_all,
    parse_sheet,
    points,
    sheet_text,
)

PROBLEM = """
title = "A weight that is used twice"
student = "Emmy"
[given]
x = 2
y = 1
[parameters]
w = 0.5
[forward]
a = "w*x"
b = "w*a"
E = "(y - b)**2 / 2"
[update]
loss = "E"
rate = 0.1
steps = 2
[rounding]
figures = 4
"""
ANSWERED = sheet_text(key(parse_sheet(PROBLEM))).replace('student = ""', 'student = "Emmy"')
HANDED_OUT = blanks(parse_sheet(PROBLEM))


def changed(old: str, new: str = "", text: str = ANSWERED) -> Sheet:
    assert len(re.findall(old, text, re.M)) == 1
    return parse_sheet(re.sub(old, new, text, count=1, flags=re.M))


@pytest.mark.parametrize(
    "handed_out",
    [HANDED_OUT, key(HANDED_OUT), parse_sheet(PROBLEM)],
    ids=["blanks", "its key", "without answers: all is asked"],
)
def test_a_sheet_as_it_was_handed_out_is_marked_as_by_itself(handed_out: Sheet) -> None:
    sheet = parse_sheet(ANSWERED)
    compared = compare(sheet, [handed_out])
    assert compared.changes == ()
    assert compared.sheet == sheet
    assert mark(compared.sheet).items == mark(sheet).items


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("^x = 2$", "x = 1", "x in [given] is 1, and was 2"),
        ("^y = 1$", "y = 1\nv = 3", "v in [given] is new: 3"),
        ("^w = 0.5$", "w = 0", "w in [parameters] is 0, and was 0.5"),
        (r'^a = "w\*x"$', 'a = "x*w"', "a in [forward] is 'x*w', and was 'w*x'"),
        (r'"\(y - b\)\*\*2 / 2"', '"(b - y)**2 / 2"', "E in [forward] is '(b - y)**2 / 2', and"),
        ("^rate = 0.1$", "rate = 0.2", "the rate is 0.2, and was 0.1"),
        ("^figures = 4$", "figures = 1", "the rounding is 1 figures, and was 4 figures"),
        ("^figures = 4$", "decimals = 4", "the rounding is 4 decimals, and was 4 figures"),
        (r"^\[rounding\]\nfigures = 4$", "", "the rounding is any digits, and was 4 figures"),
        ('^student = "Emmy"$', 'student = " "', "the name is missing"),
    ],
)
def test_what_was_changed_is_told_and_the_sheet_is_marked_as_handed_out(
    old: str, new: str, change: str
) -> None:
    compared = compare(changed(old, new), [HANDED_OUT])
    [found] = compared.changes
    assert found.startswith(change)
    assert points(mark(compared.sheet)) == points(mark(parse_sheet(ANSWERED)))


def test_another_way_of_writing_is_no_change() -> None:
    sheet = changed(r'^a = "w\*x"$', 'a = " w  * x"')
    assert compare(sheet, [HANDED_OUT]).changes == ()


def test_what_is_gone_from_the_problem_is_told() -> None:
    assert (
        "y in [given] is deleted"
        in compare(
            parse_sheet(ANSWERED.replace("y = 1\n", "").replace("(y - b)", "(1 - b)")), [HANDED_OUT]
        ).changes
    )


@pytest.mark.parametrize(
    ("old", "names"),
    [
        ('^b = "0.5000"\n', ["b"]),
        ('^value = "-1"\n', ["dE/dw"]),
        ('(?<="-0.5000", "db/da" = "0.5000"), "da/dw" = "2"', ["da/dw in dE/dw"]),
        (r"^\[answers.updated\]\nw = .*\n", ["the new w"]),
        (r"^\[answers.table\]\nw = .*\n", ["w in the table"]),
        (r"^\[answers.step2.updated\]\nw = .*\n", ["the new w (step 2)"]),
        ('^  .*"-0.5000", "db/dw" = "1" },\n', ["dE/db in dE/dw", "db/dw in dE/dw"]),
        (
            r"(?s)^\[answers.step2.forward\].*?(?=^\[)",
            ["a (step 2)", "b (step 2)", "E (step 2)"],
        ),
    ],
)
def test_a_deleted_question_counts_as_missing(old: str, names: list[str]) -> None:
    """By the sheet alone it would be gone, and all others worth more."""
    compared = compare(changed(old), [HANDED_OUT])
    assert compared.changes == (f"deleted, and counted as missing: {', '.join(names)}",)
    marks, whole = mark(compared.sheet), len(mark(parse_sheet(ANSWERED)).items)
    assert marks.summary["missing"] == len(names)
    each_counts = {**WEIGHTS, "repeated": 1.0}
    assert points(marks, each_counts) == (whole - len(names), whole)


def test_what_ask_asks_for_and_is_absent_is_missing_and_was_not_deleted() -> None:
    handed_out = parse_sheet(f"{PROBLEM}[ask]\nforward = true\npoints = {{ forward = 3 }}\n")
    text = f"{PROBLEM}[ask]\nforward = true\n[answers.forward]\na = '1'\n"
    compared = compare(parse_sheet(text), [handed_out])
    assert compared.changes == ("[ask] is not as it was",)
    assert points(mark(compared.sheet)) == (3, 18)


def test_what_was_not_asked_for_is_told_and_not_marked() -> None:
    asks_less = changed('(?s)^b = ""(?=.*step2.forward)', "", sheet_text(HANDED_OUT))
    compared = compare(parse_sheet(ANSWERED), [asks_less])
    assert compared.changes == ("not asked for, and not marked: b",)
    assert len(mark(compared.sheet).items) == len(mark(parse_sheet(ANSWERED)).items) - 1


def test_a_changed_definition_is_told() -> None:
    text = PROBLEM.replace("[update]", '[define]\ndelta = "-dE/db"\n[update]')
    handed_out, sheet = parse_sheet(text), parse_sheet(text.replace("-dE/db", "dE/db"))
    assert compare(sheet, [handed_out]).changes == (
        "delta in [define] is 'dE/db', and was '-dE/db'",
    )


def test_of_many_changes_the_first_are_told_and_all_are_counted() -> None:
    more = "".join(f'n{i} = "x"\n' for i in range(900))
    written = "".join(f'n{i} = "2"\n' for i in range(900))
    text = ANSWERED.replace("[forward]\n", f"[forward]\n{more}", 1)
    sheet = parse_sheet(text.replace("[answers.forward]\n", f"[answers.forward]\n{written}", 1))
    changes = compare(sheet, [HANDED_OUT]).changes
    assert changes[0] == "n0 in [forward] is new: 'x'"
    assert changes[200] == "700 more"
    assert changes[201].startswith("not asked for, and not marked: n0, n1, ")
    assert changes[201].endswith(", n199, 700 more")
    assert mark(compare(sheet, [HANDED_OUT]).sheet).summary["missing"] == 0


def test_what_the_page_has_revealed_is_told_and_kept() -> None:
    sheet = changed(r"^\[answers.forward\]$", '[answers]\nrevealed = ["b"]\n[answers.forward]')
    compared = compare(sheet, [HANDED_OUT])
    assert compared.changes == ("its page has shown, when asked: b",)
    assert compared.sheet == sheet


def test_paths_may_stand_in_another_order() -> None:
    sheet = parse_sheet(ANSWERED)
    partial = sheet.answers.partials["dE/dw"]
    turned = changed(r"^paths = \[\n(.*\n)(.*\n)\](?=\nvalue = \"-1\")", r"paths = [\n\2\1]")
    assert turned.answers.partials["dE/dw"].paths == partial.paths[::-1] != partial.paths
    compared = compare(turned, [HANDED_OUT])
    assert compared.changes == ()
    assert compared.sheet == sheet


def test_of_many_that_were_handed_out_the_likest_is_the_student_s_own() -> None:
    others = [changed("^x = 2$", f"x = {x}", sheet_text(HANDED_OUT)) for x in (3, 4, 5)]
    sheet = changed("^w = 0.5$", "w = 0.25")
    for place in range(4):
        handed_out = [*others[:place], HANDED_OUT, *others[place:]]
        assert compare(sheet, handed_out).changes == ("w in [parameters] is 0.25, and was 0.5",)


def test_an_answer_that_is_no_number_is_named_by_its_line_in_the_student_s_file() -> None:
    sheet = changed(r'^b = "0.5000"$', 'b = "half"')
    [reason] = mark(compare(sheet, [HANDED_OUT]).sheet).unreadable
    line = sheet.lines.index('b = "half"') + 1
    assert reason.startswith(f"sheet, line {line}: b = 'half' is not a number")


def test_a_class_is_told_of_in_its_summary(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ANSWERED)
    (tmp_path / "b.toml").write_text(ANSWERED.replace("Emmy", "").replace("w = 0.5\n", "w = 1\n"))
    results = list(mark_all(handed_in([tmp_path]).submissions, [HANDED_OUT]))
    lines = list(class_lines(results))
    where = lines.index("Not as it was handed out")
    assert lines[where + 1 : where + 3] == [
        "  b.toml: w in [parameters] is 1, and was 0.5; the name is missing",
        "",
    ]


def test_a_name_is_missed_only_where_the_course_system_gives_none(tmp_path: Path) -> None:
    names = ("noetheremmy_101_9001_hw.toml", "anon_x7Qz1_9004_hw.toml", "hw.toml")
    for name in names:
        (tmp_path / name).write_text(ANSWERED.replace("Emmy", ""))
    results = mark_all(handed_in([tmp_path]).submissions, [HANDED_OUT])
    changes = {result.submission.name: result.changes for result in results}
    assert changes == {names[0]: (), names[1]: (), names[2]: ("the name is missing",)}
