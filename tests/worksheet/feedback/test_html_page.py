"""The page to hand back: what is on it, and what each level of hints keeps to itself."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from tinygrad_hw.formatting.html import figure, typeset
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import exercise, key, parse_sheet, read_sheet, sheet_text
from tinygrad_hw.worksheet.feedback.html_page import marked_page
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE

HINTS = (1, 2, 3)
NEURON = """
title = "One neuron"
student = "Seat 12"
[given]
x = 2
y = 1
[parameters]
w = 0.5
b = -0.3
[forward]
z = "w*x + b"
a = "sigmoid(z)"
E = "(y - a)**2 / 2"
[update]
loss = "E"
rate = 0.5
[rounding]
figures = 4
[answers.forward]
z = "0.7"
a = ""
[answers.partials."dE/dw"]
factors = { "dE/da" = "-0.3318", "da/dz" = "0.2271", "dz/dw" = "2" }
value = "-0.1471"
struck = ["-0.147"]
[answers.updated]
w = "0.5736"
b = " "
"""
TWO_PATHS = """
[given]
x = 2
[parameters]
w = 1.5
[forward]
h = "w*x"
p = "2*h"
q = "h**2"
E = "p*q"
[update]
loss = "E"
rate = 0.1
[answers.partials."dE/dw"]
paths = [
  { "dE/dp" = "9", "dp/dh" = "2", "dh/dw" = "2" },
  { "dE/dq" = "6", "dq/dh" = "6", "dh/dw" = "3" },
]
value = "108"
"""


@pytest.fixture(scope="module")
def q1a() -> Marks:
    return mark(read_sheet(sheet_path("q1a")))


@pytest.fixture(scope="module")
def neuron() -> Marks:
    return mark(parse_sheet(NEURON))


def solved(net: str, steps: int = 1) -> str:
    """A sheet with all its right answers."""
    return sheet_text(key(exercise(net, seed=3, figures=4, steps=steps)))


class Page(HTMLParser):
    """A page's text and numbers, and that its tags are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.numbers: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "data":
            self.numbers.append(dict(attrs)["value"] or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def main_of(html: str) -> str:
    """The sheet itself: what stands below the head."""
    return html[html.index("<main>") : html.index("</body>")]


def altered(marks: Marks, **changes: Any) -> Marks:
    """The same marks, every number that is not missing with other contents."""
    items = (i if i.verdict == "missing" else replace(i, **changes) for i in marks.items)
    return Marks(marks.sheet, tuple(items))


# --- What is on it --------------------------------------------------------------------------------


@pytest.mark.parametrize("hints", HINTS)
def test_every_number_is_there(q1a: Marks, hints: int) -> None:
    shown = Page(marked_page(q1a, hints))
    assert not Counter(item.printed for item in q1a.items) - Counter(shown.numbers)
    assert "Question 1 (a): a 2-3-1 sigmoid network, every parameter 1" in shown.text
    assert "the homework" in shown.text
    assert "92 of 104 right" in shown.text
    assert "9 wrong" in shown.text
    assert "3 follow from a slip" in shown.text


@pytest.mark.parametrize("net", ["2-3-1", "2-2-2"])
def test_every_number_of_any_network_and_every_step_is_there(net: str) -> None:
    marks = mark(parse_sheet(solved(net, steps=2)))
    shown = Page(marked_page(marks))
    assert not Counter(item.printed for item in marks.items) - Counter(shown.numbers)
    assert f"{len(marks.items)} of {len(marks.items)} right" in shown.text
    assert shown.text.index("Step 1 of 2") < shown.text.index("Step 2 of 2")
    assert shown.text.index("Step 2 of 2") < shown.text.index("The closing table")


def test_points_are_shown_where_they_are_given(q1a: Marks) -> None:
    assert "Points: 92 of 104" in Page(marked_page(q1a, points="92 of 104")).text
    assert "Points" not in Page(marked_page(q1a)).text


def test_a_chain_stands_as_it_was_written(neuron: Marks) -> None:
    shown = marked_page(neuron)
    chain = shown[shown.index('<div class="chain">') : shown.index('<ul class="notes">')]
    assert Page(chain).text == "dE/da−0.3318✓×da/dz0.2271✗×dz/dw2✓=dE/dw−0.147−0.1471✓"
    assert f'<del title="crossed out">{figure("-0.147")}</del>' in shown


def test_several_paths_are_a_sum_and_the_factor_of_the_right_one_is_marked() -> None:
    shown = marked_page(mark(parse_sheet(TWO_PATHS)), 2)
    chain = Page(main_of(shown)).text.split("Partials")[1].split("dh/dw: ")[0]
    one, two = "dE/dp9✓×dp/dh2✓×dh/dw2✓", "dE/dq6✓×dq/dh6✓×dh/dw3✗"
    assert chain == f"{one}+{two}=dE/dw108✓"


def test_each_verdict_has_a_sign_that_is_not_only_color(q1a: Marks, neuron: Marks) -> None:
    for marks in (q1a, neuron):
        shown = main_of(marked_page(marks, 2))
        for sign, belongs in {
            "✗": lambda item: item.verdict == "wrong",
            "↳": lambda item: item.verdict == "follows",
            "✓≈": lambda item: item.verdict == "rounded" and not item.note,
            " cut": lambda item: item.note == "truncated",
            "✓": lambda item: item.verdict in ("exact", "rounded"),
        }.items():
            assert Page(shown).text.count(sign) == sum(map(belongs, marks.items)), sign
        missing = sum(item.verdict == "missing" for item in marks.items)
        assert shown.count('class="box"') == missing


def test_where_digits_were_lost_is_said_and_what_would_earn_them(q1a: Marks) -> None:
    shown = Page(marked_page(q1a)).text
    digits = shown[shown.index("Digits") :]
    assert "1 − a1, a difference of nearly equal numbers, costs 3 digits." in digits
    assert "da1/dz1: 1 of 4 figures can be trusted; carry 7 to earn 4 here." in digits
    assert digits.count("dE/da4") == 0  # −0.018 has two figures, and three can be trusted
    assert digits.count("da1/dz1") == 1  # in three chains


def test_what_is_to_be_earned_is_what_the_sheet_asks_for(q1a: Marks) -> None:
    asked = Marks(replace(q1a.sheet, rounding=("figures", 3)), q1a.items)
    assert "to earn 3 here" in Page(marked_page(asked)).text
    assert "to earn 4 here" not in Page(marked_page(asked)).text


# --- What each level keeps to itself --------------------------------------------------------------


def test_a_nudge_says_what_and_not_where(q1a: Marks, neuron: Marks) -> None:
    for marks in (q1a, neuron):
        shown = marked_page(marks, 1)
        right = altered(marks, verdict="exact", note="", exact=123.0, explanation="", formula="")
        assert main_of(shown) == main_of(marked_page(right, 1))
        nudges = sorted({item.hint for item in marks.items if item.verdict == "wrong"})
        places = [Page(shown).text.index(nudge) for nudge in nudges]
        assert places == sorted(places)  # by the alphabet, not by where they belong


def test_a_place_says_where_and_not_what(q1a: Marks, neuron: Marks) -> None:
    for marks in (q1a, neuron):
        shown = marked_page(marks, 2)
        secret = altered(marks, explanation="secret", exact=123.0, formula="secret", slip="secret")
        assert shown == marked_page(secret, 2)
        wrong = [item for item in marks.items if item.verdict == "wrong"]
        assert re.findall(r'class="marked wrong"><data[^>]* value="([^"]+)"', shown) == [
            item.printed for item in wrong
        ]
        assert all(item.hint in shown for item in wrong)


def test_the_answer_explains_and_gives_the_right_number(q1a: Marks, neuron: Marks) -> None:
    for marks in (q1a, neuron):
        shown = marked_page(marks, 3)
        for item in marks.items:
            if item.verdict == "wrong":
                assert typeset(item.explanation) in shown
    assert 'value="1.00000001067"' in marked_page(q1a)
    assert "With all digits: a · (1 − a) = 0.2217" in Page(marked_page(neuron)).text


def test_what_is_missing_is_a_box_and_only_the_answer_fills_it(neuron: Marks) -> None:
    for hints in HINTS:
        numbers = Page(marked_page(neuron, hints)).numbers
        assert ("0.6682" in numbers) == (hints == 3)
        assert ("-0.2632" in numbers) == (hints == 3)
        assert "2 missing" in Page(marked_page(neuron, hints)).text


def test_a_slip_of_no_catalogue_has_a_nudge_all_the_same(neuron: Marks) -> None:
    marks = altered(neuron, hint="")
    assert "Work it out again." in marked_page(marks, 1)
    assert "Work it out again." in marked_page(marks, 2)


def test_no_hint_holds_a_number_or_a_name() -> None:
    """Or a nudge would give away a place."""
    assert not [slip.hint for slip in CATALOGUE if re.search(r"\d|/", slip.hint)]


# --- From strangers, for anybody ------------------------------------------------------------------


@pytest.mark.parametrize("hints", HINTS)
def test_hostile_text_is_escaped(hints: int) -> None:
    evil = '"><script>alert(1)</script><img src="//evil.example" onerror="x">'
    text = NEURON.replace('"One neuron"', f"'{evil}'").replace('"Seat 12"', f"'{evil}'")
    marks = mark(parse_sheet(text.replace('["-0.147"]', f"['{evil}', '{'9' * 5000}']")))
    shown = marked_page(marks, hints, points=evil)
    Page(shown)
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("&lt;script&gt;") >= 5
    assert "9" * 100 not in shown


@pytest.mark.parametrize("hints", HINTS)
def test_it_needs_nothing_else(q1a: Marks, hints: int) -> None:
    shown = marked_page(q1a, hints)
    assert not re.search(r"https?:|//www|@import|@font-face|url\(|<script|<link|<img", shown)
    assert not {name for name, _ in Page(shown).attributes} & {"src", "href", "data", "style"}


def test_a_sheet_without_title_or_student_has_a_page(neuron: Marks) -> None:
    shown = marked_page(Marks(replace(neuron.sheet, title="", student=""), neuron.items))
    assert "<title>A marked sheet</title>" in shown
    assert 'class="student"' not in shown


def test_every_formula_is_on_the_page_once_whether_it_is_asked_for_or_not() -> None:
    """Who gets it back sees what was computed, such as a loss that needed no answer."""
    sheet = read_sheet(sheet_path("q1a"))
    assert "E" not in sheet.answers.forward
    lines = set(re.findall(r"<li>(.*?)</li>", marked_page(mark(sheet), 1)))
    plain = [re.sub("<[^>]*>", "", line) for line in lines]
    assert [line for line in plain if line.startswith("E = ")] == ["E = (y − a4)2 / 2"]
    for name in sheet.answers.forward:
        assert not any(re.match(rf"{name} = .*[a-z]", line) for line in plain)
