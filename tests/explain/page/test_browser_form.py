"""The page in Chromium: the form for answers, and a blank sheet that reveals its solution."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_in_browser import (
    ABOUT,
    Open,
    assert_seen,
    page_of,
    seen,
    told_by_engine,
    type_in,
    view_of,
)
from playwright.sync_api import Page, expect

from tinygrad_hw import steps
from tinygrad_hw.explain import page_html
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import blanks, feedback_lines, marked_page, read_number, solve
from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.reader import read_sheet

# --- The form -------------------------------------------------------------------------------------


def answers_of(sheet: Sheet) -> list[str]:
    """All answers in the order of their fields."""
    found: list[str] = []
    for answers in (sheet.answers, *sheet.later_answers):
        found += answers.forward.values()
        for partial in answers.partials.values():
            found += [text for path in partial.paths for text in path.values()]
            found += [] if partial.value is None else [partial.value]
        found += answers.updated.values()
    return found + list(sheet.answers.table.values())


def save(page: Page, tmp_path: Path) -> Sheet:
    """Press the button, and read what was saved."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a sheet").click()
    assert re.fullmatch(r"[\w-]+\.toml", download.value.suggested_filename)
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    expect(page.locator("#saved")).to_contain_text(download.value.suggested_filename)
    return read_sheet(path)


@pytest.mark.parametrize("steps_", [1, 2])
def test_answers_are_typed_saved_read_and_marked(steps_: int, opened: Open, tmp_path: Path) -> None:
    sheet = exercise("2-2-1", seed=4, steps=steps_)
    solved = key(sheet)
    page = opened(sheet_page(sheet))
    page.locator("#write").click()
    boxes = page.locator("#answers fieldset input").all()
    texts = answers_of(solved)
    assert len(boxes) == len(texts)
    boxes[0].focus()
    for text in texts:  # by keys alone, from field to field
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    read = save(page, tmp_path)
    assert read == solved
    verdicts = {item.verdict for item in mark(read).items}
    assert verdicts <= {"exact", "rounded"}
    assert len(mark(read).items) == len(texts)


def test_answers_that_stand_there_are_changed_and_saved(opened: Open, tmp_path: Path) -> None:
    page = opened(page_of("q1a"))
    page.locator("#write").click()
    sheet = read_sheet(sheet_path("q1a"))
    assert save(page, tmp_path) == sheet
    box = page.locator("#answers").get_by_label("Forward: z1", exact=True).first
    assert box.input_value() == "8"
    box.fill(" 7.5 ")
    type_in(page, "w1", "3")  # what is tried with a slider is no answer
    page.get_by_role("button", name="Save as a sheet").focus()
    read = save(page, tmp_path)
    sheet.answers.forward["z1"] = "7.5"
    assert read == sheet
    [item] = [x for x in mark(read).items if (x.part, x.name) == ("forward", "z1")]
    assert item.verdict == "wrong"


AWKWARD = [
    '"',
    "\\",
    '0.5" # \\',
    '"""',
    "'''",
    "\\u0041",
    "⟦0⟧",
    "−0,5 · 10⁻³",
    "½ ü 名 😀",
    "</script><b>",
    "] [given] x = 1",
    "1\x00\x07\x1b\x7f\x852",
    "\u202e12\u2066",
    "3\u20284",
    "x" * 5000,
]


@pytest.mark.parametrize("texts", [AWKWARD[::2], AWKWARD[1::2]])  # ten in a second are refused
def test_awkward_answers_are_saved_as_text(texts: list[str], opened: Open, tmp_path: Path) -> None:
    """What TOML cannot hold is a blank; the rest is there to the letter."""
    page = opened(page_of("q1a"))
    page.locator("#write").click()
    sheet = read_sheet(sheet_path("q1a"))
    for text in texts:
        page.locator("#answers").get_by_label("Forward: z1", exact=True).first.fill(text)
        sheet.answers.forward["z1"] = re.sub("[\x00-\x1f\x7f-\x9f]", " ", text).strip()
        assert save(page, tmp_path) == sheet


def test_enter_goes_on_to_the_next_field_and_saves_nothing(opened: Open) -> None:
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    saved: list[str] = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    page.locator("#answers").get_by_label("Name").focus()
    boxes = page.locator("#answers fieldset input").all()
    for i, box in enumerate(boxes):
        page.keyboard.press("Enter")
        expect(box).to_be_focused()
        page.keyboard.type(str(i))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save as a sheet")).to_be_focused()
    assert [box.input_value() for box in boxes] == [str(i) for i in range(len(boxes))]
    expect(page.locator("#filled")).to_have_text(f"{len(boxes)} of {len(boxes)} filled")
    assert saved == []


@pytest.mark.parametrize("press", ["a", "click"])
def test_one_press_leads_to_the_first_answer_that_is_missing(press: str, opened: Open) -> None:
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    boxes = page.locator("#answers fieldset input")
    boxes.nth(0).fill("1")
    boxes.nth(2).fill("1")
    page.locator("summary").filter(has_text="Your answers").click()
    expect(boxes.nth(1)).to_be_hidden()
    page.evaluate("() => scrollTo(0, 0)")
    page.keyboard.press("a") if press == "a" else page.locator("#write").click()
    expect(boxes.nth(1)).to_be_focused()
    expect(boxes.nth(1)).to_be_in_viewport()
    expect(page.locator("#filled")).to_have_text(f"2 of {boxes.count()} filled")


@pytest.mark.parametrize("name", ["blank", "q1a"])
def test_start_over_puts_back_what_was_there_and_can_be_undone(name: str, opened: Open) -> None:
    """A blank sheet is blank again, one with answers has its own; the undo ends with typing."""
    page = opened(sheet_page(exercise("2-2-1", seed=4)) if name == "blank" else page_of(name))
    page.locator("#write").click()
    over, boxes = page.locator("#over"), page.locator("#answers input").all()
    before = [box.input_value() for box in boxes]
    assert any(before) == (name == "q1a")
    expect(over).to_be_disabled()
    boxes[0].fill("Ada")
    boxes[1].fill("0.25")
    boxes[2].fill("half")
    over.click()
    assert [box.input_value() for box in boxes] == before
    expect(page.locator("#unreadable")).to_have_text("")
    page.reload()
    assert [box.input_value() for box in boxes] == before
    page.locator("#write").click()
    boxes[1].fill("0.5")
    over.click()
    expect(over).to_have_text("Undo")
    over.click()
    expect(over).to_have_text("Start over")
    assert [box.input_value() for box in boxes] == [before[0], "0.5", *before[2:]]
    page.reload()
    assert boxes[1].input_value() == "0.5"
    page.locator("#write").click()
    over.click()
    boxes[2].fill("7")
    expect(over).to_have_text("Start over")


def test_a_sheet_that_is_saved_without_a_name_is_told_so(opened: Open, tmp_path: Path) -> None:
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    assert save(page, tmp_path).student == ""
    expect(page.locator("#saved")).to_contain_text("no name")
    page.get_by_label("Name").fill("Ada")
    assert save(page, tmp_path).student == "Ada"
    expect(page.locator("#saved")).not_to_contain_text("no name")


def test_half_a_character_does_not_spoil_the_sheet(opened: Open, tmp_path: Path) -> None:
    page = opened(page_of("q1a"))
    page.locator("#write").click()
    box = page.locator("#answers").get_by_label("Forward: z1", exact=True).first
    box.evaluate("e => { e.value = '\\ud83d 8'; }")
    assert save(page, tmp_path).answers.forward["z1"].endswith(" 8")


# --- A blank sheet --------------------------------------------------------------------------------

VISIBLE = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.checkVisibility({visibilityProperty: true}) && !parent.closest("script")) {
      texts.push(walker.currentNode.data);
    }
  }
  return texts.join("\\n");
}"""


def solution_numbers(sheet: Sheet) -> set[str]:
    """All numbers of the solution, as a page writes them, that are not given."""
    solved = solve(sheet)
    numbers = {*map(number, solved.forward.values()), *map(number, solved.partials.values())}
    for chain in solved.chains.values():
        numbers |= {number(factor.value) for path in chain.paths for factor in path}
    known = {*sheet.given.values(), *sheet.parameters.values(), 1.0}
    # without signs, which formulas write as operators
    return {x.lstrip("-") for x in numbers if abs(float(x)) not in {*map(abs, known)}}


def reveal(page: Page, times: int) -> None:
    for _ in range(times):
        page.keyboard.press("r")


@pytest.mark.parametrize("unfolded", [False, True])
def test_a_blank_sheet_shows_no_solution_until_asked(unfolded: bool, opened: Open) -> None:
    sheet = exercise("2-2-1", seed=4)
    root = sheet.evaluate()[sheet.loss]
    view = steps(root)
    page = view_of(opened(sheet_page(sheet)), unfolded)
    hidden = solution_numbers(sheet)
    assert len(hidden) == 20
    for press in ("End", "n", "p", "n"):  # none of which reveals anything
        page.keyboard.press(press)
    names = [f"about-{i}" for i in range(page.locator("article").count())]
    for name in names:
        page.evaluate("(id) => explain(Number(id.slice(6)))", name)
        seen_ = page.evaluate(VISIBLE)
        assert {
            x for x in hidden if re.search(rf"(?<![\d.]){re.escape(x)}(?![\d])", seen_)
        } == set()
    expect(page.locator("#forth")).to_be_disabled()
    expect(page.locator("#explained")).to_contain_text("not revealed yet")
    reveal(page, len(view))
    expect(page.locator("#reveal")).to_be_disabled()
    reveal(page, 1)
    found = seen(page)
    whole = steps(root, unfolded=unfolded)
    assert_seen(found, list(told_by_engine(whole))[-1], len(whole) - 1, len(whole))
    assert page.evaluate(ABOUT) == page.evaluate(ABOUT, page_html(root))


class Text(HTMLParser):
    """The text of a page without its scripts, and all that is said in attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.within = ""
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within = tag
        self.found += [x or "" for name, x in attrs if name in ("aria-label", "title", "value")]

    def handle_data(self, data: str) -> None:
        self.found += [data] if self.within not in ("script", "style") else []


def test_the_file_of_a_blank_sheet_has_no_number_of_its_solution(opened: Open) -> None:
    """Who looks into it finds the program alone, by which the page computes them."""
    sheet = exercise("2-2-1", seed=4)
    hidden = solution_numbers(sheet)

    def told(page: str) -> set[str]:
        text = " ".join(Text(page).found)
        return {x for x in hidden if re.search(rf"(?<![\d.]){re.escape(x)}(?!\d)", text)}

    assert told(sheet_page(key(sheet)))
    assert told(sheet_page(sheet)) == set()


def test_nothing_plays_where_nothing_is_revealed(opened: Open) -> None:
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    expect(page.locator("#play")).to_be_disabled()
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_contain_text("Play")
    reveal(page, 1)
    expect(page.locator("#play")).to_be_enabled()


def test_start_over_hides_nothing_that_was_revealed(opened: Open, tmp_path: Path) -> None:
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    reveal(page, 2)
    page.locator("#answers fieldset input").first.fill("1")
    page.locator("#over").click()
    expect(page.locator("#saved")).to_contain_text("What was revealed stays so.")
    assert save(page, tmp_path).answers.revealed == ("z1", "a1")


def test_one_number_after_the_other_is_revealed(opened: Open) -> None:
    sheet = exercise("2-2-1", seed=4)
    view = steps(sheet.evaluate()[sheet.loss])
    page = opened(sheet_page(sheet))
    expected = list(told_by_engine(view))
    for i, frame in enumerate(view):
        page.keyboard.press("r") if i % 2 else page.locator("#reveal").click()
        found = seen(page)
        assert found["said"] == frame.sentence
        assert Counter(map(tuple, found["rows"])) == expected[i + 1]["rows"]
        assert found["steps"] == [x.sentence for x in view[: i + 1]]
        assert found["position"] == [str(i + 1), str(i + 1)]
    assert i > 20


def test_the_saved_sheet_and_the_browser_remember_what_was_revealed(
    opened: Open, tmp_path: Path
) -> None:
    sheet = exercise("2-2-1", seed=4)
    page = opened(sheet_page(sheet))
    page.locator("#write").click()
    assert save(page, tmp_path).answers.revealed == ()
    reveal(page, 9)  # seven forward values, the loss's own gradient, and the next
    page.locator("#answers").get_by_label("Name").fill("Ada L. ⟦-1⟧")
    page.locator("#answers fieldset input").first.fill("0.5")
    page.reload()
    page.locator("#write").click()
    expect(page.locator("#count")).to_contain_text("9 of")
    read = save(page, tmp_path)
    assert (read.student, read.answers.forward["z1"]) == ("Ada L. ⟦-1⟧", "0.5")
    assert read.answers.revealed == (*sheet.forward, f"d{sheet.loss}/da3")
    told = " ".join(feedback_lines(mark(read)))
    assert "Revealed on the sheet's page before it was saved   z1, a1," in told
    assert "Revealed on the sheet" in marked_page(mark(read))
    unanswered = dataclasses.replace(
        blanks(sheet),
        answers=dataclasses.replace(blanks(sheet).answers, revealed=read.answers.revealed[:3]),
    )
    again = opened(sheet_page(unanswered))
    expect(again.locator("#count")).to_contain_text("3 of")
    assert save(again, tmp_path) == unanswered


READABLE = [
    "8",
    " 7.5 ",
    "-3.18e-4",
    "−3,18·10⁻⁴",
    "-.000318",
    "1/3",
    "½",
    "1 ½"[:1],
    "1,234.5",
    "1 234.567 8",
    "10^-3",
    "10⁻³",
    "(0.5)",
    "-(0.5)",
    "≈ 0.25",
    "3 x 10^4",
    "2*10**(-3)",
    "1e5",
    "1'234",
    "0.",
    "＋1",
    r"-3.18 \cdot 10^{-4}",
    r"$3.18\times10^{-4}$",
    "0.333...",
    "0.66…",
]
UNREADABLE = [
    "$0.5",
    "0.5....",
    r"0.5\cdot",
    "abc",
    "w1",
    "0.5x",
    "1e",
    "--2",
    "1/",
    "half",
    "0.5 0.6 m",
    "?",
    "10^",
    "z1 = 8",
    "2+3",
    "(0.5",
    "0.5)",
    "-(0.5",
    "((0.5)",
    "nan",
    "inf",
]


def test_the_form_says_what_is_no_number(opened: Open) -> None:
    """As the marker reads them."""
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    page.locator("#write").click()
    box, said = page.locator("#answers fieldset input").first, page.locator("#unreadable")
    for text in READABLE:
        read_number(text.strip())
        box.fill(text)
        assert (text, box.get_attribute("aria-invalid")) == (text, "false")
        expect(said).to_have_text("")
    for text in UNREADABLE:
        with pytest.raises(ValueError, match="is not a number"):
            read_number(text)
        box.fill(text)
        assert (text, box.get_attribute("aria-invalid")) == (text, "true")
        expect(said).to_have_text("No number, and would count as missing: Forward: z1")
    box.fill("")
    expect(said).to_have_text("")
