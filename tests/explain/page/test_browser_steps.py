"""The page in Chromium: every step and every slider, compared with the engine's numbers."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from page_in_browser import (
    ABOUT,
    SEEN,
    Open,
    assert_seen,
    changed,
    field,
    named,
    page_of,
    plain,
    pressed,
    seen,
    slider,
    told_by_engine,
    type_in,
    view_of,
)
from playwright.sync_api import Page, expect

from tinygrad_hw import Value, backward_steps, steps
from tinygrad_hw.engine import Pointwise, ops
from tinygrad_hw.explain import page_html
from tinygrad_hw.formatting.numbers import number

# --- Steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("name", ["q1a", "q1b", "own"])
def test_every_step_to_the_end_and_back_is_the_engine_s(
    name: str, unfolded: bool, opened: Open
) -> None:
    page = view_of(opened(page_of(name)), unfolded)
    view = steps(changed(name), unfolded=unfolded)
    expected = list(told_by_engine(view))
    found = page.evaluate(SEEN)
    assert found["steps"] == [frame.sentence for frame in view]
    there = [found]
    assert_seen(found, expected[0], -1, len(view))
    expect(page.locator("#back")).to_be_disabled()
    expect(page.locator("#first")).to_be_disabled()
    for i in range(len(view)):
        found = pressed(page, "forth", found)
        assert_seen(found, expected[i + 1], i, len(view))
        there.append(found)
    expect(page.locator("#forth")).to_be_disabled()
    expect(page.locator("#last")).to_be_disabled()
    for before in reversed(there[:-1]):
        found = pressed(page, "back", found)
        assert {**found, "forth": 0, "back": 0} == {**before, "forth": 0, "back": 0}
    expect(page.locator("#back")).to_be_disabled()


@pytest.mark.parametrize("name", ["q1a", "q1b", "own"])
def test_unfolded_the_lit_edges_are_those_of_backward_steps(name: str, opened: Open) -> None:
    page = view_of(opened(page_of(name)), True)
    root = changed(name)
    chips: Counter[str] = Counter()
    count = int(page.locator("#position").get_attribute("max") or 0)
    for _ in range(count):
        found = page.evaluate(f"() => {{ document.getElementById('forth').click(); {CHIP} }}")
        chips.update(plain(text) for text in found)
    engine = list(backward_steps(root))
    assert chips == Counter(
        f"{number(step.local)} × {number(step.upstream)} = {number(step.contribution)}"
        for step in engine
    )
    root.backward()
    gradients = {f"{node.label}": node.grad for node in steps(root).nodes if node.label}
    told = {row[1]: row[3] for row in seen(page)["rows"] if row[1] and len(row) > 3}
    assert told == {name: number(x) for name, x in gradients.items() if name in told}
    assert told.keys() >= {name for name in gradients if name[0] in "wb"}


CHIP = """return [...document.querySelectorAll(".chip")].filter(
  (e) => e.checkVisibility({visibilityProperty: true})).map((e) => e.textContent);"""


def test_the_other_ways_to_a_step(opened: Open) -> None:
    """The ends by their buttons, any step by the slider or by its sentence."""
    page = opened(page_of("q1b"))
    view = steps(changed("q1b"))
    said = page.locator("#said")
    page.locator("#last").click()
    expect(said).to_have_text(view[-1].sentence)
    page.locator("#first").click()
    expect(page.locator("#count")).to_have_text(f"0 of {len(view)}")
    page.locator("#position").fill("17")
    expect(said).to_have_text(view[16].sentence)
    page.get_by_role("button", name=view[11].sentence, exact=True).click()
    expect(said).to_have_text(view[11].sentence)
    expect(page.locator("#count")).to_contain_text(f"12 of {len(view)}")
    page.locator("#fold").click()  # each view has its own place
    expect(page.locator("#count")).to_contain_text("0 of 63")
    page.locator("#fold").click()
    expect(said).to_have_text(view[11].sentence)


def test_the_step_says_what_is_explained_until_a_name_is_chosen(opened: Open) -> None:
    page = opened(page_of("q1a"))
    explained = page.locator("#about article:visible h3")
    view = steps(changed("q1a"))

    def names(*places: int) -> list[str]:
        found = []
        for place in places:
            page.locator("#position").fill(str(place + 1))
            found.append(explained.text_content() or "")
        return found

    places = range(0, len(view), 3)
    lit = [view.name(view[i].node) for i in places]
    assert names(*places) == lit
    row = page.get_by_role("button", name=re.compile("^w4,"))
    expect(row).to_have_attribute("aria-pressed", "false")
    row.click()
    assert set(names(*places)) == {"w4"}
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#explained")).to_contain_text("w4 is chosen")
    page.locator("#fold").click()
    expect(page.get_by_role("button", name=re.compile("^w4,"))).to_have_attribute(
        "aria-pressed", "true"
    )
    page.keyboard.press("n")
    assert explained.text_content() == "w4"
    page.locator("#fold").click()
    page.get_by_role("button", name=re.compile("^a4,")).click()
    assert set(names(*places)) == {"a4"}
    page.get_by_role("button", name=re.compile("^a4,")).click()  # chosen again: let go
    expect(page.locator("[aria-pressed=true]:not(#fold)")).to_have_count(0)
    assert names(*places) == lit


def test_play_goes_to_the_end_and_starts_over(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.clock.install()
    play, count = page.locator("#play"), page.locator("#count")
    play.click()
    expect(play).to_contain_text("Pause")
    page.clock.run_for(1700)
    expect(count).to_contain_text("1 of 31")
    page.clock.run_for(1600)
    expect(count).to_contain_text("2 of 31")
    play.click()
    page.clock.run_for(60_000)
    expect(count).to_contain_text("2 of 31")
    page.locator("#speed").select_option(label="very fast")
    play.click()
    page.clock.run_for(1600)
    expect(count).to_contain_text("8 of 31")
    page.locator("#forth").click()  # who steps by hand has the word
    expect(play).to_contain_text("Play")
    page.clock.run_for(60_000)
    expect(count).to_contain_text("9 of 31")
    play.click()
    page.clock.run_for(60_000)
    expect(count).to_contain_text("31 of 31")
    expect(play).to_contain_text("Play")
    play.click()
    expect(count).to_contain_text("0 of 31")


# --- Sliders --------------------------------------------------------------------------------------


def assert_computed_from(page: Page, name: str, **numbers: float) -> None:
    """Every number on the page, in both views, is Python's from these numbers."""
    root = changed(name, **numbers)
    with np.errstate(all="ignore"):
        views = [steps(root), steps(root, unfolded=True)]
        fresh = page_html(root)
    for view in views:
        expected = list(told_by_engine(view))
        page.locator("#last").click() if page.locator("#last").is_enabled() else None
        found = seen(page)
        assert found["steps"] == [frame.sentence for frame in view]
        assert_seen(found, expected[-1], len(view) - 1, len(view))
        page.locator("#fold").click()
    assert page.evaluate(ABOUT) == page.evaluate(ABOUT, fresh)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("q1a", {"w1": "-0.731"}),
        ("q1a", {"x1": "0", "b4": "-3.25"}),
        ("q1b", {"w2": "1e-3", "y": "0.5", "b1": "-12"}),
        ("q1b", {"w8": "1e6"}),
        ("own", {"w0": "-2.125"}),
        ("own", {"x1": "0"}),
        ("own", {"w3": "-1e-7", "w1": "3"}),
        ("own", {"w2": "1e200"}),
    ],
)
def test_typed_numbers_give_what_python_computes(
    name: str, numbers: dict[str, str], opened: Open
) -> None:
    page = opened(page_of(name))
    for parameter, text in numbers.items():
        type_in(page, parameter, text)
        assert float(field(page, parameter).input_value()) == float(text)
    assert_computed_from(page, name, **{key: float(text) for key, text in numbers.items()})


@pytest.mark.parametrize(
    ("name", "parameter", "parts"),
    [("q1a", "w7", (0.1, 0.83)), ("q1b", "x2", (0.0, 1.0)), ("own", "w1", (0.35, 0.9))],
)
def test_a_slider_gives_what_python_computes(
    name: str, parameter: str, parts: tuple[float, float], opened: Open
) -> None:
    """Dragged with the mouse; the number that it stands at is in the field beside it."""
    page = opened(page_of(name))
    slide = slider(page, parameter)
    for part in parts:
        slide.scroll_into_view_if_needed()
        box = slide.bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        now = slide.evaluate("e => (e.value - e.min) / (e.max - e.min)")
        page.mouse.move(box["x"] + 8 + now * (box["width"] - 16), y)
        page.mouse.down()
        page.mouse.move(box["x"] + part * box["width"], y, steps=5)
        page.mouse.up()
        x = float(field(page, parameter).input_value())
        low, high = (float(slide.get_attribute(end) or "nan") for end in ("min", "max"))
        assert x == float(slide.input_value())
        assert (x - low) / (high - low) == pytest.approx(part, abs=0.08)
        assert_computed_from(page, name, **{parameter: x})


def test_a_slider_moves_by_keys(opened: Open) -> None:
    page = opened(page_of("q1b"))
    slide = slider(page, "w3")
    before = float(slide.input_value())
    slide.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    x = float(field(page, "w3").input_value())
    assert x > before
    expect(page.locator("#count")).to_contain_text("0 of 31")  # no step was taken
    assert_computed_from(page, "q1b", w3=x)


def test_the_sentence_and_the_chain_follow_at_once(opened: Open) -> None:
    page = opened(page_of("q1a"))
    place = next(
        i for i, f in enumerate(steps(changed("q1a"))) if f.sentence.startswith("w1 receives")
    )
    page.locator("#position").fill(str(place + 1))
    page.get_by_role("button", name=re.compile("^w1, ")).first.click()
    said, math_ = page.locator("#said"), page.locator("#about article:visible math").last
    before = said.text_content(), math_.text_content()
    type_in(page, "x1", "-0.5")
    expect(said).to_have_text(steps(changed("q1a", x1=-0.5))[place].sentence)
    after = said.text_content(), math_.text_content()
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_where_a_sigmoid_saturates_its_gradient_dies(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.locator("#last").click()
    gradients = []
    for w1 in ("0", "1", "5", "200"):
        type_in(page, "w1", w1)
        [row] = [row for row in seen(page)["rows"] if row[1] == "w1"]
        gradients.append(row[3])
    assert gradients == [
        number(steps(changed("q1a", w1=float(w1)))[-1].known["w1"][1]) for w1 in (0, 1, 5, 200)
    ]
    assert gradients[-1] == "0"
    assert_computed_from(page, "q1a", w1=200.0)


def shifted(w: float = 0.3) -> Value:
    """A softmax's cross-entropy: what is added to all logits changes nothing."""
    with_b = Value(0.4, "w2") * Value(0.1, "v", constant=True)
    b = named(with_b * Value(1.0, "one", constant=True), "b")
    logits = [
        named(Value(x, name) + b, f"z{i}") for i, (x, name) in enumerate(((w, "w"), (-1.3, "u")))
    ]
    powers = [named(ops.exp(z), f"e{i}") for i, z in enumerate(logits)]
    p = named(powers[0] / named(powers[0] + powers[1], "s"), "p")
    return named(-ops.log(p), "E")


@pytest.mark.parametrize("unfolded", [False, True])
def test_a_gradient_that_is_0_by_nature_is_0_wherever_the_slider_stands(
    unfolded: bool, opened: Open
) -> None:
    page = view_of(opened(page_html(shifted())), unfolded)
    page.locator("#last").click()
    page.get_by_role("button", name=re.compile("^w2,")).click()
    for w in ("0.3", "0.5", "-0.7", "1.9", "2.2"):
        type_in(page, "w", w)
        rows = {row[1]: row[3:] for row in seen(page)["rows"] if row[1]}
        assert {name: rows[name] for name in ("b", "w2")} == {"b": ["0"], "w2": ["0"]}
        assert rows["z0"] != ["0"]
        said = page.evaluate("() => document.body.innerText")
        assert not re.search(r"e-1[5-9]|10\s*−1[5-9]", said)
        assert [f.sentence for f in steps(shifted(float(w)), unfolded=unfolded)] == seen(page)[
            "steps"
        ]


def test_nonsense_in_a_field_changes_nothing(opened: Open) -> None:
    page = opened(page_of("q1a"))
    type_in(page, "w7", "0.25")
    page.locator("#last").click()
    before = seen(page)
    box = field(page, "w7")
    for text in ("", "-", "1e", "1e999", "..", "abc", "--5", "NaN"):
        box.focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type(text)
        page.keyboard.press("Tab")
        assert box.input_value() == "0.25", text
        assert seen(page) == before, text
    assert_computed_from(page, "q1a", w7=0.25)


def test_reset_puts_all_back(opened: Open) -> None:
    page = opened(page_of("q1b"))
    page.locator("#last").click()
    before = seen(page), page.evaluate(ABOUT)
    numbers = page.evaluate("() => [...document.querySelectorAll('#inputs input')].map(e=>e.value)")
    type_in(page, "w1", "77")
    type_in(page, "y", "-3")
    slider(page, "b2").fill("2")
    assert seen(page) != before[0]
    page.get_by_role("button", name="Reset").click()
    assert (seen(page), page.evaluate(ABOUT)) == before
    assert numbers == page.evaluate(
        "() => [...document.querySelectorAll('#inputs input')].map(e=>e.value)"
    )
    assert_computed_from(page, "q1b")


def test_both_ways_through_an_operation_are_computed(opened: Open) -> None:
    kink = Pointwise("kink", lambda x: x if x > 0 else 0.1 * x, "where(x > 0, 1.0, 0.1)")
    page = opened(page_html(named(kink(Value(2.0, "x")) * Value(3.0, "w"), "E")))
    page.locator("#last").click()
    trouble = page.locator("#trouble")
    type_in(page, "x", "-2")
    expect(trouble).to_have_text("")
    names = {row[0] for row in seen(page)["rows"]}
    assert {"E, value -0.6000, gradient 1", "x, value -2, gradient 0.3000"} <= names
    assert field(page, "x").input_value() == slider(page, "x").input_value() == "-2"
    type_in(page, "x", "4")
    expect(trouble).to_have_text("")
    assert ["E, value 12, gradient 1", "E", "12", "1"] in seen(page)["rows"]
