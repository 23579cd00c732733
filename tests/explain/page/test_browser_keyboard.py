"""The page in Chromium, for who has a keyboard or a screen reader alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from page_in_browser import (
    PAPER,
    STYLES,
    Open,
    begins,
    changed,
    field,
    page_of,
    seen,
    slider,
    type_in,
    view_of,
)
from playwright.sync_api import Page, expect

from tinygrad_hw import steps
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.sheet.reader import read_sheet

# --- The keyboard alone ---------------------------------------------------------------------------


def test_keys_step_jump_unfold_and_turn_the_light(opened: Open) -> None:
    page = opened(page_of("q1a"))
    said, count = page.locator("#said"), page.locator("#count")
    view, scalars = steps(changed("q1a")), steps(changed("q1a"), unfolded=True)
    place = -1
    for press, move in [("ArrowRight", 1), ("n", 1), ("n", 1), ("ArrowLeft", -1), ("p", -1)]:
        page.keyboard.press(press)
        place += move
        expect(said).to_have_text(view[place].sentence)
    page.keyboard.press("End")
    expect(said).to_have_text(view[-1].sentence)
    page.keyboard.press("n")  # there is no further
    expect(said).to_have_text(view[-1].sentence)
    page.keyboard.press("Home")
    expect(count).to_have_text(f"0 of {len(view)}")
    page.keyboard.press("p")
    expect(count).to_have_text(f"0 of {len(view)}")
    page.keyboard.press("u")
    page.keyboard.press("End")
    expect(said).to_have_text(scalars[-1].sentence)
    expect(page.locator("#fold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("u")
    expect(count).to_have_text(f"0 of {len(view)}")
    paper = [page.evaluate(PAPER)]
    for _ in range(2):
        page.keyboard.press("t")
        paper.append(page.evaluate(PAPER))
    assert paper[0] == paper[2] != paper[1]
    page.keyboard.press("g")
    expect(page.locator("#position")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(view[0].sentence)
    for press in ("Control+ArrowRight", "Alt+n", "Control+p"):
        page.locator("#said").evaluate("() => document.activeElement.blur()")
        page.keyboard.press(press)
        expect(said).to_have_text(view[0].sentence)


def test_space_plays_and_pauses_and_plus_and_minus_change_the_speed(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.clock.install()
    count, speed = page.locator("#count"), page.locator("#speed")
    options = speed.evaluate("e => [...e.options].map(o => o.value)")
    assert speed.input_value() == "1"
    page.keyboard.press(" ")
    page.clock.run_for(1700)
    expect(count).to_contain_text("1 of 31")
    page.keyboard.press("+")
    assert float(speed.input_value()) > 1
    page.clock.run_for(1600)
    fast = int((count.text_content() or "").split(" ")[0])
    assert fast > 2
    page.keyboard.press(" ")
    page.clock.run_for(60_000)
    expect(count).to_contain_text(f"{fast} of 31")
    for press, end in (("+", options[-1]), ("-", options[0])):
        for _ in range(len(options) + 1):
            page.keyboard.press(press)
        assert speed.input_value() == end


def test_keys_typed_into_an_answer_are_no_commands(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.keyboard.press("n")
    before, paper = seen(page), page.evaluate(PAPER)
    page.locator("#write").click()
    box = page.locator("#answers input").first
    box.focus()
    for press in ("n", "p", "u", "t", "g", " ", "+", "End", "Home", "ArrowRight"):
        page.keyboard.press(press)
    expect(box).to_be_focused()
    after = seen(page)
    assert after["count"] == before["count"]
    assert len(after["rows"]) == len(before["rows"])
    assert page.evaluate(PAPER) == paper
    expect(page.locator("#play")).to_contain_text("Play")
    assert "nput" in box.input_value()


@pytest.mark.parametrize("where", ["#position", "#speed", "slider", "number", "row"])
def test_keys_work_wherever_the_focus_is(where: str, opened: Open) -> None:
    """What has the focus keeps its own keys: of a number its digits, of a slider the arrows."""
    page = opened(page_of("q1a"))
    places = {"slider": slider(page, "x1"), "number": field(page, "w1")}
    places["row"] = page.get_by_role("button", name=begins("a4")).first
    place = places.get(where) or page.locator(where)
    count, paper = page.locator("#count"), page.evaluate(PAPER)
    numbers = field(page, "w1").input_value(), slider(page, "x1").input_value()

    def pressed_here(press: str) -> None:
        place.focus()
        page.keyboard.press(press)

    for press, told in (("n", "1 of 31"), ("n", "2 of 31"), ("p", "1 of 31")):
        pressed_here(press)
        expect(count).to_contain_text(told)
    pressed_here("t")
    assert page.evaluate(PAPER) != paper
    if where not in ("#speed", "row"):  # which have a use for the space bar
        pressed_here(" ")
        expect(page.locator("#play")).to_contain_text("Pause")
        pressed_here(" ")
    assert numbers == (field(page, "w1").input_value(), slider(page, "x1").input_value())
    pressed_here("u")
    expect(count).to_contain_text("of 63")
    page.keyboard.press("g")
    expect(page.locator("#position")).to_be_focused()
    page.keyboard.press("End")
    expect(count).to_contain_text("63 of 63")
    page.keyboard.press("p")
    expect(count).to_contain_text("62 of 63")
    if where == "slider":
        pressed_here("ArrowRight")
        assert float(place.input_value()) > float(numbers[1])
        expect(count).to_contain_text("62 of 63")
    if where == "number":
        pressed_here("Control+a")
        page.keyboard.type("-2.5e-1")
        page.keyboard.press("Enter")
        assert place.input_value() == "-0.25"
        expect(count).to_contain_text("62 of 63")


def test_enter_and_space_press_what_has_the_focus(opened: Open) -> None:
    page = opened(page_of("q1a"))
    count = page.locator("#count")
    page.locator("#forth").focus()
    page.keyboard.press("Enter")
    expect(count).to_contain_text("1 of 31")
    page.keyboard.press(" ")
    expect(count).to_contain_text("2 of 31")
    expect(page.locator("#play")).to_contain_text("Play")
    heading = page.locator("#about article:visible h3")
    for name, press in (("w7", "Enter"), ("a4", " "), ("x2", "Enter"), ("E", " ")):
        row = page.get_by_role("button", name=begins(name)).first
        row.focus()
        page.keyboard.press(press)
        expect(heading).to_have_text(name)
        expect(row).to_be_focused()
    summary = page.locator("summary").last
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("e => e.parentElement.open")
    expect(page.locator("#play")).to_contain_text("Play")


def test_a_neuron_unfolds_and_folds_by_keys_and_the_focus_stays_with_it(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.get_by_role("button", name="Unfold a3 = σ(z3)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fold")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Fold a3 = σ(z3)", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#fold")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="Unfold a3 = σ(z3)")).to_be_focused()


def test_after_the_last_step_the_keyboard_is_still_in_the_bar(opened: Open) -> None:
    """The button that was pressed has become idle; a Tab back does not begin at the top."""
    page = opened(page_of("own"))
    page.locator("#forth").focus()
    for _ in range(40):
        page.keyboard.press("Enter")
    count = page.locator("#count").text_content() or ""
    assert count.split(" ")[0] == count.split(" ")[2].strip(",")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("() => document.activeElement.closest('#controls') !== null")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#count").text_content() != count


@pytest.mark.parametrize("size", [(1280, 800), (360, 640)])
def test_tab_reaches_everything_shows_where_it_is_and_gets_out_again(
    size: tuple[int, int], opened: Open
) -> None:
    page = opened(page_of("q1b"), viewport={"width": size[0], "height": size[1]})
    page.keyboard.press("n")
    for summary in page.locator("summary").all():
        summary.click()
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.mouse.click(1, 1)
    stops = page.evaluate(STYLES)
    assert stops > 100
    for key_ in ("Tab", "Shift+Tab"):
        visited: list[int] = []
        unmarked, covered = [], []
        for _ in range(stops + 30):
            page.keyboard.press(key_)
            now = page.evaluate("() => focused()")
            if now is None or (visited and now["place"] == visited[0]):
                break
            visited.append(now["place"])
            if not now["isMarked"]:
                unmarked.append(now["what"])
            if now["isCovered"]:
                covered.append(now["what"])
        else:
            pytest.fail(f"no way out with {key_}")
        assert set(visited) >= set(range(stops))
        assert unmarked == []
        assert covered == []
        in_order = [place for place in visited if place >= 0]
        assert in_order == sorted(in_order, reverse=key_ != "Tab")


# --- What a screen reader says --------------------------------------------------------------------

INTERACTIVE = {
    "button",
    "slider",
    "spinbutton",
    "textbox",
    "combobox",
    "checkbox",
    "link",
    "DisclosureTriangle",
}
INPUTS = {"slider", "spinbutton", "textbox", "combobox", "checkbox"}


def accessible(page: Page) -> list[tuple[str, str]]:
    """Role and name of everything in Chromium's tree of what assistive technology is told."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        (node["role"]["value"], node.get("name", {}).get("value", "").strip())
        for node in nodes
        if not node["ignored"]
    ]


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("name", ["q1a", "own", "blank"])
def test_everything_that_can_be_used_has_a_name(name: str, unfolded: bool, opened: Open) -> None:
    text = sheet_page(exercise("2-2-1", seed=1, steps=2)) if name == "blank" else page_of(name)
    page = view_of(opened(text), unfolded)
    page.evaluate("() => { for (const e of document.querySelectorAll('details')) e.open = true; }")
    used = [(role, said) for role, said in accessible(page) if role in INTERACTIVE]
    stops = page.evaluate(STYLES)
    disabled = page.locator("button:disabled").count()
    assert len(used) >= stops + disabled - page.locator("option").count()
    assert [role for role, said in used if not said] == []
    inputs = Counter(said for role, said in used if role in INPUTS)
    assert {said: n for said, n in inputs.items() if n > 1} == {}


def test_a_name_in_the_drawing_tells_its_numbers(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.locator("#last").click()
    told = accessible(page)
    known = steps(changed("q1a"))[-1].known
    for name, (value, gradient) in known.items():
        said = f"{name}, value {number(value)}"
        said += "" if gradient is None else f", gradient {number(gradient)}"
        assert ("button", said) in told


def test_the_step_is_said_without_being_asked_for(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.keyboard.press("n")
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}

    def text(node: dict[str, Any]) -> str:
        if node["role"]["value"] == "StaticText":
            return str(node["name"]["value"])
        return "".join(text(by_id[child]) for child in node["childIds"] if child in by_id)

    live = [
        text(node)
        for node in nodes
        for x in node.get("properties", [])
        if (x["name"], x["value"].get("value")) == ("live", "polite")
    ]
    assert steps(changed("q1a"))[0].sentence in live


def test_what_is_lit_differs_in_more_than_color(opened: Open) -> None:
    page = opened(page_of("q1a"))
    place = next(i for i, f in enumerate(steps(changed("q1a"))) if f.edge is not None)
    page.locator("#position").fill(str(place + 3))
    strokes = page.evaluate(
        """() => {
          const width = (e) => parseFloat(getComputedStyle(e).strokeWidth);
          const of = (selector, part) => [...document.querySelectorAll(`#drawing-a ${selector}`)]
            .map((e) => width(e.querySelector(part)));
          return {lit: of(".row.lit", "rect"), rows: of(".row:not(.lit)", "rect"),
            edge: of(".edge.lit", "path"), edges: of(".edge:not(.lit)", "path")};
        }"""
    )
    assert len(strokes["lit"]) == len(strokes["edge"]) == 1
    assert strokes["lit"][0] >= max(strokes["rows"]) + 1
    assert strokes["edge"][0] >= max(strokes["edges"]) + 1


def test_a_gradient_of_zero_is_dotted_and_one_that_is_not_known_is_not(opened: Open) -> None:
    page = opened(page_of("q1a"))
    type_in(page, "w1", "200")
    dashes = """() => Object.fromEntries([...document.querySelectorAll(
        "#drawing-a .row:not(.lit, .from)")].map((e) => [e.getAttribute("aria-label"),
          getComputedStyle(e.querySelector("rect")).strokeDasharray]))"""
    assert not any("gradient" in label for label in page.evaluate(dashes))
    page.locator("#last").click()
    found = page.evaluate(dashes)
    zero = {dash for label, dash in found.items() if label.endswith("gradient 0")}
    other = {dash for label, dash in found.items() if re.search("gradient .*[1-9]", label)}
    given = {dash for label, dash in found.items() if label[0] in "xy"}
    assert len(zero) == 1
    assert "none" not in zero
    assert zero.isdisjoint(other | given)
    assert "w1, value 200, gradient 0" in found


def test_a_mark_is_told_by_a_sign_and_a_word(opened: Open) -> None:
    page = opened(page_of("q1a"))
    items = mark(read_sheet(sheet_path("q1a"))).items
    page.locator("summary").filter(has_text="Marks").click()
    rows = page.locator("#sheet table.marks tr:has(td)").all_inner_texts()
    assert len(rows) == len(items)
    signs = {"exact": "✓", "rounded": "✓", "follows": "↳", "wrong": "✗", "missing": "–"}
    assert any(item.verdict == "wrong" for item in items)
    for row, item in zip(rows, items, strict=True):
        assert f"{signs[item.verdict]} {item.verdict}" in row
