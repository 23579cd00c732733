"""The page in a real browser: Debian's Chromium, driven by Playwright.

What is asked of the page is what a reader sees and hears of it: the drawing, the sentence, the step
counter, the names that a screen reader says. All numbers are compared with the engine's.
Whatever a test does, the page must write no error, open no dialog and ask no network for anything.
"""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

import tinygrad_hw
from tinygrad_hw import Value, backward_steps, group, steps
from tinygrad_hw.engine import Pointwise, ops
from tinygrad_hw.explain import page_html
from tinygrad_hw.explain.graph.folding import fold, unfold
from tinygrad_hw.explain.stepper.frames import FORWARD, Steps
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import blanks, feedback_lines, marked_page, read_number, solve
from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.reader import read_sheet

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="the page is tested in Chromium: apt-get install chromium"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = [360, 1280, 1920, 3840]
UNKNOWN = "·"


# --- Opening a page -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a text of HTML as a file; after the test, nothing must have gone wrong, nor out."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def open_(text: str, **options: Any) -> Page:
        path = tmp_path / f"a page {len(contexts)} ü.html"
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(15_000)
        contexts.append(context)

        def asked(request: Request) -> None:
            if not request.url.startswith((path.as_uri(), "data:", "blob:")):
                wrong.append(f"asked for {request.url}")

        def written(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                wrong.append(f"{message.type}: {message.text}")

        def spoken(dialog: Dialog) -> None:
            wrong.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.on("request", asked)
        context.on("console", written)
        context.on("dialog", spoken)
        context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
        page = context.new_page()
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


# --- Graphs ---------------------------------------------------------------------------------------


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


OWN = {"w0": 0.7, "w1": -1.3, "w2": 0.25, "w3": 1.9, "x0": -0.6, "x1": 2.5}


def own(numbers: dict[str, float], seed: int = 24) -> Value:
    """A graph of a user's own: chosen by chance, some nodes named, some used several times."""
    rng = random.Random(seed)
    nodes = [Value(x, name, constant=name[0] == "x") for name, x in numbers.items()]
    made: list[Callable[[Value, Value], Value]] = [
        lambda a, b: a * b,
        lambda a, b: a - b,
        lambda a, b: a * a,
        lambda a, b: ops.tanh(a),
        lambda a, b: ops.relu(a) + 0.5 * b,
        lambda a, b: a / (1.5 + b * b),
        ops.maximum,
    ]
    with group("blend"):
        nodes.append(named(ops.sigmoid(nodes[0] * nodes[4] + nodes[1]), "s"))
    for i in range(7):
        node = rng.choice(made)(rng.choice(nodes), rng.choice(nodes[-4:]))
        if rng.random() < 0.6:
            node.label = f"v{i}"
        nodes.append(node)
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node * 0.5
    return named(total, "E")


def changed(name: str, **numbers: float) -> Value:
    """The graph of a sheet, or the user's own, computed by Python from these numbers."""
    if name == "own":
        return own(OWN | numbers)
    sheet = read_sheet(sheet_path(name))
    for parameter, x in numbers.items():
        (sheet.given if parameter in sheet.given else sheet.parameters)[parameter] = x
    return sheet.evaluate()[sheet.loss]


@cache
def page_of(name: str) -> str:
    return page_html(own(OWN)) if name == "own" else sheet_page(read_sheet(sheet_path(name)))


# --- What a reader sees ---------------------------------------------------------------------------

SEEN = """() => {
  const isSeen = (e) => e.checkVisibility({visibilityProperty: true});
  const seen = (selector, within = document) =>
    [...within.querySelectorAll(selector)].filter(isSeen);
  const texts = (e) => seen("text", e).map((t) => t.textContent);
  const [svg, ...others] = seen("svg");
  if (others.length) throw Error("two drawings at once");
  const label = (e) => e.getAttribute("aria-label");
  const rows = seen("[role=button]", svg).filter((e) => /, (value |not computed)/.test(label(e)));
  const place = (id) => {
    const box = document.getElementById(id).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const titles = seen(".title", svg).map((e) => e.textContent);
  const named = ([said, name, ...numbers]) => {  // a title may stand for the name
    const title = said.split(", ")[0];
    return [said, name || (titles.includes(title) ? title : ""), ...numbers];
  };
  return {
    rows: rows.map((row) => named([label(row), ...texts(row)])),
    chip: seen(".chip", svg).flatMap(texts),
    wires: seen(".edge", svg).flatMap(texts),
    lit: rows.filter((row) => row.classList.contains("lit")).map(label),
    from: rows.filter((row) => row.classList.contains("from")).map(label),
    litEdges: seen(".edge.lit", svg).length,
    said: document.getElementById("said").textContent,
    count: document.getElementById("count").textContent,
    current: seen("[aria-current=step]").map((e) => e.textContent),
    steps: seen("ol > li").map((e) => e.textContent),
    position: ["value", "max"].map((name) => document.getElementById("position")[name]),
    forth: place("forth"),
    back: place("back"),
  };
}"""


def seen(page: Page) -> dict[str, Any]:
    """All that is to be seen of a step, without the places of the buttons."""
    found: dict[str, Any] = page.evaluate(SEEN)
    del found["forth"], found["back"]
    return found


def pressed(page: Page, button: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is seen after a click by the mouse, at the place where the button was seen last."""
    found = before or page.evaluate(SEEN)
    page.mouse.click(*found[button])
    after: dict[str, Any] = page.evaluate(SEEN)
    return after


def told_by_engine(view: Steps) -> Iterator[dict[str, Any]]:
    """What is to be seen before the first step and at each, by the engine's numbers alone."""
    homes = view.layout.homes
    values = {id(node) for node in view.leaves}
    sums: dict[int, str] = {}
    passed: Counter[str] = Counter()

    def rows() -> Counter[tuple[str, ...]]:
        found = []
        for node in view.nodes:
            name, is_known = view.name(node), id(node) in values
            value = number(float(node.raw)) if is_known else UNKNOWN
            label = f"{name}, value {value}" if is_known else f"{name}, not computed yet"
            texts = [name if node.label else "", value]
            if id(node) in view.layout.gradients:
                gradient = sums.get(id(node))
                label += f", gradient {gradient}" if gradient else ""
                texts.append(gradient or UNKNOWN)
            found.append((label, *texts))
        return Counter(found)

    yield {"said": None, "rows": rows(), "chip": [], "wires": Counter(passed), "names": ([], [])}
    for frame in view:
        chip: list[str] = []
        arriving: list[str] = []
        names: tuple[list[str], list[str]] = ([view.name(frame.node)], [])
        if frame.phase == FORWARD:
            values.add(id(frame.node))
        else:
            sums[id(frame.node)] = number(view.numbers[frame.gradient_key])
        if frame.edge is not None:
            edge = frame.edge
            local, contribution = number(edge.local), number(edge.contribution)
            upstream = number(view.layout.gradients[id(edge.node)])
            chip = [f"{local} × {upstream} = {contribution}"]
            names[1].append(view.name(edge.node))
            if homes[id(edge.node)] is not homes[id(edge.operand)]:
                arriving = [local, f"→ {contribution}"]
        yield {
            "said": frame.sentence,
            "rows": rows(),
            "chip": chip,
            "wires": Counter(passed),
            "names": names,
        }
        passed.update(arriving)


def plain(text: str) -> str:
    """An equation without the brackets that a reader needs and a comparison does not."""
    return re.sub(r"\((-[^()]*)\)", r"\1", text.replace("−", "-"))


def assert_seen(found: dict[str, Any], expected: dict[str, Any], place: int, count: int) -> None:
    assert Counter(map(tuple, found["rows"])) == expected["rows"]
    assert [plain(text) for text in found["chip"]] == expected["chip"]
    assert found["litEdges"] == len(expected["chip"])
    assert Counter(found["wires"]) == expected["wires"]
    for those, names in zip(("lit", "from"), expected["names"], strict=True):
        assert [re.split(", (?:value |not computed)", x)[0] for x in found[those]] == names
    assert found["count"].split(",")[0] == f"{place + 1} of {count}"
    assert found["position"] == [str(place + 1), str(count)]
    if expected["said"] is None:
        assert found["current"] == []
        assert found["said"]
    else:
        assert [found["said"]] == found["current"] == [expected["said"]]


def view_of(page: Page, unfolded: bool) -> Page:
    if unfolded:
        page.locator("#fold").click()
    return page


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


def slider(page: Page, name: str) -> Locator:
    return page.locator("#inputs").get_by_role("slider", name=_begins(name))


def field(page: Page, name: str) -> Locator:
    return page.locator("#inputs").get_by_role("spinbutton", name=_begins(name))


def _begins(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(name)}(,|$)")


def type_in(page: Page, name: str, text: str) -> None:
    field(page, name).fill(text)
    field(page, name).press("Enter")


ABOUT = """(html) => {
  const page = html ? new DOMParser().parseFromString(html, "text/html") : document;
  return [...page.querySelectorAll("#about article")].map((article) =>
    [...article.children].filter((e) => !e.matches("table")).map((e) => e.textContent));
}"""


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


PAPER = "() => getComputedStyle(document.body).backgroundColor"


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
    page.locator("summary").filter(has_text="Your answers").click()
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
    places["row"] = page.get_by_role("button", name=_begins("a4")).first
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
        row = page.get_by_role("button", name=_begins(name)).first
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


STYLES = """() => {
  const look = (e) => [e, ...e.querySelectorAll("rect, text")].map((part) => {
    const s = getComputedStyle(part);
    const width = Math.floor(parseFloat(s.strokeWidth) / 0.6);  // half a pixel more is not seen
    return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.stroke, s.strokeDasharray, width,
      s.textDecoration, s.borderColor].join();
  }).join("|");
  const stops = [...document.querySelectorAll(
    "button:not(:disabled), input, select, textarea, summary, a[href], [tabindex='0']")].filter(
    (e) => e.checkVisibility({visibilityProperty: true}));
  window.looks = new Map(stops.map((e) => [e, look(e)]));
  window.focused = () => {
    const e = document.activeElement;
    if (e === document.body) return null;
    const box = e.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const text = e.getAttribute("aria-label") || e.textContent || e.id;
    return {
      place: stops.indexOf(e),
      what: `${e.tagName} ${text}`,
      isMarked: !looks.has(e) || look(e) !== looks.get(e),
      isCovered: !(top && (e.contains(top) || top.contains(e))),
    };
  };
  return stops.length;
}"""


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
    for summary in page.locator("summary").all():
        summary.click()
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


# --- Offline --------------------------------------------------------------------------------------


ATTEMPTS = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (e) => refused.push(e.violatedDirective));
  const image = new Image();
  image.src = "http://127.0.0.1:9/image";
  const frame = document.createElement("iframe");
  frame.src = "http://127.0.0.1:9/frame";
  const script = document.createElement("script");
  script.src = "http://127.0.0.1:9/script";
  const style = document.createElement("style");
  style.textContent = "@import url(http://127.0.0.1:9/style);";
  document.body.append(image, frame, script, style);
  await fetch("http://127.0.0.1:9/fetch").catch(() => 0);
  await new Promise((done) => setTimeout(done, 300));
  return refused;
}"""


def test_nothing_can_be_asked_of_a_network(browser: Browser, tmp_path: Path) -> None:
    """The page's policy refuses whatever is tried; without it, the same requests are seen."""

    def attempt(name: str, text: str) -> tuple[set[str], dict[str, str]]:
        """What the policy refused, and what became of each request."""
        path, failed = tmp_path / name, {}
        path.write_text(text, encoding="utf-8")
        context = browser.new_context()

        def note(request: Request) -> None:
            failed[request.url.rpartition("/")[2]] = str(request.failure)

        context.on("requestfailed", note)
        page = context.new_page()
        page.goto(path.as_uri())
        refused = set(page.evaluate(ATTEMPTS))
        context.close()
        return refused, failed

    refused, failed = attempt("page.html", page_of("q1a"))
    assert refused == {"img-src", "frame-src", "script-src-elem", "style-src-elem", "connect-src"}
    assert [why for why in failed.values() if "csp" not in why.lower()] == []
    refused, failed = attempt("control.html", "<!DOCTYPE html><body>")
    assert refused == set()
    assert failed.keys() >= {"image", "fetch", "script", "style"}
    assert [why for why in failed.values() if "csp" in why.lower()] == []


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
        page.locator("#answers").get_by_role("button").click()
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
    page.locator("summary").filter(has_text="Your answers").click()
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
    page.locator("summary").filter(has_text="Your answers").click()
    sheet = read_sheet(sheet_path("q1a"))
    assert save(page, tmp_path) == sheet
    box = page.locator("#answers").get_by_label("Forward: z1", exact=True).first
    assert box.input_value() == "8"
    box.fill(" 7.5 ")
    type_in(page, "w1", "3")  # what is tried with a slider is no answer
    page.locator("#answers").get_by_role("button").focus()
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
    page.locator("summary").filter(has_text="Your answers").click()
    sheet = read_sheet(sheet_path("q1a"))
    for text in texts:
        page.locator("#answers").get_by_label("Forward: z1", exact=True).first.fill(text)
        sheet.answers.forward["z1"] = re.sub("[\x00-\x1f\x7f-\x9f]", " ", text).strip()
        assert save(page, tmp_path) == sheet


def test_half_a_character_does_not_spoil_the_sheet(opened: Open, tmp_path: Path) -> None:
    page = opened(page_of("q1a"))
    page.locator("summary").filter(has_text="Your answers").click()
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
    page.locator("summary").filter(has_text="Your answers").click()
    assert save(page, tmp_path).answers.revealed == ()
    reveal(page, 9)  # seven forward values, the loss's own gradient, and the next
    page.locator("#answers").get_by_label("Name").fill("Ada L. ⟦-1⟧")
    page.locator("#answers fieldset input").first.fill("0.5")
    page.reload()
    page.locator("summary").filter(has_text="Your answers").click()
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
    again.locator("summary").filter(has_text="Your answers").click()
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
]
UNREADABLE = [
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
    "nan",
    "inf",
]


def test_the_form_says_what_is_no_number(opened: Open) -> None:
    """As the marker reads them."""
    page = opened(sheet_page(exercise("2-2-1", seed=4)))
    page.locator("summary").filter(has_text="Your answers").click()
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


# --- Light, dark, paper, and every width ----------------------------------------------------------

CONTRAST = """() => {
  const isSeen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => below.map((c, i) => i < 3 ? top[i] * top[3] + c * (1 - top[3]) : 1);
  const light = (color) => {
    const [r, g, b] = color.map((c) => c / 255).map(
      (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (e) => {  // what an element of HTML stands on
    const layers = [];
    for (let x = e; x; x = x.parentElement) layers.push(rgba(getComputedStyle(x).backgroundColor));
    return layers.reduceRight((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const behind = (e) => {  // what a text of SVG stands on: the rectangles drawn before it
    const svg = e.ownerSVGElement, box = e.getBoundingClientRect();
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    let color = paper(svg.parentElement);
    for (const rect of svg.querySelectorAll("rect")) {
      if (!(rect.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
      const r = rect.getBoundingClientRect(), fill = getComputedStyle(rect).fill;
      if (r.left <= x && x <= r.right && r.top <= y && y <= r.bottom && isSeen(rect) &&
          fill !== "none") color = over(rgba(fill), color);
    }
    return color;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || !isSeen(e) || e.closest("script, option, :disabled")) continue;
    const drawn = e.closest("svg text");
    const back = drawn ? behind(drawn) : paper(e), style = getComputedStyle(e);
    const ink = light(over(rgba(drawn ? style.fill : style.color), back)), ground = light(back);
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    found.push([text, Math.round(ratio * 100) / 100]);
  }
  return found;
}"""


def is_dark(page: Page) -> bool:
    channels = [int(x) for x in re.findall(r"\d+", page.evaluate(PAPER))]
    return sum(channels[:3]) < 3 * 128


@pytest.mark.parametrize("by_button", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_both_lights(scheme: str, by_button: bool, opened: Open) -> None:
    page = opened(page_of("q1a"), color_scheme=scheme)
    assert is_dark(page) == (scheme == "dark")
    if by_button:
        page.locator("#theme").click()
        assert is_dark(page) == (scheme == "light")
    for summary in page.locator("summary").all():
        summary.click()
    type_in(page, "w1", "200")  # some gradients are zero
    for unfolded in (False, True):
        if unfolded:
            page.locator("#fold").click()
        page.locator("#last").click()
        found = page.evaluate(CONTRAST)
        assert len(found) > 300
        assert [x for x in found if x[1] < 4.5] == []
        place = next(
            i
            for i, frame in enumerate(steps(changed("q1a"), unfolded=unfolded))
            if frame.edge is not None
        )
        page.locator("#position").fill(str(place + 3))
        assert [x for x in page.evaluate(CONTRAST) if x[1] < 4.5] == []


def test_the_button_turns_back_and_the_sheet_of_paper_is_light(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.locator("#theme").click()
    assert is_dark(page)
    page.emulate_media(media="print")
    assert not is_dark(page)
    assert [x for x in page.evaluate(CONTRAST) if x[1] < 4.5] == []
    page.emulate_media(media="screen")
    page.locator("#theme").click()
    assert not is_dark(page)


def test_on_paper_there_are_no_controls(opened: Open) -> None:
    page = opened(page_of("q1a"))
    page.locator("#last").click()
    page.emulate_media(media="print")
    for selector in ("#controls", "#forth", "#theme", "#fold", "#inputs", "#reset", "#answers"):
        expect(page.locator(selector)).to_be_hidden()
    assert page.locator("input:visible").count() == 0
    expect(page.locator("svg:visible")).to_have_count(1)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("#about article:visible")).to_have_count(1)
    view = steps(changed("q1a"))
    assert page.locator("ol:visible > li").all_text_contents() == [x.sentence for x in view]
    page.emulate_media(media="screen")
    expect(page.locator("#controls")).to_be_visible()
    assert page.pdf().startswith(b"%PDF")


SIDEWAYS = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize("name", ["q1a", "own"])
def test_the_page_as_a_whole_never_scrolls_sideways(name: str, opened: Open) -> None:
    page = opened(page_of(name))
    for summary in page.locator("summary").all():
        summary.click()
    too_wide = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": width * 9 // 16 + 200})
        for press in ("Home", "End", "u", "End", "u"):
            page.keyboard.press(press)
            if (by := page.evaluate(SIDEWAYS)) > 0:
                too_wide[width] = by
    assert too_wide == {}


@pytest.mark.parametrize("size", [(360, 640), (1280, 720), (3840, 2160)])
def test_the_lit_step_is_in_sight(size: tuple[int, int], opened: Open) -> None:
    """Of the node and of what its edge says nothing is scrolled away, cut off or covered.

    Where there is no room for both, it is the node that is seen.
    """
    page = opened(page_of("q1b"), viewport={"width": size[0], "height": size[1]})
    hidden = """(sideways) => [...document.querySelectorAll(".lit > rect, .chip.shown > rect")]
      .filter((e) => e.checkVisibility()).filter((e, i, both) => {
        const [tops, bottoms] = ["top", "bottom"].map((x) => both.map(
          (b) => b.getBoundingClientRect()[x]));
        const high = Math.max(...bottoms) - Math.min(...tops);
        if (e.closest(".chip") && high > e.closest(".drawing").clientHeight) return false;
        const r = e.getBoundingClientRect(), d = e.closest(".drawing").getBoundingClientRect();
        const bar = document.getElementById("bar").getBoundingClientRect();
        const bottom = Math.min(d.bottom, bar.top);
        const isBeside = r.left < d.left || r.right > d.right;
        return r.top < d.top || r.bottom > bottom || (sideways && isBeside);
      }).map((e) => e.parentElement.id)"""
    wide = size[0] > 400  # else there is no room for both
    wrong = []
    for unfolded in (False, True):
        view_of(page, unfolded)
        for i in range(len(steps(changed("q1b"), unfolded=unfolded))):
            page.keyboard.press("n")
            wrong += [(unfolded, i + 1, what) for what in page.evaluate(hidden, wide)]
    assert wrong == []


COVERED = """() => {
  const isSeen = (e) => e.checkVisibility({visibilityProperty: true});
  const covered = [];
  let shown = 0;
  for (let i = document.getElementById("position").max; i > 0; i--) {
    document.getElementById("forth").click();
    for (const chip of [...document.querySelectorAll(".chip > rect")].filter(isSeen)) {
      shown++;
      const c = chip.getBoundingClientRect();
      const texts = chip.closest("svg").querySelectorAll(".row text, .title, .edge text");
      covered.push(...[...texts].filter(isSeen).filter((e) => {
        const t = e.getBoundingClientRect();
        return t.left < c.right && t.right > c.left && t.top < c.bottom && t.bottom > c.top;
      }).map((e) => e.textContent));
    }
  }
  return [covered, shown];
}"""


@pytest.mark.parametrize("make", [lambda: changed("q1a"), lambda: own(OWN), lambda: net([4, 3, 2])])
def test_the_callout_covers_no_name_and_no_number(make: Callable[[], Value], opened: Open) -> None:
    page = opened(page_html(make()), viewport={"width": 1280, "height": 720})
    for unfolded in (False, True):
        view_of(page, unfolded)
        edges = sum(frame.edge is not None for frame in steps(make(), unfolded=unfolded))
        assert page.evaluate(COVERED) == [[], edges]


def net(sizes: list[int]) -> Value:
    """A net of named neurons, each in its group."""
    values = [Value(0.3 * i - 0.5, f"x{i}", constant=True) for i in range(sizes[0])]
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        made = []
        for j in range(outputs):
            with group(f"a{layer}{j}"):
                z = Value(0.1, f"b{layer}{j}")
                for i in range(inputs):
                    z = z + Value(0.2 * (i - j) + 0.1, f"w{layer}{j}{i}") * values[i]
                made.append(named(ops.tanh(z), f"a{layer}{j}"))
        values = made
    total = values[0]
    for value in values[1:]:
        total = total + value * value
    return named(total, "E")


TOGETHER = """() => {
  const parts = [...document.querySelectorAll(
    "svg .lit > rect, #about article:not([hidden]) math, #said, #forth")].filter(
    (e) => e.checkVisibility());
  const slide = document.activeElement;
  const boxes = [...parts, slide].map((e) => e.getBoundingClientRect());
  return [parts.length, boxes.filter((b) => b.top < 0 || b.left < 0 || b.bottom > innerHeight
    || b.right > innerWidth).length, scrollY];
}"""


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (1920, 1080)])
def test_drawing_chain_slider_and_step_are_on_one_screen(
    size: tuple[int, int], opened: Open
) -> None:
    page = opened(page_of("q1a"), viewport={"width": size[0], "height": size[1]})
    for name, step in (("w1", 31), ("a4", 20), ("b3", 23)):
        page.get_by_role("button", name=_begins(name)).first.click()
        page.locator("#position").fill(str(step))
        slider(page, "w9").focus()
        page.keyboard.press("ArrowRight")
        # the drawing's lit row, the value and the chain, the sentence, the buttons
        assert page.evaluate(TOGETHER) == [5, 0, 0]
    whole = page.locator("#drawing-a").evaluate(
        "e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]"
    )
    assert whole == [0, 0]


# --- Strange names and large graphs ---------------------------------------------------------------

HOSTILE = [
    "<script>window.hacked = 1; alert(1)</script>",
    "</script><img src=x onerror='window.hacked = 1; alert(2)'>",
    '"><svg onload=alert(3)>',
    "' onfocus='alert(4)' autofocus='",
    "<!--<script>",
    "${alert(5)}`\\",
    "]]></svg><style>*{display:none}</style>",
    "javascript:alert(6)",
    "\u202egnp.exe\u2066",
    "a\x00b\x1b[31m\u2028c",
    "__proto__",
    "constructor",
    "ü名😀",
    "long " * 400,
    "W" * 3000,
]


def hostile(x: float = 0.5) -> Value:
    total = Value(x, "first")
    with group("<b>group</b><script>alert(7)</script>"):
        total = ops.tanh(total * 2.0)
    for i, label in enumerate(HOSTILE):
        total = named(total * Value(0.5 + i / 10, label) + Value(0.1, label, constant=True), label)
    return named(total, "E")


def test_hostile_names_run_nothing_and_break_nothing(opened: Open, tmp_path: Path) -> None:
    root = hostile()
    tinygrad_hw.page(root, tmp_path / "x.html", title="<script>alert(0)</script>" + HOSTILE[-1])
    page = opened((tmp_path / "x.html").read_text(encoding="utf-8"))
    for _ in range(2):
        page.keyboard.press("n")
        page.keyboard.press("End")
        found = seen(page)
        count = found["count"].split(",")[0].split(" of ")
        assert count[0] == count[1] == str(len(found["steps"]))
        assert found["said"] == found["steps"][-1]
        values = [row[0].rpartition(", value ")[2] for row in found["rows"]]
        assert f"{number(root.data)}, gradient 1" in values
        page.locator("#fold").click()
    type_in(page, "first", "-0.25")
    page.keyboard.press("Escape")
    values = [row[0].rpartition(", value ")[2] for row in seen(page)["rows"]]
    assert f"{number(hostile(-0.25).data)}, gradient 1" in values
    for row in page.locator("svg:visible [role=button]").all():
        row.focus()
        page.keyboard.press("Enter")
        if row.is_hidden():  # it was a box, which is another view now
            page.keyboard.press("u")
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("script").count() == 3
    assert page.locator("b, img, iframe").count() == 0
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(SIDEWAYS) <= 0


def long_line(x: float = 0.5) -> Value:
    """1,998 nodes, one after the other."""
    value = Value(x, "x")
    for i in range(1330):
        value = ops.tanh(value) if i % 2 else value + 0.125
    return named(value * 2.0, "E")


def network(x: float = 0.5) -> Value:
    """About 300 nodes with many operands of one result."""
    rng = random.Random(1)
    given = [Value(rng.uniform(-1, 1), f"x{i}", constant=True) for i in range(14)]
    total = Value(x, "x")
    for j in range(6):
        z = Value(0.0, f"b{j}")
        for i, operand in enumerate(given):
            z = z + Value(rng.uniform(-1, 1), f"w{j}_{i}") * operand
        total = total + named(ops.tanh(named(z, f"z{j}")), f"a{j}") * Value(0.3, f"v{j}")
    return named(total * total, "E")


@pytest.mark.parametrize("make", [network, long_line])
def test_a_large_graph_opens_steps_and_moves(make: Callable[..., Value], opened: Open) -> None:
    page = opened(page_html(make()))
    views = [Steps(fold(make(), most_boxes=2000)), Steps(unfold(make(), 2000))]
    assert len(views[1].nodes) == {network: 298, long_line: 1998}[make]
    for view in views if page.locator("#fold").count() else views[1:]:
        for i in range(3):
            page.keyboard.press("n")
            expect(page.locator("#said")).to_have_text(view[i].sentence)
        page.keyboard.press("End")
        found = seen(page)
        assert found["said"] == view[-1].sentence
        assert found["count"].startswith(f"{len(view)} of {len(view)}")
        expected = list(told_by_engine(view))[-1] if make is network else None
        assert expected is None or Counter(map(tuple, found["rows"])) == expected["rows"]
        assert len(found["rows"]) == len(view.nodes)
        page.keyboard.press("p")
        expect(page.locator("#said")).to_have_text(view[-2].sentence)
        page.keyboard.press("u")
    page.keyboard.press("End")
    type_in(page, "x", "-0.3")
    root = make(-0.3)
    assert f"E, value {number(root.data)}, gradient 1" in {row[0] for row in seen(page)["rows"]}


def test_formulas_have_their_own_face(opened: Open) -> None:
    """Without a face that knows mathematics subscripts are not small."""
    page = opened(page_of("q1a"))
    faces = """async () => {
      await document.fonts.ready;
      return [...document.fonts].map((face) => [face.family.replaceAll('"', ""), face.status]);
    }"""
    assert page.evaluate(faces) == [["STIX Two Math", "loaded"]]
    assert "STIX Two Math" in page.evaluate(
        "() => getComputedStyle(document.querySelector('math')).fontFamily"
    )
