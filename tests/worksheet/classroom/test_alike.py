"""Equal sheets are told of, with how likely that is; independent work is not, but by chance."""

import dataclasses
import random
import re
from itertools import product
from math import prod
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import Result, Submission, class_lines, mark, parse_sheet
from tinygrad_hw.worksheet.classroom.alike import (
    UNLIKELY,
    Work,
    Written,
    _at_least,
    alike_lines,
    find_alike,
)
from tinygrad_hw.worksheet.classroom.downloads import owner_of

PLACES = 40


def independent_class(rng: random.Random, size: int, slips: float) -> list[dict[int, Written]]:
    """Make sheets of students who slip on their own: some places oftener, some students oftener."""
    likely = [1 / (place + 1) for place in range(PLACES)]
    works = []
    for _ in range(size):
        work = {place: Written("right") for place in range(PLACES)}
        for place in rng.choices(range(PLACES), likely, k=int(rng.expovariate(1 / slips))):
            text = rng.choices(["likely", "less", "least"], [6, 3, 1])[0]
            work[place] = Written(text, f"slip {place}")
        works.append(work)
    return works


@pytest.mark.parametrize(("size", "slips"), [(8, 6), (20, 1), (20, 3), (20, 6)])
def test_of_classes_that_work_alone_hardly_any_has_a_pair_that_is_told_of(
    size: int, slips: float
) -> None:
    rng = random.Random(size)
    told = sum(
        any(not alike.are_equal for alike in find_alike(independent_class(rng, size, slips)))
        for _ in range(50)
    )
    assert told <= 2 * UNLIKELY * 50  # 2.5 are allowed; 5 or more come once in ten such tests


@pytest.mark.parametrize("changes", [0, 1, 3])
def test_a_copied_sheet_is_found_in_a_class_though_some_numbers_were_changed(changes: int) -> None:
    rng = random.Random(changes)
    for _ in range(10):
        works = independent_class(rng, 20, 2)
        slips = rng.sample(range(5, PLACES), 6)
        model = works[3] = {
            place: Written("odd", f"slip {place}") if place in slips else Written("right")
            for place in range(PLACES)
        }
        rights = rng.sample([place for place in range(PLACES) if place not in slips], changes)
        works[7] = model | dict.fromkeys(rights, Written("cut"))
        [first, *_] = find_alike(works)
        assert first.sheets == (3, 7)
        assert first.are_equal == (changes == 0)
        assert (first.numbers, sorted(first.slips)) == (PLACES - changes, sorted(slips))
        assert first.chance * first.pairs < UNLIKELY


def test_the_chance_is_as_worked_out_by_hand() -> None:
    """Of eight sheets, two share both of their slips; one of these is on another sheet, too."""
    right: Work = {place: Written("right") for place in "abcd"}
    slipped = {**right, "a": Written("1", "x"), "b": Written("2", "y")}
    works = [slipped, right, {**right, "a": Written("1", "x")}, *[right] * 4, dict(slipped)]
    [alike] = [alike for alike in find_alike(works) if alike.slips]
    # T = 1 and D = 4, since four numbers are on a sheet: "x" has 2/5 in each of two draws, "y" 1/5.
    assert alike.chance == pytest.approx((1 - (3 / 5) ** 2) * (1 - (4 / 5) ** 2))
    assert (alike.sheets, alike.slips, alike.pairs) == ((0, 7), ("a", "b"), 28)


@pytest.mark.parametrize("probabilities", [[], [0.3], [0.1, 0.5, 0.9, 0.25], [1.0, 0.0, 0.5]])
def test_so_many_events_or_more_by_listing_all_cases(probabilities: list[float]) -> None:
    for count in range(len(probabilities) + 1):
        expected = sum(
            prod(p if happens else 1 - p for p, happens in zip(probabilities, case, strict=True))
            for case in product([True, False], repeat=len(probabilities))
            if sum(case) >= count
        )
        assert _at_least(count, probabilities) == pytest.approx(expected)


def test_a_large_class_with_a_common_slip_is_compared_at_once() -> None:
    """The pairs of those with a common slip are too many to look at each."""
    common = {"a": Written("1", "x"), "b": Written("2", "y")}
    works = [{**common, "c": Written(str(i))} for i in range(3000)]
    assert find_alike(works) == []


# --- In words -------------------------------------------------------------------------------------

SHEET = """
student = "{student}"
[given]
x = {x}
[parameters]
w = 0.5
v = 0.25
[forward]
a = "w*x"
b = "a + v"
c = "b**2"
E = "c*a"
[update]
loss = "E"
rate = 0.1
[answers.forward]
a = "{a}"
b = "1.25"
c = "{c}"
E = "1.563"
"""


def result(name: str, a: str = "1", c: str = "1.563", student: str = "", x: int = 2) -> Result:
    text = SHEET.format(a=a, c=c, student=student, x=x)
    submission = Submission(name, name, Path(name), owner_of(name.split("/"), {}), None)
    return Result(submission, mark(parse_sheet(text, name)))


OTHERS = [result(f"other-{i}", c=f"1.5{i}") for i in range(6)]


def test_equal_sheets_are_told_of_with_their_slips_and_how_likely_that_is() -> None:
    [line] = alike_lines([result("one", "3", "7.1"), *OTHERS, result("two", "3", "7.1")])
    assert re.fullmatch(
        r"one and two: all 4 numbers are the same, wrong ones among them: a = 3 and c = 7\.1\. By "
        r"chance, a sheet of as many slips would have so many of these once in [\d.,]+ times; some "
        r"of 28 pairs, in every class\.",
        line,
    )


def test_of_few_sheets_it_is_not_said_how_likely_their_slips_are() -> None:
    copies = [result("one", "3", "7.1"), result("two", "3", "7.1"), result("three", "3", "7.2")]
    [line] = alike_lines([*copies, *OTHERS[:2]])
    assert line.startswith("one and two: all 4 numbers are the same, wrong ones among them: a = 3")
    assert line.endswith("7.1. The other sheets are too few to say how likely that is.")


def test_equal_sheets_without_a_slip_are_told_of_as_nothing_unusual() -> None:
    lines = list(alike_lines([result(f"{i}") for i in range(8)]))
    assert lines == [
        "0, 1, 2, 3, 4 and 3 more: all 4 numbers are the same; no slip is among them, and all good "
        "sheets may be so."
    ]


def test_who_shares_slips_with_equal_sheets_is_named_beside_them() -> None:
    works = [dict.fromkeys(range(24), Written(str(i))) for i in range(30)]
    slipped = works[5] | {place: Written("wrong", f"slip {place}") for place in range(8)}
    works[3] = works[7] = slipped
    works[9] = slipped | {23: Written("cut")}
    found = [(alike.sheets, alike.are_equal, alike.numbers) for alike in find_alike(works)]
    assert sorted(found) == [((3, 7), True, 24), ((3, 7, 9), False, 23)]


def test_the_summary_of_a_class_tells_of_them() -> None:
    lines = list(class_lines([result("one"), result("two")]))
    assert lines[lines.index("Alike, for whatever reason") + 1].startswith("  one and two: all 4")
    assert "Alike, for whatever reason" not in list(class_lines(OTHERS))


def test_one_name_on_two_equal_sheets_is_said() -> None:
    [line] = alike_lines([result("one", student="Emmy"), *OTHERS, result("two", student="Emmy")])
    assert line.startswith("one and two: all 4 numbers are the same, and so is the name, Emmy; no")


def test_two_files_of_one_student_are_not_compared() -> None:
    twice = [result("emmy_12_34_hw.toml"), result("emmy_12_35_hw-1.toml")]
    assert list(alike_lines(twice)) == []


def test_sheets_of_different_problems_and_those_that_cannot_be_marked_are_not_compared() -> None:
    results = [result("one"), result("two", x=3)]
    results.append(dataclasses.replace(results[0], marks=None, error="two: is not TOML"))
    assert list(alike_lines(results)) == []


def test_empty_sheets_are_not_equal() -> None:
    empty = [
        mark(
            parse_sheet(
                SHEET.format(student="", x=2, a="", c="").replace("1.25", "").replace("1.563", "")
            )
        )
        for _ in range(2)
    ]
    results = [Result(result(f"{i}").submission, marks) for i, marks in enumerate(empty)]
    assert list(alike_lines(results)) == []
