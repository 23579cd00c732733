"""The page in Chromium: light, dark, paper, and every width."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from page_in_browser import (
    OWN,
    PAPER,
    SIDEWAYS,
    WIDTHS,
    Open,
    begins,
    changed,
    net,
    own,
    page_of,
    slider,
    type_in,
    view_of,
)
from playwright.sync_api import Page, expect

from tinygrad_hw import Value, steps
from tinygrad_hw.explain import page_html

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


def test_between_wide_layers_the_callout_finds_a_place(opened: Open) -> None:
    """Where all that is near is covered, it is farther away, and a line leads to its edge."""
    root = net([3, 4, 4, 1])
    page = opened(page_html(root), viewport={"width": 1280, "height": 720})
    assert page.evaluate(COVERED) == [[], sum(frame.edge is not None for frame in steps(root))]


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
        page.get_by_role("button", name=begins(name)).first.click()
        page.locator("#position").fill(str(step))
        slider(page, "w9").focus()
        page.keyboard.press("ArrowRight")
        # the drawing's lit row, the value and the chain, the sentence, the buttons
        assert page.evaluate(TOGETHER) == [5, 0, 0]
    whole = page.locator("#drawing-a").evaluate(
        "e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]"
    )
    assert whole == [0, 0]
